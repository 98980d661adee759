/* SPDX-License-Identifier: Apache-2.0 */
/* open(2): what a name and flags become. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/task/task.h"
#include "kernel/vfs/file_priv.h"
#include "kernel/vfs/fown.h"
#include "kernel/vfs/notify.h"

#pragma weak fifo_file_ops
#pragma weak chrdev_open
#pragma weak lease_break

#define GUEST_O_LARGEFILE 0100000U /* what F_GETFL shows on x86-64; libc's own constant is 0 */
#define CREATION_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)
#define TMPFILE_FLAG (O_TMPFILE & ~O_DIRECTORY)

static const struct file_ops no_ops;

static int chrdev_file_open(struct inode *i, struct file *f)
{
	return chrdev_open ? chrdev_open(i, f) : -ENXIO;
}

/* The operations to start with, and how to open. */
static int choose_ops(struct inode *i, const struct file_ops **ret, int (**ret_open)(struct inode *, struct file *))
{
	*ret_open = NULL;
	*ret = i->fop ? i->fop : &no_ops;
	if (i->fop) {
		*ret_open = i->fop->open;
		return 0;
	}
	switch (i->mode & S_IFMT) {
	case S_IFSOCK:
	case S_IFBLK:
		return -ENXIO;
	case S_IFCHR:
		*ret_open = chrdev_file_open;
		return 0;
	case S_IFIFO:
		if (!&fifo_file_ops)
			return -ENXIO;
		*ret = &fifo_file_ops;
		*ret_open = fifo_file_ops.open;
		return 0;
	default:
		return 0;
	}
}

int file_open_path(const struct path *p, uint32_t flags, const struct cred *cred, struct file **ret)
{
	int (*open_fn)(struct inode *, struct file *);
	struct inode *i = dentry_inode(p->dentry);
	bool counted = false;
	struct file *f;
	int r;

	if (!i)
		return -ENOENT;
	f = file_alloc(p, i, flags & ~(uint32_t)O_CLOEXEC, cred);
	if (!f)
		return -ENOMEM;
	f->op = &no_ops;
	if (f->is_path) {
		*ret = f;
		return 0;
	}
	r = choose_ops(i, &f->op, &open_fn);
	if (r == 0 && S_ISREG(i->mode)) {
		r = inode_count(i, f->can_write);
		counted = r == 0;
	}
	if (r == 0 && lease_break && __atomic_load_n(&i->leases, __ATOMIC_SEQ_CST))
		r = lease_break(i, f->can_write || (flags & O_TRUNC), flags & O_NONBLOCK);
	if (r == 0 && open_fn)
		r = open_fn(i, f);
	if (r < 0) {
		if (counted)
			inode_uncount(i, f->can_write);
		file_free(f);
		return r;
	}
	f->flags &= ~(uint32_t)CREATION_FLAGS;
	if (f->can_write && S_ISREG(i->mode))
		mnt_writer(f->path.mnt, 1);
	notify_dentry(p->dentry, IN_OPEN);
	*ret = f;
	return 0;
}

/* --- permission to open what is there --- */

static int access_of(uint32_t flags)
{
	static const int acc[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
	int mask = acc[flags & O_ACCMODE];

	return flags & O_TRUNC ? mask | MAY_WRITE : mask;
}

static int may_open(const struct path *p, const struct cred *c, uint32_t *flags)
{
	struct inode *i = dentry_inode(p->dentry);
	unsigned mf = __atomic_load_n(&p->mnt->flags, __ATOMIC_RELAXED);
	bool special = false;
	int mask, r;

	if (!i)
		return -ENOENT;
	mask = access_of(*flags);
	switch (i->mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		if (mask & MAY_WRITE)
			return -EISDIR;
		break;
	case S_IFCHR:
	case S_IFBLK:
		if (mf & MNT_NODEV)
			return -EACCES;
		fallthrough;
	case S_IFIFO:
	case S_IFSOCK:
		special = true;
		*flags &= ~(uint32_t)O_TRUNC;
		break;
	default:
		break;
	}
	r = inode_permission(i, c, mask);
	if (r < 0)
		return r;
	if (inode_has(i, FS_APPEND_FL) && (mask & MAY_WRITE) && (!(*flags & O_APPEND) || (*flags & O_TRUNC)))
		return -EPERM;
	if ((*flags & O_NOATIME) && !inode_owner_or_capable(i, c))
		return -EPERM;
	return (mask & MAY_WRITE) && !special ? mnt_want_write(p->mnt) : 0;
}

int file_open_existing(const struct path *p, const struct cred *c, uint32_t flags, struct file **ret)
{
	uint32_t fl = flags;
	int r;

	r = may_open(p, c, &fl);
	if (r == 0)
		r = file_open_path(p, fl, c, ret);
	if (r < 0 || !(fl & O_TRUNC) || !S_ISREG((*ret)->inode->mode))
		return r;
	r = vfs_truncate(p, 0, *ret);
	if (r < 0)
		file_put(TAKE_PTR(*ret));
	return r;
}

/* --- O_CREAT --- */

static int create_in(struct walk *w, const struct path *child, uint32_t flags, mode_t mode,
		     struct file **ret)
{
	int r = vfs_create(&w->cur, child->dentry, mode);

	if (r < 0)
		return r;
	/* The creator may do what it asked for, whatever mode it gave. */
	r = file_open_path(child, flags & ~(uint32_t)O_TRUNC, w->cred, ret);
	if (r == 0)
		(*ret)->created = true;
	return r;
}

/* O_CREAT meant to make a file of one's own: somebody else's, in a directory where others make names, is a trap. */
static int may_open_in_sticky(const struct inode *dir, const struct inode *i, const struct cred *c)
{
	int level = S_ISREG(i->mode)  ? __atomic_load_n(&protected_regular, __ATOMIC_RELAXED) :
		    S_ISFIFO(i->mode) ? __atomic_load_n(&protected_fifos, __ATOMIC_RELAXED) :
					0;

	if (!level || !c || !(dir->mode & S_ISVTX) || i->uid.v == dir->uid.v || i->uid.v == c->fsuid.v)
		return 0;
	return (dir->mode & S_IWOTH) || (level >= 2 && (dir->mode & S_IWGRP)) ? -EACCES : 0;
}

/* One try at the last component. 1: a link was followed, go on. */
static int create_last(struct walk *w, uint32_t flags, mode_t mode, struct file **ret)
{
	struct path child;
	struct inode *i;
	struct last l;
	int r;

	r = walk_parent(w, &l);
	if (r < 0)
		return r;
	if (l.type != LAST_NORM) { /* "/", "." or "..", or where a magic link led */
		if (flags & O_EXCL)
			return -EEXIST;
		if (S_ISDIR(dentry_inode(w->cur.dentry)->mode))
			return -EISDIR;
		return file_open_existing(&w->cur, w->cred, flags, ret);
	}
	if (l.slash)
		return -EISDIR;
	r = walk_child(w, l.name, l.len, &child);
	if (r < 0)
		return r;
	i = dentry_inode(child.dentry);
	if (!i) {
		r = create_in(w, &child, flags, mode, ret);
	} else if (flags & O_EXCL) {
		r = -EEXIST;
	} else if (S_ISLNK(i->mode)) {
		if (flags & O_NOFOLLOW) {
			r = -ELOOP;
		} else {
			r = walk_link(w, &child, false);
			return r < 0 ? r : 1;
		}
	} else if (S_ISDIR(i->mode)) {
		r = -EISDIR;
	} else {
		r = may_open_in_sticky(dentry_inode(w->cur.dentry), i, w->cred);
		if (r == 0)
			r = file_open_existing(&child, w->cred, flags, ret);
	}
	path_put(&child);
	return r;
}

static int open_create(struct task *t, int dfd, const char *name, uint32_t flags, mode_t mode,
		       unsigned lookup, struct file **ret)
{
	struct walk w;
	int r;

	r = walk_begin(&w, t, t->cred, dfd, name, lookup);
	if (r < 0)
		return r;
	do {
		r = create_last(&w, flags, mode, ret);
	} while (r == 1);
	walk_done(&w);
	return r;
}

/* --- O_TMPFILE --- */

static int open_tmpfile(struct task *t, int dfd, const char *name, uint32_t flags, mode_t mode,
			unsigned lookup, struct file **ret)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	struct path dir, p;
	int r;

	if (!(flags & O_DIRECTORY) || !(access_of(flags) & MAY_WRITE))
		return -EINVAL;
	r = path_lookup_at(t, dfd, name, lookup | LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &dir);
	if (r < 0)
		return r;
	r = vfs_tmpfile(&dir, mode, !(flags & O_EXCL), &d);
	if (r == 0) {
		p = (struct path){dir.mnt, d};
		r = file_open_path(&p, flags & ~(uint32_t)(O_DIRECTORY | TMPFILE_FLAG), t->cred, ret);
	}
	path_put(&dir);
	return r;
}

/* --- open --- */

static int open_plain(struct task *t, int dfd, const char *name, uint32_t flags, unsigned lookup,
		      struct file **ret)
{
	struct path p;
	int r;

	if (!(flags & O_NOFOLLOW))
		lookup |= LOOKUP_FOLLOW;
	if (flags & O_DIRECTORY)
		lookup |= LOOKUP_DIRECTORY;
	r = path_lookup_at(t, dfd, name, lookup, &p);
	if (r < 0)
		return r;
	if (flags & O_PATH)
		r = file_open_path(&p, flags, t->cred, ret);
	else
		r = file_open_existing(&p, t->cred, flags, ret);
	path_put(&p);
	return r;
}

#define OPEN_TRIES 16 /* a name that others make and remove all the time */

int file_open_at(struct task *t, int dfd, const char *name, uint32_t flags, mode_t mode,
		 unsigned lookup, struct file **ret)
{
	int r = -ESTALE;

	if (flags & O_PATH) {
		flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
		return open_plain(t, dfd, name, flags, lookup, ret);
	}
	flags |= GUEST_O_LARGEFILE;
	mode &= 07777 & ~__atomic_load_n(&t->fs->umask, __ATOMIC_RELAXED);
	if (flags & TMPFILE_FLAG)
		return open_tmpfile(t, dfd, name, flags, mode, lookup, ret);
	if (!(flags & O_CREAT))
		return open_plain(t, dfd, name, flags & ~(uint32_t)O_EXCL, lookup, ret);
	if (flags & O_DIRECTORY)
		return -EINVAL;
	for (int k = 0; k < OPEN_TRIES && (r == -ESTALE || r == -EEXIST); k++) {
		r = open_create(t, dfd, name, flags, mode, lookup, ret);
		if (r == -EEXIST && (flags & O_EXCL))
			break;
	}
	return r == -ESTALE ? -ENOENT : r;
}
