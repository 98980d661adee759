/* SPDX-License-Identifier: Apache-2.0 */
/* Sending: who gets a signal, and what it does at once. */
#include <errno.h>
#include <linux/capability.h>
#include "kernel/signal/internal.h"
#include "kernel/task/coredump.h"
#include "kernel/task/ptrace.h"

/* Is sig, sent to t, without effect at all? sighand lock held. */
static bool ignored(struct task *t, int sig, bool force)
{
	uint64_t h = t->sighand->action[sig - 1].handler;

	if (t->blocked & KSIGMASK(sig))
		return false;
	if (t->restore_mask && (t->saved_mask & KSIGMASK(sig)))
		return false;
	/* A tracer is told of ignored ones, too. */
	if (t->trace.tracer && sig != SIGKILL)
		return false;
	/* The first process of a namespace has no default actions; kills come from outside only. */
	if (t->tg->is_init && h == HANDLER_DFL && !(force && (KSIGMASK(sig) & SIG_KERNEL_ONLY)))
		return true;
	return h == HANDLER_IGN || (h == HANDLER_DFL && (KSIGMASK(sig) & SIG_IGNORE_MASK));
}

static void drop_everywhere(struct thread_group *tg, ksigset_t mask)
{
	struct task *x;

	sigpending_drop(&tg->shared_pending, mask, tg);
	list_for_each_entry(x, &tg->threads, thread_node) {
		sigpending_drop(&x->pending, mask, tg);
		recalc_sigpending(x);
	}
}

/* SIGCONT ends a stop, complete or on its way, even when it is blocked or ignored. */
static void continue_group(struct thread_group *tg)
{
	struct task *x;

	drop_everywhere(tg, SIG_STOP_MASK);
	if (tg->flags & TG_STOPPED)
		tg->flags = (tg->flags & ~TG_STOPPED) | TG_CONTINUED | TG_NOTIFY_CONT;
	else if (tg->stop_count > 0)
		tg->flags |= TG_NOTIFY_STOP;
	tg->stop_count = 0;
	list_for_each_entry(x, &tg->threads, thread_node) {
		x->stop_report = 0;
		jobctl_clear(x, JOBCTL_STOP_PENDING);
		if (x->trace.flags & PT_SEIZED)
			ptrace_trap_notify(x);
		else
			x->jobctl &= ~JOBCTL_STOPPED;
		if (tg->flags & (TG_NOTIFY_CONT | TG_NOTIFY_STOP))
			__atomic_or_fetch(&x->sig_flags, TIF_SIGPENDING, __ATOMIC_SEQ_CST);
		task_interrupt(x);
	}
}

void set_killed(struct task *t)
{
	t->pending.set |= KSIGMASK(SIGKILL);
	jobctl_clear(t, JOBCTL_PENDING_MASK);
	t->jobctl &= ~JOBCTL_STOPPED;
	if (!(t->jobctl & JOBCTL_FROZEN))
		t->jobctl &= ~JOBCTL_TRACED;
	__atomic_or_fetch(&t->sig_flags, TIF_KILLED | TIF_SIGPENDING, __ATOMIC_SEQ_CST);
	task_doom(t);
	task_interrupt(t);
}

void kill_other_threads(struct task *t)
{
	struct task *x;

	list_for_each_entry(x, &t->tg->threads, thread_node)
		if (x != t && !__atomic_load_n(&x->exiting, __ATOMIC_RELAXED))
			set_killed(x);
	t->tg->stop_count = 0;
}

static bool wants(struct task *t, int sig)
{
	if ((t->blocked & KSIGMASK(sig)) || __atomic_load_n(&t->exiting, __ATOMIC_RELAXED))
		return false;
	return sig == SIGKILL || !(t->jobctl & (JOBCTL_STOPPED | JOBCTL_TRACED));
}

static struct task *choose(struct task *t, int sig, bool group)
{
	struct task *x;

	if (wants(t, sig))
		return t;
	if (group)
		list_for_each_entry(x, &t->tg->threads, thread_node)
			if (wants(x, sig))
				return x;
	return NULL;
}

/* The signal is pending: who is to look at it, and does it end the group right away? */
static void complete(struct task *t, int sig, bool group)
{
	struct thread_group *tg = t->tg;
	struct task *to = choose(t, sig, group), *x;
	uint64_t h = t->sighand->action[sig - 1].handler;
	ksigset_t m = KSIGMASK(sig);

	if (!to)
		return;
	if (h == HANDLER_DFL && !(m & (SIG_IGNORE_MASK | SIG_STOP_MASK)) &&
	    (sig == SIGKILL || !(m & SIG_CORE_MASK)) && !(tg->flags & TG_GROUP_EXIT) &&
	    !(to->restore_mask && (to->saved_mask & m) && sig != SIGKILL) &&
	    (!tg->is_init || sig == SIGKILL) && (sig == SIGKILL || !t->trace.tracer)) {
		tg->flags = (tg->flags & ~(TG_STOPPED | TG_CONTINUED)) | TG_GROUP_EXIT;
		tg->group_exit_code = sig;
		tg->stop_count = 0;
		list_for_each_entry(x, &tg->threads, thread_node)
			set_killed(x);
		return;
	}
	__atomic_or_fetch(&to->sig_flags, TIF_SIGPENDING, __ATOMIC_SEQ_CST);
	task_interrupt(to);
}

/* Does the signal come from a process that t's pid namespace does not see? Such a one rules over its first process. */
static bool from_above(struct task *t, const siginfo_t *info)
{
	return info->si_code <= 0 && current && !pid_nr_ns(current->tgid_pid, task_pid_ns(t));
}

static int send_with_sighand(struct task *t, int sig, const siginfo_t *info, bool group)
{
	struct thread_group *tg = t->tg;
	ksigset_t m = KSIGMASK(sig);
	int r;

	if (tg->flags & TG_GROUP_EXIT) {
		/* A kill ends the writing of a core file, too. */
		if (tg->core && sig == SIGKILL)
			set_killed(tg->core->dumper);
		return 0;
	}
	if (m & SIG_STOP_MASK)
		drop_everywhere(tg, KSIGMASK(SIGCONT));
	else if (sig == SIGCONT)
		continue_group(tg);
	if (ignored(t, sig, !info || info->si_code == SI_KERNEL || from_above(t, info)))
		return 0;
	r = sigpending_add(group ? &tg->shared_pending : &t->pending, sig, info, t);
	if (r < 0)
		return r;
	complete(t, sig, group);
	return 0;
}

int send_signal_locked(struct task *t, int sig, const siginfo_t *info, bool group)
{
	int r;

	mutex_lock(&t->sighand->lock);
	r = send_with_sighand(t, sig, info, group);
	mutex_unlock(&t->sighand->lock);
	return r;
}

int send_signal_task(struct task *t, int sig, const siginfo_t *info)
{
	int r = 0;

	mutex_lock(&tasklist_lock);
	if (__atomic_load_n(&t->state, __ATOMIC_RELAXED) < TASK_ZOMBIE)
		r = send_signal_locked(t, sig, info, false);
	mutex_unlock(&tasklist_lock);
	return r;
}

int send_signal_group(struct thread_group *tg, int sig, const siginfo_t *info)
{
	int r = 0;

	mutex_lock(&tasklist_lock);
	if (!list_empty(&tg->threads))
		r = send_signal_locked(tg->leader, sig, info, true);
	mutex_unlock(&tasklist_lock);
	return r;
}

int send_pgrp_locked(struct pid *pgrp, int sig, const siginfo_t *info)
{
	struct task *x;
	int r = 0, e;

	list_for_each_entry(x, &pgrp->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID]) {
		e = send_signal_locked(x, sig, info, true);
		if (e < 0)
			r = e;
	}
	return r;
}

int send_signal_pgrp(struct pid *pgrp, int sig, const siginfo_t *info)
{
	MUTEX_GUARD(&tasklist_lock);
	return send_pgrp_locked(pgrp, sig, info);
}

void force_signal(struct task *t, int sig, const siginfo_t *info)
{
	struct ksigaction *a = &t->sighand->action[sig - 1];

	mutex_lock(&t->sighand->lock);
	if ((t->blocked & KSIGMASK(sig)) || a->handler == HANDLER_IGN) {
		t->blocked &= ~KSIGMASK(sig);
		a->handler = HANDLER_DFL;
	}
	/* Also the first process of a namespace dies of its own faults. */
	(void)sigpending_add(&t->pending, sig, info, t);
	__atomic_or_fetch(&t->sig_flags, TIF_SIGPENDING, __ATOMIC_SEQ_CST);
	mutex_unlock(&t->sighand->lock);
}

bool signal_timer_waits(struct thread_group *tg, struct task *to, int sig, int id, unsigned n)
{
	struct sigpending *p;
	struct sigqueue *q;
	struct task *t;
	bool found = false;

	MUTEX_GUARD(&tasklist_lock);
	if (list_empty(&tg->threads))
		return false;
	t = to ? to : tg->leader;
	if (__atomic_load_n(&t->state, __ATOMIC_RELAXED) >= TASK_ZOMBIE)
		return false;
	MUTEX_GUARD(&t->sighand->lock);
	p = to ? &to->pending : &tg->shared_pending;
	if (!(p->set & KSIGMASK(sig)) || !p->queue.next)
		return false;
	list_for_each_entry(q, &p->queue, node) {
		if (found || q->info.si_signo != sig || q->info.si_code != SI_TIMER || q->info.si_timerid != id)
			continue;
		q->info.si_overrun = (int)MIN((uint64_t)q->info.si_overrun + n, (uint64_t)INT32_MAX);
		found = true;
	}
	return found;
}

void kill_group(struct thread_group *tg)
{
	(void)send_signal_group(tg, SIGKILL, NULL);
}

int may_signal(struct task *from, struct task *t, int sig)
{
	const struct cred *c = from->cred, *o;
	bool ok;

	if (from->tg == t->tg)
		return 0;
	mutex_lock(&t->lock);
	o = t->cred;
	ok = c->euid.v == o->suid.v || c->euid.v == o->uid.v || c->uid.v == o->suid.v ||
	     c->uid.v == o->uid.v || ns_capable(c, o->user_ns, CAP_KILL);
	mutex_unlock(&t->lock);
	if (ok || (sig == SIGCONT && t->tg->session == from->tg->session))
		return 0;
	return -EPERM;
}
