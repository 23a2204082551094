/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Program starts, ends of processes, and control groups that come and go. */
#ifndef LAZARET_STARTS_H
#define LAZARET_STARTS_H

#include "path.h"
#include "policy.h"

/* NAME_MAX and a zero. */
#define GROUP_ROOM 256
/* PATH_MAX with its zero; execveat(2) may put "/dev/fd/N/" before it. */
#define CALLED_ROOM (4096 + 32)
/* Arguments, and behind them the environment. */
#define ARGUMENTS_ROOM 4096
#define TEXT_ROOM (GROUP_ROOM + CALLED_ROOM + PATH_ROOM + ARGUMENTS_ROOM)

struct start {
	struct record record;
	char text[TEXT_ROOM];
};

/* One for each processor: this program is not interrupted by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct start);
} start_scratch SEC(".maps");

#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* The address of the running process's open file; zero if there is none. */
__attribute__((noinline)) __u64 file_at(__u32 descriptor)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	if (descriptor >= table->max_fds)
		return 0;
	struct file *file = NULL;
	struct file **files = table->fd;
	bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
	return (__u64)file;
}

static __always_inline struct file *file_of(__u32 descriptor)
{
	return (void *)file_at(descriptor);
}

/*
 * A bit for each of the standard streams that is a socket: a shell that somebody far away types into. A function
 * of its own for the same reason as `origin_number`.
 */
__attribute__((noinline)) __u32 socket_streams(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	/* The smallest table has room for more. */
	struct file *files[3] = {};
	bpf_probe_read_kernel(files, sizeof(files), task->files->fdt->fd);
	__u32 streams = 0;
	bool socket = false;
#pragma unroll
	for (__u32 descriptor = 0; descriptor < 3; descriptor++) {
		struct file *file = files[descriptor];
		/* Mostly they are one file, or two. */
		if (!descriptor || file != files[descriptor - 1])
			socket = file && (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK;
		if (socket)
			streams |= 1 << descriptor;
	}
	return streams;
}

static __always_inline void note_arrival(struct task_struct *task)
{
	__u64 key = arrival_key(task);
	__u8 one = 1;
	bpf_map_update_elem(&arrived, &key, &one, BPF_ANY);
}

/* The first program of a process that came from outside: from now on it is the container's own. */
__attribute__((noinline)) int note_way_in(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (!has_foreign_parent(task)) {
		if (is_entering(task))
			note_arrival(task);
		return 0;
	}
	note_arrival(task);
	struct pid *pid = task->thread_pid;
	__u32 process = task->tgid;
	if (at_level(pid, pid->level).nr != 1)
		bpf_map_update_elem(&entered, &process, &process, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(forked, struct task_struct *parent, struct task_struct *child)
{
	/* The host's own processes entered nothing. */
	if (!parent->thread_pid->level)
		return 0;
	__u32 process = parent->tgid;
	__u32 *entry = bpf_map_lookup_elem(&entered, &process);
	__u32 made = child->tgid;
	/* A new thread is the same process. */
	if (entry && made != process)
		bpf_map_update_elem(&entered, &made, entry, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	if (!is_inside(task) || !is_current())
		return 0;
	note_way_in();
	__u32 zero = 0;
	struct start *start = bpf_map_lookup_elem(&start_scratch, &zero);
	if (!start)
		return 0;
	struct record *record = &start->record;
	describe(record, task, KIND_EXEC);

	struct file *file = task->mm->exe_file;
	struct inode *inode = file->f_inode;
	enum origin origin = origin_by(inode->i_sb->s_magic, inode->i_nlink, file->f_path.dentry, inode);
	bool script = bprm->interp != bprm->filename;
	__u32 sockets = socket_streams() & 7;
	struct task_struct *parent = task->real_parent;
	struct inode *parents_program = parent->mm->exe_file->f_inode;
	unsigned long arguments = task->mm->arg_start;
	__u64 arguments_length = task->mm->arg_end - arguments;
	__u64 whole_length = task->mm->env_end - arguments;
	bool terminal = task->signal->tty != NULL;
	/* For the verifier all that follows is one way then, and not one for each of their values. */
	origin = UNKNOWN(origin) & 15;
	script = UNKNOWN(script) & 1;
	terminal = UNKNOWN(terminal) & 1;

	record->values[0] = capabilities(&task->cred->cap_effective);
	record->values[1] = capabilities(&task->cred->cap_permitted);
	record->values[2] = task->cred->euid.val | (__u64)task->cred->egid.val << 32;
	record->values[3] = arguments_length;
	record->values[4] = inode->i_mode | (__u64)origin << 16 | (__u64)script << 24 |
			    (__u64)sockets << 32 | (__u64)terminal << 40;
	record->values[5] = parents_program->i_ino;
	record->values[6] = parents_program->i_sb->s_dev;
	record->values[7] = (__u32)bprm->argc;

	long length = bpf_probe_read_kernel_str(start->text, GROUP_ROOM, task->cgroups->dfl_cgrp->kn->name);
	__u64 used = length > 1 ? WITHIN(length - 1, GROUP_ROOM - 1) : 0;
	record->lengths[0] = used;

	length = bpf_probe_read_kernel_str(start->text + used, CALLED_ROOM, bprm->filename);
	if (length < 1)
		record->flags |= FLAG_TEXT_UNREADABLE;
	if (length >= CALLED_ROOM)
		record->flags |= FLAG_TEXT_CUT;
	length = length > 1 ? WITHIN(length - 1, CALLED_ROOM - 1) : 0;
	record->lengths[1] = length;
	used = WITHIN(used + length, GROUP_ROOM + CALLED_ROOM);

	length = write_path(file->f_path.dentry, file->f_path.mnt, start->text + used, &record->flags);
	record->lengths[2] = length;
	used = WITHIN(used + length, GROUP_ROOM + CALLED_ROOM + PATH_ROOM);

	whole_length = WITHIN(whole_length, ARGUMENTS_ROOM);
	if (bpf_probe_read_user(start->text + used, whole_length, (void *)arguments) == 0) {
		record->lengths[3] = whole_length;
		used += whole_length;
	}
	/* Last, because of the many ways through it. */
	__u64 held_group;
	struct policy *policy = policy_of(&held_group);
	if (policy && (policy->kill_origins & 1u << origin || must_die(record, policy)))
		kill(record);
	__u64 size = sizeof(*record) + WITHIN(used, TEXT_ROOM);
	bool alarming = sockets || record->flags & FLAG_KILLED || origin == ORIGIN_MEMORY || origin == ORIGIN_DELETED;
	send(record, size, alarming ? RING_ALERTS : RING_STARTS);
	return 0;
}

/*
 * Bytes that threads wrote that are gone, for each control group. The control groups of version 1 know nothing of
 * what is written later from memory.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} written SEC(".maps");

static __always_inline void count_written(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->ioac.write_bytes))
		return;
	__u64 bytes = task->ioac.write_bytes;
	if (!bytes || !is_inside(task) || !is_current())
		return;
	__u64 group = bpf_get_current_cgroup_id();
	__u64 *sum = bpf_map_lookup_elem(&written, &group);
	if (sum)
		__sync_fetch_and_add(sum, bytes);
	else
		bpf_map_update_elem(&written, &group, &bytes, BPF_ANY);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(ended, struct task_struct *task)
{
	count_written(task);
	if (task->pid != task->tgid || !is_inside(task) || !is_current() || runtime_runs())
		return 0;
	struct record record = {};
	describe(&record, task, KIND_EXIT);
	record.values[0] = (__u32)task->exit_code;
	if (record.entered)
		bpf_map_delete_elem(&entered, &record.pid);
	send(&record, sizeof(record), RING_STARTS);
	return 0;
}

/* Group and path. The process is the one that makes or removes the group, mostly an engine on the host. */
static __always_inline void tell_group(struct cgroup *group, const char *path, enum kind kind)
{
	if (group->root->hierarchy_id != 0 || !is_current())
		return;
	__u32 zero = 0;
	struct start *start = bpf_map_lookup_elem(&start_scratch, &zero);
	if (!start)
		return;
	describe(&start->record, bpf_get_current_task_btf(), kind);
	start->record.cgroup = group->kn->id;
	long length = bpf_probe_read_kernel_str(start->text, PATH_ROOM, path);
	if (length < 1)
		start->record.flags |= FLAG_TEXT_UNREADABLE;
	__u64 used = length > 1 ? WITHIN(length - 1, PATH_ROOM) : 0;
	start->record.lengths[0] = used;
	send(&start->record, sizeof(start->record) + used, RING_STARTS);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(group_made, struct cgroup *group, const char *path)
{
	tell_group(group, path, KIND_CGROUP_MADE);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(group_gone, struct cgroup *group, const char *path)
{
	tell_group(group, path, KIND_CGROUP_GONE);
	return 0;
}

#endif
