/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * One system call on its way to user space.
 *
 * Which number is which operation, and what to take of it, is told by tables that the loader fills
 * (src/calls.rs): the numbers differ among architectures, and a 64-bit process may make 32-bit calls.
 */
#ifndef LAZARET_CALL_H
#define LAZARET_CALL_H

#include "path.h"
#include "policy.h"
#include "starts.h"

#define NUMBERS 512
#define OPERATIONS 96
#define NO_ARGUMENT 7

/* How an operation is dealt with. */
enum handling {
	HANDLE_PLAIN = 0,   /* arguments and texts as the caller gave them */
	HANDLE_OPEN = 1,    /* the result is a descriptor of a file */
	HANDLE_MAP = 2,     /* memory that can be executed from the result on */
	HANDLE_PROTECT = 3, /* memory that can be executed from the first argument on */
	HANDLE_IDENTITY = 4,
	HANDLE_LISTEN = 5,
	HANDLE_CONNECT = 6,
	HANDLE_SEND = 7,
	HANDLE_CLONE = 8,
	HANDLE_SOCKET = 9,
	HANDLE_DESCRIPTOR = 10, /* the first argument is a descriptor of what is changed */
	HANDLE_WRITE = 11,      /* as HANDLE_SEND, without an address */
};

#define SHAPE_ALERT 1         /* goes to the ring of alerts */
#define SHAPE_FAILED 2        /* an attempt that fails is told too */
#define SHAPE_DIRECTORIES 4   /* the argument before a text is the directory that it is relative to */
#define SHAPE_ONCE 8          /* told once in a while for each program, first argument and outcome */
#define SHAPE_ROUTINE 16      /* told of watched control groups only */
#define SHAPE_CHANGE 32       /* an attempt that fails is told of those whose files Landlock holds */
#define SHAPE_ATTRIBUTE 64    /* an attempt that fails is told of those whose filter refuses it */
#define SHAPE_ATTEMPT 128     /* an attempt that fails for want of permission is told */

struct shape {
	__u8 kind;
	__u8 handling;
	__u8 first;  /* argument that is a text, or NO_ARGUMENT */
	__u8 second;
	__u8 flags;
	__u8 mask_argument; /* told only if this argument has one of the bits below */
	__u16 reserved;
	__u64 mask;
};

/*
 * By the number of the call: in the lower half the operation of the native one, in the upper half that of the 32-bit
 * one. Most calls are neither, which one look tells.
 */
const volatile __u16 operations[NUMBERS] = {};
const volatile struct shape shapes[OPERATIONS] = {};

/* Files whose opening must arrive, by identity: no link, rename or mount gives them another. */
struct file_id {
	__u64 inode;
	__u64 device;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct file_id);
	__type(value, __u32);
} sensitive SEC(".maps");

#define CALL_TEXT_ROOM (4 * PATH_ROOM)

struct call {
	struct fact fact;
	/* The texts lie right behind the record, as they are sent. */
	struct record record;
	char text[CALL_TEXT_ROOM];
	VIEW(file, FILE_VIEW);
	VIEW(inode, INODE_VIEW);
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call);
} call_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call);
} request_scratch SEC(".maps");

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT 2

static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

static __always_inline long number_of(struct pt_regs *registers)
{
	return registers->orig_ax;
}

static __always_inline void take_arguments(struct pt_regs *registers, bool compat, __u64 *arguments)
{
	if (compat) {
		arguments[0] = (__u32)registers->bx;
		arguments[1] = (__u32)registers->cx;
		arguments[2] = (__u32)registers->dx;
		arguments[3] = (__u32)registers->si;
		arguments[4] = (__u32)registers->di;
		arguments[5] = (__u32)registers->bp;
	} else {
		arguments[0] = registers->di;
		arguments[1] = registers->si;
		arguments[2] = registers->dx;
		arguments[3] = registers->r10;
		arguments[4] = registers->r8;
		arguments[5] = registers->r9;
	}
}

#elif defined(__TARGET_ARCH_arm64)

/* 32-bit programs of arm64 are not looked into: the loader says so where the kernel can run them. */
static __always_inline bool is_compat(struct task_struct *task)
{
	return false;
}

static __always_inline long number_of(struct pt_regs *registers)
{
	return registers->syscallno;
}

static __always_inline void take_arguments(struct pt_regs *registers, bool compat, __u64 *arguments)
{
	arguments[0] = registers->orig_x0;
	arguments[1] = registers->regs[1];
	arguments[2] = registers->regs[2];
	arguments[3] = registers->regs[3];
	arguments[4] = registers->regs[4];
	arguments[5] = registers->regs[5];
}

#endif

#define AT_FDCWD -100

/* Adds a text; a reader finds its length in the record. */
static __always_inline void add_text(struct call *call, __u64 *used, __u32 slot, __u64 address)
{
	__u64 offset = WITHIN(*used, CALL_TEXT_ROOM - PATH_ROOM);
	/* A call that needs a text fails without one; utimensat(2) then means the descriptor, mount(2) nothing. */
	if (!address) {
		call->text[offset] = 0;
		return;
	}
	long length = bpf_probe_read_user_str(call->text + offset, PATH_ROOM, (void *)address);
	if (length < 1) {
		call->record.flags |= FLAG_TEXT_UNREADABLE;
		return;
	}
	if (length >= PATH_ROOM)
		call->record.flags |= FLAG_TEXT_CUT;
	__u64 taken = WITHIN(length - 1, PATH_ROOM);
	call->record.lengths[slot] = taken;
	*used = offset + taken;
}

static __always_inline void add_path(struct call *call, __u64 *used, __u32 slot, struct path *path)
{
	__u64 offset = WITHIN(*used, CALL_TEXT_ROOM - PATH_ROOM);
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct vfsmount *mount = BPF_CORE_READ(path, mnt);
	__u64 length = write_path(dentry, mount, call->text + offset, &call->record.flags);
	call->record.lengths[slot] = length;
	*used = offset + length;
}

/* The directory that a relative text starts from. */
static __always_inline void add_base(struct task_struct *task, struct call *call, __u64 *used, __u32 slot,
				     __s32 directory)
{
	struct file *file = directory == AT_FDCWD ? NULL : file_of(directory);
	if (file)
		add_path(call, used, slot, &file->f_path);
	else
		add_path(call, used, slot, &task->fs->pwd);
}

static __always_inline __u64 argument(struct record *record, __u32 index)
{
	return record->values[(index + 1) & 7];
}

/* What the program does, up to what it does it to. */
static __always_inline void start_fact(struct call *call, __u16 variant)
{
	struct record *record = &call->record;
	call->fact = (struct fact){
		.cgroup = record->cgroup,
		.program = record->program,
		.program_device = record->program_device,
		.kind = record->kind,
		.variant = variant,
	};
}

/* What must end the process is never passed over as told before. */
static __always_inline bool is_news(struct call *call)
{
	__u64 group;
	struct policy *policy = policy_of(&group);
	return must_die(&call->record, policy) || !is_repeated(&call->fact);
}

static __always_inline void tell(struct call *call, __u64 used, bool alarming)
{
	struct record *record = &call->record;
	complete(record);
	send(record, sizeof(*record) + WITHIN(used, CALL_TEXT_ROOM), alarming ? RING_ALERTS : RING_FACTS);
}

static __always_inline void deliver(struct call *call, __u64 used, bool alarming)
{
	struct record *record = &call->record;
	__u64 group;
	struct policy *policy = policy_of(&group);
	if (was_refused(record))
		return;
	if (must_die(record, policy)) {
		kill(record);
		alarming = true;
	}
	tell(call, used, alarming);
}

#endif
