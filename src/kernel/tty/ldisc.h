/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal line discipline (n_tty): termios(3) over two byte rings, nothing else. It knows no files,
 * tasks or locks: struct tty guards it and carries out what the hooks ask for.
 */
#ifndef NACRE_KERNEL_TTY_LDISC_H
#define NACRE_KERNEL_TTY_LDISC_H

#include <asm/termbits.h>
#include "base/compiler.h"

#define LDISC_IN 4096U	/* input ring: MAX_CANON */
#define LDISC_OUT 8192U /* output ring */

struct ldisc {
	struct termios2 tio;
	uint8_t in[LDISC_IN];
	uint32_t marks[LDISC_IN / 32]; /* bit set: this byte ends a line (delimiter, or EOF mark) */
	uint32_t eofs[LDISC_IN / 32];  /* bit set: an EOF mark, not data */
	uint32_t head, canon, tail;    /* free running: written, end of last whole line, read */
	uint8_t out[LDISC_OUT];
	/* Free running: written, what the far side has of it, taken there. Between the first two is echo that waits for the
	 * end of what was typed, or for output to start again. */
	uint32_t out_head, out_done, out_tail;
	unsigned column, done_column; /* of the cursor, after out_head and after out_done */
	unsigned canon_column;	       /* where the line being edited began */
	bool lnext, erasing;	       /* literal next; within ECHOPRT's backslash and slash */
	bool stopped, held;	       /* no output; by TCXONC, so that no key starts it */
	bool far_buffers;	       /* what is written is the far side's at once: a pty */
	uint8_t pkt;		       /* TIOCPKT_* that a master in packet mode has not seen */
	void (*signal)(struct ldisc *l, int sig); /* ISIG; may be NULL */
};

void ldisc_init(struct ldisc *l);
/* The user typed n bytes (or the pty master wrote them). Returns how many were taken: fewer when the ring
 * is full. Echo goes to the output ring, and to the far side with ldisc_echo. */
size_t ldisc_receive(struct ldisc *l, const uint8_t *b, size_t n);
void ldisc_echo(struct ldisc *l);
size_t ldisc_room(const struct ldisc *l);
/* Is there something that read(2) would return now, without VMIN? */
bool ldisc_readable(const struct ldisc *l);
/* Bytes for FIONREAD. */
size_t ldisc_pending(const struct ldisc *l);
/* Moves up to n bytes (one line in canonical mode) to b. *ret_eof: an EOF mark ended it. */
size_t ldisc_read(struct ldisc *l, uint8_t *b, size_t n, bool *ret_eof);
/* The program writes n bytes: output processing into the output ring. Returns how many were taken. */
size_t ldisc_write(struct ldisc *l, const uint8_t *b, size_t n);
bool ldisc_writable(const struct ldisc *l);
/* TCXONC: output stops until it is started in the same way; what the far side has already stays there. */
void ldisc_hold(struct ldisc *l, bool on);
/* A flow character to the far side, past everything; VDISABLE is none. */
void ldisc_send(struct ldisc *l, uint8_t c);
/* Takes up to n bytes for the far side. */
size_t ldisc_take_output(struct ldisc *l, uint8_t *b, size_t n);
size_t ldisc_out_pending(const struct ldisc *l);
size_t ldisc_out_room(const struct ldisc *l);
void ldisc_set_termios(struct ldisc *l, const struct termios2 *t);
void ldisc_flush_in(struct ldisc *l);
void ldisc_flush_out(struct ldisc *l);

#endif
