/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Reports every program start outside the host's own namespaces.
 *
 * A process is of interest when its PID namespace is not the host's, or when its mount namespace is not the
 * host's and neither is its root directory (a system service with a private /tmp is no container). All other
 * processes leave after a few loads.
 *
 * One record per start goes to a ring buffer: `struct record`, then the name of the process's cgroup, then
 * the path that was executed, both without a final zero. `src/record.rs` reads it.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* The helpers that read kernel memory are only given to programs under a GPL-compatible licence. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Set by the loader. */
const volatile __u32 host_pid_namespace = 0;
const volatile __u32 host_mount_namespace = 0;

/* PATH_MAX with its zero; execveat(2) may put "/dev/fd/N/" before it. */
#define PATH_CAPACITY (4096 + 32)
/* NAME_MAX and a zero. */
#define NAME_CAPACITY 256

#define FLAG_PATH_TRUNCATED 1
#define FLAG_PATH_UNREADABLE 2

/*
 * A container may nest PID namespaces (browsers do, in their sandboxes). The outermost one below the host's
 * tells the container, the innermost one is where the process lives.
 */
struct record {
	__u64 at;                  /* CLOCK_BOOTTIME, ns */
	__u64 cgroup;              /* id in the unified hierarchy */
	__u64 started;             /* start of the process, CLOCK_BOOTTIME, ns */
	__u64 init_started;        /* start of the first process of the outermost PID namespace */
	__u32 pid;                 /* all PIDs but one in the host's numbering */
	__u32 parent;
	__u32 init;                /* first process of the outermost PID namespace */
	__u32 pid_in_namespace;    /* in the innermost one: 1 for its first process */
	__u32 uid;
	__u32 pid_namespace;       /* outermost below the host's, or the host's */
	__u32 inner_pid_namespace;
	__u32 mount_namespace;
	__u32 init_mount_namespace;
	__u32 flags;
	__u16 name_length;
	__u16 path_length;
	char comm[16];
};

_Static_assert(sizeof(struct record) == 96, "src/record.rs reads this layout");

struct scratch {
	struct record record;
	char text[NAME_CAPACITY + PATH_CAPACITY];
};

struct counters {
	__u64 seen;
	__u64 reported;
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20); /* the loader sets its own */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counts SEC(".maps");

/* The PID of a process in the namespace that is `level` deep, and that namespace. */
static __always_inline struct upid at_level(struct pid *pid, __u32 level)
{
	/* Not written as `pid->numbers[level]`: the array's declared length differs among kernels. */
	void *numbers = (void *)pid + bpf_core_field_offset(pid->numbers);
	struct upid upid = {};
	bpf_probe_read_kernel(&upid, sizeof(upid), numbers + (__u64)level * sizeof(upid));
	return upid;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid inner = at_level(pid, level);
	__u32 inner_pid_namespace = BPF_CORE_READ(inner.ns, ns.inum);
	__u32 mount_namespace = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);

	if (inner_pid_namespace == host_pid_namespace) {
		if (mount_namespace == host_mount_namespace)
			return 0;
		struct task_struct *host = BPF_CORE_READ(inner.ns, child_reaper);
		if (BPF_CORE_READ(task, fs, root.dentry) == BPF_CORE_READ(host, fs, root.dentry))
			return 0;
	}
	struct upid outer = inner;
	if (level > 1)
		outer = at_level(pid, 1);

	__u32 zero = 0;
	struct counters *count = bpf_map_lookup_elem(&counts, &zero);
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!count || !scratch)
		return 0;
	__sync_fetch_and_add(&count->seen, 1);

	struct task_struct *init = BPF_CORE_READ(outer.ns, child_reaper);
	struct record *record = &scratch->record;
	record->at = bpf_ktime_get_boot_ns();
	record->cgroup = bpf_get_current_cgroup_id();
	record->started = BPF_CORE_READ(task, start_boottime);
	record->init_started = BPF_CORE_READ(init, start_boottime);
	record->pid = BPF_CORE_READ(task, tgid);
	record->parent = BPF_CORE_READ(task, real_parent, tgid);
	record->init = BPF_CORE_READ(init, tgid);
	record->pid_in_namespace = inner.nr;
	record->uid = (__u32)bpf_get_current_uid_gid();
	record->pid_namespace = BPF_CORE_READ(outer.ns, ns.inum);
	record->inner_pid_namespace = inner_pid_namespace;
	record->mount_namespace = mount_namespace;
	record->init_mount_namespace = BPF_CORE_READ(init, nsproxy, mnt_ns, ns.inum);
	record->flags = 0;
	BPF_CORE_READ_STR_INTO(&record->comm, task, comm);

	const char *name = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, name);
	long length = bpf_probe_read_kernel_str(scratch->text, NAME_CAPACITY, name);
	__u64 name_length = 0;
	if (length > 1 && length <= NAME_CAPACITY)
		name_length = length - 1;

	const char *path = BPF_CORE_READ(bprm, filename);
	__u64 path_length = 0;
	/* Again for the verifier, which forgets the bound above. */
	if (name_length >= NAME_CAPACITY)
		name_length = 0;
	length = bpf_probe_read_kernel_str(scratch->text + name_length, PATH_CAPACITY, path);
	if (length < 1)
		record->flags |= FLAG_PATH_UNREADABLE;
	else
		path_length = length - 1;
	if (path_length >= PATH_CAPACITY - 1) {
		path_length = PATH_CAPACITY - 1;
		record->flags |= FLAG_PATH_TRUNCATED;
	}
	record->name_length = name_length;
	record->path_length = path_length;

	__u64 size = sizeof(*record) + name_length + path_length;
	if (size > sizeof(*scratch))
		size = sizeof(*scratch);
	/*
	 * No wake-up: an inter-processor interrupt here costs ten times the rest of this program. The reader
	 * comes by every few milliseconds. `reported` grows after the record is in, so a reader that first
	 * loads `reported` and then empties the ring must have received that many.
	 */
	if (bpf_ringbuf_output(&events, scratch, size, BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&count->dropped, 1);
	else
		__sync_fetch_and_add(&count->reported, 1);
	return 0;
}
