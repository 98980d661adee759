/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"

#define LAST_WORDS_MS 500 /* how long output may be late after the container's end */

/* Passed on to the container; all others keep their meaning for nacre itself. */
static const int forwarded[] = {SIGHUP,	  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1, SIGUSR2,
				SIGWINCH, SIGALRM, SIGVTALRM, SIGIO,   SIGPWR};

static void own_size(struct console *c)
{
	struct winsize ws;

	if (c->tty < 0 || ioctl(c->tty, TIOCGWINSZ, &ws) < 0 || !ws.ws_row || !ws.ws_col)
		return;
	c->rows = ws.ws_row;
	c->columns = ws.ws_col;
}

static int make_pty(struct console *c)
{
	struct winsize ws;
	struct termios raw;
	char name[64];

	c->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->master < 0 || grantpt(c->master) < 0 || unlockpt(c->master) < 0 ||
	    ptsname_r(c->master, name, sizeof(name)) != 0)
		return log_errno(-errno, "terminal: host pty");
	c->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->slave < 0 || tcgetattr(c->slave, &raw) < 0)
		return log_errno(-errno, "terminal: %s", name);
	/* The line discipline is the guest's. */
	cfmakeraw(&raw);
	if (tcsetattr(c->slave, TCSANOW, &raw) < 0)
		return log_errno(-errno, "terminal: %s", name);
	own_size(c);
	ws = (struct winsize){.ws_row = (unsigned short)c->rows,
			      .ws_col = (unsigned short)c->columns};
	ioctl(c->slave, TIOCSWINSZ, &ws);
	return fcntl(c->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ? log_errno(-errno, "terminal")
								  : 0;
}

int console_init(struct console *c, const struct runtime_opts *rt, const char *id,
		 const char *exec_id, bool terminal, unsigned rows, unsigned columns)
{
	int r;

	*c = (struct console){.rt = rt,
			      .id = id,
			      .exec_id = exec_id,
			      .master = -1,
			      .slave = -1,
			      .tty = -1,
			      .signals = -1,
			      .stop = -1,
			      .rows = rows,
			      .columns = columns};
	if (!terminal)
		return 0;
	for (int fd = 0; fd < 3 && c->tty < 0; fd++)
		c->tty = isatty(fd) ? fd : -1;
	r = make_pty(c);
	if (r < 0)
		console_done(c);
	return r;
}

void console_hold_signals(struct console *c)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	pthread_sigmask(SIG_BLOCK, &set, &c->old_mask);
	c->masked = true;
}

static void on_resize(struct console *c)
{
	struct winsize ws;

	if (c->master < 0)
		return;
	own_size(c);
	ws = (struct winsize){.ws_row = (unsigned short)c->rows,
			      .ws_col = (unsigned short)c->columns};
	ioctl(c->master, TIOCSWINSZ, &ws);
	(void)!container_resize(c->rt, c->id, c->exec_id, c->rows, c->columns);
}

static void on_signal(struct console *c)
{
	struct signalfd_siginfo si;
	int sig;

	if (read(c->signals, &si, sizeof(si)) != sizeof(si))
		return;
	sig = (int)si.ssi_signo;
	/* A process that has just ended is no error worth a word: the waiter is about to return. */
	if (sig == SIGWINCH)
		on_resize(c);
	else if (c->exec_id)
		(void)!container_signal_exec(c->rt, c->id, c->exec_id, sig);
	else
		(void)!container_signal(c->rt, c->id, sig, false);
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
			continue;
		}
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return -EIO;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

struct input { /* what was read from our terminal and not yet taken by the container's */
	char buf[4096];
	size_t at, n;
	bool closed;
};

static void pump_input(struct console *c, struct input *in, short revents_in, short revents_master)
{
	ssize_t n;

	if (revents_in && in->at == in->n) {
		n = read(STDIN_FILENO, in->buf, sizeof(in->buf));
		in->at = 0;
		in->n = n > 0 ? (size_t)n : 0;
		in->closed = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
	}
	if (in->at < in->n && ((revents_master & POLLOUT) || revents_in)) {
		n = write(c->master, in->buf + in->at, in->n - in->at);
		if (n > 0)
			in->at += (size_t)n;
	}
}

/* false: the other side is gone. */
static bool pump_output(struct console *c)
{
	char buf[8192];
	ssize_t n = read(c->master, buf, sizeof(buf));

	if (n > 0)
		return write_all(STDOUT_FILENO, buf, (size_t)n) == 0;
	return n < 0 && (errno == EINTR || errno == EAGAIN);
}

static void *relay(void *arg)
{
	struct console *c = arg;
	struct input in = {.at = 0};
	bool open = c->master >= 0, stopping = false;

	for (;;) {
		bool full = in.at < in.n;
		struct pollfd p[4] = {
			{c->signals, POLLIN, 0},
			{stopping ? -1 : c->stop, POLLIN, 0},
			{open ? c->master : -1, (short)(POLLIN | (full ? POLLOUT : 0)), 0},
			{open && !full && !in.closed && !stopping ? STDIN_FILENO : -1, POLLIN, 0},
		};
		int n = poll(p, 4, stopping ? LAST_WORDS_MS : -1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (n == 0 && stopping))
			break;
		if (p[0].revents)
			on_signal(c);
		if (p[1].revents)
			stopping = true;
		if (p[2].revents & (POLLIN | POLLHUP | POLLERR))
			open = pump_output(c);
		if (open && (p[3].revents || (p[2].revents & POLLOUT)))
			pump_input(c, &in, p[3].revents, p[2].revents);
		if (stopping && !open)
			break;
	}
	return NULL;
}

int console_start(struct console *c)
{
	struct termios raw;
	sigset_t set;

	if (!c->masked)
		console_hold_signals(c);
	if (c->slave >= 0)
		close(TAKE_FD(c->slave));
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	c->stop = eventfd(0, EFD_CLOEXEC);
	if (c->signals < 0 || c->stop < 0)
		return log_errno(-errno, "signals");
	if (c->tty >= 0 && tcgetattr(c->tty, &c->saved) == 0) {
		raw = c->saved;
		cfmakeraw(&raw);
		c->raw = tcsetattr(c->tty, TCSANOW, &raw) == 0;
	}
	if (pthread_create(&c->thread, NULL, relay, c) != 0) {
		log_error("cannot start a thread");
		console_done(c);
		return -EAGAIN;
	}
	c->running = true;
	return 0;
}

void console_done(struct console *c)
{
	int *fds[] = {&c->master, &c->slave, &c->signals, &c->stop};

	if (c->running) {
		(void)!write(c->stop, &(uint64_t){1}, sizeof(uint64_t));
		pthread_join(c->thread, NULL);
		c->running = false;
	}
	if (c->raw)
		tcsetattr(c->tty, TCSADRAIN, &c->saved);
	c->raw = false;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(TAKE_FD(*fds[i]));
	if (c->masked)
		pthread_sigmask(SIG_SETMASK, &c->old_mask, NULL);
	c->masked = false;
}
