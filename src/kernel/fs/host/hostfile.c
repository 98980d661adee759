/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files on inherited host descriptors. They may be shared with anybody outside, so their status flags are
 * left alone: a blocking call first sleeps until poll says ready, then makes an attempt that does not
 * block (RWF_NOWAIT, MSG_DONTWAIT) or, where the host has none for the type (terminals, old pipes), one
 * that is small enough not to.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <asm/termbits.h>
#include "kernel/fs/host/hostfile.h"
#include "base/hostio.h"
#include "kernel/hostfd.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#define CHUNK 8192U

struct host_file {
	int fd;
	mode_t type; /* S_IFMT of the host's */
	bool tty, append;
};

static ssize_t try_read(struct host_file *h, void *buf, size_t n)
{
	struct iovec v = {buf, n};
	ssize_t r;

	if (S_ISSOCK(h->type))
		return RET_NERRNO(hio_recv(h->fd, buf, n, MSG_DONTWAIT));
	if (!S_ISREG(h->type) && !h->tty) {
		r = RET_NERRNO(preadv2(h->fd, &v, 1, -1, RWF_NOWAIT));
		if (r != -EOPNOTSUPP && r != -ENOSYS)
			return r;
	}
	return RET_NERRNO(read(h->fd, buf, n));
}

static ssize_t try_write(struct host_file *h, const void *buf, size_t n)
{
	union {
		const void *c;
		void *p;
	} b = {buf};
	struct iovec v = {b.p, n};
	ssize_t r;

	if (S_ISSOCK(h->type))
		return RET_NERRNO(hio_send(h->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL));
	if (!S_ISREG(h->type) && !h->tty) {
		r = RET_NERRNO(pwritev2(h->fd, &v, 1, -1, RWF_NOWAIT));
		if (r != -EOPNOTSUPP && r != -ENOSYS)
			return r;
	}
	/* POLLOUT of a pipe promises PIPE_BUF bytes of room. */
	return RET_NERRNO(write(h->fd, buf, S_ISREG(h->type) ? n : MIN(n, (size_t)PIPE_BUF)));
}

/* 0: try now; -EAGAIN, -ERESTARTSYS. */
static int host_wait(struct host_file *h, short events, bool nonblock)
{
	if (S_ISREG(h->type))
		return 0;
	if (nonblock)
		return hio_poll(h->fd, events, 0) ? 0 : -EAGAIN;
	return sleeper_wait_fd(&current->sleeper, h->fd, events, TIME_FOREVER, SLEEP_INTERRUPTIBLE);
}

static bool is_nonblock(const struct file *f, int flags)
{
	return (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT);
}

static ssize_t host_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct host_file *h = f->priv;
	bool own_off = S_ISREG(h->type) && pos && pos != &f->pos;
	bool nonblock = is_nonblock(f, flags);
	uint8_t buf[CHUNK];
	ssize_t total = 0, n, c;
	int r;

	while (u->resid) {
		size_t want = MIN(u->resid, sizeof(buf));

		r = host_wait(h, POLLIN, nonblock || total);
		if (r < 0)
			return total ? total : r;
		n = own_off ? RET_NERRNO(hio_pread(h->fd, buf, want, (off_t)*pos)) :
			      try_read(h, buf, want);
		if (n == -EAGAIN && !nonblock && !total)
			continue; /* another reader was faster */
		if (n <= 0)
			return total ? total : n;
		c = uio_copy_to(u, buf, (size_t)n);
		if (c < n && S_ISREG(h->type) && !own_off)
			(void)lseek(h->fd, MAX(c, 0) - n, SEEK_CUR);
		if (c < 0)
			return total ? total : c;
		if (own_off)
			*pos += (uint64_t)c;
		total += c;
		if ((size_t)n < want || c < n)
			break;
	}
	return total;
}

static ssize_t host_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct host_file *h = f->priv;
	bool own_off = S_ISREG(h->type) && pos && pos != &f->pos && !h->append;
	bool nonblock = is_nonblock(f, flags);
	uint8_t buf[CHUNK];
	ssize_t total = 0, n, c;
	int r;

	while (u->resid) {
		r = host_wait(h, POLLOUT, nonblock);
		if (r < 0)
			return total ? total : r;
		c = uio_copy_from(u, buf, MIN(u->resid, sizeof(buf)));
		if (c <= 0)
			return total ? total : c;
		n = own_off ? RET_NERRNO(hio_pwrite(h->fd, buf, (size_t)c, (off_t)*pos)) :
			      try_write(h, buf, (size_t)c);
		if (n < c)
			uio_revert(u, (size_t)(c - MAX(n, 0)));
		if (n == -EAGAIN && !nonblock)
			continue;
		if (n == -EPIPE)
			(void)send_signal_task(current, SIGPIPE, NULL);
		if (n < 0)
			return total ? total : n;
		if (own_off)
			*pos += (uint64_t)n;
		total += n;
	}
	return total;
}

static int64_t host_llseek(struct file *f, int64_t off, int whence)
{
	struct host_file *h = f->priv;
	off_t r;

	if (!S_ISREG(h->type))
		return -ESPIPE;
	r = lseek(h->fd, off, whence);
	return r < 0 ? -errno : r;
}

static uint32_t host_poll(struct file *f, struct poll_table *pt)
{
	struct host_file *h = f->priv;
	short ev = (short)((f->can_read ? POLLIN | POLLPRI | POLLRDHUP : 0) |
			   (f->can_write ? POLLOUT : 0));
	short now;

	if (S_ISREG(h->type))
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	if (pt && pt->hostfd)
		pt->hostfd(pt, h->fd, ev);
	now = hio_poll(h->fd, ev, 0);
	return (uint32_t)(unsigned short)now | (now & POLLIN ? EPOLLRDNORM : 0U) |
	       (now & POLLOUT ? EPOLLWRNORM : 0U);
}

static long host_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	struct host_file *h = f->priv;
	int n;

	if (cmd == FIONREAD && !S_ISREG(h->type)) {
		if (ioctl(h->fd, FIONREAD, &n) < 0)
			return -errno;
		return put_u32(t, uaddr(arg), (uint32_t)n);
	}
	if (!h->tty)
		return -ENOTTY;
	if (cmd == TIOCGWINSZ) {
		struct winsize ws = {0};

		if (ioctl(h->fd, TIOCGWINSZ, &ws) < 0)
			return -errno;
		return copy_out(t, uaddr(arg), &ws, sizeof(ws));
	}
	if (cmd == TCGETS) {
		struct termios tio = {0};

		if (ioctl(h->fd, TCGETS, &tio) < 0)
			return -errno;
		return copy_out(t, uaddr(arg), &tio, sizeof(tio));
	}
	return -ENOTTY;
}

static int host_map(struct file *f, bool writable, struct hostfd **ret)
{
	struct host_file *h = f->priv;
	int fd, fl = fcntl(h->fd, F_GETFL);

	if (!S_ISREG(h->type))
		return -ENODEV;
	if (fl < 0 || (fl & O_ACCMODE) == O_WRONLY || (writable && (fl & O_ACCMODE) != O_RDWR))
		return -EACCES;
	fd = fcntl(h->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : hostfd_new(fd, writable, ret);
}

static int host_fsync(struct file *f, bool datasync)
{
	struct host_file *h = f->priv;

	return RET_NERRNO(datasync ? fdatasync(h->fd) : fsync(h->fd));
}

static void host_release(struct file *f)
{
	struct host_file *h = f->priv;

	close(h->fd);
	free(h);
}

static const struct file_ops host_file_ops = {
	.release = host_release,
	.read = host_read,
	.write = host_write,
	.llseek = host_llseek,
	.poll = host_poll,
	.ioctl = host_ioctl,
	.map = host_map,
	.fsync = host_fsync,
};

int hostfile_new(int host_fd, uint32_t flags, struct file **ret)
{
	int r, fl = fcntl(host_fd, F_GETFL);
	struct host_file *h;
	struct file *f;
	struct stat st;

	if (fl < 0 || hio_fstat(host_fd, &st) < 0)
		return -errno;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct host_file){host_fd, st.st_mode & S_IFMT, isatty(host_fd) == 1, fl & O_APPEND};
	r = anon_file_new("host", &host_file_ops, h, flags | ((uint32_t)fl & O_APPEND),
			  h->type | (st.st_mode & 0777), &f);
	if (r < 0) {
		free(h);
		return r;
	}
	/* What fstat shows: plausible, and owned by nobody on the host that matters. */
	mutex_lock(&f->inode->lock);
	f->inode->size = S_ISREG(h->type) ? (uint64_t)st.st_size : 0;
	f->inode->mtime = st.st_mtim;
	mutex_unlock(&f->inode->lock);
	if (S_ISCHR(h->type) || S_ISBLK(h->type))
		f->inode->rdev = st.st_rdev;
	*ret = f;
	return 0;
}
