/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and sleeping: clock_*, nanosleep, gettimeofday, time, times. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/times.h>
#include <sys/timex.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

#define USER_HZ 100

long sys_clock_gettime(struct task *t, const struct sysargs *a)
{
	struct timespec ts;
	int r = guest_clock_get(t, arg_int(a, 0), &ts);

	return r < 0 ? r : copy_out(t, arg_uaddr(a, 1), &ts, sizeof(ts));
}

long sys_clock_getres(struct task *t, const struct sysargs *a)
{
	struct timespec ts;
	int r = guest_clock_res(arg_int(a, 0), &ts);

	if (r < 0 || !a->v[1])
		return r;
	return copy_out(t, arg_uaddr(a, 1), &ts, sizeof(ts));
}

/* The clocks are the host's: nobody inside sets them. */
long sys_clock_settime(struct task *t, const struct sysargs *a)
{
	struct timespec ts;
	int r;

	int clock = arg_int(a, 0);
	struct cpu_clock c;

	if (clock < 0) {
		r = cpu_clock_find(t, clock, &c);
		cpu_clock_put(&c);
		if (r < 0)
			return r;
	} else if (clock != CLOCK_REALTIME) {
		return -EINVAL;
	}
	r = copy_in(t, &ts, arg_uaddr(a, 1), sizeof(ts));
	if (r < 0)
		return r;
	if (clock == CLOCK_REALTIME && (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= (long)NSEC_PER_SEC))
		return -EINVAL;
	return -EPERM;
}

/* What the kernel says of its clock: the host keeps it, and nobody inside can tell how well. */
static void clock_state(struct timex *tx, const struct timespec *now)
{
	memset(tx, 0, sizeof(*tx));
	tx->status = STA_UNSYNC | STA_NANO;
	tx->maxerror = tx->esterror = 16000000;
	tx->constant = 2;
	tx->precision = 1;
	tx->tolerance = 32768000;
	tx->tick = 10000;
	tx->time.tv_sec = now->tv_sec;
	tx->time.tv_usec = now->tv_nsec; /* STA_NANO */
}

static long adjust(struct task *t, uaddr_t p)
{
	struct timespec now;
	struct timex tx;
	unsigned modes;
	int r = copy_in(t, &tx, p, sizeof(tx));

	if (r < 0)
		return r;
	modes = tx.modes;
	/* adjtime(3) asks with ADJ_OFFSET_SS_READ. */
	if (modes & 0x8000) {
		if ((modes & ADJ_OFFSET_SINGLESHOT) != ADJ_OFFSET_SINGLESHOT)
			return -EINVAL;
		if (!(modes & 0x2000))
			return -EPERM;
	} else if (modes) {
		return -EPERM;
	}
	r = guest_clock_get(t, CLOCK_REALTIME, &now);
	if (r < 0)
		return r;
	clock_state(&tx, &now);
	tx.modes = modes;
	r = copy_out(t, p, &tx, sizeof(tx));
	return r < 0 ? r : TIME_ERROR;
}

long sys_adjtimex(struct task *t, const struct sysargs *a)
{
	return adjust(t, arg_uaddr(a, 0));
}

long sys_clock_adjtime(struct task *t, const struct sysargs *a)
{
	struct timespec ts;
	int clock = arg_int(a, 0);

	if (clock == CLOCK_REALTIME)
		return adjust(t, arg_uaddr(a, 1));
	return guest_clock_res(clock, &ts) < 0 ? -EINVAL : -EOPNOTSUPP;
}

long sys_settimeofday(struct task *t, const struct sysargs *a)
{
	int64_t tv[2];

	if (a->v[0]) {
		if (copy_in(t, tv, arg_uaddr(a, 0), sizeof(tv)) < 0)
			return -EFAULT;
		if (tv[1] < 0 || tv[1] > 999999)
			return -EINVAL;
	}
	return -EPERM;
}

long sys_gettimeofday(struct task *t, const struct sysargs *a)
{
	int32_t tz[2] = {0, 0};
	struct timespec ts;
	int64_t tv[2];
	int r = guest_clock_get(t, CLOCK_REALTIME, &ts);

	if (r < 0)
		return r;
	tv[0] = ts.tv_sec;
	tv[1] = ts.tv_nsec / 1000;
	if (a->v[0] && copy_out(t, arg_uaddr(a, 0), tv, sizeof(tv)) < 0)
		return -EFAULT;
	if (a->v[1] && copy_out(t, arg_uaddr(a, 1), tz, sizeof(tz)) < 0)
		return -EFAULT;
	return 0;
}

long sys_time(struct task *t, const struct sysargs *a)
{
	struct timespec ts;
	uint64_t now;
	int r = guest_clock_get(t, CLOCK_REALTIME_COARSE, &ts);

	if (r < 0)
		return r;
	now = (uint64_t)ts.tv_sec;
	if (a->v[0] && put_u64(t, arg_uaddr(a, 0), now) < 0)
		return -EFAULT;
	return (long)now;
}

static clock_t ticks_tv(const struct timeval *tv)
{
	return tv->tv_sec * USER_HZ + tv->tv_usec / (1000000 / USER_HZ);
}

long sys_times(struct task *t, const struct sysargs *a)
{
	uint64_t user, sys, now;
	struct timespec ts;
	struct tms b;
	int r = guest_clock_get(t, CLOCK_MONOTONIC, &ts);

	if (r < 0)
		return r;
	now = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	group_cputime(t->tg, &user, &sys);
	b.tms_utime = (clock_t)(user / (NSEC_PER_SEC / USER_HZ));
	b.tms_stime = (clock_t)(sys / (NSEC_PER_SEC / USER_HZ));
	mutex_lock(&tasklist_lock);
	b.tms_cutime = ticks_tv(&t->tg->child_ru.ru_utime);
	b.tms_cstime = ticks_tv(&t->tg->child_ru.ru_stime);
	mutex_unlock(&tasklist_lock);
	if (a->v[0] && copy_out(t, arg_uaddr(a, 0), &b, sizeof(b)) < 0)
		return -EFAULT;
	return (long)(now / (NSEC_PER_SEC / USER_HZ));
}

/* --- sleeping --- */

static int sleep_until(struct task *t, uint64_t deadline)
{
	int r;

	do {
		sleeper_prepare(&t->sleeper);
		r = sleeper_sleep(&t->sleeper, deadline, SLEEP_INTERRUPTIBLE);
	} while (r == 0);
	return r == -ETIMEDOUT ? 0 : r;
}

static long sleep_restart(struct task *t, struct restart_block *rb)
{
	long r = sleep_until(t, rb->nanosleep.deadline);

	if (r != -ERESTARTSYS)
		return r;
	if (copy_out_left(t, uaddr(rb->nanosleep.rmtp), rb->nanosleep.deadline, now_ns()) < 0)
		return -EFAULT;
	rb->fn = sleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long do_sleep(struct task *t, int clock, bool absolute, uaddr_t req, uint64_t rmtp)
{
	uint64_t deadline, ns;
	long r = copy_in_timespec(t, req, &ns);

	if (r == 0)
		r = guest_clock_deadline(clock, MIN(ns, (uint64_t)INT64_MAX), absolute, &deadline);
	if (r == 0)
		r = sleep_until(t, deadline);
	if (r != -ERESTARTSYS)
		return r;
	if (absolute)
		return -ERESTARTNOHAND;
	if (copy_out_left(t, uaddr(rmtp), deadline, now_ns()) < 0)
		return -EFAULT;
	t->restart.nanosleep.deadline = deadline;
	t->restart.nanosleep.rmtp = rmtp;
	t->restart.fn = sleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

/* --- sleeping on CPU time --- */

static long cpu_sleep_until(struct task *t, int clock, uint64_t target)
{
	uint64_t now, pause = 0;
	struct cpu_clock c;
	int r = cpu_clock_find(t, clock, &c);

	while (r == 0 && (now = cpu_clock_now(&c)) < target) {
		/* Nobody says when CPU time has been used: look when it can have been, more seldom while nothing runs. */
		uint64_t next = cpu_clock_earliest(&c, target - now);

		sleeper_prepare(&t->sleeper);
		r = sleeper_sleep(&t->sleeper, next + pause, SLEEP_INTERRUPTIBLE);
		if (r == -ETIMEDOUT)
			r = 0;
		pause = cpu_clock_now(&c) > now ? 0 : MIN(pause * 2 + 1000000, 50000000ULL);
	}
	cpu_clock_put(&c);
	return r;
}

static int put_cpu_left(struct task *t, int clock, uint64_t to, uint64_t target)
{
	struct cpu_clock c;
	int r = cpu_clock_find(t, clock, &c);

	if (r == 0)
		r = copy_out_left(t, uaddr(to), target, cpu_clock_now(&c));
	cpu_clock_put(&c);
	return r;
}

static long cpu_sleep_restart(struct task *t, struct restart_block *rb)
{
	long r = cpu_sleep_until(t, rb->nanosleep.clock, rb->nanosleep.deadline);

	if (r != -ERESTARTSYS)
		return r;
	if (put_cpu_left(t, rb->nanosleep.clock, rb->nanosleep.rmtp, rb->nanosleep.deadline) < 0)
		return -EFAULT;
	rb->fn = cpu_sleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long do_cpu_sleep(struct task *t, int clock, bool absolute, uaddr_t req, uint64_t rmtp)
{
	struct cpu_clock c;
	uint64_t target;
	bool own;
	long r = copy_in_timespec(t, req, &target);

	if (r == 0)
		r = cpu_clock_find(t, clock, &c);
	if (r < 0)
		return r;
	own = c.t == t; /* it would never wake */
	target = MIN(target, (uint64_t)INT64_MAX);
	if (!absolute)
		target += cpu_clock_now(&c);
	cpu_clock_put(&c);
	if (own)
		return -EINVAL;
	r = cpu_sleep_until(t, clock, target);
	if (r != -ERESTARTSYS)
		return r;
	if (absolute)
		return -ERESTARTNOHAND;
	if (put_cpu_left(t, clock, rmtp, target) < 0)
		return -EFAULT;
	t->restart.nanosleep.clock = clock;
	t->restart.nanosleep.deadline = target;
	t->restart.nanosleep.rmtp = rmtp;
	t->restart.fn = cpu_sleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

long sys_nanosleep(struct task *t, const struct sysargs *a)
{
	return do_sleep(t, CLOCK_MONOTONIC, false, arg_uaddr(a, 0), a->v[1]);
}

long sys_clock_nanosleep(struct task *t, const struct sysargs *a)
{
	int clock = arg_int(a, 0);

	if (clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID)
		return do_cpu_sleep(t, clock, a->v[1] & TIMER_ABSTIME, arg_uaddr(a, 2), a->v[3]);
	if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	if (guest_clock_may_wait(t, clock) < 0)
		return -EPERM;
	return do_sleep(t, clock, a->v[1] & TIMER_ABSTIME, arg_uaddr(a, 2), a->v[3]);
}
