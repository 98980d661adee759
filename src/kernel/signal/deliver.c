/* SPDX-License-Identifier: Apache-2.0 */
/* The user boundary: stops, delivery, restart of interrupted calls. */
#include <asm/unistd_64.h>
#include <errno.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"

/* --- job control stops --- */

void notify_parent_jobctl(struct thread_group *tg, int why)
{
	struct thread_group *pa = tg->parent;
	struct ksigaction *a;
	siginfo_t si = {.si_signo = SIGCHLD, .si_code = why};
	bool tell;

	if (!pa || !pa->leader)
		return;
	si.si_pid = pid_nr_ns(tg->leader->pid, task_pid_ns(pa->leader));
	si.si_uid = from_kuid(pa->leader->cred->user_ns, tg->leader->cred->uid);
	si.si_status = why == CLD_STOPPED ? tg->stop_signal : SIGCONT;
	mutex_lock(&pa->leader->sighand->lock);
	a = &pa->leader->sighand->action[SIGCHLD - 1];
	tell = a->handler != HANDLER_IGN && !(a->flags & SA_NOCLDSTOP);
	mutex_unlock(&pa->leader->sighand->lock);
	if (tell)
		(void)send_signal_locked(pa->leader, SIGCHLD, &si, true);
	wake_up_all(&pa->child_wait, 0);
}

/* One thread less to wait for. True when the stop is complete now: the parent is to be told. */
static bool stop_arrived(struct task *t)
{
	struct thread_group *tg = t->tg;

	if (!t->wait_stop)
		return false;
	t->wait_stop = false;
	if (tg->stop_count <= 0 || --tg->stop_count > 0)
		return false;
	tg->flags = (tg->flags & ~TG_CONTINUED) | TG_STOPPED;
	tg->leader->stop_report = tg->stop_signal;
	return true;
}

bool stop_drop(struct task *t)
{
	return stop_arrived(t);
}

static bool stay_stopped(struct task *t)
{
	bool r;

	mutex_lock(&t->sighand->lock);
	r = (t->tg->flags & TG_STOPPED) || t->tg->stop_count > 0;
	mutex_unlock(&t->sighand->lock);
	return r && !fatal_signal_pending(t);
}

/* The calling thread takes part in the group's stop, and sleeps until SIGCONT or a kill. */
static void stop_now(struct task *t)
{
	bool done;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	__atomic_and_fetch(&t->sig_flags, ~TIF_STOP, __ATOMIC_SEQ_CST);
	if (!(t->tg->flags & TG_STOPPED) && t->tg->stop_count <= 0) {
		mutex_unlock(&t->sighand->lock);
		mutex_unlock(&tasklist_lock);
		return;
	}
	__atomic_store_n(&t->state, TASK_STOPPED, __ATOMIC_RELAXED);
	done = stop_arrived(t);
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

/* Starts a stop of the group by sig, which t took from its queue. */
static void begin_stop(struct task *t, int sig)
{
	struct thread_group *tg = t->tg;
	struct task *x;

	mutex_lock(&tasklist_lock);
	if (sig != SIGSTOP && pgrp_orphaned(tg->pgrp, NULL)) {
		mutex_unlock(&tasklist_lock);
		return;
	}
	mutex_lock(&t->sighand->lock);
	if (!(tg->flags & (TG_GROUP_EXIT | TG_STOPPED | TG_EXEC)) && tg->stop_count <= 0 &&
	    !(t->pending.set & KSIGMASK(SIGKILL))) {
		tg->stop_signal = sig;
		tg->stop_count = 0;
		list_for_each_entry(x, &tg->threads, thread_node) {
			if (__atomic_load_n(&x->exiting, __ATOMIC_RELAXED))
				continue;
			x->wait_stop = true;
			tg->stop_count++;
			__atomic_or_fetch(&x->sig_flags, TIF_STOP, __ATOMIC_SEQ_CST);
			if (x != t)
				task_interrupt(x);
		}
	}
	mutex_unlock(&t->sighand->lock);
	mutex_unlock(&tasklist_lock);
	stop_now(t);
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
	mutex_unlock(&tasklist_lock);
}

/* --- choosing --- */

static void die_if_killed(struct task *t)
{
	struct thread_group *tg = t->tg;
	int code = SIGKILL;
	bool alone = false;

	if (!fatal_signal_pending(t))
		return;
	mutex_lock(&t->sighand->lock);
	if (tg->flags & TG_GROUP_EXIT)
		code = tg->group_exit_code;
	else if (tg->group_exec_task && tg->group_exec_task != t)
		alone = true;
	mutex_unlock(&t->sighand->lock);
	if (alone)
		do_exit(t, 0);
	do_group_exit(t, code);
}

/* A look without the lock: who sets the flags wakes the task afterwards, and jobctl_notify looks again under it. */
__attribute__((no_sanitize("thread"))) static bool jobctl_news(const struct thread_group *tg)
{
	return *(volatile const __typeof__(tg->flags) *)&tg->flags & (TG_NOTIFY_CONT | TG_NOTIFY_STOP);
}

/* Next signal with a handler of the guest: its number, 0 none. Stops and default actions happen inside. */
static int next_signal(struct task *t, struct ksigaction *ka, siginfo_t *info)
{
	struct ksigaction *a;
	int sig;

	for (;;) {
		if (jobctl_news(t->tg))
			jobctl_notify(t);
		if (__atomic_load_n(&t->sig_flags, __ATOMIC_SEQ_CST) & TIF_STOP)
			stop_now(t);
		die_if_killed(t);
		mutex_lock(&t->sighand->lock);
		sig = sigpending_take(&t->pending, t->blocked, info, t->tg);
		if (!sig)
			sig = sigpending_take(&t->tg->shared_pending, t->blocked, info, t->tg);
		recalc_sigpending(t);
		if (!sig) {
			mutex_unlock(&t->sighand->lock);
			return 0;
		}
		a = &t->sighand->action[sig - 1];
		*ka = *a;
		if (ka->handler > HANDLER_IGN && (ka->flags & SA_RESETHAND))
			a->handler = HANDLER_DFL;
		mutex_unlock(&t->sighand->lock);
		t->last_signo = sig;
		if (ka->handler == HANDLER_IGN)
			continue;
		if (ka->handler != HANDLER_DFL)
			return sig;
		if (KSIGMASK(sig) & SIG_IGNORE_MASK)
			continue;
		/* A namespace's first process ends by no default action but of its own faults. */
		if (t->tg->is_init && !(KSIGMASK(sig) & (SIG_KERNEL_ONLY | SIG_SYNC_MASK)) )
			continue;
		if (KSIGMASK(sig) & SIG_STOP_MASK)
			begin_stop(t, sig);
		else
			do_group_exit(t, sig);
	}
}

/* --- restart --- */

/* The call's result as a handler finds it. */
static void restart_with_handler(struct user_regs_struct *r, long ret, const struct ksigaction *ka)
{
	switch (ret) {
	case -ERESTARTSYS:
		if (ka->flags & SA_RESTART)
			break;
		fallthrough;
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		r->rax = (unsigned long long)-EINTR;
		return;
	case -ERESTARTNOINTR:
		break;
	default:
		return;
	}
	r->rax = r->orig_rax;
	r->rip -= 2;
}

static void restart_without_handler(struct user_regs_struct *r, long ret)
{
	switch (ret) {
	case -ERESTARTSYS:
	case -ERESTARTNOHAND:
	case -ERESTARTNOINTR:
		r->rax = r->orig_rax;
		r->rip -= 2;
		break;
	case -ERESTART_RESTARTBLOCK:
		r->rax = __NR_restart_syscall;
		r->rip -= 2;
		break;
	}
}

static void deliver(struct task *t, int sig, const struct ksigaction *ka, const siginfo_t *info)
{
	ksigset_t saved = t->restore_mask ? t->saved_mask : t->blocked, mask;
	int r = frame_setup(t, sig, ka, info, saved);

	if (r < 0) {
		if (sig == SIGSEGV) {
			mutex_lock(&t->sighand->lock);
			t->sighand->action[SIGSEGV - 1].handler = HANDLER_DFL;
			mutex_unlock(&t->sighand->lock);
		}
		force_signal(t, SIGSEGV, NULL);
		return;
	}
	t->restore_mask = false;
	mask = t->blocked | ka->mask;
	if (!(ka->flags & SA_NODEFER))
		mask |= KSIGMASK(sig);
	set_blocked(t, mask);
}

static void account_kernel_time(struct task *t)
{
	struct timespec ts;

	/* Once in a while: it is a call to the host. */
	if ((t->syscalls & 63) || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) != 0)
		return;
	__atomic_store_n(&t->stime, (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec,
			 __ATOMIC_RELAXED);
}

void user_boundary(struct task *t, bool in_syscall, long ret)
{
	struct user_regs_struct *r = pt_regs(t->pt);
	struct ksigaction ka;
	siginfo_t info;
	int sig;

	if (in_syscall) {
		r->rax = (unsigned long long)ret;
		/* rt_sigreturn and exec set the registers themselves: nothing to restart. */
		if ((long long)r->orig_rax < 0)
			in_syscall = false;
		account_kernel_time(t);
	}
	while (signal_pending(t)) {
		sig = next_signal(t, &ka, &info);
		r = pt_regs(t->pt);
		if (!sig)
			break;
		if (in_syscall)
			restart_with_handler(r, ret, &ka);
		in_syscall = false;
		deliver(t, sig, &ka, &info);
	}
	if (in_syscall && ret < 0)
		restart_without_handler(r, ret);
	if (t->restore_mask) {
		t->restore_mask = false;
		set_blocked(t, t->saved_mask);
	}
}
