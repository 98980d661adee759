/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/time/clock.h"
#include "kernel/time/vclock.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/time_types.h>
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#define SECONDS_MAX 9000000000LL /* below 2^63 ns */

int copy_in_timespec(struct task *t, uaddr_t p, uint64_t *ret)
{
	struct __kernel_timespec ts;
	int r = copy_in(t, &ts, p, sizeof(ts));

	if (r < 0)
		return r;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= (long long)NSEC_PER_SEC)
		return -EINVAL;
	*ret = ts.tv_sec > SECONDS_MAX ? TIME_FOREVER : (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	return 0;
}

int copy_in_deadline(struct task *t, uaddr_t p, uint64_t *ret)
{
	int r = 0;

	*ret = TIME_FOREVER;
	if (!uaddr_null(p))
		r = copy_in_timespec(t, p, ret);
	if (r == 0 && *ret && *ret != TIME_FOREVER)
		*ret += now_ns();
	return r;
}

int copy_out_left(struct task *t, uaddr_t p, uint64_t target, uint64_t now)
{
	uint64_t left = target > now ? target - now : 0;
	struct __kernel_timespec ts = {(long long)(left / NSEC_PER_SEC), (long long)(left % NSEC_PER_SEC)};

	return uaddr_null(p) ? 0 : copy_out(t, p, &ts, sizeof(ts));
}

static uint64_t tv_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * NSEC_PER_SEC + (uint64_t)tv->tv_usec * 1000;
}

void task_cputime(struct task *t, uint64_t *user, uint64_t *sys)
{
	uint64_t in = __atomic_load_n(&t->guest_since, __ATOMIC_RELAXED), now = now_ns();
	clockid_t host = __atomic_load_n(&t->host_clock, __ATOMIC_ACQUIRE);
	struct timespec ts;

	*user = __atomic_load_n(&t->utime, __ATOMIC_RELAXED);
	if (in && now > in)
		*user += now - in;
	/* Looked at again: the clock of a thread that has ended meanwhile may be another's by now. */
	if (host && clock_gettime(host, &ts) == 0 && __atomic_load_n(&t->host_clock, __ATOMIC_ACQUIRE) == host)
		*sys = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	else
		*sys = __atomic_load_n(&t->stime, __ATOMIC_RELAXED);
}

void group_cputime(struct thread_group *tg, uint64_t *user, uint64_t *sys)
{
	struct task *x;
	uint64_t u, s;

	mutex_lock(&tasklist_lock);
	*user = tv_ns(&tg->self_ru.ru_utime);
	*sys = tv_ns(&tg->self_ru.ru_stime);
	list_for_each_entry(x, &tg->threads, thread_node) {
		if (x->accounted)
			continue;
		task_cputime(x, &u, &s);
		*user += u;
		*sys += s;
	}
	mutex_unlock(&tasklist_lock);
}

static void to_ts(uint64_t ns, struct timespec *ts)
{
	ts->tv_sec = (time_t)(ns / NSEC_PER_SEC);
	ts->tv_nsec = (long)(ns % NSEC_PER_SEC);
}

/* The clock id of a process or thread: ~pid << 3, bit 2 set for a thread (clock_getcpuclockid(3)); low bits: the kind. */
int cpu_clock_find(struct task *t, int clock, struct cpu_clock *ret)
{
	int nr = 0;
	struct task *x;

	*ret = (struct cpu_clock){0};
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID) {
		clock = clock == CLOCK_THREAD_CPUTIME_ID ? 4 | 2 : 2;
	} else {
		nr = ~(clock >> 3);
		if (clock >= 0 || (clock & 3) == 3 || nr < 0)
			return -EINVAL;
	}
	x = nr ? task_find_get(task_pid_ns(t), nr) : task_get(t);
	if (!x)
		return -EINVAL;
	if (clock & 4 ? x->tg != t->tg : nr && x != x->tg->leader) {
		task_put(x);
		return -EINVAL;
	}
	ret->user = (clock & 3) == 1;
	if (clock & 4) {
		ret->t = x;
	} else {
		ret->tg = tg_get(x->tg);
		task_put(x);
	}
	return 0;
}

void cpu_clock_put(struct cpu_clock *c)
{
	task_put(c->t);
	tg_put(c->tg);
	*c = (struct cpu_clock){0};
}

uint64_t cpu_clock_now(const struct cpu_clock *c)
{
	uint64_t user, sys;

	if (c->t)
		task_cputime(c->t, &user, &sys);
	else
		group_cputime(c->tg, &user, &sys);
	return c->user ? user : user + sys;
}

uint64_t cpu_clock_earliest(const struct cpu_clock *c, uint64_t left)
{
	int live = c->t ? 1 : __atomic_load_n(&c->tg->live, __ATOMIC_RELAXED);

	return now_ns() + MAX(left / (uint64_t)(live > 0 ? live : 1), 1000000ULL);
}

/* What the task's time namespace adds to the host's clock. */
static int64_t clock_offset(struct task *t, int clock)
{
	const struct time_namespace *ns = t && t->nsproxy ? t->nsproxy->time : NULL;

	if (!ns)
		return 0;
	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		return ns->monotonic;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return ns->boottime;
	}
	return 0;
}

static int host_clock(struct task *t, int clock, struct timespec *ret)
{
	int64_t off = clock_offset(t, clock);

	if (!vclock_get(clock, ret) && clock_gettime(clock, ret) < 0)
		return -errno;
	if (off)
		to_ts((uint64_t)(ret->tv_sec * (int64_t)NSEC_PER_SEC + ret->tv_nsec + off), ret);
	return 0;
}

int guest_clock_get(struct task *t, int clock, struct timespec *ret)
{
	struct cpu_clock c;
	int r;

	if (clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID) {
		r = cpu_clock_find(t, clock, &c);
		if (r == 0)
			to_ts(cpu_clock_now(&c), ret);
		cpu_clock_put(&c);
		return r;
	}
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
	case CLOCK_TAI:
		return host_clock(t, clock, ret);
	}
	return -EINVAL;
}

int guest_clock_res(int clock, struct timespec *ret)
{
	if (clock < 0) {
		if ((clock & 3) == 3)
			return -EINVAL;
		to_ts(1, ret);
		return 0;
	}
	if (clock > CLOCK_TAI || clock == 10)
		return -EINVAL;
	return RET_NERRNO(clock_getres(clock, ret));
}

int guest_clock_may_wait(struct task *t, int clock)
{
	bool alarm = clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;

	return alarm && !capable(t->cred, CAP_WAKE_ALARM) ? -EPERM : 0;
}

int guest_clock_deadline(int clock, uint64_t ns, bool absolute, uint64_t *ret)
{
	struct timespec ts;
	int64_t off = absolute ? clock_offset(current, clock) : 0;
	uint64_t now = now_ns(), here;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		break;
	case CLOCK_REALTIME_ALARM: /* nothing here sleeps so deep that it must be woken */
		clock = CLOCK_REALTIME;
		break;
	case CLOCK_BOOTTIME_ALARM:
		clock = CLOCK_BOOTTIME;
		break;
	default:
		return -EINVAL;
	}
	if (off > 0)
		ns = ns > (uint64_t)off ? ns - (uint64_t)off : 0;
	else if (off < 0)
		ns = ns > TIME_FOREVER - (uint64_t)-off ? TIME_FOREVER : ns + (uint64_t)-off;
	if (absolute && clock == CLOCK_MONOTONIC) {
		*ret = ns;
		return 0;
	}
	if (absolute) {
		clock_gettime(clock, &ts);
		here = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
		ns = ns > here ? ns - here : 0;
	}
	*ret = ns > TIME_FOREVER - 1 - now ? TIME_FOREVER : now + ns;
	return 0;
}
