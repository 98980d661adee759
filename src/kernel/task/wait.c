/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for children: wait4(2), waitid(2). */
#include "kernel/task/wait.h"

#include <errno.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"

/* x: a child's leader, or a task that the caller traces. */
static bool matches(const struct wait_params *p, struct task *x, bool traced)
{
	struct thread_group *g = x->tg;

	if (p->type == P_PID && x->pid != p->pid)
		return false;
	if (p->type == P_PGID && g->pgrp != p->pid)
		return false;
	/* Children whose end is told by another signal than SIGCHLD are "clones". */
	if (!traced && !(p->options & __WALL) && ((g->exit_signal != SIGCHLD) != !!(p->options & __WCLONE)))
		return false;
	return true;
}

static void fill(struct task *t, struct wait_params *p, struct task *x, int code, int status)
{
	p->found = pid_nr_ns(x->pid, task_pid_ns(t));
	p->uid = from_kuid(t->cred->user_ns, x->cred->uid);
	p->code = code;
	p->status = status;
	p->ru = x->tg->self_ru;
}

/* The tracer has seen the end of a process that is somebody else's child: now that one may. */
static void hand_to_parent(struct task *x)
{
	ptrace_release(x);
	if (notify_exit(x, x->tg->exit_signal))
		release_task(x);
}

static bool take_zombie(struct task *t, struct wait_params *p, struct task *x, bool traced)
{
	struct thread_group *g = x->tg;
	bool leader = g->leader == x;
	int s;

	if (!(p->options & WEXITED) || task_state(x) != TASK_ZOMBIE || (leader && g->nthreads != 1))
		return false;
	if (!traced && x->trace.tracer)
		return false;
	s = g->flags & TG_GROUP_EXIT ? g->group_exit_code : x->exit_code;
	fill(t, p, x, WIFEXITED(s) ? CLD_EXITED : WCOREDUMP(s) ? CLD_DUMPED : CLD_KILLED, s);
	rusage_add(&p->ru, &g->child_ru);
	if (p->options & WNOWAIT)
		return true;
	if (leader && ptrace_reparented(x)) {
		hand_to_parent(x);
		return true;
	}
	if (leader) {
		rusage_add(&t->tg->child_ru, &g->self_ru);
		rusage_add(&t->tg->child_ru, &g->child_ru);
	}
	reap_task(x);
	return true;
}

static bool take_trap(struct task *t, struct wait_params *p, struct task *x)
{
	MUTEX_GUARD(&x->sighand->lock);
	if (!(x->jobctl & JOBCTL_TRACED) || (x->jobctl & JOBCTL_LISTENING) || !x->trace.code)
		return false;
	fill(t, p, x, CLD_TRAPPED, x->trace.code << 8 | 0x7f);
	if (!(p->options & WNOWAIT))
		x->trace.code = 0;
	return true;
}

static bool take_jobctl(struct task *t, struct wait_params *p, struct task *x)
{
	struct thread_group *g = x->tg;

	MUTEX_GUARD(&x->sighand->lock);
	if ((p->options & WUNTRACED) && (g->flags & TG_STOPPED) && g->leader->stop_report) {
		fill(t, p, x, CLD_STOPPED, g->leader->stop_report << 8 | 0x7f);
		if (!(p->options & WNOWAIT))
			g->leader->stop_report = 0;
		return true;
	}
	return false;
}

static bool take_continued(struct task *t, struct wait_params *p, struct task *x)
{
	struct thread_group *g = x->tg;

	MUTEX_GUARD(&x->sighand->lock);
	if (!(p->options & WCONTINUED) || !(g->flags & TG_CONTINUED))
		return false;
	fill(t, p, x, CLD_CONTINUED, 0xffff);
	if (!(p->options & WNOWAIT))
		g->flags &= ~TG_CONTINUED;
	return true;
}

/* What there is to tell of x: 1 told, 0 nothing yet, -ECHILD: nothing will come. */
static int consider(struct task *t, struct wait_params *p, struct task *x, bool traced)
{
	/* Who traces its own child sees it as a tracee in either list. */
	if (!traced && x->trace.tracer && !ptrace_reparented(x))
		traced = true;
	if (take_zombie(t, p, x, traced))
		return 1;
	if (traced ? take_trap(t, p, x) : take_jobctl(t, p, x))
		return 1;
	if (take_continued(t, p, x))
		return 1;
	if (task_state(x) == TASK_ZOMBIE && (x->tg->leader != x || x->tg->nthreads == 1) && traced)
		return p->options & (WCONTINUED | WEXITED) ? 0 : -ECHILD;
	return 0;
}

static int look_at_children(struct task *t, struct wait_params *p)
{
	struct thread_group *c, *n;
	int r = -ECHILD;

	list_for_each_entry_safe(c, n, &t->tg->children, sibling) {
		if (!matches(p, c->leader, false) || ((p->options & __WNOTHREAD) && c->forker != t->pid))
			continue;
		if (consider(t, p, c->leader, false) == 1)
			return 1;
		r = 0;
	}
	return r;
}

static int look_at_tracees(struct task *t, struct wait_params *p, struct task *tracer)
{
	struct task *x, *n;
	int r = -ECHILD, k;

	list_for_each_entry_safe(x, n, &tracer->trace.tracees, trace.node) {
		if (!matches(p, x, true))
			continue;
		k = consider(t, p, x, true);
		if (k == 1)
			return 1;
		if (k == 0)
			r = 0;
	}
	return r;
}

/* 1: found, 0: nothing yet, -ECHILD. */
static int look(struct task *t, struct wait_params *p)
{
	struct task *x;
	int r, k;

	MUTEX_GUARD(&tasklist_lock);
	r = look_at_children(t, p);
	list_for_each_entry(x, &t->tg->threads, thread_node) {
		if (r == 1)
			break;
		if ((p->options & __WNOTHREAD) && x != t)
			continue;
		k = look_at_tracees(t, p, x);
		if (k >= 0)
			r = k;
	}
	return r;
}

int do_wait(struct task *t, struct wait_params *p)
{
	struct wait_entry we;
	int r;

	p->found = 0;
	wait_entry_init(&we, &t->sleeper);
	waitq_add(&t->tg->child_wait, &we);
	for (;;) {
		sleeper_prepare(&t->sleeper);
		r = look(t, p);
		if (r != 0 || (p->options & WNOHANG))
			break;
		r = sleeper_sleep(&t->sleeper, TIME_FOREVER, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			break;
	}
	waitq_del(&we);
	return r < 0 ? r : 0;
}
