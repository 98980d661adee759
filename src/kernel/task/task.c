/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: memory, the kernel thread's main loop, the first task of a container. */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include "kernel/signal/internal.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/tty/tty.h"

#define KSTACK_SIZE (128 * 1024)

__thread struct task *current;
static __thread jmp_buf leave_jmp;

struct thread_group *tg_get(struct thread_group *tg)
{
	ref_get(&tg->ref);
	return tg;
}

void tg_put(struct thread_group *tg)
{
	if (!tg || !ref_put(&tg->ref))
		return;
	sigpending_flush(&tg->shared_pending, NULL);
	waitq_done(&tg->child_wait);
	waitq_done(&tg->exit_wait);
	pid_put(tg->forker);
	free(tg);
}

static struct thread_group *tg_alloc(void)
{
	struct thread_group *tg = calloc(1, sizeof(*tg));

	if (!tg)
		return NULL;
	ref_init(&tg->ref);
	list_init(&tg->threads);
	list_init(&tg->children);
	list_init(&tg->sibling);
	list_init(&tg->posix_timers);
	list_init(&tg->shared_pending.queue);
	waitq_init(&tg->child_wait);
	waitq_init(&tg->exit_wait);
	tg->exit_signal = SIGCHLD;
	return tg;
}

struct task *task_get(struct task *t)
{
	ref_get(&t->ref);
	return t;
}

void task_put(struct task *t)
{
	if (!t || !ref_put(&t->ref))
		return;
	sigpending_flush(&t->pending, t->tg);
	if (t->pt)
		pt_release(t->pt);
	if (t->mm)
		mm_put(t->mm);
	if (t->files)
		files_put(t->files);
	fs_struct_leave(t->fs);
	nsproxy_put(t->nsproxy);
	cred_put(t->cred);
	sighand_put(t->sighand);
	pid_put(t->pid);
	pid_put(t->tgid_pid);
	pid_put(t->old_pid);
	tg_put(t->tg);
	__atomic_sub_fetch(&t->ct->pids, 1, __ATOMIC_RELAXED);
	cgroup_release(t);
	sleeper_done(&t->sleeper);
	mutex_destroy(&t->lock);
	free(t->affinity);
	container_put(t->ct);
	free(t);
}

struct task *task_alloc(struct container *ct, struct thread_group *tg, struct sighand *sh)
{
	struct task *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	tg = tg ? tg_get(tg) : tg_alloc();
	if (!tg) {
		free(t);
		return NULL;
	}
	ref_init(&t->ref);
	t->ct = ct;
	t->tg = tg;
	t->sighand = sh;
	for (int i = 0; i < PIDTYPE_MAX; i++)
		list_init(&t->pid_node[i]);
	list_init(&t->thread_node);
	list_init(&t->pending.queue);
	list_init(&t->trace.tracees);
	list_init(&t->trace.node);
	list_init(&t->trace.work);
	sleeper_init(&t->sleeper, t);
	mutex_init(&t->lock, RANK_TASK, "task");
	t->timer_slack = t->default_slack = 50000;
	t->loginuid = (uint32_t)-1;
	t->mce_kill = PR_MCE_KILL_DEFAULT;
	t->altstack.flags = SS_DISABLE;
	if (kernel.strace)
		t->sig_flags = TIF_HOOKS;
	container_get(ct);
	__atomic_add_fetch(&ct->pids, 1, __ATOMIC_RELAXED);
	return t;
}

/* Links a complete task into the group, its parent's children and the pid lists. tasklist lock held. */
void task_link(struct task *t, struct thread_group *parent)
{
	struct thread_group *tg = t->tg;

	pid_attach(t, PIDTYPE_PID, t->pid);
	if (list_empty(&tg->threads)) {
		tg->leader = t;
		pid_attach(t, PIDTYPE_TGID, t->tgid_pid);
		pid_attach(t, PIDTYPE_PGID, tg->pgrp);
		pid_attach(t, PIDTYPE_SID, tg->session);
		tg->parent = parent;
		if (parent)
			list_add_tail(&tg->sibling, &parent->children);
	}
	list_add_tail(&t->thread_node, &tg->threads);
	tg->nthreads++;
	__atomic_add_fetch(&tg->live, 1, __ATOMIC_SEQ_CST);
	task_get(t); /* the lists' reference, dropped by release_task */
}

void task_doom(struct task *t)
{
	mutex_lock(&t->lock);
	if (t->pt)
		pt_doom(t->pt);
	mutex_unlock(&t->lock);
}

void task_interrupt(struct task *t)
{
	sleeper_wake(&t->sleeper);
	if (!__atomic_load_n(&t->in_guest, __ATOMIC_SEQ_CST))
		return;
	mutex_lock(&t->lock);
	if (t->pt && __atomic_load_n(&t->in_guest, __ATOMIC_SEQ_CST))
		pt_interrupt(t->pt);
	mutex_unlock(&t->lock);
}

/* --- the main loop --- */

static void handle_exception(struct task *t, const struct pt_exit *x)
{
	siginfo_t si = {.si_signo = x->signo, .si_code = x->code};
	int sig = x->signo;

	if (sig == SIGSEGV && x->code == SEGV_MAPERR && mm_grow_stack(t, x->addr))
		return;

	if (sig < 1 || sig > 31 || sig == SIGKILL || sig == SIGSTOP)
		si.si_signo = sig = SIGSEGV;
	si.si_addr = (void *)(uintptr_t)x->addr;
	t->trapno = (uint64_t)x->trapno;
	t->trap_err = x->err;
	t->trap_addr = x->addr;
	force_signal(t, sig, &si);
}

static void run_guest(struct task *t, struct pt_exit *x)
{
	uint64_t in = now_ns();

	__atomic_store_n(&t->guest_since, in, __ATOMIC_RELAXED);
	pt_run(t->pt, x);
	__atomic_store_n(&t->guest_since, 0, __ATOMIC_RELAXED);
	__atomic_add_fetch(&t->utime, now_ns() - in, __ATOMIC_RELAXED);
}

static void __noreturn task_loop(struct task *t)
{
	struct pt_exit x;
	long r;

	for (;;) {
		__atomic_store_n(&t->in_guest, 1, __ATOMIC_SEQ_CST);
		if (signal_pending(t)) {
			__atomic_store_n(&t->in_guest, 0, __ATOMIC_SEQ_CST);
			pt_regs(t->pt)->orig_rax = (unsigned long long)-1;
			user_boundary(t, false, 0);
			continue;
		}
		run_guest(t, &x);
		__atomic_fetch_add(&t->guest_turns, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&t->in_guest, 0, __ATOMIC_SEQ_CST);
		switch (x.event) {
		case PT_EV_SYSCALL:
			r = syscall_dispatch(t);
			user_boundary(t, true, r);
			break;
		case PT_EV_EXCEPTION:
			handle_exception(t, &x);
			user_boundary(t, false, 0);
			break;
		case PT_EV_INTERRUPT:
			user_boundary(t, false, 0);
			break;
		case PT_EV_DEAD:
			do_group_exit(t, SIGKILL);
		}
	}
}

static void __noreturn task_main(struct task *t)
{
	int r = 0;

	if (t->pt)
		pt_adopt(t->pt);
	if (t->tg->leader == t && cpu_limit_watch(t->tg) < 0)
		r = SIGKILL;
	if (r == 0 && t->start)
		r = t->start(t, t->start_arg);
	if (r || !t->pt)
		do_group_exit(t, r ? r : SIGKILL);
	task_publish(t);
	task_loop(t);
}

static void *task_thread(void *arg)
{
	struct task *t = arg;

	clockid_t clock;

	current = t;
	if (pthread_getcpuclockid(pthread_self(), &clock) == 0)
		__atomic_store_n(&t->host_clock, clock, __ATOMIC_RELEASE);
	if (setjmp(leave_jmp) == 0)
		task_main(t);
	current = NULL;
	task_put(t);
	return NULL;
}

void task_leave(struct task *t __unused)
{
	longjmp(leave_jmp, 1);
}

int task_run_thread(struct task *t)
{
	sigset_t all, old;
	pthread_attr_t at;
	int r;

	pthread_attr_init(&at);
	pthread_attr_setstacksize(&at, KSTACK_SIZE);
	pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* a violation of the filter must be reported */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&t->thread, &at, task_thread, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&at);
	return r ? -EAGAIN : 0;
}

/* --- first tasks --- */

static void give_tty(struct thread_group *tg, struct tty *tty)
{
	mutex_lock(&tty->lock);
	if (tty->session)
		pid_put(tty->session);
	if (tty->pgrp)
		pid_put(tty->pgrp);
	tty->session = pid_get(tg->session);
	tty->pgrp = pid_get(tg->pgrp);
	mutex_unlock(&tty->lock);
	tg->tty = tty_get(tty);
}

static void link_first(struct task *t, const struct task_params *p)
{
	mutex_lock(&tasklist_lock);
	t->tgid_pid = pid_get(t->pid);
	t->tg->pgrp = pid_get(t->pid);
	t->tg->session = pid_get(t->pid);
	task_link(t, NULL);
	if (p->init) {
		p->pid_ns->init = t;
		t->tg->is_init = true;
		t->tg->child_subreaper = true;
	}
	if (p->tty)
		give_tty(t->tg, p->tty);
	mutex_unlock(&tasklist_lock);
}

int task_create(const struct task_params *p, struct task **ret)
{
	int max = __atomic_load_n(&p->ct->pids_max, __ATOMIC_RELAXED);
	struct sighand *sh;
	struct timespec ts;
	struct task *t;
	int r;

	if (max && __atomic_load_n(&p->ct->pids, __ATOMIC_RELAXED) >= max)
		r = -EAGAIN;
	else
		r = 0;
	sh = r == 0 ? sighand_new() : NULL;
	t = sh ? task_alloc(p->ct, NULL, sh) : NULL;
	if (!t) {
		sighand_put(sh);
		cred_put(p->cred);
		files_put(p->files);
		fs_struct_put(p->fs);
		nsproxy_put(p->nsproxy);
		return r ? r : -ENOMEM;
	}
	t->cred = p->cred;
	t->files = p->files;
	t->fs = p->fs;
	t->nsproxy = p->nsproxy;
	cgroup_enter_first(t, p->ct->cgroup ? p->ct->cgroup : p->nsproxy->cgroup->root);
	t->start = p->start;
	t->start_arg = p->arg;
	t->tg->on_exit = p->on_exit;
	t->tg->on_exit_priv = p->priv;
	if (p->rlim)
		memcpy(t->tg->rlim, p->rlim, sizeof(t->tg->rlim));
	clock_gettime(CLOCK_BOOTTIME, &ts);
	t->start_ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	snprintf(t->comm, sizeof(t->comm), "init");
	r = pid_alloc(p->pid_ns, NULL, 0, &t->pid);
	if (r < 0) {
		task_put(t);
		return r;
	}
	link_first(t, p);
	*ret = task_get(t); /* the caller's; the thread owns the first reference */
	return 0;
}

void task_start(struct task *t)
{
	if (task_run_thread(t) < 0)
		task_abandon(t);
}

uint64_t task_rlimit(struct task *t, unsigned res)
{
	if (res >= RLIM_NLIMITS)
		return 0;
	return __atomic_load_n(&t->tg->rlim[res].rlim_cur, __ATOMIC_RELAXED);
}
