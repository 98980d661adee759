/* SPDX-License-Identifier: Apache-2.0 */
/* Files on inherited host descriptors: the stdio of containers and exec sessions. */
#ifndef NACRE_KERNEL_FS_HOST_HOSTFILE_H
#define NACRE_KERNEL_FS_HOST_HOSTFILE_H

#include "kernel/vfs/vfs.h"

/* Wraps host_fd (owned by the file from success on). flags: O_ACCMODE, O_NONBLOCK, O_APPEND of the guest's
 * file; the host's O_APPEND is respected. The host descriptor's status flags are never changed.
 * Host SIGPIPE must be ignored by the process. Returns 0 or -errno. */
int hostfile_new(int host_fd, uint32_t flags, struct file **ret) __must_check;

#endif
