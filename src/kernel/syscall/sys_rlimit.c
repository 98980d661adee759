/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and usage: getrlimit, setrlimit, prlimit64, getrusage. */
#include <errno.h>
#include <linux/capability.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

#define NR_OPEN_MAX 1048576UL

static int change_limit(struct task *t, struct thread_group *tg, unsigned res,
			const struct rlimit *new, struct rlimit *old)
{
	struct rlimit *l = &tg->rlim[res];

	MUTEX_GUARD(&tasklist_lock);
	*old = *l;
	if (!new)
		return 0;
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (res == RLIMIT_NOFILE && new->rlim_max > NR_OPEN_MAX)
		return -EPERM;
	if (new->rlim_max > l->rlim_max && !capable(t->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	__atomic_store_n(&l->rlim_cur, new->rlim_cur, __ATOMIC_RELAXED);
	__atomic_store_n(&l->rlim_max, new->rlim_max, __ATOMIC_RELAXED);
	return res == RLIMIT_CPU && tg->live > 0 ? cpu_limit_watch(tg) : 0;
}

long sys_getrlimit(struct task *t, const struct sysargs *a)
{
	struct rlimit old;

	if (arg_u32(a, 0) >= RLIM_NLIMITS)
		return -EINVAL;
	(void)change_limit(t, t->tg, arg_u32(a, 0), NULL, &old);
	return copy_out(t, arg_uaddr(a, 1), &old, sizeof(old));
}

long sys_setrlimit(struct task *t, const struct sysargs *a)
{
	struct rlimit new, old;
	int r = copy_in(t, &new, arg_uaddr(a, 1), sizeof(new));

	if (r < 0)
		return r;
	if (arg_u32(a, 0) >= RLIM_NLIMITS)
		return -EINVAL;
	return change_limit(t, t->tg, arg_u32(a, 0), &new, &old);
}

/* May t see and change x's limits? */
static bool may_prlimit(struct task *t, struct task *x)
{
	const struct cred *c = t->cred, *o;
	bool ok;

	if (t->tg == x->tg)
		return true;
	mutex_lock(&x->lock);
	o = x->cred;
	ok = (c->uid.v == o->euid.v && c->uid.v == o->suid.v && c->uid.v == o->uid.v &&
	      c->gid.v == o->egid.v && c->gid.v == o->sgid.v && c->gid.v == o->gid.v) ||
	     ns_capable(c, o->user_ns, CAP_SYS_RESOURCE);
	mutex_unlock(&x->lock);
	return ok;
}

long sys_prlimit64(struct task *t, const struct sysargs *a)
{
	struct rlimit new, old;
	int nr = arg_int(a, 0), r;
	struct task *x;

	if (arg_u32(a, 1) >= RLIM_NLIMITS)
		return -EINVAL;
	if (a->v[2]) {
		r = copy_in(t, &new, arg_uaddr(a, 2), sizeof(new));
		if (r < 0)
			return r;
	}
	x = nr ? task_find_get(task_pid_ns(t), nr) : task_get(t);
	if (!x)
		return -ESRCH;
	r = may_prlimit(t, x) ? change_limit(t, x->tg, arg_u32(a, 1), a->v[2] ? &new : NULL, &old) :
				-EPERM;
	task_put(x);
	if (r == 0 && a->v[3])
		r = copy_out(t, arg_uaddr(a, 3), &old, sizeof(old));
	return r;
}

static void set_times(struct rusage *ru, uint64_t user, uint64_t sys)
{
	ru->ru_utime = (struct timeval){(time_t)(user / NSEC_PER_SEC),
					(suseconds_t)(user % NSEC_PER_SEC / 1000)};
	ru->ru_stime = (struct timeval){(time_t)(sys / NSEC_PER_SEC),
					(suseconds_t)(sys % NSEC_PER_SEC / 1000)};
}

long sys_getrusage(struct task *t, const struct sysargs *a)
{
	struct rusage ru = {0};
	uint64_t user, sys;

	switch (arg_int(a, 0)) {
	case RUSAGE_SELF:
	case RUSAGE_THREAD:
		if (arg_int(a, 0) == RUSAGE_SELF)
			group_cputime(t->tg, &user, &sys);
		else
			task_cputime(t, &user, &sys);
		set_times(&ru, user, sys);
		ru.ru_maxrss = (long)(mm_rss_pages(t->mm) * (GUEST_PAGE_SIZE / 1024));
		break;
	case RUSAGE_CHILDREN:
		mutex_lock(&tasklist_lock);
		ru = t->tg->child_ru;
		mutex_unlock(&tasklist_lock);
		break;
	default:
		return -EINVAL;
	}
	return copy_out(t, arg_uaddr(a, 1), &ru, sizeof(ru));
}
