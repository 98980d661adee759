/* SPDX-License-Identifier: Apache-2.0 */
/* Internet sockets: what the files of the family share. */
#ifndef NACRE_KERNEL_NET_INET_H
#define NACRE_KERNEL_NET_INET_H

#include "base/list.h"
#include "kernel/net/socket.h"

struct isock {
	int fd; /* the host's socket, non-blocking; constant */
	int family, type, proto; /* constant */
	/* What the host must not do for us, because it would hold up the thread: atomic. */
	uint64_t rcvtimeo, sndtimeo;
	int rcvlowat;
	int err;    /* of a host call that came after bytes had moved: the next call's, positive */
	int linger; /* seconds that the last close waits; -1: does not */
	struct socket *s;
	uint64_t host_ino; /* constant */
	struct list_head node; /* inet_lock */
};

/* Whose is the host's socket with that inode number? The guest's number and owner; of sockets that are not this sandbox's: 0 and
 * nobody. An orphan (0) is nobody's inode and root's. */
void inet_owner(uint64_t host_ino, unsigned *ret_uid, uint64_t *ret_ino);
/* Takes k->err: 0 or -errno. */
static inline int inet_take_error(struct isock *k)
{
	return __atomic_load_n(&k->err, __ATOMIC_RELAXED) ? -__atomic_exchange_n(&k->err, 0, __ATOMIC_RELAXED) : 0;
}
/* Sleeps until the host's socket shows events. 0, -EAGAIN (the limit is over), -ERESTARTSYS, -EINTR. */
int inet_wait(struct isock *k, short events, uint64_t timeo, uint64_t deadline) __must_check;

ssize_t inet_send(struct socket *s, struct sock_msg *m, bool nonblock); /* inet_msg.c */
ssize_t inet_recv(struct socket *s, struct sock_msg *m, bool nonblock);
int inet_getopt(struct socket *s, int level, int name, void *v, socklen_t *n); /* inet_options.c */
int inet_setopt(struct socket *s, int level, int name, const void *v, socklen_t n);
long inet_ioctl(struct socket *s, struct task *t, unsigned cmd, uint64_t arg); /* inet_ioctl.c */
/* The guest's control messages of a send, checked against the list of what the host gets and laid out anew. out has
 * room for n bytes. Returns the bytes used or -errno. */
ssize_t inet_send_control(const struct isock *k, const void *in, size_t n, void *out); /* inet_control.c */

#endif
