/* SPDX-License-Identifier: Apache-2.0 */
/* A foreground container's terminal and signals: what `run`, `exec` and `do` do while they wait. */
#ifndef NACRE_CLI_CONSOLE_H
#define NACRE_CLI_CONSOLE_H

#include <pthread.h>
#include <signal.h>
#include <termios.h>
#include "sandbox/sandbox.h"

struct console {
	const struct runtime_opts *rt;
	const char *id, *exec_id; /* exec_id NULL: the container's first process */
	int master, slave;	  /* host pty, -1 without a terminal */
	unsigned rows, columns;
	int tty; /* our own terminal, whose mode is changed; -1 none */
	struct termios saved;
	bool raw;
	int signals, stop; /* signalfd; eventfd that ends the thread */
	sigset_t old_mask;
	bool masked;
	pthread_t thread;
	bool running;
};

/* Prepares a console; with terminal a host pty is made: c->slave (raw) is for the container, its
 * size that of our terminal, else rows x columns if they are given. Logs what fails. */
int console_init(struct console *c, const struct runtime_opts *rt, const char *id,
		 const char *exec_id, bool terminal, unsigned rows, unsigned columns) __must_check;
/* Signals wait from here on (children started later inherit that) until console_start passes them
 * on. */
void console_hold_signals(struct console *c);
/* Our terminal becomes raw and a thread carries bytes, sizes and signals. Closes c->slave. */
int console_start(struct console *c) __must_check;
/* Ends the thread after the last output has come, and puts everything back. Idempotent. */
void console_done(struct console *c);

#endif
