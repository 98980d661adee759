/* SPDX-License-Identifier: Apache-2.0 */
/* Interval timers and alarm. */
#include <sys/syscall.h>
#include <sys/time.h>
#include "../tap.h"

static volatile sig_atomic_t n;
static void tick(int s)
{
	(void)s;
	n++;
}

TEST(real_repeats)
{
	struct itimerval v = {{0, 10000}, {0, 10000}}, o;

	signal(SIGALRM, tick);
	CHECK_EQ(setitimer(ITIMER_REAL, &v, NULL), 0);
	while (n < 3)
		pause();
	CHECK_EQ(getitimer(ITIMER_REAL, &o), 0);
	CHECK_EQ(o.it_interval.tv_usec, 10000);
	memset(&v, 0, sizeof(v));
	CHECK_EQ(setitimer(ITIMER_REAL, &v, &o), 0);
	CHECK_EQ(getitimer(ITIMER_REAL, &o), 0);
	CHECK_EQ(o.it_value.tv_sec + o.it_value.tv_usec, 0);
}

TEST(cpu_timers)
{
	struct itimerval v = {{0, 0}, {0, 20000}};

	signal(SIGVTALRM, tick);
	signal(SIGPROF, tick);
	CHECK_EQ(setitimer(ITIMER_VIRTUAL, &v, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_PROF, &v, NULL), 0);
	while (n < 2)
		;
	CHECK_EQ(n, 2);
}

TEST(alarms)
{
	CHECK_EQ(alarm(100), TAP_TIMEOUT);
	CHECK_EQ(alarm(0), 100);
	CHECK_EQ(alarm(0), 0);
}

TEST(errors)
{
	struct itimerval v = {{0, 0}, {0, 1000000}};

	CHECK_ERR(syscall(SYS_setitimer, 0, &v, 0), EINVAL);
	v.it_value.tv_usec = 0;
	CHECK_ERR(syscall(SYS_setitimer, 9, &v, 0), EINVAL);
	CHECK_ERR(syscall(SYS_getitimer, 9, &v), EINVAL);
	CHECK_ERR(syscall(SYS_getitimer, 0, 8), EFAULT);
}

TAP_MAIN()
