/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Micro-benchmarks that run inside whatever runs them. Usage: micro [-t MS] ITEM[=ARGUMENT]...
 * Prints "ITEM NANOSECONDS" for one operation of each item. An item is repeated in growing batches until its time is used, so that
 * a slow runtime only does fewer of them; items that name a file do one pass. "cmd=SHELL COMMAND" times one command.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define CHUNK (64UL << 10)
#define BIG (1UL << 30)

static const char *arg;
static const char *self;
static double budget = 100e6;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Each item does n operations and returns the nanoseconds they took. */
static double do_getpid(long n)
{
	double t = now();

	while (n-- > 0)
		syscall(SYS_getpid);
	return now() - t;
}

static double do_getpgid(long n)
{
	double t = now();

	while (n-- > 0)
		syscall(SYS_getpgid, 0);
	return now() - t;
}

static char *map(size_t len, int prot, int flags, int fd)
{
	char *p = mmap(NULL, len, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static double touch(char *p, long n)
{
	double t = now();

	for (long i = 0; i < n; i++)
		p[(unsigned long)i * PAGE] = 1;
	return now() - t;
}

static char *anon_pages(long n)
{
	char *p = map((size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise(p, (size_t)n * PAGE, MADV_NOHUGEPAGE);
	return p;
}

static double do_anon_fault(long n)
{
	double sum = 0;

	while (n > 0) {
		long c = n > 4096 ? 4096 : n;
		char *p = anon_pages(c);

		sum += touch(p, c);
		munmap(p, (size_t)c * PAGE);
		n -= c;
	}
	return sum;
}

static double do_cow_fault(long n)
{
	double sum = 0, part;

	while (n > 0) {
		long c = n > 4096 ? 4096 : n;
		char *p = anon_pages(c);
		int fd[2], status;
		pid_t pid = -1;

		touch(p, c);
		if (pipe(fd) < 0 || (pid = fork()) < 0)
			die("fork");
		if (pid == 0) {
			part = touch(p, c);
			_exit(write(fd[1], &part, sizeof(part)) != sizeof(part));
		}
		if (read(fd[0], &part, sizeof(part)) != sizeof(part) || waitpid(pid, &status, 0) != pid)
			die("wait");
		close(fd[0]);
		close(fd[1]);
		munmap(p, (size_t)c * PAGE);
		sum += part;
		n -= c;
	}
	return sum;
}

/* One page fault of a read-only mapping of a file, its mmap and munmap shared by 64 of them. */
static double do_file_fault(long n)
{
	int fd = open(arg, O_RDONLY);
	struct stat st;
	double t;
	long pages;
	volatile char sink;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(arg);
	pages = st.st_size / (long)PAGE < 64 ? st.st_size / (long)PAGE : 64;
	t = now();
	while (n > 0) {
		char *p = map((size_t)pages * PAGE, PROT_READ, MAP_PRIVATE, fd);

		for (long i = 0; i < pages && n > 0; i++, n--)
			sink = p[(unsigned long)i * PAGE];
		munmap(p, (size_t)pages * PAGE);
	}
	(void)sink;
	t = now() - t;
	close(fd);
	return t;
}

static double do_mmap_munmap(long n)
{
	double t = now();

	while (n-- > 0)
		munmap(map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), PAGE);
	return now() - t;
}

static double spawn(long n, int exec)
{
	double t = now();
	int status;
	pid_t pid;

	while (n-- > 0) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0) {
			if (exec)
				execl(self, self, "-x", NULL);
			_exit(exec);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			die("child");
	}
	return now() - t;
}
static double do_fork_wait(long n) { return spawn(n, 0); }
static double do_fork_exec(long n) { return spawn(n, 1); }

static double do_pipe(long n)
{
	int a[2], b[2], status;
	double t;
	char c = 0;
	pid_t pid = -1;

	if (pipe(a) < 0 || pipe(b) < 0 || (pid = fork()) < 0)
		die("pipe");
	if (pid == 0) {
		close(a[1]);
		close(b[0]);
		while (read(a[0], &c, 1) == 1 && write(b[1], &c, 1) == 1)
			;
		_exit(0);
	}
	close(a[0]);
	close(b[1]);
	t = now();
	while (n-- > 0)
		if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
			die("pipe");
	t = now() - t;
	close(a[1]);
	close(b[0]);
	waitpid(pid, &status, 0);
	return t;
}

static double do_open_read_close(long n)
{
	double t = now();
	char buf[PAGE];

	while (n-- > 0) {
		int fd = open(arg, O_RDONLY);

		if (fd < 0 || read(fd, buf, sizeof(buf)) < 0)
			die(arg);
		close(fd);
	}
	return now() - t;
}

static double do_stat(long n)
{
	struct stat st;
	double t = now();

	while (n-- > 0)
		if (stat(arg, &st) < 0)
			die(arg);
	return now() - t;
}

static double do_enoent(long n)
{
	double t = now();

	while (n-- > 0)
		if (open(arg, O_RDONLY) >= 0 || errno != ENOENT)
			die(arg);
	return now() - t;
}

/* Reads all directories beneath dir; nothing else is looked up. */
static void walk(int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;

	if (!d)
		die("fdopendir");
	while ((e = readdir(d))) {
		int fd;

		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			die(e->d_name);
		walk(fd);
	}
	closedir(d);
}

static double do_getdents(long n)
{
	double t = now();
	int fd = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(arg);
	walk(fd);
	return now() - t;
}

static double do_read(long n)
{
	static char buf[CHUNK];
	int fd = open(arg, O_RDONLY);
	double t = now();
	ssize_t r;

	if (fd < 0)
		die(arg);
	while ((r = read(fd, buf, sizeof(buf))) > 0)
		;
	if (r < 0)
		die(arg);
	t = now() - t;
	close(fd);
	return t;
}

static double do_write(long n)
{
	static char buf[CHUNK];
	int fd = open(arg, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	double t = now();

	if (fd < 0)
		die(arg);
	for (size_t i = 0; i < BIG; i += sizeof(buf))
		if (write(fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
			die(arg);
	t = now() - t;
	close(fd);
	unlink(arg);
	return t;
}

static double do_cmd(long n)
{
	double t = now();
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", arg, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die(arg);
	return now() - t;
}

static const struct item {
	const char *name;
	double (*run)(long n);
	int once;
} items[] = {
	{"getpid", do_getpid, 0}, {"getpgid", do_getpgid, 0},
	{"anon_fault", do_anon_fault, 0}, {"cow_fault", do_cow_fault, 0}, {"file_fault", do_file_fault, 0},
	{"mmap_munmap", do_mmap_munmap, 0}, {"fork_wait", do_fork_wait, 0}, {"fork_exec", do_fork_exec, 0}, {"pipe", do_pipe, 0},
	{"open_read_close", do_open_read_close, 0}, {"stat", do_stat, 0}, {"enoent", do_enoent, 0}, {"getdents", do_getdents, 1},
	{"read", do_read, 1}, {"write", do_write, 1}, {"cmd", do_cmd, 1},
};

static double measure(const struct item *it)
{
	double spent = 0, end, d;
	long n = 1, done = 0;

	if (it->once)
		return it->run(1);
	it->run(1);
	end = now() + budget;
	while (now() < end) {
		d = it->run(n);
		spent += d;
		done += n;
		if (d < budget / 8)
			n *= 2;
	}
	return spent / (double)done;
}

int main(int argc, char **argv)
{
	int i = 1;

	if (argc == 2 && !strcmp(argv[1], "-x"))
		return 0;
	self = argv[0];
	if (argc > 2 && !strcmp(argv[1], "-t")) {
		budget = atof(argv[2]) * 1e6;
		i = 3;
	}
	for (; i < argc; i++) {
		char *name = strdup(argv[i]), *eq = strchr(name, '=');
		size_t k = 0, n = sizeof(items) / sizeof(items[0]);

		if (eq)
			*eq = 0;
		arg = eq ? eq + 1 : "";
		while (k < n && strcmp(items[k].name, name))
			k++;
		if (k == n) {
			fprintf(stderr, "micro: no item %s\n", name);
			return 2;
		}
		printf("%s %.1f\n", argv[i], measure(&items[k]));
		fflush(stdout);
		free(name);
	}
	return 0;
}
