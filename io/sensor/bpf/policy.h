/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a control group may not do. User space writes these maps; they outlive it where they are pinned. */
#ifndef LAZARET_POLICY_H
#define LAZARET_POLICY_H

#include "stream.h"

#define EPERM 1
#define EACCES 13
#define EXDEV 18
#define EROFS 30

#define NETWORK_PEERS 1  /* connects and sends only to peers that are listed */
#define NETWORK_PORTS 2  /* binds only to ports that are listed */

struct policy {
	__u64 kill;         /* a bit for each `enum kind` that ends the process */
	/* A bit for each `enum origin` whose execution ends the process, and CODE_BITS above, whose mapping as code. */
	__u32 kill_origins;
	__u32 network;
	__u64 refuse;       /* a bit for each `enum kind` that a program at a security hook refuses (refuse.h) */
	__u32 held;         /* HELD_…: what is held to rules (rules.h), or by the container's own first program */
	__u32 version;      /* of the rules that hold */
};

_Static_assert(sizeof(struct policy) == 32, "src/confine.rs writes this layout");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct policy);
} policies SEC(".maps");

/*
 * Control groups of containers that are looked at in full, with all below them; 0 stands for any. Of all others (an
 * engine that unpacks an image, a build) the endless work with files is not told, only what reaches out of them.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} watched SEC(".maps");

/* Control groups above the process's own that are asked for. */
#define WATCHED_DEPTH 8

/*
 * The policy that holds the process: of its own group, or of one above it. A group that a container makes
 * below its own is none that nobody thought of.
 */
static __always_inline struct policy *policy_of(__u64 *group)
{
	__u64 own = bpf_get_current_cgroup_id();
	*group = own;
	struct policy *policy = bpf_map_lookup_elem(&policies, group);
	if (policy)
		return policy;
	/* The highest one comes first: the one that holds a container has nothing above it that is held. */
#pragma unroll
	for (int level = 1; level <= WATCHED_DEPTH; level++) {
		*group = bpf_get_current_ancestor_cgroup_id(level);
		if (!*group || *group == own)
			return NULL;
		policy = bpf_map_lookup_elem(&policies, group);
		if (policy)
			return policy;
	}
	return NULL;
}

static __always_inline bool is_watched(void)
{
	__u64 any = 0;
	__u64 own = bpf_get_current_cgroup_id();
	__u64 group = own;
	/* What is held to something is so before a new agent has said what it watches. */
	if (bpf_map_lookup_elem(&watched, &group) || bpf_map_lookup_elem(&watched, &any) ||
	    bpf_map_lookup_elem(&policies, &group))
		return true;
#pragma unroll
	for (int level = 1; level <= WATCHED_DEPTH; level++) {
		group = bpf_get_current_ancestor_cgroup_id(level);
		/* Deeper than the process's own there is none. */
		if (!group || group == own)
			return false;
		if (bpf_map_lookup_elem(&watched, &group))
			return true;
	}
	return false;
}

#define CODE_BITS 16

/* What a program at a security hook has refused to a thread, and told: the kind of its act. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u16);
} refusals SEC(".maps");

/* Whether the act failed for that: the caller gets its error and lives, and nothing is told twice. */
static __always_inline bool was_refused(struct record *record)
{
	if (!(record->flags & FLAG_REFUSED) || (__s64)record->values[0] != -EPERM)
		return false;
	__u64 thread = bpf_get_current_pid_tgid();
	__u16 *kind = bpf_map_lookup_elem(&refusals, &thread);
	return kind && *kind == record->kind;
}

/* A filter of system calls refuses what would end a process: one that failed goes on. `src/confine/domain.rs` has it too. */
#define HELD_FILTER 16

static __always_inline bool must_die(struct record *record, struct policy *policy)
{
	if (!policy || was_refused(record))
		return false;
	if (policy->held & HELD_FILTER && record->flags & FLAG_REFUSED)
		return false;
	if (record->kind == KIND_MAP_CODE && policy->kill_origins & 1u << (CODE_BITS + (record->values[4] & 15)))
		return true;
	return policy->kill & 1ull << (record->kind & 63);
}

/* Landlock holds the processes: where files may be changed is no matter of these programs. `src/confine.rs` has it too. */
#define HELD_DOMAIN 8

/* A filter of system calls keeps mode, owner, times and attributes of files as they are. `src/confine/domain.rs` has it too. */
#define HELD_ATTRIBUTES 64

/*
 * Whether a change of a file, or one of its attributes, may have failed for that. The errors are those of missing
 * permissions, too.
 */
static __always_inline bool may_be_held(long result, bool attribute)
{
	__u32 held = result == -EACCES || result == -EXDEV ? HELD_DOMAIN : 0;
	if (attribute)
		held = result == -EPERM ? HELD_ATTRIBUTES : 0;
	if (!held)
		return false;
	__u64 group;
	struct policy *policy = policy_of(&group);
	return policy && policy->held & held;
}

/* Nothing that goes wrong in normal work: files that are not there, sockets that nobody listens at. */
static __always_inline bool is_not_permitted(long result)
{
	return result == -EACCES || result == -EPERM || result == -EROFS;
}

/* SIGKILL is delivered before the process executes another instruction of its own. */
static __always_inline void kill(struct record *record)
{
	if (bpf_send_signal(9) == 0)
		record->flags |= FLAG_KILLED;
}

#endif
