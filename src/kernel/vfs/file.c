/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: life, reading, writing, polling. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/file_priv.h"
#include "kernel/vfs/fown.h"
#include "kernel/vfs/vfs_priv.h"
#include "kernel/vfs/notify.h"

void epoll_file_gone(struct file *f);
#pragma weak epoll_file_gone
#pragma weak file_fown_release
#pragma weak lease_release

struct file *file_alloc(const struct path *p, struct inode *i, uint32_t flags,
			const struct cred *cred)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	ref_init(&f->ref);
	mutex_init(&f->pos_lock, RANK_FILE_POS, "file position");
	list_init(&f->epoll_items);
	path_get(p);
	f->path = *p;
	f->inode = inode_get(i);
	f->flags = flags;
	f->is_path = flags & O_PATH;
	f->can_read = !f->is_path && ((flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR);
	f->can_write = !f->is_path && ((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR);
	f->cred = cred ? cred_get(cred) : NULL;
	return f;
}

void file_free(struct file *f)
{
	inode_put(f->inode);
	path_put(&f->path);
	if (f->cred)
		cred_put(f->cred);
	mutex_destroy(&f->pos_lock);
	free(f);
}

struct file *file_get(struct file *f)
{
	ref_get(&f->ref);
	return f;
}

void file_put(struct file *f)
{
	if (!f || !ref_put(&f->ref))
		return;
	if (!f->is_path) {
		notify_dentry(f->path.dentry, f->can_write ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
		if (!list_empty(&f->epoll_items) && epoll_file_gone)
			epoll_file_gone(f);
		locks_release(f);
		if (file_fown_release)
			file_fown_release(f);
		if (lease_release)
			lease_release(f);
		if (f->op->release)
			f->op->release(f);
		if (S_ISREG(f->inode->mode)) {
			inode_uncount(f->inode, f->can_write);
			if (f->can_write)
				mnt_writer(f->path.mnt, -1);
		}
	}
	if (f->dissolve)
		mount_dissolve(f->path.mnt);
	file_free(f);
}

/* --- reading --- */

ssize_t file_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	ssize_t n;

	if (!f->can_read)
		return -EBADF;
	if (!f->op->read)
		return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
	if (pos && *pos > INT64_MAX - u->resid)
		return *pos > INT64_MAX ? -EINVAL : -EOVERFLOW;
	n = f->op->read(f, u, pos, flags);
	if (n > 0)
		notify_dentry(f->path.dentry, IN_ACCESS);
	return n;
}

ssize_t file_read_kernel(struct file *f, void *buf, size_t n, uint64_t off)
{
	struct uio u;

	uio_init_kernel(&u, buf, n);
	if (!f->op->read)
		return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
	return f->op->read(f, &u, &off, 0);
}

static bool atime_is_old(const struct inode *i, const struct timespec *now)
{
	if (i->atime.tv_sec < i->mtime.tv_sec || i->atime.tv_sec < i->ctime.tv_sec)
		return true;
	if (i->atime.tv_sec == i->mtime.tv_sec && i->atime.tv_nsec <= i->mtime.tv_nsec)
		return true;
	if (i->atime.tv_sec == i->ctime.tv_sec && i->atime.tv_nsec <= i->ctime.tv_nsec)
		return true;
	return now->tv_sec - i->atime.tv_sec >= 24 * 60 * 60;
}

void file_accessed(struct file *f)
{
	struct inode *i = f->inode;
	unsigned mf = f->path.mnt ? __atomic_load_n(&f->path.mnt->flags, __ATOMIC_RELAXED) : 0;
	struct timespec now;

	if ((f->flags & O_NOATIME) || (mf & (MNT_NOATIME | MNT_READONLY)) ||
	    (i->sb->flags & (MS_NOATIME | MS_RDONLY)) ||
	    ((mf & MNT_NODIRATIME) && S_ISDIR(i->mode)))
		return;
	now = inode_now();
	if ((mf & MNT_RELATIME) && !atime_is_old(i, &now))
		return;
	i->atime = now;
}

/* --- writing --- */

/* A write clears capabilities, and by somebody without CAP_FSETID set-id bits. */
static int remove_privs(struct file *f)
{
	struct inode *i = f->inode;
	struct iattr a = {.valid = ATTR_MODE};
	const struct cred *c = vfs_cred();
	int r;

	if (unlikely(__atomic_load_n(&i->has_caps, __ATOMIC_RELAXED))) {
		MUTEX_GUARD(&i->lock);
		r = inode_kill_caps(i);
		if (r < 0)
			return r;
	}
	if (!(__atomic_load_n(&i->mode, __ATOMIC_RELAXED) & (S_ISUID | S_ISGID)) ||
	    inode_capable(i, c, CAP_FSETID) || !i->op || !i->op->setattr)
		return 0;
	MUTEX_GUARD(&i->lock);
	return mode_kill_priv(i, c, &a.mode) ? i->op->setattr(i, &a) : 0;
}

/* RLIMIT_FSIZE and the end of the offset range; may shorten u. */
static int check_size(struct file *f, struct uio *u, uint64_t pos, int flags)
{
	uint64_t limit = current ? task_rlimit(current, RLIMIT_FSIZE) : RLIM_INFINITY;

	if (file_appends(f, flags))
		pos = __atomic_load_n(&f->inode->size, __ATOMIC_RELAXED);
	if (limit != RLIM_INFINITY && u->resid && !u->kernel) {
		if (pos >= limit) {
			(void)send_signal_task(current, SIGXFSZ, NULL);
			return -EFBIG;
		}
		u->resid = MIN(u->resid, limit - pos);
	}
	if (u->resid && pos >= INT64_MAX)
		return -EFBIG;
	u->resid = MIN(u->resid, (uint64_t)INT64_MAX - pos);
	return 0;
}

ssize_t file_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	ssize_t n;
	int r;

	if (!f->can_write)
		return -EBADF;
	if (!f->op->write)
		return -EINVAL;
	if (S_ISREG(f->inode->mode) && pos) {
		if (*pos > INT64_MAX)
			return -EINVAL;
		r = check_size(f, u, *pos, flags);
		if (r == 0 && u->resid)
			r = remove_privs(f);
		if (r < 0)
			return r;
	}
	n = f->op->write(f, u, pos, flags);
	if (n > 0)
		notify_dentry(f->path.dentry, IN_MODIFY);
	return n;
}

/* --- the rest --- */

uint32_t file_poll(struct file *f, struct poll_table *pt)
{
	if (!f->op->poll)
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	return f->op->poll(f, pt);
}

int64_t no_seek_end_llseek(struct file *f, int64_t off, int whence)
{
	int64_t base = whence == SEEK_CUR ? (int64_t)f->pos : 0, to;

	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	if (__builtin_add_overflow(base, off, &to) || to < 0)
		return -EINVAL;
	f->pos = (uint64_t)to;
	return to;
}

int64_t generic_llseek(struct file *f, int64_t off, int whence)
{
	uint64_t size = __atomic_load_n(&f->inode->size, __ATOMIC_RELAXED);
	int64_t to = off;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (__builtin_add_overflow((int64_t)f->pos, off, &to))
			return -EINVAL;
		break;
	case SEEK_END:
		if (__builtin_add_overflow((int64_t)size, off, &to))
			return -EINVAL;
		break;
	case SEEK_DATA: /* all of it is data */
	case SEEK_HOLE:
		if (off < 0 || (uint64_t)off >= size)
			return -ENXIO;
		if (whence == SEEK_HOLE)
			to = (int64_t)size;
		break;
	default:
		return -EINVAL;
	}
	if (to < 0)
		return -EINVAL;
	f->pos = (uint64_t)to;
	return to;
}
