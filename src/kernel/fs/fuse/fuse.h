/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE client: file systems whose names are resolved by a gofer and whose bytes flow straight through
 * host descriptors that the gofer hands over. The gofer is not trusted: whatever it replies is checked,
 * and the worst it can do is give EIO.
 */
#ifndef NACRE_KERNEL_FS_FUSE_H
#define NACRE_KERNEL_FS_FUSE_H

#include "base/cleanup.h"
#include "kernel/types.h"

struct fuse_conn;

/* A thread that is no task sets it while it stays on one CPU: the gofer comes there then. */
extern __thread bool fuse_thread_stays;

/* A connection to the gofer at the other end of sock_fd (SOCK_SEQPACKET; taken over in every case).
 * Exchanges INIT; blocks. Returns 0 with one reference, -EPROTO when the peer speaks another version,
 * -EIO, -ENOMEM. Any thread, no lock held. */
int fuse_conn_new(int sock_fd, struct fuse_conn **ret) __must_check;
struct fuse_conn *fuse_conn_get(struct fuse_conn *c);
/* The last put closes every channel; a gofer that was not told to exit then ends with 137. */
void fuse_conn_put(struct fuse_conn *c);
DEFINE_CLEANUP(struct fuse_conn *, fuse_conn_put)

/* Tells the gofer to end with this wait(2) status (an exit code or a killing signal): the container's
 * init has ended. Does not wait for an answer; later calls and requests find a broken connection. */
void fuse_conn_exit(struct fuse_conn *c, int status);

/* True once the gofer is gone or has broken the protocol. */
bool fuse_conn_broken(const struct fuse_conn *c);
/* A descriptor whose POLLHUP says that the gofer is gone; owned by c. Never read from it. */
int fuse_conn_watch_fd(const struct fuse_conn *c);

/* A file system whose root is export number export_index of the gofer. It holds a reference of c.
 * exclusive: only this sandbox changes the files, caches hold until it does (directories are guarded by
 * their host ctime); otherwise every use asks the gofer again. flags: MS_RDONLY... as for mount(2).
 * source: text for /proc/mounts, copied. A root may be a directory or, for binds of one file, a regular
 * file. Returns 0 with one reference, or -errno. */
int fuse_super_new(struct fuse_conn *conn, unsigned export_index, bool exclusive, unsigned flags,
		   const char *source, struct super **ret) __must_check;

#endif
