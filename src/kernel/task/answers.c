/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity calls that the guest's side answers without a trip (pt_answer): a task's numbers and users change seldom, and
 * only by what the kernel does. Whoever changes one publishes it; a task with entry hooks publishes nothing, one with
 * filters what they always allow.
 */
#include <asm/unistd_64.h>
#include "kernel/task/internal.h"
#include "kernel/task/seccomp.h"
#include "platform/platform.h"

static const int numbers[PT_ANSWERS] = {
	[PT_ANSWER_GETPID] = __NR_getpid,   [PT_ANSWER_GETTID] = __NR_gettid,   [PT_ANSWER_GETPPID] = __NR_getppid,
	[PT_ANSWER_GETUID] = __NR_getuid,   [PT_ANSWER_GETEUID] = __NR_geteuid, [PT_ANSWER_GETGID] = __NR_getgid,
	[PT_ANSWER_GETEGID] = __NR_getegid,
};

/* t->lock held. */
static void publish(struct task *t, enum pt_answer call, uint32_t value)
{
	if (t->pt && !(__atomic_load_n(&t->sig_flags, __ATOMIC_SEQ_CST) & TIF_HOOKS) &&
	    seccomp_allows(t, numbers[call]))
		pt_answer(t->pt, call, value);
}

void task_withdraw(struct task *t)
{
	MUTEX_GUARD(&t->lock);
	for (int i = 0; t->pt && i < PT_ANSWERS; i++)
		if (!seccomp_allows(t, numbers[i]))
			pt_answer_withdraw(t->pt, (enum pt_answer)i);
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
	publish(t, PT_ANSWER_GETPPID, (uint32_t)task_ppid_nr(t));
}

void task_publish_cred(struct task *t)
{
	const struct cred *c = t->cred;

	mutex_assert_held(&t->lock);
	publish(t, PT_ANSWER_GETUID, from_kuid(c->user_ns, c->uid));
	publish(t, PT_ANSWER_GETEUID, from_kuid(c->user_ns, c->euid));
	publish(t, PT_ANSWER_GETGID, from_kgid(c->user_ns, c->gid));
	publish(t, PT_ANSWER_GETEGID, from_kgid(c->user_ns, c->egid));
}

static void publish_all(struct task *t)
{
	publish(t, PT_ANSWER_GETPID, (uint32_t)task_tgid_nr(t, t));
	publish(t, PT_ANSWER_GETTID, (uint32_t)task_pid_nr(t, t));
	publish(t, PT_ANSWER_GETPPID, (uint32_t)task_ppid_nr(t));
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
	if (!on)
		publish_all(t);
	for (int i = 0; on && t->pt && i < PT_ANSWERS; i++)
		pt_answer_withdraw(t->pt, (enum pt_answer)i);
}
