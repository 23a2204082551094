/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What is seen of sockets at system calls: listening, connections to local sockets, questions to name servers. */
#ifndef LAZARET_SOCKETS_H
#define LAZARET_SOCKETS_H

#include "call.h"
#include "network.h"

#define AF_UNIX 1
#define DNS_PORT 53
/* Header and one question: a name has at most 255 bytes. */
#define QUESTION_ROOM 512

static __always_inline struct sock *socket_of(struct task_struct *task, __u32 descriptor)
{
	struct file *file = file_of(descriptor);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* Address as in network.h, port in network order and protocol. */
static __always_inline void handle_listen(struct task_struct *task, struct call *call)
{
	struct record *record = &call->record;
	struct sock *socket = socket_of(task, record->values[1]);
	__u16 family = BPF_CORE_READ(socket, __sk_common.skc_family);
	if (!socket || (family != AF_INET && family != AF_INET6))
		return;
	__u32 address[4] = { 0, 0, bpf_htonl(0xffff), 0 };
	if (family == AF_INET)
		address[3] = BPF_CORE_READ(socket, __sk_common.skc_rcv_saddr);
	else
		BPF_CORE_READ_INTO(&address, socket, __sk_common.skc_v6_rcv_saddr);
	__u32 port = bpf_htons(BPF_CORE_READ(socket, __sk_common.skc_num));
	__u32 protocol = BPF_CORE_READ(socket, sk_protocol);
	record->values[1] = address[0] | (__u64)address[1] << 32;
	record->values[2] = address[2] | (__u64)address[3] << 32;
	record->values[3] = port | (__u64)protocol << 16;
	deliver(call, 0, false);
}

/* By the kernel's socket: what the caller's address holds may be another by now. */
static __always_inline bool is_local_socket(struct task_struct *task, __u32 descriptor)
{
	struct sock *socket = socket_of(task, descriptor);
	return socket && BPF_CORE_READ(socket, __sk_common.skc_family) == AF_UNIX;
}

/* A connection to a local socket is told by the file that the listener bound: an alias of it is the same file. */
static __always_inline void handle_connect(struct task_struct *task, struct call *call)
{
	struct record *record = &call->record;
	struct sock *socket = socket_of(task, record->values[1]);
	if (!socket)
		return;
	struct unix_sock *own = (void *)socket;
	struct unix_sock *peer = (void *)BPF_CORE_READ(own, peer);
	if (!peer)
		return;
	struct dentry *dentry = BPF_CORE_READ(peer, path.dentry);
	if (!dentry)
		return;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	record->values[2] = BPF_CORE_READ(inode, i_ino);
	record->values[3] = BPF_CORE_READ(inode, i_sb, s_dev);
	start_fact(call, 0);
	call->fact.what[0] = record->values[2];
	call->fact.what[1] = record->values[3];
	if (!is_news(call))
		return;
	__u64 used = 0;
	add_path(call, &used, 0, &peer->path);
	/* And as the caller named it, behind the family. */
	add_text(call, &used, 1, record->values[6] + 2);
	deliver(call, used, false);
}

/* By the name that the caller gave, behind the family; one that begins with a zero is none of a file. */
static __always_inline void handle_unconnected(struct task_struct *task, struct call *call)
{
	__u64 used = 0;
	add_text(call, &used, 0, call->record.values[6] + 2);
	if (!used)
		return;
	if (call->text[0] != '/')
		add_base(task, call, &used, 2, AT_FDCWD);
	deliver(call, used, false);
}

struct user_vector {
	__u64 base;
	__u64 length;
};

/* The 64-bit form; in a vector of messages the first one. */
struct user_message {
	__u64 name;
	__u32 name_length;
	__u32 padding;
	struct user_vector *vectors;
	__u64 count;
};

/* Sockets that questions to name servers go through. */
static __always_inline bool is_datagram_socket(struct task_struct *task, __u32 descriptor)
{
	struct sock *socket = socket_of(task, descriptor);
	return socket && BPF_CORE_READ(socket, sk_protocol) == IPPROTO_UDP;
}

/* A question to a name server. The text is the message as sent; user space reads the name in it. */
static __always_inline void tell_question(struct call *call, struct user_vector content)
{
	struct record *record = &call->record;
	__u64 length = content.length;
	if (length > QUESTION_ROOM)
		record->flags |= FLAG_TEXT_CUT;
	length = WITHIN(length, QUESTION_ROOM);
	if (bpf_probe_read_user(call->text, length, (void *)content.base))
		record->flags |= FLAG_TEXT_UNREADABLE;
	else
		record->lengths[0] = length;
	deliver(call, record->lengths[0], false);
}

static __always_inline void handle_send(struct task_struct *task, struct call *call, bool is_message)
{
	struct record *record = &call->record;
	struct sock *socket = socket_of(task, record->values[1]);
	__u16 port = BPF_CORE_READ(socket, __sk_common.skc_dport);
	__u64 name = record->values[5];
	struct user_vector content = { record->values[2], record->values[3] };
	if (is_message) {
		struct user_message message = {};
		if (bpf_probe_read_user(&message, sizeof(message), (void *)record->values[2]))
			return;
		name = message.name;
		if (bpf_probe_read_user(&content, sizeof(content), message.vectors))
			return;
	}
	if (!port && name) {
		__u16 given[2] = {};
		if (bpf_probe_read_user(given, sizeof(given), (void *)name))
			return;
		port = given[1];
	}
	if (port == bpf_htons(DNS_PORT))
		tell_question(call, content);
}

/* write(2) and writev(2) on a socket that is connected to a name server. */
static __always_inline void handle_write(struct task_struct *task, struct call *call, __u8 vector)
{
	struct record *record = &call->record;
	struct sock *socket = socket_of(task, record->values[1]);
	if (BPF_CORE_READ(socket, __sk_common.skc_dport) != bpf_htons(DNS_PORT))
		return;
	struct user_vector content = { record->values[2], record->values[3] };
	if (vector != NO_ARGUMENT && bpf_probe_read_user(&content, sizeof(content), (void *)record->values[2]))
		return;
	tell_question(call, content);
}

#endif
