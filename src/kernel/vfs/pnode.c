/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Propagation of mounts. Shared mounts are members of a peer group; a slave receives from a master group and may be a
 * member of a group of its own. What is mounted on or unmounted from a member happens on all that receive from it.
 * All of it under the mount lock.
 */
#include <string.h>
#include <sys/mount.h>
#include "kernel/vfs/vfs_priv.h"

#define GROUP_IDS 131072U
static uint64_t ids[GROUP_IDS / 64]; /* mount_lock: bit n: number n is in use */
static unsigned round_nr;	     /* mount_lock: marks what a walk has seen */

static int id_take(void) REQUIRES(mount_lock)
{
	ids[0] |= 1; /* no group is number 0 */
	for (unsigned w = 0; w < ARRAY_SIZE(ids); w++) {
		unsigned b;

		if (!~ids[w])
			continue;
		b = (unsigned)__builtin_ctzll(~ids[w]);
		ids[w] |= 1ULL << b;
		return (int)(w * 64 + b);
	}
	return -ENOSPC;
}

/* --- groups --- */

static void join_group(struct mount *m, struct peer_group *g) REQUIRES(mount_lock)
{
	m->group = g;
	list_add_tail(&m->peer_node, &g->members);
}

static void set_master(struct mount *m, struct peer_group *g) REQUIRES(mount_lock)
{
	list_del(&m->slave_node);
	m->master = g;
	if (g)
		list_add_tail(&m->slave_node, &g->slaves);
}

int mount_make_shared(struct mount *m)
{
	struct peer_group *g;
	int id;

	if (m->group)
		return 0;
	id = id_take();
	if (id < 0)
		return id;
	g = calloc(1, sizeof(*g));
	if (!g) {
		ids[id / 64] &= ~(1ULL << (id % 64));
		return -ENOMEM;
	}
	g->id = id;
	list_init(&g->members);
	list_init(&g->slaves);
	list_init(&g->work);
	join_group(m, g);
	return 0;
}

/* m is no peer any more. A group without members ends: its slaves receive from where m does. */
static void leave_group(struct mount *m) REQUIRES(mount_lock)
{
	struct peer_group *g = TAKE_PTR(m->group);

	if (!g)
		return;
	list_del(&m->peer_node);
	if (!list_empty(&g->members))
		return;
	while (!list_empty(&g->slaves))
		set_master(list_first_entry(&g->slaves, struct mount, slave_node), m->master);
	ids[g->id / 64] &= ~(1ULL << (g->id % 64));
	free(g);
}

int mount_set_type(struct mount *m, int type)
{
	struct peer_group *g = m->group;

	m->unbindable = type == MS_UNBINDABLE;
	if (type == MS_SHARED)
		return mount_make_shared(m);
	if (type == MS_SLAVE && g && g->members.next->next != &g->members) {
		leave_group(m); /* others are left: they are the master now */
		set_master(m, g);
		return 0;
	}
	leave_group(m);
	if (type != MS_SLAVE)
		set_master(m, NULL);
	return 0;
}

void mount_copy_type(struct mount *c, struct mount *m)
{
	if (m->group)
		join_group(c, m->group);
	set_master(c, m->master);
	c->unbindable = m->unbindable;
}

/* c receives from the copy's original and, if shared, is the first of a group of its own. */
static int make_slave_of(struct mount *c, struct mount *m, bool shared) REQUIRES(mount_lock)
{
	set_master(c, m->group ? m->group : m->master);
	return shared ? mount_make_shared(c) : 0;
}

/* --- who receives --- */

static bool can_receive(const struct mount *t, const struct mount *from, const struct dentry *at)
	REQUIRES(mount_lock)
{
	return t != from && t->ns && t->sb == from->sb && dentry_is_ancestor(t->root, at);
}

void pnode_targets(struct mount *from, struct dentry *at, struct list_head *out)
{
	LIST_HEAD(work);
	struct mount *m;

	list_init(out);
	if (!from->group)
		return;
	round_nr++;
	from->group->mark = round_nr;
	list_add_tail(&from->group->work, &work);
	while (!list_empty(&work)) {
		struct peer_group *g = list_first_entry(&work, struct peer_group, work);

		list_del(&g->work);
		list_for_each_entry(m, &g->members, peer_node)
			if (can_receive(m, from, at))
				list_add_tail(&m->target, out);
		list_for_each_entry(m, &g->slaves, slave_node) {
			if (!m->group) {
				if (can_receive(m, from, at))
					list_add_tail(&m->target, out);
			} else if (m->group->mark != round_nr) {
				m->group->mark = round_nr;
				list_add_tail(&m->group->work, &work);
			}
		}
	}
}

/* --- mounting --- */

enum copy_kind { COPY_PEER, COPY_SLAVE, COPY_SHARED_SLAVE };

/* A copy of tree for mount t, chained to *copies. */
static int copy_for(struct mount *tree, struct mount *t, enum copy_kind kind, struct list_head *copies,
		    struct list_head *drop, struct mount **ret) REQUIRES(mount_lock)
{
	struct mount *c = mount_copy_tree(tree, tree->root, true, true, drop), *a, *b;
	int r = 0;

	if (!c)
		return -ENOMEM;
	if (kind != COPY_PEER)
		for (a = tree, b = c; r == 0 && a && b; a = mount_next(a, tree), b = mount_next(b, c)) {
			leave_group(b);
			r = make_slave_of(b, a, kind == COPY_SHARED_SLAVE);
		}
	c->goes_to = t;
	list_add_tail(&c->target, copies);
	*ret = c;
	return r;
}

static void visit(struct peer_group *g, struct mount *tree, struct list_head *work) REQUIRES(mount_lock)
{
	g->mark = round_nr;
	g->tree = tree;
	list_add_tail(&g->work, work);
}

/* A slave that is a peer of others: the first of them that can receive gets the tree that the others copy. */
static int copy_to_group(struct peer_group *h, struct mount *tree, struct mount *from, struct dentry *at,
			 struct list_head *work, struct list_head *copies, struct list_head *drop) REQUIRES(mount_lock)
{
	struct mount *m, *c = tree;
	int r = 0;

	h->first = NULL;
	list_for_each_entry(m, &h->members, peer_node)
		if (can_receive(m, from, at)) {
			h->first = m;
			r = copy_for(tree, m, COPY_SHARED_SLAVE, copies, drop, &c);
			break;
		}
	visit(h, c, work);
	return r;
}

static int copy_around(struct peer_group *g, struct mount *from, struct dentry *at, struct list_head *work,
		       struct list_head *copies, struct list_head *drop) REQUIRES(mount_lock)
{
	struct mount *m, *c;
	int r = 0;

	list_for_each_entry(m, &g->members, peer_node)
		if (r == 0 && m != g->first && can_receive(m, from, at))
			r = copy_for(g->tree, m, COPY_PEER, copies, drop, &c);
	list_for_each_entry(m, &g->slaves, slave_node) {
		if (r < 0)
			break;
		if (m->group && m->group->mark != round_nr)
			r = copy_to_group(m->group, g->tree, from, at, work, copies, drop);
		else if (!m->group && can_receive(m, from, at))
			r = copy_for(g->tree, m, COPY_SLAVE, copies, drop, &c);
	}
	return r;
}

int pnode_copies(struct mount *tree, struct mount *from, struct dentry *at, struct list_head *copies,
		 struct list_head *drop)
{
	LIST_HEAD(work);
	int r = 0;

	for (struct mount *m = tree; r == 0 && m; m = mount_next(m, tree))
		r = mount_make_shared(m);
	if (r < 0)
		return r;
	round_nr++;
	from->group->first = from;
	visit(from->group, tree, &work);
	while (!list_empty(&work)) {
		struct peer_group *g = list_first_entry(&work, struct peer_group, work);

		list_del(&g->work);
		if (r == 0)
			r = copy_around(g, from, at, &work, copies, drop);
	}
	return r;
}

int pnode_dominator(const struct mount *m, const struct mnt_namespace *ns)
{
	const struct peer_group *g = m->master;

	while (g) {
		const struct mount *x, *any = NULL;

		list_for_each_entry(x, &g->members, peer_node) {
			if (x->ns == ns)
				return g == m->master ? 0 : g->id;
			any = x;
		}
		g = any ? any->master : NULL;
	}
	return 0;
}
