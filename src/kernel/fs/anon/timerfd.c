/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd(2): a host timerfd does the timing (clocks are the host's); sleeping and flags are ours. */
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include "base/hostio.h"
#include "kernel/fs/anon/anon.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

static int host_of(const struct file *f)
{
	return (int)(intptr_t)f->priv;
}

static ssize_t tfd_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	uint64_t v;
	int r;

	if (u->resid < sizeof(v))
		return -EINVAL;
	while (read(host_of(f), &v, sizeof(v)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if ((f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT))
			return -EAGAIN;
		r = sleeper_wait_fd(&current->sleeper, host_of(f), POLLIN, TIME_FOREVER,
				    SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
	return uio_copy_to(u, &v, sizeof(v)) == sizeof(v) ? (ssize_t)sizeof(v) : -EFAULT;
}

static uint32_t tfd_poll(struct file *f, struct poll_table *pt)
{
	if (pt && pt->hostfd)
		pt->hostfd(pt, host_of(f), POLLIN);
	return hio_poll(host_of(f), POLLIN, 0) & POLLIN ? EPOLLIN : 0;
}

static void tfd_release(struct file *f)
{
	close(host_of(f));
}

static const struct file_ops timerfd_ops = {
	.release = tfd_release, .read = tfd_read, .poll = tfd_poll};

int timerfd_new(int clock, int flags, struct file **ret)
{
	int r, fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	r = anon_file_new("anon_inode:[timerfd]", &timerfd_ops, (void *)(intptr_t)fd,
			  O_RDWR | ((unsigned)flags & O_NONBLOCK), 0, ret);
	if (r < 0)
		close(fd);
	return r;
}

int timerfd_set(struct file *f, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	if (f->op != &timerfd_ops)
		return -EINVAL;
	return RET_NERRNO(timerfd_settime(host_of(f), flags, new, old));
}

int timerfd_get(struct file *f, struct itimerspec *ret)
{
	if (f->op != &timerfd_ops)
		return -EINVAL;
	return RET_NERRNO(timerfd_gettime(host_of(f), ret));
}
