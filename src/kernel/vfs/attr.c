/* SPDX-License-Identifier: Apache-2.0 */
/* chmod, chown, utimes, truncate on resolved paths: the rules, then the file system. */
#include <fcntl.h>
#include <linux/capability.h>
#include "kernel/task/task.h"
#include "kernel/vfs/fown.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/vfs_priv.h"

#pragma weak lease_break

static bool in_own_group(const struct cred *c, kgid_t g)
{
	return !c || c->fsgid.v == g.v || in_group(c, g);
}

static int check_owner(const struct inode *i, const struct cred *c, const struct iattr *a)
{
	if (!c)
		return 0;
	if ((a->valid & ATTR_UID) && !(c->fsuid.v == i->uid.v && a->uid.v == i->uid.v) &&
	    !inode_capable(i, c, CAP_CHOWN))
		return -EPERM;
	if ((a->valid & ATTR_GID) &&
	    !(c->fsuid.v == i->uid.v && (a->gid.v == i->gid.v || in_own_group(c, a->gid))) &&
	    !inode_capable(i, c, CAP_CHOWN))
		return -EPERM;
	return 0;
}

static int check_times(struct inode *i, const struct cred *c, const struct iattr *a)
{
	if (a->valid & (ATTR_SIZE | ATTR_MODE | ATTR_UID | ATTR_GID))
		return 0; /* times that go with something else */
	if ((a->valid & (ATTR_ATIME | ATTR_MTIME)) ||
	    !((a->valid & ATTR_ATIME_NOW) && (a->valid & ATTR_MTIME_NOW)))
		return inode_owner_or_capable(i, c) ? 0 : -EPERM;
	/* Both to now: write permission is enough. */
	return inode_owner_or_capable(i, c) ? 0 : inode_permission(i, c, MAY_WRITE);
}

static int setattr(const struct path *p, struct iattr *a)
{
	struct inode *i = dentry_inode(p->dentry);
	const struct cred *c = vfs_cred();
	mode_t mode;
	int r;

	if (!i)
		return -ENOENT;
	r = mnt_want_write(p->mnt);
	if (r < 0)
		return r;
	/* The mode of a link means nothing and cannot be changed. */
	if ((a->valid & ATTR_MODE) && S_ISLNK(i->mode))
		return -EOPNOTSUPP;
	if (!i->op || !i->op->setattr)
		return -EPERM;
	if ((a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME)) &&
	    inode_has(i, FS_IMMUTABLE_FL | FS_APPEND_FL))
		return -EPERM;
	if ((a->valid & (ATTR_SIZE | ATTR_ATIME_NOW | ATTR_MTIME_NOW)) && inode_has(i, FS_IMMUTABLE_FL))
		return -EPERM;
	if ((a->valid & ATTR_SIZE) && inode_has(i, FS_APPEND_FL))
		return -EPERM;
	MUTEX_GUARD(&i->lock);
	r = check_owner(i, c, a);
	if (r < 0)
		return r;
	if ((a->valid & ATTR_MODE) && !inode_owner_or_capable(i, c))
		return -EPERM;
	if ((a->valid & (ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_NOW | ATTR_MTIME_NOW))) {
		r = check_times(i, c, a);
		if (r < 0)
			return r;
	}
	if ((a->valid & ATTR_KILL_PRIV) && !(a->valid & ATTR_MODE) && mode_kill_priv(i, c, &mode)) {
		/* chown(-1, -1) of somebody's set-id file; who may write may truncate it. */
		if (!(a->valid & ATTR_SIZE) && !inode_owner_or_capable(i, c))
			return -EPERM;
		a->valid |= ATTR_MODE;
		a->mode = mode;
	} else if ((a->valid & ATTR_MODE) && (a->mode & S_ISGID)) {
		kgid_t g = a->valid & ATTR_GID ? a->gid : i->gid;

		if (!in_own_group(c, g) && !inode_capable(i, c, CAP_FSETID))
			a->mode &= ~(mode_t)S_ISGID;
	}
	if ((a->valid & (ATTR_SIZE | ATTR_UID | ATTR_GID)) && !S_ISDIR(i->mode)) {
		r = inode_kill_caps(i);
		if (r < 0)
			return r;
	}
	return i->op->setattr(i, a);
}

int vfs_setattr(const struct path *p, struct iattr *a)
{
	int r = setattr(p, a);

	if (r == 0)
		notify_dentry(p->dentry, a->valid & ATTR_SIZE ? IN_MODIFY : IN_ATTRIB);
	return r;
}

int vfs_truncate(const struct path *p, uint64_t size, struct file *f)
{
	struct iattr a = {.valid = ATTR_SIZE, .size = size, .file = f};
	struct inode *i = dentry_inode(p->dentry);
	int r;

	if (!i)
		return -ENOENT;
	if (S_ISDIR(i->mode))
		return -EISDIR;
	if (!S_ISREG(i->mode))
		return -EINVAL;
	if (!f) {
		r = mnt_want_write(p->mnt);
		if (r == 0)
			r = inode_permission(i, vfs_cred(), MAY_WRITE);
		if (r < 0)
			return r;
	}
	if (size > i->size && current && size > task_rlimit(current, RLIMIT_FSIZE)) {
		(void)send_signal_task(current, SIGXFSZ, NULL);
		return -EFBIG;
	}
	if (!inode_capable(i, vfs_cred(), CAP_FSETID))
		a.valid |= ATTR_KILL_PRIV;
	if (f)
		return vfs_setattr(p, &a);
	if (lease_break) {
		r = lease_break(i, true, false);
		if (r < 0)
			return r;
	}
	r = inode_get_write(i);
	if (r < 0)
		return r;
	r = vfs_setattr(p, &a);
	inode_put_write(i);
	return r;
}
