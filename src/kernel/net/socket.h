/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: struct socket is the file, proto_ops the family behind it. */
#ifndef NACRE_KERNEL_NET_SOCKET_H
#define NACRE_KERNEL_NET_SOCKET_H

#include <sys/socket.h>
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define SOCK_MAX_FDS 253     /* SCM_MAX_FD */
#define SOCK_MAX_OPT 512U    /* no option has a longer value */
#define SOCK_MAX_CONTROL 20480U /* optmem_max of Linux */

struct socket;
/* One message: name, data and control, already decoded. */
struct sock_msg {
	struct sockaddr_storage addr;
	socklen_t addrlen; /* send: 0 = none; receive: filled */
	struct uio *u;
	struct file **files; /* malloc'd, with references; the receiver takes both. NULL: none */
	unsigned nfiles;
	struct ucred cred;
	bool has_cred;
	/* Families with raw_control: the control messages as they lie in memory. Send: what the guest gave. Receive:
	 * room for controllen bytes, of which controllen are filled. */
	void *control;
	size_t controllen;
	int flags; /* in: MSG_* of the call; out: those of msg_flags */
};
struct proto_ops {
	int family;
	bool raw_control;
	void (*release)(struct socket *s);
	int (*bind)(struct socket *s, const struct sockaddr_storage *a, socklen_t n);
	int (*connect)(struct socket *s, const struct sockaddr_storage *a, socklen_t n, bool nonblock);
	int (*listen)(struct socket *s, int backlog);
	/* *a, *n: the peer's name. */
	int (*accept)(struct socket *s, bool nonblock, struct socket **ret, struct sockaddr_storage *a,
		      socklen_t *n);
	int (*getname)(struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *n);
	ssize_t (*send)(struct socket *s, struct sock_msg *m, bool nonblock);
	ssize_t (*recv)(struct socket *s, struct sock_msg *m, bool nonblock);
	int (*shutdown)(struct socket *s, int how);
	uint32_t (*poll)(struct socket *s, struct poll_table *pt);
	/* *n: the room at v (at most SOCK_MAX_OPT, zeroed), then the length. -ENOPROTOOPT. */
	int (*getopt)(struct socket *s, int level, int name, void *v, socklen_t *n);
	int (*setopt)(struct socket *s, int level, int name, const void *v, socklen_t n);
	/* -ENOTTY when cmd is unknown. */
	long (*ioctl)(struct socket *s, struct task *t, unsigned cmd, uint64_t arg);
};
struct socket {
	const struct proto_ops *ops;
	int type; /* SOCK_STREAM... */
	void *sk;
	struct file *file; /* no reference; constant once it is a file */
	uint64_t ino; /* constant once it is a file */
	kuid_t uid;   /* the same: who made it */
};

int socket_file_new(struct socket *s, uint32_t flags, struct file **ret) __must_check;
struct socket *file_socket(struct file *f); /* NULL: no socket */
/* An int as the value of an option, cut to the room *n. */
void sock_put_int(int x, void *v, socklen_t *n);
/* Options that are times: timeval of both layouts, in nanoseconds; 0 is TIME_FOREVER. */
int sock_get_timeo(uint64_t ns, void *v, socklen_t *n);
int sock_set_timeo(const void *v, socklen_t n, uint64_t *ret) __must_check;
/* When a wait with this limit ends. */
uint64_t sock_deadline(uint64_t timeo);
/* What a sleep that failed means to a call with this limit. */
int sock_sleep_error(int r, uint64_t timeo);

int unix_create(int type, struct socket **ret) __must_check;
void unix_pair(struct socket *a, struct socket *b);
/* AF_INET, AF_INET6: through a socket of the host. type without flags. */
int inet_create(int family, int type, int proto, struct socket **ret) __must_check;
/* Requests about network interfaces (SIOCGIF*), for sockets of every family. fd: the host's socket behind one, -1 when there
 * is none. -ENOTTY: another request. */
long netdev_ioctl(struct task *t, int fd, unsigned cmd, uint64_t arg);

#endif
