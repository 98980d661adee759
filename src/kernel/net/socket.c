/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets as files, and what all families share. */
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include "kernel/net/socket.h"
#include "kernel/task/task.h"

static ssize_t sock_rw(struct file *f, struct uio *u, int flags, bool out)
{
	struct sock_msg m = {.u = u};
	struct socket *s = f->priv;
	bool nb = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT);
	ssize_t r;

	if (!out && !u->resid)
		return 0;
	r = out ? s->ops->send(s, &m, nb) : s->ops->recv(s, &m, nb);
	if (r == -EPIPE && out && s->type == SOCK_STREAM)
		(void)send_signal_task(current, SIGPIPE, NULL);
	while (m.nfiles)
		file_put(m.files[--m.nfiles]);
	free(m.files);
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

	return s->ops->ioctl(s, t, cmd, arg);
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
	int r = anon_file_new("socket", &socket_file_ops, s, O_RDWR | flags, S_IFSOCK | 0777, ret);

	if (r < 0)
		return r;
	s->uid = (*ret)->cred->fsuid;
	__atomic_store_n(&s->file, *ret, __ATOMIC_RELEASE);
	__atomic_store_n(&s->ino, (*ret)->inode->ino, __ATOMIC_RELEASE);
	return 0;
}

struct socket *file_socket(struct file *f)
{
	return f->op == &socket_file_ops ? f->priv : NULL;
}

void sock_put_int(int x, void *v, socklen_t *n)
{
	*n = MIN(*n, (socklen_t)sizeof(x));
	memcpy(v, &x, *n);
}

int sock_get_timeo(uint64_t ns, void *v, socklen_t *n)
{
	uint64_t us = ns == TIME_FOREVER ? 0 : ns / 1000;
	struct timeval tv = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};

	*n = MIN(*n, (socklen_t)sizeof(tv));
	memcpy(v, &tv, *n);
	return 0;
}

int sock_set_timeo(const void *v, socklen_t n, uint64_t *ret)
{
	struct timeval tv;

	if (n < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, v, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0) /* as Linux does: it is over at once */
		*ret = 0;
	else if ((!tv.tv_sec && !tv.tv_usec) || tv.tv_sec >= 1LL << 32)
		*ret = TIME_FOREVER;
	else
		*ret = (uint64_t)tv.tv_sec * NSEC_PER_SEC + (uint64_t)tv.tv_usec * 1000;
	return 0;
}

uint64_t sock_deadline(uint64_t timeo)
{
	return timeo == TIME_FOREVER ? TIME_FOREVER : now_ns() + timeo;
}

int sock_sleep_error(int r, uint64_t timeo)
{
	if (r == -ETIMEDOUT)
		return -EAGAIN;
	return r == -ERESTARTSYS && timeo != TIME_FOREVER ? -EINTR : r;
}
