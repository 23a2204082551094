/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Requests of io_uring, which do what system calls do and are none. Connections are decided in network.h like
 * all others; that a program uses the ring, and for what, is told here, with the name of each file to open.
 */
#ifndef LAZARET_REQUESTS_H
#define LAZARET_REQUESTS_H

#include "call.h"

/* include/uapi/linux/io_uring.h */
#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(request_made, struct io_kiocb *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (!is_inside(task) || !is_current())
		return 0;
	__u32 zero = 0;
	struct call *call = bpf_map_lookup_elem(&request_scratch, &zero);
	if (!call)
		return 0;
	struct record *record = &call->record;
	identify(record, task, KIND_IO_URING_REQUEST);
	__u8 opcode = request->opcode;
	record->values[1] = opcode;
	if (opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2) {
		struct io_open *open = (void *)request;
		const char *name = BPF_CORE_READ(open, filename, name);
		long length = bpf_probe_read_kernel_str(call->text, PATH_ROOM, name);
		if (length < 1)
			record->flags |= FLAG_TEXT_UNREADABLE;
		__u64 used = length > 1 ? WITHIN(length - 1, PATH_ROOM) : 0;
		record->lengths[0] = used;
		deliver(call, used, true);
		return 0;
	}
	start_fact(call, opcode);
	if (is_news(call))
		deliver(call, 0, false);
	return 0;
}

#endif
