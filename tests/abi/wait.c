/* SPDX-License-Identifier: Apache-2.0 */
/* wait4, waitid: exits, kills, stops, groups, who may be waited for. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

static pid_t child_exits(int code)
{
	pid_t p = fork();

	if (p == 0)
		_exit(code);
	return p;
}

static pid_t child_pauses(void)
{
	pid_t p = fork();

	if (p == 0)
		for (;;)
			pause();
	return p;
}

TEST(no_children)
{
	int s;

	CHECK_ERR(wait(&s), ECHILD);
	CHECK_ERR(waitpid(999999, &s, 0), ECHILD);
	CHECK_ERR(waitpid(-1, &s, WNOHANG), ECHILD);
}

TEST(bad_options)
{
	siginfo_t si;

	CHECK_ERR(wait4(-1, NULL, 0x100, NULL), EINVAL);
	CHECK_ERR(waitid(P_ALL, 0, &si, 0), EINVAL);
	CHECK_ERR(waitid(P_ALL, 0, &si, WEXITED | 0x100), EINVAL);
	CHECK_ERR(waitid((idtype_t)99, 0, &si, WEXITED), EINVAL);
	CHECK_ERR(waitid(P_PID, 0, &si, WEXITED), EINVAL);
	CHECK_ERR(syscall(SYS_wait4, INT32_MIN, NULL, 0, NULL), ESRCH);
}

TEST(exit_status)
{
	struct rusage ru;
	int s;
	pid_t p = child_exits(300);

	CHECK_EQ(wait4(p, &s, 0, &ru), p);
	CHECK_EQ(s, (300 & 255) << 8);
}

TEST(killed_status)
{
	pid_t p = child_pauses();
	int s;

	kill(p, SIGTERM);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK(WIFSIGNALED(s));
	CHECK_EQ(WTERMSIG(s), SIGTERM);
}

TEST(nohang)
{
	pid_t p = child_pauses();
	int s = 77;

	CHECK_EQ(waitpid(p, &s, WNOHANG), 0);
	CHECK_EQ(s, 77);
	kill(p, SIGKILL);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, SIGKILL);
}

TEST(nowait_leaves_the_child)
{
	pid_t p = child_exits(3);
	siginfo_t si = {0};
	int s;

	CHECK_EQ(waitid(P_PID, (id_t)p, &si, WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_pid, p);
	CHECK_EQ(si.si_code, CLD_EXITED);
	CHECK_EQ(si.si_status, 3);
	CHECK_EQ(si.si_signo, SIGCHLD);
	CHECK_EQ(waitpid(p, &s, 0), p);
}

TEST(stop_and_continue)
{
	pid_t p = child_pauses();
	siginfo_t si = {0};
	int s;

	kill(p, SIGSTOP);
	CHECK_EQ(waitpid(p, &s, WUNTRACED), p);
	CHECK(WIFSTOPPED(s));
	CHECK_EQ(WSTOPSIG(s), SIGSTOP);
	CHECK_EQ(waitpid(p, &s, WUNTRACED | WNOHANG), 0);
	kill(p, SIGCONT);
	CHECK_EQ(waitpid(p, &s, WCONTINUED), p);
	CHECK(WIFCONTINUED(s));
	kill(p, SIGSTOP);
	CHECK_EQ(waitid(P_PID, (id_t)p, &si, WSTOPPED), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	CHECK_EQ(si.si_status, SIGSTOP);
	kill(p, SIGKILL);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, SIGKILL);
}

TEST(by_group)
{
	pid_t a = child_pauses(), b = child_exits(1);
	int s;

	CHECK_EQ(setpgid(a, a), 0);
	CHECK_EQ(waitpid(-a, &s, WNOHANG), 0);
	CHECK_EQ(waitpid(0, &s, 0), b);
	kill(-a, SIGKILL);
	CHECK_EQ(waitpid(-a, &s, 0), a);
}

TEST(ignored_sigchld_reaps)
{
	int s;

	signal(SIGCHLD, SIG_IGN);
	child_exits(1);
	CHECK_ERR(wait(&s), ECHILD);
}

TEST(nocldwait_reaps)
{
	struct sigaction sa = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	int s;

	sigaction(SIGCHLD, &sa, NULL);
	child_exits(1);
	CHECK_ERR(wait(&s), ECHILD);
}

static volatile sig_atomic_t got_pid, got_code, got_status;
static void on_chld(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	got_pid = si->si_pid;
	got_code = si->si_code;
	got_status = si->si_status;
}

TEST(sigchld_info)
{
	struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART};
	pid_t p;
	int s;

	sigaction(SIGCHLD, &sa, NULL);
	p = child_exits(11);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(got_pid, p);
	CHECK_EQ(got_code, CLD_EXITED);
	CHECK_EQ(got_status, 11);
}

TEST(orphans_go_to_the_subreaper)
{
	pid_t p, g;
	int fd[2], s;

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	REQUIRE(pipe(fd) == 0);
	p = fork();
	if (p == 0) {
		g = fork();
		if (g == 0) {
			usleep(50000);
			_exit(5);
		}
		_exit(write(fd[1], &g, sizeof(g)) != sizeof(g));
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(read(fd[0], &g, sizeof(g)), sizeof(g));
	CHECK_EQ(waitpid(-1, &s, 0), g);
	CHECK_EQ(s, 5 << 8);
}

TEST(bad_status_pointer)
{
	pid_t p = child_exits(0);

	CHECK_ERR(syscall(SYS_wait4, p, 8, 0, 0), EFAULT);
}

TAP_MAIN()
