/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name: eventfd, inotify, pidfd, signalfd, timerfd. */
#ifndef NACRE_KERNEL_FS_ANON_ANON_H
#define NACRE_KERNEL_FS_ANON_ANON_H

#include <fcntl.h>
#include <time.h>
#include "kernel/vfs/vfs.h"

struct pid;

/* Is f an eventfd? eventfd_signal adds n to its counter, at most to the highest value; f must be one. */
bool eventfd_is(const struct file *f);
void eventfd_signal(struct file *f, uint64_t n);
int eventfd_new(unsigned count, int flags, struct file **ret) __must_check;
int inotify_new(int flags, struct file **ret) __must_check;
/* A watch on *p (not negative): its number; -EINVAL when f is no inotify file. mask: IN_*. */
int inotify_add(struct file *f, const struct path *p, uint32_t mask) __must_check;
int inotify_remove(struct file *f, int wd) __must_check;
/* A pidfd of pid (a reference is added). flags: O_NONBLOCK, PIDFD_THREAD. */
#define PIDFD_THREAD O_EXCL
int pidfd_new(struct pid *pid, unsigned flags, struct file **ret) __must_check;
/* What f names, borrowed from f; NULL when f is no pidfd. */
struct pid *pidfd_pid(struct file *f, bool *ret_thread);
/* mask: the kernel's layout, bit n-1 = signal n. */
int signalfd_new(uint64_t mask, int flags, struct file **ret) __must_check;
/* -EINVAL when f is no signalfd. */
int signalfd_set(struct file *f, uint64_t mask) __must_check;
int timerfd_new(int clock, int flags, struct file **ret) __must_check;
/* -EINVAL when f is no timerfd. */
int timerfd_set(struct file *f, int flags, const struct itimerspec *new, struct itimerspec *old)
	__must_check;
int timerfd_get(struct file *f, struct itimerspec *ret) __must_check;

#endif
