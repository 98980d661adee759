/* SPDX-License-Identifier: Apache-2.0 */
/* 64 threads call getppid at once for a while. Usage: threads64 [MS]. Prints "threads64 NANOSECONDS": wall time / calls of all. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 64

static pthread_barrier_t go;
static atomic_int stop;
static long calls[THREADS][8]; /* a cache line each */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *worker(void *arg)
{
	long *mine = arg;

	pthread_barrier_wait(&go);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		syscall(SYS_getppid);
		++*mine;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? atol(argv[1]) : 1000, sum = 0;
	struct timespec d = {ms / 1000, ms % 1000 * 1000000};
	pthread_t th[THREADS];
	double t;

	pthread_barrier_init(&go, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&th[i], NULL, worker, calls[i]))
			return 1;
	pthread_barrier_wait(&go);
	t = now();
	nanosleep(&d, NULL);
	atomic_store(&stop, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	t = now() - t;
	for (int i = 0; i < THREADS; i++)
		sum += calls[i][0];
	printf("threads64 %.1f\n", t / (double)sum);
	return 0;
}
