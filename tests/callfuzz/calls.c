/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random system calls by the grammar of the kernel's own table: what an argument is (descriptor, path, buffer, signal...) comes from
 * its letter there. Runs as the first process of a sandbox; workers make the calls and die by the hundred. It judges nothing: the
 * script beside it looks whether the sandbox survives and what the sanitizers of the kernel say.
 *
 * Usage: calls SEED SECONDS [CALL...]   CALL: only these calls
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct call {
	const char *name, *kinds;
	int nr;
};
#define SYS(nr, name, kinds, status, remark, tests) {#name, kinds, nr},
static const struct call all_calls[] = {
#include "../../src/kernel/syscall/table.def"
};
#undef SYS
#define NCALLS (sizeof(all_calls) / sizeof(all_calls[0]))

#define ARENA_PAGES 64
#define PAGE 4096UL
#define AT_ONCE 3
#define WORKER_CALLS 1500
#define WORKER_NS 1500000000LL

static struct call calls[NCALLS];
static int ncalls;
static uint64_t state;
static uint8_t *arena;
static int pids[4];

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}
static unsigned below(unsigned n)
{
	return (unsigned)(rnd() >> 16) % n;
}

static uint64_t number(void)
{
	static const uint64_t odd[] = {0, 1, 2, 3, 7, 8, 16, 63, 64, 100, 127, 128, 255, 256, 511, 1000, 4095, 4096, 4097, 8192, 65535, 65536,
				       1 << 20, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32, 1ULL << 47, INT64_MAX, 1ULL << 63,
				       (uint64_t)-1, (uint64_t)-2, (uint64_t)-100, (uint64_t)-4096};

	switch (below(5)) {
	case 0:
		return below(16);
	case 1:
		return 1ULL << below(32);
	case 2:
		return (1ULL << below(32)) | (1ULL << below(32));
	case 3:
		return rnd() >> below(64);
	default:
		return odd[below(sizeof(odd) / sizeof(odd[0]))];
	}
}

static const char *path(void)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "d/a", "d/b", "d/e/f", "l", "loop", "..", ".", "", "/", "/tmp", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty",
		"/dev/ptmx", "/dev/shm/x", "/dev/mqueue", "/x", "/proc/self/mem", "/proc/self/maps", "/proc/self/fd", "/proc/self/fd/3", "/proc/self/exe",
		"/proc/self/ns/mnt", "/proc/self/ns/user", "/proc/self/ns/pid", "/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/self/task",
		"/proc/self/status", "/proc/self/smaps", "/proc/self/comm", "/proc/thread-self/stat", "/proc/sys/kernel/hostname", "/proc/mounts",
		"/proc/self/mountinfo", "/sys", "/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.procs", "/usr", "/usr/bin/true", "/etc/passwd", "tmpfs", "proc", "overlay",
		"cgroup2", "lowerdir=a,upperdir=b,workdir=c", "size=4k,nr_inodes=8", "user.x", "trusted.y", "security.capability",
	};
	static char longest[5000];

	if (below(60) == 0) {
		memset(longest, 'n', sizeof(longest));
		longest[below(2) ? 256 : 4200] = 0;
		return longest;
	}
	return names[below(sizeof(names) / sizeof(names[0]))];
}

/* Somewhere in the arena, often at the end of a page, now and then nowhere. */
static uint64_t pointer(void)
{
	switch (below(24)) {
	case 0:
		return 0;
	case 1:
		return rnd();
	case 2:
		return (uint64_t)arena + (ARENA_PAGES - 1) * PAGE; /* not mapped */
	case 3:
		return (uint64_t)arena + (ARENA_PAGES - 1) * PAGE - below(64);
	case 4:
		return (uint64_t)arena + 8 * PAGE + below(4096); /* read-only */
	default:
		return (uint64_t)arena + 16 * PAGE + below(40 * PAGE) / 8 * 8;
	}
}

/* What structures are made of: small numbers, descriptors, pointers to more. */
static void fill_arena(void)
{
	for (unsigned i = 0; i < 400; i++) {
		uint64_t v = below(3) ? number() : pointer();
		size_t at = 16 * PAGE + below(40 * PAGE - 64);

		if (below(4) == 0)
			strcpy((char *)arena + at, "a");
		else if (below(2))
			memcpy(arena + at / 8 * 8, &v, 8);
		else
			memcpy(arena + at / 4 * 4, &v, 4);
	}
}

static uint64_t argument(const struct call *c, int i)
{
	static const char *const with_pid[] = {"kill", "tkill", "tgkill", "ptrace", "prlimit64", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
					       "process_vm_readv", "process_vm_writev", "pidfd_open", "sched_setaffinity", "sched_setscheduler",
					       "sched_setparam", "sched_setattr", "migrate_pages", "move_pages", "setpriority", "ioprio_set", "setpgid"};
	char k = (size_t)i < strlen(c->kinds) ? c->kinds[i] : 'x';

	/* Process 1 watches: it must not be stopped or starved. */
	for (size_t n = 0; i < 2 && (k == 'd' || k == 'x') && n < sizeof(with_pid) / sizeof(with_pid[0]); n++)
		if (!strcmp(c->name, with_pid[n]) && !(!strcmp(c->name, "ptrace") && i == 0))
			return below(3) ? (uint64_t)pids[below(4)] : 100000 + below(1000);
	switch (k) {
	case 'f':
		return below(12) ? below(24) : number();
	case 'D':
		return below(3) ? (uint64_t)AT_FDCWD : below(24);
	case 's':
		return below(20) ? (uint64_t)path() : pointer();
	case 'i':
		return below(8) ? below(65) : number();
	case 'm':
		return below(8);
	case 'a':
		return below(4) ? (uint64_t)arena + below(ARENA_PAGES) * PAGE : number();
	case 'b':
	case 'B':
	case 'p':
	case 'S':
	case 't':
		return pointer();
	case 'o':
		return below(0x1000);
	case 'u':
		return below(3) ? below(300) : number();
	default:
		return below(6) ? number() : pointer();
	}
}

static void prepare(void)
{
	int p[2];

	arena = mmap((void *)0x10000000, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (arena == MAP_FAILED)
		_exit(3);
	mprotect(arena + 8 * PAGE, 4 * PAGE, PROT_READ);
	munmap(arena + (ARENA_PAGES - 1) * PAGE, PAGE);
	(void)!mkdir("d", 0777);
	(void)!symlink("a", "l");
	(void)!symlink("loop", "loop");
	(void)!open("a", O_RDWR | O_CREAT, 0666);
	(void)!open("b", O_RDWR | O_CREAT | O_APPEND, 0666);
	(void)!open(".", O_RDONLY);
	(void)!pipe2(p, O_NONBLOCK);
	(void)!pipe(p);
	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	(void)!socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	(void)!epoll_create1(0);
	(void)!eventfd(1, 0);
	(void)!open("/dev/null", O_RDWR);
	(void)!open("/proc/self/maps", O_RDONLY);
	(void)!socket(AF_INET, SOCK_STREAM, 0);
	(void)!memfd_create("m", MFD_ALLOW_SEALING);
	pids[0] = getpid();
	pids[1] = 0;
	pids[2] = getpid() + 1;
	pids[3] = getpid() - 1 > 1 ? getpid() - 1 : getpid();
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void nothing(int sig __attribute__((unused)))
{
}

/* A call that waits is interrupted. */
static void tick(void)
{
	struct itimerval it = {{0, 10000}, {0, 10000}};
	struct sigaction sa = {.sa_handler = nothing};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

static void __attribute__((noreturn)) work(uint64_t seed)
{
	struct rlimit nproc = {40, 40};
	pid_t me = getpid();
	int left = WORKER_CALLS;

	state = seed | 1;
	(void)!unshare(CLONE_NEWNS); /* what it unmounts, others keep */
	prepare();
	tick();
	if (below(2) && (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)))
		_exit(4);
	setrlimit(RLIMIT_NPROC, &nproc);
	while (left-- > 0) {
		const struct call *c = &calls[below((unsigned)ncalls)];
		uint64_t v[6];

		if (below(8) == 0)
			fill_arena();
		for (int i = 0; i < 6; i++)
			v[i] = argument(c, i);
		syscall(c->nr, v[0], v[1], v[2], v[3], v[4], v[5]);
		if (getpid() != me) { /* a child of a fork: goes its own way, for a while */
			me = getpid();
			pids[0] = me;
			tick();
			state ^= (uint64_t)me * 0x9e3779b97f4a7c15ULL;
			left = left > 50 ? 50 : left;
		}
	}
	_exit(0);
}

static void __attribute__((noreturn)) start_worker(uint64_t seed, int n)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/w%d", n % 8);
	(void)!mkdir(dir, 0777);
	(void)!chmod(dir, 0777);
	if (chdir(dir))
		_exit(5);
	close(1);
	close(2);
	work((seed + (uint64_t)n) * 0x9e3779b97f4a7c15ULL);
}

static void choose(int argc, char **argv)
{
	for (size_t i = 0; i < NCALLS; i++) {
		int want = argc < 4;

		for (int k = 3; k < argc; k++)
			want |= !strcmp(argv[k], all_calls[i].name);
		if (want)
			calls[ncalls++] = all_calls[i];
	}
}

int main(int argc, char **argv)
{
	int64_t end, deadline;
	uint64_t seed;
	int n = 0, st;

	if (argc < 3 || getpid() != 1) {
		fprintf(stderr, "usage: calls SEED SECONDS [CALL...], as process 1\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 0);
	choose(argc, argv);
	if (!ncalls)
		return 2;
	prctl(PR_SET_DUMPABLE, 0);
	for (end = now_ns() + atoll(argv[2]) * 1000000000LL; now_ns() < end;) {
		int alive = 0;

		for (int k = 0; k < AT_ONCE; k++) {
			pid_t w = fork();

			if (w == 0)
				start_worker(seed, n + k);
			alive += w > 0;
		}
		n += AT_ONCE;
		for (deadline = now_ns() + WORKER_NS; alive && now_ns() < deadline;) {
			pid_t r = waitpid(-1, &st, WNOHANG);

			if (r > 0)
				alive--; /* or an orphan that came to us: then they get a little less time */
			else if (r < 0)
				break;
			else
				poll(NULL, 0, 5);
		}
		/* Whatever lives, dies: also what the workers have left. */
		kill(-1, SIGKILL);
		while (waitpid(-1, &st, 0) > 0)
			;
	}
	printf("%d workers\n", n);
	return 0;
}
