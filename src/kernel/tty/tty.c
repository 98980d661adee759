/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: the slave side as a file. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/epoll.h>
#include "kernel/task/task.h"
#include "kernel/tty/tty.h"
#include "kernel/usercopy.h"

#define CHUNK 1024U

static void ldisc_raise(struct ldisc *l, int sig)
{
	struct tty *t = container_of(l, struct tty, ld);

	t->pending_sig = sig;
}

struct tty *tty_new(dev_t dev)
{
	struct tty *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	ref_init(&t->ref);
	mutex_init(&t->lock, RANK_TTY, "tty");
	ldisc_init(&t->ld);
	t->ld.signal = ldisc_raise;
	waitq_init(&t->read_wait);
	waitq_init(&t->write_wait);
	waitq_init(&t->far_wait);
	t->host_fd = -1;
	t->dev = dev;
	return t;
}

struct tty *tty_get(struct tty *t)
{
	ref_get(&t->ref);
	return t;
}

void tty_put(struct tty *t)
{
	if (!ref_put(&t->ref))
		return;
	if (t->free_priv)
		t->free_priv(t);
	if (t->set)
		pty_set_put(t->set);
	if (t->session)
		pid_put(t->session);
	if (t->pgrp)
		pid_put(t->pgrp);
	if (t->host_fd >= 0)
		close(t->host_fd);
	waitq_done(&t->read_wait);
	waitq_done(&t->write_wait);
	waitq_done(&t->far_wait);
	mutex_destroy(&t->lock);
	free(t);
}

static void kick(struct tty *t)
{
	if (t->kick)
		t->kick(t);
}

void tty_after_input(struct tty *t, int sig)
{
	if (sig)
		tty_signal_pgrp(t, sig);
	wake_up(&t->read_wait, EPOLLIN | EPOLLRDNORM);
	kick(t); /* echo */
}

size_t tty_receive(struct tty *t, const uint8_t *b, size_t n)
{
	size_t done = 0;

	/* One signal character at a time, so that none is lost. */
	while (done < n) {
		size_t k = 0;
		int sig;

		mutex_lock(&t->lock);
		while (done < n && !t->pending_sig) {
			k = ldisc_receive(&t->ld, b + done, 1);
			if (!k)
				break;
			done++;
		}
		sig = t->pending_sig;
		t->pending_sig = 0;
		mutex_unlock(&t->lock);
		tty_after_input(t, sig);
		if (!k)
			break;
	}
	return done;
}

/* --- reading --- */

/* Enough there for a read of n bytes? Lock held. */
static bool enough(struct tty *t, size_t n)
{
	struct ldisc *l = &t->ld;
	size_t vmin = l->tio.c_cc[VMIN];

	if (l->tio.c_lflag & ICANON)
		return ldisc_readable(l);
	if (l->tio.c_cc[VTIME] || !vmin)
		return ldisc_readable(l);
	return ldisc_pending(l) >= MIN(vmin, n);
}

static bool read_ready(struct tty *t, size_t n)
{
	MUTEX_GUARD(&t->lock);
	return enough(t, n) || t->hung_up || t->other_closed;
}

/* Waits until a read may move something. 1 go on, 0 end or time out, -errno. */
static int wait_input(struct tty *t, size_t n, bool nonblock)
{
	uint64_t deadline = TIME_FOREVER;
	bool poll_only;
	int r;

	mutex_lock(&t->lock);
	r = enough(t, n) ? 1 : t->hung_up ? 0 : t->other_closed ? -EIO : 2;
	poll_only = !(t->ld.tio.c_lflag & ICANON) && !t->ld.tio.c_cc[VMIN];
	if (poll_only && t->ld.tio.c_cc[VTIME])
		deadline = now_ns() + t->ld.tio.c_cc[VTIME] * (NSEC_PER_SEC / 10);
	else if (poll_only && r == 2)
		r = 0;
	mutex_unlock(&t->lock);
	if (r != 2)
		return r;
	if (nonblock)
		return -EAGAIN;
	r = tty_check_change(t, SIGTTIN);
	if (r == 0)
		r = wait_event(&t->read_wait, &current->sleeper, read_ready(t, n), deadline,
			       SLEEP_INTERRUPTIBLE);
	return r == -ETIMEDOUT ? 0 : r < 0 ? r : 2;
}

static size_t take_input(struct tty *t, uint8_t *b, size_t n, bool *ret_end)
{
	bool eof;
	size_t k;

	mutex_lock(&t->lock);
	k = ldisc_read(&t->ld, b, n, &eof);
	/* A canonical read is one line; a raw one all there is. */
	*ret_end = eof || k < n || ((t->ld.tio.c_lflag & ICANON) && k && b[k - 1] == '\n');
	mutex_unlock(&t->lock);
	return k;
}

/* Between bytes in raw mode with VMIN and VTIME: is there more to wait for? */
static bool wait_more(struct tty *t, size_t total, size_t resid)
{
	uint64_t deadline;
	size_t vmin;

	mutex_lock(&t->lock);
	vmin = t->ld.tio.c_cc[VMIN];
	deadline = now_ns() + t->ld.tio.c_cc[VTIME] * (NSEC_PER_SEC / 10);
	if ((t->ld.tio.c_lflag & ICANON) || !t->ld.tio.c_cc[VTIME])
		vmin = 0;
	mutex_unlock(&t->lock);
	return resid && total < vmin &&
	       wait_event(&t->read_wait, &current->sleeper, read_ready(t, 1), deadline,
			  SLEEP_INTERRUPTIBLE) == 0;
}

static ssize_t tty_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct tty *t = f->priv;
	bool nonblock = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT), end;
	uint8_t buf[CHUNK];
	ssize_t total = 0, c;
	int r;

	if (!u->resid)
		return 0;
	r = tty_check_change(t, SIGTTIN);
	if (r < 0)
		return r;
	do {
		r = wait_input(t, u->resid, nonblock);
	} while (r == 2);
	if (r <= 0)
		return r;
	do {
		size_t k = take_input(t, buf, MIN(u->resid, sizeof(buf)), &end);

		if (!k)
			break;
		c = uio_copy_to(u, buf, k);
		if (c < 0)
			return total ? total : c;
		total += c;
		if (end && !wait_more(t, (size_t)total, u->resid))
			break;
	} while (u->resid);
	kick(t); /* there is room again */
	return total;
}

/* --- writing --- */

static bool write_ready(struct tty *t)
{
	MUTEX_GUARD(&t->lock);
	return ldisc_out_room(&t->ld) >= 64 || t->hung_up || t->other_closed;
}

static ssize_t write_chunk(struct tty *t, struct uio *u, bool nonblock)
{
	uint8_t buf[CHUNK];
	ssize_t c = uio_copy_from(u, buf, MIN(u->resid, sizeof(buf)));
	size_t done = 0;
	int r = 0;

	if (c <= 0)
		return c;
	while (done < (size_t)c) {
		size_t k = 0;

		mutex_lock(&t->lock);
		if (t->hung_up || t->other_closed)
			r = -EIO;
		else
			k = ldisc_write(&t->ld, buf + done, (size_t)c - done);
		mutex_unlock(&t->lock);
		done += k;
		if (r < 0)
			break;
		kick(t);
		if (done == (size_t)c || k)
			continue;
		r = nonblock ? -EAGAIN :
			       wait_event(&t->write_wait, &current->sleeper, write_ready(t),
					  TIME_FOREVER, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			break;
	}
	if (done < (size_t)c)
		uio_revert(u, (size_t)c - done);
	return done ? (ssize_t)done : r;
}

static ssize_t tty_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct tty *t = f->priv;
	bool nonblock = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT), tostop;
	ssize_t total = 0, n;
	int r;

	mutex_lock(&t->lock);
	tostop = t->ld.tio.c_lflag & TOSTOP;
	mutex_unlock(&t->lock);
	r = tostop ? tty_check_change(t, SIGTTOU) : 0;
	if (r < 0)
		return r;
	while (u->resid) {
		size_t want = MIN(u->resid, (size_t)CHUNK);

		n = write_chunk(t, u, nonblock);
		if (n <= 0)
			return total ? total : n;
		total += n;
		if ((size_t)n < want)
			break;
	}
	return total;
}

static uint32_t tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = f->priv;
	uint32_t m = 0;

	poll_wait(pt, &t->read_wait);
	poll_wait(pt, &t->write_wait);
	MUTEX_GUARD(&t->lock);
	if (enough(t, 4096))
		m |= EPOLLIN | EPOLLRDNORM;
	if (t->hung_up || t->other_closed)
		m |= EPOLLHUP | EPOLLIN | EPOLLRDNORM;
	if (ldisc_out_room(&t->ld) >= 64)
		m |= EPOLLOUT | EPOLLWRNORM;
	return m;
}

static long tty_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	return tty_common_ioctl(f->priv, f, t, cmd, arg);
}

static void tty_release(struct file *f)
{
	struct tty *t = f->priv;

	if (!t)
		return;
	mutex_lock(&t->lock);
	t->slaves--;
	mutex_unlock(&t->lock);
	wake_up_all(&t->far_wait, EPOLLIN | EPOLLHUP);
	tty_put(t);
}

const struct file_ops tty_file_ops = {
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};

int tty_open_slave(struct tty *t, struct file *f)
{
	mutex_lock(&t->lock);
	if (t->locked || t->hung_up || t->other_closed) {
		mutex_unlock(&t->lock);
		return -EIO;
	}
	if (t->exclusive && current && !capable(current->cred, CAP_SYS_ADMIN)) {
		mutex_unlock(&t->lock);
		return -EBUSY;
	}
	t->slaves++;
	t->slave_seen = true;
	mutex_unlock(&t->lock);
	f->op = &tty_file_ops;
	f->priv = t;
	if (current && !(f->flags & O_NOCTTY))
		(void)!tty_set_controlling(t, false);
	return 0;
}

void tty_resize(struct tty *t, unsigned rows, unsigned cols)
{
	bool changed;

	mutex_lock(&t->lock);
	changed = t->ws.ws_row != (unsigned short)rows || t->ws.ws_col != (unsigned short)cols;
	t->ws.ws_row = (unsigned short)rows;
	t->ws.ws_col = (unsigned short)cols;
	mutex_unlock(&t->lock);
	if (changed)
		tty_signal_pgrp(t, SIGWINCH);
}

void tty_hangup(struct tty *t)
{
	struct pid *session;

	mutex_lock(&t->lock);
	session = t->hung_up ? NULL : t->session;
	if (session)
		pid_get(session);
	t->hung_up = true;
	mutex_unlock(&t->lock);
	if (session) { /* the leader's group hears of it, and the foreground */
		(void)send_signal_pgrp(session, SIGHUP, NULL);
		(void)send_signal_pgrp(session, SIGCONT, NULL);
		pid_put(session);
	}
	tty_signal_pgrp(t, SIGHUP);
	tty_signal_pgrp(t, SIGCONT);
	wake_up_all(&t->read_wait, EPOLLIN | EPOLLHUP);
	wake_up_all(&t->write_wait, EPOLLOUT | EPOLLHUP);
	wake_up_all(&t->far_wait, EPOLLIN | EPOLLHUP);
}
