/* SPDX-License-Identifier: Apache-2.0 */
/* epoll(7): the object. */
#ifndef NACRE_KERNEL_FS_ANON_EPOLL_H
#define NACRE_KERNEL_FS_ANON_EPOLL_H

#include <sys/epoll.h>
#include "kernel/vfs/vfs.h"

int epoll_new(struct file **ret) __must_check;
/* epoll_ctl(2): op EPOLL_CTL_*, f (open at fd) watched in ep. -EINVAL when ep is no epoll, -ELOOP, ... */
int epoll_change(struct file *ep, int op, int fd, struct file *f, const struct epoll_event *ev)
	__must_check;
/* Fills up to n events; sleeps until deadline (absolute). Count, 0 at the deadline, -EINTR. */
int epoll_collect(struct file *ep, struct epoll_event *ev, int n, uint64_t deadline) __must_check;
/* The last reference of f is going: file_put calls this before release when f->epoll_items is not empty. */
void epoll_file_gone(struct file *f);

#endif
