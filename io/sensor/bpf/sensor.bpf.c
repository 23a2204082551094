/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* All programs of the sensor, as one object: they share their maps. One file for each matter. */
#include "starts.h"
#include "calls.h"
#include "requests.h"
#include "refuse.h"
#include "reaches.h"

/* The helpers that read kernel memory are only given to programs under a GPL-compatible licence. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";
