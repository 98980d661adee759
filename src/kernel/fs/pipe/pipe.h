/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes and FIFOs: a ring of pages in kernel memory. */
#ifndef NACRE_KERNEL_FS_PIPE_PIPE_H
#define NACRE_KERNEL_FS_PIPE_PIPE_H

#include "kernel/vfs/vfs.h"

#define PIPE_MAX_BYTES (1U << 20) /* /proc/sys/fs/pipe-max-size */

/* What opening an inode of type S_IFIFO gives (fifo(7)); also serves anonymous pipes. */
extern const struct file_ops fifo_file_ops;

/* The two ends of a new pipe (pipe(2)). flags: O_NONBLOCK, O_DIRECT. Each *ret has one reference. */
int pipe_new_files(uint32_t flags, struct file **ret_read, struct file **ret_write) __must_check;
/* fcntl(2) F_SETPIPE_SZ (arg in bytes) and F_GETPIPE_SZ. Returns the size, -EBADF when f is no pipe,
 * -EBUSY, -EPERM, -EINVAL. */
long pipe_fcntl(struct file *f, unsigned cmd, uint64_t arg);
bool file_is_pipe(const struct file *f);

#endif
