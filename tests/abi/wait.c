/* SPDX-License-Identifier: Apache-2.0 */
/* wait4 and waitid: options, selection, siginfo, reparenting, ignored children. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static pid_t child_exit(int code)
{
	pid_t p = fork();

	if (p == 0)
		_exit(code);
	return p;
}

static pid_t child_pause(void)
{
	pid_t p = fork();

	if (p == 0) {
		signal(SIGTERM, SIG_DFL);
		for (;;)
			pause();
	}
	return p;
}

TEST(exit_status_and_signal)
{
	int st;
	pid_t p = child_exit(42), q;

	CHECK_EQ(wait4(p, &st, 0, NULL), p);
	CHECK(WIFEXITED(st));
	CHECK_EQ(WEXITSTATUS(st), 42);
	q = child_pause();
	kill(q, SIGTERM);
	CHECK_EQ(wait4(q, &st, 0, NULL), q);
	CHECK(WIFSIGNALED(st));
	CHECK_EQ(WTERMSIG(st), SIGTERM);
	CHECK_ERR(wait4(-1, &st, 0, NULL), ECHILD);
	CHECK_ERR(wait4(p, &st, 0, NULL), ECHILD);
}

TEST(nohang)
{
	int st = 77;
	pid_t p = child_pause();

	CHECK_EQ(wait4(p, &st, WNOHANG, NULL), 0);
	CHECK_EQ(st, 77);
	kill(p, SIGKILL);
	CHECK_EQ(wait4(p, &st, 0, NULL), p);
	CHECK_EQ(WTERMSIG(st), SIGKILL);
}

TEST(bad_arguments)
{
	siginfo_t si;
	int st;
	pid_t p;

	CHECK_ERR(wait4(-1, &st, 0x40, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_wait4, 0x80000000u, &st, 0, NULL), ESRCH);
	CHECK_ERR(waitid(P_ALL, 0, &si, 0), EINVAL);
	CHECK_ERR(waitid(P_PID, 0, &si, WEXITED), EINVAL);
	CHECK_ERR(waitid((idtype_t)9, 1, &si, WEXITED), EINVAL);
	CHECK_ERR(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
	p = child_exit(0);
	CHECK_ERR(syscall(SYS_wait4, p, (void *)8, 0, NULL), EFAULT); /* and it is reaped */
	CHECK_ERR(wait4(p, &st, 0, NULL), ECHILD);
}

TEST(stop_and_continue)
{
	int st;
	pid_t p = child_pause();

	/* A group of its own, so that it is not orphaned: SIGTSTP would be dropped. */
	CHECK_EQ(setpgid(p, p), 0);
	kill(p, SIGSTOP);
	CHECK_EQ(wait4(p, &st, WUNTRACED, NULL), p);
	CHECK(WIFSTOPPED(st));
	CHECK_EQ(WSTOPSIG(st), SIGSTOP);
	CHECK_EQ(wait4(p, &st, WUNTRACED | WNOHANG, NULL), 0); /* told once */
	kill(p, SIGCONT);
	CHECK_EQ(wait4(p, &st, WCONTINUED, NULL), p);
	CHECK(WIFCONTINUED(st));
	kill(p, SIGTSTP);
	CHECK_EQ(wait4(p, &st, WUNTRACED, NULL), p);
	CHECK_EQ(WSTOPSIG(st), SIGTSTP);
	kill(p, SIGKILL); /* a stopped process can be killed */
	CHECK_EQ(wait4(p, &st, 0, NULL), p);
	CHECK_EQ(WTERMSIG(st), SIGKILL);
}

TEST(waitid_fills_siginfo)
{
	siginfo_t si;
	pid_t p = child_exit(5);

	memset(&si, 0xff, sizeof(si));
	CHECK_EQ(waitid(P_PID, (id_t)p, &si, WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_signo, SIGCHLD);
	CHECK_EQ(si.si_code, CLD_EXITED);
	CHECK_EQ(si.si_status, 5);
	CHECK_EQ(si.si_pid, p);
	CHECK_EQ(si.si_uid, getuid());
	CHECK_EQ(si.si_errno, 0);
	CHECK_EQ(waitid(P_ALL, 0, &si, WEXITED), 0); /* still there */
	CHECK_EQ(si.si_pid, p);
	p = child_pause();
	memset(&si, 0xff, sizeof(si));
	CHECK_EQ(waitid(P_PID, (id_t)p, &si, WEXITED | WNOHANG), 0);
	CHECK_EQ(si.si_pid, 0);
	CHECK_EQ(si.si_signo, 0);
	kill(p, SIGSTOP);
	CHECK_EQ(waitid(P_PID, (id_t)p, &si, WSTOPPED), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	CHECK_EQ(si.si_status, SIGSTOP);
	kill(p, SIGCONT);
	CHECK_EQ(waitid(P_PID, (id_t)p, &si, WCONTINUED), 0);
	CHECK_EQ(si.si_code, CLD_CONTINUED);
	CHECK_EQ(si.si_status, SIGCONT);
	kill(p, SIGABRT);
	CHECK_EQ(waitid(P_PID, (id_t)p, &si, WEXITED), 0);
	CHECK(si.si_code == CLD_KILLED || si.si_code == CLD_DUMPED);
	CHECK_EQ(si.si_status, SIGABRT);
}

TEST(by_group)
{
	int st;
	pid_t a = child_pause(), b = child_pause();

	CHECK_EQ(setpgid(a, a), 0);
	CHECK_EQ(wait4(-a, &st, WNOHANG, NULL), 0);
	kill(a, SIGKILL);
	kill(b, SIGKILL);
	CHECK_EQ(wait4(0, &st, 0, NULL), b);
	CHECK_ERR(wait4(0, &st, 0, NULL), ECHILD);
	CHECK_EQ(wait4(-a, &st, 0, NULL), a);
}

TEST(ignored_children_vanish)
{
	int st;
	pid_t p;
	struct sigaction sa = {.sa_handler = SIG_IGN};

	sigaction(SIGCHLD, &sa, NULL);
	p = child_exit(0);
	CHECK_ERR(wait4(p, &st, 0, NULL), ECHILD); /* blocks until it is gone */
	sa.sa_handler = SIG_DFL;
	sa.sa_flags = SA_NOCLDWAIT;
	sigaction(SIGCHLD, &sa, NULL);
	p = child_exit(0);
	CHECK_ERR(wait4(p, &st, 0, NULL), ECHILD);
}

static volatile sig_atomic_t chld;
static siginfo_t chld_info;
static void on_chld(int s, siginfo_t *si, void *u)
{
	(void)u;
	chld = s;
	chld_info = *si;
}

TEST(sigchld_siginfo)
{
	struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO};
	sigset_t set, old;
	pid_t p;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigaction(SIGCHLD, &sa, NULL);
	p = child_exit(3);
	while (!chld)
		sigsuspend(&old);
	CHECK_EQ(chld_info.si_code, CLD_EXITED);
	CHECK_EQ(chld_info.si_pid, p);
	CHECK_EQ(chld_info.si_status, 3);
	CHECK_EQ(wait4(p, NULL, 0, NULL), p);
}

TEST(orphans_go_to_the_subreaper)
{
	int fds[2], st;
	pid_t g = 0, p, me = getpid();

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	REQUIRE(pipe(fds) == 0);
	p = fork();
	if (p == 0) {
		pid_t q = fork();

		if (q == 0) {
			while (getppid() != me)
				usleep(1000);
			_exit(11);
		}
		_exit(write(fds[1], &q, sizeof(q)) == sizeof(q) ? 0 : 1);
	}
	CHECK_EQ(read(fds[0], &g, sizeof(g)), sizeof(g));
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(waitpid(g, &st, 0), g);
	CHECK_EQ(WEXITSTATUS(st), 11);
}

/* Without any other call in between. */
TEST(getppid_follows_the_parent_at_once)
{
	pid_t mid, test = getpid();
	int p[2], status;
	char c = 0;

	REQUIRE(pipe(p) == 0);
	REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	mid = fork();
	if (mid == 0) {
		if (fork() == 0) {
			pid_t was = getppid(), now;

			(void)!write(p[1], "r", 1);
			while ((now = (pid_t)syscall(SYS_getppid)) == was)
				;
			_exit(now == test ? 7 : 1);
		}
		(void)!read(p[0], &c, 1);
		_exit(0);
	}
	REQUIRE(waitpid(mid, &status, 0) == mid);
	REQUIRE(waitpid(-1, &status, 0) > 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0);
}

TEST(rusage_of_the_child)
{
	struct rusage ru;
	struct timespec a, b;
	int st;
	pid_t p = fork();

	if (p == 0) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		do
			clock_gettime(CLOCK_MONOTONIC, &b);
		while ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 60);
		_exit(0);
	}
	memset(&ru, 0xff, sizeof(ru));
	CHECK_EQ(wait4(p, &st, 0, &ru), p);
	CHECK(ru.ru_utime.tv_sec >= 0 && ru.ru_utime.tv_sec < 5);
	CHECK(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec > 5000 || ru.ru_utime.tv_sec > 0);
	CHECK_EQ(getrusage(RUSAGE_CHILDREN, &ru), 0);
	CHECK(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec > 5000 || ru.ru_utime.tv_sec > 0);
}

TEST(a_signal_interrupts_wait)
{
	struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO};
	struct timespec ms = {0, 20000000};
	int st;
	pid_t p = child_pause(), me = getpid(), k;

	sigaction(SIGUSR1, &sa, NULL); /* no SA_RESTART */
	k = fork();
	if (k == 0) {
		nanosleep(&ms, NULL);
		kill(me, SIGUSR1);
		_exit(0);
	}
	CHECK_ERR(waitpid(p, &st, 0), EINTR);
	kill(p, SIGKILL);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(waitpid(k, &st, 0), k);
}

TAP_MAIN()
