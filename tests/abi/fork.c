/* SPDX-License-Identifier: Apache-2.0 */
/* fork, vfork, clone, clone3: what is copied, what is shared, which flags are refused. */
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "../tap.h"

static int status_of(pid_t p)
{
	int s = -1;

	CHECK_EQ(waitpid(p, &s, 0), p);
	return s;
}

TEST(fork_copies_memory)
{
	volatile int v = 1;
	pid_t p = fork();

	if (p == 0) {
		v = 2;
		_exit(v == 2 && getppid() > 0 ? 7 : 1);
	}
	REQUIRE(p > 0);
	CHECK_EQ(status_of(p), 7 << 8);
	CHECK_EQ(v, 1);
}

TEST(fork_shares_shared_memory)
{
	volatile int *v = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t p = fork();

	if (p == 0) {
		*v = 5;
		_exit(0);
	}
	CHECK_EQ(status_of(p), 0);
	CHECK_EQ(*v, 5);
}

TEST(fork_shares_file_offsets)
{
	int fd[2];
	char c = 0;
	pid_t p;

	REQUIRE(pipe(fd) == 0);
	p = fork();
	if (p == 0)
		_exit(write(fd[1], "x", 1) != 1);
	CHECK_EQ(status_of(p), 0);
	CHECK_EQ(read(fd[0], &c, 1), 1);
	CHECK_EQ(c, 'x');
}

TEST(child_has_no_pending_signals)
{
	sigset_t s;
	pid_t p;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR1);
	p = fork();
	if (p == 0) {
		sigset_t q;

		sigpending(&q);
		_exit(sigismember(&q, SIGUSR1));
	}
	CHECK_EQ(status_of(p), 0);
}

TEST(vfork_waits_for_exit)
{
	static volatile int v;
	pid_t p = vfork();

	if (p == 0) {
		v = 3;
		_exit(4);
	}
	CHECK_EQ(v, 3);
	CHECK_EQ(status_of(p), 4 << 8);
}

TEST(many_children)
{
	for (int i = 0; i < 50; i++) {
		pid_t p = fork();

		if (p == 0)
			_exit(i);
		REQUIRE(p > 0);
		CHECK_EQ(status_of(p), i << 8);
	}
}

TEST(parent_settid)
{
	int tid = 0;
	pid_t p = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, &tid, 0, 0);

	if (p == 0)
		_exit(0);
	CHECK_EQ(tid, p);
	CHECK_EQ(status_of(p), 0);
}

TEST(child_settid)
{
	int tid = 0;
	pid_t p = (pid_t)syscall(SYS_clone, CLONE_CHILD_SETTID | SIGCHLD, 0, 0, &tid, 0);

	if (p == 0)
		_exit(tid == (int)syscall(SYS_gettid) ? 0 : 1);
	CHECK_EQ(status_of(p), 0);
	CHECK_EQ(tid, 0);
}

TEST(no_exit_signal_needs_wall)
{
	pid_t p = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	int s;

	if (p == 0)
		_exit(9);
	CHECK_ERR(waitpid(p, &s, 0), ECHILD);
	CHECK_EQ(waitpid(p, &s, __WALL), p);
	CHECK_EQ(s, 9 << 8);
}

TEST(clone_parent)
{
	int fd[2], s;
	pid_t p, g = 0;

	REQUIRE(pipe(fd) == 0);
	p = fork();
	if (p == 0) {
		g = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (g == 0)
			_exit(6);
		_exit(write(fd[1], &g, sizeof(g)) != sizeof(g));
	}
	CHECK_EQ(status_of(p), 0);
	CHECK_EQ(read(fd[0], &g, sizeof(g)), sizeof(g));
	CHECK_EQ(waitpid(g, &s, 0), g);
	CHECK_EQ(s, 6 << 8);
}

TEST(bad_flags)
{
	CHECK_ERR(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0), EINVAL);
}

TEST(clone3_runs)
{
	struct clone_args a = {.exit_signal = SIGCHLD};
	pid_t p = (pid_t)syscall(SYS_clone3, &a, sizeof(a));

	if (p == 0)
		_exit(8);
	REQUIRE(p > 0);
	CHECK_EQ(status_of(p), 8 << 8);
}

TEST(clone3_bad)
{
	struct clone_args a = {.exit_signal = SIGCHLD};
	char big[256] = {0};

	CHECK_ERR(syscall(SYS_clone3, &a, 8), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, &a, 5000), E2BIG);
	CHECK_ERR(syscall(SYS_clone3, NULL, sizeof(a)), EFAULT);
	big[200] = 1;
	CHECK_ERR(syscall(SYS_clone3, big, sizeof(big)), E2BIG);
	a.exit_signal = 0x1000;
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
	a.exit_signal = SIGCHLD;
	a.stack_size = 4096;
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
	a.stack_size = 0;
	a.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
}

TEST(unshare_bad)
{
	CHECK_EQ(unshare(0), 0);
	CHECK_EQ(unshare(CLONE_FILES), 0);
	CHECK_EQ(unshare(CLONE_FS), 0);
	CHECK_ERR(syscall(SYS_unshare, 0x1), EINVAL);
}

TAP_MAIN()
