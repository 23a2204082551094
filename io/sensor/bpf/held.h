/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Whether a program may do something with a file, by the rules that its control group is held to.
 *
 * A file is named by the kernel's own chain of directories up to the root of the process's mount namespace: neither
 * links nor chroot(2) give it another name, and what would (mounts, moves, new roots) is refused while files are
 * held. What no rule allows, and a name that does not fit or does not end at that root, is refused.
 *
 * That a file is secret is told by hashes alone: two names with the same one are both secret.
 */
#ifndef LAZARET_HELD_H
#define LAZARET_HELD_H

#include "rules.h"

/* Hashes of names that are secret, whoever's they are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} secret_places SEC(".maps");

#define SEED_WHOLE 0xcbf29ce484222325ull  /* names from the root on */
#define SEED_ANYWHERE 0x9ae16a3b2f90404full /* one or two components, wherever they are */
#define MARK_ABOVE 0x5bd1e9955bd1e995ull  /* a directory with secrets somewhere below */
#define MARK_PROCESS 0xc6a4a7935bd1e995ull /* of a process, in procfs */

static __always_inline __u64 fold(__u64 hash, char byte)
{
	return (hash ^ (__u8)byte) * 0x100000001b3ull;
}

/*
 * open(2) asks whether it could make a file before it knows whether there is one. That it could not is told when
 * nothing was opened.
 */
static __always_inline void tell_deferred(struct decision *decision)
{
	__u64 size = decision->deferred;
	if (!size)
		return;
	decision->deferred = 0;
	size = WITHIN(size, sizeof(struct record) + HELD_PATH);
	send(&decision->record, size, RING_ALERTS);
}

/* There was a file after all. */
static __always_inline void forget_deferred(struct task_struct *task)
{
	struct decision *decision = bpf_task_storage_get(&decisions, task, NULL, 0);
	if (decision)
		decision->deferred = 0;
}

static __always_inline void tell_if_deferred(struct task_struct *task)
{
	struct decision *decision = bpf_task_storage_get(&decisions, task, NULL, 0);
	if (decision)
		tell_deferred(decision);
}

struct scan {
	struct decision *decision;
	__u64 whole; /* hash up to here */
	__u64 one;   /* of this component, with the slash before it */
	__u64 two;   /* of this and the one before */
	__u32 begin;
	__u32 count;
	__u32 secret;
};

static __always_inline bool is_secret_hash(__u64 hash)
{
	return bpf_map_lookup_elem(&secret_places, &hash);
}

static __always_inline bool are_secret(__u64 whole, __u64 one, __u64 two)
{
	return is_secret_hash(whole) || is_secret_hash(one) || is_secret_hash(two);
}

static long scan_byte(__u32 index, struct scan *scan)
{
	__u64 at = scan->begin + index;
	if (at >= HELD_PATH)
		return 1;
	char byte = scan->decision->path[at];
	scan->whole = fold(scan->whole, byte);
	scan->one = fold(scan->one, byte);
	scan->two = fold(scan->two, byte);
	if (byte != '/')
		return 0;
	__u32 place = scan->count;
	if (place >= HELD_PLACES)
		return 1;
	scan->decision->places[place] = scan->whole;
	scan->count = place + 1;
	if (index && are_secret(scan->whole, scan->one, scan->two))
		scan->secret = true;
	scan->two = scan->one;
	scan->one = fold(SEED_ANYWHERE, '/');
	return 0;
}

/* Finds the places of a name that was written; whether there are so many that it is not known. */
static __always_inline bool scan_name(struct scan *scan, struct question *question)
{
	bpf_loop(HELD_PATH, scan_byte, scan, 0);
	if (scan->count >= HELD_PLACES)
		return false;
	question->is_known = true;
	scan->decision->places[scan->count & (HELD_PLACES - 1)] = scan->whole;
	return true;
}

#define SCAN(decision_, begin_)                                                                            \
	{                                                                                                  \
		.decision = decision_, .whole = SEED_WHOLE, .one = SEED_ANYWHERE, .two = SEED_ANYWHERE,     \
		.begin = begin_, .count = UNKNOWN(0), .secret = UNKNOWN(0),                                 \
	}

static __always_inline bool is_secret(struct scan *scan, struct question *question)
{
	if (scan->secret || are_secret(scan->whole, scan->one, scan->two))
		return true;
	if (question->of_process && is_secret_hash(scan->one ^ MARK_PROCESS))
		return true;
	if (!question->of_directory)
		return false;
	__u64 whole = fold(scan->whole, '/');
	__u64 one = fold(scan->one, '/');
	if (are_secret(whole, one, fold(scan->two, '/')))
		return true;
	return is_secret_hash(whole ^ MARK_ABOVE) || is_secret_hash(one ^ MARK_ABOVE);
}

static __noinline bool is_forbidden(struct decision *decision, struct question *question)
{
	question->is_known = false;
	__u32 begin = HELD_PATH;
	enum ending ending = name_of(question->dentry, question->mount, decision->path, &begin);
	if (ending == ENDS_INTERNAL)
		return false;
	question->begin = begin;
	/* A socket of the host has the host's name. */
	if (ending != ENDS_AT_ROOT && !(ending == ENDS_ELSEWHERE && question->operation == OPERATION_CONNECT))
		return true;
	struct scan scan = SCAN(decision, begin);
	if (!scan_name(&scan, question))
		return true;
	bool secret = is_secret(&scan, question);
	__u32 held = secret ? HELD_SECRETS : HELD_FILES;
	if (!(question->held & held))
		return false;
	if (!secret && question->of_image && question->operation == OPERATION_READ)
		return false;
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 program = program_number(decision, task->mm->exe_file, question->group, question->version);
	return !is_ruled(decision, question, scan.count, held, program);
}

#endif
