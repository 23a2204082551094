/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* All programs of the sensor, as one object: they share their maps. One file for each matter. */
#include "starts.h"
#include "calls.h"
#include "requests.h"

/* Tells whether the kernel takes programs at its security hooks. It allows everything and is taken out at once. */
SEC("lsm/bprm_check_security")
int BPF_PROG(security_canary, struct linux_binprm *bprm, int result)
{
	return result;
}

/* The helpers that read kernel memory are only given to programs under a GPL-compatible licence. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";
