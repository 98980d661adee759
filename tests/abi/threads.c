/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: identity, death, signals to one and to all, group exit, locks under contention. */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static pid_t gettid_(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static pid_t tid_of;
static void *report(void *a)
{
	tid_of = gettid_();
	return getpid() == (pid_t)(intptr_t)a ? a : NULL;
}

TEST(one_pid_two_tids)
{
	pthread_t t;
	void *r;

	CHECK_EQ(gettid_(), getpid());
	REQUIRE(pthread_create(&t, NULL, report, (void *)(intptr_t)getpid()) == 0);
	pthread_join(t, &r);
	CHECK((pid_t)(intptr_t)r == getpid());
	CHECK(tid_of != getpid());
	/* The join returns when the thread clears its tid, a moment before its number goes. */
	alarm(10);
	while (syscall(SYS_tgkill, getpid(), tid_of, 0) == 0)
		sched_yield();
	CHECK_EQ(errno, ESRCH);
	alarm(0);
}

static __thread int tls = 5;
static void *tls_thread(void *a)
{
	(void)a;
	tls += 1;
	return (void *)(intptr_t)tls;
}

TEST(thread_local_storage)
{
	pthread_t t;
	void *r;

	tls = 50;
	pthread_create(&t, NULL, tls_thread, NULL);
	pthread_join(t, &r);
	CHECK_EQ((intptr_t)r, 6);
	CHECK_EQ(tls, 50);
}

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static void *adder(void *a)
{
	for (long i = 0; i < (long)(intptr_t)a; i++) {
		pthread_mutex_lock(&m);
		counter++;
		pthread_mutex_unlock(&m);
	}
	return NULL;
}

TEST(mutex_contention)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		REQUIRE(pthread_create(&t[i], NULL, adder, (void *)5000) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(counter, 40000);
}

static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int turn;
static void *pong(void *a)
{
	(void)a;
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&m);
		while (turn != 1)
			pthread_cond_wait(&c, &m);
		turn = 0;
		pthread_cond_broadcast(&c);
		pthread_mutex_unlock(&m);
	}
	return NULL;
}

TEST(condition_ping_pong)
{
	pthread_t t;

	pthread_create(&t, NULL, pong, NULL);
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&m);
		while (turn != 0)
			pthread_cond_wait(&c, &m);
		turn = 1;
		pthread_cond_broadcast(&c);
		pthread_mutex_unlock(&m);
	}
	pthread_join(t, NULL);
	CHECK_EQ(turn, 0);
}

static void *forever(void *a)
{
	while (pause() < 0)
		;
	return a;
}
static void *leave(void *a)
{
	syscall(SYS_exit_group, 7);
	return a;
}

TEST(exit_group_from_a_thread)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		pthread_t t;

		pthread_create(&t, NULL, forever, NULL);
		pthread_create(&t, NULL, leave, NULL);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 7);
}

static void *late(void *a)
{
	struct timespec ts = {0, 50000000};

	nanosleep(&ts, NULL);
	syscall(SYS_exit_group, 9);
	return a;
}

TEST(leader_may_go_first)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		pthread_t t;

		pthread_create(&t, NULL, late, NULL);
		syscall(SYS_exit, 1);
	}
	CHECK_EQ(waitpid(p, &st, WNOHANG), 0);
	CHECK_EQ(waitpid(p, &st, 0), p); /* only when the last thread is gone */
	CHECK_EQ(WEXITSTATUS(st), 9);
}

static void *spin(void *a)
{
	volatile int *v = a;

	for (;;)
		(*v)++;
	return NULL;
}

TEST(kill_reaches_every_thread)
{
	static int v[3];
	int st;
	pid_t p = fork();

	if (p == 0) {
		pthread_t t;

		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, i ? spin : forever, &v[i]);
		for (;;)
			pause();
	}
	usleep(50000);
	kill(p, SIGKILL);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WTERMSIG(st), SIGKILL);
}

static void *crash(void *a)
{
	*(volatile int *)(uintptr_t)8 = 1;
	return a;
}

TEST(a_fault_kills_the_process)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		pthread_t t;

		pthread_create(&t, NULL, crash, NULL);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WTERMSIG(st), SIGSEGV);
}

static volatile pid_t handled_by;
static void on_sig(int s)
{
	(void)s;
	handled_by = gettid_();
}
static volatile int ready;
static void *receiver(void *a)
{
	sigset_t s;
	struct timespec ts = {0, 1000000};

	sigemptyset(&s);
	if (a)
		pthread_sigmask(SIG_SETMASK, &s, NULL);
	tid_of = gettid_();
	ready = 1;
	for (int i = 0; i < 2000 && !handled_by; i++)
		nanosleep(&ts, NULL);
	return NULL;
}

TEST(directed_signal)
{
	pthread_t t;

	signal(SIGUSR1, on_sig);
	pthread_create(&t, NULL, receiver, NULL);
	while (!ready)
		sched_yield();
	CHECK_EQ(syscall(SYS_tgkill, getpid(), tid_of, SIGUSR1), 0);
	pthread_join(t, NULL);
	CHECK_EQ(handled_by, tid_of);
}

TEST(process_signal_goes_to_who_does_not_block_it)
{
	pthread_t t;
	sigset_t s;

	signal(SIGUSR1, on_sig);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	pthread_create(&t, NULL, receiver, (void *)1);
	while (!ready)
		sched_yield();
	kill(getpid(), SIGUSR1);
	pthread_join(t, NULL);
	CHECK_EQ(handled_by, tid_of);
}

TEST(stop_and_continue_all)
{
	static volatile int v;
	int st;
	pid_t p = fork();

	if (p == 0) {
		pthread_t t;

		pthread_create(&t, NULL, spin, (void *)(uintptr_t)&v);
		pthread_create(&t, NULL, forever, NULL);
		for (;;)
			pause();
	}
	usleep(20000);
	kill(p, SIGSTOP);
	CHECK_EQ(waitpid(p, &st, WUNTRACED), p);
	CHECK(WIFSTOPPED(st));
	kill(p, SIGCONT);
	CHECK_EQ(waitpid(p, &st, WCONTINUED), p);
	CHECK(WIFCONTINUED(st));
	kill(p, SIGKILL);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WTERMSIG(st), SIGKILL);
}

static void *fork_thread(void *a)
{
	pid_t p = fork();
	int st = -1;

	if (p == 0)
		_exit(gettid_() == getpid() ? 12 : 1);
	waitpid(p, &st, 0);
	*(int *)a = WEXITSTATUS(st);
	return NULL;
}

TEST(fork_in_a_thread)
{
	pthread_t t;
	int r = 0;

	pthread_create(&t, NULL, fork_thread, &r);
	pthread_join(t, NULL);
	CHECK_EQ(r, 12);
}

TEST(any_thread_may_wait)
{
	int st;
	pid_t p = fork();
	pthread_t t;

	if (p == 0)
		_exit(0);
	pthread_create(&t, NULL, report, NULL);
	pthread_join(t, NULL);
	CHECK_EQ(waitpid(p, &st, 0), p);
}

static void *short_life(void *a)
{
	return a;
}

TEST(many_threads)
{
	pthread_t t[64];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 64; i++)
			REQUIRE(pthread_create(&t[i], NULL, short_life, (void *)(intptr_t)i) == 0);
		for (int i = 0; i < 64; i++) {
			void *r;

			pthread_join(t[i], &r);
			CHECK_EQ((intptr_t)r, i);
		}
	}
}

TAP_MAIN()
