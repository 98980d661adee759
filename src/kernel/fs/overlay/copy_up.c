/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy-up: a lower object gets its upper before the first change. Ancestors first, one at a time. Files are
 * filled without a name and linked into place when they are complete, so a full disk leaves nothing behind.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <linux/limits.h>
#include "kernel/fs/overlay/ovl_priv.h"
#include "kernel/usercopy.h"

#define COPY_CHUNK 65536U

int ovl_work_name(struct ovl_sb *os, struct dentry **ret)
{
	char name[32];
	int n = snprintf(name, sizeof(name), "%x",
			 __atomic_fetch_add(&os->serial, 1, __ATOMIC_RELAXED));

	return dentry_lookup(os->work, name, (size_t)n, ret);
}

/* --- contents and attributes --- */

static bool is_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && !memcmp(p, p + 1, n - 1));
}

static int write_all(struct file *f, char *p, size_t n, uint64_t off)
{
	while (n) {
		struct uio u;
		ssize_t w;

		uio_init_kernel(&u, p, n);
		w = f->op->write(f, &u, &off, 0);
		if (w <= 0)
			return w < 0 ? (int)w : -EIO;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Blocks of zeros stay holes. */
static int copy_bytes(struct file *from, struct file *to, uint64_t *ret_size)
{
	_cleanup_free_ char *buf = malloc(COPY_CHUNK);
	uint64_t off = 0;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	while (r == 0) {
		ssize_t n = file_read_kernel(from, buf, COPY_CHUNK, off);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		if (!is_zero(buf, (size_t)n))
			r = write_all(to, buf, (size_t)n, off);
		off += (uint64_t)n;
	}
	*ret_size = off;
	return r;
}

static int copy_data(const struct path *from, const struct path *to)
{
	_cleanup_(file_putp) struct file *in = NULL;
	_cleanup_(file_putp) struct file *out = NULL;
	struct iattr a = {.valid = ATTR_SIZE};
	int r;

	r = file_open_path(from, O_RDONLY, NULL, &in);
	if (r == 0)
		r = file_open_path(to, O_WRONLY, NULL, &out);
	if (r == 0)
		r = copy_bytes(in, out, &a.size);
	if (r == 0 && a.size != out->inode->size)
		r = vfs_setattr(to, &a);
	return r;
}

int ovl_copy_xattrs(const struct path *from, const struct path *to)
{
	_cleanup_free_ char *names = NULL;
	_cleanup_free_ char *value = NULL;
	ssize_t n = vfs_listxattr(from, NULL, 0);

	if (n == 0 || n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return (int)n;
	names = malloc(XATTR_LIST_MAX);
	value = malloc(XATTR_SIZE_MAX);
	if (!names || !value)
		return -ENOMEM;
	n = vfs_listxattr(from, names, XATTR_LIST_MAX);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t len = vfs_getxattr(from, names + at, value, XATTR_SIZE_MAX);
		int r;

		if (len == -EOPNOTSUPP || len == -ENODATA)
			continue;
		if (len < 0)
			return (int)len;
		r = vfs_setxattr(to, names + at, value, (size_t)len, 0);
		if (r < 0 && r != -EOPNOTSUPP)
			return r;
	}
	return n < 0 ? (int)n : 0;
}

static int copy_attrs(const struct kstat *st, const struct path *from, const struct path *to)
{
	struct iattr a = {
		.valid = ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME,
		.uid = st->uid,
		.gid = st->gid,
		.mode = st->mode,
		.atime = st->atime,
		.mtime = st->mtime,
	};
	int r;

	if (!S_ISLNK(st->mode))
		a.valid |= ATTR_MODE;
	r = ovl_copy_xattrs(from, to);
	return r < 0 ? r : vfs_setattr(to, &a);
}

/* --- one object --- */

/* An object like st and the lower at from, complete, under a name in work or without one. *ret: its
 * dentry. */
static int prepare(struct ovl_sb *os, const struct kstat *st, const struct path *from, bool data,
		   struct dentry **ret)
{
	struct path work = {os->upper, os->work}, to = {os->upper, NULL};
	_cleanup_free_ char *target = NULL;
	ssize_t n;
	int r;

	if (S_ISREG(st->mode)) {
		r = vfs_tmpfile(&work, 0600, true, &to.dentry);
		if (r == 0 && data)
			r = copy_data(from, &to);
	} else {
		r = ovl_work_name(os, &to.dentry);
		if (r < 0)
			return r;
		switch (st->mode & S_IFMT) {
		case S_IFDIR:
			r = vfs_mkdir(&work, to.dentry, 0700);
			break;
		case S_IFLNK:
			target = malloc(PATH_MAX);
			n = target ? vfs_readlink(from, target, PATH_MAX) : -ENOMEM;
			r = n < 0 ? (int)n : vfs_symlink(&work, to.dentry, target);
			break;
		default:
			r = vfs_mknod(&work, to.dentry, st->mode, from->dentry->inode->rdev);
			break;
		}
	}
	if (r == 0)
		r = copy_attrs(st, from, &to);
	*ret = to.dentry;
	return r;
}

/* Gives the prepared object its name below udir. *made becomes the dentry to keep. */
static int place(struct ovl_sb *os, const struct path *udir, const char *name, size_t len, bool linked,
		 struct dentry **made)
{
	struct path work = {os->upper, os->work}, tmp = {os->upper, *made};
	struct iattr times = {.valid = ATTR_ATIME | ATTR_MTIME};
	struct inode *ui = udir->dentry->inode;
	struct dentry *d;
	int r;

	times.atime = ui->atime;
	times.mtime = ui->mtime;
	r = dentry_lookup(udir->dentry, name, len, &d);
	if (r < 0)
		return r;
	if (linked) {
		r = vfs_rename(&work, *made, udir, d, 0);
		dentry_put(d);
	} else {
		r = vfs_link(&tmp, udir, d);
		dentry_put(r == 0 ? *made : d);
		if (r == 0)
			*made = d;
	}
	if (r == 0) /* the guest has not changed the directory */
		r = vfs_setattr(udir, &times);
	return r;
}

static void discard(struct ovl_sb *os, struct dentry *made)
{
	struct path work = {os->upper, os->work};

	if (made && made->inode && made->hashed)
		(void)!(S_ISDIR(made->inode->mode) ? vfs_rmdir(&work, made) : vfs_unlink(&work, made));
	dentry_put(made);
}

/* d's parent has its upper. REQUIRES(oi->copyup) */
static int copy_locked(struct ovl_inode *oi, const struct path *udir, const char *name, size_t len,
		       bool data)
{
	struct ovl_sb *os = OS(oi->inode->sb);
	struct path from = {os->lower, oi->lower};
	struct dentry *made = NULL;
	struct kstat st;
	int r;

	r = vfs_getattr(&from, &st);
	if (r == 0)
		r = prepare(os, &st, &from, data, &made);
	if (r == 0 && udir)
		r = place(os, udir, name, len, !S_ISREG(st.mode), &made);
	if (r < 0) {
		discard(os, made);
		return r;
	}
	if (S_ISDIR(st.mode) || st.nlink == 1)
		made->inode->ino = from.dentry->inode->ino;
	else
		oi->inode->ino = made->inode->ino; /* the links part: a file of its own */
	ovl_set_upper(oi, made);
	return 0;
}

/* 1: the parent has lost its upper meanwhile (d was moved): look again. */
static int copy_one(struct dentry *d, bool data)
{
	struct ovl_inode *oi = OI(d->inode);
	_cleanup_(dentry_putp) struct dentry *parent = NULL;
	char name[NAME_MAX + 1];
	struct path udir;
	size_t len;
	int r;

	MUTEX_GUARD(&oi->copyup);
	if (ovl_upper(d->inode))
		return 0;
	len = dentry_where(d, name, &parent);
	if (!oi->gone && !ovl_upper(parent->inode))
		return 1;
	udir = ovl_upper_path(parent->inode);
	vfs_kernel_begin();
	r = copy_locked(oi, oi->gone ? NULL : &udir, name, len, data);
	vfs_kernel_end();
	return r;
}

/* d, or its topmost ancestor without an upper. */
static struct dentry *first_to_copy(struct dentry *d)
{
	struct dentry *cur = dentry_get(d);

	for (;;) {
		struct dentry *parent = dentry_parent_get(cur);

		if (ovl_upper(parent->inode)) {
			dentry_put(parent);
			return cur;
		}
		dentry_put(cur);
		cur = parent;
	}
}

int ovl_copy_up(struct dentry *d, bool data)
{
	int r = 0;

	while (r >= 0 && !ovl_upper(d->inode)) {
		struct dentry *c = first_to_copy(d);

		r = copy_one(c, c == d ? data : true);
		dentry_put(c);
	}
	return MIN(r, 0);
}

int ovl_copy_up_inode(struct inode *i, bool data)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;

	if (ovl_upper(i))
		return 0;
	d = dentry_of_inode(i);
	return d ? ovl_copy_up(d, data) : -ESTALE;
}
