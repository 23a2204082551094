/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which processes are of interest: those whose PID namespace is not the host's, or whose mount namespace is
 * not the host's and neither is their root directory (a system service with a private /tmp is no container).
 * All other processes leave after a few loads.
 *
 * Members are read through typed pointers, which the kernel follows without a call, where the pointer comes
 * from the kernel itself; elsewhere by BPF_CORE_READ.
 */
#ifndef LAZARET_SCOPE_H
#define LAZARET_SCOPE_H

#include "record.h"
#include "view.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

/* Set by the loader. */
const volatile __u32 host_pid_namespace = 0;
const volatile __u32 host_mount_namespace = 0;
/* When this sensor began, CLOCK_BOOTTIME, ns. */
const volatile __u64 sensor_started = 0;

/*
 * Always zero, which the verifier does not know. Before 6.7 it looks at the body of a loop (bpf_loop) once, with the
 * values that were there before: what it then takes for constant it takes out of the program, checks of bounds
 * included. Whatever a loop changes begins as UNKNOWN.
 */
static volatile __u32 nothing;

#define UNKNOWN(value) ((value) + nothing)

/*
 * Processes that came in from outside and have since executed a program: before that they are the container
 * runtime at work, whose own mounts and identity changes are not the container's behaviour.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} arrived SEC(".maps");

/* Processes that entered a container after its first process, and all that descend from them: PID → who entered. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u32);
} entered SEC(".maps");

/* The PID of a process in the namespace that is `level` deep, and that namespace. */
static __always_inline struct upid at_level(struct pid *pid, __u32 level)
{
	/* Not written as `pid->numbers[level]`: the array's declared length differs among kernels. */
	void *numbers = (void *)pid + bpf_core_field_offset(pid->numbers);
	struct upid upid = {};
	bpf_probe_read_kernel(&upid, sizeof(upid), numbers + (__u64)level * sizeof(upid));
	return upid;
}

static __always_inline bool is_inside(struct task_struct *task)
{
	/* The sensor runs in the first PID namespace, which alone has level 0. */
	if (task->thread_pid->level)
		return true;
	if (task->nsproxy->mnt_ns->ns.inum == host_mount_namespace)
		return false;
	/* Mostly a process's children are to be where it is itself: from there the host's first one needs no call. */
	struct pid_namespace *children = task->nsproxy->pid_ns_for_children;
	if (!children->level)
		return task->fs->root.dentry != children->child_reaper->fs->root.dentry;
	struct upid own = at_level(task->thread_pid, 0);
	struct task_struct *host = BPF_CORE_READ(own.ns, child_reaper);
	return task->fs->root.dentry != BPF_CORE_READ(host, fs, root.dentry);
}

/* Whether the process came from outside: entered, or the first one. */
static __always_inline bool has_foreign_parent(struct task_struct *task)
{
	return task->group_leader->real_parent->thread_pid->level < task->thread_pid->level;
}

static __always_inline __u64 arrival_key(struct task_struct *task)
{
	return task->group_leader->start_boottime ^ (__u64)(__u32)task->tgid << 40;
}

/*
 * Whether a process of the host has just entered a container, to start a program there: a runtime's `exec`, nsenter(1).
 * It has the container's mount namespace, and only its children will have the container's PID namespace.
 */
static __always_inline bool is_entering(struct task_struct *task)
{
	struct task_struct *parent = task->group_leader->real_parent;
	return !task->thread_pid->level && task->nsproxy->pid_ns_for_children->level &&
	       parent->nsproxy->mnt_ns->ns.inum == host_mount_namespace;
}

/*
 * Some functions here are none that are written in where they are called: for each pointer that the kernel follows, its
 * verifier looks through all of the kernel's types, so that a program takes seconds to load in which that stands on
 * many ways. A function that others may call is looked at once.
 */

/* Whether the running process is the container runtime on its way to the container's program. */
__attribute__((noinline)) __u32 runtime_runs(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (!(has_foreign_parent(task) || is_entering(task)) ||
	    task->group_leader->start_boottime < sensor_started)
		return false;
	__u64 key = arrival_key(task);
	return !bpf_map_lookup_elem(&arrived, &key);
}

static __always_inline __u64 capabilities(const kernel_cap_t *set)
{
	/* As halves, which they were before 6.3: the verifier takes no other look there. */
	const __u32 *halves = (const void *)set;
	return halves[0] | (__u64)halves[1] << 32;
}

/* As much as it takes to tell whether it was told before. */
static __always_inline void identify(struct record *record, struct task_struct *task, enum kind kind)
{
	struct inode *program = task->mm->exe_file->f_inode;
	record->cgroup = bpf_get_current_cgroup_id();
	record->program = program->i_ino;
	record->program_device = program->i_sb->s_dev;
	__builtin_memset(record->values, 0, sizeof(record->values));
	record->kind = kind;
	record->flags = 0;
	__builtin_memset(record->lengths, 0, sizeof(record->lengths));
}

/* The first process of the outermost PID namespace, by which a container is told, and that namespace. */
static __always_inline void set_init(struct record *record, struct pid_namespace *outer)
{
	struct task_struct *init = BPF_CORE_READ(outer, child_reaper);
	record->pid_namespace = BPF_CORE_READ(outer, ns.inum);
	record->init_started = BPF_CORE_READ(init, start_boottime);
	record->init = BPF_CORE_READ(init, tgid);
	record->init_mount_namespace = BPF_CORE_READ(init, nsproxy, mnt_ns, ns.inum);
}

/* The rest, which costs most. */
__attribute__((noinline)) int complete(struct record *record)
{
	if (!record)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid *pid = task->thread_pid;
	__u32 level = pid->level;
	struct upid inner = at_level(pid, level);
	struct pid_namespace *children = task->nsproxy->pid_ns_for_children;
	if (level > 1) {
		set_init(record, at_level(pid, 1).ns);
		record->inner_pid_namespace = BPF_CORE_READ(inner.ns, ns.inum);
	} else if (children == inner.ns) {
		/* As set_init, through pointers that need no call: nearly all. */
		struct task_struct *init = children->child_reaper;
		record->pid_namespace = children->ns.inum;
		record->init_started = init->start_boottime;
		record->init = init->tgid;
		record->init_mount_namespace = init->nsproxy->mnt_ns->ns.inum;
		record->inner_pid_namespace = record->pid_namespace;
	} else {
		set_init(record, inner.ns);
		record->inner_pid_namespace = record->pid_namespace;
	}

	record->at = bpf_ktime_get_boot_ns();
	record->started = task->group_leader->start_boottime;
	record->pid = task->tgid;
	record->thread = task->pid;
	record->parent = task->real_parent->tgid;
	record->pid_in_namespace = inner.nr;
	record->uid = task->cred->uid.val;
	record->gid = task->cred->gid.val;
	record->mount_namespace = task->nsproxy->mnt_ns->ns.inum;
	if (has_foreign_parent(task))
		record->flags |= FLAG_FOREIGN_PARENT;
	const __u64 *comm = (const void *)task->comm;
	__builtin_memcpy(record->comm, (__u64[]){ comm[0], comm[1] }, sizeof(record->comm));
	__u32 process = task->tgid;
	__u32 *entry = bpf_map_lookup_elem(&entered, &process);
	record->entered = entry ? *entry : 0;
	return 0;
}

/* Of the running process. */
static __always_inline void describe(struct record *record, struct task_struct *task, enum kind kind)
{
	identify(record, task, kind);
	complete(record);
}

#endif
