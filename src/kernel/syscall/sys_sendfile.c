/* SPDX-License-Identifier: Apache-2.0 */
/* sendfile and copy_file_range: bytes from one file to another through kernel memory. */
#include <fcntl.h>
#include <unistd.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define CHUNK 131072U

/* One side of a copy. own: the file's position is used and moved. seek: it has positions at all. */
struct side {
	struct file *f;
	uint64_t pos;
	bool own, seek;
};

/* By llseek, because the position of an inherited host file is the host's. */
static void side_load(struct side *s)
{
	int64_t at;

	s->seek = s->f->op->llseek;
	if (!s->own || !s->seek)
		return;
	mutex_lock(&s->f->pos_lock);
	at = s->f->op->llseek(s->f, 0, SEEK_CUR);
	mutex_unlock(&s->f->pos_lock);
	s->seek = at >= 0;
	s->pos = s->seek ? (uint64_t)at : 0;
}

static void side_store(struct side *s)
{
	if (!s->own || !s->seek)
		return;
	mutex_lock(&s->f->pos_lock);
	(void)s->f->op->llseek(s->f, (int64_t)s->pos, SEEK_SET);
	mutex_unlock(&s->f->pos_lock);
}

/* All of buf, or as much as out takes. */
static ssize_t write_out(struct side *out, void *buf, size_t n)
{
	struct uio u;
	ssize_t done = 0, r = 0;

	while ((size_t)done < n) {
		uio_init_kernel(&u, (char *)buf + done, n - (size_t)done);
		r = file_write(out->f, &u, out->seek ? &out->pos : NULL, 0);
		if (r <= 0)
			break;
		done += r;
	}
	return done ? done : r;
}

static long copy_bytes(struct side *in, struct side *out, size_t len)
{
	size_t cap = MIN(len, (size_t)CHUNK);
	_cleanup_free_ void *buf = malloc(cap ? cap : 1);
	long done = 0;
	ssize_t n, w = 0;

	if (!buf)
		return -ENOMEM;
	while (len) {
		uint64_t at = in->pos;
		struct uio u;

		uio_init_kernel(&u, buf, MIN(len, cap));
		n = file_read(in->f, &u, &at, 0);
		if (n <= 0) {
			w = n;
			break;
		}
		w = write_out(out, buf, (size_t)n);
		if (w <= 0)
			break;
		in->pos += (uint64_t)w;
		len -= (size_t)w;
		done += w;
		if (w < n || signal_pending(current))
			break;
	}
	side_store(in);
	side_store(out);
	return done ? done : w;
}

long sys_sendfile(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *in = fd_get(t, arg_int(a, 1));
	_cleanup_(file_putp) struct file *out = fd_get(t, arg_int(a, 0));
	struct side si = {.f = in, .own = !a->v[2]}, so = {.f = out, .own = true};
	long n;

	if (a->v[2] && copy_in(t, &si.pos, arg_uaddr(a, 2), sizeof(si.pos)) < 0)
		return -EFAULT;
	if (!in || !in->can_read || !out || !out->can_write)
		return -EBADF;
	side_load(&si);
	side_load(&so);
	if (!si.seek)
		return a->v[2] ? -ESPIPE : -EINVAL;
	if (S_ISDIR(in->inode->mode) || !(in->inode->mode & S_IFMT) || (int64_t)si.pos < 0)
		return -EINVAL;
	if ((out->flags & O_APPEND) && !S_ISFIFO(out->inode->mode))
		return -EINVAL;
	n = copy_bytes(&si, &so, MIN(a->v[3], (uint64_t)MAX_RW_COUNT));
	if (a->v[2] && put_u64(t, arg_uaddr(a, 2), si.pos) < 0)
		return -EFAULT;
	return n;
}

/* The last byte that may be written: at the limit nothing may, and the task hears of it. */
static int check_limit(struct task *t, const struct side *out, uint64_t *len)
{
	uint64_t limit = task_rlimit(t, RLIMIT_FSIZE);

	if (*len && out->pos >= INT64_MAX)
		return -EFBIG;
	*len = MIN(*len, (uint64_t)INT64_MAX - out->pos);
	if (limit == RLIM_INFINITY)
		return 0;
	if (out->pos >= limit) {
		(void)send_signal_task(t, SIGXFSZ, NULL);
		return -EFBIG;
	}
	*len = MIN(*len, limit - out->pos);
	return 0;
}

/* The checks of copy_file_range(2) in Linux's order; cuts *len at the end of the source. */
static int check_range(struct task *t, const struct side *in, const struct side *out, uint64_t *len)
{
	struct kstat st;
	int r;

	if (S_ISDIR(in->f->inode->mode) || S_ISDIR(out->f->inode->mode))
		return -EISDIR;
	if (!S_ISREG(in->f->inode->mode) || !S_ISREG(out->f->inode->mode))
		return -EINVAL;
	if (!in->f->can_read || !out->f->can_write || (out->f->flags & O_APPEND))
		return -EBADF;
	if (in->f->inode->sb != out->f->inode->sb)
		return -EXDEV;
	if (in->pos + *len < in->pos || out->pos + *len < out->pos)
		return -EOVERFLOW;
	if ((int64_t)in->pos < 0 || (int64_t)out->pos < 0)
		return -EINVAL;
	r = vfs_getattr(&in->f->path, &st);
	if (r < 0)
		return r;
	*len = in->pos >= st.size ? 0 : MIN(*len, st.size - in->pos);
	r = check_limit(t, out, len);
	if (r < 0)
		return r;
	if (in->f->inode == out->f->inode && in->pos < out->pos + *len && out->pos < in->pos + *len)
		return -EINVAL;
	return 0;
}

long sys_copy_file_range(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *in = fd_get(t, arg_int(a, 0));
	_cleanup_(file_putp) struct file *out = fd_get(t, arg_int(a, 2));
	struct side si = {.f = in, .own = !a->v[1]}, so = {.f = out, .own = !a->v[3]};
	uint64_t len = a->v[4];
	long n;
	int r;

	if (!in || !out)
		return -EBADF;
	if ((a->v[1] && copy_in(t, &si.pos, arg_uaddr(a, 1), sizeof(si.pos)) < 0) ||
	    (a->v[3] && copy_in(t, &so.pos, arg_uaddr(a, 3), sizeof(so.pos)) < 0))
		return -EFAULT;
	if (a->v[5])
		return -EINVAL;
	side_load(&si);
	side_load(&so);
	r = check_range(t, &si, &so, &len);
	if (r < 0)
		return r;
	/* Inherited host files have their position on the host: programs fall back to read and write. */
	if (in->inode->sb == anon_super())
		return -EINVAL;
	n = copy_bytes(&si, &so, MIN(len, (uint64_t)MAX_RW_COUNT));
	if (n > 0 && ((a->v[1] && put_u64(t, arg_uaddr(a, 1), si.pos) < 0) ||
		      (a->v[3] && put_u64(t, arg_uaddr(a, 3), so.pos) < 0)))
		return -EFAULT;
	return n;
}
