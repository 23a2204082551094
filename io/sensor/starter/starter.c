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

#include "system.h"
#include "filter.h"

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
