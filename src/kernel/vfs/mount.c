/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts: one tree for each namespace, and trees that a descriptor alone keeps. One lock for all of them; who
 * receives whose mounts is in pnode.c.
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
static uint64_t next_unique = 1ULL << 32;   /* atomic */
struct waitq mounts_changed = {.lock = MUTEX_INIT(RANK_WAITQ, "mounts"),
			       .entries = {&mounts_changed.entries, &mounts_changed.entries}};

void mnt_ns_touch(struct mnt_namespace *ns)
{
	__atomic_add_fetch(&ns->event, 1, __ATOMIC_SEQ_CST);
	wake_up_all(&mounts_changed, 0);
}

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
	m->unique_id = __atomic_fetch_add(&next_unique, 1, __ATOMIC_RELAXED);
	list_init(&m->peer_node);
	list_init(&m->slave_node);
	list_init(&m->target);
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

/* m alone leaves its place, its namespace and its peers. */
static void unlink_one(struct mount *m, struct list_head *drop) REQUIRES(mount_lock)
{
	mount_detach(m);
	(void)mount_set_type(m, MS_PRIVATE);
	if (m->ns) {
		m->ns->nmounts--;
		mnt_ns_touch(m->ns);
	}
	m->ns = NULL;
	m->detached = false;
	list_add_tail(&m->drop, drop);
}

void mount_unlink_tree(struct mount *root, struct list_head *drop)
{
	struct mount *m, *n;
	LIST_HEAD(all);

	for (m = root; m; m = mount_next(m, root))
		list_add_tail(&m->drop, &all);
	list_for_each_entry_safe(m, n, &all, drop) {
		list_del(&m->drop);
		unlink_one(m, drop);
	}
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

static struct mount *copy_one(struct mount *m, struct dentry *root) REQUIRES(mount_lock)
{
	struct mount *c = mount_new(m->sb, root, __atomic_load_n(&m->flags, __ATOMIC_RELAXED));

	if (c)
		mount_copy_type(c, m);
	return c;
}

/* Where the copy of parent's child goes: the copy of parent is found by walking both trees in step. */
static bool copy_children(struct mount *m, struct mount *c, struct dentry *below, bool all)
	REQUIRES(mount_lock)
{
	struct mount *k;

	list_for_each_entry(k, &m->children, sibling) {
		struct mount *n;

		if ((!all && k->unbindable) ||
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

struct mount *mount_copy_tree(struct mount *m, struct dentry *d, bool recursive, bool all, struct list_head *drop)
{
	struct mount *c = copy_one(m, d);

	if (c && recursive && !copy_children(m, c, d, all)) {
		mount_unlink_tree(c, drop);
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

	if (!a || !r || (a->op && a->op->jump_link)) /* never on a link of /proc/PID/fd */
		return -ENOENT;
	if (S_ISDIR(a->mode) != S_ISDIR(r->mode))
		return -ENOTDIR;
	return dentry_unlinked(at->dentry) ? -ENOENT : 0;
}

/* Room for tree m in ns, beside what is on its way there already? */
static int check_room(struct mnt_namespace *ns, struct mount *m) REQUIRES(mount_lock)
{
	unsigned n = tree_size(m);

	if (ns->nmounts + ns->coming + n > MOUNTS_MAX)
		return -ENOSPC;
	ns->coming += n;
	return 0;
}

/* Is m in none, or in another namespace than the caller's? Threads that are no tasks act in all of them. */
static bool is_foreign(struct mount *m) REQUIRES(mount_lock)
{
	const struct mount *root = m;

	while (root->parent)
		root = root->parent;
	if (root->detached)
		return false;
	return !m->ns || (current && m->ns != task_mnt_ns(current));
}

/* Tree m becomes mounted on parent; what is mounted there now comes on top of it. */
static void commit(struct mount *m, struct mount *parent, struct dentry *at) REQUIRES(mount_lock)
{
	struct mount *over = NULL;

	for (struct mount *c = *bucket(parent, at); c; c = c->hash_next)
		if (c->parent == parent && c->mountpoint == at)
			over = c;
	m->detached = false;
	mount_attach(m, parent, at);
	if (over) {
		mount_detach(over);
		dentry_put(over->mountpoint); /* not the last reference: m has one */
		mount_attach(over, m, m->root);
	}
	set_ns(m, parent->ns);
	mnt_ns_touch(parent->ns);
}

static void drop_copies(struct list_head *copies, struct list_head *drop) REQUIRES(mount_lock)
{
	while (!list_empty(copies)) {
		struct mount *c = list_first_entry(copies, struct mount, target);

		list_del(&c->target);
		mount_unlink_tree(c, drop);
	}
}

static int check_place(const struct mount *m, const struct path *at) REQUIRES(mount_lock)
{
	int r = check_mountpoint(m->root, at);

	if (r < 0)
		return r;
	if (!at->mnt->ns || is_foreign(at->mnt))
		return -EINVAL;
	return too_deep(at->mnt) ? -ENOSPC : 0;
}

/* Hangs tree m, which is nowhere now, at *at, and copies of it on all that receive from there. On failure nothing has
 * changed, but that m may be shared now. */
static int attach_tree(struct mount *m, const struct path *at, struct list_head *drop) REQUIRES(mount_lock)
{
	LIST_HEAD(copies);
	struct mount *c;
	int r = check_place(m, at);

	if (r < 0)
		return r;
	r = check_room(at->mnt->ns, m);
	if (r == 0 && at->mnt->group)
		r = pnode_copies(m, at->mnt, at->dentry, &copies, drop);
	list_for_each_entry(c, &copies, target)
		if (r == 0)
			r = check_room(c->goes_to->ns, c);
	at->mnt->ns->coming = 0;
	list_for_each_entry(c, &copies, target)
		c->goes_to->ns->coming = 0;
	if (r < 0) {
		drop_copies(&copies, drop);
		return r;
	}
	commit(m, at->mnt, at->dentry);
	while (!list_empty(&copies)) {
		c = list_first_entry(&copies, struct mount, target);
		list_del(&c->target);
		commit(c, c->goes_to, at->dentry);
	}
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
	r = attach_tree(m, &top, &drop);
	if (r < 0)
		mount_unlink_tree(m, &drop);
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	path_put(&top);
	return r;
}

int mount_super_at(struct super *sb, unsigned mnt_flags, const struct path *at)
{
	struct mount *m;
	struct path top;
	bool again;

	top_of(at, &top);
	again = top.mnt->sb == sb && top.dentry == top.mnt->root;
	path_put(&top);
	if (again) { /* the same file system twice on one place */
		super_put(sb);
		return -EBUSY;
	}
	m = mount_internal(sb, mnt_flags);
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

/* A copy of what is at from, out of every namespace. */
static int copy_from(const struct path *from, bool recursive, struct mount **ret)
{
	LIST_HEAD(drop);
	int r = 0;

	mutex_lock(&mount_lock);
	if (from->mnt->unbindable || is_foreign(from->mnt) || (!recursive && hides_locked(from)))
		r = -EINVAL;
	else
		*ret = mount_copy_tree(from->mnt, from->dentry, recursive, false, &drop);
	if (r == 0 && *ret)
		(*ret)->flags &= ~MNT_LOCKED;
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

int mount_bind_at(const struct path *from, bool recursive, const struct path *at)
{
	struct mount *m;
	int r = copy_from(from, recursive, &m);

	return r < 0 ? r : attach_new(m, at);
}

static bool is_mount_root(const struct path *p)
{
	return p->dentry == p->mnt->root;
}

/* --- detached trees --- */

/* The caller's path takes a reference of its own: the tree's goes at mount_dissolve. */
static void detached_path(struct mount *m, struct path *ret)
{
	ret->mnt = mount_get(m);
	ret->dentry = dentry_get(m->root);
}

int mount_detached(struct super *sb, unsigned mnt_flags, struct path *ret)
{
	struct mount *m = mount_internal(sb, mnt_flags);

	if (!m)
		return -ENOMEM;
	m->detached = true;
	detached_path(m, ret);
	return 0;
}

int mount_detached_copy(const struct path *from, bool recursive, struct path *ret)
{
	struct mount *m;
	int r = copy_from(from, recursive, &m);

	if (r < 0)
		return r;
	mutex_lock(&mount_lock);
	m->detached = true;
	mutex_unlock(&mount_lock);
	detached_path(m, ret);
	return 0;
}

void mount_dissolve(struct mount *m)
{
	LIST_HEAD(drop);

	mutex_lock(&mount_lock);
	if (m->detached)
		mount_unlink_tree(m, &drop);
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
}

/* --- unmounting --- */

static bool in_use(const struct mount *m, int refs)
{
	return (int)__atomic_load_n(&m->ref.n, __ATOMIC_RELAXED) > refs;
}

/* The only mount on m, when it covers m wholly. */
static struct mount *topper_of(struct mount *m) REQUIRES(mount_lock)
{
	struct mount *c;

	if (list_empty(&m->children) || m->children.next->next != &m->children)
		return NULL;
	c = list_first_entry(&m->children, struct mount, sibling);
	return c->mountpoint == m->root ? c : NULL;
}

static struct mount *child_at(struct mount *parent, const struct dentry *at) REQUIRES(mount_lock)
{
	for (struct mount *c = *bucket(parent, at); c; c = c->hash_next)
		if (c->parent == parent && c->mountpoint == at)
			return c;
	return NULL;
}

/* Is m, or what would be unmounted along with it, in use? The caller's path refers to m, too. */
static bool is_busy(struct mount *m) REQUIRES(mount_lock)
{
	LIST_HEAD(targets);
	struct mount *t, *c;
	bool busy = !list_empty(&m->children) || in_use(m, 2);

	pnode_targets(m->parent, m->mountpoint, &targets);
	while (!list_empty(&targets)) {
		t = list_first_entry(&targets, struct mount, target);
		list_del(&t->target);
		c = child_at(t, m->mountpoint);
		if (c && (list_empty(&c->children) || topper_of(c)))
			busy |= in_use(c, 1);
	}
	return busy;
}

static int check_umount(struct mount *m, int flags) REQUIRES(mount_lock)
{
	if (!m->ns || is_foreign(m) || (m->flags & MNT_LOCKED))
		return -EINVAL;
	if (!m->parent)
		return flags & (MNT_DETACH | MNT_EXPIRE) ? -EINVAL : -EBUSY;
	if (flags & MNT_DETACH)
		return 0;
	if (flags & MNT_EXPIRE) {
		if (in_use(m, 2))
			return -EBUSY;
		if (!m->expiring) {
			m->expiring = true;
			return -EAGAIN;
		}
	}
	return is_busy(m) ? -EBUSY : 0;
}

/* May c go with the mount that it received? Only if nothing but doomed mounts and one that covers it is on it. */
static bool may_follow(struct mount *c) REQUIRES(mount_lock)
{
	struct mount *k;

	if (topper_of(c))
		return true;
	list_for_each_entry(k, &c->children, sibling)
		if (!k->doomed)
			return false;
	return true;
}

static void doom(struct mount *m, struct list_head *all) REQUIRES(mount_lock)
{
	m->doomed = true;
	list_add_tail(&m->drop, all);
}

/* What was mounted along with m goes along with it. */
static void doom_received(struct mount *m, struct list_head *all) REQUIRES(mount_lock)
{
	LIST_HEAD(targets);

	pnode_targets(m->parent, m->mountpoint, &targets);
	while (!list_empty(&targets)) {
		struct mount *t = list_first_entry(&targets, struct mount, target), *c;

		list_del(&t->target);
		c = child_at(t, m->mountpoint);
		if (c && !c->doomed && may_follow(c))
			doom(c, all);
	}
}

/* m leaves; what covers it stays in its place. */
static void unlink_doomed(struct mount *m, struct list_head *drop) REQUIRES(mount_lock)
{
	struct mount *top = m->parent ? topper_of(m) : NULL, *parent = m->parent;
	struct dentry *at = m->mountpoint;

	m->doomed = false;
	if (top && !top->doomed) {
		mount_detach(top);
		dentry_put(top->mountpoint); /* m's root: not the last reference */
		unlink_one(m, drop);
		mount_attach(top, parent, at);
		return;
	}
	unlink_one(m, drop);
}

static void umount_tree(struct mount *root, struct list_head *drop) REQUIRES(mount_lock)
{
	struct mount *m, *n;
	LIST_HEAD(tree);
	LIST_HEAD(all);

	for (m = root; m; m = mount_next(m, root)) {
		m->doomed = true;
		list_add(&m->drop, &tree); /* the deepest first */
	}
	list_for_each_entry_safe(m, n, &tree, drop) {
		list_del(&m->drop);
		list_add_tail(&m->drop, &all);
		doom_received(m, &all);
	}
	list_for_each_entry_safe(m, n, &all, drop) {
		list_del(&m->drop);
		unlink_doomed(m, drop);
	}
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
		umount_tree(p->mnt, &drop);
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	return r;
}

/* --- flags --- */

void mnt_writer(struct mount *m, int by)
{
	__atomic_add_fetch(&m->writers, by, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&m->sb->writers, by, __ATOMIC_SEQ_CST);
}

/* May the flags of m become these? What limits a less privileged namespace stays. */
static int check_flags(const struct mount *m, unsigned fresh) REQUIRES(mount_lock)
{
	const unsigned atime = MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME;
	unsigned old = m->flags;

	if ((old & MNT_LOCKS) >> 16 & ~fresh & (MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC))
		return -EPERM;
	if ((old & MNT_LOCK_ATIME) && (old & atime) != (fresh & atime))
		return -EPERM;
	if ((fresh & ~old & MNT_READONLY) && __atomic_load_n(&m->writers, __ATOMIC_SEQ_CST) > 0)
		return -EBUSY;
	return 0;
}

int mount_change(const struct path *p, unsigned clear, unsigned set, int type, bool recursive)
{
	struct mount *m;
	int r = 0;

	if (!is_mount_root(p))
		return -EINVAL;
	clear &= ~MNT_LOCKS;
	MUTEX_GUARD(&mount_lock);
	if (is_foreign(p->mnt))
		return -EINVAL;
	for (m = p->mnt; r == 0 && m; m = recursive ? mount_next(m, p->mnt) : NULL)
		r = check_flags(m, (m->flags & ~clear) | set);
	if (r < 0)
		return r;
	for (m = p->mnt; m; m = recursive ? mount_next(m, p->mnt) : NULL) {
		__atomic_store_n(&m->flags, (m->flags & ~clear) | set, __ATOMIC_RELEASE);
		if (type && r == 0)
			r = mount_set_type(m, type);
	}
	if (p->mnt->ns)
		mnt_ns_touch(p->mnt->ns);
	return r;
}

int mount_remount(const struct path *p, unsigned mnt_flags)
{
	return mount_change(p, ~0U, mnt_flags, 0, false);
}

int mount_set_propagation(const struct path *p, int type, bool recursive)
{
	return mount_change(p, 0, 0, type, recursive);
}

int super_reconfigure(struct super *sb, unsigned flags, unsigned mask, const char *options)
{
	unsigned old = __atomic_load_n(&sb->flags, __ATOMIC_RELAXED), fresh = (old & ~mask) | (flags & mask);
	int r = 0;

	if ((fresh & ~old & MS_RDONLY) && __atomic_load_n(&sb->writers, __ATOMIC_SEQ_CST) > 0)
		return -EBUSY;
	if (sb->op->reconfigure)
		r = sb->op->reconfigure(sb, options);
	if (r == 0)
		__atomic_store_n(&sb->flags, fresh, __ATOMIC_RELEASE);
	return r;
}

/* --- moving --- */

static bool is_below(const struct mount *m, const struct mount *root) REQUIRES(mount_lock)
{
	for (; m; m = m->parent)
		if (m == root)
			return true;
	return false;
}

static bool has_unbindable(struct mount *root) REQUIRES(mount_lock)
{
	for (struct mount *m = root; m; m = mount_next(m, root))
		if (m->unbindable)
			return true;
	return false;
}

static int check_move(struct mount *m, const struct path *to, const struct mnt_namespace *own)
	REQUIRES(mount_lock)
{
	const struct inode *a = dentry_inode(to->dentry), *r = dentry_inode(m->root);

	if (!to->mnt->ns || to->mnt->ns != own || is_foreign(to->mnt) || (m->parent ? m->ns != own : !m->detached) ||
	    (m->flags & MNT_LOCKED))
		return -EINVAL;
	if (!a || !r || S_ISDIR(a->mode) != S_ISDIR(r->mode))
		return -EINVAL;
	if (m->parent && m->parent->group)
		return -EINVAL;
	if (to->mnt->group && has_unbindable(m))
		return -EINVAL;
	return is_below(to->mnt, m) ? -ELOOP : 0;
}

/* Beneath the mount that *top is the root of: *top becomes the place that it is mounted on. */
static int place_beneath(struct path *top, const struct mount *m) REQUIRES(mount_lock)
{
	struct mount *over = top->mnt, *parent = over->parent;

	if (top->dentry != over->root || !parent || over == m)
		return -EINVAL;
	mount_get(parent);
	dentry_get(over->mountpoint);
	/* The old references go last: they are not the only ones, the tree has its own. */
	dentry_put(top->dentry);
	mount_put(over);
	*top = (struct path){parent, over->mountpoint};
	return 0;
}

static void leave_ns(struct mount *root) REQUIRES(mount_lock)
{
	for (struct mount *m = root; m; m = mount_next(m, root)) {
		if (m->ns)
			m->ns->nmounts--;
		m->ns = NULL;
	}
}

int mount_move_to(const struct path *from, const struct path *at, bool beneath)
{
	struct mount *m = from->mnt, *parent;
	struct dentry *old = NULL, *was;
	struct mnt_namespace *ns;
	struct path top;
	LIST_HEAD(drop);
	int r = 0;

	if (!is_mount_root(from))
		return -EINVAL;
	top_of(at, &top);
	mutex_lock(&mount_lock);
	ns = top.mnt->ns;
	if (beneath)
		r = place_beneath(&top, m);
	if (r == 0)
		r = check_move(m, &top, ns);
	if (r == 0 && m->parent) {
		parent = m->parent;
		was = m->mountpoint;
		mount_detach(m);
		leave_ns(m);
		r = attach_tree(m, &top, &drop);
		if (r < 0) { /* back again */
			mount_attach(m, parent, was);
			set_ns(m, ns);
		}
		old = was;
	} else if (r == 0) {
		r = attach_tree(m, &top, &drop);
	}
	mutex_unlock(&mount_lock);
	mount_drop_list(&drop);
	dentry_put(old);
	path_put(&top);
	return r;
}

int mount_move(const struct path *from, const struct path *at)
{
	return from->mnt->detached ? -EINVAL : mount_move_to(from, at, false);
}

int mount_set_group(const struct path *from, const struct path *to)
{
	struct mount *f = from->mnt, *t = to->mnt;

	if (!is_mount_root(from) || !is_mount_root(to))
		return -EINVAL;
	MUTEX_GUARD(&mount_lock);
	if ((!f->ns && !f->detached) || (!t->ns && !t->detached))
		return -EINVAL;
	if (t->group || t->master || !(f->group || f->master) || f->sb != t->sb ||
	    !dentry_is_ancestor(f->root, t->root))
		return -EINVAL;
	mount_copy_type(t, f);
	t->unbindable = false;
	return 0;
}

/* --- pivot_root --- */

static int check_pivot(const struct path *root, const struct path *new, const struct path *put_old)
	REQUIRES(mount_lock)
{
	struct mount *m = put_old->mnt;
	struct dentry *d = put_old->dentry;

	if (new->mnt->ns != root->mnt->ns || put_old->mnt->ns != root->mnt->ns || !root->mnt->ns)
		return -EINVAL;
	if (put_old->mnt->group || (new->mnt->parent && new->mnt->parent->group) ||
	    (root->mnt->parent && root->mnt->parent->group))
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
		mnt_ns_touch(new->mnt->ns);
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
