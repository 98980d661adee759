/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hand-off between a guest thread and its kernel thread: one turn word in the slot, a futex when the other side
 * sleeps. Where the two run and whether they poll first is pace.c's.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "platform/trap/trap.h"

/* How often a long wait looks up: guest code can sleep on the same futex and take the one wake that was meant for the kernel,
 * or hold back the signal that should end it. */
#define LOOK_NS (NSEC_PER_SEC / 2)

uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static long futex(uint32_t *word, int op, uint32_t val, const struct timespec *abs)
{
	return syscall(SYS_futex, word, op, val, abs, NULL, FUTEX_BITSET_MATCH_ANY);
}

static bool is_dead(const struct pt_thread *pt)
{
	return __atomic_load_n(&pt->as->dead, __ATOMIC_SEQ_CST) != 0;
}

/* A thread that is to end and does not come back takes its address space along. */
static void check_doom(struct pt_thread *pt, uint64_t now)
{
	uint64_t doom = __atomic_load_n(&pt->doom, __ATOMIC_SEQ_CST);

	if (doom && now >= doom)
		pt_as_kill(pt->as);
}

static int wait_turn(struct pt_thread *pt, uint64_t deadline)
{
	struct slot *s = pt->slot;
	struct timespec abs;
	uint64_t until, look = monotonic_ns() + LOOK_NS;
	uint32_t turn;
	long r;

	while ((turn = __atomic_load_n(&s->turn, __ATOMIC_SEQ_CST)) != TURN_KERNEL) {
		if (is_dead(pt))
			return -ESRCH;
		/* Forged. The futex would not sleep on it, and we would run for ever at nobody's cost but the host's. */
		if (turn != TURN_STUB) {
			pt_as_kill(pt->as);
			return -ESRCH;
		}
		until = MIN(MIN(deadline, look), pace_hold_end(pt));
		abs = (struct timespec){(time_t)(until / NSEC_PER_SEC), (long)(until % NSEC_PER_SEC)};
		__atomic_store_n(&s->kernel_sleeps, 1, __ATOMIC_SEQ_CST);
		r = futex(&s->turn, FUTEX_WAIT_BITSET, TURN_STUB, &abs);
		__atomic_store_n(&s->kernel_sleeps, 0, __ATOMIC_SEQ_CST);
		if (r == 0 || errno != ETIMEDOUT)
			continue;
		if (until == deadline)
			return -ETIMEDOUT;
		if (until != look) {
			pace_let_go(pt); /* it computes: let the host choose its core */
			continue;
		}
		look = monotonic_ns();
		check_doom(pt, look);
		look += LOOK_NS;
	}
	return is_dead(pt) ? -ESRCH : 0;
}

int handoff_wait(struct pt_thread *pt, uint64_t deadline)
{
	int r;

	pace_wait_begin(pt);
	if (pt->pace.spins && pace_poll(pt))
		r = is_dead(pt) ? -ESRCH : 0;
	else
		r = wait_turn(pt, deadline);
	pace_wait_end(pt);
	return r;
}

int handoff(struct pt_thread *pt, uint64_t deadline)
{
	struct slot *s = pt->slot;

	if (is_dead(pt))
		return -ESRCH;
	pace_handoff(pt, monotonic_ns());
	__atomic_store_n(&s->turn, TURN_STUB, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&s->stub_sleeps, __ATOMIC_SEQ_CST))
		futex(&s->turn, FUTEX_WAKE, 1, NULL);
	return handoff_wait(pt, deadline);
}

int run_slot_ops(struct pt_thread *pt, struct slot_op *ops, unsigned n)
{
	int r;

	if (n > SLOT_OPS_MAX)
		return -EINVAL;
	memcpy(pt->slot->ops, ops, n * sizeof(*ops));
	pt->slot->nops = n;
	pt->slot->ops_done = 0;
	r = handoff(pt, TIME_FOREVER);
	if (r < 0)
		return r;
	if (__atomic_load_n(&pt->slot->event, __ATOMIC_RELAXED) != SLOT_EV_DONE) {
		pt_as_kill(pt->as);
		return -ESRCH;
	}
	memcpy(ops, pt->slot->ops, n * sizeof(*ops));
	return 0;
}
