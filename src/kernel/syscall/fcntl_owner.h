/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of fcntl(2) about owners, signals, leases and hints. */
#ifndef NACRE_KERNEL_SYSCALL_FCNTL_OWNER_H
#define NACRE_KERNEL_SYSCALL_FCNTL_OWNER_H

#include "kernel/types.h"

/* f is open at fd (not O_PATH). -EINVAL when cmd is none of them. */
long fcntl_owner(struct task *t, struct file *f, int fd, unsigned cmd, uint64_t arg);

#endif
