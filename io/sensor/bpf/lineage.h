/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Whether a program may be started by the one that runs: by the rules that its control group is held to.
 *
 * The kernel asks while the process still runs the program that asks, and then again for what runs a script. By then
 * the script was allowed. It does not ask for loaders. What came in from outside is not held: whether anybody may
 * come in is decided elsewhere.
 */
#ifndef LAZARET_LINEAGE_H
#define LAZARET_LINEAGE_H

#include "refuse.h"

#define PF_FORKNOEXEC 0x40
#define GENERATIONS 64

struct ancestry {
	struct task_struct *task;
	__u32 leads_out;
};

/* Namespaces that a container makes are deeper than its own, which is the first below the host's. */
static long step_up(__u32 index, struct ancestry *ancestry)
{
	struct task_struct *task = ancestry->task;
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	if (!pid)
		return 1;
	if (!BPF_CORE_READ(pid, level)) {
		ancestry->leads_out = true;
		return 1;
	}
	if (at_level(pid, 1).nr == 1)
		return 1;
	ancestry->task = BPF_CORE_READ(task, group_leader, real_parent);
	return 0;
}

/* Whether its ancestors lead out of the container, and not to the first process. */
static __noinline bool has_entered(void)
{
	struct ancestry ancestry = { .leads_out = UNKNOWN(0) };
	struct task_struct *task = bpf_get_current_task_btf();
	bpf_probe_read_kernel(&ancestry.task, sizeof(ancestry.task), &task);
	bpf_loop(GENERATIONS, step_up, &ancestry, 0);
	return ancestry.leads_out;
}

static __noinline bool is_unruled(struct decision *decision, struct question *question)
{
	question->is_known = false;
	__u32 begin = HELD_PATH;
	enum ending ending = name_of(question->dentry, question->mount, decision->path, &begin);
	question->begin = begin;
	if (ending != ENDS_AT_ROOT)
		return true;
	struct scan scan = SCAN(decision, begin);
	if (!scan_name(&scan, question))
		return true;
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 program = program_number(decision, task->mm->exe_file, question->group, question->version);
	if (is_ruled(decision, question, scan.count, HELD_STARTS, program))
		return false;
	/* Who has started nothing yet was known by his parent, who may have become something else. */
	if (!(task->flags & PF_FORKNOEXEC))
		return true;
	struct file *file = BPF_CORE_READ(task, group_leader, real_parent, mm, exe_file);
	program = program_number(decision, file, question->group, question->version);
	return !is_ruled(decision, question, scan.count, HELD_STARTS, program);
}

static __always_inline int refuse_start(struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || !(policy->held & HELD_STARTS) || bprm->interp != bprm->filename || is_bringing(task))
		return 0;
	struct dentry *dentry = plain(bprm->file->f_path.dentry);
	bool changed = origin_at(dentry, BPF_CORE_READ(dentry, d_inode)) == ORIGIN_UPPER;
	struct question question = {
		.dentry = dentry,
		.mount = bprm->file->f_path.mnt,
		.group = group,
		.held = policy->held,
		.version = policy->version,
		.operation = changed ? OPERATION_START_CHANGED : OPERATION_START,
	};
	struct decision *decision = decision_of(task);
	if ((decision && !is_unruled(decision, &question)) || has_entered())
		return 0;
	return refused(task, decision, KIND_EXEC, &question, 0);
}

#endif
