/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): who traces whom, and the stops of a tracee. */
#include "kernel/task/ptrace.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/ptrace.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/seccomp.h"

/* --- links --- */

static void link_tracee(struct task *o, struct task *tracer, unsigned flags)
{
	o->trace.tracer = tracer;
	list_add_tail(&o->trace.node, &tracer->trace.tracees);
	__atomic_store_n(&o->trace.flags, flags, __ATOMIC_SEQ_CST);
	__atomic_store_n(&o->trace.mode, 0, __ATOMIC_SEQ_CST);
	task_update_hooks(o);
}

/* tasklist lock held. A stop for the tracer ends, or becomes one of the group. */
static void unlink_tracee(struct task *o)
{
	struct thread_group *tg = o->tg;

	list_del(&o->trace.node);
	o->trace.tracer = NULL;
	__atomic_store_n(&o->trace.flags, 0, __ATOMIC_SEQ_CST);
	__atomic_and_fetch(&o->trace.mode, ~(PT_TRACE_SYSCALL | PT_TRACE_EMU), __ATOMIC_SEQ_CST);
	task_update_hooks(o);
	mutex_lock(&o->sighand->lock);
	jobctl_clear(o, JOBCTL_TRAP_MASK | JOBCTL_TRAPPING);
	if (!__atomic_load_n(&o->exiting, __ATOMIC_RELAXED) && ((tg->flags & TG_STOPPED) || tg->stop_count > 0))
		(void)jobctl_set(o, JOBCTL_STOP_PENDING);
	if ((o->jobctl & JOBCTL_STOP_PENDING) || (o->jobctl & JOBCTL_TRACED))
		ptrace_signal_wake(o, true);
	mutex_unlock(&o->sighand->lock);
}

void ptrace_signal_wake(struct task *t, bool resume)
{
	if (resume && !(t->jobctl & JOBCTL_FROZEN))
		t->jobctl &= ~JOBCTL_TRACED;
	__atomic_or_fetch(&t->sig_flags, TIF_SIGPENDING, __ATOMIC_SEQ_CST);
	task_interrupt(t);
}

void ptrace_trap_notify(struct task *o)
{
	if (jobctl_set(o, JOBCTL_TRAP_NOTIFY))
		ptrace_signal_wake(o, o->jobctl & JOBCTL_LISTENING);
}

/* The thread that made t's group if it still is of the parent's, else any that lives. tasklist lock held. */
static struct task *real_parent(struct task *t)
{
	struct thread_group *pa = t->tg->parent;
	struct task *x = t->tg->forker ? pid_task(t->tg->forker, PIDTYPE_PID) : NULL;

	if (x && pa && x->tg == pa && !__atomic_load_n(&x->exiting, __ATOMIC_RELAXED))
		return x;
	if (pa)
		list_for_each_entry(x, &pa->threads, thread_node)
			if (!__atomic_load_n(&x->exiting, __ATOMIC_RELAXED))
				return x;
	return NULL;
}

long ptrace_traceme(struct task *t)
{
	struct task *p;

	MUTEX_GUARD(&tasklist_lock);
	p = real_parent(t);
	if (t->trace.tracer || !p)
		return -EPERM;
	link_tracee(t, p, PT_PTRACED);
	return 0;
}

int ptrace_check_options(struct task *t, uint64_t options)
{
	if (options & ~(uint64_t)PTRACE_O_MASK)
		return -EINVAL;
	/* Only who runs freely himself and may do anything frees others of their filters. */
	if ((options & PTRACE_O_SUSPEND_SECCOMP) &&
	    (!capable(t->cred, CAP_SYS_ADMIN) || seccomp_mode(t) != SECCOMP_MODE_DISABLED ||
	     (ptrace_flags(t) & PT_SUSPEND_SECCOMP)))
		return -EPERM;
	return 0;
}

static bool trapping(struct task *o)
{
	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&o->sighand->lock);
	return o->jobctl & JOBCTL_TRAPPING;
}

long ptrace_attach(struct task *t, struct task *o, bool seize, uint64_t addr, uint64_t options)
{
	unsigned flags = PT_PTRACED;
	int r;

	if (seize) {
		if (addr || (options & ~(uint64_t)PTRACE_O_MASK))
			return -EIO;
		r = ptrace_check_options(t, options);
		if (r < 0)
			return r;
		flags |= PT_SEIZED | (unsigned)options << PT_OPT_SHIFT;
	}
	if (o->tg == t->tg || ptrace_may_access(t, t->cred, o, false) < 0)
		return -EPERM;
	mutex_lock(&tasklist_lock);
	if (task_state(o) >= TASK_ZOMBIE || o->trace.tracer) {
		mutex_unlock(&tasklist_lock);
		return -EPERM;
	}
	link_tracee(o, t, flags);
	if (!seize)
		(void)send_signal_locked(o, SIGSTOP, NULL, false);
	mutex_lock(&o->sighand->lock);
	/* Out of the group's stop, into one for the tracer: who asks must not find it running in between. */
	if ((o->jobctl & JOBCTL_STOPPED) && jobctl_set(o, JOBCTL_TRAP_STOP | JOBCTL_TRAPPING)) {
		o->jobctl &= ~JOBCTL_STOPPED;
		task_interrupt(o);
	}
	mutex_unlock(&o->sighand->lock);
	mutex_unlock(&tasklist_lock);
	(void)!wait_event(&o->tg->exit_wait, &t->sleeper, !trapping(o), TIME_FOREVER, SLEEP_KILLABLE);
	return 0;
}

int ptrace_freeze(struct task *t, struct task *o, bool any)
{
	MUTEX_GUARD(&tasklist_lock);
	if (o->trace.tracer != t)
		return -ESRCH;
	if (any)
		return 0;
	MUTEX_GUARD(&o->sighand->lock);
	if (!(o->jobctl & JOBCTL_TRACED) || (o->jobctl & JOBCTL_LISTENING) ||
	    (o->pending.set & KSIGMASK(SIGKILL)))
		return -ESRCH;
	o->jobctl |= JOBCTL_FROZEN;
	return 0;
}

void ptrace_unfreeze(struct task *o)
{
	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&o->sighand->lock);
	if (!(o->jobctl & JOBCTL_FROZEN))
		return;
	o->jobctl &= ~JOBCTL_FROZEN;
	if (o->pending.set & KSIGMASK(SIGKILL))
		ptrace_signal_wake(o, true);
}

/* o is t's no more. True: it is a zombie that nobody waits for. tasklist lock held. */
static bool let_go(struct task *t, struct task *o)
{
	unlink_tracee(o);
	if (task_state(o) != TASK_ZOMBIE)
		return false;
	if (o->tg->leader != o)
		return true;
	if (o->tg->nthreads > 1)
		return false;
	if (o->tg->parent != t->tg)
		return notify_exit(o, o->tg->exit_signal);
	if (!ignores_children(t))
		return false;
	wake_up_all(&t->tg->child_wait, 0);
	return true;
}

void ptrace_detach(struct task *t, struct task *o, int sig)
{
	ptrace_step_off(o);
	MUTEX_GUARD(&tasklist_lock);
	mutex_lock(&o->sighand->lock);
	o->trace.code = sig;
	o->jobctl &= ~JOBCTL_FROZEN;
	mutex_unlock(&o->sighand->lock);
	if (let_go(t, o))
		reap_task(o);
}

void ptrace_init_child(struct task *t, struct task *child)
{
	unsigned flags = ptrace_flags(t);

	if (!t->trace.tracer)
		return;
	link_tracee(child, t->trace.tracer, flags);
	MUTEX_GUARD(&child->sighand->lock);
	if (flags & PT_SEIZED) {
		(void)jobctl_set(child, JOBCTL_TRAP_STOP);
		return;
	}
	child->pending.set |= KSIGMASK(SIGSTOP);
	__atomic_or_fetch(&child->sig_flags, TIF_SIGPENDING, __ATOMIC_SEQ_CST);
}

void ptrace_exit_tracer(struct task *t)
{
	MUTEX_GUARD(&tasklist_lock);
	while (!list_empty(&t->trace.tracees)) {
		struct task *o = list_first_entry(&t->trace.tracees, struct task, trace.node);

		if (ptrace_flags(o) & PTRACE_O_EXITKILL << PT_OPT_SHIFT)
			(void)send_signal_locked(o, SIGKILL, NULL, false);
		if (let_go(t, o))
			reap_task(o);
	}
}

void ptrace_release(struct task *t)
{
	if (t->trace.tracer)
		unlink_tracee(t);
}

/* --- stops --- */

static void enter_stop(struct task *t, int code, int why, uint64_t message, siginfo_t *info)
{
	bool done = false;

	__atomic_store_n(&t->state, TASK_TRACED, __ATOMIC_RELAXED);
	t->jobctl |= JOBCTL_TRACED;
	t->trace.code = code;
	t->trace.message = message;
	t->trace.info = info;
	if (why == CLD_STOPPED && (t->jobctl & JOBCTL_STOP_PENDING))
		done = stop_participate(t);
	jobctl_clear(t, JOBCTL_TRAP_STOP);
	if (info && info->si_code >> 8 == PTRACE_EVENT_STOP)
		jobctl_clear(t, JOBCTL_TRAP_NOTIFY);
	jobctl_clear(t, JOBCTL_TRAPPING);
	mutex_unlock(&t->sighand->lock);
	notify_tracer_stop(t, why);
	if (done && ptrace_reparented(t))
		notify_parent_jobctl(t->tg, CLD_STOPPED);
}

static bool stays(struct task *t)
{
	MUTEX_GUARD(&t->sighand->lock);
	return t->jobctl & JOBCTL_TRACED;
}

int ptrace_stop(struct task *t, int code, int why, uint64_t message, siginfo_t *info)
{
	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	if (!t->trace.tracer || (t->pending.set & KSIGMASK(SIGKILL))) {
		mutex_unlock(&t->sighand->lock);
		mutex_unlock(&tasklist_lock);
		return code;
	}
	enter_stop(t, code, why, message, info);
	mutex_unlock(&tasklist_lock);
	for (;;) {
		sleeper_prepare(&t->sleeper);
		if (ptrace_work_do(t, false))
			continue;
		if (!stays(t))
			break;
		t->sleeper.task = NULL; /* as in a group stop */
		(void)!sleeper_sleep(&t->sleeper, TIME_FOREVER, SLEEP_UNINTERRUPTIBLE);
		t->sleeper.task = t;
	}
	mutex_lock(&t->sighand->lock);
	code = t->trace.code;
	t->trace.code = 0;
	t->trace.message = 0;
	t->trace.info = NULL;
	t->jobctl &= ~(JOBCTL_LISTENING | JOBCTL_FROZEN);
	__atomic_store_n(&t->state, TASK_RUNNING, __ATOMIC_RELAXED);
	recalc_sigpending(t);
	mutex_unlock(&t->sighand->lock);
	(void)ptrace_work_do(t, true);
	return code;
}

static int notify_as(struct task *t, int sig, int code, int why, uint64_t message)
{
	siginfo_t si = {.si_signo = sig, .si_code = code};

	si.si_pid = task_pid_nr(t, t);
	si.si_uid = from_kuid(t->cred->user_ns, t->cred->uid);
	return ptrace_stop(t, code, why, message, &si);
}

int ptrace_notify(struct task *t, int code, uint64_t message)
{
	return notify_as(t, SIGTRAP, code, CLD_TRAPPED, message);
}

bool ptrace_event_enabled(const struct task *t, int event)
{
	return ptrace_flags(t) & PT_EVENT(event);
}

void ptrace_event(struct task *t, int event, uint64_t message)
{
	if (ptrace_event_enabled(t, event))
		(void)ptrace_notify(t, event << 8 | SIGTRAP, message);
	else if (event == PTRACE_EVENT_EXEC && (ptrace_flags(t) & (PT_PTRACED | PT_SEIZED)) == PT_PTRACED)
		(void)send_signal_task(t, SIGTRAP, &(siginfo_t){.si_signo = SIGTRAP, .si_code = SI_USER,
								.si_pid = task_pid_nr(t, t),
								.si_uid = from_kuid(t->cred->user_ns, t->cred->uid)});
}

/* The number of pid as t's tracer sees it. */
static int nr_for_tracer(struct task *t, struct pid *pid)
{
	MUTEX_GUARD(&tasklist_lock);
	return t->trace.tracer ? pid_nr_ns(pid, task_pid_ns(t->trace.tracer)) : 0;
}

int ptrace_tid(struct task *t)
{
	return nr_for_tracer(t, t->pid);
}

void ptrace_event_pid(struct task *t, int event, struct pid *pid)
{
	if (ptrace_event_enabled(t, event))
		ptrace_event(t, event, (uint64_t)nr_for_tracer(t, pid));
}

static void from_tracer(struct task *t, int sig, siginfo_t *info)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = SI_USER;
	MUTEX_GUARD(&tasklist_lock);
	if (!t->trace.tracer)
		return;
	info->si_pid = task_pid_nr(t->trace.tracer, t);
	info->si_uid = from_kuid(t->cred->user_ns, t->trace.tracer->cred->uid);
}

int ptrace_signal(struct task *t, int sig, siginfo_t *info)
{
	bool again;

	mutex_lock(&t->sighand->lock);
	/* Whatever the tracer makes of it may be a stop. */
	t->jobctl |= JOBCTL_STOP_DEQUEUED;
	mutex_unlock(&t->sighand->lock);
	sig = ptrace_stop(t, sig, CLD_TRAPPED, 0, info);
	if (!sig)
		return 0;
	if (sig != info->si_signo)
		from_tracer(t, sig, info);
	mutex_lock(&t->sighand->lock);
	again = (t->blocked & KSIGMASK(sig)) || (t->pending.set & KSIGMASK(SIGKILL));
	mutex_unlock(&t->sighand->lock);
	if (again)
		(void)send_signal_task(t, sig, info);
	return again ? 0 : sig;
}

void ptrace_trap(struct task *t)
{
	struct thread_group *tg = t->tg;
	unsigned pending;
	bool seized = ptrace_flags(t) & PT_SEIZED, stopped;
	int sig;

	mutex_lock(&t->sighand->lock);
	if (t->jobctl & JOBCTL_STOP_PENDING)
		(void)jobctl_set(t, JOBCTL_TRAP_STOP);
	pending = t->jobctl & JOBCTL_TRAP_MASK;
	sig = t->stop_sig ? t->stop_sig : tg->stop_signal;
	stopped = tg->stop_count > 0 || (tg->flags & TG_STOPPED);
	if (!pending)
		jobctl_clear(t, 0);
	mutex_unlock(&t->sighand->lock);
	if (!pending)
		return;
	if (seized) {
		if (!stopped || !sig)
			sig = SIGTRAP;
		(void)notify_as(t, sig, sig | PTRACE_EVENT_STOP << 8, CLD_STOPPED, 0);
	} else {
		(void)ptrace_stop(t, sig ? sig : SIGSTOP, CLD_STOPPED, 0, NULL);
	}
}

/* --- system calls --- */

void ptrace_step_off(struct task *t)
{
	uint32_t was = __atomic_fetch_and(&t->trace.mode, ~(PT_STEP | PT_STEP_CALL | PT_FORCED_TF), __ATOMIC_SEQ_CST);

	if (was & PT_FORCED_TF)
		pt_regs(t->pt)->eflags &= ~0x100ULL;
}

static void report_call(struct task *t, uint64_t message)
{
	unsigned f = ptrace_flags(t);
	siginfo_t si = {.si_code = SI_KERNEL};
	int sig;

	if (!(f & PT_PTRACED))
		return;
	sig = ptrace_notify(t, SIGTRAP | (f & PT_EVENT(0) ? 0x80 : 0), message);
	si.si_signo = sig;
	/* Not the same as going on with a signal, but what programs expect. */
	if (sig)
		(void)send_signal_task(t, sig, &si);
}

static bool enter(struct task *t, long *ret)
{
	uint32_t mode = __atomic_load_n(&t->trace.mode, __ATOMIC_SEQ_CST);
	struct user_regs_struct *r = pt_regs(t->pt);
	bool skip;

	if (!(mode & (PT_TRACE_SYSCALL | PT_TRACE_EMU)))
		return false;
	r->rax = (unsigned long long)-ENOSYS;
	report_call(t, PTRACE_EVENTMSG_SYSCALL_ENTRY);
	r = pt_regs(t->pt);
	/* A number is 32 bits wide, and -1 is none. */
	r->orig_rax = (unsigned long long)(int)r->orig_rax;
	skip = fatal_signal_pending(t) || (mode & PT_TRACE_EMU) || (int)r->orig_rax == -1;
	*ret = (long)r->rax;
	return skip;
}

static void leave(struct task *t, long ret)
{
	uint32_t mode = __atomic_load_n(&t->trace.mode, __ATOMIC_SEQ_CST);
	struct user_regs_struct *r = pt_regs(t->pt);

	r->rax = (unsigned long long)ret;
	if ((mode & PT_STEP_CALL) && !(mode & PT_TRACE_EMU)) {
		siginfo_t si = {.si_signo = SIGTRAP, .si_code = TRAP_BRKPT};

		si.si_addr = (void *)(uintptr_t)r->rip;
		t->trapno = 1;
		t->trap_err = 0;
		force_signal(t, SIGTRAP, &si);
	} else if (mode & PT_TRACE_SYSCALL) {
		report_call(t, PTRACE_EVENTMSG_SYSCALL_EXIT);
	}
}

const struct entry_hook ptrace_hook = {"ptrace", enter, leave};
