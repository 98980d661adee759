/* SPDX-License-Identifier: Apache-2.0 */
/* rename in an overlay. Both directories and both objects are locked. */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include "kernel/fs/overlay/ovl_priv.h"

struct move {
	struct inode *odir, *ndir;
	struct dentry *old, *new;
	unsigned flags;
	bool exchange;
	bool old_lower, new_lower; /* the lower has something under that name */
};

static int may_move(const struct dentry *d)
{
	/* Its lower names would have to move too. */
	return S_ISDIR(d->inode->mode) && OI(d->inode)->lower ? -EXDEV : 0;
}

static int prepare(struct move *m)
{
	int r;

	r = may_move(m->old);
	if (r == 0 && m->exchange)
		r = may_move(m->new);
	if (r == 0 && !m->exchange && m->new->inode && S_ISDIR(m->new->inode->mode))
		r = ovl_check_empty(m->new->inode);
	if (r == 0)
		r = ovl_copy_up(m->old, true);
	if (r == 0)
		r = ovl_copy_up_inode(m->odir, true);
	if (r == 0)
		r = ovl_copy_up_inode(m->ndir, true);
	if (r == 0 && m->exchange)
		r = ovl_copy_up(m->new, true);
	if (r < 0)
		return r;
	r = ovl_lower_has(m->odir, m->old);
	if (r < 0)
		return r;
	m->old_lower = r;
	r = ovl_lower_has(m->ndir, m->new);
	if (r < 0)
		return r;
	m->new_lower = r;
	return 0;
}

/* A directory that comes to a name of the lower must not show what is there. */
static int make_opaque(const struct inode *i, bool lower)
{
	struct path p = ovl_upper_path(i);

	if (!lower || !S_ISDIR(i->mode) || ovl_is_opaque(p.dentry))
		return 0;
	return ovl_set_opaque(&p);
}

static int move_upper(struct move *m, struct dentry *u, struct dentry *v)
{
	struct path od = ovl_upper_path(m->odir), nd = ovl_upper_path(m->ndir);
	struct path target = {od.mnt, v};
	bool is_dir = S_ISDIR(u->inode->mode);
	int r;

	r = make_opaque(m->old->inode, m->new_lower);
	if (r == 0 && m->exchange)
		r = make_opaque(m->new->inode, m->old_lower);
	if (r < 0)
		return r;
	if (m->exchange)
		return vfs_rename(&od, u, &nd, v, RENAME_EXCHANGE);
	if (is_dir && ovl_is_whiteout(v->inode)) {
		/* The whiteout goes where the directory was; there it is wanted or not. */
		r = vfs_rename(&od, u, &nd, v, RENAME_EXCHANGE);
		if (r == 0 && !m->old_lower)
			r = vfs_unlink(&od, v);
		return r;
	}
	if (v->inode && S_ISDIR(v->inode->mode)) {
		r = ovl_clear_whiteouts(&target);
		if (r < 0)
			return r;
	}
	return vfs_rename(&od, u, &nd, v, m->old_lower ? RENAME_WHITEOUT : 0);
}

static int move(struct move *m)
{
	_cleanup_(dentry_putp) struct dentry *u = NULL;
	_cleanup_(dentry_putp) struct dentry *v = NULL;
	int r;

	r = ovl_upper_child(m->odir, m->old, &u);
	if (r == 0)
		r = ovl_upper_child(m->ndir, m->new, &v);
	if (r < 0)
		return r;
	if (!u->inode)
		return -ESTALE;
	vfs_kernel_begin();
	r = move_upper(m, u, v);
	vfs_kernel_end();
	return r;
}

/* new's object has lost its name. */
static void note_replaced(struct inode *i)
{
	if (ovl_upper(i) && !S_ISDIR(i->mode))
		ovl_copyattr(i);
	else if (S_ISDIR(i->mode))
		i->nlink = 0;
	else if (i->nlink)
		i->nlink--;
}

int ovl_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
	       unsigned flags)
{
	struct move m = {.odir = odir, .ndir = ndir, .old = old, .new = new, .flags = flags,
			 .exchange = flags & RENAME_EXCHANGE};
	struct inode *victim = m.exchange ? NULL : new->inode;
	int r;

	if (flags & RENAME_WHITEOUT)
		return -EINVAL;
	r = prepare(&m);
	if (r < 0)
		return r;
	if (victim)
		mutex_lock(&OI(victim)->copyup);
	r = move(&m);
	if (victim) {
		if (r == 0)
			OI(victim)->gone = true;
		mutex_unlock(&OI(victim)->copyup);
	}
	if (r < 0)
		return r;
	if (victim)
		note_replaced(victim);
	ovl_copyattr(odir);
	ovl_copyattr(ndir);
	ovl_copyattr(old->inode);
	if (m.exchange)
		ovl_copyattr(new->inode);
	return 0;
}
