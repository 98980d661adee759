/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two files of the socket family. */
#ifndef NACRE_KERNEL_SYSCALL_SOCKADDR_H
#define NACRE_KERNEL_SYSCALL_SOCKADDR_H

#include "kernel/net/socket.h"

int get_sockaddr(struct task *t, uaddr_t p, int n, struct sockaddr_storage *a) __must_check;
/* Value-result length at np; nothing when p is null. */
int put_sockaddr(struct task *t, uaddr_t p, uaddr_t np, const struct sockaddr_storage *a, socklen_t n)
	__must_check;
/* *ret_f receives a reference even when -ENOTSOCK. */
int sock_get(struct task *t, int fd, struct file **ret_f, struct socket **ret) __must_check;

#endif
