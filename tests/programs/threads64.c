/* SPDX-License-Identifier: Apache-2.0 */
/* 64 threads: a barrier, a mutex, a condition variable, private memory, pipes and signals. Static. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N 64
#define ROUNDS 200

static pthread_barrier_t start;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static long counter, turn;
static atomic_long atomics;
static __thread long mine;
static int to[2], from[2];

static void *work(void *arg)
{
	long k = (long)arg, got, sum = 0;
	char *m;

	pthread_barrier_wait(&start);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
		atomic_fetch_add(&atomics, 1);
		mine++;
		m = malloc(1000 + (size_t)i * 50);
		memset(m, (int)k, 1000);
		sum += m[999] == (char)k;
		free(m);
	}
	/* One after the other, in the order of their numbers. */
	pthread_mutex_lock(&lock);
	while (turn != k)
		pthread_cond_wait(&turn_changed, &lock);
	turn++;
	pthread_cond_broadcast(&turn_changed);
	pthread_mutex_unlock(&lock);
	if (read(to[0], &got, sizeof(got)) != sizeof(got))
		return NULL;
	got = got * 2 + (mine == ROUNDS) + (sum == ROUNDS);
	return write(from[1], &got, sizeof(got)) == sizeof(got) ? (void *)1 : NULL;
}

int main(void)
{
	pthread_t th[N];
	long v, sum = 0, ended = 0;
	sigset_t all;
	void *r;
	int sig;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	if (pipe(to) < 0 || pipe(from) < 0)
		return 1;
	pthread_barrier_init(&start, NULL, N);
	for (long k = 0; k < N; k++)
		if (pthread_create(&th[k], NULL, work, (void *)k) != 0)
			return 2;
	for (v = 0; v < N; v++)
		if (write(to[1], &v, sizeof(v)) != sizeof(v))
			return 3;
	for (int k = 0; k < N; k++) {
		if (read(from[0], &v, sizeof(v)) != sizeof(v))
			return 4;
		sum += v;
	}
	for (int k = 0; k < N; k++) {
		pthread_join(th[k], &r);
		ended += r != NULL;
	}
	kill(getpid(), SIGUSR1);
	sigwait(&all, &sig);
	printf("counter %ld atomics %ld turn %ld sum %ld ended %ld signal %d\n", counter, (long)atomics, turn, sum, ended, sig == SIGUSR1);
	return 0;
}
