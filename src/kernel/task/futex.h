/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of futex(2). addr is a guest address of the calling task; priv: FUTEX_PRIVATE_FLAG. */
#ifndef NACRE_KERNEL_TASK_FUTEX_H
#define NACRE_KERNEL_TASK_FUTEX_H

#include "kernel/types.h"

/* 0 woken, -EAGAIN the word is not val, -ETIMEDOUT, -ERESTARTSYS, -EFAULT, -EINVAL. */
long futex_wait(struct task *t, uint64_t addr, bool priv, uint32_t val, uint32_t bitset,
		uint64_t deadline);
/* Number woken. */
long futex_wake(struct task *t, uint64_t addr, bool priv, int n, uint32_t bitset);
struct futex_requeue_args {
	uint64_t addr, addr2;
	bool priv, priv2, compare; /* FUTEX_PRIVATE_FLAG of addr, of addr2 */
	uint32_t val;
	int nwake, nmove;
};
long futex_requeue(struct task *t, const struct futex_requeue_args *a);
/* Changes the word at addr2 by op, wakes nwake at addr, and nmove at addr2 when the old value says so. */
long futex_wake_op(struct task *t, const struct futex_requeue_args *a, uint32_t op);

/* As futex_wait, to be moved to the PI futex at addr2 by futex_cmp_requeue_pi and to return with it locked. */
long futex_wait_requeue_pi(struct task *t, uint64_t addr, bool priv, uint32_t val, uint32_t bitset, uint64_t deadline,
			   uint64_t addr2);
long futex_cmp_requeue_pi(struct task *t, const struct futex_requeue_args *a);

/* Waits for the first of n words: its index. */
struct futex_wait_entry {
	uint64_t addr;
	uint32_t val;
	bool priv;
};
long futex_wait_many(struct task *t, const struct futex_wait_entry *e, unsigned n, uint64_t deadline);

/* futex_pi.c. try: do not wait. 0, -EDEADLK, -ESRCH the owner is no thread, -EAGAIN (try), -ETIMEDOUT, -ERESTARTNOINTR. */
long futex_lock_pi(struct task *t, uint64_t addr, bool priv, uint64_t deadline, bool try);
long futex_unlock_pi(struct task *t, uint64_t addr, bool priv); /* -EPERM: not the owner */

#endif
