/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: modes, owners, times, sizes, and the mask of new modes. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/utime.h>
#include <sys/stat.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

/* --- chmod ---------------------------------------------------------------------------------------------- */

static long chmod_path(const struct path *p, mode_t mode)
{
	struct iattr a = {.valid = ATTR_MODE, .mode = mode & 07777};

	return vfs_setattr(p, &a);
}

static long do_chmod(struct task *t, int dfd, uaddr_t uname, mode_t mode, int flags)
{
	_cleanup_(path_put) struct path p = {0};
	int r;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	r = user_path_at(t, dfd, uname, at_lookup_flags(flags), &p);
	return r < 0 ? r : chmod_path(&p, mode);
}

long sys_chmod(struct task *t, const struct sysargs *a)
{
	return do_chmod(t, AT_FDCWD, arg_uaddr(a, 0), arg_u32(a, 1), 0);
}

long sys_fchmodat(struct task *t, const struct sysargs *a)
{
	return do_chmod(t, arg_int(a, 0), arg_uaddr(a, 1), arg_u32(a, 2), 0);
}

long sys_fchmodat2(struct task *t, const struct sysargs *a)
{
	return do_chmod(t, arg_int(a, 0), arg_uaddr(a, 1), arg_u32(a, 2), arg_int(a, 3));
}

long sys_fchmod(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));

	return f ? chmod_path(&f->path, arg_u32(a, 1)) : -EBADF;
}

/* --- chown ---------------------------------------------------------------------------------------------- */

/* -1 leaves an id as it is. */
static long chown_path(const struct path *p, uint32_t uid, uint32_t gid)
{
	const struct user_namespace *ns = current_user_ns();
	struct iattr a = {.uid = make_kuid(ns, uid), .gid = make_kgid(ns, gid)};
	struct inode *i = dentry_inode(p->dentry);

	if (uid != UINT32_MAX)
		a.valid |= ATTR_UID;
	if (gid != UINT32_MAX)
		a.valid |= ATTR_GID;
	if (((a.valid & ATTR_UID) && a.uid.v == ID_NONE) || ((a.valid & ATTR_GID) && a.gid.v == ID_NONE))
		return -EINVAL;
	if (i && !S_ISDIR(i->mode))
		a.valid |= ATTR_KILL_PRIV;
	return vfs_setattr(p, &a);
}

static long do_chown(struct task *t, int dfd, uaddr_t uname, uint32_t uid, uint32_t gid, int flags)
{
	_cleanup_(path_put) struct path p = {0};
	int r;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	r = user_path_at(t, dfd, uname, at_lookup_flags(flags), &p);
	return r < 0 ? r : chown_path(&p, uid, gid);
}

long sys_chown(struct task *t, const struct sysargs *a)
{
	return do_chown(t, AT_FDCWD, arg_uaddr(a, 0), arg_u32(a, 1), arg_u32(a, 2), 0);
}

long sys_lchown(struct task *t, const struct sysargs *a)
{
	return do_chown(t, AT_FDCWD, arg_uaddr(a, 0), arg_u32(a, 1), arg_u32(a, 2),
			AT_SYMLINK_NOFOLLOW);
}

long sys_fchownat(struct task *t, const struct sysargs *a)
{
	return do_chown(t, arg_int(a, 0), arg_uaddr(a, 1), arg_u32(a, 2), arg_u32(a, 3),
			arg_int(a, 4));
}

long sys_fchown(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));

	return f ? chown_path(&f->path, arg_u32(a, 1), arg_u32(a, 2)) : -EBADF;
}

/* --- times ---------------------------------------------------------------------------------------------- */

static int time_attr(struct iattr *a, const struct timespec *ts, bool mtime)
{
	if (ts->tv_nsec == UTIME_OMIT)
		return 0;
	if (ts->tv_nsec == UTIME_NOW) {
		a->valid |= mtime ? ATTR_MTIME_NOW : ATTR_ATIME_NOW;
		return 0;
	}
	if (ts->tv_nsec < 0 || ts->tv_nsec >= (long)NSEC_PER_SEC)
		return -EINVAL;
	a->valid |= mtime ? ATTR_MTIME : ATTR_ATIME;
	*(mtime ? &a->mtime : &a->atime) = *ts;
	return 0;
}

/* ts: access and modification; NULL: both now. uname 0: dfd itself. */
static long do_utimes(struct task *t, int dfd, uaddr_t uname, const struct timespec *ts, int flags)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(path_put) struct path p = {0};
	struct iattr a = {.valid = ts ? 0 : ATTR_ATIME_NOW | ATTR_MTIME_NOW};
	bool bad = ts && (time_attr(&a, &ts[0], false) < 0 || time_attr(&a, &ts[1], true) < 0);
	int r = 0;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (uaddr_null(uname) && dfd != AT_FDCWD) {
		if (flags & AT_SYMLINK_NOFOLLOW)
			return -EINVAL;
		f = fd_get(t, dfd);
		if (!f)
			return -EBADF;
		if (bad)
			return -EINVAL;
		return a.valid ? vfs_setattr(&f->path, &a) : 0;
	}
	r = user_path_at(t, dfd, uname, at_lookup_flags(flags), &p);
	if (r == 0 && bad) /* Linux judges the times last */
		r = -EINVAL;
	if (r < 0 || !a.valid)
		return r;
	return vfs_setattr(&p, &a);
}

long sys_utimensat(struct task *t, const struct sysargs *a)
{
	struct timespec ts[2];

	if (a->v[2] && copy_in(t, ts, arg_uaddr(a, 2), sizeof(ts)) < 0)
		return -EFAULT;
	if (a->v[2] && ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT)
		return 0; /* nothing to do, not even to look */
	return do_utimes(t, arg_int(a, 0), arg_uaddr(a, 1), a->v[2] ? ts : NULL, arg_int(a, 3));
}

static long utimes_at(struct task *t, int dfd, uaddr_t uname, uaddr_t utimes)
{
	struct timeval tv[2];
	struct timespec ts[2];

	if (uaddr_null(utimes))
		return do_utimes(t, dfd, uname, NULL, 0);
	if (copy_in(t, tv, utimes, sizeof(tv)) < 0)
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return -EINVAL;
		ts[i] = (struct timespec){tv[i].tv_sec, tv[i].tv_usec * 1000};
	}
	return do_utimes(t, dfd, uname, ts, 0);
}

long sys_utimes(struct task *t, const struct sysargs *a)
{
	return utimes_at(t, AT_FDCWD, arg_uaddr(a, 0), arg_uaddr(a, 1));
}

long sys_futimesat(struct task *t, const struct sysargs *a)
{
	return utimes_at(t, arg_int(a, 0), arg_uaddr(a, 1), arg_uaddr(a, 2));
}

long sys_utime(struct task *t, const struct sysargs *a)
{
	struct timespec ts[2];
	int64_t sec[2]; /* struct utimbuf */

	if (!a->v[1])
		return do_utimes(t, AT_FDCWD, arg_uaddr(a, 0), NULL, 0);
	if (copy_in(t, sec, arg_uaddr(a, 1), sizeof(sec)) < 0)
		return -EFAULT;
	ts[0] = (struct timespec){sec[0], 0};
	ts[1] = (struct timespec){sec[1], 0};
	return do_utimes(t, AT_FDCWD, arg_uaddr(a, 0), ts, 0);
}

/* --- sizes ---------------------------------------------------------------------------------------------- */

long sys_truncate(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	int r;

	if ((int64_t)a->v[1] < 0)
		return -EINVAL;
	r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 0), LOOKUP_FOLLOW, &p);
	return r < 0 ? r : vfs_truncate(&p, a->v[1], NULL);
}

long sys_ftruncate(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;

	if ((int64_t)a->v[1] < 0)
		return -EINVAL;
	f = fd_get(t, arg_int(a, 0));
	if (!f)
		return -EBADF;
	if (!S_ISREG(f->inode->mode) || !f->can_write)
		return -EINVAL;
	return vfs_truncate(&f->path, a->v[1], f);
}

static int check_fallocate(const struct file *f, int mode, uint64_t off, uint64_t len)
{
	int op = mode & ~FALLOC_FL_KEEP_SIZE;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
		     FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE))
		return -EOPNOTSUPP;
	if (op & (op - 1))
		return -EOPNOTSUPP;
	if (op == FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((op == FALLOC_FL_COLLAPSE_RANGE || op == FALLOC_FL_INSERT_RANGE) &&
	    (mode & FALLOC_FL_KEEP_SIZE))
		return -EINVAL;
	if (!f->can_write)
		return -EBADF;
	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	if (S_ISDIR(f->inode->mode))
		return -EISDIR;
	if (!S_ISREG(f->inode->mode))
		return -ENODEV;
	return len > (uint64_t)INT64_MAX - off ? -EFBIG : 0;
}

long sys_fallocate(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	int64_t off = (int64_t)a->v[2], len = (int64_t)a->v[3];
	int r;

	if (!f)
		return -EBADF;
	if (off < 0 || len <= 0)
		return -EINVAL;
	r = check_fallocate(f, arg_int(a, 1), (uint64_t)off, (uint64_t)len);
	if (r < 0)
		return r;
	if (!f->op->fallocate)
		return -EOPNOTSUPP;
	if (!(arg_int(a, 1) & FALLOC_FL_KEEP_SIZE) &&
	    (uint64_t)(off + len) > task_rlimit(t, RLIMIT_FSIZE) &&
	    (uint64_t)(off + len) > __atomic_load_n(&f->inode->size, __ATOMIC_RELAXED)) {
		(void)send_signal_task(t, SIGXFSZ, NULL);
		return -EFBIG;
	}
	return f->op->fallocate(f, arg_int(a, 1), (uint64_t)off, (uint64_t)len);
}

long sys_umask(struct task *t, const struct sysargs *a)
{
	return (long)__atomic_exchange_n(&t->fs->umask, (mode_t)(a->v[0] & 0777), __ATOMIC_RELAXED);
}
