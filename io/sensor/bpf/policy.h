/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a control group may not do. User space writes these maps; they outlive it where they are pinned. */
#ifndef LAZARET_POLICY_H
#define LAZARET_POLICY_H

#include "stream.h"

#define NETWORK_PEERS 1  /* connects and sends only to peers that are listed */
#define NETWORK_PORTS 2  /* binds only to ports that are listed */

struct policy {
	__u64 kill;         /* a bit for each `enum kind` that ends the process */
	/* A bit for each `enum origin` whose execution ends the process, and CODE_BITS above, whose mapping as code. */
	__u32 kill_origins;
	__u32 network;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct policy);
} policies SEC(".maps");

#define CODE_BITS 16

static __always_inline bool must_die(struct record *record, struct policy *policy)
{
	if (!policy)
		return false;
	if (record->kind == KIND_MAP_CODE && policy->kill_origins & 1u << (CODE_BITS + (record->values[4] & 15)))
		return true;
	return policy->kill & 1ull << (record->kind & 63);
}

/* SIGKILL is delivered before the process executes another instruction of its own. */
static __always_inline void kill(struct record *record)
{
	if (bpf_send_signal(9) == 0)
		record->flags |= FLAG_KILLED;
}

#endif
