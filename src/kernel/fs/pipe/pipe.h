/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes and FIFOs: a ring of pages in kernel memory. */
#ifndef NACRE_KERNEL_FS_PIPE_PIPE_H
#define NACRE_KERNEL_FS_PIPE_PIPE_H

#include "kernel/vfs/vfs.h"

#define PIPE_MAX_BYTES (1U << 20) /* /proc/sys/fs/pipe-max-size */

/* /proc/sys/fs: the largest size an ordinary user may set; pages of all pipes of a user, 0 for no limit. Atomic. */
extern int pipe_max_size, pipe_user_pages_soft, pipe_user_pages_hard;

/* What opening an inode of type S_IFIFO gives (fifo(7)); also serves anonymous pipes. */
extern const struct file_ops fifo_file_ops;

/* The two ends of a new pipe (pipe(2)). flags: O_NONBLOCK, O_DIRECT. Each *ret has one reference. */
int pipe_new_files(uint32_t flags, struct file **ret_read, struct file **ret_write) __must_check;
/* fcntl(2) F_SETPIPE_SZ (arg in bytes) and F_GETPIPE_SZ. Returns the size, -EBADF when f is no pipe,
 * -EBUSY, -EPERM, -EINVAL. */
long pipe_fcntl(struct file *f, unsigned cmd, uint64_t arg);
bool file_is_pipe(const struct file *f);

/* Splicing; f, in and out are pipes. A splice copies: pages are not shared between pipes and files. */
#define PIPE_CHUNK 65536U /* bytes moved at a time */
/* Sets 1 to want page slots of the pipe aside for pipe_give. Sleeps for room unless nonblock. Their number, -EAGAIN,
 * -EPIPE (SIGPIPE was sent), -ERESTARTSYS. */
int pipe_reserve(struct file *f, unsigned want, bool nonblock) __must_check;
/* Fills reserved slots with the n bytes at buf as far as they go and gives the rest of them back. Bytes, or -ENOMEM. */
ssize_t pipe_give(struct file *f, unsigned reserved, const void *buf, size_t n);
/* Gives what is in the pipe, at most len bytes, to sink piece by piece until it is empty; what sink does not take
 * (it returns bytes or -errno) stays in the pipe. Sleeps for the first byte unless nonblock. Bytes, 0 at the end, -errno. */
typedef ssize_t (*pipe_sink)(void *arg, const void *p, size_t n);
ssize_t pipe_drain(struct file *f, size_t len, bool nonblock, pipe_sink sink, void *arg);
/* splice(2) and tee(2) between two different pipes: bytes, 0 at the end of in, -errno. */
ssize_t pipe_move(struct file *in, struct file *out, size_t len, bool nonblock);
ssize_t pipe_tee(struct file *in, struct file *out, size_t len, bool nonblock);

#endif
