/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): TRACEME, stops for signals and calls, what a stopped tracee answers, death of either side. */
#include "ptrace_lib.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

TEST(traceme)
{
	pid_t pid = traced(do_nothing);

	CHECK_EQ(state_of(pid), 't');
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

static int traceme_twice(void)
{
	return PT(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM ? 0 : 1;
}

TEST(traceme_twice)
{
	pid_t pid = traced(traceme_twice);

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 0);
}

TEST(errors)
{
	pid_t pid = untraced(do_pause);

	CHECK_ERR(PT(PTRACE_CONT, pid, 0, 0), ESRCH); /* not a tracee */
	CHECK_ERR(PT(PTRACE_CONT, 0, 0, 0), ESRCH);
	CHECK_ERR(PT(PTRACE_CONT, 4000000, 0, 0), ESRCH);
	CHECK_ERR(PT(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
	CHECK_ERR(PT(PTRACE_ATTACH, 4000000, 0, 0), ESRCH);
	CHECK_ERR(PT(PTRACE_SEIZE, pid, 1, 0), EIO);
	CHECK_ERR(PT(PTRACE_SEIZE, pid, 0, 0x80000000UL), EIO);
	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	CHECK_ERR(PT(PTRACE_ATTACH, pid, 0, 0), EPERM);
	CHECK_ERR(PT(PTRACE_CONT, pid, 0, 0), ESRCH); /* it runs */
	CHECK_ERR(PT(PTRACE_GETEVENTMSG, pid, 0, 0), ESRCH);
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
	CHECK_ERR(PT(PTRACE_CONT, pid, 0, 0), ESRCH);
}

TEST(stopped_errors)
{
	pid_t pid = traced(do_nothing);
	unsigned long v;

	CHECK_ERR(PT(PTRACE_CONT, pid, 0, 65), EIO);
	CHECK_ERR(PT(PTRACE_DETACH, pid, 0, 65), EIO);
	CHECK_ERR(PT(PTRACE_SETOPTIONS, pid, 0, 0x80000000UL), EINVAL);
	CHECK_ERR(PT(0x7777, pid, 0, 0), EIO);
	CHECK_ERR(PT(PTRACE_INTERRUPT, pid, 0, 0), EIO); /* not seized */
	CHECK_ERR(PT(PTRACE_LISTEN, pid, 0, 0), EIO);
	CHECK_ERR(PT(PTRACE_PEEKDATA, pid, 8, &v), EIO);
	CHECK_ERR(PT(PTRACE_PEEKDATA, pid, &v, 8), EFAULT);
	CHECK_ERR(PT(PTRACE_POKEDATA, pid, 8, 0), EIO);
	CHECK_ERR(PT(PTRACE_GETSIGINFO, pid, 0, 8), EFAULT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

static volatile sig_atomic_t handled, handled_code;

static void handler(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	handled = sig;
	handled_code = si->si_code;
}

static void handle(int sig)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO};

	sa.sa_sigaction = handler;
	sigaction(sig, &sa, NULL);
}

static int raise_usr1(void)
{
	handle(SIGUSR1);
	handle(SIGUSR2);
	raise(SIGUSR1);
	return handled;
}

TEST(signal_delivered)
{
	pid_t pid = traced(raise_usr1);

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGUSR1), 0);
	EXPECT_EXIT(pid, SIGUSR1);
}

TEST(signal_suppressed)
{
	pid_t pid = traced(raise_usr1);

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 0);
}

TEST(signal_replaced)
{
	pid_t pid = traced(raise_usr1);

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGUSR2), 0);
	EXPECT_EXIT(pid, SIGUSR2);
}

TEST(ignored_signals_are_reported)
{
	pid_t pid = traced(do_pause);

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	kill(pid, SIGWINCH);
	EXPECT_STOP(pid, SIGWINCH);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGTERM), 0);
	EXPECT_KILLED(pid, SIGTERM);
}

TEST(kill_is_not_reported)
{
	pid_t pid = traced(do_pause);

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
	pid = traced(do_pause); /* killed while stopped */
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(request_kill)
{
	pid_t pid = traced(do_pause);

	CHECK_EQ(PT(PTRACE_KILL, pid, 0, 0), 0);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(siginfo)
{
	pid_t pid = traced(raise_usr1);
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_signo, SIGSTOP);
	CHECK_EQ(si.si_code, SI_TKILL);
	CHECK_EQ(si.si_pid, pid);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_signo, SIGUSR1);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 0);
}

static int code_of_usr1(void)
{
	handle(SIGUSR1);
	raise(SIGUSR1);
	return handled_code == SI_QUEUE ? 3 : 4;
}

TEST(set_siginfo)
{
	pid_t pid = traced(code_of_usr1);
	siginfo_t si;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	si.si_code = SI_QUEUE;
	CHECK_EQ(PT(PTRACE_SETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGUSR1), 0);
	EXPECT_EXIT(pid, 3);
}

static int queue_three(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 40 + i});
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	raise(SIGSTOP);
	return 0;
}

TEST(peek_siginfo)
{
	struct ptrace_peeksiginfo_args a = {.off = 1, .flags = PTRACE_PEEKSIGINFO_SHARED, .nr = 5};
	pid_t pid = traced(queue_three);
	siginfo_t si[5];

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGSTOP);
	CHECK_EQ(PT(PTRACE_PEEKSIGINFO, pid, &a, si), 2);
	CHECK_EQ(si[0].si_value.sival_int, 41);
	CHECK_EQ(si[1].si_value.sival_int, 42);
	a.off = 0, a.flags = 0;
	CHECK_EQ(PT(PTRACE_PEEKSIGINFO, pid, &a, si), 1);
	CHECK_EQ(si[0].si_signo, SIGUSR1);
	a.flags = 2;
	CHECK_ERR(PT(PTRACE_PEEKSIGINFO, pid, &a, si), EINVAL);
	a.flags = 0, a.nr = -1;
	CHECK_ERR(PT(PTRACE_PEEKSIGINFO, pid, &a, si), EINVAL);
	CHECK_ERR(PT(PTRACE_PEEKSIGINFO, pid, 8, si), EFAULT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 0);
}

TEST(sigmask)
{
	pid_t pid = traced(raise_usr1);
	uint64_t m = 0;

	CHECK_EQ(PT(PTRACE_GETSIGMASK, pid, 8, &m), 0);
	CHECK_EQ(m & 1 << (SIGUSR1 - 1), 0);
	CHECK_ERR(PT(PTRACE_GETSIGMASK, pid, 16, &m), EINVAL);
	m |= 1ULL << (SIGUSR1 - 1) | 1ULL << (SIGKILL - 1);
	CHECK_EQ(PT(PTRACE_SETSIGMASK, pid, 8, &m), 0);
	CHECK_EQ(PT(PTRACE_GETSIGMASK, pid, 8, &m), 0);
	CHECK_EQ(m, 1ULL << (SIGUSR1 - 1)); /* KILL cannot be blocked */
	CHECK_ERR(PT(PTRACE_SETSIGMASK, pid, 4, &m), EINVAL);
	CHECK_ERR(PT(PTRACE_SETSIGMASK, pid, 8, 8), EFAULT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 0); /* blocked: no stop, no handler */
}

/* --- system calls --- */

static int call_getppid(void)
{
	return syscall(SYS_getppid) == 1234 ? 5 : 6;
}

TEST(syscall_stops)
{
	pid_t pid = traced(call_getppid);
	struct user_regs_struct r;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
	do {
		EXPECT_STOP(pid, SIGTRAP | 0x80);
		r = regs_of(pid);
		CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
	} while (r.orig_rax != SYS_getppid);
	CHECK_EQ(r.rax, (unsigned long long)-ENOSYS);
	EXPECT_STOP(pid, SIGTRAP | 0x80);
	r = regs_of(pid);
	CHECK_EQ(r.orig_rax, SYS_getppid);
	CHECK_EQ(r.rax, getpid());
	r.rax = 1234;
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 5);
}

static int call_identity(void)
{
	int n = 0;

	for (int i = 0; i < 3; i++)
		n += syscall(SYS_getpid) > 0 && syscall(SYS_gettid) > 0 && syscall(SYS_getuid) != (long)-1;
	return n;
}

/* Every call stops, also those that could be answered without one. */
TEST(every_call_stops)
{
	pid_t pid = traced(call_identity);
	int n[400] = {0}, s;

	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	for (;;) {
		CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
		s = next_status(pid);
		if (!WIFSTOPPED(s))
			break;
		CHECK_EQ(STOP_CODE(s), SIGTRAP | 0x80);
		n[regs_of(pid).orig_rax % 400]++;
	}
	CHECK_EQ(WEXITSTATUS(s), 3);
	CHECK_EQ(n[SYS_getpid], 6);
	CHECK_EQ(n[SYS_gettid], 6);
	CHECK_EQ(n[SYS_getuid], 6);
}

TEST(syscall_stop_without_option)
{
	pid_t pid = traced(call_getppid);
	siginfo_t si;

	CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, SIGTRAP);
	CHECK_EQ(si.si_pid, pid);
	CHECK_EQ(PT(PTRACE_KILL, pid, 0, 0), 0);
	EXPECT_KILLED(pid, SIGKILL);
}

/* Goes to the entry of the next call with that number. */
static void to_entry(pid_t pid, unsigned long long nr)
{
	CHECK_EQ(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	for (;;) {
		REQUIRE(PT(PTRACE_SYSCALL, pid, 0, 0) == 0);
		EXPECT_STOP(pid, SIGTRAP | 0x80);
		if (regs_of(pid).orig_rax == nr)
			return;
		REQUIRE(PT(PTRACE_SYSCALL, pid, 0, 0) == 0);
		EXPECT_STOP(pid, SIGTRAP | 0x80);
	}
}

static int call_mkdir(void)
{
	errno = 0;
	return syscall(SYS_mkdir, "/nonexistent/x", 0700) == -1 ? errno : 0;
}

TEST(skip_call)
{
	pid_t pid = traced(call_mkdir);
	struct user_regs_struct r;

	to_entry(pid, SYS_mkdir);
	r = regs_of(pid);
	r.orig_rax = (unsigned long long)-1;
	r.rax = (unsigned long long)-EXDEV;
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
	CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | 0x80);
	r = regs_of(pid);
	CHECK_EQ(r.orig_rax, (unsigned long long)-1);
	CHECK_EQ((long)r.rax, -EXDEV);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, EXDEV);
}

TEST(skip_call_default_result)
{
	pid_t pid = traced(call_mkdir);

	to_entry(pid, SYS_mkdir);
	CHECK_EQ(PT(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, orig_rax), -1L), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, ENOSYS);
}

TEST(other_call)
{
	pid_t pid = traced(call_mkdir);
	struct user_regs_struct r;

	to_entry(pid, SYS_mkdir);
	r = regs_of(pid);
	r.orig_rax = SYS_close;
	r.rdi = (unsigned long long)-1;
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
	CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | 0x80);
	CHECK_EQ(regs_of(pid).orig_rax, SYS_close);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, EBADF);
}

TEST(syscall_info)
{
	struct ptrace_syscall_info i;
	pid_t pid = traced(call_mkdir);
	struct user_regs_struct r;

	memset(&i, 0, sizeof(i));
	CHECK_EQ(PT(PTRACE_GET_SYSCALL_INFO, pid, sizeof(i), &i), offsetof(struct ptrace_syscall_info, entry));
	CHECK_EQ(i.op, PTRACE_SYSCALL_INFO_NONE);
	CHECK_EQ(i.arch, 0xc000003e);
	to_entry(pid, SYS_mkdir);
	r = regs_of(pid);
	CHECK_EQ(PT(PTRACE_GET_SYSCALL_INFO, pid, sizeof(i), &i), 80);
	CHECK_EQ(i.op, PTRACE_SYSCALL_INFO_ENTRY);
	CHECK_EQ(i.entry.nr, SYS_mkdir);
	CHECK_EQ(i.entry.args[1], 0700);
	CHECK_EQ(i.instruction_pointer, r.rip);
	CHECK_EQ(i.stack_pointer, r.rsp);
	CHECK_EQ(PT(PTRACE_SYSCALL, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP | 0x80);
	memset(&i, 0, sizeof(i));
	CHECK_EQ(PT(PTRACE_GET_SYSCALL_INFO, pid, sizeof(i), &i), 33);
	CHECK_EQ(i.op, PTRACE_SYSCALL_INFO_EXIT);
	CHECK_EQ(i.exit.rval, -ENOENT);
	CHECK_EQ(i.exit.is_error, 1);
	memset(&i, 0, sizeof(i));
	CHECK_EQ(PT(PTRACE_GET_SYSCALL_INFO, pid, 4, &i), 33); /* less is written, all is counted */
	CHECK_EQ(i.arch, 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, ENOENT);
}

static int emulated(void)
{
	return syscall(777, 1, 2, 3) == 55 && syscall(SYS_mkdir, "x", 0) == 56 ? 11 : 12;
}

TEST(sysemu)
{
	pid_t pid = traced(emulated);
	struct user_regs_struct r;
	int s, n = 0;

	for (;;) {
		CHECK_EQ(PT(REQ_SYSEMU, pid, 0, 0), 0);
		s = next_status(pid);
		if (!WIFSTOPPED(s))
			break;
		CHECK_EQ(STOP_CODE(s), SIGTRAP);
		r = regs_of(pid);
		CHECK_EQ((long)r.rax, -ENOSYS);
		if (r.orig_rax == SYS_exit_group) {
			CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
			CHECK_EQ(r.rdi, 11);
			kill(pid, SIGKILL);
			EXPECT_KILLED(pid, SIGKILL);
			break;
		}
		if (r.orig_rax == 777 || r.orig_rax == SYS_mkdir) {
			n++;
			r.rax = r.orig_rax == 777 ? 55 : 56;
			CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
		}
	}
	CHECK_EQ(n, 2);
}

/* --- restarts --- */

static int pfd[2];

static int read_pipe(void)
{
	char c;

	handle(SIGUSR1);
	return read(pfd[0], &c, 1) == 1 ? c : errno;
}

TEST(restart_after_suppressed_signal)
{
	pid_t pid;

	REQUIRE(pipe(pfd) == 0);
	pid = traced(read_pipe);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK(await_state(pid, 'S'));
	kill(pid, SIGUSR1);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ((long)regs_of(pid).rax, -512); /* ERESTARTSYS shows */
	CHECK_EQ(regs_of(pid).orig_rax, SYS_read);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK(await_state(pid, 'S'));
	CHECK_EQ(write(pfd[1], "z", 1), 1);
	EXPECT_EXIT(pid, 'z');
}

TEST(no_restart_with_handler)
{
	pid_t pid;

	REQUIRE(pipe(pfd) == 0);
	pid = traced(read_pipe);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK(await_state(pid, 'S'));
	kill(pid, SIGUSR1);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGUSR1), 0);
	EXPECT_EXIT(pid, EINTR);
}

/* A debugger that moves the program elsewhere takes the number away, and nothing is restarted. */
TEST(no_restart_without_number)
{
	pid_t pid;

	REQUIRE(pipe(pfd) == 0);
	pid = traced(read_pipe);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	CHECK(await_state(pid, 'S'));
	kill(pid, SIGUSR1);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, orig_rax), -1L), 0);
	CHECK_EQ(PT(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, rax), -77L), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 77);
}

/* --- waiting --- */

TEST(waitid_trapped)
{
	pid_t pid = traced(do_nothing);
	siginfo_t si = {0};

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGSTOP), 0); /* a group stop, seen by the tracer */
	CHECK_EQ(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_TRAPPED);
	CHECK_EQ(si.si_status, SIGSTOP);
	CHECK_EQ(si.si_pid, pid);
	CHECK_EQ(waitid(P_PID, (id_t)pid, &si, WSTOPPED), 0);
	si.si_pid = 0;
	CHECK_EQ(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOHANG), 0); /* told once */
	CHECK_EQ(si.si_pid, 0);
	CHECK_ERR(PT(PTRACE_GETSIGINFO, pid, 0, &si), EINVAL); /* a group stop has no information */
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TEST(sigchld_tells_of_traps)
{
	sigset_t s;
	siginfo_t si;
	pid_t pid;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	pid = traced(do_nothing);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGCHLD);
	CHECK_EQ(si.si_code, CLD_TRAPPED);
	CHECK_EQ(si.si_status, SIGSTOP);
	CHECK_EQ(si.si_pid, pid);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

static void *wait_thread(void *arg)
{
	int s;

	/* Other threads of the tracer may wait, but not ask. */
	CHECK_ERR(PT(PTRACE_CONT, *(pid_t *)arg, 0, 0), ESRCH);
	CHECK_ERR(waitpid(*(pid_t *)arg, &s, __WNOTHREAD), ECHILD);
	CHECK_EQ(waitpid(*(pid_t *)arg, &s, 0), *(pid_t *)arg);
	CHECK_EQ(STOP_CODE(s), SIGUSR1);
	return NULL;
}

TEST(tracer_is_a_thread)
{
	pid_t pid = traced(raise_usr1);
	pthread_t th;

	CHECK_EQ(pthread_create(&th, NULL, wait_thread, &pid), 0);
	pause_ms(20);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	pthread_join(th, NULL);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, SIGUSR1), 0);
	EXPECT_EXIT(pid, SIGUSR1);
}

/* --- the tracer dies --- */

static int report[2];

/* Traces a grandchild of the test and dies. */
static pid_t trace_and_die(unsigned long options, bool stopped)
{
	pid_t tracee, mid;
	int s;

	REQUIRE(pipe(report) == 0);
	tracee = untraced(do_pause);
	mid = fork();
	if (mid == 0) {
		if (PT(PTRACE_SEIZE, tracee, 0, options) != 0)
			_exit(1);
		if (stopped && (PT(PTRACE_INTERRUPT, tracee, 0, 0) != 0 || waitpid(tracee, &s, __WALL) != tracee))
			_exit(2);
		_exit(0);
	}
	CHECK_EQ(waitpid(mid, &s, 0), mid);
	CHECK_EQ(s, 0);
	return tracee;
}

TEST(tracer_dies)
{
	pid_t pid = trace_and_die(0, true);

	CHECK(await_state(pid, 'S')); /* it goes on */
	CHECK_EQ(PT(PTRACE_SEIZE, pid, 0, 0), 0);
	kill(pid, SIGKILL);
	EXPECT_KILLED(pid, SIGKILL);
}

TEST(exitkill)
{
	pid_t pid = trace_and_die(PTRACE_O_EXITKILL, false);

	EXPECT_KILLED(pid, SIGKILL);
	pid = trace_and_die(PTRACE_O_EXITKILL, true);
	EXPECT_KILLED(pid, SIGKILL);
}

/* --- memory --- */

static long word_in_data = 0x1122334455667788;
static const volatile long word_in_text = 0x0102030405060708;

static int sum_words(void)
{
	return word_in_data == 42 && word_in_text == 43 ? 21 : 22;
}

TEST(peek_and_poke)
{
	pid_t pid = traced(sum_words);
	long v = 0;

	CHECK_EQ(PT(PTRACE_PEEKDATA, pid, &word_in_data, &v), 0);
	CHECK_EQ(v, 0x1122334455667788);
	CHECK_EQ(PT(PTRACE_PEEKTEXT, pid, &word_in_text, &v), 0);
	CHECK_EQ(v, 0x0102030405060708);
	CHECK_EQ(PT(PTRACE_POKEDATA, pid, &word_in_data, 42), 0);
	CHECK_EQ(PT(PTRACE_POKETEXT, pid, &word_in_text, 43), 0); /* read-only to the program */
	CHECK_EQ(word_in_text, 0x0102030405060708); /* and its own copy */
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 21);
}

static char *area;

static int no_access(void)
{
	raise(SIGUSR1);
	mprotect(area, 4096, PROT_READ);
	return area[8] == 'x' && area[4095] == 'y' ? 31 : 32;
}

TEST(poke_without_access)
{
	long v = 0;
	pid_t pid;

	area = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid = traced(no_access);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_PEEKDATA, pid, area, &v), 0);
	CHECK_EQ(PT(PTRACE_POKEDATA, pid, area + 8, 'x'), 0);
	CHECK_EQ(PT(PTRACE_POKEDATA, pid, area + 4095, 'y'), 0); /* across pages */
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 31);
}

TEST(poke_shared_read_only)
{
	pid_t pid;

	area = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = traced(do_nothing);
	CHECK_ERR(PT(PTRACE_POKEDATA, pid, area, 'x'), EIO);
	CHECK_EQ(area[0], 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TEST(proc_mem)
{
	pid_t pid = traced(sum_words);
	char path[40];
	long v = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, &v, sizeof(v), (off_t)(uintptr_t)&word_in_data), sizeof(v));
	CHECK_EQ(v, 0x1122334455667788);
	v = 42;
	CHECK_EQ(pwrite(fd, &v, sizeof(v), (off_t)(uintptr_t)&word_in_data), sizeof(v));
	v = 43;
	CHECK_EQ(pwrite(fd, &v, sizeof(v), (off_t)(uintptr_t)&word_in_text), sizeof(v));
	CHECK_ERR(pread(fd, &v, sizeof(v), 8), EIO);
	CHECK_EQ(lseek(fd, (off_t)(uintptr_t)&word_in_data, SEEK_SET), (off_t)(uintptr_t)&word_in_data);
	CHECK_EQ(read(fd, &v, sizeof(v)), sizeof(v));
	CHECK_EQ(v, 42);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 21);
	CHECK_EQ(pread(fd, &v, sizeof(v), (off_t)(uintptr_t)&word_in_data), 0); /* the memory is gone */
}

TEST(tracer_pid)
{
	pid_t pid = traced(do_nothing);
	char path[40], line[100];
	int n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	REQUIRE(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &n) == 1)
			break;
	fclose(f);
	CHECK_EQ(n, getpid());
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TAP_MAIN()
