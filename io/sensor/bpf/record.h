/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What goes to user space: one `struct record` and up to four texts behind it, none with a final zero.
 * `src/record.rs` reads it.
 */
#ifndef LAZARET_RECORD_H
#define LAZARET_RECORD_H

#include "kernel.h"

/* What happened. The numbers are those of `Kind` in `src/record.rs`. */
enum kind {
	KIND_EXEC = 1,
	KIND_EXIT = 2,
	KIND_CGROUP_MADE = 3,
	KIND_CGROUP_GONE = 4,
	KIND_OPEN = 5,
	KIND_MAP_CODE = 6,
	KIND_MEMORY_CODE = 7,
	KIND_RENAME = 8,
	KIND_LINK = 9,
	KIND_SYMLINK = 10,
	KIND_UNLINK = 11,
	KIND_MODE = 12,
	KIND_NODE = 13,
	KIND_TIMES = 14,
	KIND_CREDENTIALS = 15,
	KIND_PTRACE = 16,
	KIND_FOREIGN_MEMORY = 17,
	KIND_MOUNT = 18,
	KIND_ENTER_NAMESPACE = 19,
	KIND_NEW_NAMESPACE = 20,
	KIND_MODULE = 21,
	KIND_BPF = 22,
	KIND_MEMFD = 23,
	KIND_IO_URING = 24,
	KIND_IO_URING_REQUEST = 25,
	KIND_SOCKET = 26,
	KIND_CONNECT = 27,
	KIND_BIND = 28,
	KIND_SEND = 29,
	KIND_LISTEN = 30,
	KIND_DNS = 31,
	KIND_UNIX_CONNECT = 32,
	KIND_CHANGE_ROOT = 33,
	KIND_DIRECTORY = 34,
	KIND_UNMOUNT = 35,
	KIND_TRUNCATE = 36,
	KIND_OWNER = 37,
	KIND_ATTRIBUTE = 38,
	KIND_REFUSED = 39, /* by a program at a security hook */
};

#define FLAG_TEXT_CUT 1        /* a text was longer than its room, or its end was not found */
#define FLAG_TEXT_UNREADABLE 2 /* a text could not be read */
#define FLAG_FOREIGN_PARENT 4  /* the parent lives in a PID namespace further out: entered or first process */
#define FLAG_REFUSED 8         /* the caller gets an error */
#define FLAG_KILLED 16         /* the process got SIGKILL */
#define FLAG_SHARED_TALLY 32   /* counted with those of all control groups for which there was no room */
#define FLAG_COMPAT 64         /* a 32-bit system call */
#define FLAG_OUTSIDE_ROOT 128  /* the path was followed to its end without meeting the process's root */

#define TEXTS 4
#define COMM_SIZE 16

/*
 * A container may nest PID namespaces (browsers do, in their sandboxes). The outermost one below the host's
 * tells the container, the innermost one is where the process lives.
 */
struct record {
	__u64 at;                  /* CLOCK_BOOTTIME, ns */
	__u64 cgroup;              /* id in the unified hierarchy */
	__u64 started;             /* start of the process, CLOCK_BOOTTIME, ns */
	__u64 init_started;        /* start of the first process of the outermost PID namespace */
	__u64 program;             /* inode of the executed file */
	__u64 values[8];           /* by kind */
	__u32 program_device;
	__u32 pid;                 /* all PIDs but one in the host's numbering */
	__u32 thread;
	__u32 parent;
	__u32 init;                /* first process of the outermost PID namespace */
	__u32 pid_in_namespace;    /* in the innermost one: 1 for its first process */
	__u32 uid;
	__u32 gid;
	__u32 pid_namespace;       /* outermost below the host's, or the host's */
	__u32 inner_pid_namespace;
	__u32 mount_namespace;
	__u32 init_mount_namespace;
	__u16 kind;
	__u16 flags;
	__u16 lengths[TEXTS];
	char comm[COMM_SIZE];
	__u32 entered;             /* the process that came in from outside, if this one descends from such */
};

_Static_assert(sizeof(struct record) == 184, "src/record.rs reads this layout");

#endif
