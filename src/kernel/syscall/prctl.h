/* SPDX-License-Identifier: Apache-2.0 */
/* Options of prctl(2) that live in other files. */
#ifndef NACRE_KERNEL_SYSCALL_PRCTL_H
#define NACRE_KERNEL_SYSCALL_PRCTL_H

#include "kernel/types.h"

/* PR_SET_SECCOMP. 0, -EINVAL, and what seccomp(2) says. t: the current task. */
long prctl_set_seccomp(struct task *t, uint64_t mode, uint64_t filter);

#endif
