/* SPDX-License-Identifier: Apache-2.0 */
/* futex: wait, wake, bitsets, requeue, wake-op, timeouts, robust lists. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static uint32_t word, word2;

static long fu(uint32_t *a, int op, uint32_t v, const void *ts, uint32_t *b, uint32_t v3)
{
	return syscall(SYS_futex, a, op, v, ts, b, v3);
}

TEST(wait_value_differs)
{
	CHECK_ERR(fu(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
	CHECK_ERR(fu(&word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EAGAIN);
}

TEST(errors)
{
	struct timespec bad = {0, 2000000000};

	CHECK_ERR(fu((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERR(fu((uint32_t *)(uintptr_t)16, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERR(fu(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
	CHECK_ERR(fu(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERR(fu(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(fu(&word, 100, 0, NULL, NULL, 0), ENOSYS);
}

TEST(timeouts)
{
	struct timespec rel = {0, 20000000}, abs;

	CHECK_ERR(fu(&word, FUTEX_WAIT, 0, &rel, NULL, 0), ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &abs);
	CHECK_ERR(fu(&word, FUTEX_WAIT_BITSET, 0, &abs, NULL, 1), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &abs);
	CHECK_ERR(fu(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &abs, NULL, 1), ETIMEDOUT);
}

static void *waiter(void *arg)
{
	long op = (long)arg;

	return (void *)fu(&word, (int)op, 0, NULL, NULL, 2);
}

TEST(wake_one_and_all)
{
	pthread_t t[3];
	int n = 0;

	CHECK_EQ(fu(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, waiter, (void *)(long)FUTEX_WAIT_PRIVATE);
	usleep(50000);
	CHECK_EQ(fu(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
	while (n < 2)
		n += (int)fu(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

TEST(bitset_selects)
{
	pthread_t t;

	pthread_create(&t, NULL, waiter, (void *)(long)FUTEX_WAIT_BITSET_PRIVATE);
	usleep(50000);
	CHECK_EQ(fu(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 1), 0);
	CHECK_EQ(fu(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 3), 1);
	pthread_join(t, NULL);
}

TEST(requeue)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, waiter, (void *)(long)FUTEX_WAIT_PRIVATE);
	usleep(50000);
	CHECK_ERR(fu(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2L, &word2, 7), EAGAIN);
	CHECK_EQ(fu(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2L, &word2, 0), 3);
	CHECK_EQ(fu(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
	CHECK_EQ(fu(&word2, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 2);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

TEST(wake_op)
{
	word2 = 5;
	CHECK_EQ(fu(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, &word2,
		    FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)), 0);
	CHECK_EQ(word2, 8);
	CHECK_EQ(fu(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, &word2,
		    FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_GT, 5)), 0);
	CHECK_EQ(word2, 1);
}

TEST(shared_between_processes)
{
	uint32_t *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t p = fork();
	int s;

	if (p == 0)
		_exit(fu(w, FUTEX_WAIT, 0, NULL, NULL, 0) != 0);
	while (fu(w, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
		usleep(5000);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, 0);
}

TEST(robust_mutex)
{
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pid_t p;
	int s;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	REQUIRE(pthread_mutex_init(m, &a) == 0);
	p = fork();
	if (p == 0) {
		pthread_mutex_lock(m);
		usleep(50000);
		_exit(0);
	}
	usleep(20000);
	CHECK_EQ(pthread_mutex_lock(m), EOWNERDEAD);
	CHECK_EQ(waitpid(p, &s, 0), p);
}

TEST(robust_list_errors)
{
	char head[24] = {0};

	CHECK_ERR(syscall(SYS_set_robust_list, head, 16), EINVAL);
	CHECK_ERR(syscall(SYS_get_robust_list, 4000000, head, head), ESRCH);
}

TAP_MAIN()
