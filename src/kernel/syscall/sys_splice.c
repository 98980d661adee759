/* SPDX-License-Identifier: Apache-2.0 */
/* splice, tee, vmsplice: one side is a pipe. Bytes are copied through kernel memory. */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include "kernel/fs/pipe/pipe.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#define SPLICE_ALL 15U /* SPLICE_F_* */
#define SPLICE_NONBLOCK 2U

/* The side that is no pipe: a position from the guest's word, the file's own, or none at all. */
struct side {
	struct file *f;
	bool given;
	uint64_t pos;
};

static ssize_t side_io(struct side *s, void *buf, size_t n, bool out, int flags)
{
	struct file *f = s->f;
	struct uio u;
	ssize_t r;

	uio_init_kernel(&u, buf, n);
	if (s->given || !f->op->llseek)
		return out ? file_write(f, &u, s->given ? &s->pos : NULL, flags) :
			     file_read(f, &u, s->given ? &s->pos : NULL, flags);
	mutex_lock(&f->pos_lock);
	r = out ? file_write(f, &u, &f->pos, flags) : file_read(f, &u, &f->pos, flags);
	mutex_unlock(&f->pos_lock);
	return r;
}

static ssize_t to_file(void *arg, const void *p, size_t n)
{
	union {
		const void *c;
		void *v;
	} buf = {p};

	return side_io(arg, buf.v, n, true, 0);
}

/* Files without a type (eventfd, epoll, signalfd...) and directories cannot be spliced. */
static bool can_splice(const struct file *f)
{
	mode_t m = f->inode->mode & S_IFMT;

	return m && m != S_IFDIR && m != S_IFLNK;
}

/* Reads what fits into the pipe. */
static ssize_t from_file(struct side *in, struct file *out, size_t len, unsigned flags)
{
	_cleanup_free_ uint8_t *buf = malloc(PIPE_CHUNK);
	size_t done = 0;
	ssize_t n = 0, w;
	int slots;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		size_t want = MIN(len - done, (size_t)PIPE_CHUNK);

		slots = pipe_reserve(out, (unsigned)((want + 4095) / 4096), done || (flags & SPLICE_NONBLOCK));
		if (slots < 0)
			return done ? (ssize_t)done : slots;
		want = MIN(want, (size_t)(unsigned)slots * 4096);
		/* What sleeps when it has nothing is asked once: the pipe has data by then. */
		n = done && !S_ISREG(in->f->inode->mode) ? 0 : side_io(in, buf, want, false, 0);
		w = pipe_give(out, (unsigned)slots, buf, n > 0 ? (size_t)n : 0);
		if (n <= 0 || w < 0)
			return done ? (ssize_t)done : n < 0 ? n : w;
		done += (size_t)w;
		if (w < n || n < (ssize_t)want || signal_pending(current))
			break;
	}
	return (ssize_t)done;
}

static int side_pos(struct task *t, struct side *s, uaddr_t p)
{
	s->given = !uaddr_null(p);
	return s->given ? copy_in(t, &s->pos, p, sizeof(s->pos)) : 0;
}

static ssize_t do_splice(struct side *in, struct side *out, size_t len, unsigned flags)
{
	bool pi = file_is_pipe(in->f), po = file_is_pipe(out->f);
	const struct side *other = pi ? out : in;

	if (!in->f->can_read || !out->f->can_write)
		return -EBADF;
	if (!pi && !po)
		return -EINVAL;
	if (pi && in->f->flags & O_NONBLOCK)
		flags |= SPLICE_NONBLOCK;
	if (po && out->f->flags & O_NONBLOCK)
		flags |= SPLICE_NONBLOCK;
	if (pi && po)
		return in->f->priv == out->f->priv ? -EINVAL :
						     pipe_move(in->f, out->f, len, flags & SPLICE_NONBLOCK);
	if (other->given && !other->f->op->llseek)
		return -EINVAL;
	if (other->given && (int64_t)other->pos < 0)
		return -EINVAL;
	if (!can_splice(other->f) || (pi && (out->f->flags & O_APPEND)))
		return -EINVAL;
	return pi ? pipe_drain(in->f, len, flags & SPLICE_NONBLOCK, to_file, out) :
		    from_file(in, out->f, len, flags);
}

long sys_splice(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *fi = NULL, *fo = NULL;
	struct side in, out;
	unsigned flags = arg_u32(a, 5);
	ssize_t n;
	int r;

	if (!a->v[4])
		return 0;
	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	fi = fd_get(t, arg_int(a, 0));
	fo = fd_get(t, arg_int(a, 2));
	if (!fi || !fo)
		return -EBADF;
	if ((a->v[1] && file_is_pipe(fi)) || (a->v[3] && file_is_pipe(fo)))
		return -ESPIPE;
	in = (struct side){.f = fi};
	out = (struct side){.f = fo};
	r = side_pos(t, &out, arg_uaddr(a, 3));
	if (r == 0)
		r = side_pos(t, &in, arg_uaddr(a, 1));
	if (r < 0)
		return r;
	n = do_splice(&in, &out, MIN(a->v[4], (uint64_t)MAX_RW_COUNT), flags);
	if (n >= 0 && in.given)
		r = put_u64(t, arg_uaddr(a, 1), in.pos);
	if (n >= 0 && r == 0 && out.given)
		r = put_u64(t, arg_uaddr(a, 3), out.pos);
	return r < 0 ? r : n;
}

long sys_tee(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *in = NULL, *out = NULL;
	unsigned flags = arg_u32(a, 3);

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	if (!a->v[2])
		return 0;
	in = fd_get(t, arg_int(a, 0));
	out = fd_get(t, arg_int(a, 1));
	if (!in || !out || !in->can_read || !out->can_write)
		return -EBADF;
	if (!file_is_pipe(in) || !file_is_pipe(out) || in->priv == out->priv)
		return -EINVAL;
	if ((in->flags | out->flags) & O_NONBLOCK)
		flags |= SPLICE_NONBLOCK;
	return pipe_tee(in, out, MIN(a->v[2], (uint64_t)MAX_RW_COUNT), flags & SPLICE_NONBLOCK);
}

/* Guest memory into the pipe, as much as fits. */
static ssize_t gather(struct file *f, struct uio *u, bool nonblock)
{
	_cleanup_free_ uint8_t *buf = malloc(PIPE_CHUNK);
	size_t done = 0;

	if (!buf)
		return -ENOMEM;
	while (u->resid) {
		size_t want = MIN(u->resid, (size_t)PIPE_CHUNK);
		int slots = pipe_reserve(f, (unsigned)((want + 4095) / 4096), nonblock || done);
		ssize_t n, w;

		if (slots < 0)
			return done ? (ssize_t)done : slots;
		want = MIN(want, (size_t)(unsigned)slots * 4096);
		n = uio_copy_from(u, buf, want);
		w = pipe_give(f, (unsigned)slots, buf, n > 0 ? (size_t)n : 0);
		if (n <= 0 || w < 0)
			return done ? (ssize_t)done : n < 0 ? n : w;
		done += (size_t)w;
		if ((size_t)w < want)
			break;
	}
	return (ssize_t)done;
}

static ssize_t to_user(void *arg, const void *p, size_t n)
{
	return uio_copy_to(arg, p, n);
}

long sys_vmsplice(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_free_ struct uio_seg *seg = NULL;
	unsigned flags = arg_u32(a, 3);
	struct uio u;
	int r;

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	f = fd_get(t, arg_int(a, 0));
	if (!f || (!f->can_write && !f->can_read))
		return -EBADF;
	if (a->v[2] > UIO_MAXIOV)
		return -EINVAL;
	r = uio_init_iovec(&u, t, arg_uaddr(a, 1), (unsigned)a->v[2], &seg);
	if (r < 0 || !u.resid)
		return r;
	if (!file_is_pipe(f))
		return -EBADF;
	if (f->can_write)
		return gather(f, &u, flags & SPLICE_NONBLOCK);
	return pipe_drain(f, u.resid, flags & SPLICE_NONBLOCK, to_user, &u);
}
