/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What security hooks refuse beside files: code, reaches into the kernel and into others, and users. */
#ifndef LAZARET_REACHES_H
#define LAZARET_REACHES_H

#include "lineage.h"

/* What has no file: refused if the policy says so for its kind. */
static __always_inline int refuse_kind(enum kind kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || !(policy->refuse & 1ull << kind) || is_bringing(task))
		return 0;
	return refused(task, decision_of(task), kind, NULL, 0);
}

/* Code by where it comes from: `bits` above those of programs, or with them. */
static __always_inline int refuse_origin(struct path *path, __u32 shift, enum kind kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || !(policy->kill_origins >> shift))
		return 0;
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	enum origin origin = origin_at(dentry, BPF_CORE_READ(dentry, d_inode));
	if (!(policy->kill_origins & 1u << (shift + origin)))
		return 0;
	struct decision *decision = decision_of(task);
	struct question question = { .dentry = dentry, .mount = BPF_CORE_READ(path, mnt), .begin = HELD_PATH };
	if (decision) {
		enum ending ending = name_of(dentry, question.mount, decision->path, &question.begin);
		question.is_known = ending != ENDS_UNKNOWN;
	}
	return refused(task, decision, kind, &question, 0);
}

/* Of a script the script, and then what runs it. */
SEC("lsm/bprm_check_security")
int BPF_PROG(refuse_exec, struct linux_binprm *bprm)
{
	return refuse_origin(&bprm->file->f_path, 0, KIND_EXEC) ?: refuse_start(bprm);
}

#define PROT_EXEC 4

static __always_inline int refuse_code(struct file *file)
{
	if (!file)
		return refuse_kind(KIND_MEMORY_CODE);
	struct task_struct *task = bpf_get_current_task_btf();
	struct path *path = seen_path(file);
	/* The program itself, which the kernel maps when it starts it: refuse_exec has allowed it. */
	if (BPF_CORE_READ(path, dentry) == BPF_CORE_READ(task, mm, exe_file, f_path.dentry))
		return 0;
	return refuse_origin(path, CODE_BITS, KIND_MAP_CODE);
}

SEC("lsm/mmap_file")
int BPF_PROG(refuse_mapping, struct file *file, unsigned long requested, unsigned long protection)
{
	return protection & PROT_EXEC ? refuse_code(file) : 0;
}

SEC("lsm/file_mprotect")
int BPF_PROG(refuse_protection, struct vm_area_struct *area, unsigned long requested, unsigned long protection)
{
	return protection & PROT_EXEC ? refuse_code(BPF_CORE_READ(area, vm_file)) : 0;
}

#define PTRACE_MODE_ATTACH 2

/* Looking is what ps(1) does; attaching is reaching in, also by way of `/proc/PID/mem`. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(refuse_trace, struct task_struct *child, unsigned int mode)
{
	return mode & PTRACE_MODE_ATTACH ? refuse_kind(KIND_PTRACE) : 0;
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(refuse_traceme, struct task_struct *parent)
{
	return refuse_kind(KIND_PTRACE);
}

/* While files or programs are held, nothing gives them other names. */
static __always_inline int refuse_mounting(enum kind kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || is_bringing(task))
		return 0;
	if (!(policy->refuse & 1ull << kind) && !(policy->held & (HELD_FILES | HELD_SECRETS | HELD_STARTS)))
		return 0;
	return refused(task, decision_of(task), kind, NULL, 0);
}

SEC("lsm/sb_mount")
int BPF_PROG(refuse_mount, const char *device, struct path *path)
{
	return refuse_mounting(KIND_MOUNT);
}

SEC("lsm/move_mount")
int BPF_PROG(refuse_move, struct path *from, struct path *to)
{
	return refuse_mounting(KIND_MOUNT);
}

SEC("lsm/sb_umount")
int BPF_PROG(refuse_unmount, struct vfsmount *mount)
{
	return refuse_mounting(KIND_UNMOUNT);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(refuse_pivot, struct path *old, struct path *new)
{
	return refuse_mounting(KIND_CHANGE_ROOT);
}

SEC("lsm/path_chroot")
int BPF_PROG(refuse_chroot, struct path *path)
{
	return refuse_kind(KIND_CHANGE_ROOT);
}

SEC("lsm/userns_create")
int BPF_PROG(refuse_users, const struct cred *cred)
{
	return refuse_kind(KIND_NEW_NAMESPACE);
}

#define NEW_NAMESPACES 0x7e020080

/* Namespaces of a new process; unshare(2) of others than users has no hook. */
SEC("lsm/task_alloc")
int BPF_PROG(refuse_namespace, struct task_struct *made, unsigned long flags)
{
	return flags & (NEW_NAMESPACES & ~0xffull) ? refuse_kind(KIND_NEW_NAMESPACE) : 0;
}

/* `enum kernel_load_data_id` and `kernel_read_file_id`: 1 is firmware, then come modules and new kernels. */
#define LOADS_MODULE 2

SEC("lsm/kernel_load_data")
int BPF_PROG(refuse_module, int what)
{
	return what >= LOADS_MODULE ? refuse_kind(KIND_MODULE) : 0;
}

SEC("lsm/kernel_read_file")
int BPF_PROG(refuse_module_file, struct file *file, int what)
{
	return what >= LOADS_MODULE ? refuse_kind(KIND_MODULE) : 0;
}

SEC("lsm/bpf")
int BPF_PROG(refuse_bpf, int command)
{
	return refuse_kind(KIND_BPF);
}

/* Packets past the network programs, which the hook of control groups does not see. */
SEC("lsm/socket_create")
int BPF_PROG(refuse_packets, int family, int type, int protocol, int kernel)
{
	if (family != AF_PACKET || kernel)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || !(policy->network & NETWORK_PEERS) || is_bringing(task))
		return 0;
	return refused(task, decision_of(task), KIND_SOCKET, NULL, family);
}

/* Users: the real and the effective one, if the process was not that before. A rule has the user in a place's place. */
#define PLACE_OF_USER 0x8000000000000000ull

static __always_inline bool may_become(struct decision *decision, struct policy *policy, __u64 group, __u32 user)
{
	struct rule_key key = { .cgroup = group, .place = PLACE_OF_USER | user, .version = policy->version };
	if (bpf_map_lookup_elem(&rules, &key))
		return true;
	struct task_struct *task = bpf_get_current_task_btf();
	key.program = program_number(decision, task->mm->exe_file, group, policy->version);
	return key.program && bpf_map_lookup_elem(&rules, &key);
}

SEC("lsm/task_fix_setuid")
int BPF_PROG(refuse_user, struct cred *new, const struct cred *old, int flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || !(policy->held & HELD_USERS) || is_bringing(task))
		return 0;
	__u32 real = new->uid.val;
	__u32 effective = new->euid.val;
	if (effective == old->euid.val && real == old->uid.val)
		return 0;
	struct decision *decision = decision_of(task);
	if (decision && may_become(decision, policy, group, effective) &&
	    (real == old->uid.val || may_become(decision, policy, group, real)))
		return 0;
	return refused(task, decision, KIND_CREDENTIALS, NULL, effective);
}

#endif
