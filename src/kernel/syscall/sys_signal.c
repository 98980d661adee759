/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: actions, masks, sending, waiting, the alternate stack, sigreturn. */
#include <asm/unistd_64.h>
#include <errno.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

static bool valid_sig(int sig)
{
	return sig >= 1 && sig <= NSIG_GUEST;
}

/* --- actions and masks --- */

static void set_action(struct task *t, int sig, struct ksigaction *new, struct ksigaction *old)
{
	ksigset_t m = KSIGMASK(sig);
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&t->sighand->lock);
	*old = t->sighand->action[sig - 1];
	if (!new)
		return;
	new->mask &= ~SIG_KERNEL_ONLY;
	t->sighand->action[sig - 1] = *new;
	if (new->handler != HANDLER_IGN &&
	    !(new->handler == HANDLER_DFL && (m & SIG_IGNORE_MASK)))
		return;
	/* Ignored now: what is pending goes, blocked or not. */
	sigpending_drop(&t->tg->shared_pending, m, t->tg);
	list_for_each_entry(x, &t->tg->threads, thread_node) {
		sigpending_drop(&x->pending, m, t->tg);
		recalc_sigpending(x);
	}
}

long sys_rt_sigaction(struct task *t, const struct sysargs *a)
{
	int sig = arg_int(a, 0), r;
	struct ksigaction new, old;

	if (a->v[3] != sizeof(ksigset_t))
		return -EINVAL;
	if (a->v[1]) {
		r = copy_in(t, &new, arg_uaddr(a, 1), sizeof(new));
		if (r < 0)
			return r;
	}
	if (!valid_sig(sig) || (a->v[1] && (KSIGMASK(sig) & SIG_KERNEL_ONLY)))
		return -EINVAL;
	set_action(t, sig, a->v[1] ? &new : NULL, &old);
	return a->v[2] ? copy_out(t, arg_uaddr(a, 2), &old, sizeof(old)) : 0;
}

long sys_rt_sigprocmask(struct task *t, const struct sysargs *a)
{
	ksigset_t old = t->blocked, set;
	int r;

	if (a->v[3] != sizeof(ksigset_t))
		return -EINVAL;
	if (a->v[1]) {
		r = copy_in(t, &set, arg_uaddr(a, 1), sizeof(set));
		if (r < 0)
			return r;
		switch (arg_int(a, 0)) {
		case SIG_BLOCK:
			set_blocked(t, old | set);
			break;
		case SIG_UNBLOCK:
			set_blocked(t, old & ~set);
			break;
		case SIG_SETMASK:
			set_blocked(t, set);
			break;
		default:
			return -EINVAL;
		}
	}
	return a->v[2] ? put_u64(t, arg_uaddr(a, 2), old) : 0;
}

long sys_rt_sigpending(struct task *t, const struct sysargs *a)
{
	ksigset_t set;

	if (a->v[1] > sizeof(set))
		return -EINVAL;
	mutex_lock(&t->sighand->lock);
	set = (t->pending.set | t->tg->shared_pending.set) & t->blocked;
	mutex_unlock(&t->sighand->lock);
	return copy_out(t, arg_uaddr(a, 0), &set, a->v[1]);
}

long sys_rt_sigreturn(struct task *t, const struct sysargs *a __unused)
{
	if (frame_restore(t) < 0)
		force_signal(t, SIGSEGV, NULL);
	pt_regs(t->pt)->orig_rax = (unsigned long long)-1;
	return (long)pt_regs(t->pt)->rax;
}

long sys_sigaltstack(struct task *t, const struct sysargs *a)
{
	struct {
		uint64_t sp;
		int32_t flags;
		uint32_t pad;
		uint64_t size;
	} new, old = {0};
	bool on = on_altstack(t, pt_regs(t->pt)->rsp);
	unsigned mode;
	int r;

	if (a->v[0]) {
		r = copy_in(t, &new, arg_uaddr(a, 0), sizeof(new));
		if (r < 0)
			return r;
	}
	old.sp = t->altstack.sp;
	old.size = t->altstack.size;
	old.flags = t->altstack.flags | (t->altstack.size && on ? SS_ONSTACK : 0);
	if (a->v[0]) {
		mode = (unsigned)new.flags & ~(1U << 31);
		if (on)
			return -EPERM;
		if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
			return -EINVAL;
		if (mode != SS_DISABLE && new.size < 2048)
			return -ENOMEM;
		if (mode == SS_DISABLE)
			new.sp = new.size = 0;
		t->altstack = (struct guest_sigstack){
			new.sp, new.size, new.flags & ~SS_ONSTACK};
	}
	return a->v[1] ? copy_out(t, arg_uaddr(a, 1), &old, sizeof(old)) : 0;
}

/* --- sending --- */

static void user_info(struct task *t, struct task *to, int sig, int code, siginfo_t *si)
{
	memset(si, 0, sizeof(*si));
	si->si_signo = sig;
	si->si_code = code;
	si->si_pid = task_tgid_nr(t, to);
	si->si_uid = from_kuid(to->cred->user_ns, t->cred->uid);
}

/* tasklist lock held. */
static int kill_one(struct task *t, struct task *to, int sig)
{
	siginfo_t si;
	int r = may_signal(t, to, sig);

	if (r < 0 || !sig)
		return r;
	user_info(t, to, sig, SI_USER, &si);
	return send_signal_locked(to, sig, &si, true);
}

static int kill_pgrp(struct task *t, struct pid *pgrp, int sig)
{
	int r = -ESRCH, e, ok = 0;
	struct task *x;

	if (!pgrp)
		return -ESRCH;
	list_for_each_entry(x, &pgrp->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID]) {
		e = kill_one(t, x, sig);
		ok |= e == 0;
		r = e;
	}
	return ok ? 0 : r;
}

/* All of the namespace but its first process and the caller. */
static int kill_all(struct task *t, int sig)
{
	struct pid_namespace *ns = task_pid_ns(t);
	int r = -ESRCH, e;

	for (size_t i = 0; i < ns->nslots; i++) {
		struct task *x = pid_task(ns->slots[i].pid, PIDTYPE_TGID);

		if (!x || ns->slots[i].nr <= 1 || x->tg == t->tg)
			continue;
		e = kill_one(t, x, sig);
		if (e != -EPERM)
			r = e;
	}
	return r;
}

long sys_kill(struct task *t, const struct sysargs *a)
{
	int nr = arg_int(a, 0), sig = arg_int(a, 1);
	struct task *x;

	if (sig != 0 && !valid_sig(sig))
		return -EINVAL;
	if (nr == INT_MIN)
		return -ESRCH;
	MUTEX_GUARD(&tasklist_lock);
	if (nr > 0) {
		/* Any thread's number stands for its process. */
		x = pid_task(pid_find(task_pid_ns(t), nr), PIDTYPE_PID);
		return x ? kill_one(t, x->tg->leader, sig) : -ESRCH;
	}
	if (nr == -1)
		return kill_all(t, sig);
	return kill_pgrp(t, nr ? pid_find(task_pid_ns(t), -nr) : t->tg->pgrp, sig);
}

static long kill_thread(struct task *t, int tgid, int tid, int sig, const siginfo_t *info)
{
	struct task *x;
	siginfo_t si;
	int r;

	if (tid <= 0 || (sig != 0 && !valid_sig(sig)))
		return -EINVAL;
	MUTEX_GUARD(&tasklist_lock);
	x = pid_task(pid_find(task_pid_ns(t), tid), PIDTYPE_PID);
	if (!x || (tgid > 0 && task_tgid_nr(x, t) != tgid))
		return -ESRCH;
	r = may_signal(t, x, sig);
	if (r < 0 || !sig || task_state(x) >= TASK_ZOMBIE)
		return r;
	if (!info) {
		user_info(t, x, sig, SI_TKILL, &si);
		info = &si;
	}
	return send_signal_locked(x, sig, info, false);
}

long sys_tkill(struct task *t, const struct sysargs *a)
{
	return kill_thread(t, 0, arg_int(a, 0), arg_int(a, 1), NULL);
}

long sys_tgkill(struct task *t, const struct sysargs *a)
{
	if (arg_int(a, 0) <= 0)
		return -EINVAL;
	return kill_thread(t, arg_int(a, 0), arg_int(a, 1), arg_int(a, 2), NULL);
}

/* A siginfo of the caller's own making; only to itself may it pretend to be the kernel's or kill's. */
static int get_info(struct task *t, uaddr_t from, int sig, bool self, siginfo_t *si)
{
	int r = copy_in(t, si, from, sizeof(*si));

	if (r < 0)
		return r;
	si->si_signo = sig;
	return (si->si_code >= 0 || si->si_code == SI_TKILL) && !self ? -EPERM : 0;
}

long sys_rt_sigqueueinfo(struct task *t, const struct sysargs *a)
{
	int nr = arg_int(a, 0), sig = arg_int(a, 1), r;
	struct task *x;
	siginfo_t si;

	r = get_info(t, arg_uaddr(a, 2), sig, nr == task_tgid_nr(t, t), &si);
	if (r < 0)
		return r;
	if (sig != 0 && !valid_sig(sig))
		return -EINVAL;
	MUTEX_GUARD(&tasklist_lock);
	x = pid_task(pid_find(task_pid_ns(t), nr), PIDTYPE_PID);
	if (!x)
		return -ESRCH;
	r = may_signal(t, x, sig);
	return r < 0 || !sig ? r : send_signal_locked(x->tg->leader, sig, &si, true);
}

long sys_rt_tgsigqueueinfo(struct task *t, const struct sysargs *a)
{
	siginfo_t si;
	int r = get_info(t, arg_uaddr(a, 3), arg_int(a, 2), arg_int(a, 0) == task_tgid_nr(t, t), &si);

	if (r < 0)
		return r;
	if (arg_int(a, 0) <= 0)
		return -EINVAL;
	return kill_thread(t, arg_int(a, 0), arg_int(a, 1), arg_int(a, 2), &si);
}

/* --- waiting --- */

static int sleep_for_signal(struct task *t, uint64_t deadline)
{
	int r;

	do {
		sleeper_prepare(&t->sleeper);
		r = sleeper_sleep(&t->sleeper, deadline, SLEEP_INTERRUPTIBLE);
	} while (r == 0);
	return r;
}

long sys_pause(struct task *t, const struct sysargs *a __unused)
{
	int r = sleep_for_signal(t, TIME_FOREVER);

	return r == -ERESTARTSYS ? -ERESTARTNOHAND : r;
}

long sys_rt_sigsuspend(struct task *t, const struct sysargs *a)
{
	ksigset_t set;
	int r;

	if (a->v[1] != sizeof(set))
		return -EINVAL;
	r = copy_in(t, &set, arg_uaddr(a, 0), sizeof(set));
	if (r < 0)
		return r;
	set_temporary_mask(t, set);
	r = sleep_for_signal(t, TIME_FOREVER);
	return r == -ERESTARTSYS ? -ERESTARTNOHAND : r;
}

/* Signals of want are unblocked while asleep, so that their sender chooses this thread. */
static int wait_signal(struct task *t, ksigset_t want, uint64_t deadline, siginfo_t *si)
{
	ksigset_t old = t->blocked;
	int sig = dequeue_signal(t, want, si), r;

	if (sig || !deadline)
		return sig ? sig : -EAGAIN;
	t->saved_mask = old; /* ignored() looks here: an ignored signal is kept for the waiter */
	t->restore_mask = true;
	set_blocked(t, old & ~want);
	r = sleep_for_signal(t, deadline);
	t->restore_mask = false;
	set_blocked(t, old);
	sig = dequeue_signal(t, want, si);
	if (sig)
		return sig;
	return r == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(struct task *t, const struct sysargs *a)
{
	uint64_t deadline;
	ksigset_t want;
	siginfo_t si;
	int r;

	if (a->v[3] != sizeof(want))
		return -EINVAL;
	r = copy_in(t, &want, arg_uaddr(a, 0), sizeof(want));
	if (r == 0)
		r = copy_in_deadline(t, arg_uaddr(a, 2), &deadline);
	if (r < 0)
		return r;
	r = wait_signal(t, want & ~SIG_KERNEL_ONLY, deadline, &si);
	if (r > 0 && a->v[1] && copy_out(t, arg_uaddr(a, 1), &si, sizeof(si)) < 0)
		return -EFAULT;
	return r;
}

long sys_restart_syscall(struct task *t, const struct sysargs *a __unused)
{
	long (*fn)(struct task *, struct restart_block *) = t->restart.fn;

	t->restart.fn = NULL;
	return fn ? fn(t, &t->restart) : -EINTR;
}
