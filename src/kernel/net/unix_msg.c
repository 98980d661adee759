/* SPDX-License-Identifier: Apache-2.0 */
/* Data of unix sockets. A message lies in its receiver's queue; a reader holds the socket's io lock from the look at the first
 * message to its end, so that guest memory is written without unix_lock. */
#include <string.h>
#include <sys/epoll.h>
#include "kernel/net/unix.h"
#include "kernel/task/task.h"

#define CHUNK 32768U /* of a stream: at most so much in one message */

static void skb_free(struct skb *b)
{
	LIST_HEAD(one);

	list_add(&b->node, &one);
	unix_free_skbs(&one);
}

/* --- sending --- */

/* Is there room for n bytes from u at t? unix_lock held. */
static bool has_room(const struct usock *u, const struct usock *t, size_t n)
{
	if (u->type == SOCK_DGRAM && t->rx_count > UNIX_DGRAM_QLEN && u != t)
		return false;
	return !t->rx_bytes || t->rx_bytes + n <= __atomic_load_n(&u->sndbuf, __ATOMIC_RELAXED);
}

/* Why nothing can be sent, -EAGAIN when there is no room, or 0. unix_lock held. */
static int send_state(const struct usock *u, const struct usock *t, size_t n)
{
	if (u->shut_wr)
		return -EPIPE;
	if (t->closed)
		return u->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	if (t->shut_rd)
		return -EPIPE;
	if (u->type == SOCK_DGRAM && t->peer && t->peer != u)
		return -EPERM;
	return has_room(u, t, n) ? 0 : -EAGAIN;
}

static bool can_send(struct usock *u, struct usock *t, size_t n)
{
	MUTEX_GUARD(&unix_lock);
	return send_state(u, t, n) != -EAGAIN;
}

/* Queues b on t, waiting for room. 0: taken over. */
static int deliver(struct usock *u, struct usock *t, struct skb *b, bool nonblock, uint64_t timeo, uint64_t deadline)
{
	size_t charge = b->len + (u->type == SOCK_DGRAM ? 256 : 0);

	for (;;) {
		int r;

		mutex_lock(&unix_lock);
		r = send_state(u, t, charge);
		if (r == 0 && b->nfiles)
			r = unix_may_send_files(b->nfiles);
		if (r == 0) {
			list_add_tail(&b->node, &t->rx);
			t->rx_bytes += charge;
			t->rx_count++;
			unix_count_files(b, 1);
			usock_wake(t);
		}
		mutex_unlock(&unix_lock);
		if (r != -EAGAIN || nonblock)
			return r;
		r = wait_event(&t->wait, &current->sleeper, can_send(u, t, charge), deadline, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return sock_sleep_error(r, timeo);
	}
}

static struct skb *make_skb(struct usock *u, struct sock_msg *m, size_t n, bool first)
{
	struct skb *b = calloc(1, sizeof(*b) + n);

	if (!b)
		return NULL;
	b->cred = m->has_cred ? m->cred : unix_my_cred();
	mutex_lock(&unix_lock);
	b->addr = u->addr;
	b->addrlen = u->addrlen;
	mutex_unlock(&unix_lock);
	if (first && m->nfiles) {
		b->files = calloc(m->nfiles, sizeof(struct file *));
		if (!b->files) {
			free(b);
			return NULL;
		}
		for (; b->nfiles < m->nfiles; b->nfiles++)
			b->files[b->nfiles] = file_get(m->files[b->nfiles]);
	}
	return b;
}

static ssize_t send_to(struct usock *u, struct usock *t, struct sock_msg *m, bool nonblock)
{
	uint64_t timeo = __atomic_load_n(&u->sndtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);
	bool stream = u->type == SOCK_STREAM;
	ssize_t total = 0, c = 0;
	int r = 0;

	if (!stream && m->u->resid > __atomic_load_n(&u->sndbuf, __ATOMIC_RELAXED) - 32)
		return -EMSGSIZE;
	while (m->u->resid || (!stream && !total)) {
		size_t n = stream ? MIN(m->u->resid, (size_t)CHUNK) : m->u->resid;
		struct skb *b = make_skb(u, m, n, total == 0);

		if (!b)
			return total ? total : -ENOMEM;
		if (n)
			c = uio_copy_from(m->u, b->data, n);
		if (c < 0 || (!stream && c < (ssize_t)n)) {
			skb_free(b);
			return total ? total : -EFAULT;
		}
		b->len = (size_t)c;
		r = deliver(u, t, b, nonblock, timeo, deadline);
		if (r < 0) {
			skb_free(b);
			uio_revert(m->u, (size_t)c);
			break;
		}
		total += c;
		if (!stream || c < (ssize_t)n)
			break;
	}
	return total ? total : r;
}

ssize_t unix_send(struct socket *s, struct sock_msg *m, bool nonblock)
{
	struct usock *u = s->sk, *t = NULL;
	ssize_t r = 0;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->addrlen) {
		if (u->type != SOCK_DGRAM)
			return u->connected ? -EISCONN : -EOPNOTSUPP;
		r = unix_find_bound(&m->addr, m->addrlen, u->type, &t);
	} else {
		MUTEX_GUARD(&unix_lock);
		t = u->peer;
		if (t)
			ref_get(&t->ref);
		else
			r = u->shut_wr ? -EPIPE : -ENOTCONN;
	}
	if (r < 0)
		return r;
	r = send_to(u, t, m, nonblock);
	usock_put(t);
	return r;
}

/* --- receiving --- */

/* 1: there is a message; 0: the end; -EAGAIN; another errno. unix_lock held. */
static int recv_state(const struct usock *u)
{
	if (!list_empty(&u->rx))
		return 1;
	if (u->reset)
		return -ECONNRESET;
	if (u->shut_rd)
		return 0;
	if (u->type == SOCK_DGRAM)
		return -EAGAIN;
	if (!u->connected)
		return u->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
	return !u->peer || u->peer->closed || u->peer->shut_wr ? 0 : -EAGAIN;
}

static bool can_recv(struct usock *u)
{
	MUTEX_GUARD(&unix_lock);
	return recv_state(u) != -EAGAIN;
}

/* The first message, which stays in the queue: io is held. */
static int first_skb(struct usock *u, struct skb **ret)
{
	int r;

	MUTEX_GUARD(&unix_lock);
	r = recv_state(u);
	if (r == 1)
		*ret = list_first_entry(&u->rx, struct skb, node);
	if (r == -ECONNRESET)
		u->reset = false;
	return r;
}

/* The message's descriptors: taken out of it, or for a peek once more. unix_lock held. -ENOMEM. */
static int take_files(struct skb *b, struct sock_msg *m, bool peek)
{
	if (!b->nfiles)
		return 0;
	if (!peek) {
		unix_count_files(b, -1);
		m->files = TAKE_PTR(b->files);
		m->nfiles = b->nfiles;
		b->nfiles = 0;
		return 0;
	}
	m->files = calloc(b->nfiles, sizeof(struct file *));
	if (!m->files)
		return -ENOMEM;
	for (; m->nfiles < b->nfiles; m->nfiles++)
		m->files[m->nfiles] = file_get(b->files[m->nfiles]);
	return 0;
}

/* used bytes of b are read: of a stream the rest stays, a packet goes whole. */
static void consume(struct usock *u, struct skb *b, size_t used)
{
	bool dgram = u->type == SOCK_DGRAM, all = u->type != SOCK_STREAM || b->off + used == b->len;
	size_t room = all && u->type != SOCK_STREAM ? b->len + (dgram ? 256U : 0U) : used;
	struct usock *p;

	mutex_lock(&unix_lock);
	b->off += used;
	if (all) {
		list_del(&b->node);
		u->rx_count--;
		unix_count_files(b, -1);
	}
	u->rx_bytes -= MIN(u->rx_bytes, room);
	p = u->peer;
	if (p)
		ref_get(&p->ref);
	usock_wake(u);
	mutex_unlock(&unix_lock);
	if (p) {
		usock_wake(p);
		usock_put(p);
	}
	if (all)
		skb_free(b);
}

static bool same_cred(const struct ucred *a, const struct ucred *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* One message, or what of it fits. Returns the bytes, 0 at the end, -EAGAIN when it must wait, -ECANCELED when the next message
 * belongs to another answer than what was read already. io is held. */
static ssize_t recv_step(struct usock *u, struct sock_msg *m, int in, bool first, size_t *skip)
{
	bool peek = in & MSG_PEEK, stream = u->type == SOCK_STREAM;
	struct skb *b;
	ssize_t c;
	size_t n;
	int r = first_skb(u, &b);

	if (r <= 0)
		return r;
	if (first) {
		m->has_cred = u->passcred;
		m->cred = b->cred;
		m->addrlen = b->addrlen;
		memcpy(&m->addr, &b->addr, sizeof(b->addr));
	} else if (u->passcred && !same_cred(&m->cred, &b->cred)) {
		return -ECANCELED;
	}
	n = MIN(b->len - b->off - MIN(*skip, b->len - b->off), m->u->resid);
	c = n ? uio_copy_to(m->u, b->data + b->off + *skip, n) : 0;
	if (c < 0 || (!stream && c < (ssize_t)n)) {
		if (!stream && !peek) {
			/* The packet is lost, and its descriptors go when no lock is held. */
			mutex_lock(&unix_lock);
			(void)take_files(b, m, false);
			mutex_unlock(&unix_lock);
			consume(u, b, b->len - b->off);
		}
		return -EFAULT;
	}
	mutex_lock(&unix_lock);
	r = m->nfiles ? 0 : take_files(b, m, peek);
	mutex_unlock(&unix_lock);
	if (r < 0)
		return r;
	if (!stream && n < b->len - b->off) {
		m->flags |= MSG_TRUNC;
		if (in & MSG_TRUNC)
			c = (ssize_t)(b->len - b->off);
	}
	if (peek)
		*skip += n;
	else
		consume(u, b, stream ? n : b->len - b->off);
	if (!stream && !c)
		m->flags |= MSG_EOR; /* tells an empty packet from nothing; not the guest's */
	return c;
}

ssize_t unix_recv(struct socket *s, struct sock_msg *m, bool nonblock)
{
	struct usock *u = s->sk;
	uint64_t timeo = __atomic_load_n(&u->rcvtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);
	bool stream = u->type == SOCK_STREAM;
	size_t least = (size_t)__atomic_load_n(&u->rcvlowat, __ATOMIC_RELAXED), skip = 0, asked = m->u->resid;
	bool peek = m->flags & MSG_PEEK, got_any = false;
	int in = m->flags;
	ssize_t total = 0, c = 0;

	m->flags = 0;
	if (in & MSG_OOB)
		return -EOPNOTSUPP;
	least = in & MSG_WAITALL ? asked : MIN(least, asked);
	mutex_lock(&u->io);
	for (;;) {
		c = recv_step(u, m, in, !got_any, &skip);
		if (c == -EAGAIN && !nonblock && (!got_any || ((size_t)total < least && !peek))) {
			mutex_unlock(&u->io);
			c = wait_event(&u->wait, &current->sleeper, can_recv(u), deadline, SLEEP_INTERRUPTIBLE);
			mutex_lock(&u->io);
			if (c == 0)
				continue;
			c = sock_sleep_error((int)c, timeo);
		}
		if (c < 0 || (c == 0 && !(m->flags & MSG_EOR)))
			break;
		got_any = true;
		total += c;
		/* Descriptors end a read; a second look at a stream shows one message. */
		if (!stream || peek || m->nfiles || !m->u->resid)
			break;
	}
	mutex_unlock(&u->io);
	m->flags &= ~MSG_EOR;
	return got_any ? total : c;
}

/* --- readiness --- */

uint32_t unix_poll(struct socket *s, struct poll_table *pt)
{
	struct usock *u = s->sk, *p;
	uint32_t m = 0;

	poll_wait(pt, &u->wait);
	MUTEX_GUARD(&unix_lock);
	p = u->peer;
	if (u->listening)
		return list_empty(&u->accept_q) ? 0 : EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&u->rx) || u->shut_rd)
		m |= EPOLLIN | EPOLLRDNORM;
	if (u->reset)
		m |= EPOLLERR | EPOLLIN | EPOLLRDNORM;
	if (u->type != SOCK_DGRAM) {
		if (!u->connected)
			return m | EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
		if (!p || p->closed || p->shut_wr || u->shut_rd)
			m |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
		if (!p || p->closed || ((p->shut_wr || u->shut_rd) && (u->shut_wr || p->shut_rd)))
			m |= EPOLLHUP;
	}
	if (!p || p->closed ||
	    (p->rx_bytes * 4 <= __atomic_load_n(&u->sndbuf, __ATOMIC_RELAXED) &&
	     (u->type != SOCK_DGRAM || p->rx_count <= UNIX_DGRAM_QLEN || p == u)))
		m |= EPOLLOUT | EPOLLWRNORM;
	return m;
}
