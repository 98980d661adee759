/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes of tmpfs: a short list per inode. Rules are the VFS's. */
#include <linux/xattr.h>
#include <string.h>
#include "kernel/fs/tmpfs/tmpfs_priv.h"

#define XATTR_BYTES_MAX (256U * 1024) /* per inode */

static struct tmpfs_xattr **find(struct tmpfs_inode *ti, const char *name)
{
	struct tmpfs_xattr **p = &ti->xattrs;

	while (*p && strcmp((*p)->name, name) != 0)
		p = &(*p)->next;
	return p;
}

static size_t cost(const struct tmpfs_xattr *x)
{
	return sizeof(*x) + strlen(x->name) + 1 + x->len;
}

/* Takes one off the list. */
static void unlink_xattr(struct inode *i, struct tmpfs_xattr **p)
{
	struct tmpfs_xattr *x = *p;

	*p = x->next;
	TI(i)->xattr_bytes -= cost(x);
	tmpfs_uncharge_bytes(i->sb, cost(x));
	free(x);
}

ssize_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t cap)
{
	struct tmpfs_xattr *x;

	MUTEX_GUARD(&i->lock);
	x = *find(TI(i), name);
	if (!x)
		return -ENODATA;
	if (!cap)
		return (ssize_t)x->len;
	if (x->len > cap)
		return -ERANGE;
	memcpy(buf, x->value, x->len);
	return (ssize_t)x->len;
}

int tmpfs_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags)
{
	struct tmpfs_inode *ti = TI(i);
	struct tmpfs_xattr **old = find(ti, name), *x;
	size_t nlen = strlen(name) + 1, bytes = sizeof(*x) + nlen + n;

	if ((flags & XATTR_CREATE) && *old)
		return -EEXIST;
	if ((flags & XATTR_REPLACE) && !*old)
		return -ENODATA;
	if (ti->xattr_bytes + bytes > XATTR_BYTES_MAX || tmpfs_charge_bytes(i->sb, bytes) < 0)
		return -ENOSPC;
	x = malloc(bytes);
	if (!x) {
		tmpfs_uncharge_bytes(i->sb, bytes);
		return -ENOMEM;
	}
	memcpy(x->name, name, nlen);
	x->value = x->name + nlen;
	x->len = n;
	if (n)
		memcpy(x->value, v, n);
	if (*old)
		unlink_xattr(i, old);
	x->next = ti->xattrs;
	ti->xattrs = x;
	ti->xattr_bytes += bytes;
	inode_touch(i, false, true);
	return 0;
}

int tmpfs_removexattr(struct inode *i, const char *name)
{
	struct tmpfs_xattr **p = find(TI(i), name);

	if (!*p)
		return -ENODATA;
	unlink_xattr(i, p);
	inode_touch(i, false, true);
	return 0;
}

ssize_t tmpfs_listxattr(struct inode *i, char *buf, size_t cap)
{
	size_t n = 0;

	MUTEX_GUARD(&i->lock);
	for (struct tmpfs_xattr *x = TI(i)->xattrs; x; x = x->next) {
		size_t len = strlen(x->name) + 1;

		if (cap) {
			if (n + len > cap)
				return -ERANGE;
			memcpy(buf + n, x->name, len);
		}
		n += len;
	}
	return (ssize_t)n;
}

void tmpfs_xattr_clear(struct inode *i)
{
	while (TI(i)->xattrs)
		unlink_xattr(i, &TI(i)->xattrs);
}

void tmpfs_xattr_written(struct inode *i)
{
	struct tmpfs_xattr **p;

	if (likely(!TI(i)->xattrs))
		return;
	p = find(TI(i), XATTR_NAME_CAPS);
	if (*p)
		unlink_xattr(i, p);
}
