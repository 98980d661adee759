/* SPDX-License-Identifier: Apache-2.0 */
/* Pid namespaces and numbers. A pid has a number in its own namespace and in every ancestor. Numbers grow
 * upwards and are used again only after the wrap. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/task/internal.h"

#define PID_LIMIT 4194304 /* numbers are below this */
#define PID_RESERVED 300  /* after a wrap */
#define PID_LEVEL_MAX 32

static uint64_t last_ino; /* atomic */
struct mutex tasklist_lock = MUTEX_INIT(RANK_TASKLIST, "tasklist");

/* At most PID_LEVEL_MAX deep, and so is this recursion. */
static void pid_namespace_free(struct ns_common *n)
{
	struct pid_namespace *ns = container_of(n, struct pid_namespace, ns);

	pid_namespace_put(ns->parent);
	free(ns->slots);
	free(ns);
}

int pid_namespace_new(struct pid_namespace *parent, struct user_namespace *owner, struct pid_namespace **ret)
{
	struct pid_namespace *ns;
	int r;

	if (parent && parent->level + 1 >= PID_LEVEL_MAX)
		return -ENOSPC;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	r = ns_init(&ns->ns, NS_PID, owner, pid_namespace_free);
	if (r < 0) {
		free(ns);
		return r;
	}
	if (parent) {
		ns->parent = pid_namespace_get(parent);
		ns->level = parent->level + 1;
	}
	*ret = ns;
	return 0;
}

struct pid_namespace *pid_namespace_get(struct pid_namespace *ns)
{
	(void)ns_get(&ns->ns);
	return ns;
}

void pid_namespace_put(struct pid_namespace *ns)
{
	if (ns)
		ns_put(&ns->ns);
}

struct ns_common *pid_namespace_ns(struct pid_namespace *ns)
{
	return &ns->ns;
}

struct pid_namespace *pid_namespace_of(struct ns_common *ns)
{
	return container_of(ns, struct pid_namespace, ns);
}

struct pid_namespace *pid_namespace_parent(struct pid_namespace *ns)
{
	return ns->parent;
}

struct pid *pid_get(struct pid *p)
{
	ref_get(&p->ref);
	return p;
}

void pid_put(struct pid *p)
{
	if (!p || !ref_put(&p->ref))
		return;
	for (int i = 0; i <= p->level; i++)
		pid_namespace_put(p->numbers[i].ns);
	waitq_done(&p->exit_wait);
	free(p);
}

/* Index of the first slot with number ≥ nr. */
static size_t slot_find(const struct pid_namespace *ns, int nr)
{
	size_t lo = 0, hi = ns->nslots;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ns->slots[mid].nr < nr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int slot_insert(struct pid_namespace *ns, int nr, struct pid *p)
{
	size_t i;

	if (ns->nslots == ns->cap) {
		size_t cap = ns->cap ? ns->cap * 2 : 16;
		struct pid_slot *n = reallocarray(ns->slots, cap, sizeof(*n));

		if (!n)
			return -ENOMEM;
		ns->slots = n;
		ns->cap = cap;
	}
	i = slot_find(ns, nr);
	memmove(&ns->slots[i + 1], &ns->slots[i], (ns->nslots - i) * sizeof(*ns->slots));
	ns->slots[i] = (struct pid_slot){nr, p};
	ns->nslots++;
	return 0;
}

static void slot_remove(struct pid_namespace *ns, int nr, const struct pid *p)
{
	size_t i = slot_find(ns, nr);

	if (i == ns->nslots || ns->slots[i].nr != nr || ns->slots[i].pid != p)
		return;
	ns->nslots--;
	if (!ns->nslots && !ns->init)
		ns->last = 0; /* its first process did not come to be: the next is the first */
	memmove(&ns->slots[i], &ns->slots[i + 1], (ns->nslots - i) * sizeof(*ns->slots));
}

/* First free number ≥ from, PID_LIMIT when there is none. */
static int next_free(const struct pid_namespace *ns, int from)
{
	for (size_t i = slot_find(ns, from); i < ns->nslots && ns->slots[i].nr == from; i++)
		from++;
	return from;
}

/* want: that number, 0 for any. */
static int number_alloc(struct pid_namespace *ns, struct pid *p, int want)
{
	int nr = want ? want : next_free(ns, ns->last + 1), r;

	if (want && (want < 1 || want >= PID_LIMIT || (want != 1 && !ns->init)))
		return -EINVAL;
	if (want && !ns_capable(current->cred, ns_owner(&ns->ns), CAP_SYS_ADMIN) &&
	    !ns_capable(current->cred, ns_owner(&ns->ns), CAP_CHECKPOINT_RESTORE))
		return -EPERM;
	if (want && next_free(ns, want) != want)
		return -EEXIST;
	if (nr >= PID_LIMIT)
		nr = next_free(ns, PID_RESERVED);
	if (nr >= PID_LIMIT)
		return -EAGAIN;
	r = slot_insert(ns, nr, p);
	if (r < 0)
		return r;
	if (!want)
		ns->last = nr;
	return nr;
}

static void numbers_remove(struct pid *p)
{
	for (int i = 0; i <= p->level; i++)
		if (p->numbers[i].nr)
			slot_remove(p->numbers[i].ns, p->numbers[i].nr, p);
}

int pid_alloc(struct pid_namespace *ns, const int *want, unsigned nwant, struct pid **ret)
{
	size_t n = (size_t)ns->level + 1;
	struct pid *p;
	unsigned k = 0;
	int r = 0;

	if (nwant > n)
		return -EINVAL;
	p = calloc(1, sizeof(*p) + n * sizeof(p->numbers[0]));
	if (!p)
		return -ENOMEM;
	ref_init(&p->ref);
	p->level = ns->level;
	p->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	waitq_init(&p->exit_wait);
	for (int i = 0; i < PIDTYPE_MAX; i++)
		list_init(&p->tasks[i]);
	mutex_lock(&tasklist_lock);
	if (ns->dying)
		r = -ENOMEM;
	for (struct pid_namespace *x = ns; x; x = x->parent, k++) {
		p->numbers[x->level].ns = pid_namespace_get(x);
		if (r >= 0)
			r = number_alloc(x, p, k < nwant ? want[k] : 0);
		if (r > 0)
			p->numbers[x->level].nr = r;
	}
	if (r < 0)
		numbers_remove(p);
	mutex_unlock(&tasklist_lock);
	if (r < 0) {
		pid_put(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pid_free_unused(struct pid *p)
{
	mutex_lock(&tasklist_lock);
	numbers_remove(p);
	mutex_unlock(&tasklist_lock);
	pid_put(p);
}

void pid_attach(struct task *t, enum pid_type type, struct pid *p)
{
	list_add_tail(&t->pid_node[type], &p->tasks[type]);
	pid_get(p);
}

void pid_detach(struct task *t, enum pid_type type, struct pid *p)
{
	bool used = false;

	list_del(&t->pid_node[type]);
	for (int i = 0; i < PIDTYPE_MAX; i++)
		used |= !list_empty(&p->tasks[i]);
	if (!used)
		numbers_remove(p);
	pid_put(p);
}

struct task *pid_task(struct pid *p, enum pid_type type)
{
	if (!p || list_empty(&p->tasks[type]))
		return NULL;
	return list_entry(p->tasks[type].next, struct task, pid_node[type]);
}

int pid_nr_ns(const struct pid *p, const struct pid_namespace *ns)
{
	if (!p || !ns || ns->level > p->level || p->numbers[ns->level].ns != ns)
		return 0;
	return p->numbers[ns->level].nr;
}

struct pid *pid_find(struct pid_namespace *ns, int nr)
{
	size_t i = slot_find(ns, nr);

	return i < ns->nslots && ns->slots[i].nr == nr ? ns->slots[i].pid : NULL;
}

struct pid *pid_find_get(struct pid_namespace *ns, int nr)
{
	struct pid *p;

	MUTEX_GUARD(&tasklist_lock);
	p = pid_find(ns, nr);
	return p ? pid_get(p) : NULL;
}

int pid_namespace_level(const struct pid_namespace *ns)
{
	return ns->level;
}

enum pid_state pid_state(struct pid *p, bool thread)
{
	struct task *t;

	MUTEX_GUARD(&tasklist_lock);
	t = pid_task(p, thread ? PIDTYPE_PID : PIDTYPE_TGID);
	if (!t)
		return PID_GONE;
	return task_state(t) >= TASK_ZOMBIE && (thread || t->tg->nthreads == 1) ? PID_EXITED : PID_ALIVE;
}

struct pid_namespace *task_pid_ns(struct task *t)
{
	return t->pid->numbers[t->pid->level].ns;
}

int task_pid_nr(struct task *t, struct task *viewer)
{
	return pid_nr_ns(t->pid, task_pid_ns(viewer));
}

int task_tgid_nr(struct task *t, struct task *viewer)
{
	return pid_nr_ns(t->tgid_pid, task_pid_ns(viewer));
}

struct task *task_find_get(struct pid_namespace *ns, int nr)
{
	struct task *t;

	MUTEX_GUARD(&tasklist_lock);
	t = pid_task(pid_find(ns, nr), PIDTYPE_PID);
	return t ? task_get(t) : NULL;
}

struct task *task_next_get(struct pid_namespace *ns, int *nr)
{
	MUTEX_GUARD(&tasklist_lock);
	for (size_t i = slot_find(ns, *nr); i < ns->nslots; i++) {
		struct task *t = pid_task(ns->slots[i].pid, PIDTYPE_TGID);

		if (t) {
			*nr = ns->slots[i].nr;
			return task_get(t);
		}
	}
	return NULL;
}
