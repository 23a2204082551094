/*
 * Does many times what is deadly or refused, with the effect as close behind it as a program can have it, and prints
 * how often it was killed (or refused) and how often the effect came: `race WAY TIMES …`.
 *
 * With -DVICTIM a program whose very first instructions are the effect, with -DAGAIN one that executes itself as often as
 * its argument says, and does nothing else: `again TIMES`.
 */
#if defined(__x86_64__)
#define EFFECT                                                                 \
	"mov $85, %eax\n lea 1f(%rip), %rdi\n mov $0600, %esi\n syscall\n"     \
	"2: mov $60, %eax\n xor %edi, %edi\n syscall\n 1: .asciz \"effect\"\n"
#else
#define EFFECT                                                                 \
	"mov x8, #56\n mov x0, #-100\n adr x1, 1f\n mov x2, #0101\n mov x3, #0600\n svc #0\n" \
	"2: mov x8, #93\n mov x0, #0\n svc #0\n 1: .asciz \"effect\"\n"
#endif

#if defined(VICTIM)
__asm__(".text\n.globl _start\n_start:\n" EFFECT);
#elif defined(AGAIN)

#if defined(__x86_64__)
#define EXECVE 59
#define EXIT 60
__asm__(".text\n.globl _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call run\n");

static long call(long number, void *first, char **second, char **third)
{
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(first), "S"(second), "d"(third)
			 : "rcx", "r11", "memory");
	return result;
}
#else
#define EXECVE 221
#define EXIT 93
__asm__(".text\n.globl _start\n_start:\n mov x0, sp\n bl run\n");

static long call(long number, void *first, char **second, char **third)
{
	register long x8 __asm__("x8") = number;
	register void *x0 __asm__("x0") = first;
	register char **x1 __asm__("x1") = second;
	register char **x2 __asm__("x2") = third;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return (long)x0;
}
#endif

/* The argument is counted down where it lies; the environment is left out, which makes it faster. */
void run(char **stack)
{
	char **words = stack + 1, **nothing = words + 2;
	char *digit = words[1];
	while (*digit)
		digit++;
	while (digit != words[1]) {
		if (*--digit != '0') {
			--*digit;
			call(EXECVE, words[0], words, nothing);
			call(EXIT, (void *)1, 0, 0);
		}
		*digit = '9';
	}
	call(EXIT, 0, 0, 0);
}

#else

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

__asm__(".text\n.globl effect_begin\n.globl effect_end\neffect_begin:\n" EFFECT "effect_end:\n.balign 16\n");
extern char effect_begin[], effect_end[];

static int program; /* without a name, or in memory */
static struct sockaddr_in peer = { .sin_family = AF_INET };

static void copy(int to, const char *path)
{
	int from = open(path, O_RDONLY);
	struct stat size;
	if (from < 0 || fstat(from, &size) || sendfile(to, from, NULL, size.st_size) != size.st_size)
		exit(2);
	close(from);
}

/* In a child: what is tried, and at once the effect. */
static void attempt(const char *way)
{
	char *words[] = { "victim", NULL };
	unsigned long length = effect_end - effect_begin;
	if (!strcmp(way, "memory") || !strcmp(way, "deleted")) {
		fexecve(program, words, words + 1);
		_exit(1);
	}
	if (!strcmp(way, "code")) {
		char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memcpy(page, effect_begin, length);
		mprotect(page, 4096, PROT_READ | PROT_EXEC);
		((void (*)(void))page)();
	}
	if (!strcmp(way, "map")) {
		char *page = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, program, 0);
		((void (*)(void))page)();
	}
	if (!strcmp(way, "namespace"))
		unshare(CLONE_NEWUTS);
	if (!strcmp(way, "enter"))
		setns(program, CLONE_NEWUTS);
	((void (*)(void))effect_begin)();
}

/* Whether it is refused. */
static int refused(const char *way)
{
	int datagram = !strcmp(way, "datagram");
	int s = socket(AF_INET, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
	long result;
	if (!strcmp(way, "connect"))
		result = connect(s, (void *)&peer, sizeof(peer));
	else
		result = sendto(s, "x", 1, datagram ? 0 : MSG_FASTOPEN, (void *)&peer, sizeof(peer));
	int error = errno;
	close(s);
	return result < 0 && error == EPERM;
}

int main(int count, char **words)
{
	if (count < 3)
		return 2;
	const char *way = words[1];
	long times = atol(words[2]), stopped = 0, effects = 0;
	if (count > 3)
		peer.sin_port = htons(atoi(words[3]));
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	/* Facts of which each is told. */
	if (!strcmp(way, "facts")) {
		close(creat("changed", 0600));
		while (times--)
			chmod("changed", 0600);
		return 0;
	}
	if (count > 3) {
		for (long done = 0; done < times; done++)
			stopped += refused(way);
		printf("%ld 0\n", stopped);
		return 0;
	}
	if (!strcmp(way, "memory")) {
		copy(program = memfd_create("victim", 0), "victim");
	} else if (!strcmp(way, "deleted")) {
		int file = open("deleted", O_WRONLY | O_CREAT | O_TRUNC, 0700);
		copy(file, "victim");
		close(file);
		program = open("deleted", O_RDONLY | O_CLOEXEC);
		unlink("deleted");
	} else if (!strcmp(way, "map")) {
		program = memfd_create("code", 0);
		if (write(program, effect_begin, effect_end - effect_begin) < 0)
			return 2;
	} else if (!strcmp(way, "enter")) {
		program = open("/proc/self/ns/uts", O_RDONLY);
	}
	for (long done = 0; done < times; done++) {
		int status;
		pid_t child = fork();
		if (!child)
			attempt(way);
		waitpid(child, &status, 0);
		stopped += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		effects += !unlink("effect");
	}
	printf("%ld %ld\n", stopped, effects);
	return 0;
}
#endif
