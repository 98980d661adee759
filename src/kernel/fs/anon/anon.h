/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name: eventfd, signalfd, timerfd. */
#ifndef NACRE_KERNEL_FS_ANON_ANON_H
#define NACRE_KERNEL_FS_ANON_ANON_H

#include <time.h>
#include "kernel/vfs/vfs.h"

int eventfd_new(unsigned count, int flags, struct file **ret) __must_check;
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
