/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hand-off between a guest thread and its kernel thread: one turn word in the slot, a futex when the other side
 * sleeps. The kernel thread follows the guest's CPU, because waking a sleeping thread on another core costs ten
 * times as much; it spins instead, on another core, only while calls come hot and a core is free.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "platform/trap/trap.h"

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

/*
 * Both threads of a hand-off on one CPU. The kernel thread's affinity is the CPU that the guest last ran on; but the
 * host would wake the guest on an idle core, where the next request finds it asleep and cold, so the guest is held
 * there too. Not for long: after PIN_NS the hold is released, and the next wake may choose the core again, so that busy
 * programs still spread. The CPU number comes from the stub: a wrong one costs only speed.
 */
#define PIN_NS (4 * 1000 * 1000ULL)

static void set_affinity(pid_t tid, unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(tid, sizeof(set), &set);
}

void pt_stay_on_cpu(bool stay)
{
	int cpu = sched_getcpu();

	if (!stay)
		sched_setaffinity(0, sizeof(trap.cpus), &trap.cpus);
	else if (cpu >= 0)
		set_affinity(0, (unsigned)cpu);
}

static void unpin(struct pt_thread *pt)
{
	pt->pinned = false;
	sched_setaffinity(pt->tid, sizeof(trap.cpus), &trap.cpus);
}

static void place_threads(struct pt_thread *pt)
{
	unsigned cpu = pt->slot->cpu;
	uint64_t now;

	if (trap.ncpu < 2 || cpu >= trap.ncpu || !CPU_ISSET(cpu, &trap.cpus))
		return;
	if ((int)cpu != pt->cpu) {
		set_affinity(0, cpu);
		pt->cpu = (int)cpu;
	}
	now = monotonic_ns();
	if (!pt->pinned) {
		set_affinity(pt->tid, cpu);
		pt->pinned = true;
		pt->pinned_ns = now;
	} else if (now - pt->pinned_ns > PIN_NS) {
		unpin(pt);
	}
}

static bool is_dead(const struct pt_thread *pt)
{
	return __atomic_load_n(&pt->as->dead, __ATOMIC_SEQ_CST) != 0;
}

int handoff_wait(struct pt_thread *pt, uint64_t deadline)
{
	struct slot *s = pt->slot;
	struct timespec abs;
	uint64_t until;
	long r;

	while (__atomic_load_n(&s->turn, __ATOMIC_SEQ_CST) != TURN_KERNEL) {
		if (is_dead(pt))
			return -ESRCH;
		until = pt->pinned ? MIN(deadline, monotonic_ns() + PIN_NS) : deadline;
		abs = (struct timespec){(time_t)(until / NSEC_PER_SEC), (long)(until % NSEC_PER_SEC)};
		__atomic_store_n(&s->kernel_sleeps, 1, __ATOMIC_SEQ_CST);
		r = futex(&s->turn, FUTEX_WAIT_BITSET, TURN_STUB, until == TIME_FOREVER ? NULL : &abs);
		__atomic_store_n(&s->kernel_sleeps, 0, __ATOMIC_SEQ_CST);
		if (r == 0 || errno != ETIMEDOUT)
			continue;
		if (until == deadline)
			return -ETIMEDOUT;
		unpin(pt); /* it computes: let the host choose its core */
	}
	return is_dead(pt) ? -ESRCH : 0;
}

int handoff(struct pt_thread *pt, uint64_t deadline)
{
	struct slot *s = pt->slot;

	if (is_dead(pt))
		return -ESRCH;
	place_threads(pt);
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
