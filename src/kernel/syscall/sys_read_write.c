/* SPDX-License-Identifier: Apache-2.0 */
/* read, write, their vector and positional forms, lseek. */
#include <fcntl.h>
#include <linux/fs.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define USER_END 0x7ffffffff000ULL
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND | RWF_ATOMIC)

enum rw { RW_READ, RW_WRITE };

/* At the file's own position, or without one where the file has none. */
static ssize_t rw_current(struct file *f, struct uio *u, enum rw rw, int flags)
{
	ssize_t r;

	if (!f->op->llseek)
		return rw == RW_READ ? file_read(f, u, NULL, flags) : file_write(f, u, NULL, flags);
	mutex_lock(&f->pos_lock);
	r = rw == RW_READ ? file_read(f, u, &f->pos, flags) : file_write(f, u, &f->pos, flags);
	mutex_unlock(&f->pos_lock);
	return r;
}

static ssize_t rw_at(struct file *f, struct uio *u, enum rw rw, uint64_t pos, int flags)
{
	return rw == RW_READ ? file_read(f, u, &pos, flags) : file_write(f, u, &pos, flags);
}

static int check_mode(const struct file *f, enum rw rw)
{
	return (rw == RW_READ ? f->can_read : f->can_write) ? 0 : -EBADF;
}

static int check_buf(uint64_t base, uint64_t len)
{
	return len > USER_END || base > USER_END - len ? -EFAULT : 0;
}

static long do_rw(struct task *t, const struct sysargs *a, enum rw rw, bool at)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	struct uio u;
	int r;

	if (at && (int64_t)a->v[3] < 0)
		return -EINVAL;
	if (!f)
		return -EBADF;
	if (at && !f->op->llseek)
		return -ESPIPE;
	r = check_mode(f, rw);
	if (r == 0)
		r = check_buf(a->v[1], a->v[2]);
	if (r < 0)
		return r;
	uio_init_user(&u, t, arg_uaddr(a, 1), MIN(a->v[2], (uint64_t)MAX_RW_COUNT));
	return at ? rw_at(f, &u, rw, a->v[3], 0) : rw_current(f, &u, rw, 0);
}

long sys_read(struct task *t, const struct sysargs *a)
{
	return do_rw(t, a, RW_READ, false);
}

long sys_write(struct task *t, const struct sysargs *a)
{
	return do_rw(t, a, RW_WRITE, false);
}

long sys_pread64(struct task *t, const struct sysargs *a)
{
	return do_rw(t, a, RW_READ, true);
}

long sys_pwrite64(struct task *t, const struct sysargs *a)
{
	return do_rw(t, a, RW_WRITE, true);
}

/* The per-call flags, in the order in which Linux refuses them. */
static int check_flags(const struct file *f, enum rw rw, int flags)
{
	if (flags & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	if ((flags & RWF_APPEND) && (flags & RWF_NOAPPEND))
		return -EINVAL;
	/* Whether a file's pages are in memory is known to the host alone. */
	if ((flags & RWF_NOWAIT) && !S_ISFIFO(f->inode->mode) && !S_ISSOCK(f->inode->mode))
		return -EOPNOTSUPP;
	/* No file system here writes blocks untorn. */
	if (flags & RWF_ATOMIC)
		return -EOPNOTSUPP;
	return 0;
}

/* at: a position was given. */
static long do_rwv(struct task *t, const struct sysargs *a, enum rw rw, bool at, uint64_t pos,
		   int flags)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_free_ struct uio_seg *seg = NULL;
	struct uio u;
	int r;

	if (at && (int64_t)pos < 0)
		return -EINVAL;
	f = fd_get(t, arg_int(a, 0));
	if (!f)
		return -EBADF;
	if (at && !f->op->llseek)
		return -ESPIPE;
	r = check_mode(f, rw);
	if (r < 0)
		return r;
	if (a->v[2] > UIO_MAXIOV)
		return -EINVAL;
	r = uio_init_iovec(&u, t, arg_uaddr(a, 1), (unsigned)a->v[2], &seg);
	if (r == 0)
		r = check_flags(f, rw, flags);
	if (r < 0)
		return r;
	return at ? rw_at(f, &u, rw, pos, flags) : rw_current(f, &u, rw, flags);
}

long sys_readv(struct task *t, const struct sysargs *a)
{
	return do_rwv(t, a, RW_READ, false, 0, 0);
}

long sys_writev(struct task *t, const struct sysargs *a)
{
	return do_rwv(t, a, RW_WRITE, false, 0, 0);
}

/* On 64-bit machines pos_l is the whole offset. */
long sys_preadv(struct task *t, const struct sysargs *a)
{
	return do_rwv(t, a, RW_READ, true, a->v[3], 0);
}

long sys_pwritev(struct task *t, const struct sysargs *a)
{
	return do_rwv(t, a, RW_WRITE, true, a->v[3], 0);
}

/* Position -1: the file's own. */
long sys_preadv2(struct task *t, const struct sysargs *a)
{
	return do_rwv(t, a, RW_READ, a->v[3] != UINT64_MAX, a->v[3], arg_int(a, 5));
}

long sys_pwritev2(struct task *t, const struct sysargs *a)
{
	return do_rwv(t, a, RW_WRITE, a->v[3] != UINT64_MAX, a->v[3], arg_int(a, 5));
}

long sys_lseek(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	unsigned whence = arg_u32(a, 2);
	long r;

	if (!f)
		return -EBADF;
	if (whence > SEEK_HOLE)
		return -EINVAL;
	if (!f->op->llseek)
		return -ESPIPE;
	mutex_lock(&f->pos_lock);
	r = f->op->llseek(f, (int64_t)a->v[1], (int)whence);
	mutex_unlock(&f->pos_lock);
	return r;
}
