/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-terminal pairs of the guest. A pty_set is one devpts instance: its numbers and slaves. */
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>
#include "kernel/fs/devpts/devpts.h"
#include "kernel/task/task.h"
#include "kernel/tty/tty.h"
#include "kernel/usercopy.h"

#define CHUNK 1024U

struct pty_set {
	struct ref ref;
	struct mutex lock; /* RANK_TTY; taken before no other of that rank */
	struct tty **ttys GUARDED_BY(lock); /* no references: a slave leaves when its master closes */
	unsigned max;
};

struct pty_set *pty_set_new(unsigned max)
{
	struct pty_set *s = calloc(1, sizeof(*s));

	if (s)
		s->ttys = calloc(max, sizeof(struct tty *));
	if (!s || !s->ttys) {
		free(s);
		return NULL;
	}
	ref_init(&s->ref);
	mutex_init(&s->lock, RANK_TTY, "pty set");
	s->max = max;
	return s;
}

void pty_set_put(struct pty_set *s)
{
	if (!ref_put(&s->ref))
		return;
	mutex_destroy(&s->lock);
	free(s->ttys);
	free(s);
}

struct tty *pty_get_slave(struct pty_set *s, int index)
{
	MUTEX_GUARD(&s->lock);
	if (index < 0 || (unsigned)index >= s->max || !s->ttys[index])
		return NULL;
	return tty_get(s->ttys[index]);
}

int pty_next(struct pty_set *s, int start)
{
	MUTEX_GUARD(&s->lock);
	for (unsigned i = (unsigned)MAX(start, 0); i < s->max; i++)
		if (s->ttys[i])
			return (int)i;
	return -1;
}

int pty_set_enter(struct pty_set *s, struct tty *t)
{
	MUTEX_GUARD(&s->lock);
	for (unsigned i = 0; i < s->max; i++) {
		if (s->ttys[i])
			continue;
		s->ttys[i] = t;
		ref_get(&s->ref);
		t->set = s;
		t->index = (int)i;
		t->dev = makedev(136 + (i >> 8), i & 255);
		return 0;
	}
	return -ENOSPC;
}

void pty_set_leave(struct tty *t)
{
	if (!t->set)
		return;
	MUTEX_GUARD(&t->set->lock);
	t->set->ttys[t->index] = NULL;
}

static void pty_kick(struct tty *t)
{
	wake_up_all(&t->far_wait, EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);
}

/* --- the master's file --- */

static bool slave_gone(const struct tty *t)
{
	return t->slave_seen && !t->slaves;
}

static bool master_readable(struct tty *t)
{
	MUTEX_GUARD(&t->lock);
	return ldisc_out_pending(&t->ld) || slave_gone(t) || (t->packet && t->ld.pkt);
}

static ssize_t master_take(struct tty *t, uint8_t *buf, size_t n)
{
	ssize_t k;

	MUTEX_GUARD(&t->lock);
	if (t->packet && t->ld.pkt) {
		buf[0] = t->ld.pkt;
		t->ld.pkt = 0;
		return 1;
	}
	if (!t->packet) {
		k = (ssize_t)ldisc_take_output(&t->ld, buf, n);
	} else {
		buf[0] = TIOCPKT_DATA;
		k = n > 1 ? (ssize_t)ldisc_take_output(&t->ld, buf + 1, n - 1) : 0;
		k = k ? k + 1 : 0;
	}
	return k ? k : slave_gone(t) ? -EIO : 0;
}

static ssize_t master_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct tty *t = f->priv;
	bool nonblock = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT);
	uint8_t buf[CHUNK];
	ssize_t n;
	int r;

	while (u->resid) {
		n = master_take(t, buf, MIN(u->resid, sizeof(buf)));
		if (n < 0)
			return n;
		if (n) {
			wake_up_all(&t->write_wait, EPOLLOUT | EPOLLWRNORM);
			return uio_copy_to(u, buf, (size_t)n);
		}
		if (nonblock)
			return -EAGAIN;
		r = wait_event(&t->far_wait, &current->sleeper, master_readable(t), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool master_writable(struct tty *t)
{
	MUTEX_GUARD(&t->lock);
	return ldisc_room(&t->ld) > 0 ||
	       ((t->ld.tio.c_lflag & ICANON) && t->ld.canon == t->ld.tail);
}

static ssize_t master_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct tty *t = f->priv;
	bool nonblock = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT);
	uint8_t buf[CHUNK];
	ssize_t total = 0, c;
	int r = 0;

	while (u->resid) {
		size_t k;

		c = uio_copy_from(u, buf, MIN(u->resid, sizeof(buf)));
		if (c <= 0)
			return total ? total : c;
		k = tty_receive(t, buf, (size_t)c);
		total += (ssize_t)k;
		if (k == (size_t)c)
			continue;
		uio_revert(u, (size_t)c - k);
		r = nonblock ? -EAGAIN :
			       wait_event(&t->far_wait, &current->sleeper, master_writable(t),
					  TIME_FOREVER, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			break;
	}
	return total ? total : r;
}

static uint32_t master_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = f->priv;
	uint32_t m = master_writable(t) ? EPOLLOUT | EPOLLWRNORM : 0;

	poll_wait(pt, &t->far_wait);
	MUTEX_GUARD(&t->lock);
	if (ldisc_out_pending(&t->ld))
		m |= EPOLLIN | EPOLLRDNORM;
	if (t->packet && t->ld.pkt)
		m |= EPOLLIN | EPOLLRDNORM | EPOLLPRI;
	if (slave_gone(t))
		m |= EPOLLHUP;
	return m;
}

static long open_peer(struct tty *tty, struct file *f, struct task *t, uint32_t flags)
{
	struct file *p;
	int r;

	r = devpts_open_peer(f, tty->index, flags & (O_ACCMODE | O_NONBLOCK | O_NOCTTY), &p);
	if (r < 0)
		return r;
	return fd_install(t, p, 0, flags & O_CLOEXEC);
}

static long set_flag(struct tty *tty, struct task *t, uint64_t arg, bool *flag)
{
	int32_t v;
	int r = copy_in(t, &v, uaddr(arg), sizeof(v));

	if (r < 0)
		return r;
	MUTEX_GUARD(&tty->lock);
	*flag = v != 0;
	return 0;
}

static long set_packet(struct tty *tty, struct task *t, uint64_t arg)
{
	int32_t v;
	int r = copy_in(t, &v, uaddr(arg), sizeof(v));

	if (r < 0)
		return r;
	MUTEX_GUARD(&tty->lock);
	if (v && !tty->packet)
		tty->ld.pkt = 0;
	tty->packet = v != 0;
	return 0;
}

static long master_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	struct tty *tty = f->priv;
	struct pid *p;
	size_t n;

	switch (cmd) {
	case TIOCGPTN:
		return put_u32(t, uaddr(arg), (uint32_t)tty->index);
	case TIOCSPTLCK:
		return set_flag(tty, t, arg, &tty->locked);
	case TIOCGPTLCK:
		return put_u32(t, uaddr(arg), tty->locked);
	case TIOCPKT:
		return set_packet(tty, t, arg);
	case TIOCGPKT:
		return put_u32(t, uaddr(arg), tty->packet);
	case TIOCGPTPEER:
		return open_peer(tty, f, t, (uint32_t)arg);
	case TIOCSIG:
		if (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP)
			return -EINVAL;
		tty_signal_pgrp(tty, (int)arg);
		return 0;
	case FIONREAD:
		mutex_lock(&tty->lock);
		n = ldisc_out_pending(&tty->ld);
		mutex_unlock(&tty->lock);
		return put_u32(t, uaddr(arg), (uint32_t)n);
	case TIOCGPGRP: /* a master may ask for the slave's foreground group */
		mutex_lock(&tty->lock);
		p = tty->pgrp ? pid_get(tty->pgrp) : NULL;
		mutex_unlock(&tty->lock);
		n = p ? (size_t)pid_nr_ns(p, task_pid_ns(t)) : 0;
		if (p)
			pid_put(p);
		return put_u32(t, uaddr(arg), (uint32_t)n);
	case TIOCSCTTY:
	case TIOCNOTTY:
		return -ENOTTY;
	case TIOCEXCL:
	case TIOCNXCL:
	case TIOCGEXCL:
		return tty_exclusive_ioctl(tty, &tty->far_exclusive, t, cmd, arg);
	}
	return tty_common_ioctl(tty, f, t, cmd, arg);
}

static void master_release(struct file *f)
{
	struct tty *t = f->priv;

	pty_set_leave(t);
	mutex_lock(&t->lock);
	t->other_closed = true;
	mutex_unlock(&t->lock);
	tty_hangup(t);
	tty_put(t);
}

static const struct file_ops pty_master_ops = {
	.release = master_release,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
};

int pty_open_master(struct pty_set *s, struct file *f)
{
	struct tty *t = tty_new(0);
	int r;

	if (!t)
		return -ENOMEM;
	t->kick = pty_kick;
	t->ld.far_buffers = true;
	t->locked = true;
	r = pty_set_enter(s, t);
	if (r < 0) {
		tty_put(t);
		return r;
	}
	f->op = &pty_master_ops;
	f->priv = t;
	return 0;
}
