/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Names of files as the kernel knows them: up from the file through all mounts to the root directory of the
 * process. The components are written in the order in which they are met, last first, each with a zero behind
 * it; the reader turns them round. A path that does not fit is marked, never just cut.
 */
#ifndef LAZARET_PATH_H
#define LAZARET_PATH_H

#include "stream.h"

#define COMPONENTS 1024
#define NAME_MAXIMUM 255
/* PATH_MAX. */
#define PATH_ROOM 4096

/*
 * Holds a length within bounds before the verifier's eyes: the barrier keeps the compiler from proving the
 * comparison needless and leaving it out.
 */
#define WITHIN(value, maximum)                          \
	({                                              \
		__u64 held = (value);                   \
		asm volatile("" : "+r"(held));          \
		held > (maximum) ? (maximum) : held;    \
	})

struct walk {
	struct dentry *dentry;
	struct vfsmount *mount;
	struct dentry *mount_root; /* of `mount` */
	struct dentry *root;
	struct vfsmount *root_mount;
	char *room;
	__u32 offset;
	__u32 flags;
};

/* Of what a directory's entry keeps of its name itself: all kernels have as much, and its own bytes behind it. */
#define SHORT_NAME 40

/* Copies a name to where NAME_MAXIMUM bytes and a zero have room; most are in what was seen of the entry already. */
static __always_inline long copy_name(char *to, const unsigned char *name, __u64 length, struct dentry *dentry, void *view)
{
	__u64 at = bpf_core_field_offset(struct dentry, d_inode) + sizeof(struct inode *);
	if (at > DENTRY_VIEW - SHORT_NAME || length > SHORT_NAME || (void *)name != (void *)dentry + at)
		return bpf_probe_read_kernel(to, length, name);
	__u64 *seen = view + at;
#pragma unroll
	for (__u32 word = 0; word < SHORT_NAME / sizeof(*seen); word++)
		((volatile __u64 *)to)[word] = seen[word];
	return 0;
}

static long step(__u32 index, struct walk *walk)
{
	struct dentry *dentry = walk->dentry;
	struct vfsmount *mount = walk->mount;
	if (dentry == walk->root && mount == walk->root_mount) {
		walk->flags &= ~FLAG_TEXT_CUT;
		return 1;
	}
	if (dentry == walk->mount_root) {
		struct mount *whole = (void *)mount - bpf_core_field_offset(struct mount, mnt);
		VIEW(view, MOUNT_VIEW);
		LOOK(view, whole);
		struct mount *outer = SEEN(view, whole, struct mount, mnt_parent);
		if (outer == whole) {
			walk->flags &= ~FLAG_TEXT_CUT;
			walk->flags |= FLAG_OUTSIDE_ROOT;
			return 1;
		}
		walk->dentry = SEEN(view, whole, struct mount, mnt_mountpoint);
		walk->mount = (void *)outer + bpf_core_field_offset(struct mount, mnt);
		walk->mount_root = BPF_CORE_READ(outer, mnt.mnt_root);
		return 0;
	}
	VIEW(view, DENTRY_VIEW);
	LOOK(view, dentry);
	struct dentry *parent = SEEN(view, dentry, struct dentry, d_parent);
	if (dentry == parent) {
		walk->flags &= ~FLAG_TEXT_CUT;
		walk->flags |= FLAG_OUTSIDE_ROOT;
		return 1;
	}
	const unsigned char *name = SEEN(view, dentry, struct dentry, d_name.name);
	__u64 length = SEEN(view, dentry, struct dentry, d_name.len);
	__u64 offset = walk->offset;
	if (length > NAME_MAXIMUM || offset > PATH_ROOM - NAME_MAXIMUM - 1)
		return 1;
	offset = WITHIN(offset, PATH_ROOM - NAME_MAXIMUM - 1);
	length = WITHIN(length, NAME_MAXIMUM);
	if (copy_name(walk->room + offset, name, length, dentry, view)) {
		walk->flags |= FLAG_TEXT_UNREADABLE;
		return 1;
	}
	offset = WITHIN(offset + length, PATH_ROOM - 1);
	walk->room[offset] = 0;
	walk->offset = offset + 1;
	walk->dentry = parent;
	return 0;
}

/*
 * Writes the path into `room`, which has PATH_ROOM bytes, and returns its length; flags of the record are
 * added to `flags`.
 */
static __always_inline __u64 write_path(struct dentry *dentry, struct vfsmount *mount, char *room, __u16 *flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct walk walk = {
		.dentry = dentry,
		.mount = mount,
		.mount_root = BPF_CORE_READ(mount, mnt_root),
		.root = task->fs->root.dentry,
		.root_mount = task->fs->root.mnt,
		.room = room,
		.offset = UNKNOWN(0),
		/* Until the end is found. */
		.flags = UNKNOWN(FLAG_TEXT_CUT),
	};
	bpf_loop(COMPONENTS, step, &walk, 0);
	*flags |= walk.flags;
	return WITHIN(walk.offset, PATH_ROOM);
}

/* Where a file comes from, as far as the kernel knows. `origin` in `src/observe/files.rs` reads the numbers. */
enum origin {
	ORIGIN_IMAGE = 0,    /* the lower layers of an overlay */
	ORIGIN_UPPER = 1,    /* the upper layer: new, changed or merely touched since the start */
	ORIGIN_MOUNTED = 2,  /* a volume, a tmpfs, a bind mount */
	ORIGIN_DELETED = 3,  /* no name left, or never one */
	ORIGIN_KERNEL = 4,   /* a window into the kernel */
	ORIGIN_MEMORY = 5,   /* memfd_create(2) */
};

/* include/uapi/linux/magic.h */
#define OVERLAYFS_MAGIC 0x794c7630
#define TMPFS_MAGIC 0x01021994
#define PROC_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define CGROUP_MAGIC 0x27e0eb
#define CGROUP2_MAGIC 0x63677270
#define DEBUGFS_MAGIC 0x64626720
#define TRACEFS_MAGIC 0x74726163
#define SECURITYFS_MAGIC 0x73636673
#define BPF_MAGIC 0xcafe4a11

static __always_inline bool is_kernel_magic(__u64 magic)
{
	switch (magic) {
	case PROC_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_MAGIC:
	case CGROUP2_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case SECURITYFS_MAGIC:
	case BPF_MAGIC:
		return true;
	}
	return false;
}

/* Whether a file is a window into the kernel. */
static __always_inline bool is_kernels(struct inode *inode)
{
	return is_kernel_magic(BPF_CORE_READ(inode, i_sb, s_magic));
}

static __always_inline enum origin origin_by(__u64 magic, __u32 links, struct dentry *dentry, struct inode *inode)
{
	if (is_kernel_magic(magic))
		return ORIGIN_KERNEL;
	if (links == 0) {
		__u64 name = 0;
		bpf_probe_read_kernel(&name, 6, BPF_CORE_READ(dentry, d_name.name));
		/* "memfd:" */
		bool memory = magic == TMPFS_MAGIC && name == 0x3a64666d656dull;
		return memory ? ORIGIN_MEMORY : ORIGIN_DELETED;
	}
	if (magic != OVERLAYFS_MAGIC)
		return ORIGIN_MOUNTED;
	/*
	 * overlayfs keeps the entry of the upper layer right behind the inode that the rest of the kernel sees
	 * (fs/overlayfs/ovl_entry.h, since 4.8). Its own type is not asked for: where overlayfs is a module,
	 * the kernel's type information does not have it.
	 */
	void *upper = NULL;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper ? ORIGIN_UPPER : ORIGIN_IMAGE;
}

/*
 * A function of its own, which the verifier looks at once and not on each way that leads here. It takes no
 * pointers, because of those it would want to know what they point to.
 */
__attribute__((noinline)) __u32 origin_number(__u64 magic, __u32 links, __u64 dentry, __u64 inode)
{
	return origin_by(magic, links, (void *)dentry, (void *)inode);
}

/* By what is known of the file's inode: the number of its file system's kind, and how many names it has. */
static __always_inline enum origin origin_of(__u64 magic, __u32 links, struct dentry *dentry, struct inode *inode)
{
	/* No more than one hexadecimal digit, so that it can be a bit's number. */
	return origin_number(magic, links, (__u64)dentry, (__u64)inode) & 15;
}

static __always_inline enum origin origin_at(struct dentry *dentry, struct inode *inode)
{
	return origin_of(BPF_CORE_READ(inode, i_sb, s_magic), BPF_CORE_READ(inode, i_nlink), dentry, inode);
}

#endif
