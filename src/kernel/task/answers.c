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
	pt_answer(t->pt, PT_ANSWER_GETUID, from_kuid(c->user_ns, c->uid));
	pt_answer(t->pt, PT_ANSWER_GETEUID, from_kuid(c->user_ns, c->euid));
	pt_answer(t->pt, PT_ANSWER_GETGID, from_kgid(c->user_ns, c->gid));
	pt_answer(t->pt, PT_ANSWER_GETEGID, from_kgid(c->user_ns, c->egid));
}

void task_publish(struct task *t)
{
	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&t->lock);
	if (!publishes(t))
		return;
	pt_answer(t->pt, PT_ANSWER_GETPID, (uint32_t)task_tgid_nr(t, t));
	pt_answer(t->pt, PT_ANSWER_GETTID, (uint32_t)task_pid_nr(t, t));
	pt_answer(t->pt, PT_ANSWER_GETPPID, (uint32_t)task_ppid_nr(t));
	task_publish_cred(t);
}

void task_publish_user_ns(void)
{
	struct pid_namespace *ns = task_pid_ns(current);

	MUTEX_GUARD(&tasklist_lock);
	while (ns->parent)
		ns = ns->parent;
	for (size_t i = 0; i < ns->nslots; i++) {
		struct task *t = pid_task(ns->slots[i].pid, PIDTYPE_PID);

		if (!t)
			continue;
		MUTEX_GUARD(&t->lock);
		if (t->cred->user_ns != &init_user_ns)
			task_publish_cred(t);
	}
}
