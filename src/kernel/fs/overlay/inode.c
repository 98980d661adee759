/* SPDX-License-Identifier: Apache-2.0 */
/* Overlay inodes: finding the two layers of a name, one inode per real file, attributes. */
#include <string.h>
#include <linux/xattr.h>
#include "kernel/fs/overlay/ovl_priv.h"

#define OVL_XATTR_PREFIX "trusted.overlay."
#define OVL_XATTR_OPAQUE "trusted.overlay.opaque"

/* --- the table of inodes by real inode --- */

static struct ovl_inode **bucket(struct ovl_sb *os, const struct inode *key)
{
	uint64_t h = ((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15ULL;

	return &os->hash[(h >> 32) % os->hash_size];
}

static struct inode *table_find(struct ovl_sb *os, const struct inode *key) REQUIRES(os->lock)
{
	for (struct ovl_inode *oi = key ? *bucket(os, key) : NULL; oi; oi = oi->hash_next)
		if (oi->key == key && ref_get_unless_zero(&oi->inode->ref))
			return oi->inode;
	return NULL;
}

static void table_add(struct ovl_sb *os, struct ovl_inode *oi, const struct inode *key)
	REQUIRES(os->lock)
{
	struct ovl_inode **b;

	oi->key = key;
	if (!key)
		return;
	b = bucket(os, key);
	oi->hash_next = *b;
	*b = oi;
}

static void table_del(struct ovl_sb *os, struct ovl_inode *oi) REQUIRES(os->lock)
{
	if (!oi->key)
		return;
	for (struct ovl_inode **p = bucket(os, oi->key); *p; p = &(*p)->hash_next) {
		if (*p != oi)
			continue;
		*p = oi->hash_next;
		break;
	}
	oi->key = NULL;
	oi->hash_next = NULL;
}

/* --- life --- */

static void set_ops(struct inode *i)
{
	switch (i->mode & S_IFMT) {
	case S_IFDIR:
		i->op = &ovl_dir_iops;
		i->fop = &ovl_dir_fops;
		break;
	case S_IFREG:
		i->op = &ovl_file_iops;
		i->fop = &ovl_file_fops;
		break;
	case S_IFLNK:
		i->op = &ovl_link_iops;
		break;
	default:
		i->op = &ovl_special_iops;
		break;
	}
}

static int make(struct super *sb, struct dentry *upper, struct dentry *lower, struct inode **ret)
{
	struct ovl_inode *oi = calloc(1, sizeof(*oi));
	struct inode *real = (upper ? upper : lower)->inode;
	struct inode *i = oi ? inode_new(sb, real->mode) : NULL;

	if (!i) {
		free(oi);
		return -ENOMEM;
	}
	oi->inode = i;
	oi->upper = upper ? dentry_get(upper) : NULL;
	oi->lower = lower ? dentry_get(lower) : NULL;
	mutex_init(&oi->copyup, RANK_OVL_COPYUP, "copy-up");
	i->priv = oi;
	i->ino = real->ino;
	i->rdev = real->rdev;
	i->btime = real->btime;
	ovl_copyattr(i);
	set_ops(i);
	*ret = i;
	return 0;
}

int ovl_iget(struct super *sb, struct dentry *upper, struct dentry *lower, struct inode **ret)
{
	struct ovl_sb *os = OS(sb);
	const struct inode *key = NULL;
	struct inode *i, *made;
	int r;

	if (upper)
		key = upper->inode;
	else if (S_ISDIR(lower->inode->mode) || lower->inode->nlink == 1)
		key = lower->inode; /* each name of a linked lower file becomes a file of its own */
	mutex_lock(&os->lock);
	i = table_find(os, key);
	mutex_unlock(&os->lock);
	if (i) {
		*ret = i;
		return 0;
	}
	r = make(sb, upper, lower, &made);
	if (r < 0)
		return r;
	mutex_lock(&os->lock);
	i = table_find(os, key);
	if (!i)
		table_add(os, OI(made), key);
	mutex_unlock(&os->lock);
	if (i)
		inode_put(made);
	*ret = i ? i : made;
	return 0;
}

void ovl_evict(struct inode *i)
{
	struct ovl_inode *oi = OI(i);

	if (!oi)
		return;
	mutex_lock(&OS(i->sb)->lock);
	table_del(OS(i->sb), oi);
	mutex_unlock(&OS(i->sb)->lock);
	dentry_put(oi->upper);
	dentry_put(oi->lower);
	mutex_destroy(&oi->copyup);
	free(oi);
	i->priv = NULL;
}

void ovl_set_upper(struct ovl_inode *oi, struct dentry *upper)
{
	struct ovl_sb *os = OS(oi->inode->sb);

	MUTEX_GUARD(&os->lock);
	table_del(os, oi);
	table_add(os, oi, upper->inode);
	__atomic_store_n(&oi->upper, upper, __ATOMIC_RELEASE);
}

/* --- names --- */

bool ovl_is_opaque(struct dentry *upper)
{
	struct inode *i = upper->inode;
	char v = 0;

	return i->op->getxattr && i->op->getxattr(i, OVL_XATTR_OPAQUE, &v, 1) == 1 && v == 'y';
}

/* The object called d in layer directory dir: NULL when there is none. */
static int layer_child(struct dentry *dir, const struct dentry *d, struct dentry **ret)
{
	int r = dentry_lookup(dir, d->name, d->name_len, ret);

	if (r < 0)
		return r;
	if (!(*ret)->inode) {
		dentry_put(*ret);
		*ret = NULL;
	}
	return 0;
}

int ovl_lookup(struct inode *dir, struct dentry *d, struct inode **ret)
{
	_cleanup_(dentry_putp) struct dentry *u = NULL;
	_cleanup_(dentry_putp) struct dentry *l = NULL;
	struct dentry *ud = ovl_upper(dir), *ld = OI(dir)->lower;
	int r = 0;

	*ret = NULL;
	if (ud)
		r = layer_child(ud, d, &u);
	if (r < 0 || (u && ovl_is_whiteout(u->inode)))
		return r;
	if (ld && (!u || (S_ISDIR(u->inode->mode) && !ovl_is_opaque(u))))
		r = layer_child(ld, d, &l);
	if (r < 0)
		return r;
	if (l && u && !S_ISDIR(l->inode->mode)) {
		dentry_put(l);
		l = NULL;
	}
	return u || l ? ovl_iget(dir->sb, u, l, ret) : 0;
}

/* --- attributes --- */

void ovl_copyattr(struct inode *i)
{
	struct inode *real = ovl_real(i);

	i->mode = real->mode;
	i->uid = real->uid;
	i->gid = real->gid;
	i->nlink = real->nlink;
	__atomic_store_n(&i->size, real->size, __ATOMIC_RELAXED);
	i->atime = real->atime;
	i->mtime = real->mtime;
	i->ctime = real->ctime;
}

static int getattr(struct inode *i, struct kstat *ret)
{
	struct path p = ovl_real_path(i);
	int r = vfs_getattr(&p, ret);

	ret->dev = i->sb->dev;
	ret->ino = i->ino;
	if (!ovl_upper(i)) /* names of a lower file that were removed here */
		ret->nlink = __atomic_load_n(&i->nlink, __ATOMIC_RELAXED);
	else if (S_ISDIR(i->mode) && OI(i)->lower)
		ret->nlink = 1; /* "not counted", as Linux says: find must not infer the number of subdirectories */
	return r;
}

static int setattr(struct inode *i, const struct iattr *a)
{
	struct iattr b = *a;
	struct path p;
	int r;

	r = ovl_copy_up_inode(i, !((a->valid & ATTR_SIZE) && a->size == 0));
	if (r < 0)
		return r;
	b.file = NULL;
	b.valid &= ~ATTR_KILL_PRIV;
	p = ovl_upper_path(i);
	vfs_kernel_begin();
	r = vfs_setattr(&p, &b);
	vfs_kernel_end();
	ovl_copyattr(i);
	return r;
}

static ssize_t readlink_of(struct inode *i, char *buf, size_t cap)
{
	struct path p = ovl_real_path(i);

	return vfs_readlink(&p, buf, cap);
}

/* --- extended attributes --- */

static bool is_private(const char *name)
{
	return !strncmp(name, OVL_XATTR_PREFIX, sizeof(OVL_XATTR_PREFIX) - 1);
}

static ssize_t getxattr_of(struct inode *i, const char *name, void *buf, size_t cap)
{
	struct inode *real = ovl_real(i);

	if (is_private(name) || !real->op->getxattr)
		return -EOPNOTSUPP;
	return real->op->getxattr(real, name, buf, cap);
}

static int setxattr_of(struct inode *i, const char *name, const void *v, size_t n, int flags)
{
	struct path p;
	int r;

	if (is_private(name))
		return -EOPNOTSUPP;
	r = ovl_copy_up_inode(i, true);
	if (r < 0)
		return r;
	p = ovl_upper_path(i);
	vfs_kernel_begin();
	r = vfs_setxattr(&p, name, v, n, flags);
	vfs_kernel_end();
	ovl_copyattr(i);
	return r;
}

static int removexattr_of(struct inode *i, const char *name)
{
	ssize_t have = getxattr_of(i, name, NULL, 0);
	struct path p;
	int r;

	if (have < 0)
		return (int)have;
	r = ovl_copy_up_inode(i, true);
	if (r < 0)
		return r;
	p = ovl_upper_path(i);
	vfs_kernel_begin();
	r = vfs_removexattr(&p, name);
	vfs_kernel_end();
	ovl_copyattr(i);
	return r;
}

static ssize_t listxattr_of(struct inode *i, char *buf, size_t cap)
{
	struct inode *real = ovl_real(i);
	ssize_t n, out = 0;

	if (!real->op->listxattr)
		return 0;
	n = real->op->listxattr(real, buf, cap);
	if (n <= 0 || !cap)
		return n;
	for (ssize_t at = 0; at < n;) {
		ssize_t len = (ssize_t)strnlen(buf + at, (size_t)(n - at)) + 1;

		len = MIN(len, n - at);
		if (!is_private(buf + at)) {
			memmove(buf + out, buf + at, (size_t)len);
			out += len;
		}
		at += len;
	}
	return out;
}

#define COMMON_OPS                                                                                 \
	.getattr = getattr, .setattr = setattr, .getxattr = getxattr_of, .setxattr = setxattr_of,  \
	.removexattr = removexattr_of, .listxattr = listxattr_of

const struct inode_ops ovl_dir_iops = {
	COMMON_OPS,
	.lookup = ovl_lookup,
	.create = ovl_create,
	.mkdir = ovl_mkdir,
	.mknod = ovl_mknod,
	.symlink = ovl_symlink,
	.link = ovl_link,
	.unlink = ovl_unlink,
	.rmdir = ovl_rmdir,
	.rename = ovl_rename,
	.tmpfile = ovl_tmpfile,
};
const struct inode_ops ovl_file_iops = {COMMON_OPS};
const struct inode_ops ovl_special_iops = {COMMON_OPS};
const struct inode_ops ovl_link_iops = {COMMON_OPS, .readlink = readlink_of};
