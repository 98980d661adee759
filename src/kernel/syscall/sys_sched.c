/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling: kept and reported, since the host schedules. sched_*, getpriority, setpriority, ioprio_*,
 * getcpu. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/usercopy.h"

/* struct sched_attr of the UAPI, whose header cannot be read together with sched.h. */
struct guest_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};
static_assert(sizeof(struct guest_sched_attr) == 56, "struct sched_attr");
#define SCHED_ATTR_VER0 48

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_WHO_USER 3

long sys_sched_yield(struct task *t __unused, const struct sysargs *a __unused)
{
	sched_yield();
	return 0;
}

static int find(struct task *t, int nr, struct task **ret)
{
	if (nr < 0)
		return -EINVAL;
	*ret = nr ? task_find_get(task_pid_ns(t), nr) : task_get(t);
	return *ret ? 0 : -ESRCH;
}

static bool same_owner(struct task *t, struct task *x)
{
	bool ok;

	mutex_lock(&x->lock);
	ok = t->cred->euid.v == x->cred->euid.v || t->cred->euid.v == x->cred->uid.v ||
	     ns_capable(t->cred, x->cred->user_ns, CAP_SYS_NICE);
	mutex_unlock(&x->lock);
	return ok;
}

static void all_cpus(cpu_set_t *s)
{
	CPU_ZERO(s);
	for (unsigned i = 0; i < MIN(kernel.ncpu ? kernel.ncpu : 1U, (unsigned)CPU_SETSIZE); i++)
		CPU_SET(i, s);
}

long sys_sched_getaffinity(struct task *t, const struct sysargs *a)
{
	unsigned ncpu = kernel.ncpu ? kernel.ncpu : 1;
	size_t len = arg_u32(a, 1), n = MIN(len, ALIGN_UP((size_t)(ncpu + 7) / 8, 8UL));
	struct task *x;
	cpu_set_t s;
	int r;

	if (len * 8 < ncpu || (len & 7))
		return -EINVAL;
	r = find(t, arg_int(a, 0), &x);
	if (r < 0)
		return r == -EINVAL ? -ESRCH : r;
	all_cpus(&s);
	mutex_lock(&x->lock);
	if (x->affinity)
		s = *x->affinity;
	mutex_unlock(&x->lock);
	task_put(x);
	r = copy_out(t, arg_uaddr(a, 2), &s, n);
	return r < 0 ? r : (long)n;
}

long sys_sched_setaffinity(struct task *t, const struct sysargs *a)
{
	size_t len = MIN((size_t)arg_u32(a, 1), sizeof(cpu_set_t));
	cpu_set_t s, all;
	struct task *x;
	int r;

	CPU_ZERO(&s);
	r = copy_in(t, &s, arg_uaddr(a, 2), len);
	if (r < 0)
		return r;
	r = find(t, arg_int(a, 0), &x);
	if (r < 0)
		return r == -EINVAL ? -ESRCH : r;
	all_cpus(&all);
	CPU_AND(&s, &s, &all);
	if (!same_owner(t, x))
		r = -EPERM;
	else if (CPU_COUNT(&s) == 0)
		r = -EINVAL;
	if (r == 0) {
		mutex_lock(&x->lock);
		if (!x->affinity)
			x->affinity = malloc(sizeof(*x->affinity));
		if (x->affinity)
			*x->affinity = s;
		else
			r = -ENOMEM;
		mutex_unlock(&x->lock);
	}
	task_put(x);
	return r;
}

static bool known_policy(int p)
{
	return p >= 0 && p <= 6 && p != 4;
}

long sys_sched_get_priority_max(struct task *t __unused, const struct sysargs *a)
{
	int p = arg_int(a, 0);

	if (!known_policy(p))
		return -EINVAL;
	return p == SCHED_FIFO || p == SCHED_RR ? 99 : 0;
}

long sys_sched_get_priority_min(struct task *t __unused, const struct sysargs *a)
{
	int p = arg_int(a, 0);

	if (!known_policy(p))
		return -EINVAL;
	return p == SCHED_FIFO || p == SCHED_RR ? 1 : 0;
}

long sys_sched_getscheduler(struct task *t, const struct sysargs *a)
{
	struct task *x;
	int r = find(t, arg_int(a, 0), &x);

	if (r < 0)
		return r;
	r = (int)x->sched_policy | (x->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	task_put(x);
	return r;
}

long sys_sched_getparam(struct task *t, const struct sysargs *a)
{
	struct task *x;
	int r, prio;

	if (!a->v[1])
		return -EINVAL;
	r = find(t, arg_int(a, 0), &x);
	if (r < 0)
		return r;
	prio = x->rt_priority;
	task_put(x);
	return put_u32(t, arg_uaddr(a, 1), (uint32_t)prio);
}

static bool is_rt(unsigned policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool may_nice(struct task *t, struct task *x, int nice);

/* May the caller, who lacks CAP_SYS_NICE, give x that? */
static bool may_set_policy(struct task *t, struct task *x, unsigned policy, int prio, bool reset)
{
	uint64_t limit = task_rlimit(x, RLIMIT_RTPRIO);

	if (is_rt(policy)) {
		if (policy != x->sched_policy && !limit)
			return false;
		if (prio > x->rt_priority && (uint64_t)prio > limit)
			return false;
	}
	if (x->sched_policy == SCHED_IDLE && policy != SCHED_IDLE && !may_nice(t, x, x->nice))
		return false;
	return !x->reset_on_fork || reset;
}

#define SCHED_DEADLINE_ 6

/* Runtime, deadline and period as sched_setattr(2) wants them; a period of 0 becomes the deadline. */
static bool valid_deadline(uint64_t dl[3])
{
	if (!dl[1] || dl[0] < 1024 || ((dl[1] | dl[2]) >> 63))
		return false;
	if (!dl[2])
		dl[2] = dl[1];
	return dl[2] >= dl[1] && dl[1] >= dl[0] && dl[2] >= 100000 && dl[2] <= 4194304000ULL;
}

/* policy -1: as it is. dl: for SCHED_DEADLINE, or NULL. */
static int set_policy(struct task *t, int nr, int policy, int prio, uint64_t *dl)
{
	bool reset = policy >= 0 && (policy & SCHED_RESET_ON_FORK);
	struct task *x;
	int r = find(t, nr, &x);

	if (r < 0)
		return r;
	if (policy < 0) {
		policy = (int)x->sched_policy;
		reset = x->reset_on_fork;
	}
	policy &= ~SCHED_RESET_ON_FORK;
	if (!known_policy(policy))
		r = -EINVAL;
	else if (policy == SCHED_DEADLINE_ && (!dl || prio || !valid_deadline(dl)))
		r = -EINVAL;
	else if (policy == SCHED_DEADLINE_ && !capable(t->cred, CAP_SYS_NICE))
		r = -EPERM;
	else if (is_rt((unsigned)policy) ? prio < 1 || prio > 99 : prio != 0)
		r = -EINVAL;
	else if (!same_owner(t, x))
		r = -EPERM;
	else if (!capable(t->cred, CAP_SYS_NICE) && !may_set_policy(t, x, (unsigned)policy, prio, reset))
		r = -EPERM;
	if (r == 0) {
		__atomic_store_n(&x->sched_policy, (unsigned)policy, __ATOMIC_RELAXED);
		__atomic_store_n(&x->rt_priority, prio, __ATOMIC_RELAXED);
		__atomic_store_n(&x->reset_on_fork, reset, __ATOMIC_RELAXED);
		mutex_lock(&x->lock);
		for (int i = 0; i < 3; i++)
			x->dl[i] = policy == SCHED_DEADLINE_ ? dl[i] : 0;
		mutex_unlock(&x->lock);
	}
	task_put(x);
	return r;
}

long sys_sched_setscheduler(struct task *t, const struct sysargs *a)
{
	int prio, r;

	if (!a->v[2] || arg_int(a, 1) < 0 || arg_int(a, 0) < 0)
		return -EINVAL;
	r = copy_in(t, &prio, arg_uaddr(a, 2), sizeof(prio));
	return r < 0 ? r : set_policy(t, arg_int(a, 0), arg_int(a, 1), prio, NULL);
}

static int nice_one(struct task *t, struct task *x, int nice);

long sys_sched_setattr(struct task *t, const struct sysargs *a)
{
	struct guest_sched_attr at = {0};
	struct task *x;
	uint32_t size;
	int r;

	if (!a->v[1] || a->v[2])
		return -EINVAL;
	r = copy_in(t, &size, arg_uaddr(a, 1), sizeof(size));
	if (r < 0)
		return r;
	if (!size)
		size = SCHED_ATTR_VER0;
	if (size < SCHED_ATTR_VER0 || size > GUEST_PAGE_SIZE) {
		r = put_u32(t, arg_uaddr(a, 1), sizeof(at)); /* what would have been understood */
		return r < 0 ? r : -E2BIG;
	}
	r = copy_in_struct(t, &at, sizeof(at), arg_uaddr(a, 1), size);
	/* SCHED_FLAG_RESET_ON_FORK, _KEEP_POLICY, _KEEP_PARAMS; clamping needs a scheduler of one's own. */
	if (r == 0 && (at.policy > 6 || (at.flags & ~0x19ULL)))
		r = -EINVAL;
	if (r == 0)
		r = set_policy(t, arg_int(a, 0), at.flags & 8 ? -1 :
				       (int)at.policy | (at.flags & 1 ? SCHED_RESET_ON_FORK : 0), (int)at.priority,
			       (uint64_t[3]){at.runtime, at.deadline, at.period});
	if (r == 0)
		r = find(t, arg_int(a, 0), &x);
	if (r < 0)
		return r;
	if (at.policy != SCHED_IDLE && !is_rt(at.policy) && at.policy != SCHED_DEADLINE_ && !(at.flags & 16) && at.nice != x->nice)
		r = at.nice < -20 || at.nice > 19 ? -EINVAL : nice_one(t, x, at.nice);
	task_put(x);
	return r == -EACCES ? -EPERM : r;
}

long sys_sched_setparam(struct task *t, const struct sysargs *a)
{
	int prio, r;

	if (!a->v[1])
		return -EINVAL;
	if (arg_int(a, 0) < 0)
		return -EINVAL;
	r = copy_in(t, &prio, arg_uaddr(a, 1), sizeof(prio));
	return r < 0 ? r : set_policy(t, arg_int(a, 0), -1, prio, NULL);
}

long sys_sched_rr_get_interval(struct task *t, const struct sysargs *a)
{
	struct timespec ts = {0, 4000000};
	struct task *x;
	int r = find(t, arg_int(a, 0), &x);

	if (r < 0)
		return r;
	if (is_rt(x->sched_policy))
		ts.tv_nsec = x->sched_policy == SCHED_RR ? 100000000 : 0;
	task_put(x);
	return copy_out(t, arg_uaddr(a, 1), &ts, sizeof(ts));
}

long sys_sched_getattr(struct task *t, const struct sysargs *a)
{
	uint32_t size = arg_u32(a, 2);
	struct guest_sched_attr at = {0};
	struct task *x;
	int r;

	if (!a->v[1] || size < SCHED_ATTR_VER0 || size > GUEST_PAGE_SIZE || a->v[3])
		return -EINVAL;
	r = find(t, arg_int(a, 0), &x);
	if (r < 0)
		return r;
	at.size = MIN(size, (uint32_t)sizeof(at));
	at.policy = x->sched_policy;
	at.flags = x->reset_on_fork ? 1 : 0; /* SCHED_FLAG_RESET_ON_FORK */
	if (at.policy == SCHED_DEADLINE_) {
		mutex_lock(&x->lock);
		at.runtime = x->dl[0];
		at.deadline = x->dl[1];
		at.period = x->dl[2];
		mutex_unlock(&x->lock);
	}
	if (is_rt(at.policy))
		at.priority = (uint32_t)x->rt_priority;
	else if (at.policy != SCHED_DEADLINE_)
		at.nice = x->nice;
	task_put(x);
	return copy_out(t, arg_uaddr(a, 1), &at, at.size);
}

/* --- nice --- */

static bool may_nice(struct task *t, struct task *x, int nice)
{
	if (nice >= x->nice || capable(t->cred, CAP_SYS_NICE))
		return true;
	return 20 - nice <= (int)MIN(task_rlimit(x, RLIMIT_NICE), 40ULL);
}

static int nice_one(struct task *t, struct task *x, int nice)
{
	if (!same_owner(t, x))
		return -EPERM;
	if (!may_nice(t, x, nice))
		return -EACCES;
	__atomic_store_n(&x->nice, nice, __ATOMIC_RELAXED);
	return 0;
}

struct nice_walk {
	struct task *t;
	bool set;
	int nice, r; /* set: result; get: highest 20 - nice, or -ESRCH */
};

static void nice_visit(struct nice_walk *w, struct task *x)
{
	int r = w->set ? nice_one(w->t, x, w->nice) : 20 - x->nice;

	if (w->r == -ESRCH || (w->set ? r < 0 : r > w->r))
		w->r = r;
}

static int nice_walk(struct nice_walk *w, int which, int who)
{
	struct pid_namespace *ns = task_pid_ns(w->t);
	uint32_t uid = who ? make_kuid(w->t->cred->user_ns, (uint32_t)who).v : w->t->cred->uid.v;
	struct pid *p;
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	w->r = -ESRCH;
	switch (which) {
	case PRIO_PROCESS:
		x = who ? pid_task(pid_find(ns, who), PIDTYPE_PID) : w->t;
		if (x)
			nice_visit(w, x);
		break;
	case PRIO_PGRP:
		p = who ? pid_find(ns, who) : w->t->tg->pgrp;
		if (p)
			list_for_each_entry(x, &p->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID])
				nice_visit(w, x);
		break;
	case PRIO_USER:
		for (size_t i = 0; i < ns->nslots; i++) {
			x = pid_task(ns->slots[i].pid, PIDTYPE_PID);
			if (x && x->cred->uid.v == uid)
				nice_visit(w, x);
		}
		break;
	default:
		w->r = -EINVAL;
	}
	return w->r;
}

long sys_getpriority(struct task *t, const struct sysargs *a)
{
	struct nice_walk w = {.t = t};

	return nice_walk(&w, arg_int(a, 0), arg_int(a, 1));
}

long sys_setpriority(struct task *t, const struct sysargs *a)
{
	struct nice_walk w = {.t = t, .set = true, .nice = MAX(-20, MIN(19, arg_int(a, 2)))};

	return nice_walk(&w, arg_int(a, 0), arg_int(a, 1));
}

/* The better of two: a lower class, then a lower level. */
static int better(int a, int b)
{
	return a < 0 ? b : MIN(a, b);
}

static int ioprio_one(struct task *t, struct task *x, int set)
{
	if (set < 0)
		return __atomic_load_n(&x->ioprio, __ATOMIC_RELAXED);
	if (x->cred->uid.v != t->cred->euid.v && x->cred->uid.v != t->cred->uid.v && !capable(t->cred, CAP_SYS_NICE))
		return -EPERM;
	__atomic_store_n(&x->ioprio, set, __ATOMIC_RELAXED);
	return 0;
}

/* set < 0: get. */
static long ioprio_walk(struct task *t, int which, int who, int set)
{
	struct pid_namespace *ns = task_pid_ns(t);
	uint32_t uid = which == IOPRIO_WHO_USER && who ? make_kuid(t->cred->user_ns, (uint32_t)who).v : t->cred->uid.v;
	long r = -ESRCH, one;
	struct task *x;
	struct pid *p;

	MUTEX_GUARD(&tasklist_lock);
	if (which == IOPRIO_WHO_PROCESS) {
		x = who ? pid_task(pid_find(ns, who), PIDTYPE_PID) : t;
		return x ? ioprio_one(t, x, set) : -ESRCH;
	}
	if (which == IOPRIO_WHO_USER - 1) {
		p = who ? pid_find(ns, who) : t->tg->pgrp;
		if (!p)
			return -ESRCH;
		list_for_each_entry(x, &p->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID]) {
			one = ioprio_one(t, x, set);
			r = set < 0 ? better((int)r, (int)one) : one;
			if (set >= 0 && r < 0)
				return r;
		}
		return r;
	}
	for (size_t i = 0; i < ns->nslots; i++) {
		x = pid_task(ns->slots[i].pid, PIDTYPE_PID);
		if (!x || x->cred->uid.v != uid)
			continue;
		one = ioprio_one(t, x, set);
		r = set < 0 ? better((int)r, (int)one) : one;
		if (set >= 0 && r < 0)
			return r;
	}
	return r;
}

long sys_ioprio_get(struct task *t, const struct sysargs *a)
{
	int which = arg_int(a, 0);

	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	return ioprio_walk(t, which, arg_int(a, 1), -1);
}

long sys_ioprio_set(struct task *t, const struct sysargs *a)
{
	int which = arg_int(a, 0), prio = arg_int(a, 2), class = prio >> 13 & 7, level = prio & 7;

	if (prio < 0 || prio > 0xffff)
		return -EINVAL;
	if (class > 3 || (class == 0 && (prio & 0x1fff)))
		return -EINVAL;
	if (class == 1 && !capable(t->cred, CAP_SYS_ADMIN) && !capable(t->cred, CAP_SYS_NICE))
		return -EPERM;
	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER || (prio & 0x1fff) >> 3 || level > 7)
		return -EINVAL;
	return ioprio_walk(t, which, arg_int(a, 1), prio);
}

long sys_getcpu(struct task *t, const struct sysargs *a)
{
	unsigned n = kernel.ncpu ? kernel.ncpu : 1;
	int cpu = sched_getcpu();

	if (a->v[0] && put_u32(t, arg_uaddr(a, 0), cpu < 0 ? 0 : (uint32_t)cpu % n) < 0)
		return -EFAULT;
	return a->v[1] ? put_u32(t, arg_uaddr(a, 1), 0) : 0;
}
