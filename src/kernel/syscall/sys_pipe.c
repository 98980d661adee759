/* SPDX-License-Identifier: Apache-2.0 */
/* pipe, pipe2, splice: the ABI edge. */
#include <fcntl.h>
#include <string.h>
#include "kernel/fs/pipe/pipe.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

static long do_pipe(struct task *t, uaddr_t out, uint32_t flags)
{
	struct file *rf, *wf;
	int fds[2], r;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	r = pipe_new_files(flags & (O_NONBLOCK | O_DIRECT), &rf, &wf);
	if (r < 0)
		return r;
	fds[0] = fd_install(t, rf, 0, flags & O_CLOEXEC);
	if (fds[0] < 0) {
		file_put(rf);
		file_put(wf);
		return fds[0];
	}
	fds[1] = fd_install(t, wf, 0, flags & O_CLOEXEC);
	if (fds[1] < 0) {
		file_put(wf);
		(void)fd_close(t, fds[0]);
		return fds[1];
	}
	r = copy_out(t, out, fds, sizeof(fds));
	if (r < 0) {
		(void)fd_close(t, fds[0]);
		(void)fd_close(t, fds[1]);
	}
	return r;
}

long sys_pipe(struct task *t, const struct sysargs *a)
{
	return do_pipe(t, arg_uaddr(a, 0), 0);
}

long sys_pipe2(struct task *t, const struct sysargs *a)
{
	return do_pipe(t, arg_uaddr(a, 0), arg_u32(a, 1));
}

/* Position of one side of a splice: from the guest's word, or the file's own. */
struct splice_pos {
	bool given;
	uint64_t v;
};

static int splice_pos_get(struct task *t, struct file *f, uaddr_t p, struct splice_pos *ret)
{
	ret->given = !uaddr_null(p);
	if (!ret->given)
		return 0;
	if (file_is_pipe(f))
		return -ESPIPE;
	if (!f->op->llseek)
		return -EINVAL;
	return copy_in(t, &ret->v, p, sizeof(ret->v));
}

static ssize_t splice_io(struct file *f, void *buf, size_t n, struct splice_pos *p, bool out, int fl)
{
	struct uio u;
	ssize_t r;

	uio_init_kernel(&u, buf, n);
	if (p->given || !f->op->llseek)
		return out ? file_write(f, &u, p->given ? &p->v : NULL, fl) :
			     file_read(f, &u, p->given ? &p->v : NULL, fl);
	mutex_lock(&f->pos_lock);
	r = out ? file_write(f, &u, &f->pos, fl) : file_read(f, &u, &f->pos, fl);
	mutex_unlock(&f->pos_lock);
	return r;
}

/* One pass of at most 64 KiB (a short count is a legal result). Moves through kernel memory. */
static ssize_t do_splice(struct file *in, struct splice_pos *pi, struct file *out,
			 struct splice_pos *po, size_t len, unsigned flags)
{
	_cleanup_free_ uint8_t *buf = NULL;
	size_t cap = MIN(len, (size_t)65536), done = 0;
	ssize_t n, w;

	buf = malloc(cap ? cap : 1);
	if (!buf)
		return -ENOMEM;
	n = splice_io(in, buf, cap, pi, false, (flags & 2) ? 8 /* RWF_NOWAIT */ : 0);
	if (n <= 0)
		return n;
	while (done < (size_t)n) {
		w = splice_io(out, buf + done, (size_t)n - done, po, true, 0);
		if (w <= 0)
			return done ? (ssize_t)done : w;
		done += (size_t)w;
	}
	return n;
}

long sys_splice(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *in = fd_get(t, arg_int(a, 0));
	_cleanup_(file_putp) struct file *out = fd_get(t, arg_int(a, 2));
	struct splice_pos pi, po;
	unsigned flags = arg_u32(a, 5);
	ssize_t n;
	int r;

	if (flags & ~15U)
		return -EINVAL;
	if (!in || !out || !in->can_read || !out->can_write)
		return -EBADF;
	if (!file_is_pipe(in) && !file_is_pipe(out))
		return -EINVAL;
	if (file_is_pipe(in) && file_is_pipe(out) && in->priv == out->priv)
		return -EINVAL;
	if (out->flags & O_APPEND)
		return -EINVAL;
	r = splice_pos_get(t, in, arg_uaddr(a, 1), &pi);
	if (r == 0)
		r = splice_pos_get(t, out, arg_uaddr(a, 3), &po);
	if (r < 0 || !a->v[4])
		return r;
	n = do_splice(in, &pi, out, &po, a->v[4], flags);
	if (n >= 0 && pi.given)
		r = put_u64(t, arg_uaddr(a, 1), pi.v);
	if (n >= 0 && r == 0 && po.given)
		r = put_u64(t, arg_uaddr(a, 3), po.v);
	return r < 0 ? r : n;
}
