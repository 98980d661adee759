/* SPDX-License-Identifier: Apache-2.0 */
/* Lives of tasks over the fake platform: clone, exit, wait, exec, signals, stops, futexes, namespaces. */
#include "task_fake.h"

#include <linux/sched.h>

#define A(off) (FAKE_ARENA + (off))
#define MEM32(off) (*(volatile uint32_t *)(uintptr_t)A(off))
#define MEM64(off) (*(volatile uint64_t *)(uintptr_t)A(off))
#define W(off, v) (MEM64(off) = (uint64_t)(v))
#define EXIT(code) CALL(SYS_exit_group, code)
#define STEP(n) (r->rip = (r->rip & ~255ULL) + 2ULL * (n))
/* An unexpected result ends the program with 90 + its step. */
#define NEED(c)                                                                                    \
	do {                                                                                       \
		if (!(c))                                                                          \
			return EXIT(90 + step);                                                    \
	} while (0)
#define PROGRAM(name)                                                                              \
	static enum pt_event name(struct pt_thread *pt __unused, struct user_regs_struct *r,       \
				  unsigned step, struct pt_exit *x __unused)
#define RESULT ((long)r->rax)

enum {
	P_EXIT, P_FORK_WAIT, P_RESTORER, P_HANDLER, P_SIGNAL, P_SPINNER, P_THREADS, P_EXEC, P_EXEC_OK,
	P_EXEC_BAD, P_STOP, P_VFORK, P_FUTEX, P_EINTR, P_RESTART, P_ORPHAN, P_INIT_DIES, P_FAULT,
	P_THREAD_EXEC, P_SLEEP, P_IGNORED, P_UNKNOWN,
};

PROGRAM(prog_exit)
{
	return EXIT(42);
}

PROGRAM(prog_fork_wait)
{
	switch (step) {
	case 0:
		return CALL(SYS_fork, 0);
	case 1:
		if (RESULT == 0)
			return CALL(SYS_exit, 7);
		NEED(RESULT == 2);
		return CALL(SYS_wait4, -1, A(0), 0, 0);
	case 2:
		NEED(RESULT == 2 && MEM32(0) == 7 << 8);
		return CALL(SYS_wait4, -1, A(0), 0, 0);
	case 3:
		NEED(RESULT == -ECHILD);
		return EXIT(0);
	}
	return EXIT(90);
}

PROGRAM(prog_restorer)
{
	return step ? EXIT(91) : CALL(SYS_rt_sigreturn, 0);
}

/* ret: pops the restorer's address. */
PROGRAM(prog_handler)
{
	MEM32(64)++;
	MEM32(68) = (uint32_t)r->rdi;
	W(72, r->rsi);
	r->rip = MEM64(r->rsp - FAKE_ARENA);
	r->rsp += 8;
	return prog_restorer(pt, r, 0, x);
}

static void set_action(uint64_t at, uint64_t handler, uint64_t flags)
{
	struct ksigaction a = {handler, flags | 0x04000000, FAKE_RIP(P_RESTORER), 0};

	memcpy((void *)(uintptr_t)A(at), &a, sizeof(a));
}

PROGRAM(prog_signal)
{
	switch (step) {
	case 0:
		set_action(128, FAKE_RIP(P_HANDLER), SA_SIGINFO);
		return CALL(SYS_rt_sigaction, SIGUSR1, A(128), 0, 8);
	case 1:
		NEED(RESULT == 0);
		r->rbx = 0x1234;
		return CALL(SYS_kill, 1, SIGUSR1);
	case 2:
		NEED(RESULT == 0 && r->rbx == 0x1234);
		NEED(MEM32(64) == 1 && MEM32(68) == SIGUSR1);
		NEED(((siginfo_t *)(uintptr_t)MEM64(72))->si_code == SI_USER);
		NEED(((siginfo_t *)(uintptr_t)MEM64(72))->si_pid == 1);
		W(200, KSIGMASK(SIGUSR1));
		return CALL(SYS_rt_sigprocmask, SIG_BLOCK, A(200), 0, 8);
	case 3:
		return CALL(SYS_kill, 1, SIGUSR1);
	case 4:
		NEED(MEM32(64) == 1);
		return CALL(SYS_rt_sigpending, A(208), 8);
	case 5:
		NEED(MEM64(208) == KSIGMASK(SIGUSR1));
		return CALL(SYS_rt_sigprocmask, SIG_UNBLOCK, A(200), 0, 8);
	case 6:
		NEED(MEM32(64) == 2);
		return EXIT(0);
	}
	return EXIT(90);
}

PROGRAM(prog_spinner)
{
	return fake_spin(pt);
}

/* Two threads: one spins, one ends the group. */
PROGRAM(prog_threads)
{
	const uint64_t f = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			   CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	switch (step) {
	case 0:
		MEM32(4) = 77;
		return CALL(SYS_clone, f, FAKE_STACK - 8192, A(0), A(4));
	case 1:
		if (RESULT == 0)
			return CALL(SYS_exit, 0); /* clears word 4 and wakes */
		NEED(RESULT == 2 && MEM32(0) == 2);
		return CALL(SYS_futex, A(4), FUTEX_WAIT, 77, 0);
	case 2:
		if (MEM32(4) == 77)
			STEP(1);
		NEED(MEM32(4) == 0);
		return CALL(SYS_clone, f, FAKE_STACK - 8192, A(0), A(8));
	case 3:
		if (RESULT == 0)
			return fake_spin(pt);
		return CALL(SYS_clone, f, FAKE_STACK - 16384, A(0), A(8));
	case 4:
		if (RESULT == 0)
			return EXIT(33);
		return CALL(SYS_pause, 0);
	}
	return EXIT(90);
}

static void exec_path(int n)
{
	snprintf((char *)(uintptr_t)A(300), 16, "/%d", n);
	W(320, A(300));
	W(328, 0);
}

PROGRAM(prog_exec)
{
	switch (step) {
	case 0:
		strcpy((char *)(uintptr_t)A(300), "/missing");
		W(320, A(300));
		W(328, 0);
		return CALL(SYS_execve, A(300), A(320), 0);
	case 1:
		NEED(RESULT == -ENOENT);
		strcpy((char *)(uintptr_t)A(300), "/noexec");
		return CALL(SYS_execve, A(300), A(320), 0);
	case 2:
		NEED(RESULT == -ENOEXEC);
		exec_path(P_EXEC_OK);
		return CALL(SYS_execve, A(300), A(320), 0);
	}
	return EXIT(90);
}

PROGRAM(prog_exec_ok)
{
	if (step == 0)
		return CALL(SYS_getpid, 0);
	return EXIT(RESULT == 1 ? 55 : 56);
}

PROGRAM(prog_exec_bad)
{
	strcpy((char *)(uintptr_t)A(300), "/bad");
	W(320, A(300));
	W(328, 0);
	return step ? EXIT(90) : CALL(SYS_execve, A(300), A(320), 0);
}

PROGRAM(prog_stop)
{
	switch (step) {
	case 0:
		return CALL(SYS_fork, 0);
	case 1:
		if (RESULT == 0)
			return fake_spin(pt);
		return CALL(SYS_kill, 2, SIGSTOP);
	case 2:
		return CALL(SYS_wait4, 2, A(0), WUNTRACED, 0);
	case 3:
		NEED(RESULT == 2 && MEM32(0) == ((SIGSTOP << 8) | 0x7f));
		return CALL(SYS_kill, 2, SIGCONT);
	case 4:
		return CALL(SYS_wait4, 2, A(0), 8 /* WCONTINUED */, 0);
	case 5:
		NEED(RESULT == 2 && MEM32(0) == 0xffff);
		return CALL(SYS_kill, 2, SIGSTOP);
	case 6:
		return CALL(SYS_kill, 2, SIGKILL);
	case 7:
		return CALL(SYS_wait4, 2, A(0), 0, 0);
	case 8:
		NEED(RESULT == 2 && MEM32(0) == SIGKILL);
		return EXIT(0);
	}
	return EXIT(90);
}

PROGRAM(prog_vfork)
{
	switch (step) {
	case 0:
		return CALL(SYS_vfork, 0);
	case 1:
		if (RESULT == 0) {
			MEM32(16) = 5;
			exec_path(P_EXIT);
			return CALL(SYS_execve, A(300), A(320), 0);
		}
		NEED(MEM32(16) == 5);
		return CALL(SYS_wait4, -1, A(0), 0, 0);
	case 2:
		NEED(MEM32(0) == 42 << 8);
		return EXIT(0);
	}
	return EXIT(90);
}

PROGRAM(prog_futex)
{
	switch (step) {
	case 0:
		MEM32(4) = 1;
		return CALL(SYS_futex, A(4), FUTEX_WAIT, 0, 0);
	case 1:
		NEED(RESULT == -EAGAIN);
		W(16, 0);
		W(24, 1000000);
		return CALL(SYS_futex, A(4), FUTEX_WAIT, 1, A(16));
	case 2:
		NEED(RESULT == -ETIMEDOUT);
		return CALL(SYS_futex, A(5), FUTEX_WAIT, 1, 0);
	case 3:
		NEED(RESULT == -EINVAL);
		return CALL(SYS_futex, 8, FUTEX_WAIT, 1, 0);
	case 4:
		NEED(RESULT == -EFAULT);
		return CALL(SYS_fork, 0);
	case 5:
		if (RESULT == 0)
			return CALL(SYS_futex, A(4), FUTEX_WAIT, 1, 0);
		return CALL(SYS_futex, A(4), FUTEX_WAKE, 1, 0);
	case 6:
		if (r->rax == 0 && MEM32(40) == 0) { /* child woken, or the parent woke nobody yet */
			usleep(500);
			return CALL(SYS_getpid, 0);
		}
		return CALL(SYS_getpid, 0);
	case 7:
		if (RESULT == 2)
			return EXIT(4);
		return CALL(SYS_futex, A(4), FUTEX_WAKE, 1, 0);
	case 8:
		return CALL(SYS_wait4, -1, A(0), WNOHANG, 0);
	case 9:
		if (RESULT == 0) {
			STEP(7);
			r->rax = 1;
			return CALL(SYS_futex, A(4), FUTEX_WAKE, 1, 0);
		}
		NEED(MEM32(0) == 4 << 8);
		return EXIT(0);
	}
	return EXIT(90);
}

static enum pt_event interrupted(struct pt_thread *pt __unused, struct user_regs_struct *r,
				 unsigned step, uint64_t flags)
{
	switch (step) {
	case 0:
		set_action(128, FAKE_RIP(P_HANDLER), flags);
		return CALL(SYS_rt_sigaction, SIGUSR1, A(128), 0, 8);
	case 1:
		return CALL(SYS_fork, 0);
	case 2: /* the child signals until the handler ran, lingers, ends */
		if (RESULT == 0) {
			usleep(1000);
			return CALL(SYS_kill, 1, SIGUSR1);
		}
		return CALL(SYS_wait4, -1, A(0), 0, 0);
	case 3:
		if (r->orig_rax == SYS_kill || MEM32(40) == 1) {
			usleep(20000);
			return EXIT(3);
		}
		if (flags & SA_RESTART)
			NEED(RESULT == 2 && MEM32(0) == 3 << 8);
		else
			NEED(RESULT == -EINTR);
		NEED(MEM32(64) == 1);
		return EXIT(0);
	}
	return EXIT(90);
}

PROGRAM(prog_eintr)
{
	return interrupted(pt, r, step, 0);
}

PROGRAM(prog_restart)
{
	return interrupted(pt, r, step, SA_RESTART);
}

/* A grandchild whose parent exits first comes to process 1. */
PROGRAM(prog_orphan)
{
	switch (step) {
	case 0:
		return CALL(SYS_fork, 0);
	case 1:
		if (RESULT == 0)
			STEP(10);
		return RESULT == 0 ? CALL(SYS_fork, 0) : CALL(SYS_wait4, 2, A(0), 0, 0);
	case 2:
		NEED(RESULT == 2 && MEM32(0) == 1 << 8);
		return CALL(SYS_wait4, 3, A(0), 0, 0);
	case 3:
		NEED(RESULT == 3 && MEM32(0) == 2 << 8);
		return EXIT(0);
	case 11:
		if (RESULT)
			return EXIT(1);
		usleep(5000);
		return CALL(SYS_getppid, 0);
	case 12:
		return EXIT(RESULT == 1 ? 2 : 9);
	}
	return EXIT(90);
}

PROGRAM(prog_init_dies)
{
	switch (step) {
	case 0:
		return CALL(SYS_fork, 0);
	case 1:
		if (RESULT == 0)
			return CALL(SYS_fork, 0);
		return EXIT(12);
	}
	return fake_spin(pt);
}

PROGRAM(prog_fault)
{
	switch (step) {
	case 0:
		return CALL(SYS_fork, 0);
	case 1:
		if (RESULT == 0) {
			r->rip = 0xdead0000;
			*x = (struct pt_exit){.event = PT_EV_EXCEPTION, .signo = SIGSEGV,
					      .code = SEGV_MAPERR, .trapno = 14, .addr = 0x40, .err = 6};
			return PT_EV_EXCEPTION;
		}
		return CALL(SYS_wait4, -1, A(0), 0, 0);
	case 2:
		NEED((MEM32(0) & 0x7f) == SIGSEGV);
		return EXIT(0);
	}
	return EXIT(90);
}

/* A thread that is not the leader executes: it becomes the leader. */
PROGRAM(prog_thread_exec)
{
	const uint64_t f = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

	switch (step) {
	case 0:
		return CALL(SYS_clone, f, FAKE_STACK - 8192, 0, 0);
	case 1:
		if (RESULT == 0) {
			exec_path(P_EXEC_OK);
			return CALL(SYS_execve, A(300), A(320), 0);
		}
		return fake_spin(pt);
	}
	return EXIT(90);
}

PROGRAM(prog_sleep)
{
	switch (step) {
	case 0:
		W(16, 0);
		W(24, 3000000);
		return CALL(SYS_nanosleep, A(16), 0);
	case 1:
		NEED(RESULT == 0);
		W(24, 1000000000);
		return CALL(SYS_nanosleep, A(16), 0);
	case 2:
		NEED(RESULT == -EINVAL);
		return CALL(SYS_clock_gettime, CLOCK_MONOTONIC, A(32));
	case 3:
		NEED(RESULT == 0 && MEM64(32) + MEM64(40) > 0);
		W(48, 0); /* interval 0, value 5 ms */
		W(56, 0);
		W(64, 0);
		W(72, 5000);
		return CALL(SYS_setitimer, 0, A(48), 0);
	case 4:
		NEED(RESULT == 0);
		W(200, KSIGMASK(SIGALRM));
		return CALL(SYS_rt_sigprocmask, SIG_BLOCK, A(200), 0, 8);
	case 5:
		return CALL(SYS_rt_sigtimedwait, A(200), A(512), 0, 8);
	case 6:
		NEED(RESULT == SIGALRM);
		return EXIT(0);
	}
	return EXIT(90);
}

PROGRAM(prog_ignored)
{
	switch (step) {
	case 0:
		set_action(128, 1, 0);
		return CALL(SYS_rt_sigaction, SIGCHLD, A(128), 0, 8);
	case 1:
		return CALL(SYS_fork, 0);
	case 2:
		if (RESULT == 0)
			return EXIT(1);
		return CALL(SYS_wait4, -1, A(0), 0, 0);
	case 3:
		NEED(RESULT == -ECHILD);
		return EXIT(0);
	}
	return EXIT(90);
}

PROGRAM(prog_unknown)
{
	switch (step) {
	case 0:
		return CALL(100000, 0);
	case 1:
		NEED(RESULT == -ENOSYS);
		return CALL(-1, 0);
	case 2:
		NEED(RESULT == -ENOSYS);
		return CALL(SYS_gettid, 0);
	case 3:
		NEED(RESULT == 1);
		return EXIT(0);
	}
	return EXIT(90);
}

const fake_fn fake_programs[64] = {
	[P_EXIT] = prog_exit,		[P_FORK_WAIT] = prog_fork_wait, [P_RESTORER] = prog_restorer,
	[P_HANDLER] = prog_handler,	[P_SIGNAL] = prog_signal,	[P_SPINNER] = prog_spinner,
	[P_THREADS] = prog_threads,	[P_EXEC] = prog_exec,		[P_EXEC_OK] = prog_exec_ok,
	[P_EXEC_BAD] = prog_exec_bad,	[P_STOP] = prog_stop,		[P_VFORK] = prog_vfork,
	[P_FUTEX] = prog_futex,		[P_EINTR] = prog_eintr,		[P_RESTART] = prog_restart,
	[P_ORPHAN] = prog_orphan,	[P_INIT_DIES] = prog_init_dies, [P_FAULT] = prog_fault,
	[P_THREAD_EXEC] = prog_thread_exec, [P_SLEEP] = prog_sleep,	[P_IGNORED] = prog_ignored,
	[P_UNKNOWN] = prog_unknown,
};

#define LIFE(name, prog, status)                                                                   \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_EQ(fake_run(prog), status);                                                  \
	}
LIFE(exit_status, P_EXIT, 42 << 8)
LIFE(fork_and_wait, P_FORK_WAIT, 0)
LIFE(handler_and_mask, P_SIGNAL, 0)
LIFE(threads_and_group_exit, P_THREADS, 33 << 8)
LIFE(exec_and_its_errors, P_EXEC, 55 << 8)
LIFE(exec_past_the_point_of_no_return, P_EXEC_BAD, SIGKILL)
LIFE(exec_by_another_thread, P_THREAD_EXEC, 55 << 8)
LIFE(stop_continue_kill, P_STOP, 0)
LIFE(vfork_until_exec, P_VFORK, 0)
LIFE(futex_between_processes, P_FUTEX, 0)
LIFE(wait_interrupted, P_EINTR, 0)
LIFE(wait_restarted, P_RESTART, 0)
LIFE(orphan_to_init, P_ORPHAN, 0)
LIFE(init_takes_all_with_it, P_INIT_DIES, 12 << 8)
LIFE(fault_kills, P_FAULT, 0)
LIFE(sleep_and_timer, P_SLEEP, 0)
LIFE(ignored_children, P_IGNORED, 0)
LIFE(unknown_calls, P_UNKNOWN, 0)

TEST(killed_from_outside)
{
	struct task *t = fake_boot(P_SPINNER);

	usleep(5000);
	kill_group(t->tg);
	CHECK_EQ(fake_finish(t), SIGKILL);
}

TEST(host_killed_the_stub)
{
	struct task *t = fake_boot(P_SPINNER);

	usleep(5000);
	mutex_lock(&t->lock);
	pt_as_kill(t->mm->as);
	pt_interrupt(t->pt);
	mutex_unlock(&t->lock);
	CHECK_EQ(fake_finish(t), SIGKILL);
}

TAP_MAIN()
