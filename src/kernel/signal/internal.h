/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of signal/ and task/. */
#ifndef NACRE_KERNEL_SIGNAL_INTERNAL_H
#define NACRE_KERNEL_SIGNAL_INTERNAL_H

#include "kernel/signal/signal.h"
#include "kernel/task/task.h"

#define SIG_KERNEL_ONLY (KSIGMASK(SIGKILL) | KSIGMASK(SIGSTOP))
#define SIG_STOP_MASK                                                                              \
	(KSIGMASK(SIGSTOP) | KSIGMASK(SIGTSTP) | KSIGMASK(SIGTTIN) | KSIGMASK(SIGTTOU))
#define SIG_IGNORE_MASK                                                                            \
	(KSIGMASK(SIGCONT) | KSIGMASK(SIGCHLD) | KSIGMASK(SIGWINCH) | KSIGMASK(SIGURG))
#define SIG_CORE_MASK                                                                              \
	(KSIGMASK(SIGQUIT) | KSIGMASK(SIGILL) | KSIGMASK(SIGTRAP) | KSIGMASK(SIGABRT) |            \
	 KSIGMASK(SIGFPE) | KSIGMASK(SIGSEGV) | KSIGMASK(SIGBUS) | KSIGMASK(SIGSYS) |              \
	 KSIGMASK(SIGXCPU) | KSIGMASK(SIGXFSZ))
#define SIG_SYNC_MASK                                                                              \
	(KSIGMASK(SIGSEGV) | KSIGMASK(SIGBUS) | KSIGMASK(SIGILL) | KSIGMASK(SIGTRAP) |             \
	 KSIGMASK(SIGFPE) | KSIGMASK(SIGSYS))
#define HANDLER_DFL 0ULL
#define HANDLER_IGN 1ULL
#define SIGRTMIN_KERNEL 32
#define KSA_RESTORER 0x04000000ULL

/* pending.c */
/* Drops all; tg: whose count of queued signals shrinks (NULL: being freed). */
void sigpending_flush(struct sigpending *p, struct thread_group *tg);
/* Drops the signals of mask. sighand lock held. */
void sigpending_drop(struct sigpending *p, ksigset_t mask, struct thread_group *tg);
int sigpending_add(struct sigpending *p, int sig, const siginfo_t *info, struct task *t);
/* Next signal of p not in blocked, 0 none; taken out. sighand lock held. */
int sigpending_take(struct sigpending *p, ksigset_t blocked, siginfo_t *ret,
		    struct thread_group *tg);
/* Sets or clears TIF_SIGPENDING of t. sighand lock held. */
void recalc_sigpending(struct task *t);

/* send.c: with the tasklist lock held (the sighand lock is taken inside). */
int send_signal_locked(struct task *t, int sig, const siginfo_t *info, bool group);
int send_pgrp_locked(struct pid *pgrp, int sig, const siginfo_t *info);
/* May a task with cred c send sig to t (kill(2))? 0, -EPERM. */
int may_signal(struct task *from, struct task *t, int sig);
/* Every other thread of t's group gets SIGKILL. tasklist and sighand lock held. */
void kill_other_threads(struct task *t);
void set_killed(struct task *t);

/* Is the last signal of the timer with that number still waiting? Then n more turns are counted in it. to: the thread it
 * goes to, NULL the group. Without locks. */
bool signal_timer_waits(struct thread_group *tg, struct task *to, int sig, int id, unsigned n);

/* jobctl.c */
/* Asks t for a stop or trap; jobctl_clear also forgets what belongs to a group stop that is no more pending. sighand lock
 * held. False: t is dying. */
bool jobctl_set(struct task *t, unsigned mask);
void jobctl_clear(struct task *t, unsigned mask);
/* A thread arrives in the group's stop, or leaves (exits). sighand lock held. True: the stop is complete now. */
bool stop_participate(struct task *t);
/* A new thread of t's group takes part in a stop that is in progress. sighand lock held. */
void stop_join(struct task *t, struct task *child);
/* Tells the parent of tg about CLD_STOPPED/CONTINUED/... tasklist lock held, sighand lock not. */
void notify_parent_jobctl(struct thread_group *tg, int why);
/* Tells the tracer of t that it stopped. dito */
void notify_tracer_stop(struct task *t, int why);
/* Starts a stop of the group by sig, which t took from its queue. */
void stop_begin(struct task *t, int sig);
/* What is to be done about stops before a signal is taken; true: something happened, look again. */
bool stop_check(struct task *t);
/* Makes t look at its flags; resume: it leaves its stop under a tracer unless that is just looking. sighand lock held. */
void ptrace_signal_wake(struct task *t, bool resume);

/* frame.c */
/* Writes the frame and sets the registers. -EFAULT: nothing usable is there. */
int frame_setup(struct task *t, int sig, const struct ksigaction *ka, const siginfo_t *info,
		ksigset_t saved) __must_check;
/* rt_sigreturn(2): registers, mask, altstack from the frame. -EFAULT. */
int frame_restore(struct task *t) __must_check;
bool on_altstack(const struct task *t, uint64_t sp);

#endif
