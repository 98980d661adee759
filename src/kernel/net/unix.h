/* SPDX-License-Identifier: Apache-2.0 */
/* AF_UNIX: what the files of the family share. */
#ifndef NACRE_KERNEL_NET_UNIX_H
#define NACRE_KERNEL_NET_UNIX_H

#include <sys/un.h>
#include "base/list.h"
#include "base/ref.h"
#include "kernel/net/socket.h"

#define UNIX_BUF 212992U   /* net.core.wmem_default */
#define UNIX_DGRAM_QLEN 10 /* net.unix.max_dgram_qlen */

struct skb {
	struct list_head node;
	size_t len, off;
	struct file **files;
	unsigned nfiles;
	struct ucred cred;
	struct sockaddr_un addr;
	socklen_t addrlen;
	uint8_t data[];
};
struct usock {
	struct ref ref;
	int type;
	struct waitq wait;
	struct mutex io;     /* RANK_SOCK_IO: one reader at a time takes from rx */
	struct list_head rx; /* all below: unix_lock */
	size_t rx_bytes;
	unsigned rx_count;
	struct usock *peer; /* reference */
	struct list_head accept_q, accept_node, bound_node, all_node;
	struct socket *s; /* its file's; NULL while it waits to be accepted */
	int backlog, nqueued;
	bool listening, connected, closed, shut_rd, shut_wr, reset, passcred;
	struct sockaddr_un addr;
	socklen_t addrlen; /* 0: unbound */
	struct inode *inode; /* path names: reference */
	void *net;	     /* whose abstract names */
	struct ucred cred, peercred;
	unsigned inflight;   /* messages on their way that carry its file */
	long gc_refs;	     /* unix_gc.c, as the next two */
	struct list_head flight_node, gc_node;
	/* Options: atomic. */
	uint64_t rcvtimeo, sndtimeo;
	unsigned sndbuf, rcvbuf, rcvlowat;
	unsigned flags; /* bits 1 << SO_*: kept only */
	int priority;
	struct linger linger;
};

extern struct mutex unix_lock;
extern struct list_head unix_socks; /* unix_lock: all */

void usock_put(struct usock *u);
struct ucred unix_my_cred(void);
/* The socket bound to an address, with a reference. */
int unix_find_bound(const struct sockaddr_storage *ss, socklen_t n, int type, struct usock **ret) __must_check;
static inline void usock_wake(struct usock *u)
{
	wake_up_all(&u->wait, 0);
}

/* unix_msg.c */
ssize_t unix_send(struct socket *s, struct sock_msg *m, bool nonblock);
ssize_t unix_recv(struct socket *s, struct sock_msg *m, bool nonblock);
uint32_t unix_poll(struct socket *s, struct poll_table *pt);

/* unix_options.c */
int unix_getopt(struct socket *s, int level, int name, void *v, socklen_t *n);
int unix_setopt(struct socket *s, int level, int name, const void *v, socklen_t n);

/* unix_gc.c: descriptors in messages. A socket that only messages in unreachable sockets hold is garbage. */
/* Counts the files of b, which is being queued (by 1) or taken out (by -1). unix_lock held. */
void unix_count_files(const struct skb *b, int by);
/* May the current task send n more? 0 or -ETOOMANYREFS. unix_lock held. */
int unix_may_send_files(unsigned n) __must_check;
/* Frees messages, however deep they are within each other, without recursion. No lock held. */
void unix_free_skbs(struct list_head *skbs);
/* Looks for garbage if files are on their way at all. No lock held. */
void unix_gc(void);

#endif
