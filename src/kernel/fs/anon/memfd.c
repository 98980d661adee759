/* SPDX-License-Identifier: Apache-2.0 */
/* memfd: a file without a name whose bytes are a host memfd's. Seals are ours: the host file stays unsealed, since
 * sealing one guest file must not depend on what else the kernel does with its descriptor. */
#include "kernel/fs/anon/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/hostio.h"
#include "kernel/hostfd.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define F_SEAL_EXEC_ 0x20 /* the execute bits of the mode stay */

struct memfd {
	struct mutex lock; /* RANK_PIPE */
	struct hostfd *host;
	unsigned seals GUARDED_BY(lock);
};

static void memfd_release(struct file *f)
{
	struct memfd *m = f->priv;

	mutex_lock(&f->inode->lock);
	f->inode->priv = NULL; /* the inode can outlive the file */
	mutex_unlock(&f->inode->lock);
	hostfd_put(m->host);
	mutex_destroy(&m->lock);
	free(m);
}

static void sync_size(struct file *f)
{
	struct memfd *m = f->priv;
	off_t size = lseek(m->host->fd, 0, SEEK_END);

	mutex_lock(&f->inode->lock);
	f->inode->size = size < 0 ? 0 : (uint64_t)size;
	inode_touch(f->inode, true, true);
	mutex_unlock(&f->inode->lock);
}

static ssize_t memfd_read(struct file *f, struct uio *u, uint64_t *pos, int flags __unused)
{
	struct memfd *m = f->priv;
	char buf[8192];
	ssize_t done = 0;

	while (u->resid) {
		ssize_t n = hio_pread(m->host->fd, buf, MIN(u->resid, sizeof(buf)), (off_t)*pos), k;

		if (n <= 0)
			return done ? done : n < 0 ? -errno : 0;
		k = uio_copy_to(u, buf, (size_t)n);
		if (k < 0)
			return done ? done : k;
		*pos += (uint64_t)k;
		done += k;
		if (k < n)
			break;
	}
	return done;
}

static ssize_t memfd_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct memfd *m = f->priv;
	char buf[8192];
	ssize_t done = 0;
	unsigned seals;
	off_t size;

	mutex_lock(&m->lock);
	seals = m->seals;
	mutex_unlock(&m->lock);
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	size = lseek(m->host->fd, 0, SEEK_END);
	if (file_appends(f, flags) && size >= 0)
		*pos = (uint64_t)size;
	while (u->resid) {
		ssize_t n = uio_copy_from(u, buf, MIN(u->resid, sizeof(buf))), k;

		if (n <= 0)
			return done ? done : n;
		if ((seals & F_SEAL_GROW) && *pos + (uint64_t)n > (uint64_t)size) {
			if (*pos >= (uint64_t)size)
				return done ? done : -EPERM;
			n = size - (off_t)*pos;
		}
		k = hio_pwrite(m->host->fd, buf, (size_t)n, (off_t)*pos);
		if (k < 0)
			return done ? done : -errno;
		*pos += (uint64_t)k;
		done += k;
		if (k < n)
			break;
	}
	sync_size(f);
	return done;
}

static int memfd_map(struct file *f, bool writable, struct hostfd **ret)
{
	struct memfd *m = f->priv;
	int r = 0;

	mutex_lock(&m->lock);
	if (writable && (m->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		r = -EPERM;
	mutex_unlock(&m->lock);
	/* mm/mmap.c counts a writable mapping in shared_maps before it asks here. */
	if (r == 0)
		*ret = hostfd_get(m->host);
	return r;
}

static int memfd_fallocate(struct file *f, int mode, uint64_t off, uint64_t len)
{
	struct memfd *m = f->priv;
	int r = 0;

	mutex_lock(&m->lock);
	if ((m->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) && (mode & FALLOC_FL_PUNCH_HOLE))
		r = -EPERM;
	if ((m->seals & F_SEAL_GROW) && !(mode & FALLOC_FL_KEEP_SIZE) && (len > f->inode->size || off > f->inode->size - len))
		r = -EPERM;
	mutex_unlock(&m->lock);
	if (r == 0 && fallocate(m->host->fd, mode, (off_t)off, (off_t)len) < 0)
		r = -errno;
	if (r == 0)
		sync_size(f);
	return r;
}

static int64_t memfd_llseek(struct file *f, int64_t off, int whence)
{
	struct memfd *m = f->priv;
	off_t r;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(f, off, whence);
	r = lseek(m->host->fd, off, whence);
	return r < 0 ? -errno : r;
}

static const struct file_ops memfd_ops = {
	.release = memfd_release,
	.read = memfd_read,
	.write = memfd_write,
	.map = memfd_map,
	.fallocate = memfd_fallocate,
	.llseek = memfd_llseek,
};

static int memfd_setattr(struct inode *i, const struct iattr *a)
{
	struct memfd *m = i->priv;
	int r = 0;

	if ((a->valid & ATTR_MODE) && m && ((a->mode ^ i->mode) & 0111)) {
		mutex_lock(&m->lock);
		r = m->seals & F_SEAL_EXEC_ ? -EPERM : 0;
		mutex_unlock(&m->lock);
		if (r < 0)
			return r;
	}
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	if (!(a->valid & ATTR_SIZE))
		return 0;
	if (!m)
		return -EINVAL;
	mutex_lock(&m->lock);
	if (((m->seals & F_SEAL_SHRINK) && a->size < i->size) || ((m->seals & F_SEAL_GROW) && a->size > i->size))
		r = -EPERM;
	mutex_unlock(&m->lock);
	if (r == 0 && ftruncate(m->host->fd, (off_t)a->size) < 0)
		r = -errno;
	if (r == 0)
		i->size = a->size;
	return r;
}

static const struct inode_ops memfd_inode_ops = {.setattr = memfd_setattr};

int memfd_new(const char *name, uint32_t flags, bool may_seal, bool noexec, struct file **ret)
{
	struct memfd *m = calloc(1, sizeof(*m));
	char shown[280];
	int r;

	if (!m)
		return -ENOMEM;
	mutex_init(&m->lock, RANK_PIPE, "memfd");
	m->seals = noexec ? F_SEAL_EXEC_ : may_seal ? 0 : F_SEAL_SEAL;
	r = hostfd_memfd("memfd", 0, &m->host);
	if (r < 0) {
		free(m);
		return r;
	}
	snprintf(shown, sizeof(shown), "/memfd:%s", name);
	r = anon_file_new(shown, &memfd_ops, m, flags, S_IFREG | (noexec ? 0666 : 0777), ret);
	if (r < 0) {
		hostfd_put(m->host);
		free(m);
		return r;
	}
	(*ret)->inode->priv = m;
	(*ret)->inode->op = &memfd_inode_ops;
	return 0;
}

int memfd_fcntl(struct file *f, int cmd, uint64_t arg)
{
	const unsigned known = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
			       F_SEAL_FUTURE_WRITE | F_SEAL_EXEC_;
	struct memfd *m = f->priv;
	int r = 0;

	if (f->op != &memfd_ops)
		return -EINVAL;
	mutex_lock(&m->lock);
	if (cmd == F_GET_SEALS)
		r = (int)m->seals;
	else if (!f->can_write)
		r = -EPERM;
	else if (arg & ~(uint64_t)known)
		r = -EINVAL;
	else if (m->seals & F_SEAL_SEAL)
		r = -EPERM;
	else if ((arg & F_SEAL_WRITE) && __atomic_load_n(&f->inode->shared_maps, __ATOMIC_SEQ_CST))
		r = -EBUSY;
	else {
		/* What stays executable stays as it is. */
		if ((arg & F_SEAL_EXEC_) && (f->inode->mode & 0111))
			arg |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
		m->seals |= (unsigned)arg;
	}
	mutex_unlock(&m->lock);
	return r;
}
