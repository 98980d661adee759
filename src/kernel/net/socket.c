/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets as files. */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include "kernel/net/socket.h"
#include "kernel/task/task.h"

static ssize_t sock_rw(struct file *f, struct uio *u, int flags, bool out)
{
	_cleanup_free_ struct sock_msg *m = calloc(1, sizeof(*m));
	struct socket *s = f->priv;
	bool nb = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT);
	ssize_t r;

	if (!m)
		return -ENOMEM;
	m->u = u;
	r = out ? s->ops->send(s, m, nb) : s->ops->recv(s, m, nb);
	if (r == -EPIPE && out)
		(void)send_signal_task(current, SIGPIPE, NULL);
	for (unsigned i = 0; !out && i < m->nfiles; i++)
		file_put(m->files[i]);
	return r;
}

static ssize_t sock_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	return sock_rw(f, u, flags, false);
}

static ssize_t sock_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	return sock_rw(f, u, flags, true);
}

static uint32_t sock_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->priv;

	return s->ops->poll(s, pt);
}

static long sock_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	struct socket *s = f->priv;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_u32(t, uaddr(arg), (uint32_t)s->ops->pending(s));
}

static void sock_release(struct file *f)
{
	struct socket *s = f->priv;

	s->ops->release(s);
	free(s);
}

static const struct file_ops socket_file_ops = {.release = sock_release,
						.read = sock_read,
						.write = sock_write,
						.poll = sock_poll,
						.ioctl = sock_ioctl};

int socket_file_new(struct socket *s, uint32_t flags, struct file **ret)
{
	return anon_file_new("socket", &socket_file_ops, s, O_RDWR | flags, S_IFSOCK | 0777, ret);
}

struct socket *file_socket(struct file *f)
{
	return f->op == &socket_file_ops ? f->priv : NULL;
}
