/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The one name of a file for whoever decides: up to the root of the process's mount namespace, whatever root directory
 * the process has, in the order in which it is read.
 */
#ifndef LAZARET_NAMES_H
#define LAZARET_NAMES_H

#include "path.h"

#define HELD_PATH 2048
#define HELD_ROOM (HELD_PATH + NAME_MAXIMUM + 1)

enum ending {
	ENDS_UNKNOWN,  /* too long, cut off from any root, or of another namespace */
	ENDS_INTERNAL, /* a mount that no process has: pipes, memory, the layers of an overlay */
	ENDS_ELSEWHERE, /* at the root of another namespace */
	ENDS_AT_ROOT,
};

struct ascent {
	struct dentry *dentry;
	struct vfsmount *mount;
	struct mnt_namespace *namespace;
	char *room;
	__u32 at;
	enum ending ending;
};

/* MNT_NS_INTERNAL is an error number in a pointer's place. */
static __always_inline bool is_internal(struct mnt_namespace *namespace)
{
	return (long)namespace < 0 && (long)namespace >= -4095;
}

static long ascend(__u32 index, struct ascent *ascent)
{
	struct dentry *dentry = ascent->dentry;
	struct vfsmount *mount = ascent->mount;
	if (dentry == BPF_CORE_READ(mount, mnt_root)) {
		struct mount *whole = (void *)mount - bpf_core_field_offset(struct mount, mnt);
		struct mount *outer = BPF_CORE_READ(whole, mnt_parent);
		if (outer != whole) {
			ascent->dentry = BPF_CORE_READ(whole, mnt_mountpoint);
			ascent->mount = (void *)outer + bpf_core_field_offset(struct mount, mnt);
			return 0;
		}
		struct mnt_namespace *namespace = BPF_CORE_READ(whole, mnt_ns);
		if (is_internal(namespace))
			ascent->ending = ENDS_INTERNAL;
		else if (namespace && whole == BPF_CORE_READ(namespace, root))
			ascent->ending = namespace == ascent->namespace ? ENDS_AT_ROOT : ENDS_ELSEWHERE;
		return 1;
	}
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	__u64 length = BPF_CORE_READ(dentry, d_name.len);
	if (length > NAME_MAXIMUM || length + 1 > ascent->at)
		return 1;
	length = WITHIN(length, NAME_MAXIMUM);
	__u64 at = WITHIN(ascent->at - length, HELD_PATH);
	if (bpf_probe_read_kernel(ascent->room + at, length, BPF_CORE_READ(dentry, d_name.name)))
		return 1;
	at = WITHIN(at - 1, HELD_PATH);
	ascent->room[at] = '/';
	ascent->at = at;
	ascent->dentry = parent;
	if (parent != dentry)
		return 0;
	/* In no directory: a pipe, a file in memory. */
	struct mount *whole = (void *)mount - bpf_core_field_offset(struct mount, mnt);
	if (is_internal(BPF_CORE_READ(whole, mnt_ns)))
		ascent->ending = ENDS_INTERNAL;
	return 1;
}

/* Writes the name so that it ends at HELD_PATH of `room`, and says where it begins. */
static __noinline enum ending name_of(struct dentry *dentry, struct vfsmount *mount, char *room, __u32 *begin)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct ascent ascent = {
		.dentry = dentry,
		.mount = mount,
		.namespace = task->nsproxy->mnt_ns,
		.room = room,
		.at = UNKNOWN(HELD_PATH),
		.ending = UNKNOWN(ENDS_UNKNOWN),
	};
	bpf_loop(COMPONENTS, ascend, &ascent, 0);
	*begin = ascent.at;
	return ascent.ending;
}

#endif
