/* SPDX-License-Identifier: Apache-2.0 */
/* Between seccomp.c and seccomp_notify.c. */
#ifndef NACRE_KERNEL_TASK_SECCOMP_PRIV_H
#define NACRE_KERNEL_TASK_SECCOMP_PRIV_H

#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "kernel/task/seccomp.h"
#include "kernel/wait.h"

#define SECCOMP_CACHE_WORDS 8 /* calls that have a bit in the cache: 512 */

struct seccomp_filter {
	struct ref ref; /* tasks, newer filters, the listener */
	int users;	/* atomic: tasks that run it and newer filters with users; 0: the listener sees a hang-up */
	struct seccomp_filter *prev; /* constant once attached; a reference */
	bool log;		     /* dito */
	bool wait_killable;	     /* dito: who waits for a reply is woken by a kill only */
	unsigned linux_len;	     /* what counts against the limit */
	/* Bit n: this filter and all before it always allow call n; constant once attached. */
	uint64_t allow[SECCOMP_CACHE_WORDS];

	struct waitq wq;   /* calls that wait for a reply, listeners that wait for a call, polls */
	struct mutex lock; /* RANK_SOCK */
	bool listener;	   /* atomic, changed with the lock held: there is one */
	uint64_t next_id GUARDED_BY(lock);
	struct list_head calls GUARDED_BY(lock); /* struct notif, oldest first */

	struct container *ct; /* constant: what pays for it; a reference */
	unsigned n;
	struct sock_filter p[]; /* constant */
};

/* Asks f's listener about the call d of t, the current task. True: the call is not to be made, *ret_result says what it
 * returns (raw: with no meaning to the kernel; -ERESTARTSYS when *ret_raw is false). */
bool seccomp_notify(struct task *t, struct seccomp_filter *f, const struct seccomp_data *d, long *ret_result,
		    bool *ret_raw);

#endif
