/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity calls that the guest's side answers without a trip (pt_answer): a task's numbers and users change seldom, and
 * only by what the kernel does. Whoever changes one publishes it; a task with entry hooks publishes nothing.
 */
#include "kernel/task/internal.h"
#include "platform/platform.h"

static bool publishes(struct task *t)
{
	return t->pt && !(__atomic_load_n(&t->sig_flags, __ATOMIC_RELAXED) & TIF_HOOKS);
}

int task_ppid_nr(struct task *t)
{
	struct thread_group *p = t->tg->parent;

	mutex_assert_held(&tasklist_lock);
	return p && p->leader ? task_tgid_nr(p->leader, t) : 0;
}

void task_publish_ppid(struct task *t)
{
	MUTEX_GUARD(&t->lock);
	if (publishes(t))
		pt_answer(t->pt, PT_ANSWER_GETPPID, (uint32_t)task_ppid_nr(t));
}

void task_publish_cred(struct task *t)
{
	const struct cred *c = t->cred;

	mutex_assert_held(&t->lock);
	if (!publishes(t))
		return;
	pt_answer(t->pt, PT_ANSWER_GETUID, c->uid.v);
	pt_answer(t->pt, PT_ANSWER_GETEUID, c->euid.v);
	pt_answer(t->pt, PT_ANSWER_GETGID, c->gid.v);
	pt_answer(t->pt, PT_ANSWER_GETEGID, c->egid.v);
}

static void publish_all(struct task *t)
{
	if (!publishes(t))
		return;
	pt_answer(t->pt, PT_ANSWER_GETPID, (uint32_t)task_tgid_nr(t, t));
	pt_answer(t->pt, PT_ANSWER_GETTID, (uint32_t)task_pid_nr(t, t));
	pt_answer(t->pt, PT_ANSWER_GETPPID, (uint32_t)task_ppid_nr(t));
	task_publish_cred(t);
}

void task_publish(struct task *t)
{
	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&t->lock);
	publish_all(t);
}

void task_update_hooks(struct task *t)
{
	bool on = kernel.strace || t->trace.tracer;

	mutex_assert_held(&tasklist_lock);
	if (on == !!(__atomic_load_n(&t->sig_flags, __ATOMIC_SEQ_CST) & TIF_HOOKS))
		return;
	if (on)
		__atomic_or_fetch(&t->sig_flags, TIF_HOOKS, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&t->sig_flags, ~TIF_HOOKS, __ATOMIC_SEQ_CST);
	MUTEX_GUARD(&t->lock);
	if (on && t->pt)
		pt_answer_none(t->pt);
	else
		publish_all(t);
}
