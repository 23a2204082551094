/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Programs at the kernel's own security hooks (BPF LSM): what the policy of a control group does not allow is refused
 * before it happens, the caller gets EPERM, and it is told as KIND_REFUSED.
 *
 * Kernels that take no such programs refuse to load these and lose nothing of the others.
 */
#ifndef LAZARET_REFUSE_H
#define LAZARET_REFUSE_H

#include "files.h"
#include "held.h"

/* The policy that the running process is held to; none for whoever is not in a container. */
static __always_inline struct policy *own_policy(struct task_struct *task, __u64 *group)
{
	return is_inside(task) ? policy_of(group) : NULL;
}

/*
 * Whether the process is a runtime on its way to the container's program. Stricter than `is_runtime`: what a
 * container forks is not one, whoever it makes its parent, because it runs a program of the container's own mounts.
 */
static __always_inline bool is_bringing(struct task_struct *task)
{
	struct task_struct *parent = task->group_leader->real_parent;
	if (parent->thread_pid->level || !is_runtime(task))
		return false;
	struct vfsmount *mount = BPF_CORE_READ(task, mm, exe_file, f_path.mnt);
	struct mount *whole = (void *)mount - bpf_core_field_offset(struct mount, mnt);
	return BPF_CORE_READ(whole, mnt_ns) != task->nsproxy->mnt_ns;
}

static __always_inline struct decision *decision_of(struct task_struct *task)
{
	return bpf_task_storage_get(&decisions, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/*
 * Tells what was refused, and to do what: values are the error, the kind of the act, the file and its origin as for
 * an open, the operation, and what a kind has beside.
 */
static __always_inline int refused(struct task_struct *task, struct decision *decision, enum kind subject,
				   struct question *question, __u64 detail)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u16 kind = subject;
	bpf_map_update_elem(&refusals, &thread, &kind, BPF_ANY);
	if (!decision || !is_current())
		return -EPERM;
	struct record *record = &decision->record;
	describe(record, task, KIND_REFUSED);
	record->values[0] = -EPERM;
	record->values[1] = subject;
	record->values[6] = detail;
	record->flags |= FLAG_REFUSED;
	__u64 length = 0;
	if (question) {
		struct dentry *dentry = question->dentry;
		struct inode *inode = BPF_CORE_READ(dentry, d_inode);
		if (inode)
			set_file(record, dentry, inode);
		record->values[5] = question->operation;
		if (!question->is_known)
			record->flags |= FLAG_TEXT_CUT;
		__u64 begin = WITHIN(question->begin, HELD_PATH);
		length = WITHIN(HELD_PATH - begin, HELD_PATH);
		bpf_probe_read_kernel(decision->told, length, decision->path + begin);
	}
	record->lengths[0] = length;
	decision->deferred = sizeof(*record) + length;
	if (subject != KIND_NODE)
		tell_deferred(decision);
	return -EPERM;
}

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

/* As a number: functions that the verifier looks at once take no pointers of whose kind it knows. */
static __always_inline struct dentry *plain(struct dentry *dentry)
{
	struct dentry *copy = NULL;
	bpf_probe_read_kernel(&copy, sizeof(copy), &dentry);
	return copy;
}

static __always_inline int decide_file(struct dentry *told, struct vfsmount *mount, enum kind kind,
				       enum operation operation)
{
	struct dentry *dentry = plain(told);
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || !(policy->held & (HELD_FILES | HELD_SECRETS)) || is_bringing(task))
		return 0;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	bool reads = operation == OPERATION_READ;
	struct question question = {
		.dentry = dentry,
		.mount = mount,
		.group = group,
		.held = policy->held,
		.version = policy->version,
		.operation = operation,
		.of_image = reads && origin_of(dentry, inode) == ORIGIN_IMAGE,
		.of_process = inode && BPF_CORE_READ(inode, i_sb, s_magic) == PROC_MAGIC,
		.of_directory = inode && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR,
	};
	/* Most of what a container opens. */
	if (question.of_image && !(policy->held & HELD_SECRETS))
		return 0;
	struct decision *decision = decision_of(task);
	if (decision) {
		/* There was a file after all. */
		if (kind == KIND_OPEN)
			decision->deferred = 0;
		tell_deferred(decision);
	}
	/* Without memory for a decision there is none: it is refused. */
	if (decision && !is_forbidden(decision, &question))
		return 0;
	return refused(task, decision, kind, &question, 0);
}

SEC("lsm/file_open")
int BPF_PROG(refuse_open, struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;
	/* Of an overlay the file below it, which the kernel opens for itself. */
	struct backing_file *backing = (void *)file;
	if (bpf_core_field_exists(backing->user_path) && file->f_mode & FMODES_BACKING)
		return 0;
	__u32 mode = BPF_CORE_READ(dentry, d_inode, i_mode) & S_IFMT;
	if (mode != S_IFREG && mode != S_IFBLK && mode != S_IFCHR)
		return 0;
	__u32 flags = file->f_flags;
	enum operation operation = OPERATION_WRITE;
	if (file->f_mode & FMODE_CREATED)
		operation = OPERATION_CREATE;
	else if (flags & O_TRUNC && mode == S_IFREG)
		operation = OPERATION_TRUNCATE;
	else if (!(flags & O_ACCMODE))
		operation = OPERATION_READ;
	else if (flags & O_APPEND)
		operation = OPERATION_APPEND;
	return decide_file(dentry, file->f_path.mnt, KIND_OPEN, operation);
}

SEC("lsm/path_truncate")
int BPF_PROG(refuse_truncate, struct path *path)
{
	return decide_file(path->dentry, path->mnt, KIND_TRUNCATE, OPERATION_TRUNCATE);
}

/* Also for what open(2) makes. Sockets are bound, not made: no profile knows of them. */
SEC("lsm/path_mknod")
int BPF_PROG(refuse_node, struct path *directory, struct dentry *dentry, unsigned short mode)
{
	__u32 kind = mode & S_IFMT;
	if (kind == S_IFSOCK)
		return 0;
	bool device = kind == S_IFBLK || kind == S_IFCHR;
	return decide_file(dentry, directory->mnt, KIND_NODE, device ? OPERATION_DEVICE : OPERATION_CREATE);
}

SEC("lsm/path_mkdir")
int BPF_PROG(refuse_directory, struct path *directory, struct dentry *dentry)
{
	return decide_file(dentry, directory->mnt, KIND_DIRECTORY, OPERATION_CREATE);
}

SEC("lsm/path_symlink")
int BPF_PROG(refuse_symlink, struct path *directory, struct dentry *dentry)
{
	return decide_file(dentry, directory->mnt, KIND_SYMLINK, OPERATION_SYMLINK);
}

SEC("lsm/path_unlink")
int BPF_PROG(refuse_unlink, struct path *directory, struct dentry *dentry)
{
	return decide_file(dentry, directory->mnt, KIND_UNLINK, OPERATION_DELETE);
}

SEC("lsm/path_rmdir")
int BPF_PROG(refuse_rmdir, struct path *directory, struct dentry *dentry)
{
	return decide_file(dentry, directory->mnt, KIND_UNLINK, OPERATION_DELETE);
}

/* Both names have to be allowed; links and renames stay on one mount. */
SEC("lsm/path_link")
int BPF_PROG(refuse_link, struct dentry *old, struct path *directory, struct dentry *new)
{
	return decide_file(old, directory->mnt, KIND_LINK, OPERATION_LINK) ?:
	       decide_file(new, directory->mnt, KIND_LINK, OPERATION_LINK);
}

SEC("lsm/path_rename")
int BPF_PROG(refuse_rename, struct path *from, struct dentry *old, struct path *to, struct dentry *new)
{
	return decide_file(old, from->mnt, KIND_RENAME, OPERATION_RENAME) ?:
	       decide_file(new, to->mnt, KIND_RENAME, OPERATION_RENAME);
}

#define SET_USER_OR_GROUP 06000

SEC("lsm/path_chmod")
int BPF_PROG(refuse_mode, struct path *path, unsigned short mode)
{
	bool gains = mode & SET_USER_OR_GROUP;
	return decide_file(path->dentry, path->mnt, KIND_MODE, gains ? OPERATION_SET_USER_ID : OPERATION_ATTRIBUTES);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(refuse_unix, struct sock *own, struct sock *other)
{
	struct unix_sock *peer = (void *)other;
	struct dentry *dentry = BPF_CORE_READ(peer, path.dentry);
	/* An abstract name is no file's. */
	return dentry ? decide_file(dentry, BPF_CORE_READ(peer, path.mnt), KIND_UNIX_CONNECT, OPERATION_CONNECT) : 0;
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
	enum origin origin = origin_of(dentry, BPF_CORE_READ(dentry, d_inode));
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
	return refuse_origin(&bprm->file->f_path, 0, KIND_EXEC);
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

/* While files are held, nothing gives them other names. */
static __always_inline int refuse_mounting(enum kind kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 group;
	struct policy *policy = own_policy(task, &group);
	if (!policy || is_bringing(task))
		return 0;
	if (!(policy->refuse & 1ull << kind) && !(policy->held & (HELD_FILES | HELD_SECRETS)))
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
	key.program = program_number(decision, group, policy->version);
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
