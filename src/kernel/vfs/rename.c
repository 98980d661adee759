/* SPDX-License-Identifier: Apache-2.0 */
/* rename(2) in all its forms, on resolved dentries. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fs.h>
#include "kernel/vfs/notify.h"
#include "kernel/vfs/vfs_priv.h"

/* Locks both directories: the ancestor first, else by address; other pairs of directories of this super are
 * kept out by rename_lock. */
static void lock_dirs(struct dentry *a, struct dentry *b)
{
	struct inode *ia = a->inode, *ib = b->inode;

	if (ia == ib) {
		mutex_lock(&ia->lock);
		return;
	}
	mutex_lock(&ia->sb->rename_lock);
	if (dentry_is_ancestor(b, a) || (!dentry_is_ancestor(a, b) && ib < ia)) {
		struct inode *t = ia;

		ia = ib;
		ib = t;
	}
	mutex_lock(&ia->lock);
	mutex_lock_nested(&ib->lock);
}

static void unlock_dirs(struct dentry *a, struct dentry *b)
{
	mutex_unlock(&a->inode->lock);
	if (a->inode == b->inode)
		return;
	mutex_unlock(&b->inode->lock);
	mutex_unlock(&a->inode->sb->rename_lock);
}

/* The moved and the replaced object. Directories come after their parents, which are held; two of one kind
 * in the order of their addresses. */
static void lock_victims(struct inode *a, struct inode *b)
{
	if (a == b)
		b = NULL;
	if (a && b && (S_ISDIR(b->mode) > S_ISDIR(a->mode) ||
		       (S_ISDIR(a->mode) == S_ISDIR(b->mode) && b < a))) {
		struct inode *t = a;

		a = b;
		b = t;
	}
	if (a)
		mutex_lock_nested(&a->lock);
	if (b)
		mutex_lock_nested(&b->lock);
}

static void unlock_victims(struct inode *a, struct inode *b)
{
	if (a)
		mutex_unlock(&a->lock);
	if (b && b != a)
		mutex_unlock(&b->lock);
}

/* Everything but the file system's own reasons. Directories are locked. 1: two names of one file, nothing is
 * to be done, as POSIX says. */
static int check_rename(const struct path *odir, struct dentry *o, const struct path *ndir,
			struct dentry *n, unsigned flags)
{
	struct inode *od = odir->dentry->inode, *nd = ndir->dentry->inode;
	bool is_dir;
	int r;

	if (!dentry_is_child(o, odir->dentry) || !dentry_is_child(n, ndir->dentry))
		return -ESTALE;
	if (!o->inode)
		return -ENOENT;
	if ((flags & RENAME_NOREPLACE) && n->inode)
		return -EEXIST;
	if ((flags & RENAME_EXCHANGE) && !n->inode)
		return -ENOENT;
	if (dentry_is_ancestor(o, ndir->dentry))
		return -EINVAL;
	if (n->inode && dentry_is_ancestor(n, odir->dentry))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (o->inode == n->inode)
		return 1;
	/* The same by inode: a directory that a host renamed may have two dentries. */
	if (o->inode == nd || o->inode == od || (n->inode && (n->inode == od || n->inode == nd)))
		return -EINVAL;
	is_dir = S_ISDIR(o->inode->mode);
	r = may_delete(odir->dentry, o, is_dir);
	if (r < 0)
		return r;
	if (n->inode)
		r = may_delete(ndir->dentry, n,
			       flags & RENAME_EXCHANGE ? S_ISDIR(n->inode->mode) : is_dir);
	else
		r = may_create(ndir->dentry, n);
	if (r < 0)
		return r;
	/* A directory that changes its parent has its ".." written. */
	if (od != nd && is_dir)
		r = inode_permission(o->inode, vfs_cred(), MAY_WRITE);
	if (r == 0 && od != nd && (flags & RENAME_EXCHANGE) && S_ISDIR(n->inode->mode))
		r = inode_permission(n->inode, vfs_cred(), MAY_WRITE);
	if (r < 0)
		return r;
	if (__atomic_load_n(&o->mounted, __ATOMIC_ACQUIRE) ||
	    __atomic_load_n(&n->mounted, __ATOMIC_ACQUIRE))
		return -EBUSY;
	return od->op->rename ? 0 : -EPERM;
}

static int do_rename(struct dentry *od, struct dentry *o, struct dentry *nd, struct dentry *n,
		     unsigned flags)
{
	struct inode *oi = o->inode, *ni = n->inode;
	bool victim_dir = ni && S_ISDIR(ni->mode) && !(flags & RENAME_EXCHANGE);
	int r;

	lock_victims(oi, ni);
	r = od->inode->op->rename(od->inode, o, nd->inode, n, flags);
	if (r == 0 && victim_dir)
		ni->dead = true;
	unlock_victims(oi, ni);
	if (r < 0)
		return r;
	if (flags & RENAME_EXCHANGE) {
		dentry_exchange(o, n);
		return 0;
	}
	dentry_move(o, n);
	if (victim_dir)
		dcache_prune(n);
	return 0;
}

/* Both names before the change: the caches move them. */
struct old_names {
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	struct inode *moved, *other; /* with references */
};

static struct old_names *remember(const struct dentry *o, const struct dentry *n)
{
	struct old_names *s = notify_on() ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	memcpy(s->from, o->name, MIN(o->name_len, (uint32_t)NAME_MAX));
	memcpy(s->to, n->name, MIN(n->name_len, (uint32_t)NAME_MAX));
	s->moved = inode_get(o->inode);
	s->other = n->inode ? inode_get(n->inode) : NULL;
	return s;
}

static void tell_move(struct inode *od, const char *from, struct inode *nd, const char *to, struct inode *i)
{
	static uint32_t last_cookie; /* atomic */
	uint32_t cookie = __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED);
	bool is_dir = S_ISDIR(i->mode);

	notify_name_slow(od, from, strlen(from), is_dir, IN_MOVED_FROM | (od == nd ? NOTIFY_SAME_DIR : 0U), cookie);
	notify_name_slow(nd, to, strlen(to), is_dir, IN_MOVED_TO, cookie);
	notify_inode_slow(i, IN_MOVE_SELF);
}

static void tell_and_forget(struct old_names *s, struct inode *od, struct inode *nd, bool done, unsigned flags)
{
	if (!s)
		return;
	if (done) {
		tell_move(od, s->from, nd, s->to, s->moved);
		if (s->other && (flags & RENAME_EXCHANGE))
			tell_move(nd, s->to, od, s->from, s->other);
		else if (s->other && (S_ISDIR(s->other->mode) || s->other->nlink == 0))
			notify_inode_slow(s->other, IN_DELETE_SELF);
		else if (s->other)
			notify_inode_slow(s->other, IN_ATTRIB);
	}
	inode_put(s->moved);
	if (s->other)
		inode_put(s->other);
	free(s);
}

int vfs_rename(const struct path *odir, struct dentry *o, const struct path *ndir, struct dentry *n,
	       unsigned flags)
{
	struct old_names *names = NULL;
	int r;

	if (odir->mnt->sb != ndir->mnt->sb)
		return -EXDEV;
	r = mnt_want_write(odir->mnt);
	if (r == 0)
		r = mnt_want_write(ndir->mnt);
	if (r < 0)
		return r;
	lock_dirs(odir->dentry, ndir->dentry);
	r = check_rename(odir, o, ndir, n, flags);
	if (r == 0) {
		names = remember(o, n);
		r = do_rename(odir->dentry, o, ndir->dentry, n, flags);
	}
	unlock_dirs(odir->dentry, ndir->dentry);
	tell_and_forget(names, odir->dentry->inode, ndir->dentry->inode, r == 0, flags);
	return MIN(r, 0);
}
