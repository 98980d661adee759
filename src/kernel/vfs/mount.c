/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts: the tree, the table by (parent, mount point), and the changes of the tree. One lock for all
 * namespaces. Propagation types are kept for /proc but events do not propagate: each namespace belongs to one
 * sandbox, where nothing relies on it.
 */
#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

struct mutex mount_lock = MUTEX_INIT(RANK_MOUNT, "mount");

#define HASH_SIZE 1024U
static struct mount *hash_table[HASH_SIZE]; /* mount_lock */
static int next_id = 20;		    /* atomic */

static struct mount **bucket(const struct mount *m, const struct dentry *d)
{
	uint64_t h = ((uintptr_t)m >> 4) * 0x9e3779b97f4a7c15ULL ^ ((uintptr_t)d >> 4);

	return &hash_table[(h * 0xff51afd7ed558ccdULL >> 40) % HASH_SIZE];
}

/* --- objects --- */

struct mount *mount_new(struct super *sb, struct dentry *root, unsigned flags)
{
	struct mount *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	ref_init(&m->ref);
	m->sb = super_get(sb);
	m->root = dentry_get(root);
	m->flags = flags;
	m->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
	m->propagation = MS_PRIVATE;
	list_init(&m->children);
	list_init(&m->sibling);
	list_init(&m->drop);
	return m;
}

struct mount *mount_internal(struct super *sb, unsigned flags)
{
	struct mount *m = mount_new(sb, sb->root, flags);

	super_put(sb);
	return m;
}

struct mount *mount_get(struct mount *m)
{
	ref_get(&m->ref);
	return m;
}

void mount_put(struct mount *m)
{
	if (!m || !ref_put(&m->ref))
		return;
	dentry_put(m->root);
	super_put(m->sb);
	free(m);
}

/* --- the tree --- */

struct mount *mount_child(struct mount *m, struct dentry *d)
{
	MUTEX_GUARD(&mount_lock);
	for (struct mount *c = *bucket(m, d); c; c = c->hash_next)
		if (c->parent == m && c->mountpoint == d)
			return mount_get(c);
	return NULL;
}

void mount_attach(struct mount *m, struct mount *parent, struct dentry *at)
{
	struct mount **b = bucket(parent, at);

	m->parent = parent;
	m->mountpoint = dentry_get(at);
	m->hash_next = *b;
	*b = m;
	list_add_tail(&m->sibling, &parent->children);
	__atomic_add_fetch(&at->mounted, 1, __ATOMIC_RELEASE);
}

/* The reference of the mount point goes after the lock: see mount_drop_list. */
void mount_detach(struct mount *m)
{
	if (!m->parent)
		return;
	for (struct mount **p = bucket(m->parent, m->mountpoint); *p; p = &(*p)->hash_next) {
		if (*p != m)
			continue;
		*p = m->hash_next;
		break;
	}
	m->hash_next = NULL;
	list_del(&m->sibling);
	__atomic_sub_fetch(&m->mountpoint->mounted, 1, __ATOMIC_RELEASE);
	m->parent = NULL;
}

struct mount *mount_next(struct mount *m, const struct mount *root)
{
	if (!list_empty(&m->children))
		return list_first_entry(&m->children, struct mount, sibling);
	while (m != root) {
		if (m->sibling.next != &m->parent->children)
			return list_first_entry(&m->sibling, struct mount, sibling);
		m = m->parent;
	}
	return NULL;
}

void mount_unlink_tree(struct mount *root, struct list_head *drop)
{
	struct mount *m, *n;
	LIST_HEAD(all);

	for (m = root; m; m = mount_next(m, root))
		list_add_tail(&m->drop, &all);
	list_for_each_entry_safe(m, n, &all, drop) {
		mount_detach(m);
		if (m->ns)
			m->ns->nmounts--;
		m->ns = NULL;
	}
	list_splice_tail(&all, drop);
}

void mount_drop_list(struct list_head *drop)
{
	while (!list_empty(drop)) {
		struct mount *m = list_first_entry(drop, struct mount, drop);

		list_del(&m->drop);
		dentry_put(TAKE_PTR(m->mountpoint));
		mount_put(m);
	}
}

static void set_ns(struct mount *root, struct mnt_namespace *ns) REQUIRES(mount_lock)
{
	for (struct mount *m = root; m; m = mount_next(m, root)) {
		m->ns = ns;
		ns->nmounts++;
	}
}

static struct mount *copy_one(struct mount *m, struct dentry *root)
{
	struct mount *c = mount_new(m->sb, root, __atomic_load_n(&m->flags, __ATOMIC_RELAXED));

	if (c)
		c->propagation = m->propagation;
	return c;
}

/* Where the copy of parent's child goes: the copy of parent is found by walking both trees in step. */
static bool copy_children(struct mount *m, struct mount *c, struct dentry *below, bool all)
	REQUIRES(mount_lock)
{
	struct mount *k;

	list_for_each_entry(k, &m->children, sibling) {
		struct mount *n;

		if ((!all && k->propagation == MS_UNBINDABLE) ||
		    !dentry_is_ancestor(below, k->mountpoint))
			continue;
		n = copy_one(k, k->root);
		if (!n)
			return false;
		mount_attach(n, c, k->mountpoint);
		/* Depth: each level costs the guest a mount of its own; MOUNTS_MAX bounds it together
		 * with MOUNT_DEPTH in attach_tree. */
		if (!copy_children(k, n, k->root, all))
			return false;
	}
	return true;
}

struct mount *mount_copy_tree(struct mount *m, struct dentry *d, bool recursive, bool all)
{
	struct mount *c = copy_one(m, d);

	if (!c)
		return NULL;
	if (recursive && !copy_children(m, c, d, all)) {
		LIST_HEAD(drop);

		mount_unlink_tree(c, &drop);
		mutex_unlock(&mount_lock);
		mount_drop_list(&drop);
		mutex_lock(&mount_lock);
		return NULL;
	}
	return c;
}

/* --- changes --- */

#define MOUNT_DEPTH 1000

static bool too_deep(const struct mount *m) REQUIRES(mount_lock)
{
	unsigned n = 0;

	for (; m; m = m->parent)
		n++;
	return n > MOUNT_DEPTH;
}

static unsigned tree_size(struct mount *root) REQUIRES(mount_lock)
{
	unsigned n = 0;

	for (struct mount *m = root; m; m = mount_next(m, root))
		n++;
	return n;
}

static int check_mountpoint(const struct dentry *root, const struct path *at)
{
	const struct inode *a = dentry_inode(at->dentry), *r = dentry_inode(root);

	if (!a || !r)
		return -ENOENT;
	if (S_ISDIR(a->mode) != S_ISDIR(r->mode))
		return -ENOTDIR;
	return dentry_unlinked(at->dentry) ? -ENOENT : 0;
}

/* Hangs tree m (one reference goes to the tree) at *at, on top of what is mounted there. */
static int attach_tree(struct mount *m, const struct path *at) REQUIRES(mount_lock)
{
	struct mnt_namespace *ns = at->mnt->ns;
	int r = check_mountpoint(m->root, at);

	if (r < 0)
		return r;
	if (!ns)
		return -EINVAL;
	if (ns->nmounts + tree_size(m) > MOUNTS_MAX || too_deep(at->mnt))
		return -ENOSPC;
	mount_attach(m, at->mnt, at->dentry);
	set_ns(m, ns);
	return 0;
}

/* at, on top of its mounts: the caller puts it. */
static void top_of(const struct path *at, struct path *ret)
{
	*ret = *at;
	path_get(ret);
	follow_mount(ret);
}

static int attach_new(struct mount *m, const struct path *at)
{
	struct path top;
	LIST_HEAD(drop);
	int r;

	top_of(at, &top);
	mutex_lock(&mount_lock);
	r = attach_tree(m, &top);
	if (r < 0)
		mount_unlink_tree(m, &drop);
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	path_put(&top);
	return r;
}

int mount_super_at(struct super *sb, unsigned mnt_flags, const struct path *at)
{
	struct mount *m = mount_internal(sb, mnt_flags);

	return m ? attach_new(m, at) : -ENOMEM;
}

/* Would a copy of from without its mounts show what they were locked to hide? */
static bool hides_locked(const struct path *from) REQUIRES(mount_lock)
{
	struct mount *c;

	list_for_each_entry(c, &from->mnt->children, sibling)
		if ((c->flags & MNT_LOCKED) && dentry_is_ancestor(from->dentry, c->mountpoint))
			return true;
	return false;
}

int mount_bind_at(const struct path *from, bool recursive, const struct path *at)
{
	struct mount *m;

	mutex_lock(&mount_lock);
	if (from->mnt->propagation == MS_UNBINDABLE || (!recursive && hides_locked(from))) {
		mutex_unlock(&mount_lock);
		return -EINVAL;
	}
	m = mount_copy_tree(from->mnt, from->dentry, recursive, false);
	if (m)
		m->flags &= ~MNT_LOCKED;
	mutex_unlock(&mount_lock);
	return m ? attach_new(m, at) : -ENOMEM;
}

static bool is_mount_root(const struct path *p)
{
	return p->dentry == p->mnt->root;
}

static int check_umount(struct mount *m, int flags) REQUIRES(mount_lock)
{
	bool busy;

	if (!m->ns || (m->flags & MNT_LOCKED))
		return -EINVAL;
	if (!m->parent)
		return flags & MNT_DETACH ? -EINVAL : -EBUSY;
	/* The tree's reference and the caller's path. */
	busy = !list_empty(&m->children) || __atomic_load_n(&m->ref.n, __ATOMIC_RELAXED) > 2;
	if (flags & MNT_DETACH)
		return 0;
	if (busy)
		return -EBUSY;
	if ((flags & MNT_EXPIRE) && !m->expiring) {
		m->expiring = true;
		return -EAGAIN;
	}
	return 0;
}

int umount_path(struct path *p, int flags)
{
	LIST_HEAD(drop);
	int r;

	if (!is_mount_root(p))
		return -EINVAL;
	if ((flags & MNT_EXPIRE) && (flags & (MNT_FORCE | MNT_DETACH)))
		return -EINVAL;
	mutex_lock(&mount_lock);
	r = check_umount(p->mnt, flags);
	if (r == 0)
		mount_unlink_tree(p->mnt, &drop);
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	return r;
}

int mount_remount(const struct path *p, unsigned mnt_flags)
{
	const unsigned atime = MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME;
	unsigned old;

	if (!is_mount_root(p))
		return -EINVAL;
	MUTEX_GUARD(&mount_lock);
	old = p->mnt->flags;
	if ((old & MNT_LOCKS) >> 16 & ~mnt_flags & (MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC))
		return -EPERM;
	if ((old & MNT_LOCK_ATIME) && (old & atime) != (mnt_flags & atime))
		return -EPERM;
	__atomic_store_n(&p->mnt->flags, mnt_flags | (old & MNT_LOCKS), __ATOMIC_RELEASE);
	return 0;
}

int mount_set_propagation(const struct path *p, int type, bool recursive)
{
	if (!is_mount_root(p))
		return -EINVAL;
	MUTEX_GUARD(&mount_lock);
	for (struct mount *m = p->mnt; m; m = recursive ? mount_next(m, p->mnt) : NULL)
		m->propagation = type;
	return 0;
}

static bool is_below(const struct mount *m, const struct mount *root) REQUIRES(mount_lock)
{
	for (; m; m = m->parent)
		if (m == root)
			return true;
	return false;
}

int mount_move(const struct path *from, const struct path *at)
{
	struct mount *m = from->mnt;
	struct dentry *old = NULL;
	struct path top;
	int r;

	if (!is_mount_root(from))
		return -EINVAL;
	top_of(at, &top);
	mutex_lock(&mount_lock);
	r = check_mountpoint(m->root, &top);
	if (r == 0 && (!m->parent || !m->ns || top.mnt->ns != m->ns || (m->flags & MNT_LOCKED)))
		r = -EINVAL;
	if (r == 0 && is_below(top.mnt, m))
		r = -ELOOP;
	if (r == 0 && too_deep(top.mnt))
		r = -ENOSPC;
	if (r == 0) {
		mount_detach(m);
		old = m->mountpoint;
		mount_attach(m, top.mnt, top.dentry);
	}
	mutex_unlock(&mount_lock);
	dentry_put(old);
	path_put(&top);
	return r;
}

/* --- pivot_root --- */

static int check_pivot(const struct path *root, const struct path *new, const struct path *put_old)
	REQUIRES(mount_lock)
{
	struct mount *m = put_old->mnt;
	struct dentry *d = put_old->dentry;

	if (new->mnt->ns != root->mnt->ns || put_old->mnt->ns != root->mnt->ns || !root->mnt->ns)
		return -EINVAL;
	if (new->mnt == root->mnt || put_old->mnt == root->mnt)
		return -EBUSY;
	if (!is_mount_root(root) || !is_mount_root(new) || !new->mnt->parent || (new->mnt->flags & MNT_LOCKED))
		return -EINVAL;
	while (m != new->mnt) { /* put_old must be at or below new */
		if (!m->parent)
			return -EINVAL;
		d = m->mountpoint;
		m = m->parent;
	}
	return dentry_is_ancestor(new->dentry, d) && is_below(new->mnt, root->mnt) ? 0 : -EINVAL;
}

/* Tasks whose root or working directory is the old root go to the new one. */
static void move_task(struct task *t, const struct path *old, const struct path *new)
{
	struct fs_struct *fs;
	struct path drop[2] = {{0}, {0}};

	mutex_lock(&t->lock);
	fs = t->fs ? fs_struct_get(t->fs) : NULL;
	mutex_unlock(&t->lock);
	if (!fs)
		return;
	mutex_lock(&fs->lock);
	if (fs->root.mnt == old->mnt && fs->root.dentry == old->dentry) {
		drop[0] = fs->root;
		path_get(new);
		fs->root = *new;
	}
	if (fs->cwd.mnt == old->mnt && fs->cwd.dentry == old->dentry) {
		drop[1] = fs->cwd;
		path_get(new);
		fs->cwd = *new;
	}
	mutex_unlock(&fs->lock);
	path_put(&drop[0]);
	path_put(&drop[1]);
	fs_struct_put(fs);
}

static void move_tasks(struct task *self, const struct path *old, const struct path *new)
{
	struct pid_namespace *ns = task_pid_ns(self);
	struct task *t;
	int nr = 1;

	move_task(self, old, new);
	while ((t = task_next_get(ns, &nr))) {
		move_task(t, old, new);
		task_put(t);
		nr++;
	}
}

int mount_pivot(struct task *t, const struct path *new, const struct path *put_old)
{
	struct dentry *drop_new = NULL, *drop_root = NULL;
	struct mount *root_m, *parent;
	struct path root;
	int r;

	fs_get_root(t, &root);
	mutex_lock(&mount_lock);
	r = check_pivot(&root, new, put_old);
	if (r == 0) {
		root_m = root.mnt;
		parent = root_m->parent;
		if (root_m->flags & MNT_LOCKED) {
			new->mnt->flags |= MNT_LOCKED;
			root_m->flags &= ~MNT_LOCKED;
		}
		mount_detach(new->mnt);
		drop_new = new->mnt->mountpoint;
		new->mnt->mountpoint = NULL;
		if (parent) {
			mount_detach(root_m);
			drop_root = root_m->mountpoint;
			mount_attach(new->mnt, parent, drop_root);
		} else {
			new->mnt->ns->root = new->mnt;
		}
		mount_attach(root_m, put_old->mnt, put_old->dentry);
	}
	mutex_unlock(&mount_lock);
	dentry_put(drop_new);
	dentry_put(drop_root);
	if (r == 0)
		move_tasks(t, &root, new);
	path_put(&root);
	return r;
}

int mnt_want_write(struct mount *m)
{
	if ((__atomic_load_n(&m->flags, __ATOMIC_RELAXED) & MNT_READONLY) ||
	    (m->sb->flags & MS_RDONLY))
		return -EROFS;
	return 0;
}
