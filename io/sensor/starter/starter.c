/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The first program of a container whose files Landlock holds: gives up the right to change files elsewhere than its
 * rules say, for itself and all that descend from it, and becomes the container's own program.
 *
 * It is executed through an inherited descriptor, as `/proc/self/fd/N PROGRAM ARGUMENTS…`, and reads its rules from
 * descriptor N + 1 (`src/domain.rs` writes them): 8 bytes of what is held, then for each place 8 bytes of rights and
 * its path with a zero. It runs in any image, so it leans on nothing: no C library, system calls alone.
 *
 * What goes wrong ends the start. Exit codes as shells and engines know them: 125 it could not be held, 126 it cannot
 * be executed, 127 there is no such program.
 */

typedef unsigned long long u64;
typedef long i64;

#if defined(__x86_64__)

#define SYS_READ 0
#define SYS_WRITE 1
#define SYS_CLOSE 3
#define SYS_FCNTL 72
#define SYS_EXECVE 59
#define SYS_EXIT_GROUP 231
#define SYS_OPENAT 257
#define SYS_FACCESSAT 269
#define SYS_PRCTL 157
#define O_DIRECTORY 0200000
#define O_NOFOLLOW 0400000

#define ARCHITECTURE 0xc000003e
#define CALL_OPEN 2
#define CALL_OPENAT 257
#define CALL_OPEN_HANDLE 304
/* i386 */
#define OTHER_OPENAT 295
#define OTHER_OPEN_HANDLE 342

/* The stack at the start: count, arguments, null, environment, null. */
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n\thlt\n");

static i64 call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e)
{
	i64 result;
	register i64 r10 __asm__("r10") = d;
	register i64 r8 __asm__("r8") = e;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__)

#define SYS_READ 63
#define SYS_WRITE 64
#define SYS_CLOSE 57
#define SYS_FCNTL 25
#define SYS_EXECVE 221
#define SYS_EXIT_GROUP 94
#define SYS_OPENAT 56
#define SYS_FACCESSAT 48
#define SYS_PRCTL 167
#define O_DIRECTORY 040000
#define O_NOFOLLOW 0100000

#define ARCHITECTURE 0xc00000b7
#define CALL_OPEN 0xffffffff
#define CALL_OPENAT 56
#define CALL_OPEN_HANDLE 265
/* 32-bit ARM */
#define OTHER_OPENAT 322
#define OTHER_OPEN_HANDLE 371

__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl begin\n\tbrk #0\n");

static i64 call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e)
{
	register i64 x8 __asm__("x8") = number;
	register i64 x0 __asm__("x0") = a;
	register i64 x1 __asm__("x1") = b;
	register i64 x2 __asm__("x2") = c;
	register i64 x3 __asm__("x3") = d;
	register i64 x4 __asm__("x4") = e;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}

#else
#error "the starter is not written for this processor architecture"
#endif

/* The same numbers everywhere. */
#define SYS_CREATE_RULESET 444
#define SYS_ADD_RULE 445
#define SYS_RESTRICT_SELF 446

#define AT_FDCWD -100
#define O_PATH 010000000
#define O_CLOEXEC 02000000
#define O_ACCMODE 03
#define F_GETFL 3
#define X_OK 1
#define PR_SET_NO_NEW_PRIVS 38
#define PR_SET_SECCOMP 22
#define SECCOMP_FILTER 2
#define PATH_BENEATH 1

#define EPERM 1
#define ENOENT 2
#define EINTR 4
#define EACCES 13
#define ENOTDIR 20
#define EINVAL 22
#define ENAMETOOLONG 36
#define ELOOP 40

/* What can be given on a file: the other rights are about directories. */
#define WRITE_FILE (1ull << 1)
#define TRUNCATE (1ull << 14)
#define ON_FILES (WRITE_FILE | TRUNCATE)

#define ROOM (64 << 10)
#define PATH_ROOM 4096

static char rules[ROOM + 1];
static char candidate[PATH_ROOM];

struct path_beneath {
	u64 rights;
	int parent;
} __attribute__((packed));

static u64 length_of(const char *text)
{
	u64 length = 0;
	while (text[length])
		length++;
	return length;
}

static void say(const char *text)
{
	call(SYS_WRITE, 2, (i64)text, length_of(text), 0, 0);
}

static _Noreturn void fail(int code, const char *what, const char *about, i64 error)
{
	char number[12];
	int at = sizeof(number) - 1;
	number[at] = 0;
	for (u64 rest = error < 0 ? -error : error; at > 0 && (rest || at == sizeof(number) - 1); rest /= 10)
		number[--at] = '0' + rest % 10;
	say("lazaret: ");
	say(what);
	say(about);
	say(error == -ENOENT    ? ": no such file or directory"
	    : error == -EACCES  ? ": permission denied"
	    : error == -EPERM   ? ": operation not permitted"
	    : error == -ENOTDIR ? ": not a directory"
				: ": error ");
	if (error != -ENOENT && error != -EACCES && error != -EPERM && error != -ENOTDIR)
		say(number + at);
	say("\n");
	call(SYS_EXIT_GROUP, code, 0, 0, 0, 0);
	__builtin_trap();
}

static _Noreturn void not_held(const char *what, i64 error)
{
	fail(125, "the container cannot be held to its profile's files: ", what, error);
}

static void close_it(i64 descriptor)
{
	call(SYS_CLOSE, descriptor, 0, 0, 0, 0);
}

static u64 number_at(const char *bytes)
{
	u64 number = 0;
	for (int at = 7; at >= 0; at--)
		number = number << 8 | (unsigned char)bytes[at];
	return number;
}

/* A place of that name, without following a link: rules name places as the kernel does. Changes `path`. */
static i64 find(char *path)
{
	i64 here = call(SYS_OPENAT, AT_FDCWD, (i64) "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0);
	while (here >= 0 && *path) {
		while (*path == '/')
			path++;
		if (!*path)
			break;
		char *name = path;
		while (*path && *path != '/')
			path++;
		i64 flags = O_PATH | O_NOFOLLOW | O_CLOEXEC | (*path ? O_DIRECTORY : 0);
		if (*path)
			*path++ = 0;
		i64 next = call(SYS_OPENAT, here, (i64)name, flags, 0, 0);
		close_it(here);
		here = next;
	}
	return here;
}

static i64 add(i64 ruleset, i64 place, u64 rights)
{
	struct path_beneath rule = { .rights = rights, .parent = (int)place };
	i64 error = call(SYS_ADD_RULE, ruleset, PATH_BENEATH, (i64)&rule, 0, 0);
	if (error != -EINVAL)
		return error;
	/* It is no directory. */
	rule.rights = rights & ON_FILES;
	return rule.rights ? call(SYS_ADD_RULE, ruleset, PATH_BENEATH, (i64)&rule, 0, 0) : 0;
}

/* What is not there or out of this user's reach cannot be changed through that name. */
static int is_absent(i64 error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ELOOP || error == -ENAMETOOLONG;
}

/* What the process was given open for writing may be opened again by its name in procfs. */
static void add_streams(i64 ruleset, u64 held)
{
	for (int stream = 0; stream < 3; stream++) {
		i64 flags = call(SYS_FCNTL, stream, F_GETFL, 0, 0, 0);
		if (flags < 0 || (flags & O_ACCMODE) == 0)
			continue;
		struct path_beneath rule = { .rights = held & ON_FILES, .parent = stream };
		/* Pipes and sockets need none, and take none. */
		call(SYS_ADD_RULE, ruleset, PATH_BENEATH, (i64)&rule, 0, 0);
	}
}

/*
 * overlayfs empties a file of the image that is opened for reading with O_TRUNC before Landlock is asked whether it may be
 * cut: that way of opening, which is for nobody, is refused first. Where its flags are out of sight (openat2, io_uring),
 * the call is as in a kernel that does not have it.
 */
#define LOAD(offset) { 0x20, 0, 0, offset }
#define AND(bits) { 0x54, 0, 0, bits }
#define IF(value, then, otherwise) { 0x15, then, otherwise, value }
#define SKIP(count) { 0x05, 0, 0, count }
#define RETURN(value) { 0x06, 0, 0, value }
#define CALL_OPENAT2 437
#define CALL_IO_URING 425
#define O_TRUNC 01000

static const struct {
	unsigned short code;
	unsigned char then, otherwise;
	unsigned value;
} filter[] = {
	LOAD(4),
	IF(ARCHITECTURE, 0, 7),
	LOAD(0),
	AND(0xbfffffff), /* x32 */
	IF(CALL_OPEN, 10, 0),
	IF(CALL_OPENAT, 11, 0),
	IF(CALL_OPEN_HANDLE, 10, 0),
	IF(CALL_OPENAT2, 14, 0),
	IF(CALL_IO_URING, 13, 12),
	/* 9: 32-bit calls */
	LOAD(0),
	IF(5, 4, 0),
	IF(OTHER_OPENAT, 5, 0),
	IF(OTHER_OPEN_HANDLE, 4, 0),
	IF(CALL_OPENAT2, 8, 0),
	IF(CALL_IO_URING, 7, 6),
	/* 15: flags are the second argument */
	LOAD(24),
	SKIP(1),
	/* 17: the third */
	LOAD(32),
	AND(O_ACCMODE | O_TRUNC),
	IF(O_TRUNC, 3, 0),
	IF(O_ACCMODE | O_TRUNC, 2, 0),
	RETURN(0x7fff0000),
	RETURN(0x00050000 | 38),
	RETURN(0x00050000 | EACCES),
};

static const struct {
	unsigned short count;
	const void *first;
} program = { sizeof(filter) / sizeof(filter[0]), filter };

static void hold(i64 source)
{
	i64 length = 0, got;
	while ((got = call(SYS_READ, source, (i64)(rules + length), ROOM - length, 0, 0)) != 0) {
		if (got < 0 && got != -EINTR)
			not_held("its rules cannot be read", got);
		length += got < 0 ? 0 : got;
		if (length >= ROOM)
			not_held("its rules are too many", -EINVAL);
	}
	close_it(source);
	if (length < 8)
		not_held("its rules are not whole", -EINVAL);
	u64 held = number_at(rules);
	i64 ruleset = call(SYS_CREATE_RULESET, (i64)&held, sizeof(held), 0, 0, 0);
	if (ruleset < 0)
		not_held("the kernel makes no rules (Landlock)", ruleset);
	for (i64 at = 8; at < length;) {
		char *path = rules + at + 8;
		/* The byte behind the last one is zero. */
		if (at + 8 >= length)
			not_held("its rules are not whole", -EINVAL);
		u64 rights = number_at(rules + at);
		at += 8 + length_of(path) + 1;
		i64 place = find(path);
		if (is_absent(place))
			continue;
		i64 error = place < 0 ? place : add(ruleset, place, rights & held);
		if (error < 0)
			not_held("the kernel does not take a rule", error);
		close_it(place);
	}
	add_streams(ruleset, held);
	i64 error = call(SYS_PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (error == 0)
		error = call(SYS_RESTRICT_SELF, ruleset, 0, 0, 0, 0);
	if (error < 0)
		not_held("the kernel does not hold it (Landlock)", error);
	error = call(SYS_PRCTL, PR_SET_SECCOMP, SECCOMP_FILTER, (i64)&program, 0, 0);
	if (error < 0)
		not_held("the kernel takes no filter (seccomp)", error);
	close_it(ruleset);
}

static i64 can_execute(const char *path)
{
	i64 error = call(SYS_FACCESSAT, AT_FDCWD, (i64)path, X_OK, 0, 0);
	if (error < 0)
		return error;
	i64 directory = call(SYS_OPENAT, AT_FDCWD, (i64)path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0);
	if (directory < 0)
		return 0;
	close_it(directory);
	return -EACCES;
}

/* As runtimes look a program up: in the container's PATH, unless its name has a slash. */
static const char *look_up(const char *name, char **environment)
{
	for (const char *byte = name; *byte; byte++)
		if (*byte == '/')
			return name;
	const char *path = 0;
	for (char **variable = environment; *variable && !path; variable++) {
		const char *text = *variable;
		if (text[0] == 'P' && text[1] == 'A' && text[2] == 'T' && text[3] == 'H' && text[4] == '=')
			path = text + 5;
	}
	u64 wanted = length_of(name);
	while (path && *path) {
		u64 length = 0;
		while (path[length] && path[length] != ':')
			length++;
		if (wanted && path[0] == '/' && length + wanted + 2 <= sizeof(candidate)) {
			u64 at = 0;
			for (; at < length; at++)
				candidate[at] = path[at];
			candidate[at++] = '/';
			for (u64 byte = 0; byte <= wanted; byte++)
				candidate[at + byte] = name[byte];
			if (can_execute(candidate) == 0)
				return candidate;
		}
		path += length;
		path += *path == ':';
	}
	say("lazaret: exec: \"");
	say(name);
	say("\": executable file not found in $PATH\n");
	call(SYS_EXIT_GROUP, 127, 0, 0, 0, 0);
	__builtin_trap();
}

/* The number at the end of this program's own name. */
static i64 own_descriptor(const char *called)
{
	i64 number = -1;
	for (; *called; called++) {
		if (*called < '0' || *called > '9')
			number = -1;
		else
			number = (number < 0 ? 0 : number) * 10 + (*called - '0');
		if (number > 1 << 20)
			return -1;
	}
	return number;
}

__attribute__((used)) _Noreturn void begin(i64 *stack)
{
	i64 count = stack[0];
	char **arguments = (char **)(stack + 1);
	char **environment = arguments + count + 1;
	i64 own = count > 1 ? own_descriptor(arguments[0]) : -1;
	if (own < 3)
		not_held("it was not started by the runtime", -EINVAL);
	hold(own + 1);
	close_it(own);
	const char *program = look_up(arguments[1], environment);
	i64 error = can_execute(program);
	if (error == 0)
		error = call(SYS_EXECVE, (i64)program, (i64)(arguments + 1), (i64)environment, 0, 0);
	fail(error == -ENOENT ? 127 : 126, "exec ", program, error);
}
