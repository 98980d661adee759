/* SPDX-License-Identifier: Apache-2.0 */
/* Advisory locks of files: flock(2), POSIX record locks and open file description locks of fcntl(2). */
#ifndef NACRE_KERNEL_VFS_LOCK_H
#define NACRE_KERNEL_VFS_LOCK_H

#include "kernel/types.h"

/* A record: the bytes [start, end], end inclusive. */
struct lock_range {
	int type; /* F_RDLCK, F_WRLCK, F_UNLCK */
	uint64_t start, end;
};

/* fcntl(F_SETLK, F_SETLKW) and their OFD forms on f. ofd: the open file owns the lock, else t's descriptor
 * table does. 0, -EAGAIN (not wait), -EDEADLK, -ENOLCK, -ENOMEM, -ERESTARTSYS. No lock held. */
int record_lock(struct task *t, struct file *f, const struct lock_range *want, bool ofd, bool wait)
	__must_check;
/* What keeps *want from being granted: *want becomes that lock (type F_UNLCK: nothing does) and *ret_pid its
 * owner as t sees it, -1 for an open file description. */
void record_test(struct task *t, struct file *f, struct lock_range *want, bool ofd, int *ret_pid);
/* flock(2): type as above. 0, -EWOULDBLOCK, -ENOMEM, -ERESTARTSYS. */
int flock_file(struct task *t, struct file *f, int type, bool wait) __must_check;

/* A lock, or somebody who waits for the one shown before it, as /proc/locks lists them. */
struct lock_info {
	unsigned nr;
	bool blocked;
	const char *kind;
	struct lock_range range;
	int pid; /* as ns sees it; -1: of an open file */
	uint64_t dev, ino;
};
struct pid_namespace;
/* Calls fn, which must not sleep or lock, for each. */
void locks_for_each(struct pid_namespace *ns, void (*fn)(const struct lock_info *l, void *arg), void *arg);

#endif
