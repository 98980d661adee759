/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for children: wait4(2), waitid(2). */
#include "kernel/task/wait.h"

#include <errno.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"

static bool matches(struct task *t, const struct wait_params *p, struct thread_group *c)
{
	if (p->type == P_PID && c->leader->pid != p->pid)
		return false;
	if (p->type == P_PGID && c->pgrp != p->pid)
		return false;
	/* Children whose end is told by another signal than SIGCHLD are "clones". */
	if (!(p->options & __WALL) && ((c->exit_signal != SIGCHLD) != !!(p->options & __WCLONE)))
		return false;
	return true;
}

static void fill(struct task *t, struct wait_params *p, struct thread_group *c, int code, int status)
{
	p->found = pid_nr_ns(c->leader->pid, task_pid_ns(t));
	p->uid = from_kuid(t->cred->user_ns, c->leader->cred->uid);
	p->code = code;
	p->status = status;
}

static bool take_zombie(struct task *t, struct wait_params *p, struct thread_group *c)
{
	int s = c->leader->exit_code;

	if (!(p->options & WEXITED) || c->live != 0 || c->nthreads != 1 ||
	    task_state(c->leader) != TASK_ZOMBIE)
		return false;
	fill(t, p, c, WIFEXITED(s) ? CLD_EXITED : WCOREDUMP(s) ? CLD_DUMPED : CLD_KILLED, s);
	p->ru = c->self_ru;
	rusage_add(&p->ru, &c->child_ru);
	if (!(p->options & WNOWAIT)) {
		rusage_add(&t->tg->child_ru, &c->self_ru);
		rusage_add(&t->tg->child_ru, &c->child_ru);
		release_task(c->leader);
	}
	return true;
}

static bool take_jobctl(struct task *t, struct wait_params *p, struct thread_group *c)
{
	bool found = false;

	mutex_lock(&c->leader->sighand->lock);
	if ((p->options & WUNTRACED) && (c->flags & TG_STOPPED) && c->leader->stop_report) {
		fill(t, p, c, CLD_STOPPED, c->leader->stop_report << 8 | 0x7f);
		if (!(p->options & WNOWAIT))
			c->leader->stop_report = 0;
		found = true;
	} else if ((p->options & WCONTINUED) && (c->flags & TG_CONTINUED)) {
		fill(t, p, c, CLD_CONTINUED, 0xffff);
		if (!(p->options & WNOWAIT))
			c->flags &= ~TG_CONTINUED;
		found = true;
	}
	mutex_unlock(&c->leader->sighand->lock);
	p->ru = c->self_ru;
	return found;
}

/* 1: found, 0: nothing yet, -ECHILD. */
static int look(struct task *t, struct wait_params *p)
{
	struct thread_group *c, *n;
	int r = -ECHILD;

	MUTEX_GUARD(&tasklist_lock);
	list_for_each_entry_safe(c, n, &t->tg->children, sibling) {
		if (!matches(t, p, c))
			continue;
		r = 0;
		if (take_zombie(t, p, c) || take_jobctl(t, p, c))
			return 1;
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
