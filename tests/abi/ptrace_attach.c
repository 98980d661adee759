/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): attaching, seizing, interrupting, group stops under a tracer, letting go, who may trace whom. */
#include "ptrace_lib.h"
#include <pthread.h>
#include <sys/prctl.h>

static __attribute__((noreturn)) int spin_then_exit(void)
{
	for (;;)
		__asm__ volatile("pause");
}

TEST(attach_running)
{
	pid_t pid = untraced(spin_then_exit);

	pause_ms(50);
	CHECK_EQ(PT(PTRACE_ATTACH, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGSTOP);
	CHECK((long)regs_of(pid).orig_rax == -1);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, SIGKILL), 0);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(attach_sleeping)
{
	pid_t pid = untraced(do_pause);

	CHECK(await_state(pid, 'S'));
	CHECK_EQ(PT(PTRACE_ATTACH, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGSTOP);
	CHECK_EQ(regs_of(pid).orig_rax, SYS_pause);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, 0), 0);
	CHECK(await_state(pid, 'S'));
	CHECK_ERR(PT(PTRACE_CONT, pid, 0, 0), ESRCH);
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(attach_stopped)
{
	pid_t pid = untraced(do_pause);

	kill(pid, SIGSTOP);
	CHECK(await_state(pid, 'T'));
	CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
	CHECK_EQ(PT(PTRACE_ATTACH, pid, 0, 0), 0);
	CHECK_EQ(state_of(pid), 't'); /* attaching waits for that */
	EXPECT_STOP(pid, SIGSTOP);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, 0), 0); /* its group is still stopped */
	CHECK(await_state(pid, 'T'));
	kill(pid, SIGCONT);
	CHECK(await_state(pid, 'S'));
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(detach_with_signal)
{
	pid_t pid = untraced(do_pause);

	CHECK_EQ(PT(PTRACE_ATTACH, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGSTOP);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, SIGTERM), 0);
	EXPECT_KILLED(pid, SIGTERM);
}

TEST(detach_stopped)
{
	pid_t pid = untraced(do_pause);
	int s;

	CHECK_EQ(PT(PTRACE_ATTACH, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGSTOP);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &s, WUNTRACED), pid); /* now its parent is told */
	CHECK_EQ(s, SIGSTOP << 8 | 0x7f);
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(seize_and_interrupt)
{
	pid_t pid = untraced(do_pause);
	siginfo_t si;

	CHECK(await_state(pid, 'S'));
	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* it runs on */
	CHECK_EQ(PT(PTRACE_INTERRUPT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_STOP << 8);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, SIGTRAP | PTRACE_EVENT_STOP << 8);
	CHECK_EQ(regs_of(pid).orig_rax, SYS_pause);
	/* One more while it is stopped comes after the next CONT. */
	CHECK_EQ(PT(PTRACE_INTERRUPT, pid, 0, 0), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_STOP << 8);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, 0), 0);
	CHECK(await_state(pid, 'S'));
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(interrupt_running)
{
	pid_t pid = untraced(spin_then_exit);

	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(PT(PTRACE_INTERRUPT, pid, 0, 0), 0);
		EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_STOP << 8);
		CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	}
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

/* An interrupted read goes on as if nothing had been. */
static int pfd[2];

static int read_byte(void)
{
	char c;

	return read(pfd[0], &c, 1) == 1 ? c : errno;
}

TEST(interrupt_is_no_signal)
{
	pid_t pid;

	REQUIRE(pipe(pfd) == 0);
	pid = untraced(read_byte);
	CHECK(await_state(pid, 'S'));
	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(PT(PTRACE_INTERRUPT, pid, 0, 0), 0);
		EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_STOP << 8);
		CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
		CHECK(await_state(pid, 'S'));
	}
	CHECK_EQ(write(pfd[1], "k", 1), 1);
	EXPECT_EXIT(pid, 'k');
}

TEST(group_stop_of_seized)
{
	pid_t pid = untraced(do_pause);
	siginfo_t si;

	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	kill(pid, SIGSTOP);
	EXPECT_STOP(pid, SIGSTOP); /* the signal */
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGSTOP), 0);
	EXPECT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8); /* the stop */
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_signo, SIGSTOP);
	CHECK_EQ(PT(PTRACE_LISTEN, pid, 0, 0), 0);
	CHECK_ERR(PT(PTRACE_CONT, pid, 0, 0), ESRCH); /* it listens */
	CHECK_EQ(waitpid(pid, NULL, WNOHANG | WUNTRACED), 0);
	kill(pid, SIGCONT);
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_STOP << 8);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGCONT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK(await_state(pid, 'S'));
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(listen_is_interrupted)
{
	pid_t pid = untraced(do_pause);

	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	kill(pid, SIGTSTP);
	EXPECT_STOP(pid, SIGTSTP);
	CHECK_EQ(PT(PTRACE_LISTEN, pid, 0, 0), -1); /* no stop event */
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGSTOP), 0);
	EXPECT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8);
	CHECK_EQ(PT(PTRACE_LISTEN, pid, 0, 0), 0);
	CHECK_EQ(PT(PTRACE_INTERRUPT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8);
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

/* Resumed by its tracer, a task runs although its group is stopped. */
TEST(runs_in_a_stopped_group)
{
	pid_t pid;

	REQUIRE(pipe(pfd) == 0);
	pid = untraced(read_byte);
	CHECK(await_state(pid, 'S'));
	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	kill(pid, SIGSTOP);
	EXPECT_STOP(pid, SIGSTOP);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGSTOP), 0);
	EXPECT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK_EQ(write(pfd[1], "m", 1), 1);
	EXPECT_EXIT(pid, 'm');
}

static void *sleeper_thread(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static __attribute__((noreturn)) int three_threads(void)
{
	pthread_t th;

	for (int i = 0; i < 2; i++)
		pthread_create(&th, NULL, sleeper_thread, NULL);
	for (;;)
		pause();
}

static int threads_of(pid_t pid, pid_t tid[8])
{
	char path[40];
	int n = 0;

	for (int try = 0; try < 500 && n != 3; try++) {
		n = 0;
		for (pid_t t = pid; t < pid + 60 && n < 8; t++) {
			snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, t);
			if (access(path, F_OK) == 0)
				tid[n++] = t;
		}
		pause_ms(2);
	}
	return n;
}

TEST(attach_threads)
{
	pid_t pid = untraced(three_threads), tid[8];

	REQUIRE(threads_of(pid, tid) == 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(PT(PTRACE_ATTACH, tid[i], 0, 0), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_STOP(tid[i], SIGSTOP);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(PT(PTRACE_CONT, tid[i], 0, 0), 0);
	kill(pid, SIGKILL);
	for (int i = 2; i >= 0; i--)
		EXPECT_KILLED(tid[i], SIGKILL);
}

/* One traced thread of a stopped group: the parent is told when all have stopped. */
TEST(group_stop_of_threads)
{
	pid_t pid = untraced(three_threads), tid[8];
	int s;

	REQUIRE(threads_of(pid, tid) == 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(PT(PTRACE_SEIZE, tid[i], 0, 0), 0);
	kill(pid, SIGTSTP);
	pid_t first = waitpid(-1, &s, __WALL);
	CHECK_EQ(STOP_CODE(s), SIGTSTP);
	CHECK_EQ(PT(PTRACE_CONT, first, 0, SIGSTOP), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_STOP(tid[i], SIGSTOP | PTRACE_EVENT_STOP << 8);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(PT(PTRACE_DETACH, tid[i], 0, 0), 0);
	CHECK(await_state(pid, 'T'));
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

static int undumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	do_pause();
}

/* As another user: runs fn in a child without rights. */
static int without_rights(uid_t uid, pid_t target)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
			_exit(98);
		_exit(PT(PTRACE_SEIZE, target, 0, 0) == 0 ? 0 : errno);
	}
	return WEXITSTATUS(next_status(pid));
}

static int as_1000(void)
{
	if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0)
		return 98;
	prctl(PR_SET_DUMPABLE, 1);
	do_pause();
}

TEST(permission)
{
	pid_t root, user, hidden;

	if (geteuid() != 0)
		SKIP("needs root");
	root = untraced(do_pause);
	user = untraced(as_1000);
	hidden = untraced(undumpable);
	CHECK(await_state(user, 'S') && await_state(root, 'S') && await_state(hidden, 'S'));
	CHECK_EQ(without_rights(1000, root), EPERM);
	CHECK_EQ(without_rights(1001, user), EPERM);
	CHECK_EQ(without_rights(1000, user), 0);
	CHECK_EQ(PT(PTRACE_SEIZE, hidden, 0, 0), 0); /* with CAP_SYS_PTRACE */
	kill(root, SIGKILL);
	kill(user, SIGKILL);
	kill(hidden, SIGKILL);
	EXPECT_KILLED(root, SIGKILL);
	EXPECT_KILLED(user, SIGKILL);
	EXPECT_KILLED(hidden, SIGKILL);
}

/* Attach and let go, again and again, of a task that makes calls all the time. */
static int busy_calls(void)
{
	for (;;)
		if (syscall(SYS_getppid) <= 0 || syscall(SYS_close, -1) != -1 || errno != EBADF)
			return 60;
}

TEST(attach_detach_many)
{
	pid_t pid = untraced(busy_calls);

	for (int i = 0; i < 100; i++) {
		if (i & 1) {
			CHECK_EQ(PT(PTRACE_ATTACH, pid, 0, 0), 0);
			EXPECT_STOP(pid, SIGSTOP);
		} else {
			CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
			CHECK_EQ(PT(PTRACE_INTERRUPT, pid, 0, 0), 0);
			EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_STOP << 8);
			CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
			EXPECT_STOP(pid, SIGTRAP | 0x80);
		}
		CHECK_EQ(PT(PTRACE_DETACH, pid, 0, 0), 0);
	}
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

/* Two kill and ask at the same time: whatever comes first, nothing hangs. */
static void *killer(void *arg)
{
	pause_ms(1);
	kill(*(pid_t *)arg, SIGKILL);
	return NULL;
}

TEST(killed_under_work)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = traced(busy_calls);
		struct user_regs_struct r;
		pthread_t th;
		int s;

		pthread_create(&th, NULL, killer, &pid);
		for (;;) {
			if (PT(REQ_GETREGS, pid, 0, &r) != 0 && errno == ESRCH)
				break;
			if (PT(PTRACE_SYSCALL, pid, 0, 0) != 0)
				break;
			if (waitpid(pid, &s, __WALL) != pid || !WIFSTOPPED(s))
				break;
		}
		pthread_join(th, NULL);
		s = SIGKILL;
		while (waitpid(pid, &s, __WALL) == pid && WIFSTOPPED(s))
			;
		CHECK_ERR(PT(PTRACE_CONT, pid, 0, 0), ESRCH);
	}
}

TAP_MAIN()
