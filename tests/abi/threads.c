/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: numbers, exit of one and of all, signals to a thread, exec by a thread. */
#include <pthread.h>
#include <sys/syscall.h>
#include "../tap.h"

static volatile int n;
static void *add(void *arg)
{
	__atomic_add_fetch(&n, 1, __ATOMIC_SEQ_CST);
	return arg;
}

TEST(create_and_join)
{
	void *r = NULL;
	pthread_t t[16];

	for (long i = 0; i < 16; i++)
		REQUIRE(pthread_create(&t[i], NULL, add, (void *)i) == 0);
	for (long i = 0; i < 16; i++) {
		pthread_join(t[i], &r);
		CHECK_EQ((long)r, i);
	}
	CHECK_EQ(n, 16);
}

static void *ids(void *arg)
{
	long *v = arg;

	v[0] = getpid();
	v[1] = syscall(SYS_gettid);
	return NULL;
}

TEST(one_pid_own_tid)
{
	long v[2];
	pthread_t t;

	pthread_create(&t, NULL, ids, v);
	pthread_join(t, NULL);
	CHECK_EQ(v[0], getpid());
	CHECK(v[1] != v[0]);
}

static void *leave(void *arg)
{
	(void)arg;
	usleep(20000);
	syscall(SYS_exit_group, 5);
	return NULL;
}

TEST(exit_group_ends_all)
{
	pid_t p = fork();
	pthread_t t;
	int s;

	if (p == 0) {
		pthread_create(&t, NULL, leave, NULL);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, 5 << 8);
}

static void *late(void *arg)
{
	(void)arg;
	usleep(50000);
	_exit(6);
}

TEST(leader_exits_first)
{
	pid_t p = fork();
	pthread_t t;
	int s;

	if (p == 0) {
		pthread_create(&t, NULL, late, NULL);
		syscall(SYS_exit, 1);
	}
	CHECK_EQ(waitpid(p, &s, WNOHANG), 0);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, 6 << 8);
}

static volatile pthread_t ran_in;
static void on_usr1(int s)
{
	(void)s;
	ran_in = pthread_self();
}
static void *sleeper(void *arg)
{
	(void)arg;
	pause();
	return NULL;
}

TEST(signal_to_one_thread)
{
	pthread_t t;

	signal(SIGUSR1, on_usr1);
	pthread_create(&t, NULL, sleeper, NULL);
	usleep(30000);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	CHECK(pthread_equal(ran_in, t));
}

static void *do_exec(void *arg)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit $(( $$ == $P ? 3 : 4 ))", NULL};
	char env[32], *envp[] = {env, NULL};

	(void)arg;
	snprintf(env, sizeof(env), "P=%d", getpid());
	execve("/bin/sh", argv, envp);
	_exit(99);
}

TEST(exec_by_a_thread_keeps_the_pid)
{
	pid_t p;
	pthread_t t;
	int s;

	if (access("/bin/sh", X_OK) != 0)
		SKIP("no shell");
	p = fork();
	if (p == 0) {
		pthread_create(&t, NULL, do_exec, NULL);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, 3 << 8);
}

TEST(kill_ends_all)
{
	pid_t p = fork();
	pthread_t t;
	int s;

	if (p == 0) {
		for (int i = 0; i < 4; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		for (;;)
			;
	}
	usleep(30000);
	kill(p, SIGKILL);
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, SIGKILL);
}

TAP_MAIN()
