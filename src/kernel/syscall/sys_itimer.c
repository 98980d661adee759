/* SPDX-License-Identifier: Apache-2.0 */
/* getitimer, setitimer, alarm. The CPU timers look at the group's time when it may have come. */
#include <errno.h>
#include <sys/time.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/usercopy.h"

struct itimer {
	struct timer timer;
	struct thread_group *tg; /* borrowed: the timer is cancelled before the group goes */
	int which;
	uint64_t interval; /* ns; under itimer_lock */
	uint64_t target;   /* CPU timers: fires at this CPU time, 0 not armed */
};
#define CPU_LIMIT 3 /* no timer of the guest's: watches RLIMIT_CPU */
static struct mutex itimer_lock = MUTEX_INIT(RANK_TASK, "itimers");

static uint64_t cpu_now(struct thread_group *tg, int which)
{
	uint64_t user, sys;

	group_cputime(tg, &user, &sys);
	return which == ITIMER_VIRTUAL ? user : user + sys;
}

/* When n ns of CPU time may have been used at the earliest, given the threads there are. */
static uint64_t cpu_earliest(struct thread_group *tg, uint64_t n)
{
	int live = __atomic_load_n(&tg->live, __ATOMIC_RELAXED);
	uint64_t d = n / (uint64_t)(live > 0 ? live : 1);

	return now_ns() + MAX(d, 1000000ULL);
}

/* Looks at the group's limit: SIGXCPU at the soft one and, raising it, at each second after it; SIGKILL at the hard one. */
static void cpu_limit_due(struct itimer *it, uint64_t cpu)
{
	struct rlimit *l = &it->tg->rlim[RLIMIT_CPU];
	uint64_t soft, hard, next;
	int sig = 0;

	mutex_lock(&tasklist_lock);
	soft = l->rlim_cur;
	hard = l->rlim_max;
	if (hard != RLIM_INFINITY && cpu / NSEC_PER_SEC >= hard) {
		sig = SIGKILL;
	} else if (soft != RLIM_INFINITY && cpu / NSEC_PER_SEC >= soft) {
		sig = SIGXCPU;
		__atomic_store_n(&l->rlim_cur, ++soft, __ATOMIC_RELAXED);
	}
	mutex_unlock(&tasklist_lock);
	next = MIN(soft, hard);
	mutex_lock(&itimer_lock);
	it->target = 0;
	if (sig != SIGKILL && next < UINT64_MAX / NSEC_PER_SEC) {
		it->target = next * NSEC_PER_SEC;
		if (timer_arm(&it->timer, cpu_earliest(it->tg, it->target > cpu ? it->target - cpu : 0)) < 0)
			it->target = 0;
	}
	mutex_unlock(&itimer_lock);
	if (sig)
		(void)send_signal_group(it->tg, sig, NULL);
}

static void fire(struct timer *tm)
{
	static const int sigs[3] = {SIGALRM, SIGVTALRM, SIGPROF};
	struct itimer *it = container_of(tm, struct itimer, timer);
	uint64_t cpu = it->which == ITIMER_REAL ? 0 : cpu_now(it->tg, it->which), next = 0;
	bool send = true;

	if (it->which == CPU_LIMIT) {
		cpu_limit_due(it, cpu);
		return;
	}
	mutex_lock(&itimer_lock);
	if (it->which == ITIMER_REAL) {
		if (it->interval)
			next = MAX(tm->expires + it->interval, now_ns());
	} else if (cpu < it->target) {
		next = cpu_earliest(it->tg, it->target - cpu);
		send = false;
	} else if (it->interval) {
		it->target = MAX(it->target + it->interval, cpu);
		next = cpu_earliest(it->tg, it->target - cpu);
	} else {
		send = it->target != 0;
		it->target = 0;
	}
	if (next && timer_arm(tm, next) < 0)
		it->target = 0;
	mutex_unlock(&itimer_lock);
	if (send)
		(void)send_signal_group(it->tg, sigs[it->which], NULL);
}

static struct itimer *get_itimer(struct thread_group *tg, int which, bool make)
{
	struct timer **slot = &tg->itimer[which];
	struct itimer *it;

	MUTEX_GUARD(&itimer_lock);
	if (!*slot && make) {
		it = calloc(1, sizeof(*it));
		if (!it)
			return NULL;
		timer_init(&it->timer, fire);
		it->tg = tg;
		it->which = which;
		*slot = &it->timer;
	}
	return *slot ? container_of(*slot, struct itimer, timer) : NULL;
}

void itimers_exit(struct thread_group *tg)
{
	for (int i = 0; i <= CPU_LIMIT; i++) {
		struct timer *tm = tg->itimer[i];

		if (!tm)
			continue;
		timer_cancel(tm);
		tg->itimer[i] = NULL;
		free(container_of(tm, struct itimer, timer));
	}
}

int cpu_limit_watch(struct thread_group *tg)
{
	bool none = tg->rlim[RLIMIT_CPU].rlim_cur == RLIM_INFINITY && tg->rlim[RLIMIT_CPU].rlim_max == RLIM_INFINITY;
	struct itimer *it;

	if (none && !__atomic_load_n(&tg->itimer[CPU_LIMIT], __ATOMIC_RELAXED))
		return 0;
	it = get_itimer(tg, CPU_LIMIT, !none);
	if (!it)
		return none ? 0 : -ENOMEM;
	return timer_arm(&it->timer, now_ns()); /* it looks, and knows when to look again */
}

/* Time left and interval, ns. itimer lock held. */
static void read_itimer(struct itimer *it, uint64_t cpu, uint64_t *left, uint64_t *interval)
{
	uint64_t e, now = now_ns();

	*interval = it->interval;
	if (it->which == ITIMER_REAL) {
		e = timer_expires(&it->timer);
		*left = e ? (e > now ? e - now : 1000) : 0;
	} else {
		*left = it->target ? (it->target > cpu ? it->target - cpu : 1000) : 0;
	}
}

static int set_itimer(struct task *t, int which, uint64_t value, uint64_t interval, uint64_t *oleft,
		      uint64_t *ointerval)
{
	struct itimer *it = get_itimer(t->tg, which, true);
	uint64_t cpu = which == ITIMER_REAL ? 0 : cpu_now(t->tg, which);
	int r = 0;

	if (!it)
		return -ENOMEM;
	MUTEX_GUARD(&itimer_lock);
	read_itimer(it, cpu, oleft, ointerval);
	timer_disarm(&it->timer);
	it->interval = value ? interval : 0;
	it->target = which != ITIMER_REAL && value ? cpu + value : 0;
	if (value)
		r = timer_arm(&it->timer, which == ITIMER_REAL ? now_ns() + value :
								 cpu_earliest(t->tg, value));
	return r;
}

static int to_ns(const struct itimerval *v, uint64_t *value, uint64_t *interval)
{
	const struct timeval *tv[2] = {&v->it_value, &v->it_interval};
	uint64_t ns[2];

	for (int i = 0; i < 2; i++) {
		if (tv[i]->tv_sec < 0 || tv[i]->tv_usec < 0 || tv[i]->tv_usec > 999999)
			return -EINVAL;
		ns[i] = (uint64_t)MIN(tv[i]->tv_sec, 4000000000L) * NSEC_PER_SEC +
			(uint64_t)tv[i]->tv_usec * 1000;
	}
	*value = ns[0];
	*interval = ns[1];
	return 0;
}

static int put_itimer(struct task *t, uaddr_t to, uint64_t left, uint64_t interval)
{
	const struct itimerval v = {
		.it_value = {(time_t)(left / NSEC_PER_SEC),
			     (suseconds_t)(left % NSEC_PER_SEC / 1000)},
		.it_interval = {(time_t)(interval / NSEC_PER_SEC),
				(suseconds_t)(interval % NSEC_PER_SEC / 1000)},
	};

	return copy_out(t, to, &v, sizeof(v));
}

long sys_setitimer(struct task *t, const struct sysargs *a)
{
	uint64_t value = 0, interval = 0, oleft = 0, ointerval = 0;
	struct itimerval v;
	int which = arg_int(a, 0), r;

	if (a->v[1]) {
		r = copy_in(t, &v, arg_uaddr(a, 1), sizeof(v));
		if (r == 0)
			r = to_ns(&v, &value, &interval);
		if (r < 0)
			return r;
	}
	if (which < 0 || which > 2)
		return -EINVAL;
	r = set_itimer(t, which, value, interval, &oleft, &ointerval);
	if (r == 0 && a->v[2])
		r = put_itimer(t, arg_uaddr(a, 2), oleft, ointerval);
	return r;
}

long sys_getitimer(struct task *t, const struct sysargs *a)
{
	uint64_t left = 0, interval = 0, cpu;
	int which = arg_int(a, 0);
	struct itimer *it;

	if (which < 0 || which > 2)
		return -EINVAL;
	it = get_itimer(t->tg, which, false);
	if (it) {
		cpu = which == ITIMER_REAL ? 0 : cpu_now(t->tg, which);
		mutex_lock(&itimer_lock);
		read_itimer(it, cpu, &left, &interval);
		mutex_unlock(&itimer_lock);
	}
	return put_itimer(t, arg_uaddr(a, 1), left, interval);
}

long sys_alarm(struct task *t, const struct sysargs *a)
{
	uint64_t oleft = 0, ointerval;
	int r = set_itimer(t, ITIMER_REAL, arg_u32(a, 0) * NSEC_PER_SEC, 0, &oleft, &ointerval);

	if (r < 0)
		return 0;
	/* Rounded as Linux does: never 0 for an alarm that was set. */
	if (oleft && oleft < NSEC_PER_SEC)
		return 1;
	return (long)((oleft + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}
