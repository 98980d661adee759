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

/* CPU time used so far. user: time in guest code, sys: CPU of the kernel thread. */
void task_cputime(struct task *t, uint64_t *user, uint64_t *sys);
void group_cputime(struct thread_group *tg, uint64_t *user, uint64_t *sys);

#endif
