/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The ways to user space, and the books that prove that nothing was lost on them unnoticed.
 *
 * Three rings: `starts` holds program starts and control groups, `facts` what containers do, `alerts` what
 * must arrive even while the others overflow. For each control group and ring it is counted what was put in,
 * and what found no room. A count grows after the record is in, so a reader that first loads the count and
 * then empties the ring must have received that many.
 */
#ifndef LAZARET_STREAM_H
#define LAZARET_STREAM_H

#include "scope.h"

enum ring {
	RING_STARTS,
	RING_FACTS,
	RING_ALERTS,
	RINGS,
};

struct tally {
	__u64 sent[RINGS];
	__u64 lost[RINGS];
	__u64 repeated; /* facts not sent, because they were told before */
};

#define RING(name)                                                       \
	struct {                                                         \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                      \
		__uint(max_entries, 1 << 20); /* the loader's choice */ \
	} name SEC(".maps")

RING(starts);
RING(facts);
RING(alerts);

/* Keyed by control group. Zero stands for all those that found no room. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct tally);
} tallies SEC(".maps");

/*
 * What the reader received of each group and told as lost: its side of the books, kept here so that the next
 * reader finds it. No program looks at it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct { __u64 received[RINGS]; __u64 told[RINGS]; });
} books SEC(".maps");

/*
 * A new sensor attaches its programs beside those of the one before, and then takes over by one write: a
 * program whose generation is not the current one does nothing. No event is missed, none told twice.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} current_generation SEC(".maps");

const volatile __u64 generation = 0;

static __always_inline bool is_current(void)
{
	__u32 zero = 0;
	__u64 *current = bpf_map_lookup_elem(&current_generation, &zero);
	return current && *current == generation;
}

static __always_inline struct tally *tally_of(struct record *record)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, &record->cgroup);
	if (tally)
		return tally;
	struct tally none = {};
	/* Somebody may be faster, then it is there too. */
	bpf_map_update_elem(&tallies, &record->cgroup, &none, BPF_NOEXIST);
	tally = bpf_map_lookup_elem(&tallies, &record->cgroup);
	if (tally)
		return tally;
	__u64 shared = 0;
	record->flags |= FLAG_SHARED_TALLY;
	return bpf_map_lookup_elem(&tallies, &shared);
}

/*
 * No wake-up: an inter-processor interrupt here costs ten times the rest of a program. The reader comes by
 * every few milliseconds.
 */
static __always_inline void send(struct record *record, __u64 size, enum ring ring)
{
	struct tally *tally = tally_of(record);
	if (!tally)
		return;
	long failed;
	if (ring == RING_STARTS)
		failed = bpf_ringbuf_output(&starts, record, size, BPF_RB_NO_WAKEUP);
	else if (ring == RING_FACTS)
		failed = bpf_ringbuf_output(&facts, record, size, BPF_RB_NO_WAKEUP);
	else
		failed = bpf_ringbuf_output(&alerts, record, size, BPF_RB_NO_WAKEUP);
	if (failed)
		__sync_fetch_and_add(&tally->lost[ring], 1);
	else
		__sync_fetch_and_add(&tally->sent[ring], 1);
}

/* What was told of a control group before: it is told again only after a while. */
struct fact {
	__u64 cgroup;
	__u64 program;
	__u64 what[3];
	__u32 program_device;
	__u16 kind;
	__u16 variant;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct fact);
	__type(value, __u64);
} told SEC(".maps");

/* Nanoseconds after which a fact is told again, so that a reader knows that it still holds. */
const volatile __u64 retell_after = 60000000000ull;

static __always_inline bool is_told(struct fact *fact)
{
	__u64 *before = bpf_map_lookup_elem(&told, fact);
	if (!before || bpf_ktime_get_boot_ns() - *before >= retell_after)
		return false;
	struct tally *tally = bpf_map_lookup_elem(&tallies, &fact->cgroup);
	if (tally)
		__sync_fetch_and_add(&tally->repeated, 1);
	return true;
}

static __always_inline void note_told(struct fact *fact)
{
	__u64 now = bpf_ktime_get_boot_ns();
	bpf_map_update_elem(&told, fact, &now, BPF_ANY);
}

static __always_inline bool is_repeated(struct fact *fact)
{
	if (is_told(fact))
		return true;
	note_told(fact);
	return false;
}

#endif
