/* SPDX-License-Identifier: Apache-2.0 */
/* Job control: stops of a group, and telling parents and tracers. */
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"

bool jobctl_set(struct task *t, unsigned mask)
{
	if ((t->pending.set & KSIGMASK(SIGKILL)) || __atomic_load_n(&t->exiting, __ATOMIC_RELAXED))
		return false;
	t->jobctl |= mask;
	if (mask & JOBCTL_PENDING_MASK)
		__atomic_or_fetch(&t->sig_flags, TIF_STOP, __ATOMIC_SEQ_CST);
	return true;
}

static void end_trapping(struct task *t)
{
	if (!(t->jobctl & JOBCTL_TRAPPING))
		return;
	t->jobctl &= ~JOBCTL_TRAPPING;
	wake_up_all(&t->tg->exit_wait, 0);
}

void jobctl_clear(struct task *t, unsigned mask)
{
	if (mask & JOBCTL_STOP_PENDING)
		mask |= JOBCTL_STOP_CONSUME | JOBCTL_STOP_DEQUEUED;
	t->jobctl &= ~(mask & ~JOBCTL_TRAPPING);
	if (!(t->jobctl & JOBCTL_PENDING_MASK)) {
		__atomic_and_fetch(&t->sig_flags, ~TIF_STOP, __ATOMIC_SEQ_CST);
		end_trapping(t);
	} else if (mask & JOBCTL_TRAPPING) {
		end_trapping(t);
	}
}

static void tell(struct task *to, const siginfo_t *si)
{
	struct ksigaction *a;
	bool wants;

	mutex_lock(&to->sighand->lock);
	a = &to->sighand->action[SIGCHLD - 1];
	wants = a->handler != HANDLER_IGN && !(a->flags & SA_NOCLDSTOP);
	mutex_unlock(&to->sighand->lock);
	if (wants)
		(void)send_signal_locked(to, SIGCHLD, si, true);
	wake_up_all(&to->tg->child_wait, 0);
}

void notify_parent_jobctl(struct thread_group *tg, int why)
{
	struct thread_group *pa = tg->parent;
	siginfo_t si = {.si_signo = SIGCHLD, .si_code = why};

	if (!pa || !pa->leader)
		return;
	si.si_pid = pid_nr_ns(tg->leader->pid, task_pid_ns(pa->leader));
	si.si_uid = from_kuid(pa->leader->cred->user_ns, tg->leader->cred->uid);
	si.si_status = why == CLD_STOPPED ? tg->stop_signal : SIGCONT;
	tell(pa->leader, &si);
}

void notify_tracer_stop(struct task *t, int why)
{
	struct task *tr = t->trace.tracer;
	siginfo_t si = {.si_signo = SIGCHLD, .si_code = why};

	mutex_assert_held(&tasklist_lock);
	if (!tr)
		return;
	si.si_pid = pid_nr_ns(t->pid, task_pid_ns(tr));
	si.si_uid = from_kuid(tr->cred->user_ns, t->cred->uid);
	if (why == CLD_CONTINUED)
		si.si_status = SIGCONT;
	else
		si.si_status = (why == CLD_STOPPED ? t->tg->stop_signal : t->trace.code) & 0x7f;
	tell(tr, &si);
}

bool stop_participate(struct task *t)
{
	struct thread_group *tg = t->tg;
	bool consume = t->jobctl & JOBCTL_STOP_CONSUME;

	jobctl_clear(t, JOBCTL_STOP_PENDING);
	if (!consume)
		return false;
	if (tg->stop_count > 0)
		tg->stop_count--;
	if (tg->stop_count > 0 || (tg->flags & TG_STOPPED))
		return false;
	tg->flags = (tg->flags & ~TG_CONTINUED) | TG_STOPPED;
	tg->leader->stop_report = tg->stop_signal;
	return true;
}

void stop_join(struct task *t, struct task *child)
{
	struct thread_group *tg = t->tg;
	unsigned mask = JOBCTL_STOP_PENDING;

	if (tg->stop_count > 0) {
		tg->stop_count++;
		mask |= JOBCTL_STOP_CONSUME;
	} else if (!(tg->flags & TG_STOPPED)) {
		return;
	}
	child->stop_sig = t->stop_sig;
	(void)jobctl_set(child, mask);
}

static bool stay_stopped(struct task *t)
{
	MUTEX_GUARD(&t->sighand->lock);
	return t->jobctl & JOBCTL_STOPPED;
}

/* The calling thread takes part in the group's stop, and sleeps until SIGCONT, a kill or a tracer ends it. */
static void stop_now(struct task *t)
{
	bool done;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	if (!(t->jobctl & JOBCTL_STOP_PENDING) || t->trace.flags) {
		mutex_unlock(&t->sighand->lock);
		mutex_unlock(&tasklist_lock);
		return;
	}
	done = stop_participate(t);
	t->jobctl |= JOBCTL_STOPPED;
	__atomic_store_n(&t->state, TASK_STOPPED, __ATOMIC_RELAXED);
	mutex_unlock(&t->sighand->lock);
	if (done)
		notify_parent_jobctl(t->tg, CLD_STOPPED);
	mutex_unlock(&tasklist_lock);
	for (;;) {
		sleeper_prepare(&t->sleeper);
		if (!stay_stopped(t))
			break;
		/* A stop is not a sleep that shows as one: the sleeper belongs to no task here. */
		t->sleeper.task = NULL;
		(void)!sleeper_sleep(&t->sleeper, TIME_FOREVER, SLEEP_UNINTERRUPTIBLE);
		t->sleeper.task = t;
	}
	__atomic_store_n(&t->state, TASK_RUNNING, __ATOMIC_RELAXED);
}

/* Every thread is to stop. sighand lock held. */
static void stop_everybody(struct task *t, int sig)
{
	struct thread_group *tg = t->tg;
	struct task *x;

	/* A traced thread may run while its group is stopped, and be stopped again: that is no new stop to tell of. */
	if (!(tg->flags & TG_STOPPED))
		tg->stop_signal = sig;
	tg->stop_count = 0;
	list_for_each_entry(x, &tg->threads, thread_node) {
		if (x->jobctl & JOBCTL_STOPPED)
			continue;
		if (!jobctl_set(x, JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME))
			continue;
		x->stop_sig = sig;
		tg->stop_count++;
		if (x == t)
			continue;
		if (x->trace.flags & PT_SEIZED)
			ptrace_trap_notify(x);
		else
			task_interrupt(x);
	}
}

void stop_begin(struct task *t, int sig)
{
	struct thread_group *tg = t->tg;

	mutex_lock(&tasklist_lock);
	if (sig != SIGSTOP && pgrp_orphaned(tg->pgrp, NULL)) {
		mutex_unlock(&tasklist_lock);
		return;
	}
	mutex_lock(&t->sighand->lock);
	if (!(t->jobctl & JOBCTL_STOP_PENDING) && (t->jobctl & JOBCTL_STOP_DEQUEUED) &&
	    !(tg->flags & (TG_GROUP_EXIT | TG_EXEC)) && !(t->pending.set & KSIGMASK(SIGKILL)))
		stop_everybody(t, sig);
	mutex_unlock(&t->sighand->lock);
	mutex_unlock(&tasklist_lock);
}

static void jobctl_notify(struct task *t)
{
	struct thread_group *tg = t->tg;
	unsigned f;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	f = tg->flags & (TG_NOTIFY_CONT | TG_NOTIFY_STOP);
	tg->flags &= ~f;
	mutex_unlock(&t->sighand->lock);
	if (f & TG_NOTIFY_STOP)
		notify_parent_jobctl(tg, CLD_STOPPED);
	if (f & TG_NOTIFY_CONT)
		notify_parent_jobctl(tg, CLD_CONTINUED);
	if (f && ptrace_reparented(tg->leader))
		notify_tracer_stop(tg->leader, f & TG_NOTIFY_CONT ? CLD_CONTINUED : CLD_STOPPED);
	mutex_unlock(&tasklist_lock);
}

/* A look without the lock: who sets the flags wakes the task afterwards, and jobctl_notify looks again under it. */
__attribute__((no_sanitize("thread"))) static bool jobctl_news(const struct thread_group *tg)
{
	return *(volatile const __typeof__(tg->flags) *)&tg->flags & (TG_NOTIFY_CONT | TG_NOTIFY_STOP);
}

bool stop_check(struct task *t)
{
	if (jobctl_news(t->tg))
		jobctl_notify(t);
	if (!(__atomic_load_n(&t->sig_flags, __ATOMIC_SEQ_CST) & TIF_STOP))
		return false;
	if (__atomic_load_n(&t->trace.flags, __ATOMIC_SEQ_CST))
		ptrace_trap(t);
	else
		stop_now(t);
	return true;
}
