/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks of the guest: the host's, and CPU time as the kernel accounts it. */
#ifndef NACRE_KERNEL_TIME_CLOCK_H
#define NACRE_KERNEL_TIME_CLOCK_H

#include <time.h>
#include "kernel/types.h"

/* clock_gettime(2) for the current task: 0, -EINVAL for an unknown clock. Dynamic CPU clocks of other
 * tasks of the namespace are -EINVAL unless they exist. */
int guest_clock_get(struct task *t, int clock, struct timespec *ret) __must_check;
int guest_clock_res(int clock, struct timespec *ret) __must_check;
/* A time on clock as absolute CLOCK_MONOTONIC ns (may be in the past). -EINVAL when it cannot be slept on. */
int guest_clock_deadline(int clock, uint64_t ns, bool absolute, uint64_t *ret) __must_check;

/* The timespec at p in ns; past some 285 years it is TIME_FOREVER. -EFAULT, -EINVAL. */
int copy_in_timespec(struct task *t, uaddr_t p, uint64_t *ret) __must_check;
/* The time limit at p, counted from now, as absolute CLOCK_MONOTONIC ns: TIME_FOREVER without one (p is null), 0 for one of
 * zero, which is over at once. */
int copy_in_deadline(struct task *t, uaddr_t p, uint64_t *ret) __must_check;

/* Writes what is left from now to target, both ns of one clock, as a timespec to p, unless that is null. 0, -EFAULT. */
int copy_out_left(struct task *t, uaddr_t p, uint64_t target, uint64_t now) __must_check;

/* A clock that wakes a suspended machine needs CAP_WAKE_ALARM: 0 or -EPERM. */
int guest_clock_may_wait(struct task *t, int clock) __must_check;

/* A CPU clock of a thread (t) or of a whole process (tg): one of them, with a reference. user: of guest code alone. */
struct cpu_clock {
	struct task *t;
	struct thread_group *tg;
	bool user;
};
/* CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, or a dynamic one that t may read. -EINVAL. */
int cpu_clock_find(struct task *t, int clock, struct cpu_clock *ret) __must_check;
void cpu_clock_put(struct cpu_clock *c);
uint64_t cpu_clock_now(const struct cpu_clock *c); /* ns */
/* When (CLOCK_MONOTONIC) left more ns can have been used at the earliest: time to look again. */
uint64_t cpu_clock_earliest(const struct cpu_clock *c, uint64_t left);

/* CPU time used so far. user: time in guest code, sys: CPU of the kernel thread. */
void task_cputime(struct task *t, uint64_t *user, uint64_t *sys);
void group_cputime(struct thread_group *tg, uint64_t *user, uint64_t *sys);

#endif
