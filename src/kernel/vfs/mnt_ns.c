/* SPDX-License-Identifier: Apache-2.0 */
/* Mount namespaces: a tree of mounts each. */
#include <string.h>
#include <sys/mount.h>
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

struct mnt_namespace *mnt_namespace_get(struct mnt_namespace *ns)
{
	(void)ns_get(&ns->ns);
	return ns;
}

void mnt_namespace_put(struct mnt_namespace *ns)
{
	if (ns)
		ns_put(&ns->ns);
}

static void ns_free(struct ns_common *n)
{
	struct mnt_namespace *ns = container_of(n, struct mnt_namespace, ns);
	LIST_HEAD(drop);

	mutex_lock(&mount_lock);
	if (ns->root)
		mount_unlink_tree(ns->root, &drop);
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	free(ns);
}

struct ns_common *mnt_namespace_ns(struct mnt_namespace *ns)
{
	return &ns->ns;
}

struct mnt_namespace *mnt_namespace_of(struct ns_common *ns)
{
	return container_of(ns, struct mnt_namespace, ns);
}

static int ns_new(struct user_namespace *owner, struct mnt_namespace **ret)
{
	static uint64_t next_id = 1; /* atomic */
	struct mnt_namespace *ns = calloc(1, sizeof(*ns));
	int r = ns ? ns_init(&ns->ns, NS_MNT, owner, ns_free) : -ENOMEM;

	if (r < 0) {
		free(ns);
		return r;
	}
	ns->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
	*ret = ns;
	return 0;
}

int mnt_namespace_new(struct super *sb, unsigned mnt_flags, struct mnt_namespace **ret)
{
	struct mnt_namespace *ns;
	struct mount *m;
	int r = ns_new(NULL, &ns);

	if (r < 0) {
		super_put(sb);
		return r;
	}
	m = mount_internal(sb, mnt_flags);
	if (!m) {
		mnt_namespace_put(ns);
		return -ENOMEM;
	}
	ns->root = m;
	ns->nmounts = 1;
	m->ns = ns;
	*ret = ns;
	return 0;
}

/* The flags of a mount that a less privileged namespace gets: what limits it stays. */
static unsigned lock_flags(unsigned f, bool root)
{
	unsigned keep = f & (MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC);

	return f | MNT_LOCK(keep) | MNT_LOCK_ATIME | (root ? 0 : MNT_LOCKED);
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

int mnt_namespace_copy(struct mnt_namespace *old, struct user_namespace *owner, struct fs_struct *fix,
		       struct mnt_namespace **ret)
{
	struct mount *drop[2] = {NULL, NULL};
	LIST_HEAD(lost);
	bool lock = ns_owner(&old->ns) != owner;
	struct mnt_namespace *ns;
	int r = ns_new(owner, &ns);

	if (r < 0)
		return r;
	mutex_lock(&mount_lock);
	ns->root = mount_copy_tree(old->root, old->root->root, true, true, &lost);
	if (!ns->root) {
		mutex_unlock(&mount_lock);
		mount_drop_list(&lost);
		mnt_namespace_put(ns);
		return -ENOMEM;
	}
	for (struct mount *m = ns->root; m; m = mount_next(m, ns->root)) {
		m->ns = ns;
		ns->nmounts++;
		if (lock) { /* and it receives, but does not send */
			m->flags = lock_flags(m->flags, m == ns->root);
			if (m->group)
				(void)mount_set_type(m, MS_SLAVE);
		}
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

bool mnt_is_current(struct mount *m)
{
	MUTEX_GUARD(&mount_lock);
	return m->ns && current && m->ns == task_mnt_ns(current);
}

bool mnt_may_suid(const struct mount *m, const struct cred *c)
{
	if (m->flags & MNT_NOSUID)
		return false;
	MUTEX_GUARD(&mount_lock);
	return !m->ns || user_ns_is_ancestor(ns_owner(&m->ns->ns), c->user_ns);
}
