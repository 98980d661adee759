/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: struct socket is the file, proto_ops the family behind it. */
#ifndef NACRE_KERNEL_NET_SOCKET_H
#define NACRE_KERNEL_NET_SOCKET_H

#include <sys/socket.h>
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define SOCK_MAX_FDS 253 /* SCM_MAX_FD */

struct socket;
/* One message: name, data and control, already decoded. */
struct sock_msg {
	struct sockaddr_storage addr;
	socklen_t addrlen; /* send: 0 = none; receive: filled */
	struct uio *u;
	struct file *files[SOCK_MAX_FDS]; /* references; the receiver takes them */
	unsigned nfiles;
	struct ucred cred;
	bool has_cred;
	int flags; /* in: MSG_* of the call; out: MSG_TRUNC, MSG_CTRUNC */
};
struct proto_ops {
	int family;
	void (*release)(struct socket *s);
	int (*bind)(struct socket *s, const struct sockaddr_storage *a, socklen_t n);
	int (*connect)(struct socket *s, const struct sockaddr_storage *a, socklen_t n, bool nonblock);
	int (*listen)(struct socket *s, int backlog);
	int (*accept)(struct socket *s, bool nonblock, struct socket **ret);
	int (*getname)(struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *n);
	ssize_t (*send)(struct socket *s, struct sock_msg *m, bool nonblock);
	ssize_t (*recv)(struct socket *s, struct sock_msg *m, bool nonblock);
	int (*shutdown)(struct socket *s, int how);
	uint32_t (*poll)(struct socket *s, struct poll_table *pt);
	/* Value in and out of at most 16 bytes. -ENOPROTOOPT. */
	int (*getopt)(struct socket *s, int level, int name, void *v, socklen_t *n);
	int (*setopt)(struct socket *s, int level, int name, const void *v, socklen_t n);
	size_t (*pending)(struct socket *s); /* FIONREAD */
};
struct socket {
	const struct proto_ops *ops;
	int type; /* SOCK_STREAM... */
	void *sk;
};

int socket_file_new(struct socket *s, uint32_t flags, struct file **ret) __must_check;
struct socket *file_socket(struct file *f); /* NULL: no socket */
int unix_create(int type, struct socket **ret) __must_check;
void unix_pair(struct socket *a, struct socket *b);

#endif
