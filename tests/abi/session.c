/* SPDX-License-Identifier: Apache-2.0 */
/* Process groups and sessions. */
#include <sys/syscall.h>
#include "../tap.h"

static pid_t idle(void)
{
	pid_t p = fork();

	if (p == 0)
		while (pause() < 0)
			;
	return p;
}

static void end(pid_t p)
{
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

TEST(inherited)
{
	pid_t p = idle();

	CHECK_EQ(getpgid(p), getpgrp());
	CHECK_EQ(getsid(p), getsid(0));
	CHECK_EQ(getpgid(0), getpgrp());
	CHECK_EQ(getpgid(getpid()), getpgrp());
	end(p);
}

TEST(setpgid_child_and_self)
{
	pid_t a = idle(), b = idle();

	CHECK_EQ(setpgid(a, 0), 0);
	CHECK_EQ(getpgid(a), a);
	CHECK_EQ(setpgid(b, a), 0);
	CHECK_EQ(getpgid(b), a);
	CHECK_EQ(setpgid(0, 0), 0);
	CHECK_EQ(getpgrp(), getpid());
	end(a);
	CHECK_EQ(getpgid(b), a); /* the group lives on without its leader */
	end(b);
	CHECK_ERR(getpgid(b), ESRCH);
}

TEST(setpgid_errors)
{
	pid_t a = idle();

	CHECK_ERR(setpgid(a, -1), EINVAL);
	CHECK_ERR(setpgid(0x3fffffff, 0), ESRCH);
	CHECK_ERR(setpgid(getppid(), 0), ESRCH);	 /* not a child */
	CHECK_ERR(setpgid(a, 0x3fffffff), EPERM); /* no such group */
	CHECK_ERR(getpgid(0x3fffffff), ESRCH);
	CHECK_ERR(getsid(0x3fffffff), ESRCH);
	end(a);
}

TEST(setsid_makes_a_session)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid())
			_exit(1);
		if (setsid() >= 0 || errno != EPERM) /* a group leader may not */
			_exit(2);
		if (setpgid(0, 0) >= 0 || errno != EPERM) /* nor a session leader move */
			_exit(3);
		_exit(0);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

TEST(child_in_another_session)
{
	int fds[2];
	char c = 0;
	pid_t p;

	REQUIRE(pipe(fds) == 0);
	p = fork();
	if (p == 0) {
		setsid();
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		while (pause() < 0)
			;
	}
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_EQ(getsid(p), p);
	CHECK_ERR(setpgid(p, getpgrp()), EPERM);
	end(p);
}

TEST(getppid_follows_the_reaper)
{
	int fds[2], st;
	pid_t v[2] = {0, 0}, p;

	REQUIRE(pipe(fds) == 0);
	p = fork();
	if (p == 0) {
		pid_t me = getpid(), q = fork();

		if (q == 0) {
			v[0] = getppid() == me;
			while (getppid() == me)
				usleep(1000);
			v[1] = getppid();
			_exit(write(fds[1], v, sizeof(v)) == sizeof(v) ? 0 : 1);
		}
		usleep(20000);
		_exit(0);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(read(fds[0], v, sizeof(v)), sizeof(v));
	CHECK_EQ(v[0], 1);
	CHECK(v[1] != p);
}

static volatile sig_atomic_t hup, cont;
static void on_sig(int s)
{
	if (s == SIGHUP)
		hup = 1;
	else
		cont = 1;
}

TEST(new_orphans_that_are_stopped_get_hup_and_cont)
{
	int fds[2], st;
	char c[2] = {0, 0};
	pid_t p;

	REQUIRE(pipe(fds) == 0);
	p = fork();
	if (p == 0) {
		pid_t q;

		setsid();
		q = fork();
		if (q == 0) {
			signal(SIGHUP, on_sig);
			signal(SIGCONT, on_sig);
			setpgid(0, 0);
			raise(SIGSTOP);
			usleep(1000);
			c[0] = (char)hup;
			c[1] = (char)cont;
			_exit(write(fds[1], c, 2) == 2 ? 0 : 1);
		}
		waitpid(q, &st, WUNTRACED);
		_exit(WIFSTOPPED(st) ? 0 : 1); /* its group is orphaned now */
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
	CHECK_EQ(read(fds[0], c, 2), 2);
	CHECK_EQ(c[0], 1);
	CHECK_EQ(c[1], 1);
}

TAP_MAIN()
