/* SPDX-License-Identifier: Apache-2.0 */
/* Names made and removed in an overlay. The overlay directory's lock is held throughout. */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include "kernel/fs/overlay/ovl_priv.h"

int ovl_set_opaque(const struct path *dir)
{
	return vfs_setxattr(dir, "trusted.overlay.opaque", "y", 1, 0);
}

int ovl_lower_has(struct inode *dir, const struct dentry *d)
{
	_cleanup_(dentry_putp) struct dentry *l = NULL;
	struct dentry *ld = OI(dir)->lower;
	int r;

	if (!ld)
		return 0;
	r = dentry_lookup(ld, d->name, d->name_len, &l);
	return r < 0 ? r : l->inode != NULL;
}

int ovl_upper_child(struct inode *dir, const struct dentry *d, struct dentry **ret)
{
	return dentry_lookup(ovl_upper(dir), d->name, d->name_len, ret);
}

/* --- making --- */

struct birth {
	mode_t mode; /* with type */
	dev_t rdev;
	const char *target;
	const struct path *link; /* upper of an existing file */
};

static int make_at(const struct path *dir, struct dentry *u, const struct birth *b)
{
	if (b->link)
		return vfs_link(b->link, dir, u);
	switch (b->mode & S_IFMT) {
	case S_IFDIR:
		return vfs_mkdir(dir, u, b->mode & 07777);
	case S_IFREG:
		return vfs_create(dir, u, b->mode & 07777);
	case S_IFLNK:
		return vfs_symlink(dir, u, b->target);
	default:
		return vfs_mknod(dir, u, b->mode, b->rdev);
	}
}

/* Owner and mode as if made in dir itself, not in work. */
static int set_birth_attrs(struct inode *dir, const struct path *p, const struct birth *b)
{
	struct inode tmp = {.sb = dir->sb};
	struct iattr a = {.valid = ATTR_UID | ATTR_GID};

	if (b->link)
		return 0;
	inode_init_owner(&tmp, dir, b->mode);
	a.uid = tmp.uid;
	a.gid = tmp.gid;
	a.mode = tmp.mode;
	if (!S_ISLNK(b->mode))
		a.valid |= ATTR_MODE;
	return vfs_setattr(p, &a);
}

static void work_remove(struct ovl_sb *os, struct dentry *w)
{
	struct path work = {os->upper, os->work};

	if (w->inode && w->hashed)
		(void)!(S_ISDIR(w->inode->mode) ? vfs_rmdir(&work, w) : vfs_unlink(&work, w));
}

/* Over a whiteout: prepared in work, then exchanged with it. *u becomes the new upper dentry. */
static int make_over(struct inode *dir, struct dentry **u, const struct birth *b)
{
	struct ovl_sb *os = OS(dir->sb);
	struct path work = {os->upper, os->work}, udir = ovl_upper_path(dir), p = {os->upper, NULL};
	_cleanup_(dentry_putp) struct dentry *w = NULL;
	int r;

	r = ovl_work_name(os, &w);
	if (r < 0)
		return r;
	r = make_at(&work, w, b);
	if (r < 0)
		return r;
	p.dentry = w;
	r = set_birth_attrs(dir, &p, b);
	/* What the lower has under this name stays hidden. */
	if (r == 0 && S_ISDIR(b->mode))
		r = ovl_set_opaque(&p);
	if (r == 0)
		r = vfs_rename(&work, w, &udir, *u, RENAME_EXCHANGE);
	if (r < 0) {
		work_remove(os, w);
		return r;
	}
	work_remove(os, *u); /* the whiteout, now in work */
	dentry_put(*u);
	*u = TAKE_PTR(w);
	return 0;
}

/* Makes the upper of d; *ret its dentry. */
static int make_upper(struct inode *dir, struct dentry *d, const struct birth *b, struct dentry **ret)
{
	struct path udir;
	int r;

	r = ovl_copy_up_inode(dir, true);
	if (r < 0)
		return r;
	udir = ovl_upper_path(dir);
	r = ovl_upper_child(dir, d, ret);
	if (r < 0)
		return r;
	vfs_kernel_begin();
	if (ovl_is_whiteout((*ret)->inode))
		r = make_over(dir, ret, b);
	else
		r = make_at(&udir, *ret, b);
	vfs_kernel_end();
	ovl_copyattr(dir);
	if (r < 0) {
		dentry_put(*ret);
		*ret = NULL;
	}
	return r;
}

static int make_new(struct inode *dir, struct dentry *d, const struct birth *b)
{
	_cleanup_(dentry_putp) struct dentry *u = NULL;
	struct inode *i;
	int r;

	r = make_upper(dir, d, b, &u);
	if (r == 0)
		r = ovl_iget(dir->sb, u, NULL, &i);
	if (r == 0)
		dentry_instantiate(d, i);
	return r;
}

int ovl_create(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct birth b = {.mode = (mode & 07777) | S_IFREG};

	return make_new(dir, d, &b);
}

int ovl_mkdir(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct birth b = {.mode = (mode & 07777) | S_IFDIR};

	return make_new(dir, d, &b);
}

int ovl_mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev)
{
	struct birth b = {.mode = mode, .rdev = rdev};

	if (S_ISCHR(mode) && rdev == 0) /* that is a whiteout */
		return -EPERM;
	return make_new(dir, d, &b);
}

int ovl_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct birth b = {.mode = S_IFLNK | 0777, .target = target};

	return make_new(dir, d, &b);
}

int ovl_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	_cleanup_(dentry_putp) struct dentry *u = NULL;
	struct path up;
	struct birth b = {.mode = old->inode->mode, .link = &up};
	int r;

	r = ovl_copy_up(old, true);
	if (r < 0)
		return r;
	up = ovl_upper_path(old->inode);
	r = make_upper(dir, d, &b, &u);
	if (r < 0)
		return r;
	ovl_copyattr(old->inode);
	dentry_instantiate(d, inode_get(old->inode));
	return 0;
}

int ovl_tmpfile(struct inode *dir, struct dentry *d, mode_t mode)
{
	_cleanup_(dentry_putp) struct dentry *u = NULL;
	struct path udir;
	struct inode *i;
	int r;

	r = ovl_copy_up_inode(dir, true);
	if (r < 0)
		return r;
	udir = ovl_upper_path(dir);
	vfs_kernel_begin();
	r = vfs_tmpfile(&udir, mode, true, &u);
	vfs_kernel_end();
	if (r == 0)
		r = ovl_iget(dir->sb, u, NULL, &i);
	if (r == 0)
		dentry_instantiate(d, i);
	return r;
}

/* --- removing --- */

struct names {
	struct dir_context c;
	struct names_entry {
		struct names_entry *next;
		size_t len;
		char name[];
	} *first;
	bool failed;
};

static bool collect(struct dir_context *c, const char *name, size_t len, uint64_t ino, unsigned type,
		    uint64_t next)
{
	struct names *n = container_of(c, struct names, c);
	struct names_entry *e;

	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return true;
	e = malloc(sizeof(*e) + len);
	if (!e) {
		n->failed = true;
		return false;
	}
	e->len = len;
	memcpy(e->name, name, len);
	e->next = n->first;
	n->first = e;
	return true;
}

static int unlink_name(const struct path *dir, const struct names_entry *e)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	int r = dentry_lookup(dir->dentry, e->name, e->len, &d);

	if (r < 0 || !d->inode)
		return r;
	return ovl_is_whiteout(d->inode) ? vfs_unlink(dir, d) : -ENOTEMPTY;
}

int ovl_clear_whiteouts(const struct path *dir)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct names n = {.c = {.emit = collect}};
	int r;

	r = file_open_path(dir, 0, NULL, &f);
	if (r == 0)
		r = f->op->iterate(f, &n.c);
	if (r == 0 && n.failed)
		r = -ENOMEM;
	while (n.first) {
		struct names_entry *e = n.first;

		n.first = e->next;
		if (r == 0)
			r = unlink_name(dir, e);
		free(e);
	}
	return r;
}

/* Puts a whiteout in the place of u (positive or negative); what was there ends up in work and goes. */
static int whiteout(struct inode *dir, struct dentry *u)
{
	struct ovl_sb *os = OS(dir->sb);
	struct path work = {os->upper, os->work}, udir = ovl_upper_path(dir);
	_cleanup_(dentry_putp) struct dentry *w = NULL;
	int r;

	r = ovl_work_name(os, &w);
	if (r == 0)
		r = vfs_mknod(&work, w, S_IFCHR, 0);
	if (r < 0)
		return r;
	r = vfs_rename(&work, w, &udir, u, u->inode ? RENAME_EXCHANGE : 0);
	work_remove(os, r == 0 && u->inode ? u : w);
	return r;
}

static int remove_upper(struct inode *dir, struct dentry *u, bool is_dir)
{
	struct path udir = ovl_upper_path(dir);

	return is_dir ? vfs_rmdir(&udir, u) : vfs_unlink(&udir, u);
}

/* The name d leaves dir. REQUIRES(OI(d->inode)->copyup) */
static int remove_locked(struct inode *dir, struct dentry *d, bool is_dir)
{
	_cleanup_(dentry_putp) struct dentry *u = NULL;
	struct path ud = {OS(dir->sb)->upper, NULL};
	int lower, r;

	lower = ovl_lower_has(dir, d);
	if (lower < 0)
		return lower;
	r = ovl_upper_child(dir, d, &u);
	if (r < 0)
		return r;
	if (u->inode && is_dir) {
		ud.dentry = u;
		r = ovl_clear_whiteouts(&ud);
		if (r < 0)
			return r;
	}
	if (lower)
		return whiteout(dir, u);
	return u->inode ? remove_upper(dir, u, is_dir) : 0;
}

static int remove_name(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct inode *i = d->inode;
	struct ovl_inode *oi = OI(i);
	int r;

	r = ovl_copy_up_inode(dir, true);
	if (r < 0)
		return r;
	mutex_lock(&oi->copyup);
	vfs_kernel_begin();
	r = remove_locked(dir, d, is_dir);
	vfs_kernel_end();
	if (r == 0)
		oi->gone = true;
	mutex_unlock(&oi->copyup);
	if (r < 0)
		return r;
	ovl_copyattr(dir);
	if (ovl_upper(i) && !is_dir)
		ovl_copyattr(i);
	else if (is_dir)
		i->nlink = 0;
	else if (i->nlink)
		i->nlink--;
	return 0;
}

int ovl_unlink(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d, false);
}

int ovl_rmdir(struct inode *dir, struct dentry *d)
{
	int r = ovl_check_empty(d->inode);

	return r < 0 ? r : remove_name(dir, d, true);
}
