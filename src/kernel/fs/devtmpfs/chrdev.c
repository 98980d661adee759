/* SPDX-License-Identifier: Apache-2.0 */
/* null, zero, full, random, urandom, tty, console, ptmx, pts: dispatch by device number. */
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/sysmacros.h>
#include "kernel/fs/devpts/devpts.h"
#include "kernel/fs/devtmpfs/chrdev.h"
#include "kernel/hostfd.h"
#include "kernel/task/task.h"
#include "kernel/tty/tty.h"
#include "kernel/usercopy.h"

static ssize_t null_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	return 0;
}

static void consume(struct uio *u, size_t n)
{
	/* Nothing looks at the bytes: they are not even copied in, as in Linux. */
	u->resid -= n;
}

static ssize_t null_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	size_t n = u->resid;

	consume(u, n);
	return (ssize_t)n;
}

static ssize_t zero_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	return uio_zero(u, u->resid);
}

static ssize_t full_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	return u->resid ? -ENOSPC : 0;
}

static ssize_t random_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	uint8_t buf[256];
	ssize_t total = 0, n, c;

	while (u->resid) {
		if (total && signal_pending(current))
			break;
		n = getrandom(buf, MIN(u->resid, sizeof(buf)), 0);
		if (n < 0)
			return total ? total : -errno;
		c = uio_copy_to(u, buf, (size_t)n);
		if (c < 0)
			return total ? total : c;
		total += c;
		if (c < n)
			break;
	}
	return total;
}

static int64_t null_llseek(struct file *f, int64_t off, int whence)
{
	return 0;
}

/* A private mapping is anonymous memory (the mm room sees MAP_PRIVATE and a descriptor of zeros); a shared
 * one gets a memfd of its own. */
static int zero_map(struct file *f, bool writable, struct hostfd **ret)
{
	return hostfd_memfd("zero", 1ULL << 40, ret);
}

static uint32_t random_poll(struct file *f, struct poll_table *pt)
{
	return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
}

/* random(4): the host's generator is always full; nobody inside may feed or empty it. */
static long random_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case RNDGETENTCNT:
		return put_u32(t, uaddr(arg), 256);
	case RNDADDTOENTCNT:
	case RNDADDENTROPY:
	case RNDCLEARPOOL:
	case RNDZAPENTCNT:
	case RNDRESEEDCRNG:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static const struct file_ops null_ops = {
	.read = null_read, .write = null_write, .llseek = null_llseek};
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .llseek = null_llseek, .map = zero_map};
static const struct file_ops full_ops = {
	.read = zero_read, .write = full_write, .llseek = null_llseek};
static const struct file_ops random_ops = {
	.read = random_read, .write = null_write, .llseek = null_llseek, .poll = random_poll, .ioctl = random_ioctl};

/* /dev/tty and /dev/console: the controlling terminal. */
static int open_ctty(struct file *f, int none)
{
	struct tty *t = task_tty_get(current);
	int r;

	if (!t)
		return none;
	f->flags |= O_NOCTTY;
	r = tty_open_slave(t, f);
	if (r < 0)
		tty_put(t);
	return r;
}

int chrdev_open(struct inode *inode, struct file *f)
{
	const struct file_ops *op = NULL;
	unsigned ma = major(inode->rdev), mi = minor(inode->rdev);

	if (ma == 1)
		op = mi == 3 ? &null_ops :
		     mi == 5 ? &zero_ops :
		     mi == 7 ? &full_ops :
		     mi == 8 || mi == 9 ? &random_ops :
					  NULL;
	else if (ma == 5 && mi == 0)
		return open_ctty(f, -ENXIO);
	else if (ma == 5 && mi == 1)
		return open_ctty(f, -EIO);
	else if (ma == 5 && mi == 2)
		return devpts_open_master(f);
	else if (ma >= 136 && ma < 144)
		return devpts_open_slave(f, (int)((ma - 136) << 8 | mi));
	if (!op)
		return -ENXIO;
	f->op = op;
	return 0;
}
