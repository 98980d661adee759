/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and sleeping. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include "../tap.h"

TEST(clocks)
{
	static const int ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 11};
	struct timespec a, b;

	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		CHECK_EQ(clock_gettime(ids[i], &a), 0);
		CHECK_EQ(clock_gettime(ids[i], &b), 0);
		CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
		CHECK_EQ(clock_getres(ids[i], &a), 0);
	}
	CHECK_ERR(syscall(SYS_clock_gettime, 100, &a), EINVAL);
	CHECK_ERR(syscall(SYS_clock_getres, 100, &a), EINVAL);
	CHECK_ERR(syscall(SYS_clock_gettime, 1, 8), EFAULT);
}

TEST(sleeps)
{
	struct timespec t = {0, 30000000}, a, b, bad = {0, 1000000000};

	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK_EQ(nanosleep(&t, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 30000000);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL), 0);
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, 0, &t, NULL), 0);
	CHECK_ERR(nanosleep(&bad, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, 0), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_nanosleep, 8, 0), EFAULT);
}

TEST(days)
{
	struct timeval tv;
	struct tms b;
	long t = (long)syscall(SYS_time, NULL);

	CHECK_EQ(gettimeofday(&tv, NULL), 0);
	CHECK(tv.tv_sec - t <= 1);
	CHECK(times(&b) != -1);
	CHECK_ERR(syscall(SYS_times, 8), EFAULT);
}

TAP_MAIN()
