/* SPDX-License-Identifier: Apache-2.0 */
/* The entry hook that logs calls (kernel.strace). */
#ifndef NACRE_KERNEL_SYSCALL_STRACE_H
#define NACRE_KERNEL_SYSCALL_STRACE_H

#include "kernel/syscall/syscall.h"

extern const struct entry_hook strace_hook;
/* Warns in the log of names in kernel.strace_list that no call has. */
void strace_check_list(void);

#endif
