/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told by a signal what happens to an open file: F_SETOWN, F_SETSIG, O_ASYNC, F_NOTIFY; and leases. */
#ifndef NACRE_KERNEL_VFS_FOWN_H
#define NACRE_KERNEL_VFS_FOWN_H

#include "kernel/vfs/vfs.h"

/* kind: F_OWNER_TID, F_OWNER_PID or F_OWNER_PGRP; nr as t sees it, 0 takes the owner away. -ESRCH, -ENOMEM. */
int file_set_owner(struct task *t, struct file *f, int kind, int nr) __must_check;
/* *ret_nr is 0 when there is no owner or t does not see it. */
void file_get_owner(struct task *t, struct file *f, int *ret_kind, int *ret_nr);
/* The user ids that were in force when the owner was set. */
void file_owner_uids(struct file *f, uint32_t ret[2]);
/* The signal of F_SETSIG; 0 is SIGIO without details. */
int file_set_sig(struct file *f, int sig) __must_check;
int file_get_sig(struct file *f);
/* Turns SIGIO for f on or off; fd: what the signal names. -ENOMEM, -EAGAIN. */
int file_async(struct file *f, int fd, bool on) __must_check;
/* F_NOTIFY on a directory: what is DN_*. -ENOTDIR, -ENOMEM, -EAGAIN. */
int file_dnotify(struct file *f, int fd, uint32_t what) __must_check;
/* Tells the owner of f by its signal. Takes RANK_TASKLIST. */
void file_signal(struct file *f, int fd, int code, long band);
/* f is going: nobody is told any more. */
void file_fown_release(struct file *f);

/* fcntl(2) F_SETLEASE and F_GETLEASE. type: F_RDLCK, F_WRLCK, F_UNLCK. */
int file_set_lease(struct task *t, struct file *f, int fd, int type) __must_check;
int file_get_lease(struct file *f);
/* Somebody opens (write: for writing) or truncates i: breaks the leases against it and waits until they are gone,
 * or their holders' time is up. -EWOULDBLOCK with nonblock, -ERESTARTSYS. No lock may be held. */
int lease_break(struct inode *i, bool write, bool nonblock) __must_check;
void lease_release(struct file *f);
extern int lease_break_time; /* atomic: seconds, /proc/sys/fs/lease-break-time */

#endif
