/* SPDX-License-Identifier: Apache-2.0 */
/* setitimer, getitimer, alarm. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "../tap.h"

static volatile sig_atomic_t ticks;
static void on_tick(int s)
{
	(void)s;
	ticks++;
}

static void on(int sig)
{
	struct sigaction sa = {.sa_handler = on_tick};

	alarm(0);
	sigaction(sig, &sa, NULL);
}

TEST(real_one_shot)
{
	struct itimerval v = {{0, 0}, {0, 20000}}, cur;

	on(SIGALRM);
	CHECK_EQ(setitimer(ITIMER_REAL, &v, NULL), 0);
	CHECK_EQ(getitimer(ITIMER_REAL, &cur), 0);
	CHECK(cur.it_value.tv_sec == 0 && cur.it_value.tv_usec > 0 && cur.it_value.tv_usec <= 20000);
	pause();
	CHECK_EQ(ticks, 1);
	CHECK_EQ(getitimer(ITIMER_REAL, &cur), 0);
	CHECK_EQ(cur.it_value.tv_sec + cur.it_value.tv_usec, 0);
}

TEST(real_interval_and_old_value)
{
	struct itimerval v = {{0, 10000}, {0, 10000}}, zero = {0}, old;

	on(SIGALRM);
	CHECK_EQ(setitimer(ITIMER_REAL, &v, NULL), 0);
	while (ticks < 5)
		pause();
	CHECK_EQ(setitimer(ITIMER_REAL, &zero, &old), 0);
	CHECK_EQ(old.it_interval.tv_usec, 10000);
	CHECK(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 10000);
}

static void cpu_timer(int which, int sig)
{
	struct itimerval v = {{0, 0}, {0, 20000}};
	struct timespec a, b;

	on(sig);
	CHECK_EQ(setitimer(which, &v, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while (!ticks && b.tv_sec - a.tv_sec < 5);
	CHECK_EQ(ticks, 1);
}

TEST(virtual_timer)
{
	cpu_timer(ITIMER_VIRTUAL, SIGVTALRM);
}

TEST(prof_timer)
{
	cpu_timer(ITIMER_PROF, SIGPROF);
}

TEST(alarm_returns_what_was_left)
{
	on(SIGALRM);
	CHECK_EQ(alarm(10), 0);
	CHECK_EQ(alarm(5), 10);
	CHECK_EQ(alarm(0), 5);
	CHECK_EQ(alarm(0), 0);
	alarm(1);
	pause();
	CHECK_EQ(ticks, 1);
}

TEST(errors)
{
	struct itimerval bad = {{0, 1000000}, {1, 0}}, v = {0};

	CHECK_ERR(setitimer((__itimer_which_t)3, &v, NULL), EINVAL);
	CHECK_ERR(getitimer((__itimer_which_t)3, &v), EINVAL);
	CHECK_ERR(setitimer(ITIMER_REAL, &bad, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_setitimer, ITIMER_REAL, (void *)8, NULL), EFAULT);
	CHECK_ERR(syscall(SYS_getitimer, ITIMER_REAL, (void *)8), EFAULT);
}

TEST(not_inherited_by_fork)
{
	struct itimerval v = {{0, 0}, {100, 0}}, cur;
	int st;
	pid_t p;

	on(SIGALRM);
	setitimer(ITIMER_REAL, &v, NULL);
	p = fork();
	if (p == 0)
		_exit(getitimer(ITIMER_REAL, &cur) == 0 && cur.it_value.tv_sec == 0 ? 0 : 1);
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
}

TEST(default_action_kills)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		struct itimerval v = {{0, 0}, {0, 10000}};

		setitimer(ITIMER_REAL, &v, NULL);
		for (;;)
			pause();
	}
	waitpid(p, &st, 0);
	CHECK_EQ(WTERMSIG(st), SIGALRM);
}

TAP_MAIN()
