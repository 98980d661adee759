/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: actions, masks, queues, restart, waiting, alternate stacks. */
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static volatile sig_atomic_t count, last, value;

static void on_signal(int s)
{
	count++;
	last = s;
}

static void on_info(int s, siginfo_t *si, void *uc)
{
	(void)uc;
	count++;
	last = s;
	value = si->si_value.sival_int;
}

static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = flags};

	CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}

static sigset_t set_of(int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	return s;
}

TEST(raise_runs_the_handler)
{
	handle(SIGUSR1, on_signal, 0);
	raise(SIGUSR1);
	CHECK_EQ(count, 1);
	CHECK_EQ(last, SIGUSR1);
}

TEST(sigaction_errors)
{
	struct sigaction sa = {.sa_handler = SIG_IGN};
	long buf[4] = {0};

	CHECK_ERR(sigaction(SIGKILL, &sa, NULL), EINVAL);
	CHECK_ERR(sigaction(SIGSTOP, &sa, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 65, buf, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 0, buf, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, buf, NULL, 16), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8), EFAULT);
	CHECK_EQ(syscall(SYS_rt_sigaction, SIGKILL, NULL, buf, 8), 0);
}

TEST(sigprocmask_errors)
{
	unsigned long m = 0;

	CHECK_ERR(syscall(SYS_rt_sigprocmask, 9, &m, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &m, NULL, 4), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8), EFAULT);
	m = ~0UL;
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &m, NULL, 8), 0);
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &m, 8), 0);
	CHECK_EQ(m & (1UL << (SIGKILL - 1)), 0);
	CHECK_EQ(m & (1UL << (SIGSTOP - 1)), 0);
}

TEST(kill_errors)
{
	CHECK_ERR(kill(getpid(), 65), EINVAL);
	CHECK_ERR(kill(getpid(), -1), EINVAL);
	CHECK_ERR(kill(4000000, 0), ESRCH);
	CHECK_EQ(kill(getpid(), 0), 0);
	CHECK_ERR(syscall(SYS_tgkill, 0, getpid(), 0), EINVAL);
	CHECK_ERR(syscall(SYS_tkill, -1, 0), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, getpid(), 4000000, 0), ESRCH);
}

TEST(blocked_is_pending)
{
	sigset_t s = set_of(SIGUSR1), p;

	handle(SIGUSR1, on_signal, 0);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK_EQ(count, 0);
	CHECK_EQ(sigpending(&p), 0);
	CHECK_EQ(sigismember(&p, SIGUSR1), 1);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	CHECK_EQ(count, 1);
}

TEST(real_time_signals_queue)
{
	struct sigaction sa = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO};
	union sigval v = {.sival_int = 1};
	sigset_t s = set_of(SIGRTMIN);

	sigaction(SIGRTMIN, &sa, NULL);
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (int i = 1; i <= 3; i++) {
		v.sival_int = i;
		CHECK_EQ(sigqueue(getpid(), SIGRTMIN, v), 0);
	}
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	CHECK_EQ(count, 3);
}

TEST(handler_mask)
{
	sigset_t now;

	handle(SIGUSR1, on_signal, 0);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK_EQ(sigismember(&now, SIGUSR1), 0);
}

TEST(resethand)
{
	struct sigaction sa;

	handle(SIGUSR1, on_signal, (int)SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == SIG_DFL);
}

static void nested(int s)
{
	if (count++ < 2)
		raise(s);
}

TEST(nodefer_nests)
{
	handle(SIGUSR1, nested, SA_NODEFER);
	raise(SIGUSR1);
	CHECK_EQ(count, 3);
}

static void alarm_ms(int ms)
{
	pid_t parent = getpid();

	if (fork() == 0) {
		usleep((useconds_t)ms * 1000);
		kill(parent, SIGUSR1);
		_exit(0);
	}
}

TEST(read_is_interrupted)
{
	int p[2];
	char c;

	REQUIRE(pipe(p) == 0);
	handle(SIGUSR1, on_signal, 0);
	alarm_ms(50);
	CHECK_ERR(read(p[0], &c, 1), EINTR);
	CHECK_EQ(count, 1);
}

TEST(read_is_restarted)
{
	int p[2];
	char c = 0;
	pid_t parent = getpid();

	REQUIRE(pipe(p) == 0);
	handle(SIGUSR1, on_signal, SA_RESTART);
	if (fork() == 0) {
		usleep(50000);
		kill(parent, SIGUSR1);
		usleep(50000);
		_exit(write(p[1], "y", 1) != 1);
	}
	CHECK_EQ(read(p[0], &c, 1), 1);
	CHECK_EQ(c, 'y');
	CHECK_EQ(count, 1);
}

TEST(pause_returns)
{
	handle(SIGUSR1, on_signal, SA_RESTART);
	alarm_ms(50);
	CHECK_ERR(pause(), EINTR);
}

TEST(sigsuspend_swaps_the_mask)
{
	sigset_t s = set_of(SIGUSR1), none, now;

	sigemptyset(&none);
	handle(SIGUSR1, on_signal, 0);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR1);
	CHECK_ERR(sigsuspend(&none), EINTR);
	CHECK_EQ(count, 1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK_EQ(sigismember(&now, SIGUSR1), 1);
	CHECK_ERR(syscall(SYS_rt_sigsuspend, &none, 4), EINVAL);
}

TEST(nanosleep_tells_what_is_left)
{
	struct timespec ts = {5, 0}, left = {0, 0};

	handle(SIGUSR1, on_signal, SA_RESTART);
	alarm_ms(50);
	CHECK_ERR(nanosleep(&ts, &left), EINTR);
	CHECK(left.tv_sec == 4);
}

TEST(sigtimedwait_takes)
{
	sigset_t s = set_of(SIGUSR1);
	struct timespec ts = {0, 20000000};
	siginfo_t si;

	sigprocmask(SIG_BLOCK, &s, NULL);
	CHECK_ERR(sigtimedwait(&s, &si, &ts), EAGAIN);
	alarm_ms(30);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	CHECK_EQ(si.si_code, SI_USER);
	ts.tv_nsec = 2000000000;
	CHECK_ERR(syscall(SYS_rt_sigtimedwait, &s, &si, &ts, 8), EINVAL);
}

TEST(sigqueueinfo_may_not_lie)
{
	siginfo_t si = {.si_code = SI_USER};
	pid_t p = fork();
	int s;

	if (p == 0)
		for (;;)
			pause();
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, p, SIGUSR1, &si), EPERM);
	si.si_code = SI_QUEUE;
	CHECK_EQ(syscall(SYS_rt_sigqueueinfo, p, SIGUSR1, &si), 0);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s & 0x7f, SIGUSR1);
}

TEST(default_ignore)
{
	raise(SIGCHLD);
	raise(SIGURG);
	raise(SIGWINCH);
	raise(SIGCONT);
	CHECK_EQ(count, 0);
}

TEST(fault_kills)
{
	pid_t p = fork();
	int s;

	if (p == 0) {
		signal(SIGSEGV, SIG_IGN);
		*(volatile int *)(uintptr_t)16 = 1;
		_exit(0);
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(WTERMSIG(s), SIGSEGV);
}

static char alt[65536];
static volatile sig_atomic_t was_on_alt;
static void on_alt(int s)
{
	char here;

	(void)s;
	was_on_alt = &here >= alt && &here < alt + sizeof(alt);
}

TEST(altstack)
{
	stack_t ss = {.ss_sp = alt, .ss_size = sizeof(alt)}, old;

	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	handle(SIGUSR1, on_alt, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK_EQ(was_on_alt, 1);
	CHECK_EQ(sigaltstack(NULL, &old), 0);
	CHECK_EQ(old.ss_size, sizeof(alt));
	CHECK_EQ(old.ss_flags, 0);
	ss.ss_size = 100;
	CHECK_ERR(sigaltstack(&ss, NULL), ENOMEM);
	ss.ss_size = sizeof(alt);
	ss.ss_flags = 0x10;
	CHECK_ERR(sigaltstack(&ss, NULL), EINVAL);
	ss.ss_flags = SS_DISABLE;
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
}

TEST(group_kill)
{
	pid_t p = fork();
	int s;

	if (p == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(p, p);
	CHECK_EQ(kill(-p, SIGTERM), 0);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, SIGTERM);
	CHECK_ERR(kill(-p, 0), ESRCH);
}

TEST(stopped_does_not_run)
{
	volatile int *v = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t p = fork();
	int s, a;

	if (p == 0)
		for (;;)
			(*v)++;
	usleep(20000);
	kill(p, SIGSTOP);
	CHECK_EQ(waitpid(p, &s, WUNTRACED), p);
	a = *v;
	usleep(30000);
	CHECK_EQ(*v, a);
	kill(p, SIGCONT);
	usleep(50000);
	CHECK(*v != a);
	kill(p, SIGKILL);
	CHECK_EQ(waitpid(p, &s, 0), p);
}

TAP_MAIN()
