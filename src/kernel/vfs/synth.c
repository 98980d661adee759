/* SPDX-License-Identifier: Apache-2.0 */
/* Synthetic trees; see synth.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include "kernel/vfs/synth.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

static bool grow(struct synth_buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 1024;
	char *p;

	if (b->err)
		return false;
	while (cap - b->len <= more)
		cap *= 2;
	if (cap == b->cap)
		return true;
	p = realloc(b->p, cap);
	if (!p) {
		b->err = -ENOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void synth_write(struct synth_buf *b, const void *p, size_t n)
{
	if (!grow(b, n + 1))
		return;
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

void synth_printf(struct synth_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !grow(b, (size_t)n + 1))
		return;
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

static const struct inode_ops synth_dir_iops, synth_file_iops, synth_link_iops, synth_magic_iops;
static const struct file_ops synth_dir_fops, synth_file_fops, synth_poll_fops;
static const struct dentry_ops synth_dops;

/* An inode for *tmpl; takes over the reference of tmpl->obj. */
static int make_inode(struct super *sb, const struct synth_inode *tmpl, struct inode **ret)
{
	struct synth_fs *fs = sb->priv;
	struct synth_inode *si = malloc(sizeof(*si));
	struct inode *i = si ? inode_new(sb, tmpl->node->mode) : NULL;

	if (!i) {
		free(si);
		if (fs->obj_put && tmpl->obj)
			fs->obj_put(tmpl->obj);
		return -ENOMEM;
	}
	*si = *tmpl;
	si->inode = i;
	i->priv = si;
	i->nlink = S_ISDIR(i->mode) ? 2 : 1;
	i->op = S_ISDIR(i->mode)   ? &synth_dir_iops :
		si->node->jump     ? &synth_magic_iops :
		S_ISLNK(i->mode)   ? &synth_link_iops :
				   &synth_file_iops;
	i->fop = S_ISDIR(i->mode) ? &synth_dir_fops :
		 si->node->poll	  ? &synth_poll_fops :
				    &synth_file_fops;
	if (si->node->valid)
		(void)si->node->valid(si);
	*ret = i;
	return 0;
}

static int synth_lookup(struct inode *dir, struct dentry *d, struct inode **ret)
{
	struct synth_inode *si = dir->priv;
	struct synth_fs *fs = dir->sb->priv;
	struct synth_inode c = {.obj = si->obj, .num = si->num, .num2 = si->num2};
	int r;

	*ret = NULL;
	d->op = &synth_dops;
	for (const struct synth_node *n = si->node->children; n && n->name; n++) {
		if (strcmp(n->name, d->name) != 0 || (n->hidden && n->hidden(si)))
			continue;
		c.node = n;
		if (fs->obj_get && c.obj)
			fs->obj_get(c.obj);
		return make_inode(dir->sb, &c, ret);
	}
	if (!si->node->lookup)
		return 0;
	r = si->node->lookup(si, d->name, &c);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return make_inode(dir->sb, &c, ret);
}

static int synth_revalidate(struct dentry *d)
{
	struct synth_fs *fs = d->sb->priv;
	struct synth_inode *si;

	if (!d->inode)
		return !fs->volatile_names;
	si = d->inode->priv;
	return !si->node->valid || si->node->valid(si) == 0;
}

static int synth_getattr(struct inode *i, struct kstat *ret)
{
	struct synth_inode *si = i->priv;

	if (si->node->valid)
		(void)si->node->valid(si);
	generic_getattr(i, ret);
	return si->node->stat ? si->node->stat(si, ret) : 0;
}

static int synth_permission(struct inode *i, const struct cred *c, int mask)
{
	struct synth_inode *si = i->priv;
	int r = si->node->access ? si->node->access(si, c, mask) : 0;

	return r < 0 ? r : generic_permission(i, c, mask);
}

static ssize_t synth_readlink(struct inode *i, char *buf, size_t cap)
{
	struct synth_inode *si = i->priv;

	return si->node->link ? si->node->link(si, buf, cap) : -EINVAL;
}

static int synth_jump(struct inode *i, struct path *ret)
{
	struct synth_inode *si = i->priv;

	return si->node->jump(si, ret);
}

static int synth_setattr(struct inode *i, const struct iattr *a)
{
	struct synth_inode *si = i->priv;

	if (si->node->changed) {
		generic_setattr(i, a);
		return si->node->changed(si);
	}
	/* open(O_TRUNC) of a control file is fine and changes nothing. */
	return a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

static int synth_mkdir(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct synth_inode *si = dir->priv;
	struct inode *i = NULL;
	int r = si->node->mkdir ? si->node->mkdir(si, d->name) : -EPERM;

	if (r == 0)
		r = synth_lookup(dir, d, &i);
	if (r == 0 && i)
		dentry_instantiate(d, i);
	return r;
}

static int synth_rmdir(struct inode *dir, struct dentry *d)
{
	struct synth_inode *si = dir->priv;

	return si->node->rmdir ? si->node->rmdir(si, d->name) : -EPERM;
}

static const struct dentry_ops synth_dops = {.revalidate = synth_revalidate};
static const struct inode_ops synth_dir_iops = {
	.lookup = synth_lookup,
	.mkdir = synth_mkdir,
	.rmdir = synth_rmdir,
	.getattr = synth_getattr,
	.permission = synth_permission,
};
static const struct inode_ops synth_file_iops = {
	.getattr = synth_getattr,
	.permission = synth_permission,
	.setattr = synth_setattr,
};
static const struct inode_ops synth_link_iops = {
	.readlink = synth_readlink,
	.getattr = synth_getattr,
};
static const struct inode_ops synth_magic_iops = {
	.readlink = synth_readlink,
	.jump_link = synth_jump,
	.getattr = synth_getattr,
};

/* --- files --- */

static int synth_open(struct inode *i, struct file *f)
{
	struct synth_inode *si = i->priv;

	struct synth_buf *b;

	if (si->node->open)
		return si->node->open(si, f);
	f->priv = NULL;
	if (si->node->poll) { /* changes count from now on */
		b = f->priv = calloc(1, sizeof(*b));
		if (!b)
			return -ENOMEM;
		(void)si->node->poll(si, &b->seen, NULL);
	}
	return 0;
}

static ssize_t synth_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct synth_inode *si = f->inode->priv;
	struct synth_buf *b;
	uint64_t at = pos ? *pos : 0;
	ssize_t n = 0;

	if (!si->node->show)
		return -EINVAL;
	MUTEX_GUARD(&f->inode->lock);
	b = f->priv;
	if (!b || at == 0) {
		if (!b)
			b = f->priv = calloc(1, sizeof(*b));
		if (!b)
			return -ENOMEM;
		b->len = 0;
		b->err = 0;
		n = si->node->show(si, b);
		if (n < 0 || b->err) {
			b->len = 0;
			return n < 0 ? n : b->err;
		}
	}
	if (at >= b->len)
		return 0;
	n = uio_copy_to(u, b->p + at, MIN(b->len - at, u->resid));
	if (n > 0 && pos)
		*pos += (uint64_t)n;
	return n;
}

static ssize_t synth_file_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct synth_inode *si = f->inode->priv;
	_cleanup_free_ char *buf = NULL;
	ssize_t n;

	if (!si->node->write && !si->node->write_file)
		return -EINVAL;
	buf = malloc(4097);
	if (!buf)
		return -ENOMEM;
	n = uio_copy_from(u, buf, MIN(u->resid, (size_t)4096));
	if (n < 0)
		return n;
	buf[n] = '\0';
	n = si->node->write_file ? si->node->write_file(si, f, buf, (size_t)n) : si->node->write(si, buf, (size_t)n);
	if (n > 0 && pos)
		*pos += (uint64_t)n;
	return n;
}

static uint32_t synth_poll(struct file *f, struct poll_table *pt)
{
	struct synth_inode *si = f->inode->priv;
	struct synth_buf *b;

	MUTEX_GUARD(&f->inode->lock);
	b = f->priv;
	return b ? si->node->poll(si, &b->seen, pt) : EPOLLERR;
}

static void synth_release(struct file *f)
{
	struct synth_buf *b = f->priv;

	if (b)
		free(b->p);
	free(b);
}

/* Positions: 2 + index of a static child, then 2 + BASE + number of a dynamic one. */
#define DYN_BASE 1000

static int synth_iterate(struct file *f, struct dir_context *c)
{
	struct synth_inode *si = f->inode->priv;
	const struct synth_node *n = si->node->children;
	uint64_t ino = f->inode->ino;
	uint64_t i = 2;
	char name[256];
	long k;

	if (c->pos == 0) {
		if (!c->emit(c, ".", 1, ino, DT_DIR, 1))
			return 0;
		c->pos = 1;
	}
	if (c->pos == 1) {
		if (!c->emit(c, "..", 2, ino, DT_DIR, 2))
			return 0;
		c->pos = 2;
	}
	for (; n && n->name; n++, i++) {
		if (i < c->pos || (n->hidden && n->hidden(si)))
			continue;
		if (!c->emit(c, n->name, strlen(n->name), ino * 4096 + i, IFTODT(n->mode), i + 1))
			return 0;
		c->pos = i + 1;
	}
	if (!si->node->list)
		return 0;
	k = c->pos >= DYN_BASE ? (long)(c->pos - DYN_BASE) : 0;
	while (si->node->list(si, &k, name)) {
		c->pos = (uint64_t)k + DYN_BASE;
		if (!c->emit(c, name, strlen(name), ino * 4096 + DYN_BASE + (uint64_t)k, DT_UNKNOWN,
			     c->pos + 1))
			return 0;
		c->pos = (uint64_t)++k + DYN_BASE;
	}
	return 0;
}

static const struct file_ops synth_dir_fops = {.iterate = synth_iterate, .llseek = no_seek_end_llseek};
static const struct file_ops synth_file_fops = {
	.open = synth_open,
	.release = synth_release,
	.read = synth_read,
	.write = synth_file_write,
	.llseek = no_seek_end_llseek,
};
static const struct file_ops synth_poll_fops = {
	.open = synth_open,
	.release = synth_release,
	.read = synth_read,
	.write = synth_file_write,
	.llseek = no_seek_end_llseek,
	.poll = synth_poll,
};

/* --- super --- */

static void synth_evict(struct inode *i)
{
	struct synth_fs *fs = i->sb->priv;
	struct synth_inode *si = i->priv;

	if (si && si->obj && fs->obj_put)
		fs->obj_put(si->obj);
	free(si);
	i->priv = NULL;
}

static int synth_statfs(struct super *sb, struct statfs *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->f_type = sb->magic;
	ret->f_bsize = ret->f_frsize = 4096;
	ret->f_namelen = 255;
	return 0;
}

static int synth_options(struct super *sb, char *buf, size_t cap)
{
	struct synth_fs *fs = sb->priv;

	return fs->show_options ? fs->show_options(fs, buf, cap) : 0;
}

static int synth_reconfigure(struct super *sb, const char *options)
{
	struct synth_fs *fs = sb->priv;

	return fs->reconfigure ? fs->reconfigure(fs, options) : 0;
}

static void synth_kill(struct super *sb)
{
	struct synth_fs *fs = sb->priv;

	if (fs->kill)
		fs->kill(fs);
	free(fs);
}

static const struct super_ops synth_sops = {
	.evict = synth_evict,
	.statfs = synth_statfs,
	.show_options = synth_options,
	.reconfigure = synth_reconfigure,
	.kill = synth_kill,
};

int synth_super(const struct fs_type *t, uint32_t magic, const struct synth_node *root,
		struct synth_fs *fs, struct super **ret)
{
	struct super *sb = super_new(t, &synth_sops, magic);
	struct synth_inode si = {.node = root};
	struct inode *i;
	int r;

	if (!sb)
		return -ENOMEM;
	sb->priv = fs;
	r = make_inode(sb, &si, &i);
	if (r == 0) {
		sb->root = dentry_make_root(sb, i);
		r = sb->root ? 0 : -ENOMEM;
	}
	if (r < 0) {
		super_put(sb);
		return r;
	}
	*ret = sb;
	return 0;
}
