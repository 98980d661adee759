/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals of the guest: struct tty is the slave side with its line discipline, job control and window
 * size. The far side is a pty master of the guest, or the host pty of a container's terminal.
 */
#ifndef NACRE_KERNEL_TTY_TTY_H
#define NACRE_KERNEL_TTY_TTY_H

#include <sys/ioctl.h>
#include "kernel/tty/ldisc.h"
#include "kernel/vfs/vfs.h"

struct pid;

struct tty {
	struct ref ref;
	struct mutex lock; /* RANK_TTY */
	struct ldisc ld GUARDED_BY(lock);
	struct winsize ws GUARDED_BY(lock);
	struct pid *session, *pgrp GUARDED_BY(lock);
	bool hung_up, other_closed GUARDED_BY(lock); /* gone for good; no far side open */
	bool locked, packet GUARDED_BY(lock); /* pty: TIOCSPTLCK, TIOCPKT */
	bool exclusive, far_exclusive GUARDED_BY(lock); /* TIOCEXCL, of the slave and of the master */
	struct termios2 kept GUARDED_BY(lock);		/* bits and characters that do not change: TIOCSLCKTRMIOS */
	uint8_t pkt GUARDED_BY(lock);	      /* TIOCPKT_* pending for the master */
	int slaves GUARDED_BY(lock);	      /* open slave files */
	bool slave_seen GUARDED_BY(lock);
	int pending_sig GUARDED_BY(lock); /* raised by the line discipline, sent after unlock */
	struct waitq read_wait;		  /* slave readers */
	struct waitq write_wait;	  /* slave writers */
	struct waitq far_wait;		  /* master: readers and writers; host: the pump */
	int host_fd;			  /* the host pty, else -1 */
	struct winsize host_ws GUARDED_BY(lock); /* the host's size as last seen */
	void (*kick)(struct tty *t);	  /* output is there or input room is: wake the far side */
	struct pty_set *set;		  /* whose number index is, with a reference; or NULL */
	dev_t dev;			  /* 136:N */
	kuid_t uid GUARDED_BY(lock);	  /* of its name in devpts, with gid and mode */
	kgid_t gid GUARDED_BY(lock);
	mode_t mode GUARDED_BY(lock); /* with S_IFCHR; 0: no owner yet */
	int index;
	void *priv; /* the host pty's pump */
	void (*free_priv)(struct tty *t);
};

struct tty *tty_new(dev_t dev);
struct tty *tty_get(struct tty *t);
void tty_put(struct tty *t);
DEFINE_CLEANUP(struct tty *, tty_put)

extern const struct file_ops tty_file_ops; /* slave files: f->priv is a struct tty */
/* Makes an open slave file of f: takes one reference of t over. -EIO when locked or hung up. Gives the
 * session leader its controlling terminal as open(2) does unless O_NOCTTY. */
int tty_open_slave(struct tty *t, struct file *f) __must_check;
/* Ioctls that slave and master share. -ENOTTY when unknown. */
long tty_common_ioctl(struct tty *tty, struct file *f, struct task *t, unsigned cmd, uint64_t arg);
/* TIOCEXCL, TIOCNXCL, TIOCGEXCL on flag, one of tty's. */
long tty_exclusive_ioctl(struct tty *tty, bool *flag, struct task *t, unsigned cmd, uint64_t arg);
/* Bytes from the far side into the line discipline; sends signals, wakes readers. Returns bytes taken. */
size_t tty_receive(struct tty *t, const uint8_t *b, size_t n);
/* The far side is gone: SIGHUP and SIGCONT to the session, reads give 0, writes -EIO. Any thread. */
void tty_hangup(struct tty *t);
void tty_resize(struct tty *t, unsigned rows, unsigned cols);

/* A guest terminal whose far end is the host pty slave host_slave_fd (taken over in every case; raw, made
 * by the runtime: it is set O_NONBLOCK). No guest file is open on it yet. */
int tty_host_new(int host_slave_fd, unsigned rows, unsigned cols, struct tty **ret) __must_check;
/* The host side's bytes flow from here on, and its end is seen: after the first open. */
int tty_host_start(struct tty *t) __must_check;
/* Takes over a size that the host's side was given since the last look (an engine that holds the master says
 * nothing of it to us). Without effect for other terminals. */
void tty_host_look(struct tty *t);
/* The process that the terminal was made for, or the session that it was given to, has ended: hang up once all output is out.
 * Without effect for other terminals. */
void tty_host_end(struct tty *t);
/* A file on t without a name in any devpts, O_RDWR. */
int tty_anon_file(struct tty *t, struct file **ret) __must_check;

/* A new pty pair: f becomes the master (its op and priv are set). */
struct pty_set;
int pty_open_master(struct pty_set *set, struct file *f) __must_check;
struct pty_set *pty_set_new(unsigned max);
void pty_set_put(struct pty_set *s);
struct tty *pty_get_slave(struct pty_set *s, int index); /* + reference, NULL */
int pty_next(struct pty_set *s, int start);		  /* index ≥ start, -1 */
/* Gives t the set's lowest free number until pty_set_leave. -ENOSPC. */
int pty_set_enter(struct pty_set *s, struct tty *t) __must_check;
void pty_set_leave(struct tty *t); /* before the last reference goes; without effect when in no set */

/* Controlling terminal of t's session, + reference; NULL. */
struct tty *task_tty_get(struct task *t);
/* 0, or what a background group gets for sig (SIGTTIN, SIGTTOU): -EIO, -ERESTARTSYS after sending it. */
int tty_check_change(struct tty *tty, int sig) __must_check;
long tty_jobctl_ioctl(struct tty *tty, struct task *t, unsigned cmd, uint64_t arg);
/* Makes tty the controlling terminal of the current session leader, if it may. 0, -EPERM. */
int tty_set_controlling(struct tty *tty, bool steal) __must_check;
void tty_signal_pgrp(struct tty *tty, int sig);
/* Carries out what the line discipline asked for while the lock was held. */
void tty_after_input(struct tty *t, int sig);
/* Does t's group lose its terminal? Called for a session leader that exits or TIOCNOTTY. */
void tty_disassociate(struct task *t);

#endif
