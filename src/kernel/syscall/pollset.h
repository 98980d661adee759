/* SPDX-License-Identifier: Apache-2.0 */
/* What one sleeping poll or select waits on: queue entries and host descriptors. */
#ifndef NACRE_KERNEL_SYSCALL_POLLSET_H
#define NACRE_KERNEL_SYSCALL_POLLSET_H

#include "kernel/wait.h"

struct pollset_entry {
	struct wait_entry we;
	struct pollset_entry *next;
};
struct pollset {
	struct poll_table pt; /* give to file_poll; set pt.events before each */
	struct sleeper *sleeper;
	struct pollset_entry *entries;
	struct pollfd *host;
	unsigned nhost, host_cap, ninline;
	int err;
	struct pollset_entry inline_entries[8]; /* most polls need no allocation */
};
void pollset_init(struct pollset *s, struct sleeper *sleeper);
/* Leaves every queue. */
void pollset_done(struct pollset *s);
/* ≥ 0: something may have changed, look again. Else -ETIMEDOUT, -ERESTARTSYS, -ENOMEM. */
int pollset_sleep(struct pollset *s, uint64_t deadline) __must_check;

#endif
