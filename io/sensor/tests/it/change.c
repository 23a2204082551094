/*
 * Tries to change files where it may not, and changes them where it may. `ROUNDS OUT IN` prints how many tries there were
 * outside, how many of them were not refused, and how many failed inside; `write FILE` prints the error's number, or 0;
 * `look` prints how many of descriptors 3 and 4 it has, and what it was given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int tries, passed, failed;
static char outside[512], inside[512];

static const char *at(const char *directory, const char *name)
{
	static char paths[8][1024];
	static int next;
	char *path = paths[next++ & 7];
	snprintf(path, 1024, "%s/%s", directory, name);
	return path;
}

#define OUT(name) at(outside, name)
#define IN(name) at(inside, name)

/* A change outside: a descriptor is one that could be written to. */
static void refused(const char *what, long result)
{
	tries++;
	if (result < 0 && (errno == EACCES || errno == EPERM || errno == EXDEV || errno == ENOSYS))
		return;
	passed++;
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
	if (result > 2)
		close(result);
}

static long done(const char *what, long result)
{
	if (result < 0) {
		failed++;
		printf("%s: %s\n", what, strerror(errno));
	}
	return result;
}

/* As a 32-bit program calls it, with a path that such a one could have. */
static long open32(const char *path, int flags)
{
#if defined(__x86_64__)
	static char *low;
	if (!low)
		low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	strcpy(low, path);
	long result = 5;
	__asm__ volatile("int $0x80" : "+a"(result) : "b"((long)low), "c"((long)flags), "d"(0L) : "memory");
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : result;
#else
	return open(path, flags);
#endif
}

static int in_child(int (*act)(void))
{
	pid_t child = fork();
	if (child == 0)
		_exit(act() < 0 ? errno : 0);
	int status = 0;
	waitpid(child, &status, 0);
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static int write_outside(void)
{
	return open(OUT("file"), O_WRONLY);
}

static int with_another_root(void)
{
	if (chroot(outside) < 0)
		return -1;
	return open("/file", O_WRONLY);
}

static int with_other_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return mount(outside, IN("mount"), NULL, MS_BIND, NULL);
}

static void try_all(void)
{
	char path[64];
	refused("write", open(OUT("file"), O_WRONLY));
	refused("read and write", open(OUT("file"), O_RDWR));
	refused("append", open(OUT("file"), O_WRONLY | O_APPEND));
	refused("open and cut", open(OUT("file"), O_WRONLY | O_TRUNC));
	refused("read and cut", open(OUT("file"), O_RDONLY | O_TRUNC));
	refused("open for nothing and cut", open(OUT("file"), O_ACCMODE | O_TRUNC));
	refused("openat and cut", openat(AT_FDCWD, OUT("file"), O_TRUNC));
	refused("open32 and cut", open32(OUT("file"), O_TRUNC));
	struct open_how how = { .flags = O_TRUNC };
	refused("openat2 and cut", syscall(SYS_openat2, AT_FDCWD, OUT("file"), &how, sizeof(how)));
	struct io_uring_params ring = { 0 };
	refused("io_uring", syscall(SYS_io_uring_setup, 1, &ring));
	refused("cut", truncate(OUT("file"), 0));
	refused("create", open(OUT("new"), O_WRONLY | O_CREAT, 0666));
	refused("create and read", open(OUT("new"), O_RDONLY | O_CREAT | O_EXCL, 0666));
	refused("creat", creat(OUT("file"), 0666));
	refused("nameless", open(outside, O_TMPFILE | O_RDWR, 0666));
	refused("rename", rename(OUT("file"), OUT("new")));
	refused("rename in", rename(IN("file"), OUT("new")));
	refused("rename over", rename(IN("file"), OUT("file")));
	refused("rename out", rename(OUT("file"), IN("new")));
	refused("rename directory", rename(OUT("directory"), IN("new")));
	refused("exchange", syscall(SYS_renameat2, AT_FDCWD, OUT("file"), AT_FDCWD, IN("file"), 2));
	refused("link", link(OUT("file"), OUT("new")));
	refused("link in", link(IN("file"), OUT("new")));
	refused("link out", link(OUT("file"), IN("new")));
	refused("symlink", symlink("file", OUT("new")));
	refused("unlink", unlink(OUT("file")));
	refused("rmdir", rmdir(OUT("directory")));
	refused("mkdir", mkdir(OUT("new"), 0777));
	refused("pipe", mknod(OUT("new"), S_IFIFO | 0666, 0));
	refused("node", mknod(OUT("new"), S_IFREG | 0666, 0));
	refused("device", mknod(OUT("new"), S_IFCHR | 0666, makedev(1, 3)));

	int file = open(OUT("file"), O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	refused("descriptor", open(path, O_WRONLY));
	refused("cut descriptor", truncate(path, 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	refused("link descriptor", linkat(AT_FDCWD, path, AT_FDCWD, IN("new"), AT_SYMLINK_FOLLOW));
	close(file);
	char root[1100];
	snprintf(root, sizeof(root), "/proc/self/root%s", OUT("file"));
	refused("root", open(root, O_WRONLY));
	int directory = open(outside, O_PATH | O_DIRECTORY);
	refused("directory", openat(directory, "file", O_WRONLY));
	refused("directory's link", openat(directory, "../out/file", O_WRONLY));
	close(directory);
	done("symlink", symlink(OUT("file"), IN("way")));
	refused("by link", open(IN("way"), O_WRONLY));
	done("unlink", unlink(IN("way")));
	refused("child", in_child(write_outside));
	refused("another root", in_child(with_another_root));
	refused("other mounts", in_child(with_other_mounts));
	refused("bind", mount(outside, IN("mount"), NULL, MS_BIND, NULL));
	refused("mount", mount("tmpfs", outside, "tmpfs", 0, NULL));
	refused("unmount", umount2("/proc", MNT_DETACH));

	file = done("create inside", open(IN("new"), O_RDWR | O_CREAT | O_EXCL, 0666));
	done("write inside", write(file, "x", 1));
	done("cut inside", ftruncate(file, 0));
	close(file);
	done("cut by name inside", truncate(IN("new"), 7));
	close(done("cut by opening inside", open(IN("new"), O_WRONLY | O_TRUNC)));
	done("mkdir inside", mkdir(IN("sub"), 0777));
	done("rename inside", rename(IN("new"), IN("sub/new")));
	done("link inside", link(IN("sub/new"), IN("other")));
	done("symlink inside", symlink("other", IN("soft")));
	refused("device inside", mknod(IN("device"), S_IFCHR | 0666, makedev(1, 3)));
	done("pipe inside", mknod(IN("fifo"), S_IFIFO | 0666, 0));
	file = done("nameless inside", open(inside, O_TMPFILE | O_RDWR, 0666));
	close(file);
	for (int name = 0; name < 4; name++)
		done("unlink inside", unlink(IN(((const char *[]){ "sub/new", "other", "soft", "fifo" })[name])));
	done("rmdir inside", rmdir(IN("sub")));
}

int main(int count, char **words)
{
	if (count == 3 && !strcmp(words[1], "write")) {
		printf("%d\n", open(words[2], O_WRONLY) < 0 ? errno : 0);
		return 0;
	}
	if (count == 3 && !strcmp(words[1], "remove")) {
		printf("%d\n", unlink(words[2]) < 0 ? errno : 0);
		return 0;
	}
	if (count == 4 && !strcmp(words[1], "move")) {
		printf("%d\n", rename(words[2], words[3]) < 0 ? errno : 0);
		return 0;
	}
	if (count > 1 && !strcmp(words[1], "look")) {
		int descriptors = 0;
		for (int descriptor = 3; descriptor < 5; descriptor++)
			descriptors += fcntl(descriptor, F_GETFD) >= 0;
		printf("%d", descriptors);
		for (int word = 0; word < count; word++)
			printf(" %s", words[word]);
		for (char **variable = environ; *variable; variable++)
			printf(" %s", *variable);
		printf("\n");
		return 0;
	}
	if (count < 4)
		return 2;
	snprintf(outside, sizeof(outside), "%s", words[2]);
	snprintf(inside, sizeof(inside), "%s", words[3]);
	for (int round = atoi(words[1]); round > 0; round--)
		try_all();
	printf("%d %d %d\n", tries, passed, failed);
	return 0;
}
