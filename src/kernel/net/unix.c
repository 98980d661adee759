/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_UNIX: stream, datagram and sequenced packets. One lock for all of them: every operation links at
 * most two sockets for a moment. Data is copied to and from guests without it.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include "kernel/net/procnet.h"
#include "kernel/net/socket.h"
#include "kernel/task/task.h"

#define RCVBUF 212992U

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
	struct list_head rx; /* all below: unix_lock */
	size_t rx_bytes;
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
};

static struct mutex unix_lock = MUTEX_INIT(RANK_SOCK, "unix");
static LIST_HEAD(bound);
static LIST_HEAD(all_socks); /* unix_lock: what /proc/net/unix shows */

static void skb_free(struct skb *b)
{
	for (unsigned i = 0; i < b->nfiles; i++)
		file_put(b->files[i]);
	free(b->files);
	free(b);
}

static void usock_put(struct usock *u)
{
	if (!u || !ref_put(&u->ref))
		return;
	mutex_lock(&unix_lock);
	list_del(&u->all_node);
	mutex_unlock(&unix_lock);
	waitq_done(&u->wait);
	free(u);
}

static struct ucred my_cred(void)
{
	return (struct ucred){task_tgid_nr(current, current), current->cred->euid.v,
			      current->cred->egid.v};
}

static struct usock *usock_new(int type)
{
	struct usock *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	ref_init(&u->ref);
	u->type = type;
	waitq_init(&u->wait);
	list_init(&u->rx);
	list_init(&u->accept_q);
	list_init(&u->accept_node);
	list_init(&u->bound_node);
	u->addr.sun_family = AF_UNIX;
	u->net = current->nsproxy ? current->nsproxy->net : NULL;
	u->cred = my_cred();
	mutex_lock(&unix_lock);
	list_add_tail(&u->all_node, &all_socks);
	mutex_unlock(&unix_lock);
	return u;
}

static const struct proto_ops unix_ops;

static struct socket *wrap(struct usock *u)
{
	struct socket *s = calloc(1, sizeof(*s));

	if (s)
		u->s = s;
	if (s)
		*s = (struct socket){.ops = &unix_ops, .type = u->type, .sk = u};
	return s;
}

int unix_create(int type, struct socket **ret)
{
	struct usock *u = usock_new(type);

	*ret = u ? wrap(u) : NULL;
	if (!*ret)
		usock_put(u);
	return *ret ? 0 : -ENOMEM;
}

/* unix_lock held. */
static void link_pair(struct usock *a, struct usock *b)
{
	ref_get(&a->ref);
	ref_get(&b->ref);
	a->peer = b;
	b->peer = a;
	a->connected = b->connected = true;
	a->peercred = b->cred;
	b->peercred = a->cred;
}

void unix_pair(struct socket *a, struct socket *b)
{
	MUTEX_GUARD(&unix_lock);
	link_pair(a->sk, b->sk);
}

static void wake(struct usock *u)
{
	wake_up_all(&u->wait, 0);
}

/* Ends u: queued data and connections are dropped after the lock. unix_lock held. */
static void usock_close(struct usock *u, struct list_head *skbs, struct list_head *orphans)
{
	struct usock *p = u->peer;

	u->closed = true;
	u->s = NULL;
	list_del(&u->bound_node);
	if (p && p->peer == u) {
		p->reset = !list_empty(&u->rx) && u->type != SOCK_DGRAM;
		wake(p);
	}
	list_splice_tail(&u->rx, skbs);
	u->rx_bytes = 0;
	list_splice_tail(&u->accept_q, orphans);
	wake(u);
}

static void unix_release(struct socket *s)
{
	LIST_HEAD(skbs);
	LIST_HEAD(orphans);
	struct usock *u = s->sk, *peer;
	struct inode *inode;

	mutex_lock(&unix_lock);
	usock_close(u, &skbs, &orphans);
	peer = u->peer;
	u->peer = NULL;
	/* The other side keeps a reference to a closed socket: it reads as end of file. */
	inode = TAKE_PTR(u->inode);
	mutex_unlock(&unix_lock);
	while (!list_empty(&orphans)) {
		struct usock *o = list_first_entry(&orphans, struct usock, accept_node);
		struct socket tmp = {.ops = &unix_ops, .type = o->type, .sk = o};

		list_del(&o->accept_node);
		unix_release(&tmp);
	}
	while (!list_empty(&skbs)) {
		struct skb *b = list_first_entry(&skbs, struct skb, node);

		list_del(&b->node);
		skb_free(b);
	}
	if (inode)
		inode_put(inode);
	usock_put(peer);
	usock_put(u);
}

/* --- names --- */

static int check_addr(const struct sockaddr_storage *a, socklen_t n)
{
	if (n < sizeof(sa_family_t) || a->ss_family != AF_UNIX || n > sizeof(struct sockaddr_un))
		return -EINVAL;
	return 0;
}

static const struct sockaddr_un *as_un(const struct sockaddr_storage *a)
{
	return (const void *)a;
}

static struct usock *find_abstract(const struct sockaddr_un *a, socklen_t n)
{
	void *net = current->nsproxy ? current->nsproxy->net : NULL;
	struct usock *u;

	list_for_each_entry(u, &bound, bound_node)
		if (!u->inode && u->net == net && u->addrlen == n && !memcmp(&u->addr, a, n))
			return u;
	return NULL;
}

static int bind_path(struct usock *u, const char *name)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	const char *last;
	struct path dir;
	size_t len;
	bool slash;
	int r = path_parent_at(current, AT_FDCWD, name, 0, &dir, &last, &len, &slash);

	if (r < 0)
		return r == -EEXIST ? -EADDRINUSE : r;
	r = len ? dentry_lookup(dir.dentry, last, len, &d) : -EADDRINUSE;
	if (r == 0)
		r = d->inode ? -EADDRINUSE :
			       vfs_mknod(&dir, d, S_IFSOCK | (0777 & ~current->fs->umask), 0);
	if (r == 0)
		u->inode = inode_get(d->inode);
	path_put(&dir);
	return r == -EEXIST ? -EADDRINUSE : r;
}

static int unix_bind(struct socket *s, const struct sockaddr_storage *ss, socklen_t n)
{
	static unsigned autobind; /* unix_lock */
	struct usock *u = s->sk;
	struct sockaddr_un a = *as_un(ss);
	char name[sizeof(a.sun_path) + 1];
	int r = check_addr(ss, n);

	if (r < 0)
		return r;
	if (u->addrlen)
		return -EINVAL;
	if (n > sizeof(sa_family_t) && a.sun_path[0]) {
		memcpy(name, a.sun_path, n - sizeof(sa_family_t));
		name[n - sizeof(sa_family_t)] = '\0';
		r = bind_path(u, name);
		if (r < 0)
			return r;
		n = (socklen_t)(sizeof(sa_family_t) + strlen(name) + 1);
		n = MIN(n, (socklen_t)sizeof(a));
	}
	MUTEX_GUARD(&unix_lock);
	while (n == sizeof(sa_family_t)) {
		char t[8];

		snprintf(t, sizeof(t), "%05x", autobind++ & 0xfffff);
		memset(a.sun_path, 0, sizeof(a.sun_path));
		memcpy(a.sun_path + 1, t, 5);
		if (!find_abstract(&a, sizeof(sa_family_t) + 6))
			n = sizeof(sa_family_t) + 6;
	}
	if (!u->inode && find_abstract(&a, n))
		return -EADDRINUSE;
	u->addr = a;
	u->addrlen = n;
	list_add_tail(&u->bound_node, &bound);
	return 0;
}

/* The socket bound to an address, with a reference. */
static int find_bound(const struct sockaddr_storage *ss, socklen_t n, int type, struct usock **ret)
{
	const struct sockaddr_un *a = as_un(ss);
	char name[sizeof(a->sun_path) + 1] = "";
	struct usock *u = NULL, *x;
	struct path p = {0};
	int r = check_addr(ss, n);

	if (r < 0 || n == sizeof(sa_family_t))
		return -EINVAL;
	if (a->sun_path[0]) {
		memcpy(name, a->sun_path, n - sizeof(sa_family_t));
		r = path_lookup_at(current, AT_FDCWD, name, LOOKUP_FOLLOW, &p);
		if (r == 0)
			r = inode_permission(p.dentry->inode, current->cred, MAY_WRITE);
		if (r < 0) {
			path_put(&p);
			return r;
		}
	}
	mutex_lock(&unix_lock);
	if (p.dentry) {
		list_for_each_entry(x, &bound, bound_node)
			if (x->inode == p.dentry->inode)
				u = x;
	} else {
		u = find_abstract(a, n);
	}
	r = !u ? -ECONNREFUSED : u->type != type ? -EPROTOTYPE : 0;
	if (r == 0)
		ref_get(&u->ref);
	mutex_unlock(&unix_lock);
	path_put(&p);
	*ret = u;
	return r;
}

static bool queue_ready(struct usock *l)
{
	MUTEX_GUARD(&unix_lock);
	return !l->listening || l->closed || l->nqueued <= l->backlog;
}

static int connect_stream(struct usock *u, struct usock *l, bool nonblock)
{
	struct usock *srv = usock_new(u->type);
	int r;

	if (!srv)
		return -ENOMEM;
	for (;;) {
		mutex_lock(&unix_lock);
		r = u->connected ? -EISCONN :
		    u->listening ? -EINVAL :
		    !l->listening || l->closed ? -ECONNREFUSED :
		    l->nqueued > l->backlog ? -EAGAIN :
					      0;
		if (r == 0) {
			srv->cred = l->cred;
			srv->addr = l->addr;
			srv->addrlen = l->addrlen;
			u->cred = my_cred();
			link_pair(u, srv);
			list_add_tail(&srv->accept_node, &l->accept_q);
			l->nqueued++;
			wake(l);
		}
		mutex_unlock(&unix_lock);
		if (r != -EAGAIN || nonblock)
			break;
		r = wait_event(&l->wait, &current->sleeper, queue_ready(l), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			break;
	}
	if (r < 0)
		usock_put(srv);
	return r;
}

static int unix_connect(struct socket *s, const struct sockaddr_storage *a, socklen_t n,
			bool nonblock)
{
	struct usock *u = s->sk, *t, *old = NULL;
	int r;

	if (n >= sizeof(sa_family_t) && a->ss_family == AF_UNSPEC && u->type == SOCK_DGRAM) {
		mutex_lock(&unix_lock);
		old = TAKE_PTR(u->peer);
		u->connected = false;
		mutex_unlock(&unix_lock);
		usock_put(old);
		return 0;
	}
	r = find_bound(a, n, u->type, &t);
	if (r < 0)
		return r;
	if (u->type != SOCK_DGRAM) {
		r = connect_stream(u, t, nonblock);
		usock_put(t);
		return r;
	}
	mutex_lock(&unix_lock);
	old = u->peer;
	u->peer = t;
	u->connected = true;
	mutex_unlock(&unix_lock);
	usock_put(old);
	return 0;
}

static int unix_listen(struct socket *s, int backlog)
{
	struct usock *u = s->sk;

	if (u->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	MUTEX_GUARD(&unix_lock);
	if (!u->addrlen || u->connected)
		return -EINVAL;
	u->listening = true;
	u->backlog = backlog < 0 || backlog > 4096 ? 4096 : backlog;
	u->cred = my_cred();
	return 0;
}

static bool can_accept(struct usock *u)
{
	MUTEX_GUARD(&unix_lock);
	return !list_empty(&u->accept_q) || u->shut_rd;
}

static int unix_getname(struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *n);

static int unix_accept(struct socket *s, bool nonblock, struct socket **ret, struct sockaddr_storage *a,
		       socklen_t *len)
{
	struct usock *u = s->sk, *n;
	int r;

	if (u->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (;;) {
		mutex_lock(&unix_lock);
		n = list_empty(&u->accept_q) ?
			    NULL :
			    list_first_entry(&u->accept_q, struct usock, accept_node);
		r = !u->listening || u->shut_rd ? -EINVAL : n ? 0 : -EAGAIN;
		if (r == 0) {
			list_del(&n->accept_node);
			u->nqueued--;
			n->s = *ret;
			wake(u);
		}
		mutex_unlock(&unix_lock);
		if (r == 0) {
			**ret = (struct socket){.ops = &unix_ops, .type = n->type, .sk = n};
			/* The other end may be closed already, and is still the peer. */
			return unix_getname(*ret, true, a, len);
		}
		if (r == -EAGAIN && !nonblock)
			r = wait_event(&u->wait, &current->sleeper, can_accept(u), TIME_FOREVER,
				       SLEEP_INTERRUPTIBLE);
		if (r < 0) {
			free(*ret);
			return r;
		}
	}
}

static int unix_getname(struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *n)
{
	struct usock *u = s->sk;

	MUTEX_GUARD(&unix_lock);
	if (peer)
		u = u->peer;
	if (!u)
		return -ENOTCONN;
	memcpy(a, &u->addr, sizeof(u->addr));
	*n = u->addrlen ? u->addrlen : sizeof(sa_family_t);
	return 0;
}

/* --- data --- */

static bool can_send(struct usock *t, size_t n)
{
	MUTEX_GUARD(&unix_lock);
	return t->closed || t->shut_rd || t->rx_bytes + n <= RCVBUF || !t->rx_bytes;
}

/* Queues b on t, waiting for room. 0: taken over. */
static int deliver(struct usock *u, struct usock *t, struct skb *b, bool nonblock)
{
	bool dgram = u->type == SOCK_DGRAM;
	int r;

	for (;;) {
		mutex_lock(&unix_lock);
		r = u->shut_wr		       ? -EPIPE :
		    t->closed		       ? (dgram ? -ECONNREFUSED : -EPIPE) :
		    t->shut_rd		       ? -EPIPE :
		    t->rx_bytes && t->rx_bytes + b->len > RCVBUF ? -EAGAIN :
								   0;
		if (r == 0) {
			list_add_tail(&b->node, &t->rx);
			t->rx_bytes += b->len + (dgram ? 256 : 0);
			wake(t);
		}
		mutex_unlock(&unix_lock);
		if (r != -EAGAIN || nonblock)
			return r;
		r = wait_event(&t->wait, &current->sleeper, can_send(t, b->len), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
}

static struct skb *make_skb(struct usock *u, struct sock_msg *m, size_t n, bool first)
{
	struct skb *b = calloc(1, sizeof(*b) + n);

	if (!b)
		return NULL;
	b->cred = m->has_cred ? m->cred : my_cred();
	b->addr = u->addr;
	b->addrlen = u->addrlen;
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
	bool stream = u->type == SOCK_STREAM;
	ssize_t total = 0, c = 0;
	int r = 0;

	if (!stream && m->u->resid > RCVBUF - 32)
		return -EMSGSIZE;
	while (m->u->resid || (!stream && !total)) {
		size_t n = stream ? MIN(m->u->resid, (size_t)32768) : m->u->resid;
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
		r = deliver(u, t, b, nonblock);
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

static ssize_t unix_send(struct socket *s, struct sock_msg *m, bool nonblock)
{
	struct usock *u = s->sk, *t = NULL;
	ssize_t r = 0;

	if (m->addrlen) {
		if (u->type != SOCK_DGRAM)
			return u->connected ? -EISCONN : -EOPNOTSUPP;
		r = find_bound(&m->addr, m->addrlen, u->type, &t);
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

static int recv_state(struct usock *u)
{
	if (!list_empty(&u->rx))
		return 1;
	if (u->reset) {
		u->reset = false;
		return -ECONNRESET;
	}
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
	return !list_empty(&u->rx) || u->reset || u->shut_rd ||
	       (u->type != SOCK_DGRAM && (!u->peer || u->peer->closed || u->peer->shut_wr));
}

/* The first message taken out of the queue (MSG_PEEK: a copy). 1, 0 at the end, -errno. */
static int take_skb(struct usock *u, bool peek, bool nonblock, struct skb **ret)
{
	int r;

	for (;;) {
		mutex_lock(&unix_lock);
		r = recv_state(u);
		if (r == 1) {
			struct skb *b = list_first_entry(&u->rx, struct skb, node);

			if (peek) {
				*ret = calloc(1, sizeof(*b) + b->len);
				if (*ret)
					memcpy(*ret, b, sizeof(*b) + b->len);
				else
					r = -ENOMEM;
				if (*ret) {
					(*ret)->files = NULL;
					(*ret)->nfiles = 0;
				}
			} else {
				list_del(&b->node);
				*ret = b;
			}
		}
		mutex_unlock(&unix_lock);
		if (r != -EAGAIN || nonblock)
			return r;
		r = wait_event(&u->wait, &current->sleeper, can_recv(u), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
}

/* After a read: what is left goes back to the front, room is told to senders. */
static void finish_skb(struct usock *u, struct skb *b, size_t used, bool keep)
{
	struct usock *p;

	mutex_lock(&unix_lock);
	if (keep && !u->closed)
		list_add(&b->node, &u->rx);
	else
		keep = false;
	u->rx_bytes -= MIN(u->rx_bytes, used);
	p = u->peer;
	if (p)
		ref_get(&p->ref);
	wake(u);
	mutex_unlock(&unix_lock);
	if (p) {
		wake(p);
		usock_put(p);
	}
	if (!keep)
		skb_free(b);
}

static ssize_t unix_recv(struct socket *s, struct sock_msg *m, bool nonblock)
{
	bool peek = m->flags & MSG_PEEK, all = m->flags & MSG_WAITALL, stream;
	int in = m->flags;
	struct usock *u = s->sk;
	ssize_t total = 0, c;
	struct skb *b;
	int r;

	stream = u->type == SOCK_STREAM;
	m->flags = 0;
	do {
		size_t n, left;

		r = take_skb(u, peek, nonblock || (total && !all), &b);
		if (r <= 0)
			return total ? total : r;
		n = MIN(b->len - b->off, m->u->resid);
		c = n ? uio_copy_to(m->u, b->data + b->off, n) : 0;
		if (total == 0) {
			m->has_cred = u->passcred;
			m->cred = b->cred;
			m->addrlen = b->addrlen;
			memcpy(&m->addr, &b->addr, sizeof(b->addr));
			m->files = TAKE_PTR(b->files);
			m->nfiles = b->nfiles;
			b->nfiles = 0;
		}
		if (c < 0)
			c = total ? 0 : c;
		left = b->len - b->off - (size_t)MAX(c, 0);
		if (!stream && left && c >= 0) {
			m->flags |= MSG_TRUNC;
			if (in & MSG_TRUNC)
				total = (ssize_t)left;
		}
		b->off += (size_t)MAX(c, 0);
		if (peek)
			skb_free(b);
		else
			finish_skb(u, b, stream ? (size_t)MAX(c, 0) : b->len + 256,
				   stream && left);
		if (c < 0)
			return c;
		total += c;
	} while (stream && !peek && m->u->resid && !m->nfiles && (size_t)c);
	return total;
}

static int unix_shutdown(struct socket *s, int how)
{
	struct usock *u = s->sk;

	MUTEX_GUARD(&unix_lock);
	if (!u->peer && u->type != SOCK_DGRAM)
		return -ENOTCONN;
	if (how != SHUT_WR)
		u->shut_rd = true;
	if (how != SHUT_RD)
		u->shut_wr = true;
	wake(u);
	if (u->peer)
		wake(u->peer);
	return 0;
}

static uint32_t unix_poll(struct socket *s, struct poll_table *pt)
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
	if (u->type != SOCK_DGRAM) {
		if (!u->connected)
			return m | EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
		if (!p || p->closed || p->shut_wr || u->shut_rd)
			m |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
		if (!p || p->closed || ((p->shut_wr || u->shut_rd) && (u->shut_wr || p->shut_rd)))
			m |= EPOLLHUP;
	}
	if (!p || p->closed || p->rx_bytes * 4 <= RCVBUF)
		m |= EPOLLOUT | EPOLLWRNORM;
	return m;
}

static int unix_pending(struct socket *s)
{
	struct usock *u = s->sk;
	struct skb *b;
	size_t n = 0;

	MUTEX_GUARD(&unix_lock);
	list_for_each_entry(b, &u->rx, node) {
		n += b->len - b->off;
		if (u->type == SOCK_DGRAM)
			break;
	}
	return (int)MIN(n, (size_t)INT_MAX);
}

static long unix_ioctl(struct socket *s, struct task *t, unsigned cmd, uint64_t arg)
{
	if (cmd != FIONREAD)
		return netdev_ioctl(t, -1, cmd, arg);
	return put_u32(t, uaddr(arg), (uint32_t)unix_pending(s));
}

static int unix_getopt(struct socket *s, int level, int name, void *v, socklen_t *n)
{
	struct usock *u = s->sk;
	struct ucred uc;
	int x;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	MUTEX_GUARD(&unix_lock);
	switch (name) {
	case SO_PEERCRED:
		uc = u->peercred;
		uc.uid = from_kuid(current_user_ns(), KUID(uc.uid));
		uc.gid = from_kgid(current_user_ns(), KGID(uc.gid));
		*n = MIN(*n, (socklen_t)sizeof(uc));
		memcpy(v, &uc, *n);
		return 0;
	case SO_PASSCRED:
		x = u->passcred;
		break;
	case SO_ACCEPTCONN:
		x = u->listening;
		break;
	case SO_TYPE:
		x = s->type;
		break;
	case SO_DOMAIN:
		x = AF_UNIX;
		break;
	case SO_PROTOCOL:
	case SO_ERROR:
		x = 0;
		break;
	case SO_SNDBUF:
	case SO_RCVBUF:
		x = RCVBUF;
		break;
	default:
		return -ENOPROTOOPT;
	}
	sock_put_int(x, v, n);
	return 0;
}

static int unix_setopt(struct socket *s, int level, int name, const void *v, socklen_t n)
{
	struct usock *u = s->sk;
	int x = 0;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (n < sizeof(x))
		return -EINVAL;
	memcpy(&x, v, sizeof(x));
	if (name != SO_PASSCRED)
		return -ENOPROTOOPT;
	MUTEX_GUARD(&unix_lock);
	u->passcred = x != 0;
	return 0;
}

static const struct proto_ops unix_ops = {.family = AF_UNIX,
					  .release = unix_release,
					  .bind = unix_bind,
					  .connect = unix_connect,
					  .listen = unix_listen,
					  .accept = unix_accept,
					  .getname = unix_getname,
					  .send = unix_send,
					  .recv = unix_recv,
					  .shutdown = unix_shutdown,
					  .poll = unix_poll,
					  .getopt = unix_getopt,
					  .setopt = unix_setopt,
					  .ioctl = unix_ioctl};

static unsigned state_of(const struct usock *u)
{
	return u->closed ? 4 : u->listening || !u->connected ? 1 : 3; /* disconnecting, unconnected, connected */
}

int unix_show(struct synth_buf *b)
{
	void *net = current->nsproxy ? current->nsproxy->net : NULL;
	struct usock *u;

	synth_printf(b, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	MUTEX_GUARD(&unix_lock);
	list_for_each_entry(u, &all_socks, all_node) {
		if (u->net != net || u->closed)
			continue;
		synth_printf(b, "%016x: %08X %08X %08X %04X %02X %5lu", 0U, 2U, 0U, u->listening ? 0x10000U : 0U,
			     (unsigned)u->type, state_of(u),
			     u->s ? (unsigned long)__atomic_load_n(&u->s->ino, __ATOMIC_ACQUIRE) : 0UL);
		if (u->addrlen > sizeof(sa_family_t)) {
			size_t n = u->addrlen - sizeof(sa_family_t) - (u->addr.sun_path[0] ? 1 : 0);

			synth_write(b, " ", 1);
			for (size_t i = 0; i < n; i++)
				synth_write(b, u->addr.sun_path[i] ? &u->addr.sun_path[i] : "@", 1);
		}
		synth_write(b, "\n", 1);
	}
	return 0;
}
