/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Files that are opened, and files and memory that become code: told by what the kernel holds, not by a name. */
#ifndef LAZARET_FILES_H
#define LAZARET_FILES_H

#include "call.h"

/* `CREAT` and `HANDLE` of src/calls.rs. */
#define OPERATION_OF_CREAT 2
#define OPERATION_OF_HANDLE 5

#define O_ACCMODE 00000003
#define O_CREAT 00000100
#define O_TRUNC 00001000
#define O_APPEND 00002000
#define O_PATH 010000000
#define FMODE_CREATED 0x100000

#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFBLK 0060000
#define S_IFCHR 0020000

/* Fills in the record of a file: inode, device and mode, origin. */
static __always_inline void set_file(struct record *record, struct dentry *dentry, struct inode *inode)
{
	VIEW(view, INODE_VIEW);
	LOOK(view, inode);
	struct super_block *super = SEEN(view, inode, struct inode, i_sb);
	__u32 mode = SEEN(view, inode, struct inode, i_mode);
	__u32 links = SEEN(view, inode, struct inode, i_nlink);
	record->values[2] = SEEN(view, inode, struct inode, i_ino);
	record->values[3] = BPF_CORE_READ(super, s_dev) | (__u64)mode << 32;
	record->values[4] = origin_of(BPF_CORE_READ(super, s_magic), links, dentry, inode);
	record->values[5] = SEEN(view, inode, struct inode, i_rdev);
}

/* The name under which a file was reached is part of the fact: a second link to it is another one. */
static __always_inline void set_fact(struct call *call, struct dentry *dentry, __u16 variant)
{
	struct record *record = &call->record;
	start_fact(call, variant);
	call->fact.what[0] = (__u64)dentry;
	call->fact.what[1] = BPF_CORE_READ(dentry, d_name.hash_len);
	call->fact.what[2] = record->values[2];
}

static __always_inline void handle_open(struct task_struct *task, struct call *call, __u64 how)
{
	struct record *record = &call->record;
	struct file *file = file_of(record->values[0]);
	if (!file)
		return;
	LOOK(call->file, file);
	__u32 flags = SEEN(call->file, file, struct file, f_flags);
	if (flags & O_PATH)
		return;
	/* The kernel forgets these two once they are done. */
	flags |= how & O_TRUNC;
	if (SEEN(call->file, file, struct file, f_mode) & FMODE_CREATED)
		flags |= O_CREAT;
	else
		flags &= ~O_CREAT;
	struct inode *inode = SEEN(call->file, file, struct file, f_inode);
	struct dentry *dentry = SEEN(call->file, file, struct file, f_path.dentry);
	LOOK(call->inode, inode);
	record->values[2] = SEEN(call->inode, inode, struct inode, i_ino);
	set_fact(call, dentry, (flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)));
	/* Before all that costs more: what was told passed the rest. Nobody dies of an opening. */
	if (is_told(&call->fact) || runtime_runs())
		return;
	__u32 mode = SEEN(call->inode, inode, struct inode, i_mode);
	__u32 kind = mode & S_IFMT;
	if (kind != S_IFREG && kind != S_IFBLK && kind != S_IFCHR)
		return;
	struct super_block *super = SEEN(call->inode, inode, struct inode, i_sb);
	struct file_id id = { record->values[2], BPF_CORE_READ(super, s_dev) };
	__u64 magic = BPF_CORE_READ(super, s_magic);
	bool alarming = bpf_map_lookup_elem(&sensitive, &id) != NULL;
	if (!alarming && kind == S_IFREG && !is_kernel_magic(magic) && !is_watched())
		return;
	note_told(&call->fact);
	record->values[1] = flags;
	record->values[3] = id.device | (__u64)mode << 32;
	record->values[4] = origin_of(magic, SEEN(call->inode, inode, struct inode, i_nlink), dentry, inode);
	record->values[5] = SEEN(call->inode, inode, struct inode, i_rdev);
	record->values[6] = 0;
	struct vfsmount *mount = SEEN(call->file, file, struct file, f_path.mnt);
	__u64 used = write_path(dentry, mount, call->text, &record->flags);
	record->lengths[0] = used;
	tell(call, used, alarming || kind == S_IFBLK);
}

/* A file with a name is changed through a descriptor: told by the name that the kernel has. */
static __always_inline void handle_descriptor(struct task_struct *task, struct call *call, __u8 second)
{
	struct record *record = &call->record;
	struct file *file = file_of(record->values[1]);
	if (!file || BPF_CORE_READ(file, f_inode, i_nlink) == 0)
		return;
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	start_fact(call, record->values[7]);
	call->fact.what[0] = (__u64)dentry;
	call->fact.what[1] = BPF_CORE_READ(dentry, d_name.hash_len);
	call->fact.what[2] = second == NO_ARGUMENT ? record->values[2] : 0;
	if (second == NO_ARGUMENT && !is_news(call))
		return;
	__u64 used = 0;
	add_path(call, &used, 0, &file->f_path);
	if (second != NO_ARGUMENT)
		add_text(call, &used, 1, argument(record, second));
	deliver(call, used, false);
}

static long note_mapping(struct task_struct *task, struct vm_area_struct *area, struct file **file)
{
	*file = area->vm_file;
	return 0;
}

/* FMODE_BACKING, which has been either of them. */
#define FMODES_BACKING 0x3000000

/* A mapping holds the file of the layer below an overlay; this is the one that the process opened. */
static __always_inline struct path *seen_path(struct file *file)
{
	struct backing_file *backing = (void *)file;
	if (!bpf_core_field_exists(backing->user_path) || !(BPF_CORE_READ(file, f_mode) & FMODES_BACKING))
		return &file->f_path;
	if (BPF_CORE_READ(backing, user_path.dentry, d_inode, i_sb, s_magic) != OVERLAYFS_MAGIC)
		return &file->f_path;
	return &backing->user_path;
}

/* Memory became executable: what lies there, a file or none? Asked of the kernel, not of the arguments. */
static __always_inline void handle_code(struct task_struct *task, struct call *call, __u64 address)
{
	struct record *record = &call->record;
	struct file *file = NULL;
	long failed = bpf_find_vma(task, address, note_mapping, &file, 0);
	record->values[1] = address;
	if (failed)
		record->flags |= FLAG_TEXT_UNREADABLE;
	if (!file) {
		record->kind = KIND_MEMORY_CODE;
		start_fact(call, !!failed);
		if (is_news(call))
			deliver(call, 0, false);
		return;
	}
	struct path *path = seen_path(file);
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	set_file(record, dentry, BPF_CORE_READ(dentry, d_inode));
	set_fact(call, dentry, 0);
	if (!is_news(call))
		return;
	__u64 used = 0;
	add_path(call, &used, 0, path);
	deliver(call, used, record->values[4] == ORIGIN_MEMORY || record->values[4] == ORIGIN_DELETED);
}

#endif
