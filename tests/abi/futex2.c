/* SPDX-License-Identifier: Apache-2.0 */
/* futex_waitv, futex_wake, futex_wait, futex_requeue. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

#define NR_waitv 449
#define NR_wake 454
#define NR_wait 455
#define NR_requeue 456
#define U32 2U
#define PRIVATE 128U

struct waitv {
	uint64_t val, addr;
	uint32_t flags, reserved;
};

static long fwait(uint32_t *w, uint64_t val, uint64_t mask, unsigned flags, const struct timespec *ts, int clock)
{
	return syscall(NR_wait, w, val, mask, flags, ts, clock);
}

static long fwake(uint32_t *w, uint64_t mask, int n, unsigned flags)
{
	return syscall(NR_wake, w, mask, n, flags);
}

static struct timespec in_ms(int clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void need(int nr)
{
	if (syscall(nr, 0, 0, 0, 0, 0, 0) < 0 && errno == ENOSYS)
		SKIP("an older Linux");
}

TEST(wait_and_wake_arguments)
{
	uint32_t w = 5;
	struct timespec ts = in_ms(CLOCK_MONOTONIC, 20);

	need(NR_wait);
	CHECK_ERR(fwait(&w, 4, ~0U, U32, NULL, CLOCK_MONOTONIC), EAGAIN);
	CHECK_ERR(fwait(&w, 5, ~0U, U32, &ts, CLOCK_MONOTONIC), ETIMEDOUT);
	ts = in_ms(CLOCK_REALTIME, 20);
	CHECK_ERR(fwait(&w, 5, ~0U, U32 | PRIVATE, &ts, CLOCK_REALTIME), ETIMEDOUT);
	CHECK_ERR(fwait(&w, 5, ~0U, U32, &ts, CLOCK_BOOTTIME), EINVAL);
	CHECK_ERR(fwait(&w, 5, 0, U32, NULL, 0), EINVAL);
	CHECK_ERR(fwait(&w, 5, ~0U, 0, NULL, 0), EINVAL);
	CHECK_ERR(fwait(&w, 5, ~0U, U32 | 16, NULL, 0), EINVAL);
	CHECK_ERR(fwait(&w, 1ULL << 32, ~0U, U32, NULL, 0), EINVAL);
	CHECK_ERR(fwait((uint32_t *)8, 5, ~0U, U32, NULL, 0), EFAULT);
	CHECK_EQ(fwake(&w, ~0U, 1, U32), 0);
	CHECK_EQ(fwake(&w, ~0U, 0, U32), 0);
	CHECK_ERR(fwake(&w, 0, 1, U32), EINVAL);
	CHECK_ERR(fwake(&w, ~0U, 1, 3), EINVAL);
}

struct job {
	uint32_t w[4];
	long r;
};

static void *waits(void *arg)
{
	struct job *j = arg;

	j->r = fwait(&j->w[0], 0, 6, U32 | PRIVATE, NULL, 0);
	return NULL;
}

TEST(wake_by_mask)
{
	struct job j = {0};
	pthread_t th;
	long n = 0;

	need(NR_wait);
	pthread_create(&th, NULL, waits, &j);
	usleep(30000);
	CHECK_EQ(fwake(&j.w[0], 1, 1, U32 | PRIVATE), 0);
	for (int i = 0; i < 1000 && !n; i++) {
		n = fwake(&j.w[0], 2, 1, U32 | PRIVATE);
		usleep(1000);
	}
	CHECK_EQ(n, 1);
	pthread_join(th, NULL);
	CHECK_EQ(j.r, 0);
}

TEST(requeue)
{
	struct job j = {0};
	struct waitv v[2] = {{0, (uintptr_t)&j.w[0], U32 | PRIVATE, 0}, {0, (uintptr_t)&j.w[1], U32 | PRIVATE, 0}};
	pthread_t th;
	long n = 0;

	need(NR_requeue);
	pthread_create(&th, NULL, waits, &j);
	usleep(30000);
	for (int i = 0; i < 1000 && !n; i++) {
		n = syscall(NR_requeue, v, 0, 0, 1);
		usleep(1000);
	}
	CHECK_EQ(n, 1);
	CHECK_EQ(fwake(&j.w[0], ~0U, 1, U32 | PRIVATE), 0);
	CHECK_EQ(fwake(&j.w[1], ~0U, 1, U32 | PRIVATE), 1);
	pthread_join(th, NULL);
	CHECK_EQ(j.r, 0);
	v[0].val = 1;
	CHECK_ERR(syscall(NR_requeue, v, 0, 0, 1), EAGAIN);
	CHECK_ERR(syscall(NR_requeue, v, 1, 0, 1), EINVAL);
	CHECK_ERR(syscall(NR_requeue, NULL, 0, 0, 1), EINVAL);
}

static void *waits_many(void *arg)
{
	struct job *j = arg;
	struct waitv v[4];

	for (int i = 0; i < 4; i++)
		v[i] = (struct waitv){0, (uintptr_t)&j->w[i], U32 | PRIVATE, 0};
	j->r = syscall(NR_waitv, v, 4, 0, NULL, 0);
	return NULL;
}

TEST(waitv_says_which)
{
	struct job j = {0};
	pthread_t th;
	long n = 0;

	need(NR_waitv);
	pthread_create(&th, NULL, waits_many, &j);
	for (int i = 0; i < 2000 && n <= 0; i++) {
		n = syscall(SYS_futex, &j.w[2], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		usleep(1000);
	}
	CHECK_EQ(n, 1);
	pthread_join(th, NULL);
	CHECK_EQ(j.r, 2);
}

TEST(waitv_arguments)
{
	uint32_t w[2] = {0, 1};
	struct waitv v[2] = {{0, (uintptr_t)&w[0], U32, 0}, {0, (uintptr_t)&w[1], U32, 0}};
	struct timespec ts = in_ms(CLOCK_MONOTONIC, 20);

	need(NR_waitv);
	CHECK_ERR(syscall(NR_waitv, v, 2, 0, NULL, 0), EAGAIN);
	w[1] = 0;
	CHECK_ERR(syscall(NR_waitv, v, 2, 0, &ts, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK_ERR(syscall(NR_waitv, v, 0, 0, NULL, 0), EINVAL);
	CHECK_ERR(syscall(NR_waitv, v, 129, 0, NULL, 0), EINVAL);
	CHECK_ERR(syscall(NR_waitv, v, 2, 1, NULL, 0), EINVAL);
	CHECK_ERR(syscall(NR_waitv, NULL, 1, 0, NULL, 0), EINVAL);
	CHECK_ERR(syscall(NR_waitv, v, 2, 0, &ts, CLOCK_TAI), EINVAL);
	v[1].flags = 0;
	CHECK_ERR(syscall(NR_waitv, v, 2, 0, NULL, 0), EINVAL);
	v[1].flags = U32;
	v[1].reserved = 1;
	CHECK_ERR(syscall(NR_waitv, v, 2, 0, NULL, 0), EINVAL);
}

TEST(waitv_shared_with_another_process)
{
	uint32_t *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct waitv v[2] = {{0, (uintptr_t)&w[0], U32, 0}, {0, (uintptr_t)&w[1], U32, 0}};
	int st;
	pid_t p;
	long n = 0;

	need(NR_waitv);
	p = fork();
	if (p == 0)
		_exit(syscall(NR_waitv, v, 2, 0, NULL, 0) == 1 ? 0 : 1);
	for (int i = 0; i < 2000 && n <= 0; i++) {
		n = syscall(SYS_futex, &w[1], FUTEX_WAKE, 1, NULL, NULL, 0);
		usleep(1000);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

TAP_MAIN()
