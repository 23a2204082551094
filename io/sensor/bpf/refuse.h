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
 * Whether the process is a runtime on its way to the container's program. Stricter than `runtime_runs`: what a
 * container forks is not one, whoever it makes its parent, because it runs a program of the container's own mounts.
 */
static __always_inline bool is_bringing(struct task_struct *task)
{
	struct task_struct *parent = task->group_leader->real_parent;
	if (parent->thread_pid->level || !runtime_runs())
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
		.of_image = reads && origin_at(dentry, inode) == ORIGIN_IMAGE,
		.of_process = inode && BPF_CORE_READ(inode, i_sb, s_magic) == PROC_MAGIC,
		.of_directory = operation == OPERATION_RENAME && inode &&
				(BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR,
	};
	/* Most of what a container opens. */
	if (question.of_image && !(policy->held & HELD_SECRETS)) {
		forget_deferred(task);
		return 0;
	}
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
	/* Of an overlay the file below it, which the kernel opens for itself. */
	if (seen_path(file) != &file->f_path)
		return 0;
	struct dentry *dentry = file->f_path.dentry;
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

#endif
