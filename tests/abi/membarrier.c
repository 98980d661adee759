/* SPDX-License-Identifier: Apache-2.0 */
/* membarrier. */
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static long mb(int cmd, unsigned flags)
{
	return syscall(SYS_membarrier, cmd, flags, 0);
}

TEST(query_and_registration)
{
	long q = mb(MEMBARRIER_CMD_QUERY, 0);

	CHECK(q > 0);
	CHECK(q & MEMBARRIER_CMD_GLOBAL);
	CHECK(q & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	CHECK(q & MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
	CHECK_ERR(mb(MEMBARRIER_CMD_QUERY, 7), EINVAL);
	CHECK_ERR(mb(1 << 20, 0), EINVAL);
	CHECK_ERR(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM);
	CHECK_EQ(mb(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
	CHECK_EQ(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0);
	CHECK_ERR(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), EPERM);
	CHECK_EQ(mb(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0), 0);
	CHECK_EQ(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), 0);
	CHECK_EQ(mb(MEMBARRIER_CMD_GLOBAL, 0), 0);
	CHECK_EQ(mb(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0), 0);
	CHECK_EQ(mb(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0), 0);
}

/* Dekker's race with one side's barrier replaced by membarrier: both sides reading 0 is what it forbids. */
static volatile int x, y, r1;
static int go, done, stop;

static void *fast_side(void *arg)
{
	int round = 0;

	(void)arg;
	for (;;) {
		while (__atomic_load_n(&go, __ATOMIC_ACQUIRE) == round)
			if (__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
				return NULL;
		round++;
		x = 1;
		__asm__ volatile("" : : : "memory"); /* the compiler alone */
		r1 = y;
		__atomic_store_n(&done, round, __ATOMIC_RELEASE);
	}
}

TEST(orders_the_other_side)
{
	struct timespec a, b;
	int both = 0, round = 0;
	pthread_t th;

	CHECK_EQ(mb(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
	REQUIRE(pthread_create(&th, NULL, fast_side, NULL) == 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		int r2;

		x = y = 0;
		r1 = -1;
		__atomic_store_n(&go, ++round, __ATOMIC_SEQ_CST);
		y = 1;
		if (mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) != 0)
			both += 1000;
		r2 = x;
		while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) != round)
			;
		both += r1 == 0 && r2 == 0;
		clock_gettime(CLOCK_MONOTONIC, &b);
	} while (round < 20000 && b.tv_sec - a.tv_sec < 3);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_join(th, NULL);
	CHECK_EQ(both, 0);
	CHECK(round > 100);
}

static void *sleeps(void *arg)
{
	(void)arg;
	pause();
	return NULL;
}

TEST(threads_that_sleep_do_not_hold_it_up)
{
	struct timespec a, b;
	pthread_t th;

	for (int i = 0; i < 8; i++)
		REQUIRE(pthread_create(&th, NULL, sleeps, NULL) == 0);
	CHECK_EQ(mb(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK(b.tv_sec - a.tv_sec < 3);
}

TAP_MAIN()
