/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the kernel is asked with, where there is no C library: numbers, how a call is made, how a program is entered.
 */
#ifndef LAZARET_SYSTEM_H
#define LAZARET_SYSTEM_H

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

#endif
