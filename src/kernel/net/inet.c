/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_INET and AF_INET6 through sockets of the host, which live in the pod's network namespace: the host's TCP, UDP and ICMP
 * do the work. A host socket never blocks; a guest's call that does sleeps here, where signals and kills reach it. What the
 * guest may ask for is listed: socket types here, options in inet_options.c, control messages in inet_control.c.
 */
#include "kernel/net/inet.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include "base/hostio.h"
#include "kernel/kernel.h"
#include "kernel/task/task.h"

#define PROTO_LIMIT 263 /* IPPROTO_MAX of Linux 6.12 */

static struct mutex inet_lock = MUTEX_INIT(RANK_SOCK, "inet");
#define NBUCKETS 1024U
static struct list_head inet_socks[NBUCKETS]; /* inet_lock; by the host's inode number; next is NULL until used */
static const struct proto_ops inet_ops, inet6_ops;

/* inet_lock held. */
static struct list_head *bucket(uint64_t ino)
{
	struct list_head *b = &inet_socks[ino % NBUCKETS];

	if (!b->next)
		list_init(b);
	return b;
}

void inet_owner(uint64_t host_ino, unsigned *ret_uid, uint64_t *ret_ino)
{
	struct isock *k;

	*ret_ino = 0;
	*ret_uid = host_ino ? 65534 : 0;
	if (!host_ino)
		return;
	MUTEX_GUARD(&inet_lock);
	list_for_each_entry(k, bucket(host_ino), node) {
		uint64_t ino = __atomic_load_n(&k->s->ino, __ATOMIC_ACQUIRE);

		if (k->host_ino != host_ino)
			continue;
		*ret_ino = ino;
		*ret_uid = ino ? k->s->uid.v : 0; /* not accepted yet, as good as an orphan */
		return;
	}
}

int inet_wait(struct isock *k, short events, uint64_t timeo, uint64_t deadline)
{
	int r = sleeper_wait_fd(&current->sleeper, k->fd, events, deadline, SLEEP_INTERRUPTIBLE);

	return sock_sleep_error(r, timeo);
}

/* fd is taken over in every case. */
static int wrap(int fd, const struct isock *like, struct socket **ret)
{
	struct socket *s = calloc(1, sizeof(*s));
	struct isock *k = malloc(sizeof(*k));
	struct stat st;

	if (!s || !k || hio_fstat(fd, &st) < 0) {
		free(s);
		free(k);
		close(fd);
		return -ENOMEM;
	}
	*k = *like;
	k->fd = fd;
	k->s = s;
	k->host_ino = st.st_ino;
	k->err = 0;
	*s = (struct socket){.ops = k->family == AF_INET ? &inet_ops : &inet6_ops, .type = k->type, .sk = k};
	mutex_lock(&inet_lock);
	list_add_tail(&k->node, bucket(k->host_ino));
	mutex_unlock(&inet_lock);
	*ret = s;
	return 0;
}

static int choose_proto(int family, int type, int proto)
{
	int icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (proto < 0 || proto >= PROTO_LIMIT)
		return -EINVAL;
	switch (type) {
	case SOCK_STREAM:
		return proto == 0 || proto == IPPROTO_TCP ? IPPROTO_TCP : -EPROTONOSUPPORT;
	case SOCK_DGRAM:
		if (proto == icmp)
			return icmp;
		return proto == 0 || proto == IPPROTO_UDP ? IPPROTO_UDP : -EPROTONOSUPPORT;
	case SOCK_RAW:
		return capable(current->cred, CAP_NET_RAW) ? -EPROTONOSUPPORT : -EPERM;
	}
	return -ESOCKTNOSUPPORT;
}

int inet_create(int family, int type, int proto, struct socket **ret)
{
	struct isock k = {.family = family, .type = type, .rcvtimeo = TIME_FOREVER,
			  .sndtimeo = TIME_FOREVER, .rcvlowat = 1, .linger = -1};
	int fd;

	if (!kernel.network)
		return -EAFNOSUPPORT;
	k.proto = choose_proto(family, type, proto);
	if (k.proto < 0)
		return k.proto;
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, k.proto);
	if (fd < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	return wrap(fd, &k, ret);
}

/* SO_LINGER: close waits until the peer has everything, or the time is over. Not for the dying. */
static void linger(struct isock *k)
{
	uint64_t end = now_ns() + (uint64_t)k->linger * NSEC_PER_SEC, pause = 1000000;
	int left;

	if (shutdown(k->fd, SHUT_RDWR) < 0)
		return;
	while (now_ns() < end && ioctl(k->fd, SIOCOUTQ, &left) == 0 && left > 0) {
		int r;

		sleeper_prepare(&current->sleeper);
		r = sleeper_sleep(&current->sleeper, MIN(end, now_ns() + pause), SLEEP_INTERRUPTIBLE);
		if (r != -ETIMEDOUT && r < 0)
			return;
		pause = MIN(pause * 2, (uint64_t)20000000);
	}
}

static void inet_release(struct socket *s)
{
	struct isock *k = s->sk;

	mutex_lock(&inet_lock);
	list_del(&k->node);
	mutex_unlock(&inet_lock);
	if (k->linger > 0 && k->type == SOCK_STREAM && current && !__atomic_load_n(&current->exiting, __ATOMIC_RELAXED))
		linger(k);
	close(k->fd);
	free(k);
}

/* The port of an internet address, 0 when there is none. */
static unsigned port_of(const struct isock *k, const struct sockaddr_storage *a, socklen_t n)
{
	if (k->family == AF_INET)
		return n >= sizeof(struct sockaddr_in) ? ntohs(((const struct sockaddr_in *)a)->sin_port) : 0;
	return n >= 24 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port) : 0;
}

static int inet_bind(struct socket *s, const struct sockaddr_storage *a, socklen_t n)
{
	struct isock *k = s->sk;
	unsigned port = port_of(k, a, n);

	/* The host lets the sandbox's user bind every port. */
	if (k->proto != IPPROTO_ICMP && k->proto != IPPROTO_ICMPV6 && port && port < kernel.port_start &&
	    a->ss_family == k->family && !capable(current->cred, CAP_NET_BIND_SERVICE))
		return -EACCES;
	return RET_NERRNO(bind(k->fd, (const void *)a, n));
}

/*
 * A host connect under way is asked again when the socket shows something: the second call tells how the first one
 * ended. A guest's call that was interrupted and comes again does the same.
 */
static int inet_connect(struct socket *s, const struct sockaddr_storage *a, socklen_t n, bool nonblock)
{
	struct isock *k = s->sk;
	uint64_t timeo = __atomic_load_n(&k->sndtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);

	for (;;) {
		int r = RET_NERRNO(connect(k->fd, (const void *)a, n)), w;

		if ((r != -EINPROGRESS && r != -EALREADY) || nonblock)
			return r;
		w = inet_wait(k, POLLOUT, timeo, deadline);
		if (w == -EAGAIN)
			return r;
		if (w < 0)
			return w;
	}
}

static int inet_listen(struct socket *s, int backlog)
{
	struct isock *k = s->sk;

	return RET_NERRNO(listen(k->fd, backlog));
}

static int inet_accept(struct socket *s, bool nonblock, struct socket **ret, struct sockaddr_storage *a, socklen_t *n)
{
	struct isock *k = s->sk;
	uint64_t timeo = __atomic_load_n(&k->rcvtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);

	for (;;) {
		int fd, r;

		*n = sizeof(*a);
		fd = accept4(k->fd, (void *)a, n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			return wrap(fd, k, ret);
		r = -errno;
		if (r == -EMFILE)
			return -ENFILE;
		if (r != -EAGAIN || nonblock)
			return r;
		r = inet_wait(k, POLLIN, timeo, deadline);
		if (r < 0)
			return r;
	}
}

static int inet_getname(struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *n)
{
	struct isock *k = s->sk;

	*n = sizeof(*a);
	return RET_NERRNO(peer ? getpeername(k->fd, (void *)a, n) : getsockname(k->fd, (void *)a, n));
}

static int inet_shutdown(struct socket *s, int how)
{
	struct isock *k = s->sk;

	return RET_NERRNO(shutdown(k->fd, how));
}

#define POLL_ALL (POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND)

static uint32_t inet_poll(struct socket *s, struct poll_table *pt)
{
	struct isock *k = s->sk;

	if (pt && pt->hostfd) {
		pt->hostfd(pt, k->fd, POLL_ALL);
		pt->direct = true;
	}
	return (uint32_t)(unsigned short)hio_poll(k->fd, POLL_ALL, 0);
}

#define INET_OPS(f)                                                                                \
	{.family = (f), .raw_control = true, .release = inet_release, .bind = inet_bind,           \
	 .connect = inet_connect, .listen = inet_listen, .accept = inet_accept,                    \
	 .getname = inet_getname, .send = inet_send, .recv = inet_recv, .shutdown = inet_shutdown, \
	 .poll = inet_poll, .getopt = inet_getopt, .setopt = inet_setopt, .ioctl = inet_ioctl}
static const struct proto_ops inet_ops = INET_OPS(AF_INET), inet6_ops = INET_OPS(AF_INET6);
