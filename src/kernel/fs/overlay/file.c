/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open files of an overlay: everything goes to a file opened on the layer. One that was opened before its
 * copy-up reads the upper from then on, while its mappings keep the lower, as in Linux.
 */
#include <fcntl.h>
#include "kernel/fs/overlay/ovl_priv.h"
#include "kernel/usercopy.h"

struct ovl_file {
	struct file *real;  /* as opened; constant */
	struct file *later; /* atomic: the upper, when real is the lower of a copied-up file */
	bool upper;	    /* real is on the upper */
};

#define SHARED_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_DSYNC | O_SYNC | O_NOATIME)

static int open_real(struct inode *i, struct file *f, struct file **ret)
{
	uint32_t flags = f->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
	struct path p = ovl_real_path(i);

	return file_open_path(&p, flags, f->cred, ret);
}

static int file_open(struct inode *i, struct file *f)
{
	struct ovl_file *of = calloc(1, sizeof(*of));
	int r = 0;

	if (!of)
		return -ENOMEM;
	if (f->can_write)
		r = ovl_copy_up(f->path.dentry, !(f->flags & O_TRUNC));
	of->upper = ovl_upper(i) != NULL;
	if (r == 0)
		r = open_real(i, f, &of->real);
	if (r < 0) {
		free(of);
		return r;
	}
	if (!of->upper && of->real->path.dentry == ovl_upper(i))
		of->upper = true;
	f->priv = of;
	return 0;
}

static void file_release(struct file *f)
{
	struct ovl_file *of = f->priv;

	file_put(of->later);
	file_put(of->real);
	free(of);
}

/* The file to use for bytes now; no reference. */
static int real_now(struct file *f, struct file **ret)
{
	struct ovl_file *of = f->priv;
	struct file *later = __atomic_load_n(&of->later, __ATOMIC_ACQUIRE), *none = NULL;
	int r;

	*ret = of->real;
	if (of->upper || !ovl_upper(f->inode))
		return 0;
	if (!later) {
		r = open_real(f->inode, f, &later);
		if (r < 0)
			return r;
		if (!__atomic_compare_exchange_n(&of->later, &none, later, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			file_put(later);
			later = none;
		}
	}
	*ret = later;
	return 0;
}

static ssize_t file_read_at(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct file *real;
	int r = real_now(f, &real);

	return r < 0 ? r : real->op->read(real, u, pos, flags);
}

static void take_attrs(struct inode *i)
{
	MUTEX_GUARD(&i->lock);
	ovl_copyattr(i);
}

static ssize_t file_write_at(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct ovl_file *of = f->priv;
	uint32_t fl = __atomic_load_n(&of->real->flags, __ATOMIC_RELAXED);
	ssize_t n;

	fl = (fl & ~(uint32_t)SHARED_FLAGS) |
	     (__atomic_load_n(&f->flags, __ATOMIC_RELAXED) & (uint32_t)SHARED_FLAGS);
	__atomic_store_n(&of->real->flags, fl, __ATOMIC_RELAXED);
	n = of->real->op->write(of->real, u, pos, flags);
	take_attrs(f->inode);
	return n;
}

static int64_t file_llseek(struct file *f, int64_t off, int whence)
{
	struct file *real;
	int64_t at;
	int r;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(f, off, whence);
	r = real_now(f, &real);
	if (r < 0)
		return r;
	mutex_lock_nested(&real->pos_lock); /* the overlay's file is outer */
	at = real->op->llseek(real, off, whence);
	mutex_unlock(&real->pos_lock);
	if (at >= 0)
		f->pos = (uint64_t)at;
	return at;
}

static int file_map(struct file *f, bool writable, struct hostfd **ret)
{
	struct ovl_file *of = f->priv;

	return of->real->op->map ? of->real->op->map(of->real, writable, ret) : -ENODEV;
}

static int file_fsync(struct file *f, bool datasync)
{
	struct file *real;
	int r = real_now(f, &real);

	if (r < 0 || !real->op->fsync)
		return r;
	return real->op->fsync(real, datasync);
}

static int file_fallocate(struct file *f, int mode, uint64_t off, uint64_t len)
{
	struct ovl_file *of = f->priv;
	int r;

	if (!of->real->op->fallocate)
		return -EOPNOTSUPP;
	r = of->real->op->fallocate(of->real, mode, off, len);
	take_attrs(f->inode);
	return r;
}

const struct file_ops ovl_file_fops = {
	.open = file_open,
	.release = file_release,
	.read = file_read_at,
	.write = file_write_at,
	.llseek = file_llseek,
	.map = file_map,
	.fsync = file_fsync,
	.fallocate = file_fallocate,
};
