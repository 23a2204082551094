/*
 * Does one thing that a container may be watched for; prints its outcome: 0, or the error's number. `times N WHAT…` does
 * it many times and prints how often it was not refused with EPERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int repeats, passed, last;

static int say(long result)
{
	last = result < 0 ? errno : 0;
	if (repeats)
		return passed += last != EPERM, 0;
	printf("%d\n", result < 0 ? errno : 0);
	return 0;
}

static socklen_t address(struct sockaddr_storage *storage, const char *host, int port)
{
	memset(storage, 0, sizeof(*storage));
	struct sockaddr_in *four = (void *)storage;
	struct sockaddr_in6 *six = (void *)storage;
	if (strchr(host, ':')) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		inet_pton(AF_INET6, host, &six->sin6_addr);
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	inet_pton(AF_INET, host, &four->sin_addr);
	return sizeof(*four);
}

/* One request through a ring; the result as of a system call. */
static long uring(struct io_uring_sqe *request)
{
	struct io_uring_params p = { 0 };
	int ring = syscall(SYS_io_uring_setup, 4, &p);
	if (ring < 0)
		return -1;
	char *queue = mmap(0, p.sq_off.array + p.sq_entries * 4 + 4096, 3, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	char *done = mmap(0, p.cq_off.cqes + p.cq_entries * 16, 3, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	struct io_uring_sqe *entries = mmap(0, p.sq_entries * 64, 3, MAP_SHARED, ring, IORING_OFF_SQES);
	*entries = *request;
	((unsigned *)(queue + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(queue + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, 1, 0, 0) < 0)
		return -1;
	int result = ((struct io_uring_cqe *)(done + p.cq_off.cqes))->res;
	if (result < 0) {
		errno = -result;
		return -1;
	}
	return result;
}

/* Puts this program into a file in memory. */
static int in_memory(void)
{
	int memory = memfd_create("hidden", 0), self = open("/proc/self/exe", O_RDONLY);
	struct stat size;
	fstat(self, &size);
	sendfile(memory, self, NULL, size.st_size);
	return memory;
}

static int act(int count, char **words)
{
	const char *what = words[1];
	struct sockaddr_storage to;
	socklen_t length = count > 3 ? address(&to, words[2], atoi(words[3])) : 0;

	if (!strcmp(what, "connect"))
		return say(connect(socket(to.ss_family, SOCK_STREAM, 0), (void *)&to, length));
	if (!strcmp(what, "udp"))
		return say(sendto(socket(to.ss_family, SOCK_DGRAM, 0), "x", 1, 0, (void *)&to, length));
	if (!strcmp(what, "udp-connect"))
		return say(connect(socket(to.ss_family, SOCK_DGRAM, 0), (void *)&to, length));
	if (!strcmp(what, "fastopen"))
		return say(sendto(socket(to.ss_family, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN, (void *)&to, length));
	if (!strcmp(what, "bind"))
		return say(bind(socket(to.ss_family, SOCK_STREAM, 0), (void *)&to, length));
	if (!strcmp(what, "listen")) {
		int s = socket(to.ss_family, SOCK_STREAM, 0);
		return say(bind(s, (void *)&to, length) < 0 ? -1 : listen(s, 1));
	}
	if (!strcmp(what, "uring-connect")) {
		struct io_uring_sqe request = { .opcode = IORING_OP_CONNECT };
		request.fd = socket(to.ss_family, SOCK_STREAM, 0);
		request.addr = (unsigned long)&to;
		request.off = length;
		return say(uring(&request));
	}
	if (!strcmp(what, "uring-open")) {
		struct io_uring_sqe request = { .opcode = IORING_OP_OPENAT };
		request.fd = AT_FDCWD;
		request.addr = (unsigned long)words[2];
		return say(uring(&request));
	}
	if (!strcmp(what, "raw"))
		return say(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	if (!strcmp(what, "sctp"))
		return say(socket(AF_INET, SOCK_STREAM, 132));
	if (!strcmp(what, "packet"))
		return say(socket(AF_PACKET, SOCK_RAW, htons(3)));
	if (!strcmp(what, "dns")) {
		/* TXT of secret.example.org */
		static const char question[] = "\0\1\1\0\0\1\0\0\0\0\0\0\6Secret\7example\3org\0\0\20\0\1";
		length = address(&to, "127.0.0.1", 53);
		return say(sendto(socket(AF_INET, SOCK_DGRAM, 0), question, sizeof(question) - 1, 0, (void *)&to, length));
	}
	if (!strcmp(what, "unix")) {
		struct sockaddr_un local = { .sun_family = AF_UNIX };
		strncpy(local.sun_path, words[2], sizeof(local.sun_path) - 1);
		return say(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&local, sizeof(local)));
	}
	if (!strcmp(what, "memfd")) {
		char *arguments[] = { "hidden", "effect", words[2], NULL };
		return say(fexecve(in_memory(), arguments, (char *[]){ NULL }));
	}
	if (!strcmp(what, "effect"))
		return say(creat(words[2], 0600));
	if (!strcmp(what, "ptrace")) {
		long result = ptrace(PTRACE_SEIZE, getppid(), 0, 0);
		say(result);
		return creat(words[2], 0600) < 0;
	}
	if (!strcmp(what, "mount"))
		return say(mount(NULL, words[2], "tmpfs", 0, NULL));
	if (!strcmp(what, "copy-mount"))
		return say(syscall(SYS_open_tree, AT_FDCWD, words[2], 1));
	if (!strcmp(what, "module"))
		return say(syscall(SYS_init_module, (char[256]){ "notamod!" }, 256, ""));
	if (!strcmp(what, "bpf")) {
		unsigned map[32] = { 2, 4, 8, 1 };
		return say(syscall(SYS_bpf, 0, map, sizeof(map)));
	}
	if (!strcmp(what, "user-namespace"))
		return say(unshare(CLONE_NEWUSER));
	if (!strcmp(what, "setns"))
		return say(setns(open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS));
	if (!strcmp(what, "setuid"))
		return say(setuid(1));
	if (!strcmp(what, "code")) {
		char *page = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*page = 1;
		return say(mprotect(page, 4096, 5));
	}
	if (!strcmp(what, "map"))
		return say((long)mmap(0, 4096, 5, MAP_PRIVATE, open(words[2], O_RDONLY), 0));
	if (!strcmp(what, "map-memory"))
		return say((long)mmap(0, 4096, 5, MAP_PRIVATE, in_memory(), 0));
	if (!strcmp(what, "protect-memory")) {
		void *page = mmap(0, 4096, 1, MAP_PRIVATE, in_memory(), 0);
		return say(mprotect(page, 4096, 5));
	}
	/* Sees to it that a child of its own does it, and takes the child's outcome. */
	if (!strcmp(what, "child")) {
		int status;
		pid_t child = fork();
		if (!child) {
			close(1);
			act(count - 1, words + 1);
			_exit(last);
		}
		waitpid(child, &status, 0);
		errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
		return say(errno ? -1 : 0);
	}
	if (!strcmp(what, "execute")) {
		execl(words[2], "act", "effect", words[3], NULL);
		return say(-1);
	}
	/* A program, with the words that follow. */
	if (!strcmp(what, "run")) {
		execv(words[2], words + 2);
		return say(-1);
	}
	/* By the second process of a PID namespace, whose parent is outside of it. */
	if (!strcmp(what, "second")) {
		if (unshare(CLONE_NEWPID) < 0)
			return say(-1);
		pid_t first = fork();
		if (!first)
			return pause();
		words[1] = "child";
		act(count, words);
		return kill(first, SIGKILL);
	}
	if (!strcmp(what, "times")) {
		for (repeats = atoi(words[2]); repeats; repeats--) {
			act(count - 2, words + 2);
			close_range(3, UINT_MAX, 0);
		}
		return printf("%d\n", passed), 0;
	}
	if (!strcmp(what, "truncate"))
		return say(truncate(words[2], 0));
	if (!strcmp(what, "mkdir"))
		return say(mkdir(words[2], 0700));
	if (!strcmp(what, "bind-mount"))
		return say(mount(words[2], words[3], NULL, MS_BIND, NULL));
	if (!strcmp(what, "chroot"))
		return say(chroot(words[2]));
	if (!strcmp(what, "chroot-read"))
		return say(chroot(words[2]) < 0 ? -1 : open(words[3], O_RDONLY));
	if (!strcmp(what, "clone"))
		return say(syscall(SYS_clone, CLONE_NEWUTS | 17, 0, 0, 0, 0) ?: (_exit(0), 0));
	/* Steps into a control group below its own, and does it there. */
	if (!strcmp(what, "below")) {
		mkdir(words[2], 0700);
		int procs = open(strcat(strcpy((char[4096]){ 0 }, words[2]), "/cgroup.procs"), O_WRONLY);
		if (write(procs, "0", 1) != 1)
			return say(-1);
		return act(count - 2, words + 2);
	}
	if (!strcmp(what, "append"))
		return say(open(words[2], O_WRONLY | O_APPEND | O_CREAT, 0600));
	if (!strcmp(what, "read"))
		return say(open(words[2], O_RDONLY));
	if (!strcmp(what, "cut"))
		return say(open(words[2], O_WRONLY | O_TRUNC));
	if (!strcmp(what, "rename"))
		return say(chdir("/tmp") < 0 ? -1 : rename(words[2], words[3]));
	if (!strcmp(what, "link"))
		return say(link(words[2], words[3]));
	if (!strcmp(what, "symlink"))
		return say(symlink(words[2], words[3]));
	/* As touch(1) does it: through the descriptor, without a path. */
	if (!strcmp(what, "stamp"))
		return say(futimens(open(words[2], O_RDONLY), NULL));
	if (!strcmp(what, "unlink"))
		return say(unlink(words[2]));
	if (!strcmp(what, "chmod"))
		return say(chmod(words[2], 04755));
	if (!strcmp(what, "device"))
		return say(mknod(words[2], S_IFBLK | 0600, 0x800));
	/* Children that give themselves other mounts and read a file there: how many came to its content. */
	if (!strcmp(what, "unshare-read") || !strcmp(what, "clone-read") || !strcmp(what, "copy-read")) {
		int came = 0, pipes[2];
		char byte;
		if (pipe(pipes) < 0)
			return 1;
		for (int times = atoi(words[3]); times > 0; times--) {
			int status;
			pid_t child = fork();
			if (!child) {
				int file = -1;
				if (*what == 'c' && what[1] == 'l') {
					long inner = syscall(SYS_clone, CLONE_NEWNS | 17, 0, 0, 0, 0);
					if (inner) {
						waitpid(inner, &status, 0);
						_exit(0);
					}
				} else if (*what == 'u') {
					unshare(CLONE_NEWNS);
				} else {
					file = syscall(428 /* open_tree */, AT_FDCWD, words[2], 1 /* OPEN_TREE_CLONE */);
				}
				char path[64];
				snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
				file = open(file < 0 ? words[2] : path, O_RDONLY);
				if (read(file, &byte, 1) == 1)
					write(pipes[1], &byte, 1);
				_exit(0);
			}
			waitpid(child, &status, 0);
		}
		/* A child of a killed one may still be on its way. */
		usleep(50000);
		fcntl(pipes[0], F_SETFL, O_NONBLOCK);
		while (read(pipes[0], &byte, 1) == 1)
			came++;
		return printf("%d\n", came), 0;
	}
#ifdef __x86_64__
	if (!strcmp(what, "compat-setns")) {
		/* setns of i386: the path of its number 346 leads to another call in the other table. */
		long result;
		asm volatile("int $0x80" : "=a"(result) : "a"(346), "b"(-1), "c"(0) : "memory");
		errno = -result;
		return say(result < 0 ? -1 : 0);
	}
#endif
	return 0;
}

int main(int count, char **words)
{
	setbuf(stdout, NULL);
	return count < 2 ? pause() : act(count, words);
}
