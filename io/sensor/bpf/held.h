/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Whether a program may do something with a file, by the rules that its control group is held to.
 *
 * A file is named by the kernel's own chain of directories up to the root of the process's mount namespace: neither
 * links nor chroot(2) give it another name, and what would (mounts, moves, new roots) is refused while files are
 * held. The rules allow; what they do not name, and a name that does not fit or does not end at that root, is refused.
 *
 * The maps are looked up by hashes of the name's beginnings, which choose the rules to try; each is then compared
 * byte for byte. That a file is secret is told by hashes alone: two names with the same one are both secret.
 */
#ifndef LAZARET_HELD_H
#define LAZARET_HELD_H

#include "names.h"
#include "policy.h"

/* `struct policy`.held, and what a rule is about. `src/held.rs` has the same numbers. */
#define HELD_FILES 1
#define HELD_SECRETS 2
#define HELD_USERS 4

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

/* Hashes of names that are secret, whoever's they are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} secret_places SEC(".maps");

#define SEED_WHOLE 0xcbf29ce484222325ull  /* names from the root on */
#define SEED_ANYWHERE 0x9ae16a3b2f90404full /* one or two components, wherever they are */
#define MARK_ABOVE 0x5bd1e9955bd1e995ull  /* a directory with secrets somewhere below */
#define MARK_PROCESS 0xc6a4a7935bd1e995ull /* of a process, in procfs */

static __always_inline __u64 fold(__u64 hash, char byte)
{
	return (hash ^ (__u8)byte) * 0x100000001b3ull;
}

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

/*
 * open(2) asks whether it could make a file before it knows whether there is one. That it could not is told when
 * nothing was opened.
 */
static __always_inline void tell_deferred(struct decision *decision)
{
	__u64 size = decision->deferred;
	if (!size)
		return;
	decision->deferred = 0;
	size = WITHIN(size, sizeof(struct record) + HELD_PATH);
	send(&decision->record, size, RING_ALERTS);
}

/* There was a file after all. */
static __always_inline void forget_deferred(struct task_struct *task)
{
	struct decision *decision = bpf_task_storage_get(&decisions, task, NULL, 0);
	if (decision)
		decision->deferred = 0;
}

static __always_inline void tell_if_deferred(struct task_struct *task)
{
	struct decision *decision = bpf_task_storage_get(&decisions, task, NULL, 0);
	if (decision)
		tell_deferred(decision);
}

struct scan {
	struct decision *decision;
	__u64 whole; /* hash up to here */
	__u64 one;   /* of this component, with the slash before it */
	__u64 two;   /* of this and the one before */
	__u32 begin;
	__u32 count;
	__u32 secret;
};

static __always_inline bool is_secret_hash(__u64 hash)
{
	return bpf_map_lookup_elem(&secret_places, &hash);
}

static __always_inline bool are_secret(__u64 whole, __u64 one, __u64 two)
{
	return is_secret_hash(whole) || is_secret_hash(one) || is_secret_hash(two);
}

static long scan_byte(__u32 index, struct scan *scan)
{
	__u64 at = scan->begin + index;
	if (at >= HELD_PATH)
		return 1;
	char byte = scan->decision->path[at];
	scan->whole = fold(scan->whole, byte);
	scan->one = fold(scan->one, byte);
	scan->two = fold(scan->two, byte);
	if (byte != '/')
		return 0;
	__u32 place = scan->count;
	if (place >= HELD_PLACES)
		return 1;
	scan->decision->places[place] = scan->whole;
	scan->count = place + 1;
	if (index && are_secret(scan->whole, scan->one, scan->two))
		scan->secret = true;
	scan->two = scan->one;
	scan->one = fold(SEED_ANYWHERE, '/');
	return 0;
}

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

/* What a rule calls the running program; zero if none does. */
static __noinline __u32 program_number(struct decision *decision, __u64 group, __u32 version)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = task->mm->exe_file;
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

static __always_inline bool is_secret(struct scan *scan, struct question *question)
{
	if (scan->secret || are_secret(scan->whole, scan->one, scan->two))
		return true;
	if (question->of_process && is_secret_hash(scan->one ^ MARK_PROCESS))
		return true;
	if (!question->of_directory)
		return false;
	__u64 whole = fold(scan->whole, '/');
	__u64 one = fold(scan->one, '/');
	if (are_secret(whole, one, fold(scan->two, '/')))
		return true;
	return is_secret_hash(whole ^ MARK_ABOVE) || is_secret_hash(one ^ MARK_ABOVE);
}

static __noinline bool is_forbidden(struct decision *decision, struct question *question)
{
	question->is_known = false;
	__u32 begin = HELD_PATH;
	enum ending ending = name_of(question->dentry, question->mount, decision->path, &begin);
	if (ending == ENDS_INTERNAL)
		return false;
	question->begin = begin;
	/* A socket of the host has the host's name. */
	if (ending != ENDS_AT_ROOT && !(ending == ENDS_ELSEWHERE && question->operation == OPERATION_CONNECT))
		return true;
	struct scan scan = {
		.decision = decision,
		.whole = SEED_WHOLE,
		.one = SEED_ANYWHERE,
		.two = SEED_ANYWHERE,
		.begin = begin,
		.count = UNKNOWN(0),
		.secret = UNKNOWN(0),
	};
	bpf_loop(HELD_PATH, scan_byte, &scan, 0);
	if (scan.count >= HELD_PLACES)
		return true;
	question->is_known = true;
	bool secret = is_secret(&scan, question);
	__u32 held = secret ? HELD_SECRETS : HELD_FILES;
	if (!(question->held & held))
		return false;
	if (!secret && question->of_image && question->operation == OPERATION_READ)
		return false;
	decision->places[scan.count & (HELD_PLACES - 1)] = scan.whole;
	struct search search = {
		.decision = decision,
		.key = {
			.cgroup = question->group,
			.version = question->version,
			.program = UNKNOWN(0),
			.index = UNKNOWN(0),
		},
		.program = program_number(decision, question->group, question->version),
		.begin = begin,
		.place = scan.count,
		.operation = question->operation,
		.held = held,
		.found = UNKNOWN(0),
	};
	bpf_loop(HELD_TRIES, try_rule, &search, 0);
	return !search.found;
}

#endif
