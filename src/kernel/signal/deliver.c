/* SPDX-License-Identifier: Apache-2.0 */
/* The user boundary: stops, delivery, restart of interrupted calls. */
#include <asm/unistd_64.h>
#include <errno.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/task/coredump.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/time/clock.h"

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

/* The next signal of t, taken out of its queue; 0 none. A stop signal marks that it was taken. */
static int take_signal(struct task *t, siginfo_t *info)
{
	int sig;

	MUTEX_GUARD(&t->sighand->lock);
	sig = sigpending_take(&t->pending, t->blocked, info, t->tg);
	if (!sig)
		sig = sigpending_take(&t->tg->shared_pending, t->blocked, info, t->tg);
	recalc_sigpending(t);
	if (sig && (KSIGMASK(sig) & SIG_STOP_MASK))
		t->jobctl |= JOBCTL_STOP_DEQUEUED;
	return sig;
}

static void take_action(struct task *t, int sig, struct ksigaction *ka)
{
	struct ksigaction *a = &t->sighand->action[sig - 1];

	MUTEX_GUARD(&t->sighand->lock);
	*ka = *a;
	if (ka->handler > HANDLER_IGN && (ka->flags & SA_RESETHAND))
		a->handler = HANDLER_DFL;
}

/* Next signal with a handler of the guest: its number, 0 none. Stops and default actions happen inside. */
static int next_signal(struct task *t, struct ksigaction *ka, siginfo_t *info)
{
	int sig;

	for (;;) {
		die_if_killed(t);
		if (stop_check(t))
			continue;
		sig = take_signal(t, info);
		if (!sig)
			return 0;
		if (sig != SIGKILL && ptrace_flags(t))
			sig = ptrace_signal(t, sig, info);
		if (!sig)
			continue;
		take_action(t, sig, ka);
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
		if (KSIGMASK(sig) & SIG_STOP_MASK) {
			stop_begin(t, sig);
			continue;
		}
		if (KSIGMASK(sig) & SIG_CORE_MASK)
			core_dump(t, sig, info);
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
	bool step = __atomic_load_n(&t->trace.mode, __ATOMIC_SEQ_CST) & PT_STEP;
	int r;

	if (step)
		ptrace_step_off(t);
	r = frame_setup(t, sig, ka, info, saved);
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
	/* A step into a handler ends before its first instruction. */
	if (step)
		(void)ptrace_notify(t, SIGTRAP, 0);
}

/* A call's result is in the registers, where a tracer may have changed it, and its number with it. */
static bool restartable(const struct user_regs_struct *r, long *ret)
{
	*ret = (long)r->rax;
	return (long long)r->orig_rax >= 0 && *ret < 0;
}

void user_boundary(struct task *t, bool in_syscall, long ret)
{
	struct ksigaction ka;
	siginfo_t info;
	int sig;

	if (in_syscall) {
		/* rt_sigreturn and others that set the registers themselves leave no number: nothing to restart. */
		pt_regs(t->pt)->rax = (unsigned long long)ret;
	}
	while (signal_pending(t)) {
		sig = next_signal(t, &ka, &info);
		if (!sig)
			break;
		if (restartable(pt_regs(t->pt), &ret))
			restart_with_handler(pt_regs(t->pt), ret, &ka);
		deliver(t, sig, &ka, &info);
	}
	if (restartable(pt_regs(t->pt), &ret))
		restart_without_handler(pt_regs(t->pt), ret);
	if (t->restore_mask) {
		t->restore_mask = false;
		set_blocked(t, t->saved_mask);
	}
}
