/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents of tmpfs files. Small ones are a piece of the arena; a memfd takes over past TMPFS_SMALL bytes or
 * at the first mapping, and is folded back when the file is closed small and nothing maps it. The inode's lock
 * guards the representation and is held while bytes are copied, except for reads of a memfd.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include "base/hostio.h"
#include "kernel/fs/tmpfs/arena.h"
#include "kernel/fs/tmpfs/tmpfs_priv.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

#define PAGE GUEST_PAGE_SIZE
#define BOUNCE 65536U

static struct tmpfs_data *DATA(const struct inode *i)
{
	return &TI(i)->data;
}

/* --- pages of the arena form --- */

/* Bits of the pages that [off, end) touches, within TMPFS_SMALL. */
static uint16_t page_bits(uint64_t off, uint64_t end)
{
	unsigned first = (unsigned)(off / PAGE), last;

	if (end <= off)
		return 0;
	last = (unsigned)((end - 1) / PAGE);
	return (uint16_t)(((2U << last) - 1) & ~((1U << first) - 1));
}

/* Bits of the pages that lie wholly within [off, end). */
static uint16_t inner_bits(uint64_t off, uint64_t end)
{
	return page_bits(ALIGN_UP(off, PAGE), ALIGN_DOWN(end, PAGE));
}

static int charge_to(struct inode *i, uint64_t pages)
{
	struct tmpfs_data *d = DATA(i);
	int r = 0;

	if (pages > d->charged)
		r = tmpfs_charge_pages(i->sb, pages - d->charged);
	else
		tmpfs_uncharge_pages(i->sb, d->charged - pages);
	if (r == 0)
		d->charged = pages;
	return r;
}

/* Makes the pages of bits data and the buffer hold size bytes. */
static int arena_reserve(struct inode *i, uint64_t size, uint16_t bits)
{
	struct tmpfs_data *d = DATA(i);
	uint16_t pages = d->pages | bits;
	char *p;
	size_t cap;
	int r;

	r = charge_to(i, (uint64_t)__builtin_popcount(pages));
	if (r < 0)
		return r;
	if (size > d->cap) {
		cap = arena_round(size);
		p = arena_alloc(cap);
		if (!p) {
			(void)charge_to(i, (uint64_t)__builtin_popcount(d->pages));
			return -ENOMEM;
		}
		if (d->cap)
			memcpy(p, d->buf, d->cap);
		memset(p + d->cap, 0, cap - d->cap);
		arena_free(d->buf, d->cap);
		d->buf = p;
		d->cap = (uint32_t)cap;
	}
	d->pages = pages;
	return 0;
}

/* Zeroes [off, end) as far as the buffer goes. */
static void arena_clear(struct tmpfs_data *d, uint64_t off, uint64_t end)
{
	end = MIN(end, (uint64_t)d->cap);
	if (off < end)
		memset(d->buf + off, 0, end - off);
}

static void arena_drop(struct tmpfs_data *d)
{
	arena_free(d->buf, d->cap);
	d->buf = NULL;
	d->cap = 0;
	d->pages = 0;
}

/* --- the memfd form --- */

static uint64_t host_pages(const struct tmpfs_data *d)
{
	struct stat st;

	return hio_fstat(d->host->fd, &st) < 0 ? d->charged : (uint64_t)st.st_blocks / (PAGE / 512);
}

/* Charges what the host really holds. Past the limit it stays charged up to the limit only: the caller has
 * checked before it wrote. */
static void host_recharge(struct inode *i)
{
	(void)charge_to(i, host_pages(DATA(i)));
}

/* Is there room for n more bytes? */
static int host_room(struct inode *i, uint64_t n)
{
	uint64_t pages = n / PAGE + 1;
	int r = tmpfs_charge_pages(i->sb, pages);

	if (r == 0)
		tmpfs_uncharge_pages(i->sb, pages);
	return r;
}

static int pwrite_all(int fd, const char *p, size_t n, uint64_t off)
{
	while (n) {
		ssize_t w = hio_pwrite(fd, p, n, (off_t)off);

		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
		off += (uint64_t)w;
	}
	return 0;
}

static int to_host(struct inode *i)
{
	struct tmpfs_data *d = DATA(i);
	struct hostfd *h;
	int r;

	if (d->host)
		return 0;
	r = hostfd_memfd("tmpfs", i->size, &h);
	if (r < 0)
		return r;
	for (unsigned k = 0; r == 0 && k < TMPFS_SMALL / PAGE; k++) {
		uint64_t off = k * PAGE;

		if ((d->pages & 1U << k) && off < d->cap && off < i->size)
			r = pwrite_all(h->fd, d->buf + off,
				       MIN(PAGE, MIN(d->cap - off, i->size - off)), off);
	}
	if (r < 0) {
		hostfd_put(h);
		return r == -ENOMEM ? -ENOSPC : r;
	}
	arena_drop(d);
	d->host = h;
	host_recharge(i);
	return 0;
}

/* Back to the arena, when nothing maps the memfd and it is small. */
static void fold_back(struct inode *i)
{
	struct tmpfs_data *d = DATA(i);
	struct hostfd *h = d->host;
	char *p = NULL;
	size_t cap = 0;
	uint16_t pages = 0;

	if (!h || i->size > TMPFS_SMALL || __atomic_load_n(&h->ref.n, __ATOMIC_ACQUIRE) != 1)
		return;
	if (i->size) {
		ssize_t n;

		cap = arena_round(i->size);
		p = arena_alloc(cap);
		if (!p)
			return;
		memset(p, 0, cap);
		n = hio_pread(h->fd, p, i->size, 0);
		if (n != (ssize_t)i->size) {
			arena_free(p, cap);
			return;
		}
		for (off_t at = 0; (at = lseek(h->fd, at, SEEK_DATA)) >= 0;) {
			off_t end = lseek(h->fd, at, SEEK_HOLE);

			if (end <= at)
				break;
			pages |= page_bits((uint64_t)at, MIN((uint64_t)end, i->size));
			at = end;
		}
	}
	d->host = NULL;
	d->buf = p;
	d->cap = (uint32_t)cap;
	d->pages = pages;
	hostfd_put(h);
	(void)charge_to(i, (uint64_t)__builtin_popcount(pages));
}

/* --- size --- */

uint64_t tmpfs_data_pages(const struct inode *i)
{
	const struct tmpfs_data *d = DATA(i);

	return d->host ? host_pages(d) : (uint64_t)__builtin_popcount(d->pages);
}

int tmpfs_resize(struct inode *i, uint64_t size)
{
	struct tmpfs_data *d = DATA(i);
	int r;

	if (size > INT64_MAX)
		return -EFBIG;
	if (!d->host && size > TMPFS_SMALL) {
		r = to_host(i);
		if (r < 0)
			return r;
	}
	if (d->host) {
		if (ftruncate(d->host->fd, (off_t)size) < 0)
			return errno == ENOMEM ? -ENOSPC : -errno;
		i->size = size;
		host_recharge(i);
	} else {
		if (size < i->size) {
			arena_clear(d, size, i->size);
			d->pages &= page_bits(0, size);
			if (!size)
				arena_drop(d);
			(void)charge_to(i, (uint64_t)__builtin_popcount(d->pages));
		}
		i->size = size;
	}
	inode_touch(i, true, true);
	return 0;
}

void tmpfs_data_free(struct inode *i)
{
	struct tmpfs_data *d = DATA(i);

	arena_drop(d);
	if (d->host)
		hostfd_put(d->host);
	d->host = NULL;
	tmpfs_uncharge_pages(i->sb, d->charged);
	d->charged = 0;
}

/* --- reading --- */

static void *bounce(const struct uio *u, size_t *len, void **own)
{
	*own = NULL;
	if (!u->kernel && u->t && u->t == current && current->pt)
		return pt_staging(current->pt, len);
	*len = MIN(u->resid, (size_t)BOUNCE);
	*own = malloc(*len ? *len : 1);
	return *own;
}

static ssize_t host_read(struct hostfd *h, struct uio *u, uint64_t *pos)
{
	_cleanup_free_ void *own = NULL;
	ssize_t done = 0;
	size_t len = 0;
	void *buf = bounce(u, &len, &own);

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

static ssize_t arena_read(struct inode *i, struct uio *u, uint64_t *pos)
{
	struct tmpfs_data *d = DATA(i);
	ssize_t done = 0;

	while (u->resid && *pos < i->size) {
		size_t n = MIN(u->resid, i->size - *pos);
		ssize_t m;

		if (*pos < d->cap)
			m = uio_copy_to(u, d->buf + *pos, MIN(n, d->cap - *pos));
		else
			m = uio_zero(u, n);
		if (m <= 0)
			return done ? done : m;
		*pos += (uint64_t)m;
		done += m;
	}
	return done;
}

static ssize_t file_read_at(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct inode *i = f->inode;
	struct hostfd *h;
	ssize_t n = 0;

	if (!u->resid)
		return 0;
	mutex_lock(&i->lock);
	h = DATA(i)->host ? hostfd_get(DATA(i)->host) : NULL;
	if (!h)
		n = arena_read(i, u, pos);
	file_accessed(f);
	mutex_unlock(&i->lock);
	if (h) {
		n = host_read(h, u, pos);
		hostfd_put(h);
	}
	return n;
}

/* --- writing --- */

static ssize_t host_write(struct inode *i, struct uio *u, uint64_t *pos)
{
	_cleanup_free_ void *own = NULL;
	ssize_t done = 0;
	size_t len = 0;
	void *buf;
	int r;

	r = host_room(i, u->resid);
	if (r < 0) /* overwriting what is there needs no room */
		u->resid = *pos < i->size ? MIN(u->resid, i->size - *pos) : 0;
	if (!u->resid)
		return r;
	buf = bounce(u, &len, &own);
	if (!buf || !len)
		return -ENOMEM;
	while (u->resid) {
		ssize_t got = uio_copy_from(u, buf, MIN(u->resid, len)), n;

		if (got <= 0)
			return done ? done : got;
		n = RET_NERRNO(hio_pwrite(DATA(i)->host->fd, buf, (size_t)got, (off_t)*pos));
		uio_revert(u, (size_t)(got - MAX(n, 0)));
		if (n <= 0)
			return done ? done : n == -ENOMEM ? -ENOSPC : n;
		done += n;
		*pos += (uint64_t)n;
		if (*pos > i->size)
			__atomic_store_n(&i->size, *pos, __ATOMIC_RELAXED);
		if (n < got)
			break;
	}
	return done;
}

static ssize_t arena_write(struct inode *i, struct uio *u, uint64_t *pos)
{
	struct tmpfs_data *d = DATA(i);
	uint64_t end = *pos + u->resid;
	ssize_t n;
	int r;

	r = arena_reserve(i, end, page_bits(*pos, end));
	if (r == -ENOSPC && *pos / PAGE != (end - 1) / PAGE) {
		/* Not all of it: what fits on the page where it begins. */
		u->resid = ALIGN_DOWN(*pos, PAGE) + PAGE - *pos;
		end = *pos + u->resid;
		r = arena_reserve(i, end, page_bits(*pos, end));
	}
	if (r < 0)
		return r;
	n = uio_copy_from(u, d->buf + *pos, u->resid);
	if (n < (ssize_t)(end - *pos)) /* a fault: nothing of it may show past the new end */
		arena_clear(d, MAX(i->size, *pos + (uint64_t)MAX(n, 0)), d->cap);
	if (n > 0) {
		*pos += (uint64_t)n;
		if (*pos > i->size)
			__atomic_store_n(&i->size, *pos, __ATOMIC_RELAXED);
	} else {
		/* Nothing came: pages past the end hold nothing. */
		d->pages &= page_bits(0, i->size);
		(void)charge_to(i, (uint64_t)__builtin_popcount(d->pages));
	}
	return n;
}

static ssize_t file_write_at(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct inode *i = f->inode;
	ssize_t n;
	int r = 0;

	if (!u->resid)
		return 0;
	MUTEX_GUARD(&i->lock);
	if (file_appends(f, flags))
		*pos = i->size;
	if (!DATA(i)->host && *pos + u->resid > TMPFS_SMALL)
		r = to_host(i);
	if (r < 0)
		return r;
	n = DATA(i)->host ? host_write(i, u, pos) : arena_write(i, u, pos);
	if (n > 0) {
		if (DATA(i)->host)
			host_recharge(i);
		tmpfs_xattr_written(i);
		inode_touch(i, true, true);
	}
	return n;
}

/* --- holes --- */

static int arena_fallocate(struct inode *i, int mode, uint64_t off, uint64_t end)
{
	struct tmpfs_data *d = DATA(i);
	int r;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		arena_clear(d, off, end);
		d->pages &= (uint16_t)~inner_bits(off, MIN(end, (uint64_t)TMPFS_SMALL));
		return charge_to(i, (uint64_t)__builtin_popcount(d->pages));
	}
	r = arena_reserve(i, end, page_bits(off, end));
	if (r == 0 && (mode & FALLOC_FL_ZERO_RANGE))
		arena_clear(d, off, end);
	return r;
}

static int host_fallocate(struct inode *i, int mode, uint64_t off, uint64_t end)
{
	struct tmpfs_data *d = DATA(i);
	int r = 0;

	if (!(mode & FALLOC_FL_PUNCH_HOLE)) {
		uint64_t held = host_pages(d), all = (end - off) / PAGE + 2;

		r = all > held ? host_room(i, (all - held) * PAGE) : 0;
		if (r < 0)
			return r;
	}
	if (mode & FALLOC_FL_ZERO_RANGE) {
		/* memfds have no such mode: punch, then allocate. */
		r = RET_NERRNO(fallocate(d->host->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					 (off_t)off, (off_t)(end - off)));
		mode &= ~FALLOC_FL_ZERO_RANGE;
	}
	if (r == 0)
		r = RET_NERRNO(fallocate(d->host->fd, mode, (off_t)off, (off_t)(end - off)));
	host_recharge(i);
	return r;
}

static int file_fallocate(struct file *f, int mode, uint64_t off, uint64_t len)
{
	struct inode *i = f->inode;
	uint64_t end = off + len;
	int r = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	MUTEX_GUARD(&i->lock);
	if (!DATA(i)->host && end > TMPFS_SMALL && !(mode & FALLOC_FL_PUNCH_HOLE))
		r = to_host(i);
	if (r == 0)
		r = DATA(i)->host ? host_fallocate(i, mode, off, end) :
				    arena_fallocate(i, mode, off, end);
	if (r == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && end > i->size)
		__atomic_store_n(&i->size, end, __ATOMIC_RELAXED);
	if (r == 0)
		inode_touch(i, true, true);
	return r;
}

static int64_t seek_hole(struct inode *i, uint64_t off, bool data)
{
	struct tmpfs_data *d = DATA(i);

	if (off >= i->size)
		return -ENXIO;
	if (d->host)
		return RET_NERRNO(lseek(d->host->fd, (off_t)off, data ? SEEK_DATA : SEEK_HOLE));
	for (uint64_t at = off; at < i->size; at = ALIGN_DOWN(at, PAGE) + PAGE)
		if (((d->pages >> (at / PAGE)) & 1) == data)
			return (int64_t)at;
	return data ? -ENXIO : (int64_t)i->size;
}

static int64_t file_llseek(struct file *f, int64_t off, int whence)
{
	int64_t r;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(f, off, whence);
	if (off < 0)
		return -ENXIO;
	mutex_lock(&f->inode->lock);
	r = seek_hole(f->inode, (uint64_t)off, whence == SEEK_DATA);
	mutex_unlock(&f->inode->lock);
	if (r >= 0)
		f->pos = (uint64_t)r;
	return r;
}

/* --- mapping and closing --- */

static int file_map(struct file *f, bool writable, struct hostfd **ret)
{
	struct inode *i = f->inode;
	int r;

	MUTEX_GUARD(&i->lock);
	r = to_host(i);
	if (r == 0)
		*ret = hostfd_get(DATA(i)->host);
	return r;
}

static void file_release(struct file *f)
{
	struct inode *i = f->inode;

	if (!__atomic_load_n(&DATA(i)->host, __ATOMIC_RELAXED))
		return;
	MUTEX_GUARD(&i->lock);
	if (DATA(i)->host)
		host_recharge(i); /* mappings may have filled pages */
	fold_back(i);
}

const struct file_ops tmpfs_file_fops = {
	.release = file_release,
	.read = file_read_at,
	.write = file_write_at,
	.llseek = file_llseek,
	.map = file_map,
	.fallocate = file_fallocate,
};
