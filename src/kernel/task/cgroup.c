/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of control groups and the accounts of tasks in it. */
#include "kernel/task/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"

static struct cgroup *cgroup_new(struct cgroup *parent, const char *name)
{
	struct cgroup *c = calloc(1, sizeof(*c));

	if (c)
		c->name = strdup(name);
	if (!c || !c->name) {
		free(c);
		return NULL;
	}
	ref_init(&c->ref);
	list_init(&c->children);
	list_init(&c->sibling);
	c->pids_max = INT_MAX;
	c->parent = parent ? cgroup_get(parent) : NULL;
	return c;
}

struct cgroup *cgroup_new_root(void)
{
	return cgroup_new(NULL, "");
}

struct cgroup *cgroup_get(struct cgroup *c)
{
	ref_get(&c->ref);
	return c;
}

void cgroup_put(struct cgroup *c)
{
	while (c && ref_put(&c->ref)) {
		struct cgroup *p = c->parent;

		free(c->name);
		free(c);
		c = p;
	}
}

static struct cgroup *root_of(struct cgroup *c)
{
	while (c->parent)
		c = c->parent;
	return c;
}

static struct cgroup *child(struct cgroup *parent, const char *name)
{
	struct cgroup *c;

	list_for_each_entry(c, &parent->children, sibling)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

int cgroup_make(struct cgroup *parent, const char *name)
{
	struct cgroup *c = cgroup_new(parent, name), *root = root_of(parent);
	int r = c ? 0 : -ENOMEM;

	mutex_lock(&tasklist_lock);
	if (r == 0 && parent->dead)
		r = -ENODEV;
	else if (r == 0 && child(parent, name))
		r = -EEXIST;
	else if (r == 0 && root->total >= CGROUPS_MAX)
		r = -EAGAIN;
	if (r == 0) {
		list_add_tail(&c->sibling, &parent->children); /* the tree's reference */
		root->total++;
	}
	mutex_unlock(&tasklist_lock);
	if (r < 0)
		cgroup_put(c);
	return r;
}

int cgroup_remove(struct cgroup *parent, const char *name)
{
	struct cgroup *c;
	int r = 0;

	mutex_lock(&tasklist_lock);
	c = child(parent, name);
	if (!c)
		r = -ENOENT;
	else if (!list_empty(&c->children) || __atomic_load_n(&c->live, __ATOMIC_RELAXED) > 0)
		r = -EBUSY;
	if (r == 0) {
		list_del(&c->sibling);
		c->dead = true;
		root_of(parent)->total--;
	}
	mutex_unlock(&tasklist_lock);
	if (r == 0)
		cgroup_put(c);
	return r;
}

struct cgroup *cgroup_child_get(struct cgroup *parent, const char *name)
{
	struct cgroup *c;

	MUTEX_GUARD(&tasklist_lock);
	c = child(parent, name);
	return c ? cgroup_get(c) : NULL;
}

bool cgroup_child_name(struct cgroup *parent, long n, char name[256])
{
	struct cgroup *c;

	MUTEX_GUARD(&tasklist_lock);
	list_for_each_entry(c, &parent->children, sibling)
		if (n-- == 0) {
			snprintf(name, 256, "%s", c->name);
			return true;
		}
	return false;
}

bool cgroup_is_ancestor(const struct cgroup *a, const struct cgroup *c)
{
	while (c && c != a)
		c = c->parent;
	return c != NULL;
}

/* --- tasks --- */

static void count(struct cgroup *c, int pids, int live)
{
	for (; c; c = c->parent) {
		int now = __atomic_add_fetch(&c->pids, pids, __ATOMIC_RELAXED);

		if (pids > 0 && now > __atomic_load_n(&c->pids_peak, __ATOMIC_RELAXED))
			__atomic_store_n(&c->pids_peak, now, __ATOMIC_RELAXED);
		__atomic_add_fetch(&c->live, live, __ATOMIC_RELAXED);
	}
}

int cgroup_fork(struct task *t, struct cgroup *c)
{
	t->cgroup = c;
	t->cgroup_live = true;
	count(c, 1, 1);
	for (struct cgroup *x = c; x; x = x->parent) {
		if (__atomic_load_n(&x->pids, __ATOMIC_RELAXED) <= __atomic_load_n(&x->pids_max, __ATOMIC_RELAXED))
			continue;
		__atomic_add_fetch(&x->pids_hits, 1, __ATOMIC_RELAXED);
		return -EAGAIN; /* cgroup_release takes it back */
	}
	return 0;
}

void cgroup_enter_first(struct task *t, struct cgroup *c)
{
	t->cgroup = cgroup_get(c);
	t->cgroup_live = true;
	count(c, 1, 1);
}

static void move(struct task *t, struct cgroup *to)
{
	struct cgroup *old = t->cgroup;

	if (old == to)
		return;
	count(to, 1, t->cgroup_live);
	count(old, -1, -(int)t->cgroup_live);
	t->cgroup = cgroup_get(to);
	cgroup_put(old);
}

void cgroup_follow(struct task *t, struct task *parent)
{
	move(t, parent->cgroup);
}

void cgroup_exit(struct task *t)
{
	uint64_t user, sys;

	if (!t->cgroup || !t->cgroup_live)
		return;
	t->cgroup_live = false;
	count(t->cgroup, 0, -1);
	task_cputime(t, &user, &sys);
	for (struct cgroup *c = t->cgroup; c; c = c->parent) {
		__atomic_add_fetch(&c->user, user, __ATOMIC_RELAXED);
		__atomic_add_fetch(&c->sys, sys, __ATOMIC_RELAXED);
	}
}

void cgroup_release(struct task *t)
{
	if (!t->cgroup)
		return;
	count(t->cgroup, -1, -(int)t->cgroup_live);
	cgroup_put(TAKE_PTR(t->cgroup));
}

int cgroup_attach(struct cgroup *c, struct thread_group *tg)
{
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	if (c->dead)
		return -ENODEV;
	if (c->subtree)
		return -EBUSY;
	list_for_each_entry(x, &tg->threads, thread_node)
		if (x->cgroup_live)
			move(x, c);
	return 0;
}

/* Calls fn for each process of the current task's container that is in c or below. tasklist lock held. */
static void for_each_process(struct cgroup *c, void (*fn)(struct task *t, void *arg), void *arg)
{
	struct pid_namespace *ns = task_pid_ns(current);

	while (ns->parent)
		ns = ns->parent;
	for (size_t i = 0; i < ns->nslots; i++) {
		struct task *t = pid_task(ns->slots[i].pid, PIDTYPE_TGID);

		if (t && cgroup_is_ancestor(c, t->cgroup))
			fn(t, arg);
	}
}

static void signal_one(struct task *t, void *arg)
{
	(void)send_signal_locked(t, *(const int *)arg, NULL, true);
}

void cgroup_signal(struct cgroup *c, int sig)
{
	MUTEX_GUARD(&tasklist_lock);
	for_each_process(c, signal_one, &sig);
}

struct times {
	uint64_t user, sys;
};

static void add_times(struct task *t, void *arg)
{
	struct times *sum = arg;
	struct task *x;
	uint64_t u, s;

	list_for_each_entry(x, &t->tg->threads, thread_node) {
		if (!x->cgroup_live)
			continue;
		task_cputime(x, &u, &s);
		sum->user += u;
		sum->sys += s;
	}
}

void cgroup_cputime(struct cgroup *c, uint64_t *user, uint64_t *sys)
{
	struct times sum;

	MUTEX_GUARD(&tasklist_lock);
	sum.user = __atomic_load_n(&c->user, __ATOMIC_RELAXED);
	sum.sys = __atomic_load_n(&c->sys, __ATOMIC_RELAXED);
	for_each_process(c, add_times, &sum);
	*user = sum.user;
	*sys = sum.sys;
}

#define MMS_MAX 1024 /* more processes than that are estimated by their first ones */

struct mms {
	struct mm *mm[MMS_MAX];
	unsigned n, seen;
};

static void collect(struct task *t, void *arg)
{
	struct mms *m = arg;

	m->seen++;
	MUTEX_GUARD(&t->lock);
	if (t->mm && m->n < MMS_MAX)
		m->mm[m->n++] = mm_get(t->mm);
}

uint64_t cgroup_rss_pages(struct cgroup *c)
{
	struct mms *m = calloc(1, sizeof(*m));
	uint64_t pages = 0;

	if (!m)
		return 0;
	mutex_lock(&tasklist_lock);
	for_each_process(c, collect, m);
	mutex_unlock(&tasklist_lock);
	for (unsigned i = 0; i < m->n; i++) {
		pages += mm_rss_pages(m->mm[i]);
		mm_put(m->mm[i]);
	}
	if (m->n && m->seen > MMS_MAX)
		pages = pages * m->seen / m->n;
	free(m);
	return pages;
}

struct cgroup *task_cgroup_get(struct task *t)
{
	MUTEX_GUARD(&tasklist_lock);
	return t->cgroup ? cgroup_get(t->cgroup) : NULL;
}

size_t cgroup_path(struct cgroup *c, struct cgroup *root, char *buf, size_t cap)
{
	const struct cgroup *way[128];
	size_t n = 0, at = 0;

	buf[0] = '\0';
	while (root->parent && !cgroup_is_ancestor(root, c)) {
		at += (size_t)snprintf(buf + at, cap - at, "/..");
		root = root->parent;
		if (at >= cap)
			return cap - 1;
	}
	for (const struct cgroup *x = c; x && x != root && n < ARRAY_SIZE(way); x = x->parent)
		way[n++] = x;
	while (n > 0 && at < cap)
		at += (size_t)snprintf(buf + at, cap - at, "/%s", way[--n]->name);
	if (at == 0)
		at = (size_t)snprintf(buf, cap, "/");
	return MIN(at, cap - 1);
}
