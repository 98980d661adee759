/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: the rules of xattr(7) in front of the file systems. */
#include <endian.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <string.h>
#include "kernel/vfs/notify.h"
#include "kernel/vfs/vfs_priv.h"

static bool has_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(name, prefix, n);
}

/* May the acting task use name of i? want: MAY_READ or MAY_WRITE. */
static int check_name(struct inode *i, const char *name, int want)
{
	const struct cred *c = vfs_cred();

	if (!strcmp(name, XATTR_USER_PREFIX) || !strcmp(name, XATTR_SECURITY_PREFIX) || !strcmp(name, XATTR_TRUSTED_PREFIX))
		return -EINVAL;
	if (want == MAY_WRITE && inode_has(i, FS_IMMUTABLE_FL | FS_APPEND_FL))
		return -EPERM;
	if (has_prefix(name, XATTR_SECURITY_PREFIX)) {
		if (want == MAY_WRITE && !strcmp(name, XATTR_NAME_CAPS))
			return inode_capable(i, c, CAP_SETFCAP) ? 0 : -EPERM;
		return want == MAY_READ || vfs_capable(c, CAP_SYS_ADMIN) ? 0 : -EPERM;
	}
	if (has_prefix(name, XATTR_SYSTEM_PREFIX))
		return -EOPNOTSUPP;
	if (has_prefix(name, XATTR_TRUSTED_PREFIX)) {
		if (vfs_capable(c, CAP_SYS_ADMIN))
			return 0;
		return want == MAY_WRITE ? -EPERM : -ENODATA;
	}
	if (!has_prefix(name, XATTR_USER_PREFIX))
		return -EOPNOTSUPP;
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		return want == MAY_WRITE ? -EPERM : -ENODATA;
	if (S_ISDIR(i->mode) && (i->mode & S_ISVTX) && want == MAY_WRITE &&
	    !inode_owner_or_capable(i, c))
		return -EPERM;
	return inode_permission(i, c, want);
}

ssize_t vfs_getxattr(const struct path *p, const char *name, void *buf, size_t cap)
{
	struct inode *i = dentry_inode(p->dentry);
	int r;

	if (!i)
		return -ENOENT;
	r = check_name(i, name, MAY_READ);
	if (r < 0)
		return r;
	return i->op && i->op->getxattr ? i->op->getxattr(i, name, buf, cap) : -EOPNOTSUPP;
}

/* Capabilities of a file in one of the forms that may be set. */
static bool is_caps(const void *v, size_t n)
{
	uint32_t magic;

	if (n < sizeof(magic))
		return false;
	memcpy(&magic, v, sizeof(magic));
	magic = le32toh(magic) & VFS_CAP_REVISION_MASK;
	return (n == XATTR_CAPS_SZ_2 && magic == VFS_CAP_REVISION_2) ||
	       (n == XATTR_CAPS_SZ_3 && magic == VFS_CAP_REVISION_3);
}

int inode_kill_caps(struct inode *i)
{
	int r;

	if (!__atomic_load_n(&i->has_caps, __ATOMIC_RELAXED) || !i->op || !i->op->removexattr)
		return 0;
	r = i->op->removexattr(i, XATTR_NAME_CAPS);
	if (r == 0 || r == -ENODATA)
		__atomic_store_n(&i->has_caps, false, __ATOMIC_RELAXED);
	return r == -ENODATA ? 0 : r;
}

int vfs_setxattr(const struct path *p, const char *name, const void *v, size_t n, int flags)
{
	struct inode *i = dentry_inode(p->dentry);
	int r;

	if (!i)
		return -ENOENT;
	r = mnt_want_write(p->mnt);
	if (r == 0 && n && !strcmp(name, XATTR_NAME_CAPS) && !is_caps(v, n))
		r = -EINVAL;
	if (r == 0)
		r = check_name(i, name, MAY_WRITE);
	if (r < 0)
		return r;
	if (!i->op || !i->op->setxattr)
		return -EOPNOTSUPP;
	MUTEX_GUARD(&i->lock);
	r = i->op->setxattr(i, name, v, n, flags);
	if (r == 0 && !strcmp(name, XATTR_NAME_CAPS))
		__atomic_store_n(&i->has_caps, true, __ATOMIC_RELAXED);
	if (r == 0)
		notify_dentry(p->dentry, IN_ATTRIB);
	return r;
}

int vfs_removexattr(const struct path *p, const char *name)
{
	struct inode *i = dentry_inode(p->dentry);
	int r;

	if (!i)
		return -ENOENT;
	r = mnt_want_write(p->mnt);
	if (r == 0)
		r = check_name(i, name, MAY_WRITE);
	if (r < 0)
		return r;
	if (!i->op || !i->op->removexattr)
		return -EOPNOTSUPP;
	MUTEX_GUARD(&i->lock);
	r = i->op->removexattr(i, name);
	if (r == 0)
		notify_dentry(p->dentry, IN_ATTRIB);
	return r;
}

/* Names of trusted attributes are shown only to those who may read them. */
static ssize_t hide_trusted(char *buf, ssize_t n)
{
	ssize_t out = 0;

	for (ssize_t at = 0; at < n;) {
		ssize_t len = (ssize_t)strnlen(buf + at, (size_t)(n - at)) + 1;

		len = MIN(len, n - at);
		if (!has_prefix(buf + at, XATTR_TRUSTED_PREFIX)) {
			memmove(buf + out, buf + at, (size_t)len);
			out += len;
		}
		at += len;
	}
	return out;
}

ssize_t vfs_listxattr(const struct path *p, char *buf, size_t cap)
{
	struct inode *i = dentry_inode(p->dentry);
	_cleanup_free_ char *all = NULL;
	ssize_t n;

	if (!i)
		return -ENOENT;
	if (!i->op || !i->op->listxattr)
		return 0;
	n = i->op->listxattr(i, NULL, 0);
	if (n <= 0)
		return n;
	all = malloc(XATTR_LIST_MAX);
	if (!all)
		return -ENOMEM;
	n = i->op->listxattr(i, all, XATTR_LIST_MAX);
	if (n > 0 && !vfs_capable(vfs_cred(), CAP_SYS_ADMIN))
		n = hide_trusted(all, n);
	if (n <= 0 || !cap)
		return n;
	if ((size_t)n > cap)
		return -ERANGE;
	memcpy(buf, all, (size_t)n);
	return n;
}
