/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of tmpfs. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include "kernel/fs/tmpfs/tmpfs_priv.h"

#define HASH_FROM 16U /* entries from which names are hashed */
#define POS_FIRST 2U  /* position of slot 0: "." and ".." come before */

static uint32_t name_hash(const char *name, size_t len)
{
	uint32_t h = 2166136261U;

	while (len--)
		h = (h ^ (uint8_t)*name++) * 16777619U;
	return h ^ h >> 15;
}

static bool same_name(const struct tmpfs_dirent *e, uint32_t hash, const char *name, size_t len)
{
	return e->hash == hash && e->len == len && !memcmp(e->name, name, len);
}

static struct tmpfs_dirent *find(const struct tmpfs_dir *d, const char *name, size_t len)
{
	uint32_t h = name_hash(name, len);

	if (d->hash_size) {
		struct tmpfs_dirent *e = d->hash[h & (d->hash_size - 1)];

		while (e && !same_name(e, h, name, len))
			e = e->next;
		return e;
	}
	for (uint32_t i = 0; i < d->nslots; i++)
		if (d->slot[i] && same_name(d->slot[i], h, name, len))
			return d->slot[i];
	return NULL;
}

/* A larger hash, when there are more entries than chains. Failure only makes look-ups slower. */
static void rehash(struct tmpfs_dir *d)
{
	uint32_t size = d->hash_size ? d->hash_size * 2 : HASH_FROM * 4;
	struct tmpfs_dirent **h;

	if (d->live < HASH_FROM || (d->hash_size && d->live <= d->hash_size) || size > 1U << 24)
		return;
	h = calloc(size, sizeof(struct tmpfs_dirent *));
	if (!h)
		return;
	for (uint32_t i = 0; i < d->nslots; i++) {
		struct tmpfs_dirent *e = d->slot[i];

		if (!e)
			continue;
		e->next = h[e->hash & (size - 1)];
		h[e->hash & (size - 1)] = e;
	}
	free(d->hash);
	d->hash = h;
	d->hash_size = size;
}

static int take_slot(struct tmpfs_dir *d, uint32_t *ret)
{
	uint32_t i = d->lowest_free;

	while (i < d->nslots && d->slot[i])
		i++;
	if (i == d->cap) {
		uint32_t cap = d->cap ? d->cap * 2 : 8;
		struct tmpfs_dirent **p;

		if (cap > 1U << 28)
			return -ENOSPC;
		p = realloc(d->slot, cap * sizeof(struct tmpfs_dirent *));
		if (!p)
			return -ENOMEM;
		d->slot = p;
		d->cap = cap;
	}
	if (i == d->nslots)
		d->slot[d->nslots++] = NULL;
	d->lowest_free = i + 1;
	*ret = i;
	return 0;
}

/* Adds name for i (one reference moves in). */
static int add_entry(struct inode *dir, const char *name, size_t len, struct inode *i)
{
	struct tmpfs_dir *d = &TI(dir)->dir;
	struct tmpfs_dirent *e = malloc(sizeof(*e) + len + 1);
	int r;

	if (!e)
		return -ENOMEM;
	r = take_slot(d, &e->slot);
	if (r < 0) {
		free(e);
		return r;
	}
	e->inode = i;
	e->hash = name_hash(name, len);
	e->len = (uint16_t)len;
	memcpy(e->name, name, len);
	e->name[len] = '\0';
	e->next = NULL;
	d->slot[e->slot] = e;
	d->live++;
	if (d->hash_size) {
		e->next = d->hash[e->hash & (d->hash_size - 1)];
		d->hash[e->hash & (d->hash_size - 1)] = e;
	}
	rehash(d);
	__atomic_store_n(&dir->size, dir->size + 20, __ATOMIC_RELAXED); /* as Linux shows it */
	return 0;
}

/* Takes e out; its inode reference goes to the caller. */
static struct inode *remove_entry(struct inode *dir, struct tmpfs_dirent *e)
{
	struct tmpfs_dir *d = &TI(dir)->dir;
	struct inode *i = e->inode;

	if (d->hash_size) {
		struct tmpfs_dirent **p = &d->hash[e->hash & (d->hash_size - 1)];

		while (*p != e)
			p = &(*p)->next;
		*p = e->next;
	}
	d->slot[e->slot] = NULL;
	d->lowest_free = MIN(d->lowest_free, e->slot);
	while (d->nslots && !d->slot[d->nslots - 1])
		d->nslots--;
	d->live--;
	__atomic_store_n(&dir->size, dir->size - 20, __ATOMIC_RELAXED);
	free(e);
	return i;
}

static struct tmpfs_dirent *entry_of(struct inode *dir, const struct dentry *d)
{
	return find(&TI(dir)->dir, d->name, d->name_len);
}

/* A whole tree goes when its super does, and it may be deeper than a stack: the entries of each directory are
 * chained to the super, and the outermost call works the chain off. */
void tmpfs_dir_clear(struct inode *dir)
{
	struct tmpfs_dir *d = &TI(dir)->dir;
	struct tmpfs_sb *ts = TS(dir->sb);
	struct tmpfs_dirent *e;
	bool outer;

	mutex_lock(&ts->reap_lock);
	for (uint32_t i = 0; i < d->nslots; i++) {
		e = d->slot[i];
		if (!e)
			continue;
		e->next = ts->reap;
		ts->reap = e;
	}
	free(d->slot);
	free(d->hash);
	outer = !ts->reaping;
	ts->reaping = true;
	while (outer && (e = ts->reap)) {
		ts->reap = e->next;
		mutex_unlock(&ts->reap_lock);
		inode_put(e->inode);
		free(e);
		mutex_lock(&ts->reap_lock);
	}
	if (outer)
		ts->reaping = false;
	mutex_unlock(&ts->reap_lock);
}

/* --- operations --- */

static int lookup(struct inode *dir, struct dentry *d, struct inode **ret)
{
	struct tmpfs_dirent *e = entry_of(dir, d);

	*ret = e ? inode_get(e->inode) : NULL;
	return 0;
}

/* i (one reference is taken over) becomes d. */
static int attach(struct inode *dir, struct dentry *d, struct inode *i)
{
	int r = add_entry(dir, d->name, d->name_len, i);

	if (r < 0) {
		inode_put(i);
		return r;
	}
	if (S_ISDIR(i->mode))
		dir->nlink++;
	inode_touch(dir, true, true);
	dentry_instantiate(d, inode_get(i));
	return 0;
}

static int mknod_in(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev)
{
	struct inode *i;
	int r;

	r = tmpfs_inode_new(dir->sb, dir, mode, &i);
	if (r < 0)
		return r;
	i->rdev = rdev;
	return attach(dir, d, i);
}

static int create(struct inode *dir, struct dentry *d, mode_t mode)
{
	return mknod_in(dir, d, mode, 0);
}

static int mkdir_in(struct inode *dir, struct dentry *d, mode_t mode)
{
	return mknod_in(dir, d, mode | S_IFDIR, 0);
}

static int symlink_in(struct inode *dir, struct dentry *d, const char *target)
{
	struct inode *i;
	int r;

	r = tmpfs_inode_new(dir->sb, dir, S_IFLNK | 0777, &i);
	if (r < 0)
		return r;
	TI(i)->target = strdup(target);
	if (!TI(i)->target) {
		inode_put(i);
		return -ENOMEM;
	}
	i->size = strlen(target);
	return attach(dir, d, i);
}

static int tmpfile_in(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct inode *i;
	int r;

	r = tmpfs_inode_new(dir->sb, dir, mode, &i);
	if (r < 0)
		return r;
	i->nlink = 0;
	dentry_instantiate(d, i);
	return 0;
}

static int link_in(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *i = old->inode;
	int r;

	r = attach(dir, d, inode_get(i));
	if (r < 0)
		return r;
	i->nlink++;
	inode_touch(i, false, true);
	return 0;
}

static int unlink_in(struct inode *dir, struct dentry *d)
{
	struct tmpfs_dirent *e = entry_of(dir, d);
	struct inode *i = d->inode;

	if (!e)
		return -ENOENT;
	inode_put(remove_entry(dir, e)); /* never the last: d has one */
	i->nlink--;
	inode_touch(i, false, true);
	inode_touch(dir, true, true);
	return 0;
}

static int rmdir_in(struct inode *dir, struct dentry *d)
{
	struct tmpfs_dirent *e = entry_of(dir, d);
	struct inode *i = d->inode;

	if (!e)
		return -ENOENT;
	if (TI(i)->dir.live)
		return -ENOTEMPTY;
	inode_put(remove_entry(dir, e));
	i->nlink = 0;
	dir->nlink--;
	inode_touch(i, false, true);
	inode_touch(dir, true, true);
	return 0;
}

static int exchange(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new)
{
	struct tmpfs_dirent *a = entry_of(odir, old), *b = entry_of(ndir, new);
	struct inode *ai, *bi;

	if (!a || !b)
		return -ENOENT;
	ai = a->inode;
	bi = b->inode;
	a->inode = bi;
	b->inode = ai;
	if (odir != ndir && S_ISDIR(ai->mode) != S_ISDIR(bi->mode)) {
		odir->nlink += S_ISDIR(bi->mode) ? 1U : -1U;
		ndir->nlink += S_ISDIR(ai->mode) ? 1U : -1U;
	}
	if (S_ISDIR(ai->mode))
		TI(ai)->dir.parent = ndir;
	if (S_ISDIR(bi->mode))
		TI(bi)->dir.parent = odir;
	inode_touch(ai, false, true);
	inode_touch(bi, false, true);
	return 0;
}

/* new's object gives way. */
static void drop_target(struct inode *ndir, struct tmpfs_dirent *e, struct inode *victim)
{
	inode_put(remove_entry(ndir, e));
	if (S_ISDIR(victim->mode)) {
		victim->nlink = 0;
		ndir->nlink--;
	} else {
		victim->nlink--;
	}
	inode_touch(victim, false, true);
}

static int rename_in(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
		     unsigned flags)
{
	struct inode *i = old->inode, *victim = new->inode, *white = NULL;
	struct tmpfs_dirent *e, *t;
	int r = 0;

	if (flags & RENAME_EXCHANGE) {
		r = exchange(odir, old, ndir, new);
		goto touch;
	}
	if (victim && S_ISDIR(victim->mode) && TI(victim)->dir.live)
		return -ENOTEMPTY;
	if (flags & RENAME_WHITEOUT)
		r = tmpfs_inode_new(odir->sb, odir, S_IFCHR, &white);
	if (r < 0)
		return r;
	t = victim ? entry_of(ndir, new) : NULL;
	if (t)
		drop_target(ndir, t, victim);
	/* With a target its slot and memory are free now; without one nothing has changed yet. */
	r = add_entry(ndir, new->name, new->name_len, inode_get(i));
	if (r < 0) {
		inode_put(i);
		inode_put(white);
		return r;
	}
	e = entry_of(odir, old);
	if (white) {
		inode_put(e->inode);
		e->inode = white;
	} else {
		inode_put(remove_entry(odir, e));
	}
	if (S_ISDIR(i->mode)) {
		odir->nlink--;
		ndir->nlink++;
		TI(i)->dir.parent = ndir;
	}
	inode_touch(i, false, true);
touch:
	inode_touch(odir, true, true);
	inode_touch(ndir, true, true);
	return r;
}

/* --- reading --- */

static bool emit_dots(struct inode *dir, struct dir_context *c)
{
	if (c->pos == 0) {
		if (!c->emit(c, ".", 1, dir->ino, DT_DIR, 1))
			return false;
		c->pos = 1;
	}
	if (c->pos == 1) {
		if (!c->emit(c, "..", 2, TI(dir)->dir.parent->ino, DT_DIR, POS_FIRST))
			return false;
		c->pos = POS_FIRST;
	}
	return true;
}

static int iterate(struct file *f, struct dir_context *c)
{
	struct inode *dir = f->inode;
	struct tmpfs_dir *d = &TI(dir)->dir;

	MUTEX_GUARD(&dir->lock);
	file_accessed(f);
	if (dir->dead || !emit_dots(dir, c))
		return 0;
	while (c->pos - POS_FIRST < d->nslots) {
		struct tmpfs_dirent *e = d->slot[c->pos - POS_FIRST];

		if (e && !c->emit(c, e->name, e->len, e->inode->ino, IFTODT(e->inode->mode),
				  c->pos + 1))
			return 0;
		c->pos++;
	}
	return 0;
}

/* --- attributes and tables --- */

static int setattr(struct inode *i, const struct iattr *a)
{
	if (a->valid & ATTR_SIZE) {
		int r = tmpfs_resize(i, a->size);

		if (r < 0)
			return r;
	}
	generic_setattr(i, a);
	return 0;
}

static ssize_t readlink_of(struct inode *i, char *buf, size_t cap)
{
	size_t n = strlen(TI(i)->target); /* never changes */

	if (n >= cap)
		return -ENAMETOOLONG;
	memcpy(buf, TI(i)->target, n + 1);
	return (ssize_t)n;
}

static int file_getattr(struct inode *i, struct kstat *ret)
{
	MUTEX_GUARD(&i->lock);
	generic_getattr(i, ret);
	ret->blocks = tmpfs_data_pages(i) * (GUEST_PAGE_SIZE / 512);
	return 0;
}

static int other_getattr(struct inode *i, struct kstat *ret)
{
	generic_getattr(i, ret);
	ret->blocks = 0;
	return 0;
}

#define XATTR_OPS                                                                                  \
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr, .removexattr = tmpfs_removexattr,  \
	.listxattr = tmpfs_listxattr

const struct inode_ops tmpfs_dir_iops = {
	XATTR_OPS,
	.lookup = lookup,
	.create = create,
	.mkdir = mkdir_in,
	.mknod = mknod_in,
	.symlink = symlink_in,
	.link = link_in,
	.unlink = unlink_in,
	.rmdir = rmdir_in,
	.rename = rename_in,
	.tmpfile = tmpfile_in,
	.getattr = other_getattr,
	.setattr = setattr,
};
const struct inode_ops tmpfs_file_iops = {XATTR_OPS, .getattr = file_getattr, .setattr = setattr};
const struct inode_ops tmpfs_link_iops = {
	XATTR_OPS, .readlink = readlink_of, .getattr = other_getattr, .setattr = setattr};
const struct inode_ops tmpfs_special_iops = {
	XATTR_OPS, .getattr = other_getattr, .setattr = setattr};
const struct file_ops tmpfs_dir_fops = {.iterate = iterate, .llseek = no_seek_end_llseek};
