/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: dup, fcntl, flock. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include "kernel/fs/anon/memfd.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/syscall/fcntl_owner.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/fown.h"
#include "kernel/vfs/lock.h"
#include "kernel/vfs/vfs.h"

/* Newer than the C library's headers. */
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#define F_CREATED_QUERY 1028
#endif

#pragma weak file_async
#pragma weak fcntl_owner
#pragma weak pipe_fcntl
#pragma weak memfd_fcntl

/* --- dup ---------------------------------------------------------------------------------------------- */

static long dup_from(struct task *t, int fd, int min, bool cloexec)
{
	struct file *f = fd_get_path(t, fd);

	return f ? fd_install(t, f, min, cloexec) : -EBADF;
}

static long dup_to(struct task *t, int fd, int to, bool cloexec)
{
	struct file *f = fd_get_path(t, fd);

	return f ? fd_install_at(t, f, to, cloexec) : -EBADF;
}

long sys_dup(struct task *t, const struct sysargs *a)
{
	return dup_from(t, arg_int(a, 0), 0, false);
}

long sys_dup2(struct task *t, const struct sysargs *a)
{
	int from = arg_int(a, 0), to = arg_int(a, 1);

	if (from == to) {
		_cleanup_(file_putp) struct file *f = fd_get_path(t, from);

		return f ? to : -EBADF;
	}
	return dup_to(t, from, to, false);
}

long sys_dup3(struct task *t, const struct sysargs *a)
{
	int from = arg_int(a, 0), to = arg_int(a, 1), flags = arg_int(a, 2);

	if ((flags & ~O_CLOEXEC) || from == to)
		return -EINVAL;
	return dup_to(t, from, to, flags & O_CLOEXEC);
}

/* --- record locks --------------------------------------------------------------------------------------- */

#define OFFSET_MAX ((uint64_t)INT64_MAX)

static_assert(sizeof(struct flock) == 32, "x86-64 layout");

static int lock_base(struct file *f, short whence, int64_t *ret)
{
	struct kstat st;
	int r;

	switch (whence) {
	case SEEK_SET:
		*ret = 0;
		return 0;
	case SEEK_CUR:
		mutex_lock(&f->pos_lock);
		*ret = (int64_t)f->pos;
		mutex_unlock(&f->pos_lock);
		return 0;
	case SEEK_END:
		r = vfs_getattr(&f->path, &st);
		*ret = r < 0 ? 0 : (int64_t)st.size;
		return r;
	default:
		return -EINVAL;
	}
}

/* fcntl_locking(2): where the guest's record begins and ends. */
static int lock_range(struct file *f, const struct flock *fl, struct lock_range *ret)
{
	int64_t start, end;
	int r;

	r = lock_base(f, fl->l_whence, &start);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(start, fl->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	if (fl->l_len > 0) {
		if (__builtin_add_overflow(start, fl->l_len - 1, &end))
			return -EOVERFLOW;
	} else if (fl->l_len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, fl->l_len, &start) || start < 0)
			return -EINVAL;
	} else {
		end = INT64_MAX;
	}
	if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK && fl->l_type != F_UNLCK)
		return -EINVAL;
	*ret = (struct lock_range){fl->l_type, (uint64_t)start, (uint64_t)end};
	return 0;
}

static long get_lock(struct task *t, struct file *f, uaddr_t uflock, bool ofd)
{
	struct lock_range lr;
	struct flock fl;
	int pid = 0, r;

	if (copy_in(t, &fl, uflock, sizeof(fl)) < 0)
		return -EFAULT;
	if ((ofd && fl.l_pid != 0) || (!ofd && fl.l_type == F_UNLCK))
		return -EINVAL;
	r = lock_range(f, &fl, &lr);
	if (r < 0)
		return r;
	record_test(t, f, &lr, ofd, &pid);
	fl.l_type = (short)lr.type;
	if (lr.type != F_UNLCK) {
		fl.l_whence = SEEK_SET;
		fl.l_start = (int64_t)lr.start;
		fl.l_len = lr.end >= OFFSET_MAX ? 0 : (int64_t)(lr.end - lr.start + 1);
		fl.l_pid = pid;
	}
	return copy_out(t, uflock, &fl, sizeof(fl));
}

static long set_lock(struct task *t, struct file *f, uaddr_t uflock, bool ofd, bool wait)
{
	struct lock_range lr;
	struct flock fl;
	int r;

	if (copy_in(t, &fl, uflock, sizeof(fl)) < 0)
		return -EFAULT;
	r = lock_range(f, &fl, &lr);
	if (r < 0)
		return r;
	if ((lr.type == F_RDLCK && !f->can_read) || (lr.type == F_WRLCK && !f->can_write))
		return -EBADF;
	if (ofd && fl.l_pid != 0)
		return -EINVAL;
	return record_lock(t, f, &lr, ofd, wait);
}

/* --- fcntl ------------------------------------------------------------------------------------------------ */

#define SETFL_MASK ((uint32_t)(O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_ASYNC))

static long set_flags(struct task *t, struct file *f, int fd, uint32_t arg)
{
	uint32_t old = __atomic_load_n(&f->flags, __ATOMIC_RELAXED), fresh;
	int r;

	if ((arg & ~old & O_NOATIME) && !inode_owner_or_capable(f->inode, t->cred))
		return -EPERM;
	if (arg & ~old & O_DIRECT) {
		/* Pipes take it as packets; directories and devices have nothing to do directly. */
		if (!S_ISREG(f->inode->mode) && !S_ISFIFO(f->inode->mode) && !S_ISBLK(f->inode->mode))
			return -EINVAL;
	}
	if (((arg ^ old) & O_ASYNC) && file_async) {
		r = file_async(f, fd, arg & O_ASYNC);
		if (r < 0)
			return r;
	}
	do {
		fresh = (old & ~SETFL_MASK) | (arg & SETFL_MASK);
	} while (!__atomic_compare_exchange_n(&f->flags, &old, fresh, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return 0;
}

static long same_file(struct task *t, struct file *f, int fd)
{
	_cleanup_(file_putp) struct file *o = fd_get_path(t, fd);

	return f == o;
}

static long get_fd_flags(struct task *t, int fd)
{
	bool cloexec = false;
	_cleanup_(file_putp) struct file *f = files_lookup(t->files, fd, &cloexec);

	return !f ? -EBADF : cloexec ? FD_CLOEXEC : 0;
}

static long dup_min(struct task *t, int fd, uint64_t min, bool cloexec)
{
	if (min >= task_rlimit(t, RLIMIT_NOFILE) || min > INT32_MAX)
		return -EINVAL;
	return dup_from(t, fd, (int)min, cloexec);
}

/* Commands on what is open, not for O_PATH. */
static long fcntl_file(struct task *t, struct file *f, int fd, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case F_SETFL:
		return set_flags(t, f, fd, (uint32_t)arg);
	case F_GETLK:
	case F_OFD_GETLK:
		return get_lock(t, f, uaddr(arg), cmd == F_OFD_GETLK);
	case F_SETLK:
	case F_SETLKW:
		return set_lock(t, f, uaddr(arg), false, cmd == F_SETLKW);
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return set_lock(t, f, uaddr(arg), true, cmd == F_OFD_SETLKW);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return pipe_fcntl ? pipe_fcntl(f, cmd, arg) : -EBADF;
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return memfd_fcntl ? memfd_fcntl(f, (int)cmd, arg) : -EINVAL;
	case F_CREATED_QUERY:
		return f->created;
	default:
		return fcntl_owner ? fcntl_owner(t, f, fd, cmd, arg) : -EINVAL;
	}
}

long sys_fcntl(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	unsigned cmd = arg_u32(a, 1);
	int fd = arg_int(a, 0);

	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		f = fd_get_path(t, fd);
		return f ? dup_min(t, fd, arg_u32(a, 2), cmd == F_DUPFD_CLOEXEC) : -EBADF;
	case F_GETFD:
		return get_fd_flags(t, fd);
	case F_SETFD:
		return fd_set_cloexec(t, fd, a->v[2] & FD_CLOEXEC);
	case F_GETFL:
		f = fd_get_path(t, fd);
		return f ? (long)__atomic_load_n(&f->flags, __ATOMIC_RELAXED) : -EBADF;
	case F_DUPFD_QUERY:
		f = fd_get_path(t, fd);
		return f ? same_file(t, f, arg_int(a, 2)) : -EBADF;
	default:
		f = fd_get(t, fd);
		return f ? fcntl_file(t, f, fd, cmd, a->v[2]) : -EBADF;
	}
}

long sys_flock(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	int op = arg_int(a, 1) & ~LOCK_NB, type;

	if (op == LOCK_SH)
		type = F_RDLCK;
	else if (op == LOCK_EX)
		type = F_WRLCK;
	else if (op == LOCK_UN)
		type = F_UNLCK;
	else
		return -EINVAL;
	f = fd_get(t, arg_int(a, 0));
	return f ? flock_file(t, f, type, !(arg_int(a, 1) & LOCK_NB)) : -EBADF;
}
