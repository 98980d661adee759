/* SPDX-License-Identifier: Apache-2.0 */
/* Sending, blocking, queueing, delivery, restarts, job control. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static volatile sig_atomic_t count, last;
static siginfo_t info;
static int order[64];

static void on_sig(int s, siginfo_t *si, void *u)
{
	(void)u;
	if (count < 64)
		order[count] = s;
	count++;
	last = s;
	info = *si;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = on_sig, .sa_flags = SA_SIGINFO | flags};

	REQUIRE(sigaction(sig, &sa, NULL) == 0);
}

static void mask(int how, int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	CHECK_EQ(sigprocmask(how, &s, NULL), 0);
}

static void msleep(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* Sends sig to this process after ms. */
static pid_t later(int sig, int ms)
{
	pid_t me = getpid(), p = fork();

	if (p == 0) {
		msleep(ms);
		kill(me, sig);
		_exit(0);
	}
	return p;
}

TEST(kill_self_before_return)
{
	handle(SIGUSR1, 0);
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	CHECK_EQ(count, 1);
	CHECK_EQ(info.si_code, SI_USER);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(count, 2);
	CHECK_EQ(info.si_code, SI_TKILL);
}

TEST(kill_errors)
{
	CHECK_ERR(kill(getpid(), 65), EINVAL);
	CHECK_ERR(kill(getpid(), -1), EINVAL);
	CHECK_ERR(kill(0x3fffffff, 0), ESRCH);
	CHECK_ERR(kill((pid_t)0x80000000, 0), ESRCH);
	CHECK_EQ(kill(getpid(), 0), 0);
	CHECK_ERR(syscall(SYS_tkill, 0, SIGUSR1), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, 0, getpid(), 0), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, 1, getpid(), 0), ESRCH);
	CHECK_EQ(syscall(SYS_tgkill, getpid(), getpid(), 0), 0);
	CHECK_EQ(syscall(SYS_tkill, getpid(), 0), 0);
}

TEST(sigaction_errors)
{
	struct sigaction sa = {.sa_handler = SIG_IGN};
	char k[32] = {0};

	CHECK_ERR(syscall(SYS_rt_sigaction, SIGKILL, k, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGSTOP, k, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, NULL, 8), EFAULT);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, (void *)8, 8), EFAULT);
	CHECK_EQ(syscall(SYS_rt_sigaction, SIGKILL, NULL, k, 8), 0);
	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	sa.sa_handler = SIG_DFL;
	CHECK_EQ(sigaction(SIGUSR1, NULL, &sa), 0);
	CHECK(sa.sa_handler == SIG_IGN);
}

TEST(procmask)
{
	sigset_t s, o;
	uint64_t all = ~0ULL, got = 0;

	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8), 0);
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &got, 8), 0);
	CHECK_EQ(got, ~((1ULL << (SIGKILL - 1)) | (1ULL << (SIGSTOP - 1))));
	all = 0;
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8), 0);
	CHECK_ERR(syscall(SYS_rt_sigprocmask, 3, &all, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 16), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8), EFAULT);
	mask(SIG_BLOCK, SIGUSR1);
	mask(SIG_BLOCK, SIGUSR2);
	mask(SIG_UNBLOCK, SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &o);
	CHECK(!sigismember(&o, SIGUSR1));
	CHECK(sigismember(&o, SIGUSR2));
	sigemptyset(&s);
}

TEST(blocked_then_pending_then_delivered)
{
	sigset_t p;

	handle(SIGUSR1, 0);
	mask(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1); /* standard signals do not queue */
	CHECK_EQ(count, 0);
	CHECK_EQ(sigpending(&p), 0);
	CHECK(sigismember(&p, SIGUSR1));
	mask(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(count, 1);
	CHECK_EQ(sigpending(&p), 0);
	CHECK(!sigismember(&p, SIGUSR1));
}

TEST(ignoring_drops_what_is_pending)
{
	sigset_t p;

	mask(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	sigpending(&p);
	CHECK(!sigismember(&p, SIGUSR1));
	kill(getpid(), SIGCHLD); /* ignored by default and not blocked: gone */
	sigpending(&p);
	CHECK(!sigismember(&p, SIGCHLD));
}

TEST(realtime_queue_in_order)
{
	union sigval v;
	int sig = SIGRTMIN + 1;

	handle(sig, 0);
	handle(SIGRTMIN + 3, 0);
	handle(SIGUSR2, 0);
	mask(SIG_BLOCK, sig);
	mask(SIG_BLOCK, SIGRTMIN + 3);
	mask(SIG_BLOCK, SIGUSR2);
	v.sival_int = 9;
	sigqueue(getpid(), SIGRTMIN + 3, v);
	for (v.sival_int = 0; v.sival_int < 3; v.sival_int++)
		CHECK_EQ(sigqueue(getpid(), sig, v), 0);
	kill(getpid(), SIGUSR2);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	CHECK_EQ(count, 5);
	/* The frame of the highest is pushed last, so its handler runs first... of each pass. */
	CHECK(info.si_code == SI_QUEUE || info.si_code == SI_USER);
}

TEST(sigqueue_value)
{
	union sigval v = {.sival_ptr = (void *)0x123456789abcUL};
	siginfo_t si = {.si_code = SI_USER};

	handle(SIGRTMIN, 0);
	CHECK_EQ(sigqueue(getpid(), SIGRTMIN, v), 0);
	CHECK_EQ(info.si_code, SI_QUEUE);
	CHECK(info.si_value.sival_ptr == v.sival_ptr);
	CHECK_EQ(info.si_pid, getpid());
	si.si_code = 1; /* a kernel code may not be forged towards another process */
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &si), EPERM);
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, (void *)8), EFAULT);
	si.si_code = SI_QUEUE;
	CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN, &si), 0);
	CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGRTMIN, &si), EINVAL);
}

static volatile int depth, max_depth, runs;
static void deep(int s)
{
	depth++;
	if (depth > max_depth)
		max_depth = depth;
	if (runs++ < 2)
		raise(s);
	depth--;
}

TEST(handler_mask_and_nodefer)
{
	struct sigaction sa = {.sa_handler = deep};

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK_EQ(max_depth, 1); /* blocked while it runs */
	CHECK_EQ(runs, 3);
	CHECK_EQ(depth, 0);
	max_depth = runs = 0;
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK_EQ(max_depth, 3);
}

static sigset_t in_handler;
static void look(int s)
{
	(void)s;
	sigprocmask(SIG_BLOCK, NULL, &in_handler);
}

TEST(sa_mask_applies_and_is_undone)
{
	struct sigaction sa = {.sa_handler = look};
	sigset_t now;

	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK(sigismember(&in_handler, SIGUSR1));
	CHECK(sigismember(&in_handler, SIGUSR2));
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(!sigismember(&now, SIGUSR1));
	CHECK(!sigismember(&now, SIGUSR2));
}

TEST(resethand)
{
	struct sigaction sa;

	handle(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == SIG_DFL);
}

TEST(read_eintr_and_restart)
{
	int p[2];
	char c;
	pid_t k;

	REQUIRE(pipe(p) == 0);
	handle(SIGUSR1, 0);
	k = later(SIGUSR1, 30);
	CHECK_ERR(read(p[0], &c, 1), EINTR);
	waitpid(k, NULL, 0);
	handle(SIGUSR1, SA_RESTART);
	k = fork();
	if (k == 0) {
		msleep(30);
		kill(getppid(), SIGUSR1);
		msleep(30);
		_exit(write(p[1], "x", 1) == 1 ? 0 : 1);
	}
	CHECK_EQ(read(p[0], &c, 1), 1);
	CHECK_EQ(count, 2);
	while (waitpid(k, NULL, 0) < 0 && errno == EINTR)
		;
}

TEST(nanosleep_eintr_reports_the_rest)
{
	struct timespec ts = {5, 0}, rem = {0, 0};
	pid_t k;

	handle(SIGUSR1, SA_RESTART); /* never restarted by a handler */
	k = later(SIGUSR1, 50);
	CHECK_ERR(nanosleep(&ts, &rem), EINTR);
	CHECK(rem.tv_sec == 4 && rem.tv_nsec > 0);
	waitpid(k, NULL, 0);
}

TEST(nanosleep_goes_on_after_stop_and_continue)
{
	struct timespec ts = {0, 300000000}, a, b;
	pid_t k, me = getpid();

	k = fork();
	if (k == 0) {
		msleep(50);
		kill(me, SIGSTOP);
		msleep(50);
		kill(me, SIGCONT);
		_exit(0);
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK_EQ(nanosleep(&ts, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 295);
	waitpid(k, NULL, 0);
}

TEST(pause_and_sigsuspend)
{
	sigset_t s;
	pid_t k;

	handle(SIGUSR1, SA_RESTART);
	k = later(SIGUSR1, 30);
	CHECK_ERR(pause(), EINTR);
	while (waitpid(k, NULL, 0) < 0)
		;
	mask(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigemptyset(&s);
	CHECK_ERR(sigsuspend(&s), EINTR);
	CHECK_EQ(count, 2);
	sigprocmask(SIG_BLOCK, NULL, &s); /* the mask is back */
	CHECK(sigismember(&s, SIGUSR1));
	CHECK_ERR(syscall(SYS_rt_sigsuspend, &s, 4), EINVAL);
}

TEST(sigtimedwait)
{
	struct timespec ts = {0, 20000000}, bad = {0, -1};
	sigset_t s;
	siginfo_t si;
	pid_t k;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	CHECK_ERR(sigtimedwait(&s, &si, &ts), EAGAIN);
	CHECK_ERR(sigtimedwait(&s, &si, &bad), EINVAL);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(sigtimedwait(&s, &si, &ts), SIGUSR1);
	CHECK_EQ(si.si_code, SI_USER);
	k = later(SIGUSR1, 30);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	CHECK_EQ(si.si_pid, k);
	waitpid(k, NULL, 0);
	handle(SIGUSR2, 0);
	k = later(SIGUSR2, 30);
	CHECK_ERR(sigwaitinfo(&s, &si), EINTR);
	waitpid(k, NULL, 0);
}

static int fate(void (*fn)(void))
{
	int st = 0;
	pid_t p = fork();

	if (p == 0) {
		fn();
		_exit(0);
	}
	waitpid(p, &st, 0);
	return st;
}
static void null_write(void)
{
	*(volatile int *)(uintptr_t)16 = 1;
}
static void divide(void)
{
	volatile int z = 0;

	z = 1000 / z;
}
static void illegal(void)
{
	__asm__ volatile("ud2");
}
static void blocked_fault(void)
{
	mask(SIG_BLOCK, SIGSEGV);
	null_write();
}
static void ignored_fault(void)
{
	signal(SIGSEGV, SIG_IGN);
	null_write();
}
static void default_term(void)
{
	raise(SIGALRM);
}
static void no_reader(void)
{
	int p[2];

	if (pipe(p) == 0) {
		close(p[0]);
		if (write(p[1], "x", 1) < 0)
			_exit(9);
	}
}

TEST(default_actions)
{
	CHECK_EQ(WTERMSIG(fate(null_write)), SIGSEGV);
	CHECK_EQ(WTERMSIG(fate(divide)), SIGFPE);
	CHECK_EQ(WTERMSIG(fate(illegal)), SIGILL);
	CHECK_EQ(WTERMSIG(fate(blocked_fault)), SIGSEGV);
	CHECK_EQ(WTERMSIG(fate(ignored_fault)), SIGSEGV);
	CHECK_EQ(WTERMSIG(fate(default_term)), SIGALRM);
	CHECK_EQ(WTERMSIG(fate(no_reader)), SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(WEXITSTATUS(fate(no_reader)), 9);
}

TEST(orphaned_group_ignores_tty_stops)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		setsid(); /* no parent of the same session: orphaned */
		raise(SIGTSTP);
		_exit(8);
	}
	CHECK_EQ(waitpid(p, &st, WUNTRACED), p);
	CHECK(WIFEXITED(st));
	CHECK_EQ(WEXITSTATUS(st), 8);
}

TEST(kill_group)
{
	int st, n = 0;
	pid_t g = fork(), q;

	if (g == 0)
		for (;;)
			pause();
	CHECK_EQ(setpgid(g, g), 0);
	q = fork();
	if (q == 0)
		for (;;)
			pause();
	CHECK_EQ(setpgid(q, g), 0);
	CHECK_EQ(kill(-g, SIGTERM), 0);
	while (waitpid(-g, &st, 0) > 0)
		n += WTERMSIG(st) == SIGTERM;
	CHECK_EQ(n, 2);
	CHECK_ERR(kill(-g, 0), ESRCH);
}

TEST(permission)
{
	int st;
	pid_t p;

	if (getuid() != 0)
		SKIP("needs root");
	p = fork();
	if (p == 0) {
		if (setresgid(4321, 4321, 4321) || setresuid(4321, 4321, 4321))
			_exit(2);
		_exit(kill(getppid(), SIGUSR1) < 0 && errno == EPERM ? 0 : 1);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 0);
}

TAP_MAIN()
