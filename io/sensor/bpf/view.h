/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Members of a kernel structure whose address is a mere number, to be had by a helper's call alone: one call copies the
 * structure's beginning, because a call costs more than the bytes that it copies. Which members lie there differs
 * among kernels; one that lies further on is read for itself.
 */
#ifndef LAZARET_VIEW_H
#define LAZARET_VIEW_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Bytes, no more than the structure has on any kernel. */
#define FILE_VIEW 96
#define INODE_VIEW 80
#define SUPER_VIEW 104
#define DENTRY_VIEW 96
#define MOUNT_VIEW 64

#define VIEW(name, room) __u64 name[(room) / sizeof(__u64)]

/* What cannot be read is seen as zeros. */
#define LOOK(view, address) bpf_probe_read_kernel(view, sizeof(view), address)

#define SEEN(view, address, type, member)                                                         \
	({                                                                                       \
		__typeof__(((type *)0)->member) seen;                                            \
		__u64 at = bpf_core_field_offset(type, member);                                  \
		if (at <= sizeof(view) - sizeof(seen))                                           \
			seen = *(__typeof__(seen) *)((char *)(view) + at);                       \
		else                                                                             \
			bpf_probe_read_kernel(&seen, sizeof(seen), (char *)(address) + at);      \
		seen;                                                                            \
	})

#endif
