/* SPDX-License-Identifier: Apache-2.0 */
/* timer_create, timer_settime, timer_gettime, timer_getoverrun, timer_delete. A timer's signal waits once; what comes
 * while it waits is counted in it as overrun. */
#include <errno.h>
#include <limits.h>
#include <linux/time_types.h>
#include <signal.h>
#include "kernel/signal/internal.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/usercopy.h"

#define SHORTEST_NS 50000ULL /* between two turns of a timer: what comes in between is overrun */

struct ptimer {
	struct list_head node; /* of tg->posix_timers, under timers_lock */
	struct timer timer;
	struct thread_group *tg; /* borrowed: cancelled before the group goes */
	struct task *to;	 /* SIGEV_THREAD_ID: with a reference, else NULL */
	int id, clock, notify, sig;
	sigval_t value;
	struct cpu_clock cpu; /* of a timer on CPU time, else empty */
	uint64_t target;      /* when it fires, on that clock; 0: not armed */
	uint64_t interval; /* ns; under timers_lock, like what follows */
	uint64_t late;	   /* ns that an absolute time had gone by when it was set */
	unsigned overrun;  /* since the last signal was queued */
};
static struct mutex timers_lock = MUTEX_INIT(RANK_TASK, "posix timers");

static void send(struct thread_group *tg, struct task *to, const siginfo_t *si)
{
	if (to)
		(void)send_signal_task(to, si->si_signo, si);
	else
		(void)send_signal_group(tg, si->si_signo, si);
}

static bool is_cpu(const struct ptimer *p)
{
	return p->cpu.t || p->cpu.tg;
}

/* A timer on CPU time was due to look: false when it is not time yet. *missed: turns that went by at once. timers_lock held. */
static bool cpu_expired(struct ptimer *p, uint64_t cpu, uint64_t *missed)
{
	if (!p->target)
		return false; /* disarmed meanwhile */
	if (cpu >= p->target) {
		*missed = p->interval ? (cpu - p->target) / p->interval : 0;
		p->target = p->interval ? p->target + (*missed + 1) * p->interval : 0;
		if (p->target && timer_arm(&p->timer, cpu_clock_earliest(&p->cpu, p->target - cpu)) < 0)
			p->target = 0;
		return true;
	}
	if (timer_arm(&p->timer, cpu_clock_earliest(&p->cpu, p->target - cpu)) < 0)
		p->target = 0;
	return false;
}

static void fire(struct timer *tm)
{
	struct ptimer *p = container_of(tm, struct ptimer, timer);
	uint64_t now = now_ns(), missed = 0, next, cpu = is_cpu(p) ? cpu_clock_now(&p->cpu) : 0;
	siginfo_t si = {0};
	bool waits;

	mutex_lock(&timers_lock);
	if (is_cpu(p)) {
		if (!cpu_expired(p, cpu, &missed)) {
			mutex_unlock(&timers_lock);
			return;
		}
	} else if (p->interval) {
		next = tm->expires + p->interval;
		if (next < now + SHORTEST_NS)
			next += (now + SHORTEST_NS - next) / p->interval * p->interval;
		missed = (next - tm->expires) / p->interval - 1 + p->late / p->interval;
		p->late = 0;
		if (timer_arm(tm, next) < 0)
			p->interval = 0;
	}
	si.si_signo = p->sig;
	si.si_code = SI_TIMER;
	si.si_timerid = p->id;
	si.si_value = p->value;
	mutex_unlock(&timers_lock);
	if (p->notify == SIGEV_NONE)
		return;
	waits = signal_timer_waits(p->tg, p->to, p->sig, p->id, (unsigned)MIN(missed + 1, INT_MAX));
	mutex_lock(&timers_lock);
	p->overrun = (unsigned)MIN((waits ? p->overrun + 1ULL : 0) + missed, INT_MAX);
	si.si_overrun = (int)p->overrun;
	mutex_unlock(&timers_lock);
	if (!waits)
		send(p->tg, p->to, &si);
}

/* timers_lock held. */
static struct ptimer *find(struct thread_group *tg, int id)
{
	struct ptimer *p;

	list_for_each_entry(p, &tg->posix_timers, node)
		if (p->id == id)
			return p;
	return NULL;
}

/* p is in no list any more. */
static void destroy(struct ptimer *p)
{
	timer_cancel(&p->timer);
	if (p->to)
		task_put(p->to);
	cpu_clock_put(&p->cpu);
	free(p);
}

void posix_timers_exit(struct thread_group *tg)
{
	struct ptimer *p;

	for (;;) {
		mutex_lock(&timers_lock);
		p = list_empty(&tg->posix_timers) ?
			    NULL :
			    list_first_entry(&tg->posix_timers, struct ptimer, node);
		if (p)
			list_del(&p->node);
		mutex_unlock(&timers_lock);
		if (!p)
			return;
		destroy(p);
	}
}

static int set_event(struct task *t, struct ptimer *p, uint64_t uevent)
{
	struct sigevent ev;
	int r;

	p->notify = SIGEV_SIGNAL;
	p->sig = SIGALRM;
	if (!uevent)
		return 0;
	r = copy_in(t, &ev, uaddr(uevent), sizeof(ev));
	if (r < 0)
		return r;
	p->notify = ev.sigev_notify;
	p->sig = ev.sigev_signo;
	p->value = ev.sigev_value;
	if (p->notify == SIGEV_NONE)
		return 0;
	if (p->sig < 1 || p->sig > NSIG_GUEST)
		return -EINVAL;
	if (p->notify == (SIGEV_SIGNAL | SIGEV_THREAD_ID)) {
		p->to = task_find_get(task_pid_ns(t), ev._sigev_un._tid);
		return p->to && p->to->tg == t->tg ? 0 : -EINVAL;
	}
	return p->notify == SIGEV_SIGNAL || p->notify == SIGEV_THREAD ? 0 : -EINVAL;
}

/* Puts p into the group's list under the lowest free number. */
static int enter(struct task *t, struct ptimer *p, bool own_value)
{
	uint64_t limit = task_rlimit(t, RLIMIT_SIGPENDING), n = 0;
	struct ptimer *x;

	MUTEX_GUARD(&timers_lock);
	list_for_each_entry(x, &t->tg->posix_timers, node)
		n++;
	if (n >= limit || n >= INT_MAX)
		return -EAGAIN;
	while (find(t->tg, p->id))
		p->id++;
	if (!own_value)
		p->value.sival_int = p->id;
	list_add_tail(&p->node, &t->tg->posix_timers);
	return p->id;
}

long sys_timer_create(struct task *t, const struct sysargs *a)
{
	int clock = arg_int(a, 0), r, id;
	struct ptimer *p;

	bool cpu = clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;

	if (guest_clock_may_wait(t, clock) < 0)
		return -EPERM;
	if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	if (!cpu && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_TAI &&
	    clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->tg = t->tg;
	p->clock = clock;
	timer_init(&p->timer, fire);
	r = cpu ? cpu_clock_find(t, clock, &p->cpu) : 0;
	if (r == 0)
		r = set_event(t, p, a->v[1]);
	r = r == 0 ? enter(t, p, a->v[1] != 0) : r;
	if (r < 0) {
		destroy(p);
		return r;
	}
	id = r;
	r = copy_out(t, arg_uaddr(a, 2), &id, sizeof(id));
	if (r < 0) {
		mutex_lock(&timers_lock);
		p = find(t->tg, id); /* another thread may have deleted it */
		if (p)
			list_del(&p->node);
		mutex_unlock(&timers_lock);
		if (p)
			destroy(p);
	}
	return r;
}

/* cpu: what a CPU clock says now. timers_lock held. */
static struct __kernel_itimerspec read_timer(struct ptimer *p, uint64_t cpu)
{
	uint64_t e = is_cpu(p) ? p->target : timer_expires(&p->timer), now = is_cpu(p) ? cpu : now_ns();
	uint64_t left = !e ? 0 : e > now ? e - now : 1;

	return (struct __kernel_itimerspec){
		.it_interval = {(long long)(p->interval / NSEC_PER_SEC), (long long)(p->interval % NSEC_PER_SEC)},
		.it_value = {(long long)(left / NSEC_PER_SEC), (long long)(left % NSEC_PER_SEC)}};
}

/* The CPU time of timer id, or 0: asked before timers_lock, which ranks above what that takes. */
static uint64_t cpu_of(struct task *t, int id)
{
	struct cpu_clock c = {0};
	struct ptimer *p;
	uint64_t now;

	mutex_lock(&timers_lock);
	p = find(t->tg, id);
	if (p && is_cpu(p)) {
		c = p->cpu;
		if (c.t)
			(void)task_get(c.t);
		else
			(void)tg_get(c.tg);
	}
	mutex_unlock(&timers_lock);
	now = c.t || c.tg ? cpu_clock_now(&c) : 0;
	cpu_clock_put(&c);
	return now;
}

static int arm(struct ptimer *p, uint64_t value, bool absolute, uint64_t cpu)
{
	uint64_t deadline, ns;
	struct timespec now;
	int r;

	if (is_cpu(p)) {
		p->target = absolute ? MAX(value, 1UL) : cpu + value;
		return timer_arm(&p->timer, p->target > cpu ? cpu_clock_earliest(&p->cpu, p->target - cpu) : now_ns());
	}
	p->late = 0;
	if (absolute && guest_clock_get(current, p->clock, &now) == 0) {
		ns = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
		p->late = ns > value ? ns - value : 0;
	}
	r = guest_clock_deadline(p->clock, value, absolute, &deadline);
	return r == 0 ? timer_arm(&p->timer, deadline) : r;
}

static int to_ns(const struct __kernel_timespec *ts, uint64_t *ret)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long long)NSEC_PER_SEC)
		return -EINVAL;
	*ret = (uint64_t)MIN(ts->tv_sec, 9000000000LL) * NSEC_PER_SEC + (uint64_t)ts->tv_nsec;
	return 0;
}

long sys_timer_settime(struct task *t, const struct sysargs *a)
{
	uint64_t value = 0, interval = 0, cpu;
	struct __kernel_itimerspec new, old;
	struct ptimer *p;
	int r;

	if (!a->v[2])
		return -EINVAL;
	r = copy_in(t, &new, arg_uaddr(a, 2), sizeof(new));
	if (r == 0)
		r = to_ns(&new.it_value, &value);
	if (r == 0)
		r = to_ns(&new.it_interval, &interval);
	if (r < 0)
		return r;
	cpu = cpu_of(t, arg_int(a, 0));
	mutex_lock(&timers_lock);
	p = find(t->tg, arg_int(a, 0));
	r = p ? 0 : -EINVAL;
	if (p) {
		old = read_timer(p, cpu);
		(void)timer_disarm(&p->timer);
		p->target = 0;
		p->interval = value ? interval : 0;
		p->overrun = 0;
		if (value)
			r = arm(p, value, arg_int(a, 1) & TIMER_ABSTIME, cpu);
	}
	mutex_unlock(&timers_lock);
	if (r == 0 && a->v[3])
		r = copy_out(t, arg_uaddr(a, 3), &old, sizeof(old));
	return r;
}

long sys_timer_gettime(struct task *t, const struct sysargs *a)
{
	uint64_t cpu = cpu_of(t, arg_int(a, 0));
	struct __kernel_itimerspec now;
	struct ptimer *p;

	mutex_lock(&timers_lock);
	p = find(t->tg, arg_int(a, 0));
	if (p)
		now = read_timer(p, cpu);
	mutex_unlock(&timers_lock);
	return p ? copy_out(t, arg_uaddr(a, 1), &now, sizeof(now)) : -EINVAL;
}

long sys_timer_getoverrun(struct task *t, const struct sysargs *a)
{
	struct ptimer *p;

	MUTEX_GUARD(&timers_lock);
	p = find(t->tg, arg_int(a, 0));
	return p ? (long)p->overrun : -EINVAL;
}

long sys_timer_delete(struct task *t, const struct sysargs *a)
{
	struct ptimer *p;

	mutex_lock(&timers_lock);
	p = find(t->tg, arg_int(a, 0));
	if (p)
		list_del(&p->node);
	mutex_unlock(&timers_lock);
	if (!p)
		return -EINVAL;
	destroy(p);
	return 0;
}
