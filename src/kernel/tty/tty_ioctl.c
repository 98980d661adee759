/* SPDX-License-Identifier: Apache-2.0 */
/* tty_ioctl(4): termios, window size, flow, queues. */
#include <linux/capability.h>
#include <string.h>
#include <sys/epoll.h>
#include "kernel/task/task.h"
#include "kernel/tty/tty.h"
#include "kernel/usercopy.h"

static bool out_empty(struct tty *t)
{
	MUTEX_GUARD(&t->lock);
	return !ldisc_out_pending(&t->ld) || t->hung_up || t->other_closed;
}

static long wait_drained(struct tty *t)
{
	return wait_event(&t->write_wait, &current->sleeper, out_empty(t), TIME_FOREVER,
			  SLEEP_INTERRUPTIBLE);
}

static void termio_to_termios(const struct termio *io, struct termios2 *tio);

/* What kept names is in to as it was in from: bits of the flags, the discipline, characters. */
static void keep_locked(struct termios2 *to, const struct termios2 *from, const struct termios2 *kept)
{
	to->c_iflag = (to->c_iflag & ~kept->c_iflag) | (from->c_iflag & kept->c_iflag);
	to->c_oflag = (to->c_oflag & ~kept->c_oflag) | (from->c_oflag & kept->c_oflag);
	to->c_cflag = (to->c_cflag & ~kept->c_cflag) | (from->c_cflag & kept->c_cflag);
	to->c_lflag = (to->c_lflag & ~kept->c_lflag) | (from->c_lflag & kept->c_lflag);
	if (kept->c_line)
		to->c_line = from->c_line;
	for (size_t i = 0; i < sizeof(to->c_cc); i++)
		if (kept->c_cc[i])
			to->c_cc[i] = from->c_cc[i];
}

/* size: of struct termios, termios2 or termio. */
static long set_termios(struct tty *tty, struct task *t, uint64_t arg, size_t size, bool drain,
			bool flush)
{
	struct termios2 tio;
	struct termio io;
	long r = tty_check_change(tty, SIGTTOU);

	if (r < 0)
		return r;
	mutex_lock(&tty->lock);
	tio = tty->ld.tio;
	mutex_unlock(&tty->lock);
	if (size == sizeof(io)) {
		r = copy_in(t, &io, uaddr(arg), size);
		if (r == 0)
			termio_to_termios(&io, &tio);
	} else {
		r = copy_in(t, &tio, uaddr(arg), size);
	}
	if (r == 0 && drain)
		r = wait_drained(tty);
	if (r < 0)
		return r;
	mutex_lock(&tty->lock);
	keep_locked(&tio, &tty->ld.tio, &tty->kept);
	if (flush)
		ldisc_flush_in(&tty->ld);
	ldisc_set_termios(&tty->ld, &tio);
	mutex_unlock(&tty->lock);
	wake_up_all(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
	if (tty->kick)
		tty->kick(tty);
	return 0;
}

static long get_termios(struct tty *tty, struct task *t, uint64_t arg, size_t size)
{
	struct termios2 tio;

	mutex_lock(&tty->lock);
	tio = tty->ld.tio;
	mutex_unlock(&tty->lock);
	return copy_out(t, uaddr(arg), &tio, size);
}

/* The terminal of System V: the low halves of the flags and eight characters. */
static long get_termio(struct tty *tty, struct task *t, uint64_t arg)
{
	struct termio io = {0};

	mutex_lock(&tty->lock);
	io.c_iflag = (uint16_t)tty->ld.tio.c_iflag;
	io.c_oflag = (uint16_t)tty->ld.tio.c_oflag;
	io.c_cflag = (uint16_t)tty->ld.tio.c_cflag;
	io.c_lflag = (uint16_t)tty->ld.tio.c_lflag;
	io.c_line = tty->ld.tio.c_line;
	memcpy(io.c_cc, tty->ld.tio.c_cc, NCC);
	mutex_unlock(&tty->lock);
	return copy_out(t, uaddr(arg), &io, sizeof(io));
}

static void termio_to_termios(const struct termio *io, struct termios2 *tio)
{
	tio->c_iflag = (tio->c_iflag & ~0xffffU) | io->c_iflag;
	tio->c_oflag = (tio->c_oflag & ~0xffffU) | io->c_oflag;
	tio->c_cflag = (tio->c_cflag & ~0xffffU) | io->c_cflag;
	tio->c_lflag = (tio->c_lflag & ~0xffffU) | io->c_lflag;
	tio->c_line = io->c_line;
	memcpy(tio->c_cc, io->c_cc, NCC);
}

static long flush_queues(struct tty *tty, uint64_t which)
{
	if (which > TCIOFLUSH)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (which == TCIFLUSH || which == TCIOFLUSH)
		ldisc_flush_in(&tty->ld);
	if (which == TCOFLUSH || which == TCIOFLUSH)
		ldisc_flush_out(&tty->ld);
	mutex_unlock(&tty->lock);
	wake_up_all(&tty->write_wait, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static long flow(struct tty *tty, uint64_t action)
{
	if (action > TCION)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (action == TCOOFF || action == TCOON)
		tty->ld.stopped = action == TCOOFF;
	mutex_unlock(&tty->lock);
	if (tty->kick)
		tty->kick(tty);
	return 0;
}

static long window_size(struct tty *tty, struct task *t, bool set, uint64_t arg)
{
	struct winsize ws;
	bool changed;
	int r;

	if (!set) {
		tty_host_look(tty);
		mutex_lock(&tty->lock);
		ws = tty->ws;
		mutex_unlock(&tty->lock);
		return copy_out(t, uaddr(arg), &ws, sizeof(ws));
	}
	r = copy_in(t, &ws, uaddr(arg), sizeof(ws));
	if (r < 0)
		return r;
	mutex_lock(&tty->lock);
	changed = memcmp(&ws, &tty->ws, sizeof(ws)) != 0;
	tty->ws = ws;
	mutex_unlock(&tty->lock);
	if (changed)
		tty_signal_pgrp(tty, SIGWINCH);
	return 0;
}

/* TIOCGLCKTRMIOS, TIOCSLCKTRMIOS: what may not change. */
static long locked_modes(struct tty *tty, struct task *t, bool set, uint64_t arg)
{
	struct termios2 tio;
	int r;

	mutex_lock(&tty->lock);
	tio = tty->kept;
	mutex_unlock(&tty->lock);
	if (!set)
		return copy_out(t, uaddr(arg), &tio, sizeof(struct termios));
	if (!capable(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	r = copy_in(t, &tio, uaddr(arg), sizeof(struct termios));
	if (r < 0)
		return r;
	MUTEX_GUARD(&tty->lock);
	tty->kept = tio;
	return 0;
}

/* TIOCGSOFTCAR, TIOCSSOFTCAR: CLOCAL by itself. */
static long soft_carrier(struct tty *tty, struct task *t, bool set, uint64_t arg)
{
	struct termios2 tio;
	uint32_t x = 0;
	int r = set ? copy_in(t, &x, uaddr(arg), sizeof(x)) : 0;

	if (r < 0)
		return r;
	mutex_lock(&tty->lock);
	tio = tty->ld.tio;
	if (set) {
		tio.c_cflag = x ? tio.c_cflag | CLOCAL : tio.c_cflag & ~(tcflag_t)CLOCAL;
		ldisc_set_termios(&tty->ld, &tio);
	}
	mutex_unlock(&tty->lock);
	return set ? 0 : put_u32(t, uaddr(arg), (tio.c_cflag & CLOCAL) != 0);
}

long tty_exclusive_ioctl(struct tty *tty, bool *flag, struct task *t, unsigned cmd, uint64_t arg)
{
	bool on;

	mutex_lock(&tty->lock);
	if (cmd != TIOCGEXCL)
		*flag = cmd == TIOCEXCL;
	on = *flag;
	mutex_unlock(&tty->lock);
	return cmd == TIOCGEXCL ? put_u32(t, uaddr(arg), on) : 0;
}

static long wait_break(struct tty *tty)
{
	long r = tty_check_change(tty, SIGTTOU);

	return r < 0 ? r : wait_drained(tty);
}

static long set_discipline(struct task *t, uint64_t arg)
{
	uint32_t d;
	int r = copy_in(t, &d, uaddr(arg), sizeof(d));

	return r < 0 ? r : d == N_TTY ? 0 : -EINVAL;
}

long tty_common_ioctl(struct tty *tty, struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	size_t n;

	switch (cmd) {
	case TCGETS:
		return get_termios(tty, t, arg, sizeof(struct termios));
	case TCGETS2:
		return get_termios(tty, t, arg, sizeof(struct termios2));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(tty, t, arg, sizeof(struct termios), cmd != TCSETS,
				   cmd == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(tty, t, arg, sizeof(struct termios2), cmd != TCSETS2,
				   cmd == TCSETSF2);
	case TCGETA:
		return get_termio(tty, t, arg);
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set_termios(tty, t, arg, sizeof(struct termio), cmd != TCSETA, cmd == TCSETAF);
	case TIOCGETD: /* N_TTY is all there is */
		return put_u32(t, uaddr(arg), N_TTY);
	case TIOCSETD:
		return set_discipline(t, arg);
	case TIOCGWINSZ:
	case TIOCSWINSZ:
		return window_size(tty, t, cmd == TIOCSWINSZ, arg);
	case TCFLSH:
		return flush_queues(tty, arg);
	case TCXONC:
		return flow(tty, arg);
	case TCSBRK: /* tcdrain is TCSBRK with 1; a break itself means nothing here */
	case TCSBRKP:
	case TIOCSBRK:
		return wait_break(tty);
	case TIOCCBRK:
		return tty_check_change(tty, SIGTTOU);
	case TIOCGLCKTRMIOS:
	case TIOCSLCKTRMIOS:
		return locked_modes(tty, t, cmd == TIOCSLCKTRMIOS, arg);
	case TIOCGSOFTCAR:
	case TIOCSSOFTCAR:
		return soft_carrier(tty, t, cmd == TIOCSSOFTCAR, arg);
	case TIOCGDEV:
		return put_u32(t, uaddr(arg), (uint32_t)tty->dev);
	case TIOCOUTQ:
	case FIONREAD:
		mutex_lock(&tty->lock);
		n = cmd == FIONREAD ? ldisc_pending(&tty->ld) : ldisc_out_pending(&tty->ld);
		mutex_unlock(&tty->lock);
		return put_u32(t, uaddr(arg), (uint32_t)n);
	case TIOCSTI:
		return -EIO; /* as with dev.tty.legacy_tiocsti=0 */
	case TIOCEXCL:
	case TIOCNXCL:
	case TIOCGEXCL:
		return tty_exclusive_ioctl(tty, &tty->exclusive, t, cmd, arg);
	}
	return tty_jobctl_ioctl(tty, t, cmd, arg);
}
