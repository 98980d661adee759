/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): events of fork, exec and exit, children that are traced from birth. */
#include "ptrace_lib.h"
#include <fcntl.h>
#include <pthread.h>

static int fork_one(void)
{
	pid_t pid = fork();
	int s = 0;

	if (pid == 0)
		_exit(3);
	return waitpid(pid, &s, 0) == pid && WIFEXITED(s) ? WEXITSTATUS(s) : 50;
}

static int vfork_one(void)
{
	pid_t pid = vfork();
	int s = 0;

	if (pid == 0)
		_exit(3);
	return waitpid(pid, &s, 0) == pid && WIFEXITED(s) ? WEXITSTATUS(s) : 50;
}

static void *thread_body(void *arg)
{
	return arg;
}

static int thread_one(void)
{
	pthread_t th;

	if (pthread_create(&th, NULL, thread_body, NULL) != 0)
		return 50;
	pthread_join(th, NULL);
	return 3;
}

/* The event's child, which comes stopped by SIGSTOP and is let go; the parent waits on in its event stop. */
static pid_t meet_child(pid_t pid, int event)
{
	unsigned long child = 0;
	siginfo_t si;

	EXPECT_STOP(pid, SIGTRAP | event << 8);
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, pid, 0, &child), 0);
	CHECK(child > 1);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, SIGTRAP | event << 8);
	EXPECT_STOP((pid_t)child, SIGSTOP);
	return (pid_t)child;
}

TEST(fork_event)
{
	pid_t pid = traced(fork_one), child;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	child = meet_child(pid, PTRACE_EVENT_FORK);
	CHECK_EQ(regs_of(child).rax, 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK_EQ(PT(PTRACE_CONT, child, 0, 0), 0);
	EXPECT_EXIT(child, 3); /* the tracer sees it first, then the parent */
	EXPECT_STOP(pid, SIGCHLD);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 3);
}

TEST(fork_untraced_child)
{
	pid_t pid = traced(fork_one);

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGCHLD);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 3);
}

TEST(child_has_the_options)
{
	pid_t pid = traced(fork_one), child;
	unsigned long code = 0;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	child = meet_child(pid, PTRACE_EVENT_FORK);
	CHECK_EQ(PT(PTRACE_CONT, child, 0, 0), 0);
	EXPECT_STOP(child, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, child, 0, &code), 0);
	CHECK_EQ(code, 3 << 8);
	CHECK_EQ(PT(PTRACE_DETACH, child, 0, 0), 0);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 3);
}

TEST(vfork_events)
{
	pid_t pid = traced(vfork_one), child;
	unsigned long v = 0;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	child = meet_child(pid, PTRACE_EVENT_VFORK);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	pause_ms(20);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG | __WALL), 0); /* it waits for its child */
	CHECK_EQ(PT(PTRACE_CONT, child, 0, 0), 0);
	EXPECT_EXIT(child, 3);
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_VFORK_DONE << 8);
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, pid, 0, &v), 0);
	CHECK_EQ(v, child);
	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 3);
}

TEST(clone_event)
{
	pid_t pid = traced(thread_one), tid;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	tid = meet_child(pid, PTRACE_EVENT_CLONE);
	CHECK(tid != pid);
	CHECK_EQ(PT(PTRACE_CONT, tid, 0, 0), 0);
	EXPECT_EXIT(tid, 0); /* a thread's end is told */
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 3);
}

TEST(seized_clone)
{
	pid_t pid = traced(thread_one);
	unsigned long tid = 0;

	CHECK_EQ(PT(PTRACE_DETACH, pid, 0, SIGSTOP), 0);
	CHECK(await_state(pid, 'T'));
	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACECLONE), 0);
	EXPECT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8);
	kill(pid, SIGCONT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	for (;;) { /* SIGCONT shows as a stop of its own and as a signal, in either order */
		int s = next_status(pid);

		REQUIRE(WIFSTOPPED(s));
		if (STOP_CODE(s) == (SIGTRAP | PTRACE_EVENT_CLONE << 8))
			break;
		CHECK(STOP_CODE(s) == (SIGTRAP | PTRACE_EVENT_STOP << 8) || STOP_CODE(s) == SIGCONT);
		CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	}
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, pid, 0, &tid), 0);
	EXPECT_STOP((pid_t)tid, SIGTRAP | PTRACE_EVENT_STOP << 8);
	CHECK_EQ(PT(PTRACE_CONT, tid, 0, 0), 0);
	EXPECT_EXIT((pid_t)tid, 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 3);
}

static int clone_untraced(void)
{
	long pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
	int s = 0;

	if (pid == 0)
		syscall(SYS_exit_group, 4);
	return waitpid((pid_t)pid, &s, 0) == pid ? WEXITSTATUS(s) : 50;
}

TEST(clone_untraced)
{
	pid_t pid = traced(clone_untraced);

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGCHLD);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 4);
}

static int clone_ptrace(void)
{
	long pid = syscall(SYS_clone, CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		syscall(SYS_exit_group, 4);
	return pid > 0 ? 5 : 50;
}

TEST(clone_ptrace)
{
	pid_t pid = traced(clone_ptrace), child;
	int s;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 5);
	child = waitpid(-1, &s, __WALL);
	CHECK(child > 0 && child != pid);
	CHECK_EQ(STOP_CODE(s), SIGSTOP);
	CHECK_EQ(PT(PTRACE_CONT, child, 0, 0), 0);
	EXPECT_EXIT(child, 4);
}

static int exec_self(void)
{
	execl("/proc/self/exe", "ptrace_event", "--exit-5", NULL);
	return 50;
}

TEST(exec_event)
{
	pid_t pid = traced(exec_self);
	struct user_regs_struct r;
	unsigned long v = 0;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_EXEC << 8);
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, pid, 0, &v), 0);
	CHECK_EQ(v, pid);
	r = regs_of(pid);
	CHECK_EQ(r.orig_rax, SYS_execve);
	CHECK_EQ(r.cs, 0x33);
	CHECK_EQ(r.ss, 0x2b);
	CHECK_EQ(r.eflags & 0x202, 0x202);
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 5);
}

TEST(exec_trap)
{
	pid_t pid = traced(exec_self);
	siginfo_t si;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, SI_USER);
	CHECK_EQ(si.si_pid, pid);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 5);
}

TEST(exec_syscall_stops)
{
	pid_t pid = traced(exec_self);
	struct user_regs_struct r;
	int s;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD), 0);
	do {
		CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
		s = next_status(pid);
		REQUIRE(WIFSTOPPED(s));
	} while (STOP_CODE(s) != (SIGTRAP | PTRACE_EVENT_EXEC << 8));
	CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | 0x80);
	r = regs_of(pid);
	CHECK_EQ(r.orig_rax, SYS_execve);
	CHECK_EQ(r.rax, 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 5);
}

static void *exec_thread(void *arg)
{
	exec_self();
	return arg;
}

static __attribute__((noreturn)) int exec_from_thread(void)
{
	pthread_t th;

	pthread_create(&th, NULL, exec_thread, NULL);
	for (;;)
		pause();
}

/* The thread that executes takes the leader's place; the leader's end is not told. */
TEST(exec_by_thread)
{
	pid_t pid = traced(exec_from_thread), tid;
	unsigned long v = 0;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	tid = meet_child(pid, PTRACE_EVENT_CLONE);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK_EQ(PT(PTRACE_CONT, tid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_EXEC << 8);
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, pid, 0, &v), 0);
	CHECK_EQ(v, tid);
	CHECK_EQ(waitpid(tid, NULL, __WALL | WNOHANG), -1);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 5);
}

TEST(exit_event)
{
	pid_t pid = traced(do_nothing);
	unsigned long v = 0;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, pid, 0, &v), 0);
	CHECK_EQ(v, 7 << 8);
	CHECK_EQ(regs_of(pid).orig_rax, SYS_exit_group);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TEST(exit_event_by_signal)
{
	pid_t pid = traced(do_pause);
	unsigned long v = 0;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGTERM), 0); /* no delivery stop: not injected */
	EXPECT_STOP(pid, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	CHECK_EQ(PT(PTRACE_GETEVENTMSG, pid, 0, &v), 0);
	CHECK_EQ(v, SIGTERM);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_KILLED(pid, SIGTERM);
}

static int report[2];

/* Somebody else traces the test's child: the parent is told only when the tracer has seen the end. */
TEST(tracer_sees_the_end_first)
{
	pid_t child = untraced(do_pause), tracer;
	char c;
	int s;

	REQUIRE(pipe(report) == 0);
	tracer = fork();
	if (tracer == 0) {
		if (PT(PTRACE_SEIZE, child, 0, 0) != 0)
			_exit(1);
		if (write(report[1], "a", 1) != 1)
			_exit(2);
		pause_ms(100);
		_exit(waitpid(child, &s, __WALL) == child && WIFSIGNALED(s) ? 0 : 3);
	}
	CHECK_EQ(read(report[0], &c, 1), 1);
	kill(child, SIGKILL);
	pause_ms(30);
	CHECK_EQ(waitpid(child, &s, WNOHANG), 0); /* a zombie, but its tracer's */
	CHECK_EQ(state_of(child), 'Z');
	EXPECT_EXIT(tracer, 0);
	EXPECT_KILLED(child, SIGKILL);
}

/* A tracee that nobody else waits for is gone with its tracer. */
TEST(tracer_dies_before_waiting)
{
	pid_t child = untraced(do_pause), tracer;
	int s;

	tracer = fork();
	if (tracer == 0) {
		if (PT(PTRACE_SEIZE, child, 0, 0) != 0)
			_exit(1);
		kill(child, SIGKILL);
		if (!await_state(child, 'Z'))
			_exit(2);
		_exit(0);
	}
	EXPECT_EXIT(tracer, 0);
	CHECK_EQ(waitpid(child, &s, 0), child);
	CHECK(WIFSIGNALED(s));
}

/* A storm of short-lived children, all followed. */
static int fork_many(void)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(fork() == 0 ? 0 : 0);
	}
	while (wait(NULL) > 0)
		;
	return 9;
}

TEST(follow_many)
{
	pid_t pid = traced(fork_many), p;
	int s, ended = 0, code = -1;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	while ((p = waitpid(-1, &s, __WALL)) > 0) {
		if (WIFSTOPPED(s)) {
			int sig = STOP_CODE(s) == SIGCHLD ? SIGCHLD : 0;

			CHECK_EQ(PT(PTRACE_CONT, p, 0, sig), 0);
			continue;
		}
		ended++;
		if (p == pid)
			code = WEXITSTATUS(s);
	}
	CHECK_EQ(code, 9);
	CHECK_EQ(ended, 61);
}

#define main tap_main
TAP_MAIN()
#undef main

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--exit-5"))
		return 5;
	return tap_main(argc, argv);
}
