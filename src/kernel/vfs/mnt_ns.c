/* SPDX-License-Identifier: Apache-2.0 */
/* Mount namespaces: a tree of mounts each. */
#include <string.h>
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

struct mnt_namespace *mnt_namespace_get(struct mnt_namespace *ns)
{
	ref_get(&ns->ref);
	return ns;
}

void mnt_namespace_put(struct mnt_namespace *ns)
{
	LIST_HEAD(drop);

	if (!ns || !ref_put(&ns->ref))
		return;
	mutex_lock(&mount_lock);
	mount_unlink_tree(ns->root, &drop);
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	free(ns);
}

static struct mnt_namespace *ns_new(void)
{
	static uint64_t next_id = 1; /* atomic */
	struct mnt_namespace *ns = calloc(1, sizeof(*ns));

	if (ns) {
		ref_init(&ns->ref);
		ns->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
	}
	return ns;
}

int mnt_namespace_new(struct super *sb, unsigned mnt_flags, struct mnt_namespace **ret)
{
	struct mnt_namespace *ns = ns_new();
	struct mount *m;

	if (!ns) {
		super_put(sb);
		return -ENOMEM;
	}
	m = mount_internal(sb, mnt_flags);
	if (!m) {
		free(ns);
		return -ENOMEM;
	}
	ns->root = m;
	ns->nmounts = 1;
	m->ns = ns;
	*ret = ns;
	return 0;
}

/* The mount of the copy at new that stands for m of the tree at old, or NULL. */
static struct mount *counterpart(struct mount *old, struct mount *new, const struct mount *m)
	REQUIRES(mount_lock)
{
	struct mount *a = old, *b = new;

	while (a && b) {
		if (a == m)
			return b;
		a = mount_next(a, old);
		b = mount_next(b, new);
	}
	return NULL;
}

/* *ret_old: a reference to put after the locks. */
static void fix_path(struct path *p, struct mount *old, struct mount *new, struct mount **ret_old)
	REQUIRES(mount_lock)
{
	struct mount *m = p->mnt ? counterpart(old, new, p->mnt) : NULL;

	if (!m)
		return;
	*ret_old = p->mnt;
	p->mnt = mount_get(m);
}

int mnt_namespace_copy(struct mnt_namespace *old, struct fs_struct *fix, struct mnt_namespace **ret)
{
	struct mnt_namespace *ns = ns_new();
	struct mount *drop[2] = {NULL, NULL};
	LIST_HEAD(lost);

	if (!ns)
		return -ENOMEM;
	mutex_lock(&mount_lock);
	ns->root = mount_copy_tree(old->root, old->root->root, true, true, &lost);
	if (!ns->root) {
		mutex_unlock(&mount_lock);
		mount_drop_list(&lost);
		free(ns);
		return -ENOMEM;
	}
	for (struct mount *m = ns->root; m; m = mount_next(m, ns->root)) {
		m->ns = ns;
		ns->nmounts++;
	}
	if (fix) {
		mutex_lock(&fix->lock);
		fix_path(&fix->root, old->root, ns->root, &drop[0]);
		fix_path(&fix->cwd, old->root, ns->root, &drop[1]);
		mutex_unlock(&fix->lock);
	}
	mutex_unlock(&mount_lock);
	mount_put(drop[0]);
	mount_put(drop[1]);
	*ret = ns;
	return 0;
}

void mnt_namespace_root(struct mnt_namespace *ns, struct path *ret)
{
	struct path p;

	mutex_lock(&mount_lock);
	p.mnt = mount_get(ns->root);
	p.dentry = dentry_get(ns->root->root);
	mutex_unlock(&mount_lock);
	follow_mount(&p);
	*ret = p;
}

void mnt_for_each(struct mnt_namespace *ns, void (*fn)(struct mount *m, void *arg), void *arg)
{
	MUTEX_GUARD(&mount_lock);
	for (struct mount *m = ns->root; m; m = mount_next(m, ns->root))
		fn(m, arg);
}

struct mnt_namespace *task_mnt_ns(struct task *t)
{
	return t->nsproxy ? t->nsproxy->mnt : NULL;
}

unsigned mnt_ns_event(struct mnt_namespace *ns)
{
	return __atomic_load_n(&ns->event, __ATOMIC_SEQ_CST);
}
