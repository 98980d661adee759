/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and sleeps. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include "../tap.h"

static int64_t ns_of(struct timespec t)
{
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t raw_now(int clock)
{
	struct timespec t = {-1, -1};

	CHECK_EQ(syscall(SYS_clock_gettime, clock, &t), 0);
	return ns_of(t);
}

TEST(clocks)
{
	static const int ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
				  CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
				  CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
	struct timespec r;

	for (unsigned i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		int64_t a = raw_now(ids[i]), b = raw_now(ids[i]);

		CHECK(a >= 0 && b >= a);
		CHECK_EQ(syscall(SYS_clock_getres, ids[i], &r), 0);
		CHECK(ns_of(r) > 0 && ns_of(r) <= 100000000);
	}
	CHECK_EQ(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL), 0);
}

TEST(errors)
{
	struct timespec t = {0, 0};

	CHECK_ERR(syscall(SYS_clock_gettime, 99, &t), EINVAL);
	CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_REALTIME, (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_clock_getres, 99, &t), EINVAL);
	CHECK_ERR(syscall(SYS_clock_settime, 99, &t), EINVAL);
	CHECK_ERR(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t), EINVAL);
	CHECK_ERR(syscall(SYS_gettimeofday, (void *)8, NULL), EFAULT);
	CHECK_ERR(syscall(SYS_time, (void *)8), EFAULT);
}

TEST(wall_clock_calls_agree)
{
	struct timeval tv;
	struct timezone tz = {77, 77};
	time_t t2 = 0;
	int64_t a = raw_now(CLOCK_REALTIME), b;

	CHECK_EQ(syscall(SYS_gettimeofday, &tv, &tz), 0);
	b = raw_now(CLOCK_REALTIME);
	CHECK(tv.tv_sec * 1000000LL + tv.tv_usec >= a / 1000);
	CHECK(tv.tv_sec * 1000000LL + tv.tv_usec <= b / 1000);
	CHECK_EQ(tz.tz_dsttime, 0);
	CHECK(syscall(SYS_time, &t2) >= a / 1000000000 - 1);
	CHECK(t2 >= a / 1000000000 - 1);
}

TEST(nanosleep_sleeps)
{
	struct timespec ts = {0, 20000000}, zero = {0, 0}, bad = {0, 1000000000}, neg = {-1, 0};
	int64_t a = raw_now(CLOCK_MONOTONIC);

	CHECK_EQ(syscall(SYS_nanosleep, &ts, NULL), 0);
	CHECK(raw_now(CLOCK_MONOTONIC) - a >= 20000000);
	CHECK_EQ(syscall(SYS_nanosleep, &zero, NULL), 0);
	CHECK_ERR(syscall(SYS_nanosleep, &bad, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_nanosleep, &neg, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_nanosleep, (void *)8, NULL), EFAULT);
}

TEST(clock_nanosleep_absolute)
{
	static const int ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
	struct timespec ts;

	for (int i = 0; i < 3; i++) {
		int64_t at = raw_now(ids[i]) + 20000000;

		ts = (struct timespec){at / 1000000000, at % 1000000000};
		CHECK_EQ(syscall(SYS_clock_nanosleep, ids[i], TIMER_ABSTIME, &ts, NULL), 0);
		CHECK(raw_now(ids[i]) >= at);
		CHECK_EQ(syscall(SYS_clock_nanosleep, ids[i], TIMER_ABSTIME, &ts, NULL), 0); /* past */
	}
	CHECK_ERR(syscall(SYS_clock_nanosleep, 99, 0, &ts, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (void *)8, NULL), EFAULT);
}

static void nothing(int s)
{
	(void)s;
}

TEST(absolute_sleep_has_no_rest)
{
	struct sigaction sa = {.sa_handler = nothing};
	struct timespec ts, rem = {77, 77}, ms = {0, 30000000};
	int64_t at = raw_now(CLOCK_MONOTONIC) + 10000000000LL;
	pid_t me = getpid(), p;

	sigaction(SIGUSR1, &sa, NULL);
	p = fork();
	if (p == 0) {
		nanosleep(&ms, NULL);
		kill(me, SIGUSR1);
		_exit(0);
	}
	ts = (struct timespec){at / 1000000000, at % 1000000000};
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &rem), EINTR);
	CHECK_EQ(rem.tv_sec, 77);
	waitpid(p, NULL, 0);
}

TEST(cpu_time_grows_with_work_only)
{
	struct timespec ts = {0, 50000000};
	int64_t a = raw_now(CLOCK_PROCESS_CPUTIME_ID), b, wall;
	volatile int x = 0;

	nanosleep(&ts, NULL);
	b = raw_now(CLOCK_PROCESS_CPUTIME_ID);
	CHECK(b - a < 40000000);
	wall = raw_now(CLOCK_MONOTONIC);
	while (raw_now(CLOCK_MONOTONIC) - wall < 100000000)
		for (int i = 0; i < 10000; i++)
			x++;
	CHECK(raw_now(CLOCK_PROCESS_CPUTIME_ID) - b > 10000000);
	CHECK(raw_now(CLOCK_THREAD_CPUTIME_ID) > 10000000);
}

TEST(cpu_clock_of_a_process)
{
	clockid_t id;
	struct timespec ts;

	CHECK_EQ(clock_getcpuclockid(0, &id), 0);
	CHECK_EQ(clock_gettime(id, &ts), 0);
	CHECK_EQ(clock_getcpuclockid(getpid(), &id), 0);
	CHECK_EQ(clock_gettime(id, &ts), 0);
	id = (clockid_t)(~(unsigned)0x3ffffff << 3 | 2);
	CHECK_ERR(syscall(SYS_clock_gettime, id, &ts), EINVAL);
}

TEST(times_ticks)
{
	struct tms t;
	clock_t a = times(&t), b;

	CHECK(a >= 0);
	CHECK(t.tms_utime >= 0 && t.tms_cutime == 0);
	b = times(NULL);
	CHECK(b >= a);
	CHECK_ERR(syscall(SYS_times, (void *)8), EFAULT);
}

TEST(settime_needs_a_capability)
{
	struct timespec ts = {1000000000, 0};
	struct timeval tv = {1000000000, 0};
	int st;
	pid_t p = fork();

	if (p == 0) {
		if (getuid() == 0 && setuid(1234))
			_exit(2);
		_exit(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts) < 0 && errno == EPERM &&
				      syscall(SYS_settimeofday, &tv, NULL) < 0 && errno == EPERM
			      ? 0
			      : 1);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
}

TAP_MAIN()
