/* SPDX-License-Identifier: Apache-2.0 */
/* The line discipline; see ldisc.h. Behaviour follows termios(3) and Linux's N_TTY. */
#include <asm/ioctls.h>
#include <signal.h>
#include <string.h>
#include "kernel/tty/ldisc.h"

#define L(l, f) ((l)->tio.c_lflag & (f))
#define I(l, f) ((l)->tio.c_iflag & (f))
#define O(l, f) ((l)->tio.c_oflag & (f))
#define DISABLED 0 /* _POSIX_VDISABLE */

static bool is_cc(const struct ldisc *l, int which, uint8_t c)
{
	return c != DISABLED && l->tio.c_cc[which] == c;
}

static bool get_bit(const uint32_t *m, uint32_t i)
{
	i %= LDISC_IN;
	return m[i / 32] >> (i % 32) & 1U;
}

static void put_bit(uint32_t *m, uint32_t i, bool on)
{
	i %= LDISC_IN;
	if (on)
		m[i / 32] |= 1U << (i % 32);
	else
		m[i / 32] &= ~(1U << (i % 32));
}

void ldisc_init(struct ldisc *l)
{
	static const uint8_t cc[] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0};

	memset(l, 0, sizeof(*l));
	l->tio.c_iflag = ICRNL | IXON;
	l->tio.c_oflag = OPOST | ONLCR;
	l->tio.c_cflag = B38400 | CS8 | CREAD | HUPCL;
	l->tio.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	l->tio.c_ispeed = l->tio.c_ospeed = 38400;
	memcpy(l->tio.c_cc, cc, sizeof(cc));
}

/* --- output --- */

size_t ldisc_out_pending(const struct ldisc *l)
{
	return l->out_done - l->out_tail;
}

size_t ldisc_out_room(const struct ldisc *l)
{
	return LDISC_OUT - (l->out_head - l->out_tail);
}

bool ldisc_writable(const struct ldisc *l)
{
	return !l->stopped && ldisc_out_room(l) >= 64;
}

void ldisc_echo(struct ldisc *l)
{
	if (l->stopped)
		return;
	l->out_done = l->out_head;
	l->done_column = l->column;
}

/* Echo that nobody saw is gone. */
static void drop_echo(struct ldisc *l)
{
	l->out_head = l->out_done;
	l->column = l->done_column;
}

static void stop(struct ldisc *l)
{
	if (l->stopped)
		return;
	l->stopped = true;
	l->pkt = (uint8_t)((l->pkt & ~TIOCPKT_START) | TIOCPKT_STOP);
}

static void start(struct ldisc *l)
{
	if (!l->stopped || l->held)
		return;
	l->stopped = false;
	l->pkt = (uint8_t)((l->pkt & ~TIOCPKT_STOP) | TIOCPKT_START);
	ldisc_echo(l);
}

void ldisc_hold(struct ldisc *l, bool on)
{
	if (on == l->held)
		return;
	l->held = on;
	if (on)
		stop(l);
	else
		start(l);
}

static void out_raw(struct ldisc *l, uint8_t c)
{
	if (ldisc_out_room(l))
		l->out[l->out_head++ % LDISC_OUT] = c;
}

/* Letters of Latin 1, as N_TTY sees them whatever the locale. */
static bool is_upper(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

static bool is_lower(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

static uint8_t upper(uint8_t c)
{
	return is_lower(c) ? (uint8_t)(c - 0x20) : c;
}

static uint8_t lower(uint8_t c)
{
	return is_upper(c) ? (uint8_t)(c + 0x20) : c;
}

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

static bool continues(const struct ldisc *l, uint8_t c)
{
	return I(l, IUTF8) && (c & 0xc0) == 0x80;
}

/* Room that one character may need after processing: a tab of 8, or CR LF. */
#define OUT_MAX 8U

static void out_processed(struct ldisc *l, uint8_t c)
{
	unsigned n;

	if (!O(l, OPOST)) {
		out_raw(l, c);
		return;
	}
	switch (c) {
	case '\n':
		if (O(l, ONLRET))
			l->column = 0;
		if (O(l, ONLCR)) {
			l->column = 0;
			out_raw(l, '\r');
		}
		l->canon_column = l->column;
		break;
	case '\r':
		if (O(l, ONOCR) && l->column == 0)
			return;
		if (O(l, OCRNL)) {
			c = '\n';
			if (O(l, ONLRET))
				l->column = l->canon_column = 0;
			break;
		}
		l->column = l->canon_column = 0;
		break;
	case '\t':
		n = 8 - (l->column & 7);
		l->column += n;
		if (O(l, TABDLY) == XTABS) {
			while (n--)
				out_raw(l, ' ');
			return;
		}
		break;
	case '\b':
		if (l->column)
			l->column--;
		break;
	default:
		if (c >= 0x20 && c != 0x7f) {
			if (O(l, OLCUC))
				c = upper(c);
			if (!I(l, IUTF8) || (c & 0xc0) != 0x80)
				l->column++;
		}
	}
	out_raw(l, c);
}

size_t ldisc_write(struct ldisc *l, const uint8_t *b, size_t n)
{
	size_t i = 0;

	if (l->stopped)
		return 0;
	while (i < n && ldisc_out_room(l) >= OUT_MAX)
		out_processed(l, b[i++]);
	ldisc_echo(l);
	return i;
}

void ldisc_send(struct ldisc *l, uint8_t c)
{
	if (c == DISABLED)
		return;
	out_raw(l, c);
	l->out_done = l->out_head;
}

size_t ldisc_take_output(struct ldisc *l, uint8_t *b, size_t n)
{
	size_t i = 0;

	while (i < n && l->out_tail != l->out_done)
		b[i++] = l->out[l->out_tail++ % LDISC_OUT];
	return i;
}

/* --- echo --- */

/* As it is, but for output processing; 255 even without. */
static void echo_raw(struct ldisc *l, uint8_t c)
{
	if (c == 0xff) {
		out_raw(l, c);
		l->column++;
		return;
	}
	out_processed(l, c);
}

static void echo_char(struct ldisc *l, uint8_t c)
{
	if (L(l, ECHOCTL) && is_control(c) && c != '\t') {
		out_raw(l, '^');
		out_raw(l, c ^ 0x40);
		l->column += 2;
		return;
	}
	echo_raw(l, c);
}

/* The first character of a line says where it begins. */
static void echo_first(struct ldisc *l, uint8_t c)
{
	if (l->canon == l->head)
		l->canon_column = l->column;
	echo_char(l, c);
}

static void end_erasing(struct ldisc *l)
{
	if (l->erasing)
		echo_raw(l, '/');
	l->erasing = false;
}

static void rub(struct ldisc *l)
{
	echo_raw(l, '\b');
	echo_raw(l, ' ');
	echo_raw(l, '\b');
}

/* The cursor goes back over a tab, to the end of what is before it. */
static void rub_tab(struct ldisc *l)
{
	unsigned col = 0, n;
	uint32_t i = l->head;
	bool after_tab = false;

	while (i != l->canon && !after_tab) {
		uint8_t c = l->in[--i % LDISC_IN];

		if (c == '\t')
			after_tab = true;
		else if (is_control(c))
			col += L(l, ECHOCTL) ? 2 : 0;
		else if (!continues(l, c))
			col++;
	}
	if (!after_tab)
		col += l->canon_column;
	for (n = 8 - (col & 7); n; n--) {
		out_raw(l, '\b');
		if (l->column)
			l->column--;
	}
}

/* Shows that the character c, of n bytes from l->head on, is gone. by_char: VERASE, not a word or a line. */
static void echo_erased(struct ldisc *l, uint8_t c, uint32_t n, bool by_char)
{
	if (L(l, ECHOPRT)) {
		if (!l->erasing)
			echo_raw(l, '\\');
		l->erasing = true;
		echo_char(l, c);
		for (uint32_t i = 1; i < n; i++) {
			echo_raw(l, l->in[(l->head + i) % LDISC_IN]);
			if (l->column)
				l->column--;
		}
	} else if (by_char && !L(l, ECHOE)) {
		echo_char(l, l->tio.c_cc[VERASE]);
	} else if (c == '\t') {
		rub_tab(l);
	} else {
		if (is_control(c) && L(l, ECHOCTL))
			rub(l);
		if (!is_control(c) || L(l, ECHOCTL))
			rub(l);
	}
}

/* Takes characters off the line: one, a word or all. */
static void erase(struct ldisc *l, int what)
{
	bool seen = false;

	while (l->head != l->canon) {
		uint32_t at = l->head, n;
		uint8_t c;

		do {
			c = l->in[--at % LDISC_IN];
		} while (continues(l, c) && at != l->canon);
		if (continues(l, c))
			break; /* its beginning is not of this line */
		if (what == VWERASE) {
			bool word = is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c == '_';

			if (!word && seen)
				break;
			seen |= word;
		}
		n = l->head - at;
		l->head = at;
		if (L(l, ECHO))
			echo_erased(l, c, n, what == VERASE);
		if (what == VERASE)
			break;
	}
	if (l->head == l->canon && L(l, ECHO))
		end_erasing(l);
}

static void kill_line(struct ldisc *l)
{
	if (L(l, ECHO) && L(l, ECHOK) && L(l, ECHOKE) && L(l, ECHOE)) {
		erase(l, VKILL);
		return;
	}
	if (l->head == l->canon)
		return;
	l->head = l->canon;
	if (!L(l, ECHO))
		return;
	end_erasing(l);
	echo_char(l, l->tio.c_cc[VKILL]);
	if (L(l, ECHOK))
		echo_raw(l, '\n');
}

/* --- input --- */

size_t ldisc_room(const struct ldisc *l)
{
	return LDISC_IN - (l->head - l->tail);
}

static void in_put(struct ldisc *l, uint8_t c, bool mark, bool eof)
{
	put_bit(l->marks, l->head, mark);
	put_bit(l->eofs, l->head, eof);
	l->in[l->head++ % LDISC_IN] = c;
	if (mark)
		l->canon = l->head;
}

void ldisc_flush_in(struct ldisc *l)
{
	l->tail = l->canon = l->head;
	l->lnext = l->erasing = false;
	l->pkt |= TIOCPKT_FLUSHREAD;
}

/* A pty's master keeps what it has, but not more than its own buffer holds. */
#define FAR_KEEPS 4095U

void ldisc_flush_out(struct ldisc *l)
{
	uint32_t keep = l->far_buffers ? l->out_tail + MIN(ldisc_out_pending(l), FAR_KEEPS) : l->out_tail;

	if (keep != l->out_done)
		l->out_head = l->out_done = keep;
	l->pkt |= TIOCPKT_FLUSHWRITE;
}

static bool receive_signal(struct ldisc *l, uint8_t c)
{
	int sig = is_cc(l, VINTR, c) ? SIGINT :
		  is_cc(l, VQUIT, c) ? SIGQUIT :
		  is_cc(l, VSUSP, c) ? SIGTSTP :
				       0;

	if (!sig)
		return false;
	if (!L(l, NOFLSH)) {
		drop_echo(l);
		ldisc_flush_in(l);
		ldisc_flush_out(l);
	}
	if (I(l, IXON))
		start(l);
	if (L(l, ECHO))
		echo_char(l, c);
	if (l->signal)
		l->signal(l, sig);
	return true;
}

static void reprint(struct ldisc *l, uint8_t c)
{
	end_erasing(l);
	echo_char(l, c);
	echo_raw(l, '\n');
	for (uint32_t i = l->canon; i != l->head; i++)
		echo_char(l, l->in[i % LDISC_IN]);
}

static bool receive_edit(struct ldisc *l, uint8_t c)
{
	if (is_cc(l, VERASE, c)) {
		erase(l, VERASE);
	} else if (is_cc(l, VKILL, c)) {
		kill_line(l);
	} else if (!L(l, IEXTEN)) {
		return false;
	} else if (is_cc(l, VWERASE, c)) {
		erase(l, VWERASE);
	} else if (is_cc(l, VLNEXT, c)) {
		l->lnext = true;
		if (L(l, ECHO))
			end_erasing(l);
		if (L(l, ECHO) && L(l, ECHOCTL)) {
			echo_raw(l, '^');
			echo_raw(l, '\b');
		}
	} else if (is_cc(l, VREPRINT, c) && L(l, ECHO)) {
		reprint(l, c);
	} else {
		return false;
	}
	return true;
}

/* A line may not fill the ring: room for its end must stay. */
static void put_data(struct ldisc *l, uint8_t c)
{
	if (c == 0xff && I(l, PARMRK) && (!L(l, ICANON) || ldisc_room(l) > 1))
		in_put(l, c, false, false);
	if (!L(l, ICANON) || ldisc_room(l) > 1)
		in_put(l, c, false, false);
}

/* was_cr: ICRNL made c. */
static void store(struct ldisc *l, uint8_t c, bool was_cr)
{
	if (L(l, ECHO)) {
		end_erasing(l);
		if (c == '\n' && was_cr)
			echo_raw(l, c);
		else
			echo_first(l, c);
	}
	put_data(l, c);
}

/* Ends of lines. */
static bool receive_end(struct ldisc *l, uint8_t c)
{
	if (c == '\n') {
		if (L(l, ECHO) || L(l, ECHONL))
			echo_raw(l, c);
	} else if (is_cc(l, VEOF, c)) {
		in_put(l, 0, true, true);
		return true;
	} else if (is_cc(l, VEOL, c) || (L(l, IEXTEN) && is_cc(l, VEOL2, c))) {
		if (L(l, ECHO))
			echo_first(l, c);
	} else {
		return false;
	}
	in_put(l, c, true, false);
	return true;
}

static void receive_one(struct ldisc *l, uint8_t c)
{
	bool was_cr;

	if (I(l, ISTRIP))
		c &= 0x7f;
	if (I(l, IUCLC) && L(l, IEXTEN))
		c = lower(c);
	if (l->lnext) {
		l->lnext = false;
		store(l, c, false);
		return;
	}
	if (L(l, EXTPROC)) { /* the far side has done it all */
		in_put(l, c, false, false);
		return;
	}
	if (I(l, IXON) && (is_cc(l, VSTART, c) || is_cc(l, VSTOP, c))) {
		if (is_cc(l, VSTART, c)) {
			start(l);
			ldisc_echo(l);
		} else {
			stop(l);
		}
		return;
	}
	if (L(l, ISIG) && receive_signal(l, c))
		return;
	if (I(l, IXON) && I(l, IXANY))
		start(l);
	was_cr = c == '\r';
	if (was_cr) {
		if (I(l, IGNCR))
			return;
		if (I(l, ICRNL))
			c = '\n';
	} else if (c == '\n' && I(l, INLCR)) {
		c = '\r';
	}
	if (L(l, ICANON) && (receive_edit(l, c) || receive_end(l, c)))
		return;
	store(l, c, was_cr);
}

size_t ldisc_receive(struct ldisc *l, const uint8_t *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		/* Signals and editing must get through even when nobody reads; in raw mode the far
		 * side waits instead, and nothing is lost. */
		if (!ldisc_room(l) && !(L(l, ICANON) && l->canon == l->tail) &&
		    !(L(l, ISIG) && (is_cc(l, VINTR, b[i]) || is_cc(l, VQUIT, b[i]) ||
				     is_cc(l, VSUSP, b[i]))))
			break;
		receive_one(l, b[i]);
	}
	return i;
}

static bool by_line(const struct ldisc *l)
{
	return L(l, ICANON) && !L(l, EXTPROC);
}

bool ldisc_readable(const struct ldisc *l)
{
	return by_line(l) ? l->canon != l->tail : l->head != l->tail;
}

size_t ldisc_pending(const struct ldisc *l)
{
	uint32_t end = by_line(l) ? l->canon : l->head;
	size_t n = 0;

	for (uint32_t i = l->tail; i != end; i++)
		n += !get_bit(l->eofs, i);
	return n;
}

size_t ldisc_read(struct ldisc *l, uint8_t *b, size_t n, bool *ret_eof)
{
	bool canon = by_line(l);
	uint32_t end = canon ? l->canon : l->head;
	size_t k = 0;

	*ret_eof = false;
	while (l->tail != end) {
		bool mark = get_bit(l->marks, l->tail), eof = get_bit(l->eofs, l->tail);

		if (eof) { /* also swallowed by a read that stopped right before it */
			l->tail++;
			*ret_eof = canon;
			if (canon)
				break;
			continue;
		}
		if (k == n)
			break;
		b[k++] = l->in[l->tail++ % LDISC_IN];
		if (canon && mark)
			break;
	}
	if ((int32_t)(l->canon - l->tail) < 0)
		l->canon = l->tail;
	return k;
}

/* Flow control by ^S and ^Q, which a master in packet mode may do itself. */
static bool usual_flow(const struct termios2 *t)
{
	return (t->c_iflag & IXON) && t->c_cc[VSTOP] == 19 && t->c_cc[VSTART] == 17;
}

void ldisc_set_termios(struct ldisc *l, const struct termios2 *t)
{
	struct termios2 old = l->tio;

	l->tio = *t;
	if ((old.c_lflag ^ t->c_lflag) & (ICANON | EXTPROC)) {
		/* What was there is data; for a reader of lines it is one line. */
		memset(l->marks, 0, sizeof(l->marks));
		memset(l->eofs, 0, sizeof(l->eofs));
		if (L(l, ICANON) && l->head != l->tail) {
			put_bit(l->marks, l->head - 1, true);
			l->canon = l->head;
		} else {
			l->canon = l->tail;
		}
		l->lnext = l->erasing = false;
	}
	if ((old.c_iflag & IXON) && !I(l, IXON))
		start(l);
	if (usual_flow(&old) != usual_flow(t))
		l->pkt = (uint8_t)((l->pkt & ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP)) |
				   (usual_flow(t) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP));
	if ((old.c_lflag | t->c_lflag) & EXTPROC)
		l->pkt |= TIOCPKT_IOCTL;
}
