/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Rules that a control group is held to, and how the one is found that names a file and the program that uses it.
 *
 * The rules allow. They are looked up by hashes of the name's beginnings, which choose those to try; each is then
 * compared byte for byte.
 */
#ifndef LAZARET_RULES_H
#define LAZARET_RULES_H

#include "names.h"
#include "policy.h"

/* `struct policy`.held, and what a rule is about. `src/held.rs` has the same numbers. */
#define HELD_FILES 1
#define HELD_SECRETS 2
#define HELD_USERS 4
#define HELD_STARTS 32

#define HELD_PLACES 64
#define HELD_PATTERN 256
/* Rules that are tried for one question. */
#define HELD_TRIES 1024

struct rule_key {
	__u64 cgroup;
	__u64 place;   /* hash of the whole name, or of the directory above the first star, with its slash */
	__u32 version;
	__u32 program; /* zero: any */
	__u32 index;   /* from zero on, without gaps */
	__u32 padding;
};

struct rule {
	__u32 operations; /* a bit for each FileOperation */
	__u16 held;
	__u16 length;
	__u32 open;       /* whatever follows the pattern is matched too */
	char pattern[HELD_PATTERN]; /* a zero stands for any characters but slashes */
};

_Static_assert(sizeof(struct rule_key) == 32 && sizeof(struct rule) == 268, "src/held.rs writes these layouts");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rule_key);
	__type(value, struct rule);
} rules SEC(".maps");

/* Programs that rules name, by their path. */
struct program_key {
	__u64 cgroup;
	__u32 version;
	__u32 padding;
	char path[HELD_PATTERN];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct program_key);
	__type(value, __u32);
} programs SEC(".maps");

/*
 * A thread's own room. Programs at security hooks may be interrupted by others, so that a room for each processor
 * would not do.
 */
struct decision {
	struct record record;
	char told[HELD_ROOM]; /* behind the record, as it is sent */
	char path[HELD_ROOM]; /* ends at HELD_PATH */
	struct program_key program;
	__u64 places[HELD_PLACES];
	__u32 deferred; /* bytes of the record and what is behind it, which are still to be told; or zero */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct decision);
} decisions SEC(".maps");

struct comparison {
	const char *pattern;
	const char *text; /* ends at HELD_PATH */
	__u32 length;
	__u32 open;
	__u32 p;
	__u32 t;
	__u32 star;       /* behind the last one that was met; zero: none was */
	__u32 star_at;
	__u32 matches;
};

/* `Pattern::matches` of core/profile in steps: on a mismatch the last star takes one more character. */
static long compare(__u32 index, struct comparison *comparison)
{
	__u32 p = comparison->p;
	__u32 t = comparison->t;
	bool ended = t >= HELD_PATH;
	char found = ended ? 0 : comparison->text[t & (HELD_PATH - 1)];
	if (p >= comparison->length) {
		if (comparison->open || ended) {
			comparison->matches = true;
			return 1;
		}
	} else {
		char expected = comparison->pattern[p & (HELD_PATTERN - 1)];
		if (!expected) {
			comparison->star = p + 1;
			comparison->star_at = t;
			comparison->p = p + 1;
			return 0;
		}
		if (!ended && expected == found) {
			comparison->p = p + 1;
			comparison->t = t + 1;
			return 0;
		}
	}
	__u32 from = comparison->star_at;
	if (!comparison->star || from >= HELD_PATH || comparison->text[from & (HELD_PATH - 1)] == '/')
		return 1;
	comparison->star_at = from + 1;
	comparison->p = comparison->star;
	comparison->t = from + 1;
	return 0;
}

struct search {
	struct decision *decision;
	struct rule_key key;
	__u32 program;
	__u32 begin;
	__u32 place;
	__u32 operation;
	__u16 held;
	__u32 found;
};

static long try_rule(__u32 index, struct search *search)
{
	search->key.place = search->decision->places[search->place & (HELD_PLACES - 1)];
	struct rule *rule = bpf_map_lookup_elem(&rules, &search->key);
	if (!rule) {
		search->key.index = 0;
		if (!search->key.program && search->program) {
			search->key.program = search->program;
			return 0;
		}
		search->key.program = 0;
		return search->place-- == 0;
	}
	search->key.index++;
	if (rule->held != search->held || !(rule->operations & 1u << (search->operation & 31)))
		return 0;
	struct comparison comparison = {
		.pattern = rule->pattern,
		.text = search->decision->path,
		.length = rule->length,
		.open = rule->open,
		.p = UNKNOWN(0),
		.t = search->begin,
		.star = UNKNOWN(0),
		.star_at = UNKNOWN(0),
		.matches = UNKNOWN(0),
	};
	/* The steps of a pattern with several stars are more than its length, but not without end. */
	bpf_loop(4 * HELD_PATH, compare, &comparison, 0);
	search->found = comparison.matches;
	return comparison.matches ? 1 : 0;
}

/* What a rule calls a program; zero if none does. */
static __noinline __u32 program_number(struct decision *decision, struct file *file, __u64 group, __u32 version)
{
	__u32 begin = HELD_PATH;
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *mount = BPF_CORE_READ(file, f_path.mnt);
	if (!dentry || name_of(dentry, mount, decision->told, &begin) != ENDS_AT_ROOT)
		return 0;
	__u64 length = HELD_PATH - WITHIN(begin, HELD_PATH);
	if (length > HELD_PATTERN)
		return 0;
	struct program_key *key = &decision->program;
	__builtin_memset(key, 0, sizeof(*key));
	key->cgroup = group;
	key->version = version;
	length = WITHIN(length, HELD_PATTERN);
	bpf_probe_read_kernel(key->path, length, decision->told + WITHIN(begin, HELD_PATH));
	__u32 *number = bpf_map_lookup_elem(&programs, key);
	return number ? *number : 0;
}

/* The operations of FileOperation in core/model, in its order. */
enum operation {
	OPERATION_READ,
	OPERATION_WRITE,
	OPERATION_APPEND,
	OPERATION_TRUNCATE,
	OPERATION_CREATE,
	OPERATION_DELETE,
	OPERATION_RENAME,
	OPERATION_LINK,
	OPERATION_SYMLINK,
	OPERATION_ATTRIBUTES,
	OPERATION_SET_USER_ID,
	OPERATION_DEVICE,
	OPERATION_CONNECT,
	/* Of programs, which no FileOperation is. `src/held.rs` has them, too. */
	OPERATION_START,
	OPERATION_START_CHANGED, /* since the container began */
};

struct question {
	struct dentry *dentry;
	struct vfsmount *mount;
	__u64 group;
	__u32 held;
	__u32 version;
	enum operation operation;
	__u32 begin;     /* of the name in decision->path; set by the answer */
	bool of_image;
	bool of_process; /* in procfs */
	bool of_directory; /* that is renamed */
	bool is_known;   /* whether the name is; set by the answer */
};

/* Whether a rule lets a program do it with the file whose name has been scanned. */
static __noinline bool is_ruled(struct decision *decision, struct question *question, __u32 place, __u32 held,
				__u32 program)
{
	struct search search = {
		.decision = decision,
		.key = {
			.cgroup = question->group,
			.version = question->version,
			.program = UNKNOWN(0),
			.index = UNKNOWN(0),
		},
		.program = program,
		.begin = question->begin,
		.place = place,
		.operation = question->operation,
		.held = held,
		.found = UNKNOWN(0),
	};
	bpf_loop(HELD_TRIES, try_rule, &search, 0);
	return search.found;
}

#endif
