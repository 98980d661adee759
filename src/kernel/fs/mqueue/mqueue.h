/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues. Every queue is a file of the one mqueue file system of its IPC namespace. */
#ifndef NACRE_KERNEL_FS_MQUEUE_MQUEUE_H
#define NACRE_KERNEL_FS_MQUEUE_MQUEUE_H

#include <mqueue.h>
#include <signal.h>
#include "kernel/types.h"
#include "kernel/vfs/vfs.h"

#define MQ_PRIORITIES 32768U
#define MQ_COOKIE 32 /* bytes that SIGEV_THREAD sends; the last one says why */

/* The root of the current task's queues; *ret gets a reference. */
int mqueue_root(struct task *t, struct path *ret) __must_check;
/* Creates the file d in root for mq_open(2) with attr, or the defaults for NULL. */
int mqueue_create(const struct path *root, struct dentry *d, mode_t mode, const struct mq_attr *attr) __must_check;
/* f of another kind: -EBADF. Sleeps end at deadline (monotonic) or with a signal (-ERESTARTSYS). */
int mqueue_send(struct file *f, struct task *t, uaddr_t text, size_t n, unsigned prio, uint64_t deadline) __must_check;
/* The length of the message; *ret_prio is its priority. */
ssize_t mqueue_receive(struct file *f, struct task *t, uaddr_t text, size_t n, unsigned *ret_prio, uint64_t deadline)
	__must_check;
/* ev NULL: no notification any more. socket: where the cookie goes for SIGEV_THREAD, which takes its own reference, else
 * NULL. -EBUSY: another process has asked for one. */
int mqueue_set_notify(struct file *f, struct task *t, const struct sigevent *ev, struct file *socket,
		      const uint8_t *cookie) __must_check;
/* set, old: may be NULL. */
int mqueue_attributes(struct file *f, const struct mq_attr *set, struct mq_attr *old) __must_check;

#endif
