/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes: life, attributes, permission.
 *
 * Attributes are written with inode->lock held and read field by field without it (permission checks and
 * stat), as in Linux: each field is read whole, two fields may come from the two sides of one change.
 */
#include <fcntl.h>
#include <linux/capability.h>

#include <string.h>
#include <sys/mount.h>
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

static uint64_t next_map_key = 1; /* atomic */

/* --- who acts --- */

static __thread unsigned kernel_depth;

void vfs_kernel_begin(void)
{
	kernel_depth++;
}

void vfs_kernel_end(void)
{
	kernel_depth--;
}

const struct cred *vfs_cred(void)
{
	return current && !kernel_depth ? current->cred : NULL;
}

bool vfs_capable(const struct cred *c, int cap)
{
	return !c || capable(c, cap);
}

/* --- life --- */

struct inode *inode_new(struct super *sb, mode_t mode)
{
	struct inode *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	ref_init(&i->ref);
	i->sb = sb;
	i->mode = mode;
	i->nlink = 1;
	i->ino = __atomic_fetch_add(&sb->next_ino, 1, __ATOMIC_RELAXED);
	i->map_key = __atomic_fetch_add(&next_map_key, 1, __ATOMIC_RELAXED);
	i->atime = i->mtime = i->ctime = i->btime = inode_now();
	if (S_ISDIR(mode))
		mutex_init(&i->lock, sb->layer ? RANK_LAYER_DIR : RANK_INODE_DIR, "directory");
	else
		mutex_init(&i->lock, sb->layer ? RANK_LAYER_INODE : RANK_INODE, "inode");
	list_init(&i->dentries);
	ref_get(&sb->life);
	mutex_lock(&sb->lock);
	list_add_tail(&i->sb_node, &sb->inodes);
	mutex_unlock(&sb->lock);
	return i;
}

struct inode *inode_get(struct inode *i)
{
	ref_get(&i->ref);
	return i;
}

void inode_put(struct inode *i)
{
	struct super *sb;

	if (!i || !ref_put(&i->ref))
		return;
	sb = i->sb;
	mutex_lock(&sb->lock);
	list_del(&i->sb_node);
	mutex_unlock(&sb->lock);
	if (sb->op->evict)
		sb->op->evict(i);
	locks_free(i);
	mutex_destroy(&i->lock);
	free(i);
	super_life_put(sb);
}

void inode_init_owner(struct inode *i, const struct inode *dir, mode_t mode)
{
	const struct cred *c = current ? current->cred : NULL;

	i->uid = c ? c->fsuid : KUID(0);
	if (dir->mode & S_ISGID) {
		i->gid = dir->gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
		else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && c &&
			 c->fsgid.v != dir->gid.v && !in_group(c, dir->gid) &&
			 !inode_capable(dir, c, CAP_FSETID))
			mode &= ~(mode_t)S_ISGID;
	} else {
		i->gid = c ? c->fsgid : KGID(0);
	}
	i->mode = mode;
}

struct timespec inode_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts;
}

void inode_touch(struct inode *i, bool mtime, bool ctime)
{
	struct timespec now = inode_now();

	if (mtime)
		i->mtime = now;
	if (ctime)
		i->ctime = now;
}

/* --- permission --- */

static mode_t load_mode(const struct inode *i)
{
	return __atomic_load_n(&i->mode, __ATOMIC_RELAXED);
}

static bool is_in_group(const struct cred *c, kgid_t g)
{
	return c->fsgid.v == g.v || in_group(c, g);
}

bool inode_capable(const struct inode *i, const struct cred *c, int cap)
{
	if (!c)
		return true;
	return own_capable(c, cap) && kuid_mapped(c->user_ns, KUID(__atomic_load_n(&i->uid.v, __ATOMIC_RELAXED))) &&
	       kgid_mapped(c->user_ns, KGID(__atomic_load_n(&i->gid.v, __ATOMIC_RELAXED)));
}

int generic_permission(struct inode *i, const struct cred *c, int mask)
{
	mode_t mode = load_mode(i), bits;
	uint32_t uid, gid;

	if (!c)
		return 0;
	uid = __atomic_load_n(&i->uid.v, __ATOMIC_RELAXED);
	gid = __atomic_load_n(&i->gid.v, __ATOMIC_RELAXED);
	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (c->fsuid.v == uid)
		bits = mode >> 6;
	else if (((mode >> 3) & 7) != (mode & 7) && is_in_group(c, KGID(gid)))
		bits = mode >> 3;
	else
		bits = mode;
	if (!((mode_t)mask & ~bits))
		return 0;
	if (S_ISDIR(mode)) {
		if (!(mask & MAY_WRITE) && inode_capable(i, c, CAP_DAC_READ_SEARCH))
			return 0;
		return inode_capable(i, c, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && inode_capable(i, c, CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(mask & MAY_EXEC) || (mode & 0111)) && inode_capable(i, c, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *i, const struct cred *c, int mask)
{
	mode_t mode = load_mode(i);

	if ((mask & MAY_WRITE) && (i->sb->flags & MS_RDONLY) &&
	    (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
		return -EROFS;
	if ((mask & MAY_WRITE) && inode_has(i, FS_IMMUTABLE_FL))
		return -EPERM;
	if (i->op && i->op->permission && c)
		return i->op->permission(i, c, mask);
	return generic_permission(i, c, mask);
}

bool inode_owner_or_capable(const struct inode *i, const struct cred *c)
{
	kuid_t uid = {__atomic_load_n(&i->uid.v, __ATOMIC_RELAXED)};

	return !c || c->fsuid.v == uid.v || (own_capable(c, CAP_FOWNER) && kuid_mapped(c->user_ns, uid));
}

bool mode_kill_priv(const struct inode *i, const struct cred *c, mode_t *mode)
{
	mode_t m = load_mode(i), old = m;

	if (S_ISDIR(m))
		return false;
	m &= ~(mode_t)S_ISUID;
	if ((m & S_ISGID) &&
	    ((m & S_IXGRP) || (c && !is_in_group(c, i->gid) && !inode_capable(i, c, CAP_FSETID))))
		m &= ~(mode_t)S_ISGID;
	*mode = m;
	return m != old;
}

/* --- writers and executions --- */

int inode_get_write(struct inode *i)
{
	int n = __atomic_load_n(&i->writers, __ATOMIC_RELAXED);

	do {
		if (n < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&i->writers, &n, n + 1, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return 0;
}

void inode_put_write(struct inode *i)
{
	__atomic_fetch_sub(&i->writers, 1, __ATOMIC_ACQ_REL);
}

int inode_count(struct inode *i, bool writer)
{
	if (writer)
		return inode_get_write(i);
	__atomic_fetch_add(&i->readers, 1, __ATOMIC_SEQ_CST);
	return 0;
}

void inode_uncount(struct inode *i, bool writer)
{
	if (writer)
		inode_put_write(i);
	else
		__atomic_fetch_sub(&i->readers, 1, __ATOMIC_SEQ_CST);
}

int inode_deny_write(struct inode *i)
{
	int n = __atomic_load_n(&i->writers, __ATOMIC_RELAXED);

	do {
		if (n > 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&i->writers, &n, n - 1, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return 0;
}

void inode_allow_write(struct inode *i)
{
	__atomic_fetch_add(&i->writers, 1, __ATOMIC_ACQ_REL);
}

/* --- attributes --- */

void generic_getattr(struct inode *i, struct kstat *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->dev = i->sb->dev;
	ret->ino = i->ino;
	ret->mode = load_mode(i);
	ret->nlink = __atomic_load_n(&i->nlink, __ATOMIC_RELAXED);
	ret->uid.v = __atomic_load_n(&i->uid.v, __ATOMIC_RELAXED);
	ret->gid.v = __atomic_load_n(&i->gid.v, __ATOMIC_RELAXED);
	ret->rdev = i->rdev;
	ret->size = __atomic_load_n(&i->size, __ATOMIC_RELAXED);
	ret->atime = i->atime;
	ret->mtime = i->mtime;
	ret->ctime = i->ctime;
	ret->btime = i->btime;
	ret->blksize = 4096;
	ret->blocks = (ret->size + 511) / 512;
	ret->mask = STATX_BASIC_STATS;
	ret->attributes = (inode_has(i, FS_IMMUTABLE_FL) ? STATX_ATTR_IMMUTABLE : 0U) |
			  (inode_has(i, FS_APPEND_FL) ? STATX_ATTR_APPEND : 0U) |
			  (inode_has(i, FS_NODUMP_FL) ? STATX_ATTR_NODUMP : 0U);
	ret->attributes_mask = i->sb->op->inode_flags ? STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP : 0U;
}

int vfs_getattr(const struct path *p, struct kstat *ret)
{
	struct inode *i = dentry_inode(p->dentry);

	if (!i)
		return -ENOENT;
	if (i->op && i->op->getattr)
		return i->op->getattr(i, ret);
	generic_getattr(i, ret);
	return 0;
}

void generic_setattr(struct inode *i, const struct iattr *a)
{
	struct timespec now = inode_now();

	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	if (a->valid & ATTR_UID)
		i->uid = a->uid;
	if (a->valid & ATTR_GID)
		i->gid = a->gid;
	if (a->valid & ATTR_ATIME_NOW)
		i->atime = now;
	else if (a->valid & ATTR_ATIME)
		i->atime = a->atime;
	if (a->valid & ATTR_MTIME_NOW)
		i->mtime = now;
	else if (a->valid & ATTR_MTIME)
		i->mtime = a->mtime;
	i->ctime = now;
}
