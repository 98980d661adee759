/* SPDX-License-Identifier: Apache-2.0 */
/* Between futex.c and futex_pi.c. */
#ifndef NACRE_KERNEL_TASK_FUTEX_PRIV_H
#define NACRE_KERNEL_TASK_FUTEX_PRIV_H

#include "kernel/mm/mm.h"

/* -EINVAL unaligned, -EFAULT. */
int futex_get_key(struct task *t, uint64_t addr, bool priv, struct futex_key *k) __must_check;
int futex_read_word(struct task *t, uint64_t addr, uint32_t *v) __must_check;
bool futex_same_key(const struct futex_key *a, const struct futex_key *b);
uint64_t futex_hash(const struct futex_key *k);
/* t ends: the PI futexes it owns and others wait for go to them. */
void futex_pi_exit(struct task *t);

#endif
