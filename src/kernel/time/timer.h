/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel timers: callbacks at a point of CLOCK_MONOTONIC, run by one thread of the kernel. */
#ifndef NACRE_KERNEL_TIME_TIMER_H
#define NACRE_KERNEL_TIME_TIMER_H

#include "base/list.h"
#include "kernel/types.h"

struct timer {
	struct list_head node; /* guarded by the queue's lock */
	uint64_t expires;
	/* Runs in the timer thread without locks; may arm the timer again. Must not sleep long. */
	void (*fn)(struct timer *t);
};

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Arms t for expires (absolute CLOCK_MONOTONIC ns), replacing an earlier setting. Any thread; locks
 * below RANK_TIMER may be held. Returns 0, or -EAGAIN when the timer thread cannot be made. */
int timer_arm(struct timer *t, uint64_t expires) __must_check;
/* Disarms t without waiting for a callback that runs now. True when it was armed. */
bool timer_disarm(struct timer *t);
/* Disarms t and waits until its callback is not running: t may then be freed. Not from a callback, and
 * without locks the callback takes. */
void timer_cancel(struct timer *t);
/* When t fires, 0 when it is not armed. */
uint64_t timer_expires(struct timer *t);

#endif
