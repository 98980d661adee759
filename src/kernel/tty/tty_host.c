/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest terminal in front of the host's pty. Output goes straight to the host descriptor by the writer
 * (it does not block); what does not fit, and all input, is moved by a pump thread, so that Ctrl-C works
 * while nobody reads.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include "base/log.h"
#include "kernel/tty/tty.h"

struct pump {
	struct sleeper sleeper;
	struct tty *tty;
	bool ending; /* atomic: nobody writes any more; what is left goes out, then the host's pty is closed */
};

/* Moves output to the host. Returns false when some is left that must wait for POLLOUT. */
static bool drain(struct tty *t)
{
	uint8_t buf[1024];
	bool moved = false, done = true;

	mutex_lock(&t->lock);
	for (;;) {
		uint32_t mark = t->ld.out_tail;
		size_t n = ldisc_take_output(&t->ld, buf, sizeof(buf));
		ssize_t w;

		if (!n)
			break;
		w = t->host_fd < 0 ? (ssize_t)n : write(t->host_fd, buf, n);
		if (w < 0 && errno != EAGAIN && errno != EINTR)
			w = (ssize_t)n; /* the host side is gone: the pump sees it */
		moved |= w > 0;
		if (w < (ssize_t)n) {
			t->ld.out_tail = mark + (uint32_t)MAX(w, 0);
			done = false;
			break;
		}
	}
	mutex_unlock(&t->lock);
	if (moved)
		wake_up_all(&t->write_wait, EPOLLOUT | EPOLLWRNORM);
	return done;
}

static void host_kick(struct tty *t)
{
	struct pump *p = t->priv;

	(void)drain(t);
	sleeper_wake(&p->sleeper); /* it looks itself at what is left and at the room for input */
}

void tty_host_look(struct tty *t)
{
	struct winsize ws;
	bool changed;

	mutex_lock(&t->lock);
	if (t->host_fd < 0 || ioctl(t->host_fd, TIOCGWINSZ, &ws) < 0) {
		mutex_unlock(&t->lock);
		return;
	}
	changed = ws.ws_row != t->host_ws.ws_row || ws.ws_col != t->host_ws.ws_col;
	t->host_ws = ws;
	mutex_unlock(&t->lock);
	if (changed)
		tty_resize(t, ws.ws_row, ws.ws_col);
}

static bool pump_input(struct tty *t, size_t room)
{
	uint8_t buf[1024];
	ssize_t n = read(t->host_fd, buf, MIN(room, sizeof(buf)));

	if (n > 0) {
		tty_host_look(t);
		(void)tty_receive(t, buf, (size_t)n);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void *pump_main(void *arg)
{
	struct pump *p = arg;
	struct tty *t = p->tty;
	bool gone = false;

	while (!gone) {
		struct pollfd pf = {t->host_fd, 0, 0};
		bool drained, ending;
		size_t room;
		int r;

		sleeper_prepare(&p->sleeper);
		ending = __atomic_load_n(&p->ending, __ATOMIC_ACQUIRE); /* the last words were written before */
		drained = drain(t);
		if (ending && drained)
			break;
		if (!drained)
			pf.events |= POLLOUT;
		mutex_lock(&t->lock);
		room = ldisc_room(&t->ld);
		/* A full line without an end is still edited and interrupted. */
		if (!room && (t->ld.tio.c_lflag & ICANON) && t->ld.canon == t->ld.tail)
			room = 1;
		mutex_unlock(&t->lock);
		if (room && !ending)
			pf.events |= POLLIN;
		r = sleeper_sleep_fds(&p->sleeper, &pf, 1, TIME_FOREVER, SLEEP_UNINTERRUPTIBLE);
		if (r < 0)
			break;
		if (r > 0 && (pf.revents & POLLIN))
			gone = !pump_input(t, room);
		else if (r > 0 && (pf.revents & (POLLHUP | POLLERR | POLLNVAL)))
			gone = true;
	}
	pty_set_leave(t);
	tty_hangup(t);
	/* Whoever reads the master waits for this. */
	mutex_lock(&t->lock);
	close(TAKE_FD(t->host_fd));
	mutex_unlock(&t->lock);
	tty_put(t);
	return NULL;
}

static void host_free(struct tty *t)
{
	struct pump *p = t->priv;

	sleeper_done(&p->sleeper);
	free(p);
}

int tty_host_start(struct tty *t)
{
	struct pump *p = t->priv;
	pthread_attr_t attr;
	pthread_t th;
	int r;

	p->tty = tty_get(t);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = -pthread_create(&th, &attr, pump_main, p);
	pthread_attr_destroy(&attr);
	if (r < 0) {
		pty_set_leave(t);
		tty_put(t);
	}
	return r;
}

void tty_host_end(struct tty *t)
{
	struct pump *p = t->priv;

	if (t->kick != host_kick)
		return;
	__atomic_store_n(&p->ending, true, __ATOMIC_RELEASE);
	sleeper_wake(&p->sleeper);
}

int tty_host_new(int host_slave_fd, unsigned rows, unsigned cols, struct tty **ret)
{
	_cleanup_(tty_putp) struct tty *t = tty_new(makedev(136, 0));
	struct pump *p = calloc(1, sizeof(*p));
	int fl;

	if (!t || !p) {
		close(host_slave_fd);
		free(p);
		return -ENOMEM;
	}
	sleeper_init(&p->sleeper, NULL);
	t->priv = p;
	t->free_priv = host_free;
	t->kick = host_kick;
	t->host_fd = host_slave_fd;
	t->ws.ws_row = (unsigned short)rows;
	t->ws.ws_col = (unsigned short)cols;
	if (ioctl(host_slave_fd, TIOCGWINSZ, &t->host_ws) < 0)
		t->host_ws = t->ws;
	if (!rows || !cols)
		t->ws = t->host_ws;
	fl = fcntl(host_slave_fd, F_GETFL);
	if (fl < 0 || fcntl(host_slave_fd, F_SETFL, fl | O_NONBLOCK) < 0)
		return -errno;
	*ret = TAKE_PTR(t);
	return 0;
}

int tty_anon_file(struct tty *t, struct file **ret)
{
	struct file *f;
	int r = anon_file_new("/dev/console", &tty_file_ops, NULL, O_RDWR | O_NOCTTY, S_IFCHR | 0620, &f);

	if (r < 0)
		return r;
	f->inode->rdev = t->dev;
	r = tty_open_slave(tty_get(t), f);
	if (r < 0) {
		tty_put(t);
		file_put(f);
		return r;
	}
	*ret = f;
	return 0;
}
