/* SPDX-License-Identifier: Apache-2.0 */
/* The end of tasks and groups. */
#include <errno.h>
#include <linux/ptrace.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include "kernel/ipc/ipc.h"
#include "kernel/signal/internal.h"
#include "kernel/task/coredump.h"
#include "kernel/task/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/task/seccomp.h"
#include "kernel/time/clock.h"
#include "kernel/tty/tty.h"

static void tv_add(struct timeval *to, const struct timeval *from)
{
	to->tv_sec += from->tv_sec;
	to->tv_usec += from->tv_usec;
	if (to->tv_usec >= 1000000) {
		to->tv_usec -= 1000000;
		to->tv_sec++;
	}
}

void rusage_add(struct rusage *to, const struct rusage *from)
{
	tv_add(&to->ru_utime, &from->ru_utime);
	tv_add(&to->ru_stime, &from->ru_stime);
	to->ru_maxrss = MAX(to->ru_maxrss, from->ru_maxrss);
	to->ru_minflt += from->ru_minflt;
	to->ru_majflt += from->ru_majflt;
	to->ru_inblock += from->ru_inblock;
	to->ru_oublock += from->ru_oublock;
	to->ru_nvcsw += from->ru_nvcsw;
	to->ru_nivcsw += from->ru_nivcsw;
}

static void account(struct task *t)
{
	struct rusage ru = {0};
	uint64_t user, sys;

	task_cputime(t, &user, &sys);
	__atomic_add_fetch(&kernel.dead_user, user, __ATOMIC_RELAXED);
	__atomic_add_fetch(&kernel.dead_sys, sys, __ATOMIC_RELAXED);
	ru.ru_utime = (struct timeval){(time_t)(user / NSEC_PER_SEC),
				       (suseconds_t)(user % NSEC_PER_SEC / 1000)};
	ru.ru_stime = (struct timeval){(time_t)(sys / NSEC_PER_SEC),
				       (suseconds_t)(sys % NSEC_PER_SEC / 1000)};
	rusage_add(&t->tg->self_ru, &ru);
	__atomic_store_n(&t->stime, sys, __ATOMIC_RELAXED);
	__atomic_store_n(&t->host_clock, 0, __ATOMIC_RELEASE);
	t->accounted = true;
}

bool pgrp_orphaned(struct pid *pgrp, struct thread_group *ignore)
{
	struct task *x;

	list_for_each_entry(x, &pgrp->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID]) {
		struct thread_group *pa = x->tg->parent;

		if (x->tg == ignore || x->tg->live == 0 || !pa)
			continue;
		if (pa->session == x->tg->session && pa->pgrp != pgrp)
			return false;
	}
	return true;
}

static bool has_stopped(struct pid *pgrp)
{
	struct task *x;

	list_for_each_entry(x, &pgrp->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID])
		if (x->tg->flags & TG_STOPPED)
			return true;
	return false;
}

/* tg leaves (ignore = tg) or lost its parent: a group of stopped processes that nobody can continue. */
static void check_orphaned(struct thread_group *tg, struct thread_group *parent,
			   struct thread_group *ignore)
{
	if (!parent || parent->pgrp == tg->pgrp || parent->session != tg->session)
		return;
	if (!pgrp_orphaned(tg->pgrp, ignore) || !has_stopped(tg->pgrp))
		return;
	(void)send_pgrp_locked(tg->pgrp, SIGHUP, NULL);
	(void)send_pgrp_locked(tg->pgrp, SIGCONT, NULL);
}

bool ignores_children(struct task *t)
{
	struct ksigaction *a = &t->sighand->action[SIGCHLD - 1];

	MUTEX_GUARD(&t->sighand->lock);
	return a->handler == HANDLER_IGN || (a->flags & SA_NOCLDWAIT);
}

static bool ignores_signal(struct task *t, int sig)
{
	MUTEX_GUARD(&t->sighand->lock);
	return t->sighand->action[sig - 1].handler == HANDLER_IGN;
}

bool notify_exit(struct task *t, int sig)
{
	struct task *tracer = t->trace.tracer, *pa = tracer ? tracer : t->tg->parent ? t->tg->parent->leader : NULL;
	siginfo_t si = {.si_signo = sig};
	bool reap = false, tell = sig > 0 && sig <= NSIG_GUEST;
	int code = t->exit_code;

	wake_up_all(&t->pid->exit_wait, EPOLLIN);
	if (!pa)
		return true;
	si.si_pid = pid_nr_ns(t->pid, task_pid_ns(pa));
	si.si_uid = from_kuid(pa->cred->user_ns, t->cred->uid);
	si.si_code = WIFEXITED(code) ? CLD_EXITED : WCOREDUMP(code) ? CLD_DUMPED : CLD_KILLED;
	si.si_status = WIFEXITED(code) ? WEXITSTATUS(code) : WTERMSIG(code);
	if (!tracer && sig == SIGCHLD) {
		reap = ignores_children(pa);
		tell = !ignores_signal(pa, sig);
	}
	if (tell)
		(void)send_signal_locked(pa, sig, &si, true);
	wake_up_all(&pa->tg->child_wait, 0);
	return reap;
}

static struct thread_group *new_parent(struct thread_group *tg)
{
	struct pid_namespace *ns = task_pid_ns(tg->leader);

	for (struct thread_group *p = tg->parent; p && task_pid_ns(p->leader) == ns; p = p->parent)
		if (p->child_subreaper && p->live > 0)
			return p;
	return ns->init && ns->init->tg != tg && ns->init->tg->live > 0 ? ns->init->tg : NULL;
}

static void reparent_children(struct thread_group *tg)
{
	struct thread_group *to = new_parent(tg), *c, *n;
	struct task *t;

	list_for_each_entry_safe(c, n, &tg->children, sibling) {
		bool zombie = c->live == 0 && c->nthreads == 1 &&
			      task_state(c->leader) == TASK_ZOMBIE;

		if (c->leader->pdeath_signal)
			(void)send_signal_locked(c->leader, c->leader->pdeath_signal, NULL, true);
		list_del(&c->sibling);
		c->parent = to;
		list_for_each_entry(t, &c->threads, thread_node)
			task_publish_ppid(t);
		c->exit_signal = SIGCHLD;
		if (to)
			list_add_tail(&c->sibling, &to->children);
		if (zombie && !c->leader->trace.tracer && notify_exit(c->leader, c->exit_signal))
			release_task(c->leader);
		else
			check_orphaned(c, tg, NULL);
	}
}

void release_task(struct task *t)
{
	struct thread_group *tg = t->tg;
	struct pid_namespace *ns = task_pid_ns(t);

	if (ns->init == t)
		ns->init = NULL;
	ptrace_release(t);
	list_del(&t->thread_node);
	tg->nthreads--;
	pid_detach(t, PIDTYPE_PID, t->pid);
	if (tg->leader == t) {
		pid_detach(t, PIDTYPE_TGID, t->tgid_pid);
		pid_detach(t, PIDTYPE_PGID, tg->pgrp);
		pid_detach(t, PIDTYPE_SID, tg->session);
		pid_put(tg->pgrp);
		pid_put(tg->session);
		list_del(&tg->sibling);
		tg->parent = NULL;
	}
	__atomic_store_n(&t->state, TASK_DEAD, __ATOMIC_RELAXED);
	wake_up_all(&t->pid->exit_wait, EPOLLIN | EPOLLHUP);
	if (ns->init)
		wake_up_all(&ns->init->tg->exit_wait, 0);
	task_put(t);
}

void reap_task(struct task *t)
{
	struct thread_group *tg = t->tg;
	struct task *leader = tg->leader == t ? NULL : tg->leader;

	release_task(t);
	if (leader && tg->nthreads == 1 && task_state(leader) == TASK_ZOMBIE && notify_exit(leader, tg->exit_signal))
		release_task(leader);
}

/* Memory, files and the rest of t go. */
static void drop_objects(struct task *t)
{
	struct files *files;
	struct fs_struct *fs;
	struct nsproxy *ns;
	struct pt_thread *pt;
	struct mm *mm;

	mutex_lock(&t->lock);
	files = TAKE_PTR(t->files);
	fs = TAKE_PTR(t->fs);
	mutex_unlock(&t->lock);
	if (files)
		files_put(files);
	fs_struct_leave(fs);
	mutex_lock(&t->lock);
	pt = TAKE_PTR(t->pt);
	mm = TAKE_PTR(t->mm);
	ns = TAKE_PTR(t->nsproxy);
	mutex_unlock(&t->lock);
	if (pt)
		pt_release(pt);
	if (mm)
		mm_put(mm);
	nsproxy_put(ns);
}

/* The first process of a namespace takes all others with it and waits for them. */
static void end_namespace(struct task *t)
{
	struct pid_namespace *ns = task_pid_ns(t);
	struct wait_entry we;
	bool alone = false;

	wait_entry_init(&we, &t->sleeper);
	waitq_add(&t->tg->exit_wait, &we);
	while (!alone) {
		sleeper_prepare(&t->sleeper);
		mutex_lock(&tasklist_lock);
		ns->dying = true;
		alone = true;
		/* Backwards: releasing moves the later slots only. */
		for (size_t i = ns->nslots; i-- > 0;) {
			struct task *x = i < ns->nslots ? pid_task(ns->slots[i].pid, PIDTYPE_TGID) : NULL;

			if (!x || x->tg == t->tg)
				continue;
			alone = false;
			if (x->tg->live == 0 && x->tg->nthreads == 1 && task_state(x) == TASK_ZOMBIE &&
			    !x->trace.tracer)
				release_task(x);
			else
				(void)send_signal_locked(x, SIGKILL, NULL, true);
		}
		mutex_unlock(&tasklist_lock);
		if (!alone)
			(void)!sleeper_sleep(&t->sleeper, now_ns() + NSEC_PER_SEC / 10,
					     SLEEP_UNINTERRUPTIBLE);
	}
	waitq_del(&we);
}

void kill_space(struct pid_namespace *ns, struct pt_as *as)
{
	MUTEX_GUARD(&tasklist_lock);
	for (size_t i = 0; i < ns->nslots; i++) {
		struct task *x = pid_task(ns->slots[i].pid, PIDTYPE_PID);
		bool here = false;

		if (x) {
			MUTEX_GUARD(&x->lock);
			here = x->mm && x->mm->as == as;
		}
		if (here)
			(void)send_signal_locked(x, SIGKILL, NULL, true);
	}
}

/* Has the last thread of tg come to its end, reaped or not? tasklist lock held. */
static bool all_zombies(struct thread_group *tg)
{
	struct task *x;

	list_for_each_entry(x, &tg->threads, thread_node)
		if (task_state(x) < TASK_ZOMBIE)
			return false;
	return true;
}

/* Zombie, or gone when nobody waits. Returns true when the whole group is gone, with its status. */
static bool exit_notify(struct task *t, bool group_dead, int *ret_status)
{
	struct thread_group *tg = t->tg;
	bool gone, empty, reap;

	mutex_lock(&tasklist_lock);
	account(t);
	if (group_dead) {
		reparent_children(tg);
		check_orphaned(tg, tg->parent, tg);
	}
	__atomic_store_n(&t->state, TASK_ZOMBIE, __ATOMIC_RELAXED);
	cgroup_exit(t);
	wake_up_all(&t->pid->exit_wait, EPOLLIN);
	gone = all_zombies(tg);
	*ret_status = tg->leader->exit_code;
	empty = t == tg->leader && tg->nthreads == 1;
	if (t->trace.tracer)
		reap = notify_exit(t, empty && !ptrace_reparented(t) ? tg->exit_signal : SIGCHLD);
	else if (t == tg->leader)
		reap = empty && notify_exit(t, tg->exit_signal);
	else
		reap = true;
	if (reap)
		reap_task(t);
	/* An exec by another thread waits for this one. */
	wake_up_all(&tg->exit_wait, 0);
	mutex_unlock(&tasklist_lock);
	return gone;
}

static bool begin_exit(struct task *t, int code)
{
	struct thread_group *tg = t->tg;
	bool dead, stopped;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	__atomic_store_n(&t->exiting, true, __ATOMIC_SEQ_CST);
	stopped = (t->jobctl & JOBCTL_STOP_PENDING) && stop_participate(t);
	jobctl_clear(t, JOBCTL_PENDING_MASK);
	t->exit_code = tg->flags & TG_GROUP_EXIT ? tg->group_exit_code : code;
	dead = __atomic_sub_fetch(&tg->live, 1, __ATOMIC_SEQ_CST) == 0;
	if (dead && !(tg->flags & TG_GROUP_EXIT)) {
		tg->flags |= TG_GROUP_EXIT;
		tg->group_exit_code = code;
	}
	if (dead)
		tg->leader->exit_code = tg->group_exit_code;
	/* Its pending signals for the group go to those who are left. */
	if (!dead) {
		struct task *x;

		list_for_each_entry(x, &tg->threads, thread_node)
			if (!x->exiting) {
				recalc_sigpending(x);
				if (signal_pending(x))
					task_interrupt(x);
			}
	}
	mutex_unlock(&t->sighand->lock);
	if (stopped && !dead)
		notify_parent_jobctl(tg, CLD_STOPPED);
	mutex_unlock(&tasklist_lock);
	return dead;
}

static void exit_common(struct task *t, int code, bool own_thread)
{
	struct thread_group *tg = tg_get(t->tg);
	int status = 0;
	bool dead = begin_exit(t, code);

	if (dead) {
		itimers_exit(tg);
		posix_timers_exit(tg);
	}
	if (own_thread && t->pt)
		futex_exit(t);
	sem_exit(t);
	if (dead && t->tgid_pid == tg->session)
		tty_disassociate(t);
	seccomp_exit(t);
	drop_objects(t);
	vfork_complete(t);
	ptrace_exit_tracer(t);
	if (dead && own_thread && tg->is_init)
		end_namespace(t);
	if (exit_notify(t, dead, &status) && tg->on_exit)
		tg->on_exit(tg->on_exit_priv, status);
	tg_put(tg);
}

void do_exit(struct task *t, int code)
{
	core_wait(t);
	if (ptrace_event_enabled(t, PTRACE_EVENT_EXIT)) {
		/* A kill that brought it here is done with; a new one ends the stop. */
		mutex_lock(&t->sighand->lock);
		t->pending.set &= ~KSIGMASK(SIGKILL);
		mutex_unlock(&t->sighand->lock);
		ptrace_event(t, PTRACE_EVENT_EXIT, (uint64_t)code);
	}
	exit_common(t, code, true);
	task_leave(t);
}

void task_abandon(struct task *t)
{
	exit_common(t, SIGKILL, false);
	task_put(t);
}

void do_group_exit(struct task *t, int code)
{
	struct thread_group *tg = t->tg;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	if (tg->flags & TG_GROUP_EXIT) {
		code = tg->group_exit_code;
	} else {
		tg->flags |= TG_GROUP_EXIT;
		tg->group_exit_code = code;
		kill_other_threads(t);
	}
	mutex_unlock(&t->sighand->lock);
	mutex_unlock(&tasklist_lock);
	do_exit(t, code);
}
