/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Connections, datagrams and bound ports: told, and refused where a policy says so. The caller gets EPERM.
 *
 * The programs are attached to the root of the unified hierarchy and look the caller's group up, so that a new
 * container is never without them. An IPv4 address is always held in its IPv6 form, ::ffff:a.b.c.d: a peer has
 * one name, whichever family the socket is of. The unspecified address means this host, as to the kernel.
 *
 * These programs may be preempted by another of the same kind: all they need lies on the stack.
 */
#ifndef LAZARET_NETWORK_H
#define LAZARET_NETWORK_H

#include "policy.h"

#define ALLOW 1
#define REFUSE 0

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define AF_INET 2
#define AF_INET6 10

/* A rule that allows. Port zero means any port; the length of the prefix ends in the address. */
struct peer {
	__u32 prefix;
	__u32 cgroup[2];
	__u8 direction;
	__u8 protocol;
	__be16 port;
	__u32 address[4];
};

_Static_assert(sizeof(struct peer) == 32, "src/network.rs writes this layout");

#define DIRECTION_OUT 1
#define DIRECTION_BIND 2

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct peer);
	__type(value, __u32);
} peers SEC(".maps");

static __always_inline bool is_listed(struct peer *peer)
{
	__be16 port = peer->port;
	peer->prefix = (sizeof(*peer) - sizeof(peer->prefix)) * 8;
	bool listed = bpf_map_lookup_elem(&peers, peer);
	if (!listed) {
		peer->port = 0;
		listed = bpf_map_lookup_elem(&peers, peer);
		peer->port = port;
	}
	return listed;
}

static __always_inline void tell_peer(struct peer *peer, __u64 cgroup, __u32 socket, enum kind kind, bool refused)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (!is_inside(task) || !is_current() || runtime_runs())
		return;
	struct inode *program = task->mm->exe_file->f_inode;
	struct fact fact = {
		.cgroup = cgroup,
		.program = program->i_ino,
		.what = {
			(__u64)peer->address[0] << 32 | peer->address[1],
			(__u64)peer->address[2] << 32 | peer->address[3],
			(__u64)peer->port << 32 | socket,
		},
		.program_device = program->i_sb->s_dev,
		.kind = kind,
		.variant = refused,
	};
	/* A refusal is told each time: it is what somebody did, not only what somebody does. */
	if (!refused && is_repeated(&fact))
		return;
	struct record record = {};
	describe(&record, task, kind);
	record.values[0] = peer->address[0] | (__u64)peer->address[1] << 32;
	record.values[1] = peer->address[2] | (__u64)peer->address[3] << 32;
	record.values[2] = peer->port | (__u64)peer->protocol << 16 | (__u64)socket << 32;
	if (refused)
		record.flags |= FLAG_REFUSED;
	send(&record, sizeof(record), refused ? RING_ALERTS : RING_FACTS);
}

static __always_inline int decide(struct bpf_sock_addr *call, struct peer *peer, enum kind kind)
{
	__u64 cgroup;
	struct policy *policy = policy_of(&cgroup);
	__u32 type = call->type;
	bool binds = kind == KIND_BIND;
	peer->cgroup[0] = cgroup;
	peer->cgroup[1] = cgroup >> 32;
	peer->direction = binds ? DIRECTION_BIND : DIRECTION_OUT;
	peer->protocol = call->protocol ?: type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	peer->port = call->user_port;
	bool enforced = policy && policy->network & (binds ? NETWORK_PORTS : NETWORK_PEERS);
	/* The kernel chooses a port then: nobody can be expected there. */
	bool free = binds && !peer->port;
	bool refused = enforced && !free && !is_listed(peer);
	if (!free)
		tell_peer(peer, bpf_get_current_cgroup_id(), type, kind, refused);
	return refused ? REFUSE : ALLOW;
}

static __always_inline int decide4(struct bpf_sock_addr *call, enum kind kind)
{
	__u32 address = call->user_ip4;
	if (!address && kind != KIND_BIND)
		address = bpf_htonl(0x7f000001);
	struct peer peer = { .address = { 0, 0, bpf_htonl(0xffff), address } };
	return decide(call, &peer, kind);
}

static __always_inline int decide6(struct bpf_sock_addr *call, enum kind kind)
{
	struct peer peer = {
		.address = { call->user_ip6[0], call->user_ip6[1], call->user_ip6[2], call->user_ip6[3] },
	};
	bool mapped = !peer.address[0] && !peer.address[1] && peer.address[2] == bpf_htonl(0xffff);
	if (kind != KIND_BIND && !peer.address[0] && !peer.address[1] && !peer.address[3]) {
		if (mapped)
			peer.address[3] = bpf_htonl(0x7f000001);
		else if (!peer.address[2])
			peer.address[3] = bpf_htonl(1);
	}
	return decide(call, &peer, kind);
}

#define NETWORK_PROGRAM(section, name, version, kind) \
	SEC("cgroup/" section)                        \
	int name(struct bpf_sock_addr *call)          \
	{                                             \
		return decide##version(call, kind);   \
	}

NETWORK_PROGRAM("connect4", connect4, 4, KIND_CONNECT)
NETWORK_PROGRAM("connect6", connect6, 6, KIND_CONNECT)
NETWORK_PROGRAM("sendmsg4", sendmsg4, 4, KIND_SEND)
NETWORK_PROGRAM("sendmsg6", sendmsg6, 6, KIND_SEND)
NETWORK_PROGRAM("bind4", bind4, 4, KIND_BIND)
NETWORK_PROGRAM("bind6", bind6, 6, KIND_BIND)

/*
 * Where peers are enforced, only protocols whose peers are seen: raw sockets, SCTP, MPTCP, ICMP and others send
 * past the programs above.
 */
SEC("cgroup/sock_create")
int socket_made(struct bpf_sock *socket)
{
	__u64 cgroup;
	struct policy *policy = policy_of(&cgroup);
	if (!policy || !(policy->network & NETWORK_PEERS))
		return ALLOW;
	__u32 type = socket->type;
	__u32 protocol = socket->protocol;
	bool tcp = type == SOCK_STREAM && protocol == IPPROTO_TCP;
	bool udp = type == SOCK_DGRAM && protocol == IPPROTO_UDP;
	if (tcp || udp)
		return ALLOW;
	struct task_struct *task = bpf_get_current_task_btf();
	if (is_inside(task) && is_current()) {
		struct record record = {};
		describe(&record, task, KIND_SOCKET);
		record.values[0] = -1ull;
		record.values[1] = socket->family;
		record.values[2] = type;
		record.values[3] = protocol;
		record.flags |= FLAG_REFUSED;
		send(&record, sizeof(record), RING_ALERTS);
	}
	return REFUSE;
}

#endif
