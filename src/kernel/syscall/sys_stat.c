/* SPDX-License-Identifier: Apache-2.0 */
/* stat, lstat, fstat, newfstatat, statx, statfs, access. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs_priv.h"

static_assert(sizeof(struct stat) == 144, "x86-64 layout");
static_assert(sizeof(struct statfs) == 120, "x86-64 layout");

static int put_stat(struct task *t, uaddr_t to, const struct kstat *k)
{
	struct stat st = {
		.st_dev = k->dev,
		.st_ino = k->ino,
		.st_nlink = k->nlink,
		.st_mode = k->mode,
		.st_uid = from_kuid(current_user_ns(), k->uid),
		.st_gid = from_kgid(current_user_ns(), k->gid),
		.st_rdev = k->rdev,
		.st_size = (off_t)k->size,
		.st_blksize = k->blksize,
		.st_blocks = (blkcnt_t)k->blocks,
		.st_atim = k->atime,
		.st_mtim = k->mtime,
		.st_ctim = k->ctime,
	};

	return copy_out(t, to, &st, sizeof(st));
}

/* The path of a descriptor or a name: "" with AT_EMPTY_PATH is the descriptor. */
static int stat_at(struct task *t, int dfd, uaddr_t uname, unsigned lookup, struct kstat *ret,
		   uint64_t ret_mnt[2], bool *ret_root)
{
	_cleanup_(path_put) struct path p = {0};
	int r;

	/* Since 6.11 no name at all is as good as an empty one. */
	if (uaddr_null(uname) && (lookup & LOOKUP_EMPTY) && dfd >= 0) {
		_cleanup_(file_putp) struct file *f = fd_get_path(t, dfd);

		if (!f)
			return -EBADF;
		p = f->path;
		path_get(&p);
	} else {
		r = user_path_at(t, dfd, uname, lookup, &p);
		if (r < 0)
			return r;
	}
	if (ret_mnt)
		for (int k = 0; k < 2; k++)
			ret_mnt[k] = !p.mnt ? 0 : k ? p.mnt->unique_id : (uint64_t)p.mnt->id;
	if (ret_root)
		*ret_root = p.mnt && p.mnt->root == p.dentry;
	return vfs_getattr(&p, ret);
}

static long do_stat(struct task *t, int dfd, uaddr_t uname, unsigned lookup, uaddr_t to)
{
	struct kstat k;
	int r;

	r = stat_at(t, dfd, uname, lookup, &k, NULL, NULL);
	return r < 0 ? r : put_stat(t, to, &k);
}

long sys_stat(struct task *t, const struct sysargs *a)
{
	return do_stat(t, AT_FDCWD, arg_uaddr(a, 0), LOOKUP_FOLLOW, arg_uaddr(a, 1));
}

long sys_lstat(struct task *t, const struct sysargs *a)
{
	return do_stat(t, AT_FDCWD, arg_uaddr(a, 0), 0, arg_uaddr(a, 1));
}

static long stat_fd(struct task *t, int fd, struct kstat *ret)
{
	_cleanup_(file_putp) struct file *f = fd_get_path(t, fd);

	return f ? vfs_getattr(&f->path, ret) : -EBADF;
}

long sys_fstat(struct task *t, const struct sysargs *a)
{
	struct kstat k;
	long r = stat_fd(t, arg_int(a, 0), &k);

	return r < 0 ? r : put_stat(t, arg_uaddr(a, 1), &k);
}

#define STAT_AT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)

long sys_newfstatat(struct task *t, const struct sysargs *a)
{
	int flags = arg_int(a, 3);

	if (flags & ~STAT_AT_FLAGS)
		return -EINVAL;
	return do_stat(t, arg_int(a, 0), arg_uaddr(a, 1), at_lookup_flags(flags), arg_uaddr(a, 2));
}

static struct statx_timestamp stamp(const struct timespec *ts)
{
	return (struct statx_timestamp){.tv_sec = ts->tv_sec, .tv_nsec = (uint32_t)ts->tv_nsec};
}

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U /* newer than the headers */
#endif

static int put_statx(struct task *t, uaddr_t to, const struct kstat *k, uint32_t want, const uint64_t mnt_id[2],
		     bool root)
{
	bool unique = want & STATX_MNT_ID_UNIQUE;
	struct statx sx = {
		.stx_mask = k->mask | (unique ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID),
		.stx_blksize = k->blksize,
		.stx_attributes = k->attributes | (root ? STATX_ATTR_MOUNT_ROOT : 0),
		.stx_attributes_mask = k->attributes | k->attributes_mask | STATX_ATTR_MOUNT_ROOT,
		.stx_nlink = (uint32_t)k->nlink,
		.stx_uid = from_kuid(current_user_ns(), k->uid),
		.stx_gid = from_kgid(current_user_ns(), k->gid),
		.stx_mode = (uint16_t)k->mode,
		.stx_ino = k->ino,
		.stx_size = k->size,
		.stx_blocks = k->blocks,
		.stx_atime = stamp(&k->atime),
		.stx_btime = stamp(&k->btime),
		.stx_ctime = stamp(&k->ctime),
		.stx_mtime = stamp(&k->mtime),
		.stx_rdev_major = major(k->rdev),
		.stx_rdev_minor = minor(k->rdev),
		.stx_dev_major = major(k->dev),
		.stx_dev_minor = minor(k->dev),
		.stx_mnt_id = mnt_id[unique],
	};

	static_assert(sizeof(sx) == 256, "uapi layout");
	if (!(k->mask & STATX_BTIME))
		memset(&sx.stx_btime, 0, sizeof(sx.stx_btime));
	return copy_out(t, to, &sx, sizeof(sx));
}

long sys_statx(struct task *t, const struct sysargs *a)
{
	int flags = arg_int(a, 2), r;
	uint64_t mnt_id[2];
	struct kstat k;
	bool root;

	if (arg_u32(a, 3) & STATX__RESERVED)
		return -EINVAL;
	if (flags & ~(STAT_AT_FLAGS | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	r = stat_at(t, arg_int(a, 0), arg_uaddr(a, 1), at_lookup_flags(flags), &k, mnt_id, &root);
	return r < 0 ? r : put_statx(t, arg_uaddr(a, 4), &k, arg_u32(a, 3), mnt_id, root);
}

/* --- statfs ------------------------------------------------------------------------------------------- */

static long put_statfs(struct task *t, const struct path *p, uaddr_t to)
{
	static const struct {
		unsigned mnt;
		long st;
	} map[] = {
		{MNT_READONLY, 0x0001}, {MNT_NOSUID, 0x0002},	  {MNT_NODEV, 0x0004},
		{MNT_NOEXEC, 0x0008},	{MNT_NOATIME, 0x0400},	  {MNT_NODIRATIME, 0x0800},
		{MNT_RELATIME, 0x1000}, {MNT_NOSYMFOLLOW, 0x2000},
	};
	struct super *sb = p->dentry->sb;
	unsigned mf = p->mnt ? __atomic_load_n(&p->mnt->flags, __ATOMIC_RELAXED) : 0;
	struct statfs st = {0};
	int r;

	if (!sb->op->statfs)
		return -ENOSYS;
	r = sb->op->statfs(sb, &st);
	if (r < 0)
		return r;
	st.f_flags = 0x0020; /* ST_VALID */
	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (mf & map[i].mnt)
			st.f_flags |= map[i].st;
	if (sb->flags & MS_RDONLY)
		st.f_flags |= 0x0001;
	if (!st.f_fsid.__val[0])
		st.f_fsid.__val[0] = (int)sb->dev;
	return copy_out(t, to, &st, sizeof(st));
}

long sys_statfs(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	int r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 0), LOOKUP_FOLLOW, &p);

	return r < 0 ? r : put_statfs(t, &p, arg_uaddr(a, 1));
}

long sys_fstatfs(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get_path(t, arg_int(a, 0));

	return f ? put_statfs(t, &f->path, arg_uaddr(a, 1)) : -EBADF;
}

/* --- access ------------------------------------------------------------------------------------------- */

/* The credentials access(2) checks with: the real ids; a root of the real ids keeps its capabilities. */
static struct cred *access_cred(const struct cred *c)
{
	struct cred *n = cred_dup(c);

	if (!n)
		return NULL;
	n->fsuid = c->uid;
	n->fsgid = c->gid;
	n->cap_effective = c->uid.v == make_kuid(c->user_ns, 0).v ? c->cap_permitted : 0;
	return n;
}

static int check_access(const struct path *p, const struct cred *c, int mode)
{
	struct inode *i = dentry_inode(p->dentry);
	int r;

	if (!i)
		return -ENOENT;
	if ((mode & X_OK) && S_ISREG(i->mode) && p->mnt &&
	    (__atomic_load_n(&p->mnt->flags, __ATOMIC_RELAXED) & MNT_NOEXEC))
		return -EACCES;
	r = inode_permission(i, c, mode);
	if (r < 0 || !(mode & W_OK) || S_ISCHR(i->mode) || S_ISBLK(i->mode) || S_ISFIFO(i->mode) ||
	    S_ISSOCK(i->mode))
		return r;
	return mnt_want_write(p->mnt);
}

static long do_access(struct task *t, int dfd, uaddr_t uname, int mode, int flags)
{
	_cleanup_(path_put) struct path p = {0};
	_cleanup_free_ char *name = NULL;
	const struct cred *c;
	int r;

	static_assert(R_OK == MAY_READ && W_OK == MAY_WRITE && X_OK == MAY_EXEC, "same bits");
	if (mode & ~(R_OK | W_OK | X_OK))
		return -EINVAL;
	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	r = copy_in_path(t, uname, &name);
	if (r < 0)
		return r;
	c = flags & AT_EACCESS ? cred_get(t->cred) : access_cred(t->cred);
	if (!c)
		return -ENOMEM;
	r = path_lookup_cred(t, c, dfd, name, at_lookup_flags(flags), &p);
	if (r == 0)
		r = check_access(&p, c, mode);
	cred_put(c);
	return r;
}

long sys_access(struct task *t, const struct sysargs *a)
{
	return do_access(t, AT_FDCWD, arg_uaddr(a, 0), arg_int(a, 1), 0);
}

long sys_faccessat(struct task *t, const struct sysargs *a)
{
	return do_access(t, arg_int(a, 0), arg_uaddr(a, 1), arg_int(a, 2), 0);
}

long sys_faccessat2(struct task *t, const struct sysargs *a)
{
	return do_access(t, arg_int(a, 0), arg_uaddr(a, 1), arg_int(a, 2), arg_int(a, 3));
}
