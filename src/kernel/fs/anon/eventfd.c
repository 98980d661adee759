/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd(2): the object. */
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

struct efd {
	struct waitq wait; /* its lock guards nothing of ours */
	struct mutex lock; /* RANK_PIPE */
	uint64_t count GUARDED_BY(lock);
	bool semaphore;
};

static bool efd_readable(struct efd *e)
{
	MUTEX_GUARD(&e->lock);
	return e->count > 0;
}

static bool efd_fits(struct efd *e, uint64_t v)
{
	MUTEX_GUARD(&e->lock);
	return UINT64_MAX - e->count > v;
}

static ssize_t efd_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct efd *e = f->priv;
	uint64_t v;
	int r;

	if (u->resid < sizeof(v))
		return -EINVAL;
	for (;;) {
		mutex_lock(&e->lock);
		v = !e->count ? 0 : e->semaphore ? 1 : e->count;
		e->count -= v;
		mutex_unlock(&e->lock);
		if (v)
			break;
		if ((f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT))
			return -EAGAIN;
		r = wait_event(&e->wait, &current->sleeper, efd_readable(e), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
	wake_up(&e->wait, EPOLLOUT);
	return uio_copy_to(u, &v, sizeof(v)) == sizeof(v) ? (ssize_t)sizeof(v) : -EFAULT;
}

static ssize_t efd_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct efd *e = f->priv;
	uint64_t v;
	bool ok;
	int r;

	if (u->resid < sizeof(v))
		return -EINVAL;
	if (uio_copy_from(u, &v, sizeof(v)) != sizeof(v))
		return -EFAULT;
	if (v == UINT64_MAX)
		return -EINVAL;
	for (;;) {
		mutex_lock(&e->lock);
		ok = UINT64_MAX - e->count > v;
		if (ok)
			e->count += v;
		mutex_unlock(&e->lock);
		if (ok)
			break;
		if ((f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT))
			return -EAGAIN;
		r = wait_event(&e->wait, &current->sleeper, efd_fits(e, v), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
	wake_up(&e->wait, EPOLLIN);
	return sizeof(v);
}

static uint32_t efd_poll(struct file *f, struct poll_table *pt)
{
	struct efd *e = f->priv;

	poll_wait(pt, &e->wait);
	MUTEX_GUARD(&e->lock);
	return (e->count ? EPOLLIN : 0U) | (e->count < UINT64_MAX - 1 ? EPOLLOUT : 0U);
}

static void efd_release(struct file *f)
{
	struct efd *e = f->priv;

	waitq_done(&e->wait);
	mutex_destroy(&e->lock);
	free(e);
}

static void efd_info(struct file *f, char *buf, size_t cap)
{
	struct efd *e = f->priv;

	MUTEX_GUARD(&e->lock);
	snprintf(buf, cap, "eventfd-count: %16lx\n", e->count);
}

static const struct file_ops eventfd_ops = {.release = efd_release,
					    .read = efd_read,
					    .write = efd_write,
					    .poll = efd_poll,
					    .show_fdinfo = efd_info};

bool eventfd_is(const struct file *f)
{
	return f->op == &eventfd_ops;
}

void eventfd_signal(struct file *f, uint64_t n)
{
	struct efd *e = f->priv;

	mutex_lock(&e->lock);
	e->count = UINT64_MAX - e->count < n ? UINT64_MAX : e->count + n;
	mutex_unlock(&e->lock);
	wake_up(&e->wait, EPOLLIN);
}

int eventfd_new(unsigned count, int flags, struct file **ret)
{
	struct efd *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	waitq_init(&e->wait);
	mutex_init(&e->lock, RANK_PIPE, "eventfd");
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	r = anon_file_new("anon_inode:[eventfd]", &eventfd_ops, e,
			  O_RDWR | ((unsigned)flags & O_NONBLOCK), 0, ret);
	if (r < 0)
		free(e);
	return r;
}
