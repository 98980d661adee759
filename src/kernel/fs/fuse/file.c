/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open regular files. Bytes never pass the gofer: each inode has at most one O_RDONLY and one O_RDWR
 * host descriptor, shared by all its open files, which keep offsets of their own. There is no data cache,
 * so reads, writes and mappings agree with one another and with the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "base/hostio.h"
#include "kernel/fs/fuse/fuse_priv.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

#define BOUNCE_MAX 65536

/* --- descriptors -------------------------------------------------------------------------------------------- */

void fuse_idle_remove(struct fuse_super *fs, struct fuse_inode *fi)
{
	if (list_empty(&fi->idle_node))
		return;
	list_del(&fi->idle_node);
	fs->nidle--;
}

struct hostfd *fuse_hostfd_have(struct inode *i, bool writable)
{
	struct fuse_inode *fi = FI(i);
	struct hostfd *h;

	MUTEX_GUARD(fuse_lock(fuse_conn_of(i)));
	h = fi->rw && (writable || !fi->ro) ? fi->rw : writable ? NULL : fi->ro;
	return h ? hostfd_get(h) : NULL;
}

/* Closes the descriptors that idle inodes keep: we ran out. */
static void drop_idle(struct fuse_super *fs)
{
	for (;;) {
		struct hostfd *h;

		mutex_lock(fuse_lock(fs->conn));
		if (list_empty(&fs->idle)) {
			mutex_unlock(fuse_lock(fs->conn));
			return;
		}
		struct fuse_inode *fi = list_entry(fs->idle.prev, struct fuse_inode, idle_node);

		fuse_idle_remove(fs, fi);
		h = TAKE_PTR(fi->ro);
		mutex_unlock(fuse_lock(fs->conn));
		hostfd_put(h);
	}
}

/* Is it a regular file on the host, as we asked? A pipe or a device would block or act. */
static int check_fd(struct inode *i, int fd)
{
	struct stat st;

	if (hio_fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : fuse_break(fuse_conn_of(i), "a descriptor is not of a file");
}

/* Makes fd the inode's; if another thread was faster, its descriptor stays. */
static int keep_fd(struct inode *i, int fd, bool writable, struct hostfd **ret)
{
	struct fuse_inode *fi = FI(i);
	struct hostfd **slot = writable ? &fi->rw : &fi->ro;
	struct hostfd *h, *other;
	int r;

	r = check_fd(i, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = hostfd_new(fd, writable, &h);
	if (r < 0)
		return r;
	mutex_lock(fuse_lock(fuse_conn_of(i)));
	other = *slot;
	if (other)
		hostfd_get(other);
	else
		*slot = hostfd_get(h);
	mutex_unlock(fuse_lock(fuse_conn_of(i)));
	if (other)
		hostfd_put(h);
	*ret = other ? other : h;
	return 0;
}

int fuse_hostfd(struct inode *i, bool writable, struct hostfd **ret)
{
	struct fuse_open_in in = {.flags = writable ? O_RDWR : O_RDONLY};
	struct fuse_open_out out;
	int fd, r;
	struct fuse_call call = {.opcode = FUSE_OPEN, .nodeid = FI(i)->nodeid,
				 .in = {{&in, sizeof(in)}},
				 .out = &out, .out_min = sizeof(out), .out_cap = sizeof(out),
				 .ret_fd = &fd};

	*ret = fuse_hostfd_have(i, writable);
	if (*ret)
		return 0;
	for (int tries = 0;; tries++) {
		r = fuse_call(fuse_conn_of(i), &call);
		if (r == 0)
			r = keep_fd(i, fd, writable, ret);
		if (r != -ENFILE || tries)
			return r;
		drop_idle(FS(i->sb));
	}
}

int fuse_hostfd_give(struct inode *i, int fd)
{
	struct hostfd *h;
	int r;

	r = keep_fd(i, fd, true, &h);
	if (r == 0)
		hostfd_put(h);
	return r;
}

/* --- open and close ----------------------------------------------------------------------------------------- */

static int file_open(struct inode *i, struct file *f)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	struct fuse_super *fs = FS(i->sb);
	struct fuse_inode *fi = FI(i);
	int r;

	mutex_lock(fuse_lock(fs->conn));
	fi->nopen++;
	fi->nwrite += f->can_write;
	fuse_idle_remove(fs, fi);
	mutex_unlock(fuse_lock(fs->conn));
	r = fuse_hostfd(i, f->can_write, &h);
	if (r < 0) {
		mutex_lock(fuse_lock(fs->conn));
		fi->nopen--;
		fi->nwrite -= f->can_write;
		mutex_unlock(fuse_lock(fs->conn));
	}
	return r;
}

static void file_release(struct file *f)
{
	struct fuse_inode *fi = FI(f->inode), *old;
	struct fuse_super *fs = FS(f->inode->sb);
	struct hostfd *drop = NULL, *drop_old = NULL;

	mutex_lock(fuse_lock(fs->conn));
	fi->nopen--;
	fi->nwrite -= f->can_write;
	/* A writable descriptor is not kept: it would make the file "busy" for the host's own exec. */
	if (!fi->nwrite)
		drop = TAKE_PTR(fi->rw);
	if (!fi->nopen && fi->ro && list_empty(&fi->idle_node)) {
		list_add(&fi->idle_node, &fs->idle);
		if (++fs->nidle > FUSE_IDLE_MAX) {
			old = list_entry(fs->idle.prev, struct fuse_inode, idle_node);
			fuse_idle_remove(fs, old);
			drop_old = TAKE_PTR(old->ro);
		}
	}
	mutex_unlock(fuse_lock(fs->conn));
	hostfd_put(drop);
	hostfd_put(drop_old);
}

/* --- bytes -------------------------------------------------------------------------------------------------- */

/* A buffer between the host file and u: the guest's staging area when it is the current task's own
 * memory, else memory of ours in *own. */
static void *bounce(const struct uio *u, size_t *len, void **own)
{
	*own = NULL;
	if (!u->kernel && u->t && u->t == current && current->pt)
		return pt_staging(current->pt, len);
	*len = MIN(u->resid, (size_t)BOUNCE_MAX);
	*own = malloc(*len ? *len : 1);
	return *own;
}

static ssize_t file_read_at(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	_cleanup_free_ void *own = NULL;
	size_t len = 0;
	ssize_t done = 0;
	void *buf;
	int r;

	if (!u->resid)
		return 0;
	r = fuse_hostfd(f->inode, false, &h);
	if (r < 0)
		return r;
	buf = bounce(u, &len, &own);
	if (!buf || !len)
		return -ENOMEM;
	while (u->resid) {
		size_t want = MIN(u->resid, len);
		ssize_t n = RET_NERRNO(hio_pread(h->fd, buf, want, (off_t)*pos)), moved;

		if (n <= 0)
			return done ? done : n;
		moved = uio_copy_to(u, buf, (size_t)n);
		if (moved <= 0)
			return done ? done : moved;
		*pos += (uint64_t)moved;
		done += moved;
		if (moved < (ssize_t)want)
			break;
	}
	return done;
}

/* Flags for pwritev2 that the open file and the call ask for. */
static int sync_flags(const struct file *f, int flags)
{
	int rwf = flags & (RWF_SYNC | RWF_DSYNC);

	if ((f->flags & O_SYNC) == O_SYNC)
		rwf |= RWF_SYNC;
	else if (f->flags & O_DSYNC)
		rwf |= RWF_DSYNC;
	return rwf;
}

static ssize_t write_locked(struct file *f, struct hostfd *h, struct uio *u, uint64_t *pos, bool append,
			    int rwf) REQUIRES(f->inode->lock)
{
	_cleanup_free_ void *own = NULL;
	struct inode *i = f->inode;
	ssize_t done = 0;
	size_t len = 0;
	struct stat st;
	void *buf;

	buf = bounce(u, &len, &own);
	if (!buf || !len)
		return -ENOMEM;
	while (u->resid) {
		ssize_t got = uio_copy_from(u, buf, MIN(u->resid, len)), n;
		struct iovec iov;

		if (got <= 0)
			return done ? done : got;
		iov = (struct iovec){buf, (size_t)got};
		n = RET_NERRNO(pwritev2(h->fd, &iov, 1, (off_t)*pos, rwf | (append ? RWF_APPEND : 0)));
		uio_revert(u, (size_t)(got - MAX(n, 0)));
		if (n <= 0)
			return done ? done : n;
		done += n;
		if (append)
			*pos = hio_fstat(h->fd, &st) == 0 ? (uint64_t)st.st_size : i->size + (uint64_t)n;
		else
			*pos += (uint64_t)n;
		if (*pos > i->size)
			i->size = *pos;
		if (n < got)
			break;
	}
	return done;
}

static ssize_t file_write_at(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	bool append = file_appends(f, flags);
	ssize_t n;
	int r;

	if (!u->resid)
		return 0;
	r = fuse_hostfd(f->inode, true, &h);
	if (r < 0)
		return r;
	mutex_lock(&f->inode->lock);
	n = write_locked(f, h, u, pos, append, sync_flags(f, flags));
	mutex_unlock(&f->inode->lock);
	if (n > 0)
		fuse_mark_stale(f->inode); /* times, blocks, set-id bits */
	return n;
}

/* Size as the host has it now (mappings and other writers move it). */
static int refresh_size(struct file *f, struct hostfd **ret)
{
	struct stat st;
	int r;

	r = fuse_hostfd(f->inode, false, ret);
	if (r < 0)
		return r;
	if (hio_fstat((*ret)->fd, &st) < 0)
		return -errno;
	mutex_lock(&f->inode->lock);
	f->inode->size = (uint64_t)st.st_size;
	mutex_unlock(&f->inode->lock);
	return 0;
}

static int64_t file_llseek(struct file *f, int64_t off, int whence)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	int64_t at;
	int r;

	if (whence == SEEK_SET || whence == SEEK_CUR)
		return generic_llseek(f, off, whence);
	r = refresh_size(f, &h);
	if (r < 0)
		return r;
	if (whence == SEEK_END)
		return generic_llseek(f, off, whence);
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	/* The descriptor's own offset is used by nothing else. */
	at = RET_NERRNO(lseek(h->fd, off, whence));
	return at < 0 ? at : generic_llseek(f, at, SEEK_SET);
}

static int file_map(struct file *f, bool writable, struct hostfd **ret)
{
	int r = fuse_hostfd(f->inode, writable, ret);

	if (r == 0 && writable)
		__atomic_store_n(&FI(f->inode)->mapped, true, __ATOMIC_RELEASE);
	return r;
}

static int file_fsync(struct file *f, bool datasync)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	int r;

	r = fuse_hostfd(f->inode, f->can_write, &h);
	return r < 0 ? r : RET_NERRNO(datasync ? fdatasync(h->fd) : fsync(h->fd));
}

static int file_fallocate(struct file *f, int mode, uint64_t off, uint64_t len)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	struct stat st;
	int r;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
		     FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE))
		return -EOPNOTSUPP;
	r = fuse_hostfd(f->inode, true, &h);
	if (r < 0)
		return r;
	MUTEX_GUARD(&f->inode->lock);
	r = RET_NERRNO(fallocate(h->fd, mode, (off_t)off, (off_t)len));
	if (r == 0 && hio_fstat(h->fd, &st) == 0)
		f->inode->size = (uint64_t)st.st_size;
	fuse_mark_stale(f->inode);
	return r;
}

const struct file_ops fuse_file_fops = {
	.open = file_open,
	.release = file_release,
	.read = file_read_at,
	.write = file_write_at,
	.llseek = file_llseek,
	.map = file_map,
	.fsync = file_fsync,
	.fallocate = file_fallocate,
};
