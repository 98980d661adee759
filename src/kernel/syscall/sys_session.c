/* SPDX-License-Identifier: Apache-2.0 */
/* setsid, getsid, setpgid, getpgid, getpgrp. */
#include <errno.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"

/* tg moves to p. tasklist lock held. */
static void change(struct thread_group *tg, enum pid_type type, struct pid **where, struct pid *p)
{
	struct pid *old = *where;

	if (old == p)
		return;
	*where = pid_get(p);
	pid_detach(tg->leader, type, old);
	pid_attach(tg->leader, type, p);
	pid_put(old);
}

long sys_setsid(struct task *t, const struct sysargs *a __unused)
{
	struct thread_group *tg = t->tg;
	struct task *l;
	struct pid *own;

	MUTEX_GUARD(&tasklist_lock);
	l = tg->leader;
	own = t->tgid_pid;
	if (tg->session == own || !list_empty(&own->tasks[PIDTYPE_PGID]))
		return -EPERM;
	change(tg, PIDTYPE_SID, &tg->session, own);
	change(tg, PIDTYPE_PGID, &tg->pgrp, own);
	return pid_nr_ns(own, task_pid_ns(l));
}

static long find_id(struct task *t, int nr, bool session)
{
	struct thread_group *tg = t->tg;
	struct task *x;

	if (nr < 0)
		return -ESRCH;
	MUTEX_GUARD(&tasklist_lock);
	if (nr) {
		x = pid_task(pid_find(task_pid_ns(t), nr), PIDTYPE_PID);
		if (!x)
			return -ESRCH;
		tg = x->tg;
	}
	return pid_nr_ns(session ? tg->session : tg->pgrp, task_pid_ns(t));
}

long sys_getsid(struct task *t, const struct sysargs *a)
{
	return find_id(t, arg_int(a, 0), true);
}

long sys_getpgid(struct task *t, const struct sysargs *a)
{
	return find_id(t, arg_int(a, 0), false);
}

long sys_getpgrp(struct task *t, const struct sysargs *a __unused)
{
	return find_id(t, 0, false);
}

/* The process setpgid is about: the caller, or a child that has not called exec. */
static int setpgid_target(struct task *t, int nr, struct thread_group **ret)
{
	struct task *x = nr ? pid_task(pid_find(task_pid_ns(t), nr), PIDTYPE_TGID) : t->tg->leader;

	if (!x)
		return -ESRCH;
	if (x->tg != t->tg) {
		if (x->tg->parent != t->tg)
			return -ESRCH;
		if (x->tg->session != t->tg->session)
			return -EPERM;
		if (x->tg->exec_done)
			return -EACCES;
	}
	if (x->tgid_pid == x->tg->session)
		return -EPERM;
	*ret = x->tg;
	return 0;
}

long sys_setpgid(struct task *t, const struct sysargs *a)
{
	int nr = arg_int(a, 0), pgid = arg_int(a, 1), r;
	struct thread_group *tg;
	struct task *m;
	struct pid *p;

	if (pgid < 0)
		return -EINVAL;
	MUTEX_GUARD(&tasklist_lock);
	r = setpgid_target(t, nr, &tg);
	if (r < 0)
		return r;
	p = tg->leader->tgid_pid;
	if (pgid && pgid != pid_nr_ns(p, task_pid_ns(t))) {
		p = pid_find(task_pid_ns(t), pgid);
		m = pid_task(p, PIDTYPE_PGID);
		if (!m || m->tg->session != t->tg->session)
			return -EPERM;
	}
	change(tg, PIDTYPE_PGID, &tg->pgrp, p);
	return 0;
}
