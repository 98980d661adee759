/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the name space on resolved dentries: checks, locks, the file system's operation, the cache.
 * A dentry came from dentry_lookup without a lock, so each operation looks again once it holds the
 * directory: -ESTALE says that the name has moved on, and the caller looks it up again.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/task/task.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/vfs_priv.h"

/* Sticky directories: only the owner of the file or of the directory may remove it. */
static bool sticky_forbids(const struct inode *dir, const struct inode *i, const struct cred *c)
{
	if (!c || !(dir->mode & S_ISVTX))
		return false;
	return c->fsuid.v != i->uid.v && c->fsuid.v != dir->uid.v && !inode_capable(i, c, CAP_FOWNER);
}

int may_create(struct dentry *dir, struct dentry *d)
{
	struct inode *di = dir->inode;

	if (di->dead)
		return -ENOENT;
	if (!dentry_is_child(d, dir))
		return -ESTALE;
	if (d->inode)
		return -EEXIST;
	return inode_permission(di, vfs_cred(), MAY_WRITE | MAY_EXEC);
}

int may_delete(struct dentry *dir, struct dentry *d, bool want_dir)
{
	const struct cred *c = vfs_cred();
	struct inode *di = dir->inode;
	int r;

	if (!dentry_is_child(d, dir))
		return -ESTALE;
	if (!d->inode)
		return -ENOENT;
	r = inode_permission(di, c, MAY_WRITE | MAY_EXEC);
	if (r < 0)
		return r;
	if (inode_has(di, FS_APPEND_FL) || inode_has(d->inode, FS_APPEND_FL | FS_IMMUTABLE_FL) ||
	    sticky_forbids(di, d->inode, c))
		return -EPERM;
	if (want_dir) {
		if (!S_ISDIR(d->inode->mode))
			return -ENOTDIR;
	} else if (S_ISDIR(d->inode->mode)) {
		return -EISDIR;
	}
	return di->dead ? -ENOENT : 0;
}

/* --- making names --- */

static int begin_create(const struct path *dir, struct dentry *d)
{
	int r = mnt_want_write(dir->mnt);

	return r < 0 ? (d->inode ? -EEXIST : r) : may_create(dir->dentry, d);
}

/* Passes on the result of making a name, and tells those who watch. */
static int created(struct inode *di, struct dentry *d, int r)
{
	if (r == 0)
		notify_child(di, d, d->inode && S_ISDIR(d->inode->mode), IN_CREATE);
	return r;
}

int vfs_create(const struct path *dir, struct dentry *d, mode_t mode)
{
	struct inode *di = dir->dentry->inode;
	int r;

	MUTEX_GUARD(&di->lock);
	r = begin_create(dir, d);
	if (r < 0)
		return r;
	return di->op->create ? created(di, d, di->op->create(di, d, (mode & 07777) | S_IFREG)) : -EACCES;
}

int vfs_mkdir(const struct path *dir, struct dentry *d, mode_t mode)
{
	struct inode *di = dir->dentry->inode;
	int r;

	MUTEX_GUARD(&di->lock);
	r = begin_create(dir, d);
	if (r < 0)
		return r;
	return di->op->mkdir ? created(di, d, di->op->mkdir(di, d, (mode & 01777) | S_IFDIR)) : -EPERM;
}

int vfs_mknod(const struct path *dir, struct dentry *d, mode_t mode, dev_t rdev)
{
	struct inode *di = dir->dentry->inode;
	int r;

	MUTEX_GUARD(&di->lock);
	r = begin_create(dir, d);
	if (r < 0)
		return r;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !(S_ISCHR(mode) && rdev == 0) &&
	    !vfs_capable(vfs_cred(), CAP_MKNOD))
		return -EPERM;
	return di->op->mknod ? created(di, d, di->op->mknod(di, d, mode, rdev)) : -EPERM;
}

int vfs_symlink(const struct path *dir, struct dentry *d, const char *target)
{
	struct inode *di = dir->dentry->inode;
	int r;

	MUTEX_GUARD(&di->lock);
	r = begin_create(dir, d);
	if (r < 0)
		return r;
	return di->op->symlink ? created(di, d, di->op->symlink(di, d, target)) : -EPERM;
}

int vfs_tmpfile(const struct path *dir, mode_t mode, bool linkable, struct dentry **ret)
{
	struct inode *di = dir->dentry->inode;
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	int r;

	r = mnt_want_write(dir->mnt);
	if (r == 0)
		r = inode_permission(di, vfs_cred(), MAY_WRITE | MAY_EXEC);
	if (r < 0)
		return r;
	if (!di->op->tmpfile)
		return -EOPNOTSUPP;
	d = dentry_new(di->sb, dir->dentry, "#", 1);
	if (!d)
		return -ENOMEM;
	MUTEX_GUARD(&di->lock);
	if (di->dead)
		return -ENOENT;
	r = di->op->tmpfile(di, d, (mode & 07777) | S_IFREG);
	if (r < 0)
		return r;
	d->inode->linkable = linkable; /* nobody else knows the inode yet */
	dentry_name_by_number(d);
	*ret = TAKE_PTR(d);
	return 0;
}

int may_link(struct inode *i)
{
	const struct cred *c = vfs_cred();
	mode_t m = __atomic_load_n(&i->mode, __ATOMIC_RELAXED);

	if (!__atomic_load_n(&protected_hardlinks, __ATOMIC_RELAXED) || inode_owner_or_capable(i, c))
		return 0;
	if (!S_ISREG(m) || (m & S_ISUID) || (m & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return -EPERM;
	return inode_permission(i, c, MAY_READ | MAY_WRITE) < 0 ? -EPERM : 0;
}

/* linkat(2) after resolution: old is a file, d the new negative name. */
int vfs_link(const struct path *old, const struct path *dir, struct dentry *d)
{
	struct inode *di = dir->dentry->inode, *i = dentry_inode(old->dentry);
	int r;

	if (!i)
		return -ENOENT;
	MUTEX_GUARD(&di->lock);
	r = begin_create(dir, d);
	if (r < 0)
		return r;
	if (i->sb != di->sb)
		return -EXDEV;
	if (!di->op->link || S_ISDIR(i->mode) || inode_has(i, FS_APPEND_FL | FS_IMMUTABLE_FL))
		return -EPERM;
	MUTEX_GUARD(&i->lock);
	/* What has lost its last name gets no other; what never had one may. */
	if (i->nlink == 0 && !i->linkable)
		return -ENOENT;
	r = di->op->link(old->dentry, di, d);
	if (r == 0) {
		i->linkable = false;
		notify_inode(i, IN_ATTRIB);
	}
	return created(di, d, r);
}

/* --- removing names --- */

static int begin_delete(const struct path *dir, struct dentry *d, bool want_dir)
{
	int r = mnt_want_write(dir->mnt);

	if (r == 0)
		r = may_delete(dir->dentry, d, want_dir);
	if (r == 0 && __atomic_load_n(&d->mounted, __ATOMIC_ACQUIRE))
		r = -EBUSY;
	return r;
}

/* d, the name of i in di, is gone. An inode counts as gone with its last name, even while it is still open. */
static void notify_removed(struct inode *di, struct dentry *d, struct inode *i)
{
	bool is_dir = S_ISDIR(i->mode);

	if (!notify_on())
		return;
	if (!is_dir)
		notify_inode(i, IN_ATTRIB);
	notify_child(di, d, is_dir, IN_DELETE);
	if (is_dir || __atomic_load_n(&i->nlink, __ATOMIC_RELAXED) == 0)
		notify_inode(i, IN_DELETE_SELF);
}

int vfs_unlink(const struct path *dir, struct dentry *d)
{
	struct inode *di = dir->dentry->inode, *i;
	int r;

	MUTEX_GUARD(&di->lock);
	r = begin_delete(dir, d, false);
	if (r < 0)
		return r;
	if (!di->op->unlink)
		return -EPERM;
	i = d->inode;
	mutex_lock(&i->lock);
	r = di->op->unlink(di, d);
	mutex_unlock(&i->lock);
	if (r == 0) {
		dentry_drop(d);
		notify_removed(di, d, i);
	}
	return r;
}

int vfs_rmdir(const struct path *dir, struct dentry *d)
{
	struct inode *di = dir->dentry->inode, *i;
	int r;

	MUTEX_GUARD(&di->lock);
	r = begin_delete(dir, d, true);
	if (r < 0)
		return r;
	if (!di->op->rmdir)
		return -EPERM;
	i = d->inode;
	mutex_lock_nested(&i->lock); /* child after parent */
	r = di->op->rmdir(di, d);
	if (r == 0)
		i->dead = true;
	mutex_unlock(&i->lock);
	if (r == 0) {
		dentry_drop(d);
		dcache_prune(d);
		notify_removed(di, d, i);
	}
	return r;
}

/* --- reading links --- */

ssize_t vfs_readlink(const struct path *p, char *buf, size_t cap)
{
	struct inode *i = dentry_inode(p->dentry);

	if (!i)
		return -ENOENT;
	if (!S_ISLNK(i->mode) || !i->op->readlink)
		return -EINVAL;
	return i->op->readlink(i, buf, cap);
}

/* --- mkdir -p --- */

static int mkdir_one(const struct path *at, const char *name, size_t len, mode_t mode,
		     struct path *ret)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	char comp[NAME_MAX + 1];
	int r;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(comp, name, len);
	comp[len] = '\0';
	r = path_lookup_from(at, comp, LOOKUP_FOLLOW, ret);
	if (r != -ENOENT)
		return r;
	r = dentry_lookup(at->dentry, comp, len, &d);
	if (r == 0)
		r = vfs_mkdir(at, d, mode);
	if (r < 0 && r != -EEXIST)
		return r;
	return path_lookup_from(at, comp, LOOKUP_FOLLOW, ret);
}

int vfs_mkdir_p(const struct path *root, const char *name, mode_t mode)
{
	struct path cur = *root;
	int r = 0;

	path_get(&cur);
	while (r == 0 && *name) {
		const char *e = strchrnul(name, '/');
		struct path next;

		if (e != name) {
			r = mkdir_one(&cur, name, (size_t)(e - name), mode, &next);
			if (r == 0) {
				path_put(&cur);
				cur = next;
			}
		}
		name = *e ? e + 1 : e;
	}
	path_put(&cur);
	return r;
}
