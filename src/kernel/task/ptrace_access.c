/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of others: who may reach it, and reaching it against its protection. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"

int ptrace_may_access(struct task *caller, const struct cred *c, struct task *o, bool fs)
{
	uint32_t uid = fs ? c->fsuid.v : c->uid.v, gid = fs ? c->fsgid.v : c->gid.v;
	const struct cred *oc;
	bool same, dumpable;
	int r = 0;

	if (caller && caller->tg == o->tg)
		return 0;
	mutex_lock(&o->lock);
	oc = cred_get(o->cred);
	dumpable = !o->mm || o->mm->dumpable;
	mutex_unlock(&o->lock);
	same = uid == oc->uid.v && uid == oc->euid.v && uid == oc->suid.v && gid == oc->gid.v && gid == oc->egid.v &&
	       gid == oc->sgid.v && dumpable && c->user_ns == oc->user_ns &&
	       !(oc->cap_permitted & ~(fs ? c->cap_effective : c->cap_permitted));
	if (!same && !ns_capable(c, oc->user_ns, CAP_SYS_PTRACE))
		r = -EPERM;
	cred_put(oc);
	return r;
}

/* --- work for a stopped task --- */

struct ptrace_work *ptrace_work_new(enum ptrace_work_kind kind, bool write, uint64_t addr, size_t len)
{
	struct ptrace_work *w = calloc(1, sizeof(*w) + len);

	if (!w)
		return NULL;
	ref_init(&w->ref);
	list_init(&w->node);
	waitq_init(&w->wait);
	w->kind = kind;
	w->write = write;
	w->addr = addr;
	w->len = len;
	return w;
}

void ptrace_work_put(struct ptrace_work *w)
{
	if (!w || !ref_put(&w->ref))
		return;
	waitq_done(&w->wait);
	free(w);
}

static ssize_t move_fp(struct task *t, struct ptrace_work *w)
{
	if (!t->pt)
		return -ESRCH;
	return w->write ? pt_fpstate_put(t->pt, w->data, w->len) : pt_fpstate_get(t->pt, w->data, w->len);
}

static struct ptrace_work *next_work(struct task *t)
{
	struct ptrace_work *w;

	MUTEX_GUARD(&t->sighand->lock);
	if (list_empty(&t->trace.work))
		return NULL;
	w = list_first_entry(&t->trace.work, struct ptrace_work, node);
	list_del(&w->node);
	return w;
}

bool ptrace_work_do(struct task *t, bool last)
{
	struct ptrace_work *w;
	bool any = false;

	while ((w = next_work(t))) {
		w->result = last ? -ESRCH : w->kind == PTRACE_WORK_FP ? move_fp(t, w) : mm_force(t, w->addr, w->data, w->len, w->write);
		__atomic_store_n(&w->done, true, __ATOMIC_SEQ_CST);
		wake_up_all(&w->wait, 0);
		ptrace_work_put(w);
		any = true;
	}
	return any;
}

ssize_t ptrace_work_run(struct task *o, struct ptrace_work *w)
{
	int r;

	mutex_lock(&tasklist_lock);
	mutex_lock(&o->sighand->lock);
	r = o->jobctl & JOBCTL_TRACED ? 0 : -ESRCH;
	if (r == 0) {
		ref_get(&w->ref);
		list_add_tail(&w->node, &o->trace.work);
		sleeper_wake(&o->sleeper);
	}
	mutex_unlock(&o->sighand->lock);
	mutex_unlock(&tasklist_lock);
	if (r == 0)
		r = wait_event(&w->wait, &current->sleeper, __atomic_load_n(&w->done, __ATOMIC_SEQ_CST),
			       TIME_FOREVER, SLEEP_KILLABLE);
	if (r < 0)
		return r == -ESRCH ? r : -ERESTARTNOINTR;
	return w->result;
}

/* A task with that memory in a stop for its tracer: + reference, NULL. o is one with that memory. */
static struct task *stopped_with(struct task *o, struct pt_as *as)
{
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	list_for_each_entry(x, &o->tg->threads, thread_node) {
		bool ok;

		mutex_lock(&x->sighand->lock);
		mutex_lock(&x->lock);
		ok = (x->jobctl & JOBCTL_TRACED) && x->mm && x->mm->as == as;
		mutex_unlock(&x->lock);
		mutex_unlock(&x->sighand->lock);
		if (ok)
			return task_get(x);
	}
	return NULL;
}

#define FORCE_MAX 65536U

static ssize_t force(struct task *o, struct pt_as *as, uint64_t addr, unsigned char *buf, size_t n, bool write)
{
	_cleanup_(task_putp) struct task *x = stopped_with(o, as);
	_cleanup_(ptrace_work_putp) struct ptrace_work *w = NULL;
	ssize_t r;

	if (!x)
		return -EIO;
	n = MIN(n, FORCE_MAX);
	w = ptrace_work_new(PTRACE_WORK_MEM, write, addr, n);
	if (!w)
		return -ENOMEM;
	if (write)
		memcpy(w->data, buf, n);
	r = ptrace_work_run(x, w);
	if (r > 0 && !write)
		memcpy(buf, w->data, (size_t)r);
	return r == -ESRCH ? -EIO : r;
}

ssize_t ptrace_access_mm(struct task *o, struct pt_as *as, uint64_t addr, void *buf, size_t n, bool write)
{
	unsigned char *p = buf;
	size_t done = 0;

	if (addr >= PT_GUEST_END)
		return -EIO;
	n = MIN(n, PT_GUEST_END - addr);
	while (done < n) {
		size_t k = write ? pt_as_write(as, uaddr(addr + done), p + done, n - done)
				 : pt_as_read(as, p + done, uaddr(addr + done), n - done);
		ssize_t r;

		done += k;
		if (done == n)
			break;
		r = force(o, as, addr + done, p + done, n - done, write);
		if (r < 0)
			return done ? (ssize_t)done : r;
		done += (size_t)r;
	}
	return (ssize_t)done;
}
