/* SPDX-License-Identifier: Apache-2.0 */
/* fork, vfork, clone, clone3: what is shared, what is copied, which flags are refused. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

static long raw_clone(unsigned long flags, void *stack, int *ptid, int *ctid, unsigned long tls)
{
	return syscall(SYS_clone, flags, stack, ptid, ctid, tls);
}

static int status_of(pid_t pid)
{
	int st = -1;

	CHECK_EQ(waitpid(pid, &st, __WALL), pid);
	return st;
}

TEST(memory_is_copied)
{
	volatile int here = 1;
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t p;

	REQUIRE(shared != MAP_FAILED && private != MAP_FAILED);
	*private = 7;
	p = fork();
	if (p == 0) {
		here = 2;
		*shared = 3;
		*private = 8;
		_exit(here + *private);
	}
	CHECK_EQ(WEXITSTATUS(status_of(p)), 10);
	CHECK_EQ(here, 1);
	CHECK_EQ(*shared, 3);
	CHECK_EQ(*private, 7);
}

TEST(ids)
{
	pid_t me = getpid(), p;
	int fds[2];

	REQUIRE(pipe(fds) == 0);
	p = fork();
	if (p == 0) {
		pid_t v[3] = {getpid(), getppid(), (pid_t)syscall(SYS_gettid)};

		CHECK_EQ(write(fds[1], v, sizeof(v)), sizeof(v));
		_exit(0);
	}
	pid_t v[3] = {0, 0, 0};
	CHECK_EQ(read(fds[0], v, sizeof(v)), sizeof(v));
	CHECK_EQ(v[0], p);
	CHECK_EQ(v[1], me);
	CHECK_EQ(v[2], p);
	CHECK_EQ(status_of(p), 0);
}

TEST(descriptors_share_the_offset)
{
	char name[] = "/tmp/abi-fork-XXXXXX";
	int fd = mkstemp(name);
	pid_t p;

	REQUIRE(fd >= 0);
	unlink(name);
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	lseek(fd, 0, SEEK_SET);
	p = fork();
	if (p == 0) {
		char b[4];
		_exit(read(fd, b, 4) == 4 && close(fd) == 0 ? 0 : 1);
	}
	CHECK_EQ(status_of(p), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4); /* offset shared, the close was the child's own */
}

TEST(clone_files_shares_the_table)
{
	pid_t p = (pid_t)raw_clone(CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0);

	if (p == 0)
		_exit(dup2(1, 77) == 77 ? 0 : 1);
	CHECK_EQ(status_of(p), 0);
	CHECK(fcntl(77, F_GETFD) >= 0);
}

TEST(clone_fs_shares_cwd_and_umask)
{
	char cwd[256];
	pid_t p;

	umask(022);
	CHECK_EQ(chdir("/"), 0);
	p = (pid_t)raw_clone(CLONE_FS | SIGCHLD, NULL, NULL, NULL, 0);
	if (p == 0) {
		umask(077);
		_exit(chdir("/tmp") == 0 ? 0 : 1);
	}
	CHECK_EQ(status_of(p), 0);
	CHECK_STR(getcwd(cwd, sizeof(cwd)), "/tmp");
	CHECK_EQ(umask(022), 077);
	p = fork();
	if (p == 0)
		_exit(chdir("/") == 0 ? 0 : 1);
	CHECK_EQ(status_of(p), 0);
	CHECK_STR(getcwd(cwd, sizeof(cwd)), "/tmp");
}

TEST(tid_words)
{
	int *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int parent = 0;
	pid_t p;

	p = (pid_t)raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL, &parent, w, 0);
	if (p == 0)
		_exit(*w == getpid() ? 0 : 1);
	CHECK_EQ(parent, p);
	CHECK_EQ(status_of(p), 0);
	CHECK_EQ(*w, p);
}

TEST(vfork_waits_for_exit_and_shares_memory)
{
	static volatile int word;
	pid_t p = vfork();

	if (p == 0) {
		word = 5;
		_exit(3);
	}
	CHECK_EQ(word, 5);
	CHECK_EQ(WEXITSTATUS(status_of(p)), 3);
}

TEST(vfork_ends_when_the_child_is_killed)
{
	pid_t p = vfork();

	if (p == 0) {
		kill((pid_t)syscall(SYS_getpid), SIGKILL);
		_exit(1);
	}
	CHECK_EQ(WTERMSIG(status_of(p)), SIGKILL);
}

TEST(other_exit_signal)
{
	pid_t p;
	int st;

	signal(SIGUSR1, SIG_IGN); /* before the child can end */
	p = (pid_t)raw_clone(SIGUSR1, NULL, NULL, NULL, 0);
	if (p == 0)
		_exit(4);
	CHECK_ERR(waitpid(p, &st, 0), ECHILD); /* not a SIGCHLD child */
	CHECK_EQ(waitpid(p, &st, __WCLONE), p);
	CHECK_EQ(WEXITSTATUS(st), 4);
}

TEST(clone_parent_makes_a_sibling)
{
	int fds[2], st;
	pid_t a, b = 0;

	REQUIRE(pipe(fds) == 0);
	a = fork();
	if (a == 0) {
		pid_t s = (pid_t)raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);

		if (s == 0)
			_exit(9);
		_exit(write(fds[1], &s, sizeof(s)) == sizeof(s) ? 0 : 1);
	}
	CHECK_EQ(read(fds[0], &b, sizeof(b)), sizeof(b));
	CHECK_EQ(status_of(a), 0);
	CHECK_EQ(waitpid(b, &st, 0), b);
	CHECK_EQ(WEXITSTATUS(st), 9);
}

TEST(clone3_plain)
{
	struct clone_args a = {.exit_signal = SIGCHLD};
	long p = syscall(SYS_clone3, &a, sizeof(a));

	if (p == 0)
		_exit(6);
	REQUIRE(p > 0);
	CHECK_EQ(WEXITSTATUS(status_of((pid_t)p)), 6);
}

TEST(clone3_errors)
{
	struct clone_args a = {.exit_signal = SIGCHLD};
	struct {
		struct clone_args a;
		uint64_t tail;
	} big = {.a = a, .tail = 1};

	CHECK_ERR(syscall(SYS_clone3, &a, 8), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, &a, 8192), E2BIG);
	CHECK_ERR(syscall(SYS_clone3, &big, sizeof(big)), E2BIG);
	CHECK_ERR(syscall(SYS_clone3, (void *)8, sizeof(a)), EFAULT);
	a.exit_signal = 65;
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
	a.exit_signal = SIGCHLD;
	a.stack = 4096; /* without a size */
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
	a.stack = 0;
	a.flags = CLONE_DETACHED;
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
	a.flags = CLONE_THREAD;
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
}

TEST(impossible_flags)
{
	CHECK_ERR(raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL, 0), EINVAL);
	CHECK_ERR(raw_clone(CLONE_THREAD | CLONE_VM | SIGCHLD, NULL, NULL, NULL, 0), EINVAL);
	CHECK_ERR(raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL, NULL, 0), EINVAL);
	CHECK_ERR(raw_clone(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, NULL, NULL, NULL, 0),
		  EINVAL);
}

TEST(set_tid_address_returns_the_tid)
{
	int word;

	CHECK_EQ(syscall(SYS_set_tid_address, &word), syscall(SYS_gettid));
	CHECK_EQ(syscall(SYS_set_tid_address, NULL), syscall(SYS_gettid));
}

TEST(unshare_files_and_fs)
{
	pid_t p;

	CHECK_EQ(unshare(0), 0);
	CHECK_EQ(unshare(CLONE_FILES), 0);
	CHECK_EQ(unshare(CLONE_FS), 0);
	CHECK_EQ(unshare(CLONE_SYSVSEM), 0);
	CHECK_ERR(unshare(CLONE_PARENT), EINVAL);
	p = fork();
	if (p == 0)
		_exit(unshare(CLONE_FILES | CLONE_FS) == 0 ? 0 : 1);
	CHECK_EQ(status_of(p), 0);
}

TEST(nproc_limit_of_a_user)
{
	struct rlimit none = {0, 0};
	pid_t p, q;

	if (getuid() != 0)
		SKIP("needs root to become another user");
	p = fork();
	if (p == 0) {
		if (setrlimit(RLIMIT_NPROC, &none) || setresgid(7654, 7654, 7654) ||
		    setresuid(7654, 7654, 7654))
			_exit(2);
		q = fork();
		if (q == 0)
			_exit(0);
		_exit(q < 0 && errno == EAGAIN ? 0 : 1);
	}
	CHECK_EQ(status_of(p), 0);
}

TEST(many_generations)
{
	for (int i = 0; i < 200; i++) {
		pid_t p = fork();

		if (p == 0)
			_exit(i & 0x7f);
		REQUIRE(p > 0);
		CHECK_EQ(WEXITSTATUS(status_of(p)), i & 0x7f);
	}
}

TAP_MAIN()
