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
#include "kernel/net/unix.h"
#include "kernel/task/task.h"

struct mutex unix_lock = MUTEX_INIT(RANK_SOCK, "unix");
struct list_head unix_socks = {&unix_socks, &unix_socks};
static LIST_HEAD(bound);

void usock_put(struct usock *u)
{
	if (!u || !ref_put(&u->ref))
		return;
	mutex_lock(&unix_lock);
	list_del(&u->all_node);
	mutex_unlock(&unix_lock);
	waitq_done(&u->wait);
	mutex_destroy(&u->io);
	free(u);
}

struct ucred unix_my_cred(void)
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
	mutex_init(&u->io, RANK_SOCK_IO, "unix io");
	u->rcvtimeo = u->sndtimeo = TIME_FOREVER;
	u->sndbuf = u->rcvbuf = UNIX_BUF;
	u->rcvlowat = 1;
	list_init(&u->rx);
	list_init(&u->accept_q);
	list_init(&u->accept_node);
	list_init(&u->bound_node);
	list_init(&u->flight_node);
	list_init(&u->gc_node);
	u->addr.sun_family = AF_UNIX;
	u->net = current->nsproxy ? current->nsproxy->net : NULL;
	u->cred = unix_my_cred();
	mutex_lock(&unix_lock);
	list_add_tail(&u->all_node, &unix_socks);
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

/* Ends u: queued data and connections are dropped after the lock. unix_lock held. */
static void usock_close(struct usock *u, struct list_head *skbs, struct list_head *orphans)
{
	struct usock *p = u->peer;
	struct skb *b;

	u->closed = true;
	u->s = NULL;
	list_del(&u->bound_node);
	if (p && p->peer == u) {
		p->reset = !list_empty(&u->rx) && u->type != SOCK_DGRAM;
		usock_wake(p);
	}
	list_for_each_entry(b, &u->rx, node)
		unix_count_files(b, -1);
	list_splice_tail(&u->rx, skbs);
	u->rx_bytes = 0;
	u->rx_count = 0;
	list_splice_tail(&u->accept_q, orphans);
	usock_wake(u);
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
	unix_free_skbs(&skbs);
	if (inode)
		inode_put(inode);
	usock_put(peer);
	usock_put(u);
	unix_gc();
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

int unix_find_bound(const struct sockaddr_storage *ss, socklen_t n, int type, struct usock **ret)
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
	uint64_t timeo = __atomic_load_n(&u->sndtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);
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
			u->cred = unix_my_cred();
			link_pair(u, srv);
			list_add_tail(&srv->accept_node, &l->accept_q);
			l->nqueued++;
			usock_wake(l);
		}
		mutex_unlock(&unix_lock);
		if (r != -EAGAIN || nonblock)
			break;
		r = wait_event(&l->wait, &current->sleeper, queue_ready(l), deadline, SLEEP_INTERRUPTIBLE);
		if (r < 0) {
			r = sock_sleep_error(r, timeo);
			break;
		}
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
	r = unix_find_bound(a, n, u->type, &t);
	if (r < 0)
		return r;
	if (u->type != SOCK_DGRAM) {
		r = connect_stream(u, t, nonblock);
		usock_put(t);
		return r;
	}
	mutex_lock(&unix_lock);
	/* One that is connected takes messages of its peer only. */
	r = t->peer && t->peer != u ? -EPERM : 0;
	old = r < 0 ? t : u->peer;
	if (r == 0) {
		u->peer = t;
		u->connected = true;
		usock_wake(u);
	}
	mutex_unlock(&unix_lock);
	usock_put(old);
	return r;
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
	u->cred = unix_my_cred();
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
	uint64_t timeo = __atomic_load_n(&u->rcvtimeo, __ATOMIC_RELAXED), deadline = sock_deadline(timeo);
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
			usock_wake(u);
		}
		mutex_unlock(&unix_lock);
		if (r == 0) {
			**ret = (struct socket){.ops = &unix_ops, .type = n->type, .sk = n};
			/* The other end may be closed already, and is still the peer. */
			return unix_getname(*ret, true, a, len);
		}
		if (r == -EAGAIN && !nonblock)
			r = sock_sleep_error(wait_event(&u->wait, &current->sleeper, can_accept(u), deadline,
							SLEEP_INTERRUPTIBLE),
					     timeo);
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
	usock_wake(u);
	if (u->peer)
		usock_wake(u->peer);
	return 0;
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
	list_for_each_entry(u, &unix_socks, all_node) {
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
