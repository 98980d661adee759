/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membarrier(2). A thread that runs guest code is interrupted, and the call waits until it has come to the user boundary: the
 * host enters its kernel for that on the thread's CPU and comes back by iret, which is a full barrier there and makes the
 * CPU fetch its instructions anew. A thread at the boundary does not run; it passes as many barriers on its way out.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include "kernel/mm/mm.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"

#define REGISTERED_GLOBAL MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
#define POLL_NS 20000

struct reached { /* a thread that ran guest code when the call began */
	struct task *task;
	uint32_t turns;
};
struct reaching {
	struct reached *v;
	size_t n, cap;
	bool failed;
};

static void note(struct reaching *l, struct task *x)
{
	uint32_t turns = __atomic_load_n(&x->guest_turns, __ATOMIC_SEQ_CST);

	if (!__atomic_load_n(&x->in_guest, __ATOMIC_SEQ_CST) || l->failed)
		return;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct reached *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v) {
			l->failed = true;
			return;
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = (struct reached){task_get(x), turns};
}

/* mm: threads of that memory. NULL: all in t's outermost pid namespace, or those whose memory is registered. */
static void collect(struct task *t, struct mm *mm, bool registered, struct reaching *l)
{
	struct pid_namespace *ns = task_pid_ns(t);

	while (ns->parent)
		ns = ns->parent;
	MUTEX_GUARD(&tasklist_lock);
	for (size_t i = 0; i < ns->nslots; i++) {
		struct task *x = pid_task(ns->slots[i].pid, PIDTYPE_PID);

		if (!x || x == t)
			continue;
		mutex_lock(&x->lock);
		if (x->mm && (mm ? x->mm == mm
				 : !registered || (__atomic_load_n(&x->mm->membarrier, __ATOMIC_SEQ_CST) & REGISTERED_GLOBAL)))
			note(l, x);
		mutex_unlock(&x->lock);
	}
}

static bool has_passed(const struct reached *r)
{
	return __atomic_load_n(&r->task->guest_turns, __ATOMIC_SEQ_CST) != r->turns ||
	       !__atomic_load_n(&r->task->in_guest, __ATOMIC_SEQ_CST);
}

static long barrier(struct task *t, struct mm *mm, bool registered)
{
	struct reaching l = {0};
	int r = 0;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	collect(t, mm, registered, &l);
	for (size_t i = 0; i < l.n && !l.failed; i++)
		task_interrupt(l.v[i].task);
	for (size_t i = 0; i < l.n; i++) {
		while (r == 0 && !l.failed && !has_passed(&l.v[i])) {
			sleeper_prepare(&t->sleeper);
			r = sleeper_sleep(&t->sleeper, now_ns() + POLL_NS, SLEEP_KILLABLE);
			r = r == -ETIMEDOUT ? 0 : r;
		}
		task_put(l.v[i].task);
	}
	free(l.v);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return l.failed ? -ENOMEM : r < 0 ? -EINTR : 0;
}

static long private_barrier(struct task *t, uint32_t registration)
{
	if (!(__atomic_load_n(&t->mm->membarrier, __ATOMIC_SEQ_CST) & registration))
		return -EPERM;
	return barrier(t, t->mm, false);
}

static long enlist(struct task *t, uint32_t registration)
{
	__atomic_fetch_or(&t->mm->membarrier, registration, __ATOMIC_SEQ_CST);
	return 0;
}

long sys_membarrier(struct task *t, const struct sysargs *a)
{
	int cmd = arg_int(a, 0);

	if (arg_u32(a, 1)) /* a CPU is named for restartable sequences alone, which there are none */
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
		       MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
		       MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |
		       (1 << 9);
	case MEMBARRIER_CMD_GLOBAL:
		return barrier(t, NULL, false);
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		return barrier(t, NULL, true);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		return private_barrier(t, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		return private_barrier(t, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		return enlist(t, (uint32_t)cmd);
	case 1 << 9: /* MEMBARRIER_CMD_GET_REGISTRATIONS */
		return __atomic_load_n(&t->mm->membarrier, __ATOMIC_SEQ_CST);
	}
	return -EINVAL;
}
