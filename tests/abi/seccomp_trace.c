/* SPDX-License-Identifier: Apache-2.0 */
/* SECCOMP_RET_TRACE: a tracer decides about calls. */
#include "seccomp.h"

#include <sys/ptrace.h>
#include <sys/user.h>

#define CALL 4711

/* A traced child that runs fn and ends with its result; stopped before it begins. */
static pid_t begin(int (*fn)(void), long options)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(90);
		raise(SIGSTOP);
		NNP();
		_exit(fn());
	}
	REQUIRE(waitpid(p, &st, 0) == p && WIFSTOPPED(st));
	if (options)
		REQUIRE(ptrace(PTRACE_SETOPTIONS, p, NULL, options) == 0);
	return p;
}

/* Goes on until the event, or the end: 1, or 0 with the status. */
static int next_event(pid_t p, int *st)
{
	REQUIRE(ptrace(PTRACE_CONT, p, NULL, NULL) == 0);
	REQUIRE(waitpid(p, st, 0) == p);
	return WIFSTOPPED(*st) && *st >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
}

static struct user_regs_struct regs(pid_t p)
{
	struct user_regs_struct r;

	REQUIRE(ptrace(PTRACE_GETREGS, p, NULL, &r) == 0);
	return r;
}

static int one_call(void)
{
	long r;

	if (filter_one(CALL, SECCOMP_RET_TRACE | 0x77, 0) != 0)
		return 91;
	r = syscall(CALL, 1, 2, 3);
	return r == -1 ? errno : (int)(r & 0x7f);
}

TEST(event)
{
	pid_t p = begin(one_call, PTRACE_O_TRACESECCOMP);
	unsigned long data = 0;
	struct user_regs_struct r;
	int st;

	REQUIRE(next_event(p, &st));
	CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, p, NULL, &data), 0);
	CHECK_EQ(data, 0x77);
	r = regs(p);
	CHECK_EQ(r.orig_rax, CALL);
	CHECK_EQ((long)r.rax, -ENOSYS);
	CHECK_EQ(r.rdi, 1);
	CHECK_EQ(r.rdx, 3);
	CHECK(!next_event(p, &st));
	CHECK_EQ(st, ENOSYS << 8); /* the call was made, and is none */
}

TEST(no_option)
{
	pid_t p = begin(one_call, 0);
	int st;

	CHECK(!next_event(p, &st));
	CHECK_EQ(st, ENOSYS << 8);
}

TEST(another_call)
{
	pid_t p = begin(one_call, PTRACE_O_TRACESECCOMP);
	struct user_regs_struct r;
	int st;

	REQUIRE(next_event(p, &st));
	r = regs(p);
	r.orig_rax = SYS_dup;
	r.rdi = 0;
	REQUIRE(ptrace(PTRACE_SETREGS, p, NULL, &r) == 0);
	CHECK(!next_event(p, &st));
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) >= 3 && WEXITSTATUS(st) < 90);
}

TEST(no_call_but_a_result)
{
	pid_t p = begin(one_call, PTRACE_O_TRACESECCOMP);
	struct user_regs_struct r;
	int st;

	REQUIRE(next_event(p, &st));
	r = regs(p);
	r.orig_rax = (unsigned long long)-1;
	r.rax = 55;
	REQUIRE(ptrace(PTRACE_SETREGS, p, NULL, &r) == 0);
	CHECK(!next_event(p, &st));
	CHECK_EQ(st, 55 << 8);
}

static int checked_again(void)
{
	if (filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0) != 0)
		return 92;
	return one_call();
}
TEST(the_changed_call_is_filtered)
{
	pid_t p = begin(checked_again, PTRACE_O_TRACESECCOMP);
	struct user_regs_struct r;
	int st;

	REQUIRE(next_event(p, &st));
	r = regs(p);
	r.orig_rax = SYS_getppid;
	REQUIRE(ptrace(PTRACE_SETREGS, p, NULL, &r) == 0);
	CHECK(!next_event(p, &st));
	CHECK_EQ(st, EXDEV << 8);
}

/* getpid, which a kernel may answer early, is asked about like any other. */
static int ask_pid(void)
{
	if (syscall(SYS_getpid) != getpid() || filter_one(SYS_getpid, SECCOMP_RET_TRACE, 0) != 0)
		return 93;
	return syscall(SYS_getpid) == 33 ? 0 : 94;
}
TEST(early_answers)
{
	pid_t p = begin(ask_pid, PTRACE_O_TRACESECCOMP);
	struct user_regs_struct r;
	int st;

	REQUIRE(next_event(p, &st));
	r = regs(p);
	r.orig_rax = (unsigned long long)-1;
	r.rax = 33;
	REQUIRE(ptrace(PTRACE_SETREGS, p, NULL, &r) == 0);
	CHECK(!next_event(p, &st));
	CHECK_EQ(st, 0);
}

TEST(killed_at_the_event)
{
	pid_t p = begin(one_call, PTRACE_O_TRACESECCOMP);
	int st;

	REQUIRE(next_event(p, &st));
	kill(p, SIGKILL);
	REQUIRE(waitpid(p, &st, 0) == p);
	CHECK_EQ(st, SIGKILL);
}

/* A killing filter is not for a debugger to overrule. */
static int offend(void)
{
	if (filter_one(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0) != 0)
		return 95;
	syscall(SYS_getppid);
	return 0;
}
TEST(kill_is_final)
{
	pid_t p = begin(offend, PTRACE_O_TRACESECCOMP);
	int st, n = 0;

	while (!next_event(p, &st) && WIFSTOPPED(st) && n++ < 5)
		;
	CHECK(WIFSIGNALED(st));
	CHECK_EQ(WTERMSIG(st), SIGSYS);
}

TAP_MAIN()
