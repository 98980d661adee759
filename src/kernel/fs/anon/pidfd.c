/* SPDX-License-Identifier: Apache-2.0 */
/* A process or thread as a file: pidfd_open(2). It names the pid for good, also after another process got the number. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/task/task.h"

static const struct file_ops pidfd_ops;

struct pid *pidfd_pid(struct file *f, bool *ret_thread)
{
	if (f->op != &pidfd_ops)
		return NULL;
	if (ret_thread)
		*ret_thread = f->flags & PIDFD_THREAD;
	return f->priv;
}

static uint32_t pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct pid *p = f->priv;

	poll_wait(pt, &p->exit_wait);
	switch (pid_state(p, f->flags & PIDFD_THREAD)) {
	case PID_ALIVE:
		return 0;
	case PID_EXITED:
		return EPOLLIN | EPOLLRDNORM;
	default:
		return EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	}
}

static void pidfd_release(struct file *f)
{
	pid_put(f->priv);
}

/* Its numbers from the reader's namespace downwards; 0 when it is not visible there, -1 when it is gone. */
static void pidfd_info(struct file *f, char *buf, size_t cap)
{
	struct pid_namespace *ns = task_pid_ns(current);
	struct pid *p = f->priv;
	bool gone = pid_state(p, true) == PID_GONE;
	int nr = gone ? -1 : pid_nr_ns(p, ns);
	size_t at = (size_t)snprintf(buf, cap, "Pid:\t%d\nNSpid:\t%d", nr, nr);

	for (int i = pid_namespace_level(ns) + 1; nr > 0 && i <= p->level && at < cap; i++)
		at += (size_t)snprintf(buf + at, cap - at, "\t%d", p->numbers[i].nr);
	if (at < cap)
		snprintf(buf + at, cap - at, "\n");
}

static const struct file_ops pidfd_ops = {
	.release = pidfd_release, .poll = pidfd_poll, .show_fdinfo = pidfd_info};

int pidfd_new(struct pid *pid, unsigned flags, struct file **ret)
{
	int r = anon_file_new("anon_inode:[pidfd]", &pidfd_ops, pid, O_RDWR | flags, 0, ret);

	if (r < 0)
		return r;
	pid_get(pid);
	(*ret)->inode->ino = pid->ino;
	return 0;
}
