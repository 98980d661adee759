/* SPDX-License-Identifier: Apache-2.0 */
/* The line discipline; see ldisc.h. Behaviour follows termios(3) and Linux's N_TTY. */
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
	return l->out_head - l->out_tail;
}

size_t ldisc_out_room(const struct ldisc *l)
{
	return LDISC_OUT - ldisc_out_pending(l);
}

static void out_raw(struct ldisc *l, uint8_t c)
{
	if (ldisc_out_room(l))
		l->out[l->out_head++ % LDISC_OUT] = c;
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
			l->column = l->canon_column = 0;
			out_raw(l, '\r');
		}
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
			if (O(l, OLCUC) && c >= 'a' && c <= 'z')
				c = (uint8_t)(c - 32);
			if (!I(l, IUTF8) || (c & 0xc0) != 0x80)
				l->column++;
		}
	}
	out_raw(l, c);
}

size_t ldisc_write(struct ldisc *l, const uint8_t *b, size_t n)
{
	size_t i;

	for (i = 0; i < n && ldisc_out_room(l) >= OUT_MAX; i++)
		out_processed(l, b[i]);
	l->canon_column = l->column;
	return i;
}

size_t ldisc_take_output(struct ldisc *l, uint8_t *b, size_t n)
{
	size_t i = 0;

	if (l->stopped)
		return 0;
	while (i < n && l->out_tail != l->out_head)
		b[i++] = l->out[l->out_tail++ % LDISC_OUT];
	return i;
}

/* --- echo --- */

static void echo_char(struct ldisc *l, uint8_t c)
{
	if (L(l, ECHOCTL) && (c < 0x20 || c == 0x7f) && c != '\t' && c != '\n') {
		out_raw(l, '^');
		out_raw(l, c ^ 0x40);
		l->column += 2;
		return;
	}
	out_processed(l, c);
}

static unsigned echo_width(const struct ldisc *l, uint8_t c)
{
	if (c < 0x20 || c == 0x7f)
		return L(l, ECHOCTL) ? 2 : 0;
	return I(l, IUTF8) && (c & 0xc0) == 0x80 ? 0 : 1;
}

static void rub(struct ldisc *l, unsigned n)
{
	while (n--) {
		out_raw(l, '\b');
		out_raw(l, ' ');
		out_raw(l, '\b');
		if (l->column)
			l->column--;
	}
}

/* Column after echoing the line being edited up to position end. */
static unsigned line_column(const struct ldisc *l, uint32_t end)
{
	unsigned col = l->canon_column;

	for (uint32_t i = l->canon; i != end; i++) {
		uint8_t c = l->in[i % LDISC_IN];

		col = c == '\t' ? (col | 7) + 1 : col + echo_width(l, c);
	}
	return col;
}

static void erase_one(struct ldisc *l)
{
	uint8_t c;

	do { /* a whole UTF-8 character */
		c = l->in[--l->head % LDISC_IN];
	} while (I(l, IUTF8) && (c & 0xc0) == 0x80 && l->head != l->canon);
	if (!L(l, ECHO))
		return;
	if (!L(l, ECHOE)) {
		echo_char(l, l->tio.c_cc[VERASE]);
	} else if (c == '\t') {
		unsigned want = line_column(l, l->head);

		while (l->column > want && ldisc_out_room(l)) {
			out_raw(l, '\b');
			l->column--;
		}
	} else {
		rub(l, echo_width(l, c));
	}
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c >= 0x80;
}

static void erase_word(struct ldisc *l)
{
	bool seen = false;

	while (l->head != l->canon) {
		bool w = is_word(l->in[(l->head - 1) % LDISC_IN]);

		if (!w && seen)
			break;
		seen |= w;
		erase_one(l);
	}
}

static void kill_line(struct ldisc *l)
{
	if (L(l, ECHO) && L(l, ECHOK) && L(l, ECHOKE) && L(l, ECHOE)) {
		while (l->head != l->canon)
			erase_one(l);
		return;
	}
	l->head = l->canon;
	if (L(l, ECHO)) {
		echo_char(l, l->tio.c_cc[VKILL]);
		if (L(l, ECHOK))
			out_processed(l, '\n');
	}
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
	l->lnext = false;
}

void ldisc_flush_out(struct ldisc *l)
{
	l->out_tail = l->out_head;
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
		ldisc_flush_in(l);
		ldisc_flush_out(l);
	}
	l->stopped = l->stopped && !I(l, IXON);
	if (L(l, ECHO))
		echo_char(l, c);
	if (l->signal)
		l->signal(l, sig);
	return true;
}

static bool receive_edit(struct ldisc *l, uint8_t c)
{
	if (is_cc(l, VERASE, c)) {
		if (l->head != l->canon)
			erase_one(l);
	} else if (L(l, IEXTEN) && is_cc(l, VWERASE, c)) {
		erase_word(l);
	} else if (is_cc(l, VKILL, c)) {
		kill_line(l);
	} else if (L(l, IEXTEN) && is_cc(l, VREPRINT, c) && L(l, ECHO)) {
		echo_char(l, c);
		out_processed(l, '\n');
		for (uint32_t i = l->canon; i != l->head; i++)
			echo_char(l, l->in[i % LDISC_IN]);
	} else {
		return false;
	}
	return true;
}

static void store(struct ldisc *l, uint8_t c, bool mark)
{
	if (L(l, ECHO) || (L(l, ECHONL) && L(l, ICANON) && c == '\n')) {
		if (l->head == l->canon)
			l->canon_column = l->column;
		if (c == '\n')
			out_processed(l, c);
		else
			echo_char(l, c);
	}
	/* A line may not fill the ring: room for its end must stay. */
	if (L(l, ICANON) && !mark && ldisc_room(l) <= 1) {
		if (I(l, IMAXBEL))
			out_raw(l, '\a');
		return;
	}
	in_put(l, c, mark, false);
}

static void receive_one(struct ldisc *l, uint8_t c)
{
	if (I(l, ISTRIP))
		c &= 0x7f;
	if (l->lnext) {
		l->lnext = false;
		store(l, c, false);
		return;
	}
	if (I(l, IXON)) {
		if (is_cc(l, VSTOP, c) || is_cc(l, VSTART, c)) {
			l->stopped = is_cc(l, VSTOP, c) && !is_cc(l, VSTART, c);
			return;
		}
		if (l->stopped && I(l, IXANY))
			l->stopped = false;
	}
	if (L(l, ISIG) && receive_signal(l, c))
		return;
	if (c == '\r') {
		if (I(l, IGNCR))
			return;
		if (I(l, ICRNL))
			c = '\n';
	} else if (c == '\n' && I(l, INLCR)) {
		c = '\r';
	}
	if (!L(l, ICANON)) {
		store(l, c, false);
		return;
	}
	if (receive_edit(l, c))
		return;
	if (L(l, IEXTEN) && is_cc(l, VLNEXT, c)) {
		l->lnext = true;
		if (L(l, ECHO) && L(l, ECHOCTL)) {
			out_raw(l, '^');
			out_raw(l, '\b');
		}
		return;
	}
	if (is_cc(l, VEOF, c)) {
		in_put(l, 0, true, true);
		return;
	}
	store(l, c,
	      c == '\n' || is_cc(l, VEOL, c) || (L(l, IEXTEN) && is_cc(l, VEOL2, c)));
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

bool ldisc_readable(const struct ldisc *l)
{
	return L(l, ICANON) ? l->canon != l->tail : l->head != l->tail;
}

size_t ldisc_pending(const struct ldisc *l)
{
	uint32_t end = L(l, ICANON) ? l->canon : l->head;
	size_t n = 0;

	for (uint32_t i = l->tail; i != end; i++)
		n += !get_bit(l->eofs, i);
	return n;
}

size_t ldisc_read(struct ldisc *l, uint8_t *b, size_t n, bool *ret_eof)
{
	bool canon = L(l, ICANON);
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

void ldisc_set_termios(struct ldisc *l, const struct termios2 *t)
{
	bool was = L(l, ICANON);

	l->tio = *t;
	if (was != !!L(l, ICANON)) {
		/* To canonical: what is there counts as one line; from it: all of it is data. */
		if (!was && l->head != l->tail)
			put_bit(l->marks, l->head - 1, true);
		l->canon = l->head;
		l->lnext = false;
	}
	if (!I(l, IXON))
		l->stopped = false;
}
