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
	uint32_t out_head, out_tail;
	unsigned column, canon_column; /* of the cursor; where the line being edited began */
	bool lnext, stopped;	       /* literal next; output stopped by IXON or TCXONC */
	void (*signal)(struct ldisc *l, int sig); /* ISIG; may be NULL */
};

void ldisc_init(struct ldisc *l);
/* The user typed n bytes (or the pty master wrote them). Returns how many were taken: fewer when the ring
 * is full. Echo goes to the output ring. */
size_t ldisc_receive(struct ldisc *l, const uint8_t *b, size_t n);
size_t ldisc_room(const struct ldisc *l);
/* Is there something that read(2) would return now, without VMIN? */
bool ldisc_readable(const struct ldisc *l);
/* Bytes for FIONREAD. */
size_t ldisc_pending(const struct ldisc *l);
/* Moves up to n bytes (one line in canonical mode) to b. *ret_eof: an EOF mark ended it. */
size_t ldisc_read(struct ldisc *l, uint8_t *b, size_t n, bool *ret_eof);
/* The program writes n bytes: output processing into the output ring. Returns how many were taken. */
size_t ldisc_write(struct ldisc *l, const uint8_t *b, size_t n);
/* Takes up to n bytes for the far side; 0 while output is stopped. */
size_t ldisc_take_output(struct ldisc *l, uint8_t *b, size_t n);
size_t ldisc_out_pending(const struct ldisc *l);
size_t ldisc_out_room(const struct ldisc *l);
void ldisc_set_termios(struct ldisc *l, const struct termios2 *t);
void ldisc_flush_in(struct ldisc *l);
void ldisc_flush_out(struct ldisc *l);

#endif
