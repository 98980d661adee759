/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_NETLINK with NETLINK_ROUTE and NETLINK_SOCK_DIAG. A guest's socket is an object of ours: a queue of answers. A request is
 * checked and laid out anew (netlink_filter.c) and put to one of two host sockets that the kernel has from its start; what
 * comes back is queued with the guest's numbers. The host answers at once, so nobody waits with the lock held.
 * Groups may be joined, but news of changes do not come.
 */
#include "kernel/net/netlink.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "kernel/kernel.h"
#include "kernel/task/task.h"

#define NL_QUEUE_MAX (512U << 10) /* bytes that wait to be read */
#define NL_MAX_SEND 65536U
#define HOST_BUF 65536U
#define NL_OPTIONS 13

struct nlmsg {
	struct list_head node;
	size_t len;
	uint8_t data[];
};
struct nlsock {
	struct mutex lock; /* RANK_SOCK */
	struct waitq wait;
	struct list_head rx GUARDED_BY(lock);
	size_t rx_bytes GUARDED_BY(lock);
	struct list_head node; /* nl_lock */
	int proto, type;
	uint32_t portid, groups; /* nl_lock */
	uint64_t rcvtimeo;	 /* atomic */
	uint32_t options;	 /* atomic: bits of NETLINK_* */
	bool passcred;
};

/* The host's sockets, one question at a time. */
static struct mutex host_lock = MUTEX_INIT(RANK_NETLINK, "netlink host");
static uint32_t host_seq; /* host_lock */
static struct mutex nl_lock = MUTEX_INIT(RANK_SOCK, "netlink");
static LIST_HEAD(nl_socks); /* nl_lock */

static const struct proto_ops netlink_ops;

int netlink_create(int type, int proto, struct socket **ret)
{
	struct nlsock *k;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (!(proto == NETLINK_ROUTE && kernel.route_fd >= 0) && !(proto == NETLINK_SOCK_DIAG && kernel.diag_fd >= 0))
		return -EPROTONOSUPPORT;
	k = calloc(1, sizeof(*k));
	*ret = calloc(1, sizeof(**ret));
	if (!k || !*ret) {
		free(k);
		free(*ret);
		return -ENOMEM;
	}
	mutex_init(&k->lock, RANK_SOCK, "netlink socket");
	waitq_init(&k->wait);
	list_init(&k->rx);
	k->proto = proto;
	k->type = type;
	k->rcvtimeo = TIME_FOREVER;
	mutex_lock(&nl_lock);
	list_add_tail(&k->node, &nl_socks);
	mutex_unlock(&nl_lock);
	**ret = (struct socket){.ops = &netlink_ops, .type = type, .sk = k};
	return 0;
}

static void nl_release(struct socket *s)
{
	struct nlsock *k = s->sk;

	mutex_lock(&nl_lock);
	list_del(&k->node);
	mutex_unlock(&nl_lock);
	while (!list_empty(&k->rx)) {
		struct nlmsg *m = list_first_entry(&k->rx, struct nlmsg, node);

		list_del(&m->node);
		free(m);
	}
	waitq_done(&k->wait);
	mutex_destroy(&k->lock);
	free(k);
}

/* --- names --- */

/* nl_lock held. */
static bool port_free(const struct nlsock *k, uint32_t port)
{
	struct nlsock *x;

	list_for_each_entry(x, &nl_socks, node)
		if (x != k && x->proto == k->proto && x->portid == port)
			return false;
	return true;
}

/* As Linux does: the process's number, else any from the top down. */
static void autobind(struct nlsock *k)
{
	static uint32_t next = (uint32_t)-4096; /* nl_lock */

	MUTEX_GUARD(&nl_lock);
	if (k->portid)
		return;
	k->portid = (uint32_t)task_tgid_nr(current, current);
	while (!port_free(k, k->portid))
		k->portid = next--;
}

static int nl_bind(struct socket *s, const struct sockaddr_storage *ss, socklen_t n)
{
	struct nlsock *k = s->sk;
	struct sockaddr_nl a;
	bool any = false;

	if (n < sizeof(a) || ss->ss_family != AF_NETLINK)
		return -EINVAL;
	memcpy(&a, ss, sizeof(a));
	/* Groups of sock_diag tell of sockets that end: as in Linux not for everybody. */
	if (a.nl_groups && k->proto == NETLINK_SOCK_DIAG && !capable(current->cred, CAP_NET_ADMIN))
		return -EPERM;
	mutex_lock(&nl_lock);
	if (k->portid ? a.nl_pid != k->portid : a.nl_pid && !port_free(k, a.nl_pid)) {
		int r = k->portid ? -EINVAL : -EADDRINUSE;

		mutex_unlock(&nl_lock);
		return r;
	}
	if (a.nl_pid)
		k->portid = a.nl_pid;
	any = k->portid;
	k->groups = a.nl_groups;
	mutex_unlock(&nl_lock);
	if (!any)
		autobind(k);
	return 0;
}

static int nl_connect(struct socket *s, const struct sockaddr_storage *ss, socklen_t n, bool nonblock)
{
	struct sockaddr_nl a;

	if (n < sizeof(sa_family_t))
		return -EINVAL;
	if (ss->ss_family == AF_UNSPEC)
		return 0;
	if (ss->ss_family != AF_NETLINK || n < sizeof(a))
		return -EINVAL;
	memcpy(&a, ss, sizeof(a));
	if (a.nl_pid || a.nl_groups)
		return capable(current->cred, CAP_NET_ADMIN) ? -ECONNREFUSED : -EPERM;
	autobind(s->sk);
	return 0;
}

static int nl_getname(struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *n)
{
	struct nlsock *k = s->sk;
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};

	if (!peer) {
		MUTEX_GUARD(&nl_lock);
		nl.nl_pid = k->portid;
		nl.nl_groups = k->groups;
	}
	memcpy(a, &nl, sizeof(nl));
	*n = sizeof(nl);
	return 0;
}

/* --- questions and answers --- */

static int enqueue(struct nlsock *k, const void *p, size_t n)
{
	struct nlmsg *m = malloc(sizeof(*m) + n);

	if (!m)
		return -ENOMEM;
	m->len = n;
	memcpy(m->data, p, n);
	mutex_lock(&k->lock);
	if (k->rx_bytes + n > NL_QUEUE_MAX) {
		mutex_unlock(&k->lock);
		free(m);
		return -ENOBUFS;
	}
	list_add_tail(&m->node, &k->rx);
	k->rx_bytes += n;
	mutex_unlock(&k->lock);
	wake_up(&k->wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

bool netlink_is(struct file *f)
{
	struct socket *s = file_socket(f);

	return s && s->ops->family == AF_NETLINK;
}

void netlink_put(struct file *f, const void *p, size_t n)
{
	(void)!enqueue(file_socket(f)->sk, p, n);
}

/* NLMSG_ERROR about the guest's request. Without memory or room: as in Linux, the answer is lost. */
static int acknowledge(struct nlsock *k, const struct nlmsghdr *req, int err)
{
	size_t echo = err && !(__atomic_load_n(&k->options, __ATOMIC_RELAXED) & 1U << NETLINK_CAP_ACK) ?
			      req->nlmsg_len :
			      sizeof(*req);
	size_t n = NLMSG_ALIGN(NLMSG_HDRLEN + sizeof(int) + echo);
	_cleanup_free_ uint8_t *b = calloc(1, n);
	struct nlmsghdr h = {.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + sizeof(int) + echo),
			     .nlmsg_type = NLMSG_ERROR,
			     .nlmsg_flags = err || echo == req->nlmsg_len ? 0 : NLM_F_CAPPED,
			     .nlmsg_seq = req->nlmsg_seq,
			     .nlmsg_pid = k->portid};

	if (!b)
		return -ENOMEM;
	memcpy(b, &h, sizeof(h));
	memcpy(b + NLMSG_HDRLEN, &err, sizeof(err));
	memcpy(b + NLMSG_HDRLEN + sizeof(err), req, echo);
	return enqueue(k, b, n);
}

/* One datagram of the host: its messages with the guest's numbers. 1: that was the last; *ret_err: what it says. */
static int relay(struct nlsock *k, const struct nlmsghdr *req, uint8_t *b, size_t n, bool dump, int *ret_err)
{
	size_t at = 0, end = 0;
	bool last = false;

	while (!last && n - at >= NLMSG_HDRLEN) {
		struct nlmsghdr *h = (void *)(b + at); /* aligned: at is */

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > n - at)
			return -EIO;
		if (h->nlmsg_seq != host_seq)
			return -EIO;
		if (h->nlmsg_type == NLMSG_ERROR) {
			if (h->nlmsg_len < NLMSG_LENGTH(sizeof(int)))
				return -EIO;
			memcpy(ret_err, NLMSG_DATA(h), sizeof(int));
			last = true;
			break;
		}
		h->nlmsg_seq = req->nlmsg_seq;
		h->nlmsg_pid = k->portid;
		if (k->proto == NETLINK_SOCK_DIAG)
			netlink_diag_answer(h);
		last = dump && h->nlmsg_type == NLMSG_DONE;
		at += MIN(n - at, NLMSG_ALIGN(h->nlmsg_len));
		end = at;
	}
	if (end) {
		int r = enqueue(k, b, end);

		if (r < 0)
			return r;
	}
	return last;
}

/* Empties the host's socket after an answer that was not read to its end. */
static void drain(int fd, uint8_t *b)
{
	struct iovec v = {b, HOST_BUF};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	while (recvmsg(fd, &m, MSG_DONTWAIT) > 0)
		;
}

/* Puts out (n bytes) to the host and queues the answer. Returns what the host said, 0 or -errno. */
static int ask_host(struct nlsock *k, const struct nlmsghdr *req, struct nlmsghdr *out, size_t n)
{
	int fd = k->proto == NETLINK_ROUTE ? kernel.route_fd : kernel.diag_fd, err = 0, r;
	_cleanup_free_ uint8_t *b = malloc(HOST_BUF);
	bool dump = out->nlmsg_flags & NLM_F_DUMP;
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	struct iovec v = {out, n};
	struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &v, .msg_iovlen = 1};

	if (!b)
		return -ENOMEM;
	MUTEX_GUARD(&host_lock);
	out->nlmsg_seq = ++host_seq;
	if (sendmsg(fd, &m, MSG_DONTWAIT) < 0)
		return -errno;
	do {
		ssize_t got;

		v = (struct iovec){b, HOST_BUF};
		m = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1};
		got = recvmsg(fd, &m, MSG_DONTWAIT);
		r = got <= 0			? (got < 0 ? -errno : -EIO) :
		    m.msg_flags & MSG_TRUNC ? -EMSGSIZE :
						relay(k, req, b, (size_t)got, dump, &err);
	} while (r == 0);
	if (r < 0)
		drain(fd, b);
	return r < 0 ? r : err;
}

/* One message of the guest's. -EINTR: a dump, which is answered already. */
static int one_request(struct nlsock *k, const struct nlmsghdr *m, const void *payload, size_t n)
{
	_cleanup_free_ struct nlmsghdr *out = malloc(NL_MAX_REQUEST);
	int r;

	if (!out)
		return -ENOMEM;
	r = k->proto == NETLINK_ROUTE ? netlink_route_request(m, payload, n, out) :
					netlink_diag_request(m, payload, n, out);
	if (r <= 0)
		return r;
	r = ask_host(k, m, out, (size_t)r);
	return r == 0 && (m->nlmsg_flags & NLM_F_DUMP) ? -EINTR : r;
}

static ssize_t nl_send(struct socket *s, struct sock_msg *m, bool nonblock)
{
	struct nlsock *k = s->sk;
	size_t n = m->u->resid, at = 0;
	_cleanup_free_ uint8_t *b = NULL;
	struct sockaddr_nl to = {0};
	ssize_t c;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->addrlen) {
		if (m->addrlen < sizeof(to) || m->addr.ss_family != AF_NETLINK)
			return -EINVAL;
		memcpy(&to, &m->addr, sizeof(to));
		if (to.nl_pid || to.nl_groups)
			return capable(current->cred, CAP_NET_ADMIN) ? -ECONNREFUSED : -EPERM;
	}
	if (n > NL_MAX_SEND)
		return -EMSGSIZE;
	autobind(k);
	b = malloc(n + 1);
	if (!b)
		return -ENOBUFS;
	c = n ? uio_copy_from(m->u, b, n) : 0;
	if (c < (ssize_t)n)
		return -EFAULT;
	while (n - at >= NLMSG_HDRLEN) {
		struct nlmsghdr h;
		int r = 0;

		memcpy(&h, b + at, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > n - at)
			break;
		if ((h.nlmsg_flags & NLM_F_REQUEST) && h.nlmsg_type >= NLMSG_MIN_TYPE)
			r = one_request(k, &h, b + at + NLMSG_HDRLEN, h.nlmsg_len - NLMSG_HDRLEN);
		if (r != -EINTR && (r || (h.nlmsg_flags & NLM_F_ACK)))
			(void)acknowledge(k, (const void *)(b + at), r);
		at += MIN(n - at, NLMSG_ALIGN(h.nlmsg_len));
		if (fatal_signal_pending(current))
			break;
	}
	return (ssize_t)n;
}

static bool has_data(struct nlsock *k)
{
	MUTEX_GUARD(&k->lock);
	return !list_empty(&k->rx);
}

/* The first message; with peek a copy of it. */
static int take(struct nlsock *k, bool peek, struct nlmsg **ret)
{
	struct nlmsg *m;

	MUTEX_GUARD(&k->lock);
	if (list_empty(&k->rx))
		return -EAGAIN;
	m = list_first_entry(&k->rx, struct nlmsg, node);
	*ret = m;
	if (peek) {
		*ret = malloc(sizeof(*m) + m->len);
		if (!*ret)
			return -ENOMEM;
		memcpy(*ret, m, sizeof(*m) + m->len);
		return 0;
	}
	list_del(&m->node);
	k->rx_bytes -= m->len;
	return 0;
}

static ssize_t nl_recv(struct socket *s, struct sock_msg *m, bool nonblock)
{
	struct nlsock *k = s->sk;
	uint64_t timeo = __atomic_load_n(&k->rcvtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);
	struct sockaddr_nl from = {.nl_family = AF_NETLINK};
	_cleanup_free_ struct nlmsg *x = NULL;
	int in = m->flags;
	size_t n;
	ssize_t c;

	m->flags = 0;
	if (in & MSG_OOB)
		return -EOPNOTSUPP;
	for (;;) {
		int r = take(k, in & MSG_PEEK, &x);

		if (r == 0)
			break;
		if (r != -EAGAIN || nonblock)
			return r;
		r = wait_event(&k->wait, &current->sleeper, has_data(k), deadline, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return sock_sleep_error(r, timeo);
	}
	n = MIN(x->len, m->u->resid);
	c = n ? uio_copy_to(m->u, x->data, n) : 0;
	if (c < (ssize_t)n)
		return -EFAULT;
	if (n < x->len)
		m->flags |= MSG_TRUNC;
	memcpy(&m->addr, &from, sizeof(from));
	m->addrlen = sizeof(from);
	m->has_cred = k->passcred; /* the kernel's: 0, 0, 0 */
	return in & MSG_TRUNC ? (ssize_t)x->len : (ssize_t)n;
}

static uint32_t nl_poll(struct socket *s, struct poll_table *pt)
{
	struct nlsock *k = s->sk;

	poll_wait(pt, &k->wait);
	return EPOLLOUT | EPOLLWRNORM | (has_data(k) ? EPOLLIN | EPOLLRDNORM : 0U);
}

/* --- options --- */

static int nl_getopt(struct socket *s, int level, int name, void *v, socklen_t *n)
{
	struct nlsock *k = s->sk;

	if (level == SOL_NETLINK) {
		if (name <= NETLINK_DROP_MEMBERSHIP || name >= NL_OPTIONS || name == NETLINK_LIST_MEMBERSHIPS)
			return -ENOPROTOOPT;
		if (*n < sizeof(int))
			return -EINVAL;
		sock_put_int(__atomic_load_n(&k->options, __ATOMIC_RELAXED) >> name & 1, v, n);
		return 0;
	}
	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	switch (name) {
	case SO_TYPE:
		sock_put_int(k->type, v, n);
		return 0;
	case SO_DOMAIN:
		sock_put_int(AF_NETLINK, v, n);
		return 0;
	case SO_PROTOCOL:
		sock_put_int(k->proto, v, n);
		return 0;
	case SO_ERROR:
	case SO_ACCEPTCONN:
		sock_put_int(0, v, n);
		return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:
		sock_put_int(212992, v, n);
		return 0;
	case SO_PASSCRED:
		sock_put_int(k->passcred, v, n);
		return 0;
	case SO_RCVTIMEO:
		return sock_get_timeo(__atomic_load_n(&k->rcvtimeo, __ATOMIC_RELAXED), v, n);
	}
	return -ENOPROTOOPT;
}

static int nl_setopt(struct socket *s, int level, int name, const void *v, socklen_t n)
{
	struct nlsock *k = s->sk;
	uint64_t t;
	int x = 0, r;

	if (level == SOL_SOCKET && name == SO_RCVTIMEO) {
		r = sock_set_timeo(v, n, &t);
		if (r == 0)
			__atomic_store_n(&k->rcvtimeo, t, __ATOMIC_RELAXED);
		return r;
	}
	if (n < sizeof(x) && level == SOL_SOCKET)
		return -EINVAL;
	if (n >= sizeof(x))
		memcpy(&x, v, sizeof(x));
	if (level == SOL_SOCKET) {
		switch (name) {
		case SO_PASSCRED:
			k->passcred = x != 0;
			return 0;
		case SO_SNDBUF: /* the queue has one size */
		case SO_RCVBUF:
			return 0;
		case SO_RCVBUFFORCE:
		case SO_SNDBUFFORCE:
			return capable(current->cred, CAP_NET_ADMIN) ? 0 : -EPERM;
		}
		return -ENOPROTOOPT;
	}
	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	switch (name) {
	case NETLINK_ADD_MEMBERSHIP:
	case NETLINK_DROP_MEMBERSHIP:
		if (x <= 0 || x > RTNLGRP_MAX)
			return -EINVAL;
		if (x <= 32) {
			MUTEX_GUARD(&nl_lock);
			if (name == NETLINK_ADD_MEMBERSHIP)
				k->groups |= 1U << (x - 1);
			else
				k->groups &= ~(1U << (x - 1));
		}
		return 0;
	case NETLINK_BROADCAST_ERROR:
	case NETLINK_NO_ENOBUFS:
	case NETLINK_CAP_ACK:
	case NETLINK_EXT_ACK:
	case NETLINK_GET_STRICT_CHK:
		if (x)
			__atomic_or_fetch(&k->options, 1U << name, __ATOMIC_RELAXED);
		else
			__atomic_and_fetch(&k->options, ~(1U << name), __ATOMIC_RELAXED);
		return 0;
	case NETLINK_LISTEN_ALL_NSID:
		return -EPERM;
	}
	return -ENOPROTOOPT;
}

static long nl_ioctl(struct socket *s, struct task *t, unsigned cmd, uint64_t arg)
{
	struct nlsock *k = s->sk;
	uint32_t n = 0;

	if (cmd != FIONREAD)
		return netdev_ioctl(t, -1, cmd, arg);
	mutex_lock(&k->lock);
	if (!list_empty(&k->rx))
		n = (uint32_t)list_first_entry(&k->rx, struct nlmsg, node)->len;
	mutex_unlock(&k->lock);
	return put_u32(t, uaddr(arg), n);
}

static int nl_listen(struct socket *s, int backlog)
{
	return -EOPNOTSUPP;
}

static int nl_accept(struct socket *s, bool nonblock, struct socket **ret, struct sockaddr_storage *a, socklen_t *n)
{
	return -EOPNOTSUPP;
}

static int nl_shutdown(struct socket *s, int how)
{
	return -EOPNOTSUPP;
}

static const struct proto_ops netlink_ops = {.family = AF_NETLINK,
					     .release = nl_release,
					     .bind = nl_bind,
					     .connect = nl_connect,
					     .listen = nl_listen,
					     .accept = nl_accept,
					     .getname = nl_getname,
					     .send = nl_send,
					     .recv = nl_recv,
					     .shutdown = nl_shutdown,
					     .poll = nl_poll,
					     .getopt = nl_getopt,
					     .setopt = nl_setopt,
					     .ioctl = nl_ioctl};
