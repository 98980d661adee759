/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the two threads of a hand-off run, and whether they wait by polling.
 *
 * Held together: both on one CPU, waiting by futex. The kernel thread's affinity is the CPU that the guest last ran on; but
 * the host would wake the guest on an idle core, where the next request finds it asleep and cold, so the guest is held there
 * too. Not for long: after PIN_NS the hold is released, and the next wake may choose the core again, so that busy programs
 * still spread.
 *
 * Spinning: the kernel thread polls on another CPU. It is tried only when calls come hot and the sandbox's running
 * guests leave a CPU free, kept only while the mean time of a call is below that of the other way, and left at once when
 * the guest falls silent or when the clock shows that the host runs something else on the poller's CPU. Each failure
 * doubles the pause before the next trial. So a sleeping sandbox burns nothing, and on a busy host a trial costs one time
 * slice in BACKOFF_MAX.
 *
 * Everything here is the owning kernel thread's; CPU numbers come from the stub: a wrong one costs only speed.
 */
#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "platform/trap/trap.h"

#define MSEC_NS (1000 * 1000ULL)
#define PIN_NS (4 * MSEC_NS)
/* A call this long says nothing about the hand-off: it slept, or the guest computed. */
#define OUTLIER_NS (100 * 1000ULL)
/* A poller that does not run for this long has a rival on its CPU. */
#define GAP_NS (200 * 1000ULL)
#define HOT_NS (30 * 1000ULL) /* mean time of a call, handling included, below which polling can matter */
#define WINDOW 128U	      /* calls of one judgement */
#define SETTLE 16U	      /* calls after a change that are not judged */
#define BACKOFF_MIN (4 * MSEC_NS)
#define BACKOFF_MAX (256 * MSEC_NS)
/* A session is broken off to measure the other way again: after this long, doubling. */
#define RETEST_MIN (32 * MSEC_NS)
#define RETEST_MAX (512 * MSEC_NS)
/* Polls of the stub before it sleeps, some 10 to 20 us. */
#define STUB_POLLS 400U

/* How many CPUs the sandbox's hand-offs keep busy: one for a guest, one more for a poller. Spread over lines
 * by CPU, so that hand-offs on different CPUs do not share one; only the sum means anything. */
static struct {
	_Alignas(64) uint32_t n; /* atomic */
} busy[BUSY_SHARDS];

static bool valid_cpu(unsigned cpu)
{
	return cpu < trap.ncpu && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &trap.cpus);
}

static uint32_t busy_cpus(void)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < BUSY_SHARDS && i < trap.ncpu; i++)
		sum += __atomic_load_n(&busy[i].n, __ATOMIC_RELAXED);
	return sum;
}

/* The CPU for a pair that is on cpu: another one if the sandbox's hand-offs crowd this one and spare that one. Held threads
 * are not balanced by the host: without this, threads that were made on one CPU all stay there. */
static unsigned fair_cpu(unsigned cpu)
{
	uint32_t best, n;
	unsigned fair = cpu;

	if (busy_cpus() <= trap.usable)
		return cpu;
	best = __atomic_load_n(&busy[cpu % BUSY_SHARDS].n, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < trap.ncpu; i++) {
		n = __atomic_load_n(&busy[i % BUSY_SHARDS].n, __ATOMIC_RELAXED);
		if (n + 1 < best && valid_cpu(i)) {
			best = n;
			fair = i;
		}
	}
	return fair;
}

static bool crowded(void)
{
	return busy_cpus() + 2 > trap.usable;
}

void pace_wait_begin(struct pt_thread *pt)
{
	struct pace *p = &pt->pace;

	p->weight = p->spins ? 2 : 1;
	p->shard = p->cpu > 0 ? (unsigned)p->cpu % BUSY_SHARDS : 0;
	__atomic_add_fetch(&busy[p->shard].n, p->weight, __ATOMIC_RELAXED);
}

void pace_wait_end(struct pt_thread *pt)
{
	__atomic_sub_fetch(&busy[pt->pace.shard].n, pt->pace.weight, __ATOMIC_RELAXED);
}

/* The kernel thread itself: on cpu alone, or anywhere but there. */
static void place_self(struct pt_thread *pt, unsigned cpu, bool away)
{
	cpu_set_t set;

	if (away) {
		set = trap.cpus;
		CPU_CLR(cpu, &set);
	} else {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	sched_setaffinity(0, sizeof(set), &set);
	pt->pace.cpu = away ? -1 : (int)cpu;
}

/* Holds the guest's thread on cpu, or (cpu < 0) lets it go. */
static void hold_guest(struct pt_thread *pt, int cpu)
{
	cpu_set_t set = trap.cpus;

	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned)cpu, &set);
	}
	pt->pace.pinned = cpu >= 0;
	thread_affinity(pt, &set);
}

static void stop_spinning(struct pt_thread *pt, uint64_t now, bool failed)
{
	struct pace *p = &pt->pace;

	p->spins = false;
	pt->slot->spin = 0;
	p->calls = 0;
	p->sum = 0;
	p->skip = SETTLE;
	if (failed) {
		p->backoff = MIN(MAX(p->backoff * 2, BACKOFF_MIN), BACKOFF_MAX);
		p->retest = RETEST_MIN;
		p->next = now + p->backoff;
	}
}

static void start_spinning(struct pt_thread *pt, unsigned cpu, uint64_t now)
{
	struct pace *p = &pt->pace;

	if (p->pinned)
		hold_guest(pt, -1);
	place_self(pt, cpu, true);
	p->spins = true;
	p->since = now;
	p->won = 0;
	p->skip = SETTLE;
	pt->slot->spin = STUB_POLLS;
}

/* A window of WINDOW calls is full. */
static void judge(struct pt_thread *pt, unsigned cpu, uint64_t now)
{
	struct pace *p = &pt->pace;
	uint64_t mean = p->sum / WINDOW;

	p->calls = 0;
	p->sum = 0;
	if (!p->spins) {
		p->blocking = mean;
		if (mean < HOT_NS && now >= p->next && valid_cpu(cpu) && !crowded())
			start_spinning(pt, cpu, now);
	} else if (mean > p->blocking - p->blocking / 16 || crowded()) {
		stop_spinning(pt, now, true);
	} else {
		if (++p->won == 4)
			p->backoff = 0;
		if (now - p->since > p->retest) {
			stop_spinning(pt, now, false);
			p->retest = MIN(p->retest * 2, RETEST_MAX);
		}
	}
}

void pace_handoff(struct pt_thread *pt, uint64_t now)
{
	struct pace *p = &pt->pace;
	unsigned cpu = pt->slot->cpu;
	uint64_t cycle = now - p->last;

	p->last = now;
	if (trap.usable < 2)
		return;
	if (cycle < OUTLIER_NS) {
		if (p->skip) {
			p->skip--;
		} else {
			p->sum += cycle;
			if (++p->calls == WINDOW)
				judge(pt, cpu, now);
		}
	} else if (cycle > 5 * OUTLIER_NS && !p->spins) {
		p->calls = 0; /* not hot */
		p->sum = 0;
	}
	if (!valid_cpu(cpu))
		return;
	if (p->spins) {
		if ((unsigned)sched_getcpu() == cpu)
			place_self(pt, cpu, true);
		return;
	}
	if (!p->pinned) {
		cpu = fair_cpu(cpu);
		hold_guest(pt, (int)cpu);
		p->pinned_ns = now;
	} else if (now - p->pinned_ns > PIN_NS) {
		hold_guest(pt, -1);
	}
	if ((int)cpu != p->cpu)
		place_self(pt, cpu, false);
}

bool pace_poll(struct pt_thread *pt)
{
	struct pace *p = &pt->pace;
	uint64_t t = p->last, prev = t, limit = t + OUTLIER_NS;

	if (p->skip) { /* the two have just been moved */
		t = monotonic_ns();
		limit = t + 5 * OUTLIER_NS;
	}

	while (t < limit) {
		for (unsigned i = 0; i < 16; i++) {
			if (__atomic_load_n(&pt->slot->turn, __ATOMIC_ACQUIRE) != TURN_STUB)
				return true;
			__builtin_ia32_pause();
		}
		prev = t;
		t = monotonic_ns();
		if (t - prev > GAP_NS)
			break;
	}
	stop_spinning(pt, t, t - prev > GAP_NS || p->won < 4);
	return false;
}

uint64_t pace_hold_end(struct pt_thread *pt)
{
	return pt->pace.pinned ? pt->pace.last + PIN_NS : TIME_FOREVER;
}

void pace_let_go(struct pt_thread *pt)
{
	hold_guest(pt, -1);
}

void pace_init(struct pt_thread *pt)
{
	pt->pace = (struct pace){.cpu = -1, .retest = RETEST_MIN};
}

void pace_adopt(struct pt_thread *pt)
{
	pt->pace.cpu = -1;
	pt->pace.spins = false;
	pt->slot->spin = 0;
}

void pt_stay_on_cpu(bool stay)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	if (!stay) {
		sched_setaffinity(0, sizeof(trap.cpus), &trap.cpus);
	} else if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned)cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
}
