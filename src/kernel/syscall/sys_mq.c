/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues: the calls' ABI edge. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include "kernel/fs/mqueue/mqueue.h"
#include "kernel/net/netlink.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

#define OPEN_TRIES 16 /* a name that others make and remove all the time */
#define NSIG_ 64

/* A queue's name is one component. */
static int get_name(struct task *t, uaddr_t from, char **ret)
{
	_cleanup_free_ char *name = NULL;
	int r = copy_in_path(t, from, &name);

	if (r < 0)
		return r;
	if (!*name)
		return -ENOENT;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EACCES;
	*ret = TAKE_PTR(name);
	return 0;
}

static int open_existing(const struct path *p, int oflag, const struct cred *c, struct file **ret)
{
	static const int mask[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE};
	int r;

	if ((oflag & O_CREAT) && (oflag & O_EXCL))
		return -EEXIST;
	r = inode_permission(dentry_inode(p->dentry), c, mask[oflag & O_ACCMODE]);
	return r < 0 ? r : file_open_path(p, (uint32_t)oflag & (O_ACCMODE | O_NONBLOCK), c, ret);
}

/* One try. */
static int open_queue(struct task *t, const struct path *root, const char *name, int oflag, mode_t mode,
		      const struct mq_attr *attr, struct file **ret)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	struct path p;
	int r = dentry_lookup(root->dentry, name, strlen(name), &d);

	if (r < 0)
		return r;
	p = (struct path){root->mnt, d};
	if (dentry_inode(d))
		return open_existing(&p, oflag, t->cred, ret);
	if (!(oflag & O_CREAT))
		return -ENOENT;
	r = mqueue_create(root, d, mode, attr);
	return r < 0 ? r : file_open_path(&p, (uint32_t)oflag & (O_ACCMODE | O_NONBLOCK), t->cred, ret);
}

long sys_mq_open(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(path_put) struct path root = {0};
	_cleanup_free_ char *name = NULL;
	mode_t mode = arg_u32(a, 2) & 07777 & ~__atomic_load_n(&t->fs->umask, __ATOMIC_RELAXED);
	int oflag = arg_int(a, 1), r;
	struct mq_attr attr;

	if (a->v[3] && copy_in(t, &attr, arg_uaddr(a, 3), sizeof(attr)) < 0)
		return -EFAULT;
	r = get_name(t, arg_uaddr(a, 0), &name);
	if (r == 0 && (oflag & O_ACCMODE) == O_ACCMODE)
		r = -EINVAL;
	if (r == 0)
		r = fd_room(t);
	if (r == 0)
		r = mqueue_root(t, &root);
	if (r < 0)
		return r;
	for (int k = 0; k < OPEN_TRIES; k++) {
		r = open_queue(t, &root, name, oflag, mode, a->v[3] ? &attr : NULL, &f);
		if (r != -ESTALE && (r != -EEXIST || (oflag & O_EXCL)))
			break;
	}
	if (r < 0)
		return r == -ESTALE ? -ENOENT : r;
	return fd_install(t, TAKE_PTR(f), 0, true);
}

long sys_mq_unlink(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path root = {0};
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	_cleanup_free_ char *name = NULL;
	int r = get_name(t, arg_uaddr(a, 0), &name);

	if (r == 0)
		r = mqueue_root(t, &root);
	if (r == 0)
		r = dentry_lookup(root.dentry, name, strlen(name), &d);
	if (r < 0)
		return r;
	if (!dentry_inode(d))
		return -ENOENT;
	r = vfs_unlink(&root, d);
	return r == -ESTALE ? -ENOENT : r;
}

static int get_deadline(struct task *t, uaddr_t p, uint64_t *ret)
{
	uint64_t ns = TIME_FOREVER;
	int r = uaddr_null(p) ? 0 : copy_in_timespec(t, p, &ns);

	*ret = TIME_FOREVER;
	if (r < 0 || ns == TIME_FOREVER)
		return r;
	return guest_clock_deadline(CLOCK_REALTIME, ns, true, ret);
}

long sys_mq_timedsend(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	uint64_t deadline;
	int r = get_deadline(t, arg_uaddr(a, 4), &deadline);

	if (r < 0)
		return r;
	if (arg_u32(a, 3) >= MQ_PRIORITIES)
		return -EINVAL;
	f = fd_get(t, arg_int(a, 0));
	return f ? mqueue_send(f, t, arg_uaddr(a, 1), a->v[2], arg_u32(a, 3), deadline) : -EBADF;
}

long sys_mq_timedreceive(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	uint64_t deadline;
	unsigned prio;
	ssize_t n = get_deadline(t, arg_uaddr(a, 4), &deadline);

	if (n < 0)
		return n;
	f = fd_get(t, arg_int(a, 0));
	if (!f)
		return -EBADF;
	n = mqueue_receive(f, t, arg_uaddr(a, 1), a->v[2], &prio, deadline);
	if (n >= 0 && a->v[3] && put_u32(t, arg_uaddr(a, 3), prio) < 0)
		return -EFAULT;
	return n;
}

/* SIGEV_THREAD: the C library's thread waits for its cookie at a netlink socket, which takes the signal's place. */
static int get_cookie(struct task *t, const struct sigevent *ev, uint8_t cookie[MQ_COOKIE], struct file **ret)
{
	if (copy_in(t, cookie, uaddr((uint64_t)(uintptr_t)ev->sigev_value.sival_ptr), MQ_COOKIE) < 0)
		return -EFAULT;
	*ret = fd_get(t, ev->sigev_signo);
	if (!*ret)
		return -EBADF;
	if (!file_socket(*ret))
		return -ENOTSOCK;
	return netlink_is(*ret) ? 0 : -EINVAL;
}

long sys_mq_notify(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL, *socket = NULL;
	uint8_t cookie[MQ_COOKIE];
	struct sigevent ev;
	int r = 0;

	if (a->v[1]) {
		if (copy_in(t, &ev, arg_uaddr(a, 1), sizeof(ev)) < 0)
			return -EFAULT;
		if (ev.sigev_notify != SIGEV_NONE && ev.sigev_notify != SIGEV_SIGNAL && ev.sigev_notify != SIGEV_THREAD)
			return -EINVAL;
		if (ev.sigev_notify == SIGEV_SIGNAL && (ev.sigev_signo < 0 || ev.sigev_signo > NSIG_))
			return -EINVAL;
		if (ev.sigev_notify == SIGEV_THREAD)
			r = get_cookie(t, &ev, cookie, &socket);
		if (r < 0)
			return r;
	}
	f = fd_get(t, arg_int(a, 0));
	return f ? mqueue_set_notify(f, t, a->v[1] ? &ev : NULL, socket, cookie) : -EBADF;
}

long sys_mq_getsetattr(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct mq_attr set, old;
	int r;

	if (a->v[1] && copy_in(t, &set, arg_uaddr(a, 1), sizeof(set)) < 0)
		return -EFAULT;
	if (a->v[1] && (set.mq_flags & ~(long)O_NONBLOCK))
		return -EINVAL;
	f = fd_get(t, arg_int(a, 0));
	if (!f)
		return -EBADF;
	r = mqueue_attributes(f, a->v[1] ? &set : NULL, &old);
	if (r == 0 && a->v[2] && copy_out(t, arg_uaddr(a, 2), &old, sizeof(old)) < 0)
		return -EFAULT;
	return r;
}
