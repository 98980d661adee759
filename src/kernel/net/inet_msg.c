/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data of internet sockets. A call is tried first and waits only when the host says EAGAIN. Bytes go through the
 * thread's staging buffer, from which the platform copies cheapest, or straight to kernel memory.
 */
#include <string.h>
#include "base/hostio.h"
#include "kernel/net/inet.h"
#include "kernel/task/task.h"
#include "platform/platform.h"

#define SEND_FLAGS (MSG_OOB | MSG_DONTROUTE | MSG_EOR | MSG_CONFIRM | MSG_MORE)
#define RECV_FLAGS (MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE)
#define OUT_FLAGS (MSG_OOB | MSG_TRUNC | MSG_CTRUNC | MSG_EOR | MSG_ERRQUEUE)
#define MAX_DATAGRAM 65536U
#define MAX_PEEK (1U << 20)

/* Where the bytes of a message are for the host. */
struct bounce {
	char *p;
	size_t len;
	void *own; /* malloc'd, or NULL */
	bool direct; /* p is the caller's own kernel memory */
};

static int bounce_get(struct bounce *b, const struct uio *u, size_t least)
{
	*b = (struct bounce){0};
	if (u->kernel && u->nseg == 1) {
		b->p = (char *)(uintptr_t)(u->seg->base + u->seg_off);
		b->len = u->resid;
		b->direct = true;
		return 0;
	}
	if (!u->kernel && u->t && u->t == current && current->pt) {
		b->p = pt_staging(current->pt, &b->len);
		if (b->len >= MIN(least, u->resid))
			return 0;
	}
	b->len = MAX(MIN(u->resid, (size_t)65536), MIN(u->resid, least));
	b->own = malloc(b->len + 1);
	b->p = b->own;
	return b->p ? 0 : -ENOMEM;
}

/* Linux leaves the error for the next call when bytes have moved; the host has already forgotten it. */
static void keep_error(struct isock *k, ssize_t r)
{
	if (k->type == SOCK_STREAM && r < 0 && r != -EAGAIN && r != -EINTR && r != -ERESTARTSYS && r != -EFAULT &&
	    r != -EPIPE && r != -ENOMEM)
		__atomic_store_n(&k->err, (int)-r, __ATOMIC_RELAXED);
}

/* Sends [p, p + n), waiting for room if the call may. Bytes sent, short when it may not wait; -errno when none were. */
static ssize_t send_all(struct isock *k, struct msghdr *h, char *p, size_t n, int flags, bool nonblock, uint64_t deadline)
{
	uint64_t timeo = __atomic_load_n(&k->sndtimeo, __ATOMIC_RELAXED);
	size_t done = 0;

	do {
		struct iovec v = {p + done, n - done};
		ssize_t r;

		h->msg_iov = &v;
		h->msg_iovlen = 1;
		r = RET_NERRNO(sendmsg(k->fd, h, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
		if (r == -EAGAIN && !nonblock) {
			r = inet_wait(k, POLLOUT, timeo, deadline);
			if (r == 0)
				continue;
		}
		if (r < 0 && done)
			keep_error(k, r);
		if (r < 0)
			return done ? (ssize_t)done : r;
		done += (size_t)r;
		if (k->type != SOCK_STREAM)
			break;
		if (done < n && nonblock)
			break;
	} while (done < n);
	return (ssize_t)done;
}

ssize_t inet_send(struct socket *s, struct sock_msg *m, bool nonblock)
{
	struct isock *k = s->sk;
	bool stream = k->type == SOCK_STREAM;
	uint64_t deadline = sock_deadline(__atomic_load_n(&k->sndtimeo, __ATOMIC_RELAXED));
	struct msghdr h = {.msg_name = m->addrlen ? &m->addr : NULL, .msg_namelen = m->addrlen};
	_cleanup_free_ void *control = NULL;
	int flags = m->flags & SEND_FLAGS;
	ssize_t total = 0, n, r;
	struct bounce b;

	if (m->flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if (!stream && m->u->resid >= MAX_DATAGRAM)
		return -EMSGSIZE;
	if (m->controllen) {
		control = malloc(m->controllen);
		if (!control)
			return -ENOMEM;
		r = inet_send_control(k, m->control, m->controllen, control);
		if (r < 0)
			return r;
		h.msg_control = r ? control : NULL;
		h.msg_controllen = (size_t)r;
	}
	r = inet_take_error(k);
	if (r == 0)
		r = bounce_get(&b, m->u, stream ? 1 : MAX_DATAGRAM);
	if (r < 0)
		return r;
	do {
		size_t want = MIN(m->u->resid, b.len);
		bool more = want < m->u->resid;

		n = b.direct ? (ssize_t)want : want ? uio_copy_from(m->u, b.p, want) : 0;
		if (n < 0 || (!stream && (size_t)n < want)) {
			r = -EFAULT;
			break;
		}
		r = send_all(k, &h, b.p, (size_t)n, flags | (more ? MSG_MORE : 0), nonblock, deadline);
		if (!b.direct)
			uio_revert(m->u, (size_t)(n - MAX(r, 0)));
		else
			m->u->resid -= (size_t)MAX(r, 0), m->u->seg_off += (size_t)MAX(r, 0);
		if (r < 0)
			break;
		total += r;
		if (b.direct)
			b.p += r, b.len -= (size_t)r;
		if (r < n || (size_t)n < want)
			break;
	} while (stream && m->u->resid);
	free(b.own);
	if (total && r < 0)
		keep_error(k, r);
	return total ? total : r;
}

/* The host's poll shows POLLERR as long as something is in the error queue: such a wait ends at once, every time. And of
 * datagram sockets that are shut for reading only a call that may wait is told so. 1: that is the end of the data. */
static int wait_data(struct isock *k, uint64_t timeo, uint64_t deadline, unsigned tries)
{
	if (tries && k->type != SOCK_STREAM && (hio_poll(k->fd, POLLRDHUP, 0) & POLLRDHUP))
		return 1;
	if (tries > 2) {
		uint64_t pause = now_ns() + 1000000ULL * MIN(tries, 100U);
		int r;

		sleeper_prepare(&current->sleeper);
		r = sleeper_sleep(&current->sleeper, MIN(pause, deadline), SLEEP_INTERRUPTIBLE);
		if (r == -ERESTARTSYS)
			return sock_sleep_error(r, timeo);
	}
	return inet_wait(k, POLLIN, timeo, deadline);
}

/* One host call. Bytes that lie at b->p, as in m->flags; the result is what the guest's call would return for it. */
static ssize_t recv_once(struct isock *k, struct sock_msg *m, struct bounce *b, size_t want, int flags, size_t room,
			 struct msghdr *h)
{
	struct iovec v = {b->p, want};

	*h = (struct msghdr){.msg_name = &m->addr, .msg_namelen = sizeof(m->addr), .msg_iov = &v, .msg_iovlen = 1,
			     .msg_control = room ? m->control : NULL, .msg_controllen = room};
	return RET_NERRNO(recvmsg(k->fd, h, flags | MSG_DONTWAIT));
}

/* What came to the guest's buffer. 0 or -EFAULT. */
static int hand_out(struct sock_msg *m, struct bounce *b, size_t n)
{
	ssize_t c;

	if (b->direct) {
		m->u->resid -= n;
		m->u->seg_off += n;
		b->p += n;
		b->len -= n;
		return 0;
	}
	c = n ? uio_copy_to(m->u, b->p, n) : 0;
	return c == (ssize_t)n ? 0 : -EFAULT;
}

ssize_t inet_recv(struct socket *s, struct sock_msg *m, bool nonblock)
{
	struct isock *k = s->sk;
	bool stream = k->type == SOCK_STREAM, once = !stream || (m->flags & (MSG_OOB | MSG_PEEK | MSG_ERRQUEUE));
	uint64_t timeo = __atomic_load_n(&k->rcvtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);
	size_t room = m->controllen, least = (size_t)__atomic_load_n(&k->rcvlowat, __ATOMIC_RELAXED), total = 0;
	int flags = m->flags & RECV_FLAGS;
	unsigned tries = 0;
	struct msghdr h = {0};
	struct bounce b;
	ssize_t n;
	int r;

	if (m->flags & (MSG_OOB | MSG_ERRQUEUE))
		nonblock = true;
	least = m->flags & MSG_WAITALL ? m->u->resid : MIN(least, m->u->resid);
	r = m->flags & MSG_ERRQUEUE ? 0 : inet_take_error(k);
	if (r == 0)
		r = bounce_get(&b, m->u, stream ? (flags & MSG_PEEK ? MAX_PEEK : 1) : MAX_DATAGRAM);
	if (r < 0)
		return r;
	for (;;) {
		size_t want = MIN(m->u->resid, b.len), got;

		n = recv_once(k, m, &b, want, flags, room, &h);
		if (n == -EAGAIN && !nonblock && (!total || total < least)) {
			r = wait_data(k, timeo, deadline, tries++);
			if (r == 0)
				continue;
			n = MIN(r, 0);
		}
		if (n <= 0)
			break;
		tries = 0;
		m->controllen = h.msg_controllen;
		m->flags = h.msg_flags & OUT_FLAGS;
		got = MIN((size_t)n, want);
		/* MSG_TRUNC of TCP: the bytes are thrown away. */
		r = stream && (flags & MSG_TRUNC) ? 0 : hand_out(m, &b, got);
		if (r < 0) {
			n = r;
			break;
		}
		if (stream && (flags & MSG_TRUNC))
			m->u->resid -= got;
		total += (size_t)n;
		if (once || !m->u->resid || (got < want && total >= least))
			break;
	}
	free(b.own);
	if (n < 0 && !total)
		return n;
	if (n < 0)
		keep_error(k, n);
	if (!total) {
		m->controllen = h.msg_controllen;
		m->flags = h.msg_flags & OUT_FLAGS;
	}
	m->addrlen = stream && !(flags & MSG_ERRQUEUE) ? 0 : h.msg_namelen;
	return (ssize_t)total;
}
