/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * System calls that say what a container does: files opened and changed, code mapped, identities and
 * namespaces changed, the kernel asked for power. All are seen when they return, with their outcome.
 */
#ifndef LAZARET_CALLS_H
#define LAZARET_CALLS_H

#include "call.h"
#include "files.h"
#include "held.h"
#include "sockets.h"

/* After the call: both users and groups, and what may be done with them. */
static __always_inline void handle_identity(struct task_struct *task, struct call *call)
{
	struct record *record = &call->record;
	const struct cred *cred = task->cred;
	record->values[1] = cred->uid.val | (__u64)cred->euid.val << 32;
	record->values[2] = cred->gid.val | (__u64)cred->egid.val << 32;
	record->values[3] = capabilities(&cred->cap_effective);
	record->values[4] = capabilities(&cred->cap_permitted);
	start_fact(call, 0);
	call->fact.what[0] = record->values[1];
	call->fact.what[1] = record->values[2];
	call->fact.what[2] = record->values[4];
	if (is_news(call))
		deliver(call, 0, false);
}

/* Arguments, two texts, and the directories that relative ones start from. */
static __always_inline void handle_plain(struct task_struct *task, struct call *call, __u8 first, __u8 second,
					 __u8 flags)
{
	struct record *record = &call->record;
	__u64 used = 0;
	if (first != NO_ARGUMENT) {
		add_text(call, &used, 0, argument(record, first));
		__s32 directory = AT_FDCWD;
		if (flags & SHAPE_DIRECTORIES)
			directory = argument(record, first - 1);
		if (second != NO_ARGUMENT)
			add_text(call, &used, 1, argument(record, second));
		if (call->text[0] != '/')
			add_base(task, call, &used, 2, directory);
		if (second != NO_ARGUMENT && flags & SHAPE_DIRECTORIES)
			add_base(task, call, &used, 3, argument(record, second - 1));
	}
	if (record->kind == KIND_MOUNT && second != NO_ARGUMENT && !(flags & SHAPE_DIRECTORIES))
		add_text(call, &used, 3, argument(record, 2));
	deliver(call, used, flags & SHAPE_ALERT);
}

/*
 * The path stands before the flags, and before it, if there is one, the directory that it is relative to; a handle
 * has none.
 */
static __always_inline void handle_unopened(struct task_struct *task, struct call *call, __u8 flags, __u64 how)
{
	__u64 operation = call->record.values[7];
	call->record.values[6] = how;
	if (operation == OPERATION_OF_HANDLE) {
		start_fact(call, operation);
		if (is_news(call))
			deliver(call, 0, false);
		return;
	}
	/* creat(2) has a mode there. */
	if (operation != OPERATION_OF_CREAT && how & O_PATH)
		return;
	if (flags == 2)
		handle_plain(task, call, 1, NO_ARGUMENT, SHAPE_DIRECTORIES);
	else
		handle_plain(task, call, 0, NO_ARGUMENT, 0);
}

#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_ALG 38
#define AF_VSOCK 40
#define SOCK_RAW 3
#define SOCK_TYPE_MASK 0xf

/* Sockets past the protocols, or of families that reach into the kernel or out of the machine. */
static __always_inline bool is_odd_socket(__u32 family, __u32 type)
{
	if (family == AF_PACKET || family == AF_ALG || family == AF_VSOCK)
		return true;
	return (type & SOCK_TYPE_MASK) == SOCK_RAW && family != AF_NETLINK;
}

/* What a process may not make for itself, it may not make for its child. */
static __always_inline void end_child(struct task_struct *task, __u16 kind)
{
	__u64 group;
	struct policy *policy = policy_of(&group);
	if (policy && policy->kill & 1ull << (kind & 63) && !runtime_runs())
		bpf_send_signal(9);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_returned, struct pt_regs *registers, long result)
{
	/* This is on the way of every system call of the machine: the first look must be enough for most. */
	__u64 number = number_of(registers);
	if (number >= NUMBERS)
		return 0;
	__u32 both = operations[number];
	if (!both)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	bool compat = is_compat(task);
	__u32 operation = compat ? both >> 8 : both & 0xff;
	if (!operation || operation >= OPERATIONS || !is_inside(task))
		return 0;
	const volatile struct shape *shape = &shapes[operation];
	__u8 flags = shape->flags;
	if (result < 0 && result > -4096 && !(flags & SHAPE_FAILED)) {
		if (result == -EPERM)
			tell_if_deferred(task);
		if (!(flags & SHAPE_ATTEMPT && is_not_permitted(result)) &&
		    (!(flags & (SHAPE_CHANGE | SHAPE_ATTRIBUTE)) || !may_be_held(result, flags & SHAPE_ATTRIBUTE)))
			return 0;
	}
	__u64 arguments[8] = {};
	take_arguments(registers, compat, arguments);
	__u8 handling = shape->handling;
	/* clone3(2) points to its flags. */
	if (handling == HANDLE_CLONE && shape->second != NO_ARGUMENT)
		bpf_probe_read_user(&arguments[0], sizeof(arguments[0]), (void *)arguments[0]);
	if (shape->mask && !(arguments[shape->mask_argument & 7] & shape->mask))
		return 0;
	/* The child returns from it too: it is not told again, but goes no further than its parent. */
	if (handling == HANDLE_CLONE && result == 0) {
		end_child(task, shape->kind);
		return 0;
	}
	if (handling == HANDLE_SOCKET && !is_odd_socket(arguments[0], arguments[1]))
		return 0;
	/* Most of what is sent and written is for nobody here. */
	if ((handling == HANDLE_SEND || handling == HANDLE_WRITE) && !is_datagram_socket(task, arguments[0]))
		return 0;
	/* Connections by protocols are seen in network.h. */
	if (handling == HANDLE_CONNECT && !is_local_socket(task, arguments[0]))
		return 0;
	if (!is_current() || (flags & SHAPE_ROUTINE && !is_watched()))
		return 0;
	bool failed = result < 0 && result > -4096;
	/* What is opened is mostly opened again, which is known sooner than this. */
	if ((handling != HANDLE_OPEN || failed) && runtime_runs())
		return 0;
	__u32 zero = 0;
	struct call *call = bpf_map_lookup_elem(&call_scratch, &zero);
	if (!call)
		return 0;
	struct record *record = &call->record;
	identify(record, task, shape->kind);
	record->values[0] = result;
#pragma unroll
	for (__u32 index = 0; index < 6; index++)
		record->values[1 + index] = arguments[index];
	record->values[7] = operation;
	if (compat)
		record->flags |= FLAG_COMPAT;
	if (failed)
		record->flags |= FLAG_REFUSED;

	if (flags & SHAPE_ONCE) {
		start_fact(call, result < 0);
		call->fact.what[0] = arguments[0];
		call->fact.what[1] = operation;
		if (!is_news(call))
			return 0;
	}
	switch (handling) {
	case HANDLE_OPEN: {
		/* openat2(2) points to its flags. */
		__u64 how = argument(record, shape->second);
		if (shape->first != NO_ARGUMENT)
			bpf_probe_read_user(&how, sizeof(how), (void *)argument(record, shape->first));
		if (failed)
			handle_unopened(task, call, shape->second, how);
		else
			handle_open(task, call, how);
		break;
	}
	case HANDLE_MAP:
		handle_code(task, call, result);
		break;
	case HANDLE_PROTECT:
		handle_code(task, call, arguments[0]);
		break;
	case HANDLE_IDENTITY:
		handle_identity(task, call);
		break;
	case HANDLE_LISTEN:
		handle_listen(task, call);
		break;
	case HANDLE_CONNECT:
		record->values[6] = arguments[1];
		if (failed)
			handle_unconnected(task, call);
		else
			handle_connect(task, call);
		break;
	case HANDLE_SEND:
		handle_send(task, call, shape->second);
		break;
	case HANDLE_WRITE:
		handle_write(task, call, shape->second);
		break;
	case HANDLE_DESCRIPTOR:
		handle_descriptor(task, call, shape->second);
		break;
	default:
		handle_plain(task, call, shape->first, shape->second, flags);
	}
	return 0;
}

#endif
