/* SPDX-License-Identifier: Apache-2.0 */
/* ioctl: the generic requests, then the file's own. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/fown.h"
#include "kernel/vfs/vfs.h"

#pragma weak file_async

static long ioctl_cloexec(struct task *t, int fd, bool on)
{
	struct file *f = fd_get(t, fd);
	int r;

	if (!f)
		return -EBADF;
	/* Reinstalling the same file at the same number changes nothing but the flag. */
	r = fd_install_at(t, f, fd, on);
	return r < 0 ? r : 0;
}

static long ioctl_flag(struct task *t, struct file *f, uint64_t arg, uint32_t flag)
{
	int32_t on;
	int r = copy_in(t, &on, uaddr(arg), sizeof(on));

	if (r < 0)
		return r;
	if (on)
		__atomic_or_fetch(&f->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&f->flags, ~flag, __ATOMIC_RELAXED);
	return 0;
}

/* Flags that chattr(1) sets. */
static long inode_flags(struct task *t, struct file *f, uint64_t arg, bool set)
{
	const uint32_t known = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;
	uint32_t v = __atomic_load_n(&f->inode->fs_flags, __ATOMIC_RELAXED), old = v;
	int r;

	if (!set)
		return put_u32(t, uaddr(arg), v);
	if (copy_in(t, &v, uaddr(arg), sizeof(v)) < 0)
		return -EFAULT;
	r = mnt_want_write(f->path.mnt);
	if (r < 0)
		return r;
	if (!inode_owner_or_capable(f->inode, t->cred))
		return -EPERM;
	if (v & ~known)
		return -EOPNOTSUPP;
	if (((v ^ old) & (FS_IMMUTABLE_FL | FS_APPEND_FL)) && !capable(t->cred, CAP_LINUX_IMMUTABLE))
		return -EPERM;
	MUTEX_GUARD(&f->inode->lock);
	__atomic_store_n(&f->inode->fs_flags, v, __ATOMIC_RELAXED);
	inode_touch(f->inode, false, true);
	return 0;
}

/* The same as O_ASYNC by fcntl. */
static long ioctl_async(struct task *t, struct file *f, int fd, uint64_t arg)
{
	int32_t on;
	int r = copy_in(t, &on, uaddr(arg), sizeof(on));

	if (r < 0 || !on == !(__atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_ASYNC))
		return r;
	r = file_async(f, fd, on);
	return r < 0 ? r : ioctl_flag(t, f, arg, O_ASYNC);
}

long sys_ioctl(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	unsigned cmd = arg_u32(a, 1);
	struct kstat st;
	long r = -ENOTTY;

	if (!f)
		return -EBADF;
	if (cmd == FIOCLEX || cmd == FIONCLEX)
		return ioctl_cloexec(t, arg_int(a, 0), cmd == FIOCLEX);
	if (cmd == FIONBIO)
		return ioctl_flag(t, f, a->v[2], O_NONBLOCK);
	if (cmd == FIOASYNC)
		return ioctl_async(t, f, arg_int(a, 0), a->v[2]);
	if ((cmd == FS_IOC_GETFLAGS || cmd == FS_IOC_SETFLAGS) && f->inode->sb->op->inode_flags &&
	    (S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode)))
		return inode_flags(t, f, a->v[2], cmd == FS_IOC_SETFLAGS);
	if (f->op->ioctl)
		r = f->op->ioctl(f, t, cmd, a->v[2]);
	if (r == -ENOTTY && cmd == FIONREAD && S_ISREG(f->inode->mode)) {
		r = vfs_getattr(&f->path, &st);
		if (r < 0)
			return r;
		mutex_lock(&f->pos_lock);
		r = (long)(int32_t)(st.size - f->pos);
		mutex_unlock(&f->pos_lock);
		return put_u32(t, uaddr(a->v[2]), (uint32_t)r);
	}
	return r;
}
