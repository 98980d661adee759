/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2): wait, wake, bitsets, requeue, wake-op, shared memory, robust lists, errors. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static long futex(void *w, int op, uint32_t val, const void *ts, void *w2, uint32_t val3)
{
	return syscall(SYS_futex, w, op, val, ts, w2, val3);
}

static void msleep(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&ts, NULL);
}

static int word, word2;
struct waiter {
	pthread_t th;
	int *w, op;
	uint32_t bits;
	long r;
	int err;
	volatile int done;
};

static void *wait_thread(void *a)
{
	struct waiter *x = a;

	x->r = futex(x->w, x->op, 0, NULL, NULL, x->bits);
	x->err = x->r < 0 ? errno : 0;
	__atomic_store_n(&x->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct waiter *x, int *w, int op, uint32_t bits)
{
	*x = (struct waiter){.w = w, .op = op, .bits = bits};
	REQUIRE(pthread_create(&x->th, NULL, wait_thread, x) == 0);
}

/* Waits until n sleep: FUTEX_CMP_REQUEUE of nobody cannot count, so a pause does. */
static void settle(void)
{
	msleep(50);
}

TEST(value_differs)
{
	word = 1;
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EAGAIN);
	CHECK_ERR(futex(&word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0), EAGAIN);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

TEST(errors)
{
	struct timespec bad = {0, 1000000000}, neg = {-1, 0};

	CHECK_ERR(futex((char *)&word + 1, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((void *)8, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, &neg, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, (void *)8, NULL, 0), EFAULT);
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, 77, 0, NULL, NULL, 0), ENOSYS);
	CHECK_ERR(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
}

TEST(shared_word_that_is_not_there)
{
	char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *gone;
	FILE *f = tmpfile();

	REQUIRE(f && ftruncate(fileno(f), 4096) == 0);
	gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	REQUIRE(gone != MAP_FAILED && ftruncate(fileno(f), 0) == 0);
	CHECK_ERR(futex(none, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(gone, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(none, FUTEX_CMP_REQUEUE, 1, NULL, &word, 0), EFAULT);
	word = 0;
	CHECK_ERR(futex(&word, FUTEX_CMP_REQUEUE, 1, NULL, none, 0), EFAULT);
	CHECK_EQ(futex(none, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0); /* a private key is the address alone */
}

TEST(timeouts)
{
	struct timespec rel = {0, 20000000}, abs;

	word = 0;
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, &rel, NULL, 0), ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &abs);
	abs.tv_nsec += 1000000;
	if (abs.tv_nsec >= 1000000000)
		abs.tv_sec++, abs.tv_nsec -= 1000000000;
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 0, &abs, NULL, ~0U), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &abs);
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &abs, NULL, ~0U), ETIMEDOUT);
	rel = (struct timespec){0, 0};
	CHECK_ERR(futex(&word, FUTEX_WAIT_PRIVATE, 0, &rel, NULL, 0), ETIMEDOUT);
}

TEST(wake_counts)
{
	struct waiter x[3];
	long n;

	word = 0;
	for (int i = 0; i < 3; i++)
		start(&x[i], &word, FUTEX_WAIT_PRIVATE, 0);
	settle();
	n = futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	CHECK_EQ(n, 1);
	n = futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0);
	CHECK_EQ(n, 2);
	for (int i = 0; i < 3; i++) {
		pthread_join(x[i].th, NULL);
		CHECK_EQ(x[i].r, 0);
	}
}

TEST(bitsets)
{
	struct waiter a, b;

	word = 0;
	start(&a, &word, FUTEX_WAIT_BITSET_PRIVATE, 1);
	start(&b, &word, FUTEX_WAIT_BITSET_PRIVATE, 2);
	settle();
	CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 4), 0);
	CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 2), 1);
	pthread_join(b.th, NULL);
	CHECK_EQ(a.done, 0);
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
	pthread_join(a.th, NULL);
}

TEST(requeue)
{
	struct waiter x[3];

	word = word2 = 0;
	for (int i = 0; i < 3; i++)
		start(&x[i], &word, FUTEX_WAIT_PRIVATE, 0);
	settle();
	CHECK_ERR(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &word2, 5), EAGAIN);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &word2, 0), 2);
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
	CHECK_EQ(futex(&word2, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
	for (int i = 0; i < 3; i++)
		pthread_join(x[i].th, NULL);
	CHECK_EQ(futex(&word, FUTEX_REQUEUE_PRIVATE, 1, (void *)1, &word2, 0), 0);
}

TEST(wake_op)
{
	struct waiter a, b;

	word = word2 = 0;
	start(&a, &word, FUTEX_WAIT_PRIVATE, 0);
	start(&b, &word2, FUTEX_WAIT_PRIVATE, 0);
	settle();
	/* word2 = word2 + 5; its old value 0 equals 0: wake there too. */
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word2,
		       FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)), 2);
	CHECK_EQ(word2, 5);
	pthread_join(a.th, NULL);
	pthread_join(b.th, NULL);
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word2,
		       FUTEX_OP((FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT), 3, FUTEX_OP_CMP_GT, 9)), 0);
	CHECK_EQ(word2, 8);
}

TEST(shared_between_processes)
{
	int *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), st;
	pid_t p = fork();

	if (p == 0)
		_exit(futex(w, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
	settle();
	CHECK_EQ(futex(w, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0); /* another key */
	CHECK_EQ(futex(w, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

static void nothing(int s)
{
	(void)s;
}

TEST(signals)
{
	struct sigaction sa = {.sa_handler = nothing};
	struct timespec ten = {10, 0};
	pid_t me = getpid(), p;

	sigaction(SIGUSR1, &sa, NULL);
	p = fork();
	if (p == 0) {
		msleep(30);
		kill(me, SIGUSR1);
		_exit(0);
	}
	CHECK_ERR(futex(&word2, FUTEX_WAIT_PRIVATE, (uint32_t)word2, NULL, NULL, 0), EINTR);
	waitpid(p, NULL, 0);
	p = fork();
	if (p == 0) {
		msleep(30);
		kill(me, SIGUSR1);
		_exit(0);
	}
	CHECK_ERR(futex(&word2, FUTEX_WAIT_PRIVATE, (uint32_t)word2, &ten, NULL, 0), EINTR);
	waitpid(p, NULL, 0);
}

TEST(robust_list)
{
	struct {
		struct robust_list_head head;
		struct robust_list node;
		uint32_t word;
	} *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct robust_list_head *got;
	size_t len;
	int st;
	pid_t p;

	CHECK_ERR(syscall(SYS_set_robust_list, &m->head, 8), EINVAL);
	CHECK_ERR(syscall(SYS_get_robust_list, 0x3fffffff, &got, &len), ESRCH);
	p = fork();
	if (p == 0) {
		m->head.list.next = &m->node;
		m->node.next = &m->head.list;
		m->head.futex_offset = (long)((char *)&m->word - (char *)&m->node);
		m->word = (uint32_t)syscall(SYS_gettid) | FUTEX_WAITERS;
		if (syscall(SYS_set_robust_list, &m->head, sizeof(m->head)))
			_exit(1);
		if (syscall(SYS_get_robust_list, 0, &got, &len) || got != &m->head ||
		    len != sizeof(m->head))
			_exit(2);
		_exit(0);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
	CHECK_EQ(m->word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

TEST(robust_mutex_of_a_dead_process)
{
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t at;
	pid_t p;

	pthread_mutexattr_init(&at);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &at);
	p = fork();
	if (p == 0) {
		pthread_mutex_lock(m);
		msleep(30);
		_exit(0);
	}
	msleep(10);
	CHECK_EQ(pthread_mutex_lock(m), EOWNERDEAD); /* sleeps until the owner dies */
	CHECK_EQ(pthread_mutex_consistent(m), 0);
	CHECK_EQ(pthread_mutex_unlock(m), 0);
	waitpid(p, NULL, 0);
}

TAP_MAIN()
