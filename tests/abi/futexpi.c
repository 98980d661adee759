/* SPDX-License-Identifier: Apache-2.0 */
/* PI futexes, by the raw calls and by pthread mutexes. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

static long fx(uint32_t *w, int op, uint32_t val, const struct timespec *ts, uint32_t *w2, uint32_t val3)
{
	return syscall(SYS_futex, w, op, val, ts, w2, val3);
}

static uint32_t tid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static uint32_t *shared_words(void)
{
	uint32_t *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(w != MAP_FAILED);
	return w;
}

static uint32_t load(const uint32_t *w)
{
	return __atomic_load_n(w, __ATOMIC_SEQ_CST);
}

static void wait_bit(const uint32_t *w, uint32_t bit)
{
	for (int i = 0; i < 5000 && !(load(w) & bit); i++)
		usleep(1000);
	CHECK(load(w) & bit);
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

TEST(lock_free_word)
{
	uint32_t w = 0;

	CHECK_EQ(fx(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
	CHECK_EQ(w, tid());
	CHECK_ERR(fx(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	CHECK_ERR(fx(&w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	CHECK_EQ(fx(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
	CHECK_EQ(w, 0);
	CHECK_ERR(fx(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
	CHECK_EQ(fx(&w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), 0);
	CHECK_EQ(w, tid());
	CHECK_EQ(fx(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
}

TEST(owner_that_is_no_thread)
{
	uint32_t w = 0x3ffffffe & FUTEX_TID_MASK;

	CHECK_ERR(fx(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH);
}

TEST(bad_addresses)
{
	uint32_t *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), w[2] = {0, 0};

	CHECK_ERR(fx((uint32_t *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERR(fx(ro, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERR(fx((uint32_t *)((char *)w + 1), FUTEX_LOCK_PI, 0, NULL, NULL, 0), EINVAL);
}

TEST(handed_over)
{
	uint32_t *w = shared_words();
	pid_t p;
	int st;

	CHECK_EQ(fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
	p = fork();
	if (p == 0) {
		if (fx(w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0) != -1 || errno != EAGAIN)
			_exit(1);
		if (fx(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) != -1 || errno != EPERM)
			_exit(2);
		if (fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0) != 0)
			_exit(3);
		if ((load(w) & FUTEX_TID_MASK) != tid())
			_exit(4);
		if (fx(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) != 0)
			_exit(5);
		_exit(0);
	}
	wait_bit(w, FUTEX_WAITERS);
	usleep(20000);
	CHECK_EQ(load(w) & FUTEX_TID_MASK, tid());
	CHECK_EQ(fx(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
	CHECK_EQ(load(w), 0);
}

TEST(timeouts)
{
	uint32_t *w = shared_words();
	int st;
	pid_t p = fork();

	if (p == 0) {
		fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		w[1] = 1;
		pause();
	}
	wait_bit(w + 1, 1);
	struct timespec ts = in_ms(CLOCK_REALTIME, 30);
	CHECK_ERR(fx(w, FUTEX_LOCK_PI, 0, &ts, NULL, 0), ETIMEDOUT);
	ts = in_ms(CLOCK_MONOTONIC, 30);
	CHECK_ERR(fx(w, FUTEX_LOCK_PI2, 0, &ts, NULL, 0), ETIMEDOUT);
	ts = in_ms(CLOCK_REALTIME, 30);
	CHECK_ERR(fx(w, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, 0), ETIMEDOUT);
	ts.tv_nsec = 2000000000;
	CHECK_ERR(fx(w, FUTEX_LOCK_PI, 0, &ts, NULL, 0), EINVAL);
	kill(p, SIGKILL);
	waitpid(p, &st, 0);
}

TEST(owner_dies_while_others_wait)
{
	uint32_t *w = shared_words();
	int st;
	pid_t p = fork();

	if (p == 0) {
		fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		w[1] = 1;
		wait_bit(w, FUTEX_WAITERS);
		usleep(50000);
		_exit(0);
	}
	wait_bit(w + 1, 1);
	CHECK_EQ(fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
	CHECK_EQ(load(w) & FUTEX_TID_MASK, tid());
	CHECK(load(w) & FUTEX_OWNER_DIED);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(fx(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
}

static void *cross(void *arg)
{
	uint32_t *w = arg;
	long r;

	fx(w + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	__atomic_store_n(w + 2, 1, __ATOMIC_SEQ_CST);
	r = fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	if (r == 0)
		fx(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	fx(w + 1, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	return (void *)r;
}

TEST(deadlock_of_two)
{
	uint32_t w[3] = {0, 0, 0};
	pthread_t th;
	void *r;

	CHECK_EQ(fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
	pthread_create(&th, NULL, cross, w);
	wait_bit(w + 2, 1);
	wait_bit(w, FUTEX_WAITERS);
	usleep(20000);
	CHECK_ERR(fx(w + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	CHECK_EQ(fx(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
	pthread_join(th, &r);
	CHECK_EQ((long)r, 0);
}

struct counter {
	pthread_mutex_t m;
	pthread_cond_t c;
	int n, turn;
};

static void *count(void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < 500; i++) {
		if (pthread_mutex_lock(&c->m))
			return (void *)1;
		int v = c->n;
		if (i % 50 == 0)
			sched_yield();
		c->n = v + 1;
		pthread_mutex_unlock(&c->m);
	}
	return NULL;
}

static void init(struct counter *c, int type, int protocol, int robust, int shared)
{
	pthread_mutexattr_t a;
	pthread_condattr_t ca;

	pthread_mutexattr_init(&a);
	CHECK_EQ(pthread_mutexattr_settype(&a, type), 0);
	CHECK_EQ(pthread_mutexattr_setprotocol(&a, protocol), 0);
	CHECK_EQ(pthread_mutexattr_setrobust(&a, robust), 0);
	CHECK_EQ(pthread_mutexattr_setpshared(&a, shared), 0);
	CHECK_EQ(pthread_mutex_init(&c->m, &a), 0);
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, shared);
	pthread_cond_init(&c->c, &ca);
	c->n = c->turn = 0;
}

TEST(mutexes_of_all_kinds)
{
	static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};

	for (int k = 0; k < 12; k++) {
		struct counter c;
		pthread_t th[4];
		void *r;

		init(&c, types[k % 3], k / 3 & 1 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE,
		     k / 6 ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
		for (int i = 0; i < 4; i++)
			CHECK_EQ(pthread_create(&th[i], NULL, count, &c), 0);
		for (int i = 0; i < 4; i++) {
			pthread_join(th[i], &r);
			CHECK_EQ((long)r, 0);
		}
		CHECK_EQ(c.n, 2000);
		CHECK_EQ(pthread_mutex_destroy(&c.m), 0);
	}
}

TEST(robust_mutex_of_a_killed_process)
{
	for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_INHERIT; protocol++) {
		struct counter *c = (struct counter *)shared_words();
		int st;
		pid_t p;

		init(c, PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
		p = fork();
		if (p == 0) {
			pthread_mutex_lock(&c->m);
			c->n = 1;
			pause();
		}
		for (int i = 0; i < 5000 && !*(volatile int *)&c->n; i++)
			usleep(1000);
		if (fork() == 0) { /* one waits already when the owner dies */
			int r = pthread_mutex_lock(&c->m);

			if (r == EOWNERDEAD)
				pthread_mutex_consistent(&c->m);
			pthread_mutex_unlock(&c->m);
			_exit(r == EOWNERDEAD ? 0 : 1);
		}
		usleep(50000);
		kill(p, SIGKILL);
		CHECK_EQ(waitpid(p, &st, 0), p);
		CHECK(wait(&st) > 0);
		CHECK_EQ(st, 0);
		CHECK_EQ(pthread_mutex_lock(&c->m), 0);
		CHECK_EQ(pthread_mutex_unlock(&c->m), 0);
	}
}

TEST(robust_mutex_nobody_waits)
{
	for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_INHERIT; protocol++) {
		struct counter *c = (struct counter *)shared_words();
		int st;
		pid_t p;

		init(c, PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
		p = fork();
		if (p == 0) {
			pthread_mutex_lock(&c->m);
			_exit(0);
		}
		CHECK_EQ(waitpid(p, &st, 0), p);
		CHECK_EQ(pthread_mutex_lock(&c->m), EOWNERDEAD);
		CHECK_EQ(pthread_mutex_consistent(&c->m), 0);
		CHECK_EQ(pthread_mutex_unlock(&c->m), 0);
		CHECK_EQ(pthread_mutex_lock(&c->m), 0);
		CHECK_EQ(pthread_mutex_unlock(&c->m), 0);
	}
}

static void *take_turns(void *arg)
{
	struct counter *c = arg;

	pthread_mutex_lock(&c->m);
	while (c->n < 100) {
		while (!c->turn)
			pthread_cond_wait(&c->c, &c->m);
		c->turn = 0;
		c->n++;
		pthread_cond_broadcast(&c->c);
	}
	pthread_mutex_unlock(&c->m);
	return NULL;
}

TEST(condition_with_pi_mutex)
{
	struct counter c;
	pthread_t th;

	init(&c, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	pthread_create(&th, NULL, take_turns, &c);
	pthread_mutex_lock(&c.m);
	for (int i = 0; i < 100; i++) {
		c.turn = 1;
		pthread_cond_broadcast(&c.c);
		while (c.turn)
			pthread_cond_wait(&c.c, &c.m);
	}
	pthread_mutex_unlock(&c.m);
	pthread_join(th, NULL);
	CHECK_EQ(c.n, 100);
}

struct requeue {
	uint32_t cond, lock, done;
};

static void *waits_for_requeue(void *arg)
{
	struct requeue *q = arg;
	long r = fx(&q->cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, NULL, &q->lock, 0);

	if (r == 0 && (load(&q->lock) & FUTEX_TID_MASK) != tid())
		r = 99;
	__atomic_add_fetch(&q->done, 1, __ATOMIC_SEQ_CST);
	if (r == 0 && fx(&q->lock, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0) < 0)
		r = 98;
	return (void *)(r < 0 ? -errno : r);
}

TEST(requeue_to_pi)
{
	struct requeue q = {0, 0, 0};
	pthread_t th[3];
	void *r;
	long n = 0;

	CHECK_EQ(fx(&q.lock, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&th[i], NULL, waits_for_requeue, &q);
	usleep(100000);
	CHECK_ERR(fx(&q.cond, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(fx(&q.cond, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 2, (void *)5, &q.lock, 0), EINVAL);
	CHECK_ERR(fx(&q.cond, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)5, &q.lock, 7), EAGAIN);
	CHECK_ERR(fx(&q.cond, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)5, &q.cond, 0), EINVAL);
	n = fx(&q.cond, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)5, &q.lock, 0);
	CHECK_EQ(n, 3);
	usleep(50000);
	CHECK_EQ(load(&q.done), 0);
	CHECK_EQ(load(&q.lock) & FUTEX_TID_MASK, tid());
	CHECK_EQ(fx(&q.lock, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(th[i], &r);
		CHECK_EQ((long)r, 0);
	}
	CHECK_EQ(load(&q.done), 3);
}

TEST(requeue_wait_timeout)
{
	struct requeue q = {0, 0, 0};
	struct timespec ts = in_ms(CLOCK_MONOTONIC, 30);

	CHECK_ERR(fx(&q.cond, FUTEX_WAIT_REQUEUE_PI, 0, &ts, &q.lock, 0), ETIMEDOUT);
	CHECK_ERR(fx(&q.cond, FUTEX_WAIT_REQUEUE_PI, 1, &ts, &q.lock, 0), EAGAIN);
	CHECK_ERR(fx(&q.cond, FUTEX_WAIT_REQUEUE_PI, 0, &ts, &q.cond, 0), EINVAL);
	CHECK_EQ(q.lock, 0);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(signal_goes_on_waiting)
{
	uint32_t *w = shared_words();
	struct sigaction sa = {.sa_handler = on_alarm};
	int st;
	pid_t p = fork();

	if (p == 0) {
		fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		w[1] = 1;
		usleep(150000);
		fx(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
		_exit(0);
	}
	wait_bit(w + 1, 1);
	sigaction(SIGALRM, &sa, NULL);
	ualarm(30000, 0);
	CHECK_EQ(fx(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
	CHECK_EQ(load(w) & FUTEX_TID_MASK, tid());
	waitpid(p, &st, 0);
}

static void *adds(void *arg)
{
	uint32_t *w = arg, other = 0;

	for (int i = 0; i < 2000; i++) {
		if (i & 1)
			__atomic_add_fetch(w, 1, __ATOMIC_SEQ_CST);
		else /* FUTEX_WAKE_OP: w += 1 */
			fx(&other, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)1, w,
			   FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0));
	}
	return NULL;
}

TEST(wake_op_is_atomic)
{
	uint32_t w = 0;
	pthread_t th[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&th[i], NULL, adds, &w);
	for (int i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
	CHECK_EQ(w, 4000);
}

TEST(clock_flag)
{
	uint32_t w = 0;
	struct timespec ts = {0, 0};

	CHECK_ERR(fx(&w, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, 0), ENOSYS);
	CHECK_ERR(fx(&w, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
	CHECK_ERR(fx(&w, 77, 0, NULL, NULL, 0), ENOSYS);
}

TAP_MAIN()
