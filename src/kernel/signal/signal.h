/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: sending, pending sets, actions, delivery at the user boundary. */
#ifndef NACRE_KERNEL_SIGNAL_SIGNAL_H
#define NACRE_KERNEL_SIGNAL_SIGNAL_H

#include <signal.h>
#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "kernel/types.h"
#include "kernel/wait.h"

#define NSIG_GUEST 64
typedef uint64_t ksigset_t; /* bit n-1 = signal n: the kernel's layout, not libc's */
#define KSIGMASK(sig) (1ULL << ((sig)-1))

struct pid_namespace;
struct pt_as;

struct ksigaction { /* struct kernel_sigaction as rt_sigaction(2) passes it on x86-64 */
	uint64_t handler, flags, restorer;
	ksigset_t mask;
};
struct kernel_siginfo { /* what is delivered; same bytes as siginfo_t */
	siginfo_t si;
};
struct sigqueue {
	struct list_head node;
	siginfo_t info;
};
struct sigpending {
	ksigset_t set;
	struct list_head queue; /* struct sigqueue */
};
struct sighand {
	struct ref ref;
	struct mutex lock; /* RANK_SIGHAND: actions, all pending sets of the group, stop state */
	struct ksigaction action[NSIG_GUEST] GUARDED_BY(lock);
};
struct guest_sigstack {
	uint64_t sp, size;
	int flags;
};

struct sighand *sighand_new(void);
struct sighand *sighand_copy(struct sighand *s);
struct sighand *sighand_get(struct sighand *s);
void sighand_put(struct sighand *s);

/* Sending. info NULL: SI_KERNEL. All may be called by any thread (RPC, timers, tty) without locks of
 * rank ≥ RANK_TASKLIST. Return 0, or -EAGAIN when a real-time queue is full. */
int send_signal_task(struct task *t, int sig, const siginfo_t *info);
int send_signal_group(struct thread_group *tg, int sig, const siginfo_t *info);
/* Every member of process group / session leader's group; by struct pid in task.h. */
struct pid;
int send_signal_pgrp(struct pid *pgrp, int sig, const siginfo_t *info);
/* A synchronous fault of t itself (the current task): unblocks and resets when blocked or ignored. */
void force_signal(struct task *t, int sig, const siginfo_t *info);
/* Exit of the whole group as by SIGKILL. Any thread. */
void kill_group(struct thread_group *tg);
/* The same for every group of the namespace that runs in this address space, whose host process is gone. Any thread. */
void kill_space(struct pid_namespace *ns, struct pt_as *as);

/* Is there something that must end an interruptible / killable sleep? Cheap, no lock. */
bool signal_pending(const struct task *t);
bool fatal_signal_pending(const struct task *t);
/* Is sig blocked or ignored by t (SIGTTIN/TTOU decisions)? */
bool signal_blocked_or_ignored(struct task *t, int sig);
/* Replaces the blocked mask of the current task (KILL and STOP are dropped from it). */
void set_blocked(struct task *t, ksigset_t mask);
/* For calls with a temporary mask (ppoll, sigsuspend...): restored after the next delivery or return. */
void set_temporary_mask(struct task *t, ksigset_t mask);
/* User boundary: stops, delivers, restarts. exit: what pt_run reported; syscall_ret: result of the call
 * when in_syscall. Does not return when the task dies. */
void user_boundary(struct task *t, bool in_syscall, long syscall_ret);
/* Next pending signal of t in mask taken out of the queue (signalfd, sigtimedwait); 0 none. */
int dequeue_signal(struct task *t, ksigset_t mask, siginfo_t *ret);
/* Is a signal of mask pending for t (its own or its group's)? */
bool signals_waiting(struct task *t, ksigset_t mask);
/* Woken whenever a signal becomes pending anywhere, while somebody watches: one queue that outlives all, because
 * what polls a signalfd may outlive the task whose signals it asked for. */
extern struct waitq signal_arrivals;
void signal_arrivals_watch(int by); /* +1 a signalfd was made, -1 it went */

#endif
