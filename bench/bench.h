/* SPDX-License-Identifier: Apache-2.0 */
/* What the platform's benches share: a clock, and the line of one item. */
#ifndef NACRE_BENCH_H
#define NACRE_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS 5

/* Nanoseconds of the monotonic clock. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Prints median and least of v[RUNS], which it sorts. */
static void report(const char *name, double *v)
{
	qsort(v, RUNS, sizeof(*v), by_value);
	printf("%-46s %10.0f   (min %.0f)\n", name, v[RUNS / 2], v[0]);
	fflush(stdout);
}

#endif
