/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll. An item sits in a wait queue of its file; the wake function puts it on the ready list, and the
 * collector asks the file again (level-triggered items go back to the list). Files on host descriptors
 * are watched by a host epoll instance, edge-triggered, that feeds the same list. A file that is one host descriptor and
 * nothing else (an internet socket) is in another host instance with the guest's own flags, whose events are
 * the guest's: edges, one-shots and levels are the host's work then. Whoever polls an epoll waits on an eventfd
 * of it, so that no wake function ever takes a second wait queue's lock.
 *
 * Locks: epoll_set_lock (nesting, file->epoll_items), then ep->lock (items, outer before inner), then
 * ep->ready_lock (ready list, waiters; taken from wake functions).
 */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include "base/hostio.h"
#include "kernel/fs/anon/epoll.h"
#include "kernel/task/task.h"

#define EP_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EP_MAX_NEST 5
#define NBUCKETS 64U
#define EP_MAX_HOST 3U

static struct mutex epoll_set_lock = MUTEX_INIT(RANK_EPOLL_SET, "epoll set");

struct epitem_wait {
	struct wait_entry we;
	struct epitem *item;
	struct epitem_wait *next;
};
struct epitem {
	struct epoll *ep;
	struct file *file; /* no reference: epoll_file_gone removes the item first */
	int fd;
	struct epoll_event ev;
	/* What its file polls on the host: numbers, or duplicates of ours where two items have one. */
	struct {
		int fd;
		short events;
		bool own;
	} host[EP_MAX_HOST];
	unsigned nhost;
	bool direct; /* in direct_ep, else in host_ep */
	struct epitem_wait *waits;
	struct list_head file_node GUARDED_BY(epoll_set_lock), bucket GUARDED_BY(ep->lock);
	struct list_head ready GUARDED_BY(ep->ready_lock);
};
struct ep_waiter {
	struct list_head node;
	struct sleeper *s;
};
struct epoll {
	struct mutex lock; /* RANK_EPOLL */
	struct list_head buckets[NBUCKETS] GUARDED_BY(lock);
	struct mutex ready_lock; /* RANK_EPOLL_READY */
	struct list_head ready GUARDED_BY(ready_lock), waiters GUARDED_BY(ready_lock);
	int host_ep, direct_ep; /* atomic; -1 until an item needs it */
	bool host_last;		/* ep->lock: a single event came from direct_ep the last time */
	int evfd;    /* atomic; -1 until somebody polls this epoll */
	struct file *file; /* constant: the one file of this epoll; no reference */
};

static const struct file_ops epoll_file_ops;

static void ep_signal_locked(struct epoll *ep)
{
	struct ep_waiter *w;
	int ev = __atomic_load_n(&ep->evfd, __ATOMIC_ACQUIRE);
	uint64_t one = 1;

	list_for_each_entry(w, &ep->waiters, node)
		sleeper_wake(w->s);
	if (ev >= 0 && write(ev, &one, sizeof(one)) < 0)
		return; /* full: already readable */
}

static void item_ready(struct epitem *it)
{
	MUTEX_GUARD(&it->ep->ready_lock);
	if (list_empty(&it->ready))
		list_add_tail(&it->ready, &it->ep->ready);
	ep_signal_locked(it->ep);
}

static bool item_wake(struct wait_entry *e, uint32_t events)
{
	struct epitem *it = container_of(e, struct epitem_wait, we)->item;
	uint32_t want = __atomic_load_n(&it->ev.events, __ATOMIC_RELAXED);

	if (events && !(events & (want | EPOLLERR | EPOLLHUP)))
		return false;
	if (!(want & ~EP_PRIVATE))
		return false; /* one-shot, spent */
	item_ready(it);
	return true;
}

struct item_table {
	struct poll_table pt;
	struct epitem *item;
	int err;
};

static void item_queue(struct poll_table *pt, struct waitq *q)
{
	struct item_table *t = container_of(pt, struct item_table, pt);
	struct epitem_wait *w = calloc(1, sizeof(*w));

	if (!w) {
		t->err = -ENOMEM;
		return;
	}
	w->item = t->item;
	wait_entry_init(&w->we, NULL);
	w->we.func = item_wake;
	w->we.flags = t->item->ev.events & EPOLLEXCLUSIVE ? WAIT_EXCLUSIVE : 0;
	w->next = t->item->waits;
	t->item->waits = w;
	waitq_add(q, &w->we);
}

/* Notes what is to be watched; host_add does it when it is known whether that is all. */
static void item_hostfd(struct poll_table *pt, int fd, short events)
{
	struct item_table *t = container_of(pt, struct item_table, pt);
	struct epitem *it = t->item;

	if (it->nhost == EP_MAX_HOST) {
		t->err = -ENOSPC;
		return;
	}
	it->host[it->nhost].fd = fd;
	it->host[it->nhost].events = events;
	it->host[it->nhost++].own = false;
}

/* ep->lock held. Sleepers that did not know of the instance look again. */
static int host_instance(struct epoll *ep, int *which)
{
	if (*which < 0) {
		int fd = epoll_create1(EPOLL_CLOEXEC);

		if (fd < 0)
			return errno == EMFILE ? -ENFILE : -errno;
		__atomic_store_n(which, fd, __ATOMIC_RELEASE);
		MUTEX_GUARD(&ep->ready_lock);
		ep_signal_locked(ep);
	}
	return *which;
}

/* What the host is to watch for an item. */
static struct epoll_event host_event(struct epitem *it, short events)
{
	uint32_t mask = (uint32_t)(unsigned short)events | EPOLLERR | EPOLLHUP;

	if (it->direct)
		return (struct epoll_event){.events = it->ev.events & (mask | EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE),
					    .data.ptr = it};
	return (struct epoll_event){.events = (it->ev.events & mask) | EPOLLET, .data.ptr = it};
}

/* ep->lock held. Two descriptors of one file, or two files on one host descriptor: the second is watched by a duplicate. */
static int host_add(struct epitem *it)
{
	int ep = it->nhost ? host_instance(it->ep, it->direct ? &it->ep->direct_ep : &it->ep->host_ep) : 0;

	if (ep < 0)
		it->nhost = 0;
	for (unsigned i = 0; i < it->nhost; i++) {
		struct epoll_event ev = host_event(it, it->host[i].events);
		int r = RET_NERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, it->host[i].fd, &ev));

		if (r == -EEXIST) {
			int fd = fcntl(it->host[i].fd, F_DUPFD_CLOEXEC, 3);

			if (fd >= 0) {
				it->host[i].fd = fd;
				it->host[i].own = true;
			}
			r = fd < 0 ? (errno == EMFILE ? -ENFILE : -errno) :
				     RET_NERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
			if (r < 0 && fd >= 0)
				close(fd);
		}
		if (r < 0) {
			it->nhost = i;
			return r;
		}
	}
	return MIN(ep, 0);
}

/* ep->lock held. */
static void host_remove(struct epitem *it)
{
	int ep = it->direct ? it->ep->direct_ep : it->ep->host_ep;

	for (unsigned i = 0; i < it->nhost; i++) {
		(void)!epoll_ctl(ep, EPOLL_CTL_DEL, it->host[i].fd, NULL);
		if (it->host[i].own)
			close(it->host[i].fd);
	}
	it->nhost = 0;
}

/* ep->lock held. */
static int host_modify(struct epitem *it)
{
	int ep = it->direct ? it->ep->direct_ep : it->ep->host_ep;

	for (unsigned i = 0; i < it->nhost; i++) {
		struct epoll_event ev = host_event(it, it->host[i].events);

		if (epoll_ctl(ep, EPOLL_CTL_MOD, it->host[i].fd, &ev) < 0)
			return -errno;
	}
	return 0;
}

static struct epitem *find(struct epoll *ep, int fd, const struct file *f)
{
	struct epitem *it;

	list_for_each_entry(it, &ep->buckets[(unsigned)fd % NBUCKETS], bucket)
		if (it->fd == fd && (!f || it->file == f))
			return it;
	return NULL;
}

/* epoll_set_lock and ep->lock held. */
static void item_free(struct epitem *it)
{
	struct epoll *ep = it->ep;

	while (it->waits) {
		struct epitem_wait *w = it->waits;

		it->waits = w->next;
		waitq_del(&w->we);
		free(w);
	}
	host_remove(it);
	list_del(&it->file_node);
	list_del(&it->bucket);
	mutex_lock(&ep->ready_lock);
	list_del(&it->ready);
	mutex_unlock(&ep->ready_lock);
	free(it);
}

void epoll_file_gone(struct file *f)
{
	MUTEX_GUARD(&epoll_set_lock);
	while (!list_empty(&f->epoll_items)) {
		struct epitem *it = list_first_entry(&f->epoll_items, struct epitem, file_node);
		struct epoll *ep = it->ep;

		mutex_lock(&ep->lock);
		item_free(it);
		mutex_unlock(&ep->lock);
	}
}

/* Depth of the epoll tree below f; > EP_MAX_NEST when too deep or when target is in it. */
static int depth_below(struct file *f, const struct epoll *target)
{
	struct epoll *ep = f->priv;
	int d = 0;

	if (f->op != &epoll_file_ops)
		return 0;
	if (ep == target)
		return EP_MAX_NEST + 1;
	for (unsigned b = 0; b < NBUCKETS; b++) {
		struct epitem *it;

		list_for_each_entry(it, &ep->buckets[b], bucket)
			d = MAX(d, depth_below(it->file, target));
		if (d >= EP_MAX_NEST)
			break;
	}
	return d + 1;
}

static int depth_above(struct file *f)
{
	struct epitem *it;
	int d = 0;

	list_for_each_entry(it, &f->epoll_items, file_node) {
		d = MAX(d, 1 + depth_above(it->ep->file));
		if (d >= EP_MAX_NEST)
			break;
	}
	return d;
}

static int item_arm(struct epitem *it)
{
	struct item_table t = {.pt = {.queue = item_queue, .hostfd = item_hostfd}, .item = it};
	uint32_t now;
	int r;

	t.pt.events = it->ev.events | EPOLLERR | EPOLLHUP;
	now = file_poll(it->file, &t.pt);
	it->direct = t.pt.direct && it->nhost == 1 && !it->waits;
	r = t.err < 0 ? t.err : host_add(it);
	if (r == 0 && !it->direct && (now & t.pt.events & ~EP_PRIVATE))
		item_ready(it);
	return r;
}

static int ep_add(struct epoll *ep, struct file *epf, int fd, struct file *f,
		  const struct epoll_event *ev)
{
	struct epitem *it;
	int r;

	if (find(ep, fd, f))
		return -EEXIST;
	it = calloc(1, sizeof(*it));
	if (!it)
		return -ENOMEM;
	*it = (struct epitem){.ep = ep, .file = f, .fd = fd, .ev = *ev};
	it->ev.events |= EPOLLERR | EPOLLHUP;
	list_init(&it->ready);
	list_add_tail(&it->file_node, &f->epoll_items);
	list_add_tail(&it->bucket, &ep->buckets[(unsigned)fd % NBUCKETS]);
	r = item_arm(it);
	if (r < 0)
		item_free(it);
	return r;
}

static int ep_modify(struct epoll *ep, int fd, struct file *f, const struct epoll_event *ev)
{
	struct epitem *it = find(ep, fd, f);
	int r;

	if (!it)
		return -ENOENT;
	if (it->ev.events & EPOLLEXCLUSIVE)
		return -EINVAL;
	it->ev.data = ev->data;
	__atomic_store_n(&it->ev.events, ev->events | EPOLLERR | EPOLLHUP, __ATOMIC_RELAXED);
	r = host_modify(it);
	if (r < 0 || it->direct)
		return r;
	if (file_poll(f, NULL) & it->ev.events & ~EP_PRIVATE)
		item_ready(it);
	return 0;
}

int epoll_change(struct file *epf, int op, int fd, struct file *f, const struct epoll_event *ev)
{
	struct epoll *ep = epf->priv;
	struct epitem *it;
	bool nested = f->op == &epoll_file_ops;

	if (epf->op != &epoll_file_ops || f == epf)
		return -EINVAL;
	if (!f->op->poll)
		return -EPERM;
	if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE) &&
	    (op == EPOLL_CTL_MOD || nested ||
	     (ev->events & ~(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET | EPOLLWAKEUP |
			     EPOLLEXCLUSIVE))))
		return -EINVAL;
	MUTEX_GUARD(&epoll_set_lock);
	if (op == EPOLL_CTL_ADD && nested && depth_below(f, ep) + depth_above(epf) >= EP_MAX_NEST)
		return -ELOOP;
	MUTEX_GUARD(&ep->lock);
	switch (op) {
	case EPOLL_CTL_ADD:
		return ep_add(ep, epf, fd, f, ev);
	case EPOLL_CTL_MOD:
		return ep_modify(ep, fd, f, ev);
	case EPOLL_CTL_DEL:
		it = find(ep, fd, f);
		if (!it)
			return -ENOENT;
		item_free(it);
		return 0;
	}
	return -EINVAL;
}

/* Moves what the host instance reports to the ready list. ep->lock held. */
static void harvest_host(struct epoll *ep)
{
	struct epoll_event ev[64];
	int n;

	if (ep->host_ep < 0)
		return;
	do {
		n = epoll_wait(ep->host_ep, ev, 64, 0);
		for (int i = 0; i < n; i++) {
			struct epitem *it = ev[i].data.ptr;

			if (it->ev.events & ~EP_PRIVATE)
				item_ready(it);
		}
	} while (n == 64);
}

/* Events of files that are the host's alone: as the host gives them. ep->lock held. */
static int take_direct(struct epoll *ep, struct epoll_event *out, int max)
{
	int n;

	if (ep->direct_ep < 0 || max <= 0)
		return 0;
	n = epoll_wait(ep->direct_ep, out, max, 0);
	for (int i = 0; i < n; i++)
		out[i].data = ((struct epitem *)out[i].data.ptr)->ev.data;
	return MAX(n, 0);
}

/* Takes ready items in order. out NULL: only tells whether there is one. ep->lock held. */
static int take_ready(struct epoll *ep, struct epoll_event *out, int max)
{
	LIST_HEAD(work);
	int n = 0;

	harvest_host(ep);
	mutex_lock(&ep->ready_lock);
	list_splice_tail(&ep->ready, &work);
	while (!list_empty(&work) && n < max) {
		struct epitem *it = list_first_entry(&work, struct epitem, ready);
		uint32_t m;

		list_del(&it->ready);
		mutex_unlock(&ep->ready_lock);
		m = file_poll(it->file, NULL) & it->ev.events & ~EP_PRIVATE;
		if (m && out)
			out[n] = (struct epoll_event){.events = m, .data = it->ev.data};
		if (m)
			n++;
		if (m && out && (it->ev.events & EPOLLONESHOT))
			__atomic_store_n(&it->ev.events, it->ev.events & EP_PRIVATE,
					 __ATOMIC_RELAXED);
		mutex_lock(&ep->ready_lock);
		if (m && (!out || !(it->ev.events & (EPOLLET | EPOLLONESHOT))) &&
		    list_empty(&it->ready))
			list_add_tail(&it->ready, &ep->ready);
	}
	/* What did not fit comes first the next time. */
	list_splice_tail(&ep->ready, &work);
	list_splice_tail(&work, &ep->ready);
	mutex_unlock(&ep->ready_lock);
	return n;
}

/* Both kinds have their turn: with room for one event, in alternation. The host is asked once, for a second answer would
 * hold the same levels again. */
static int collect_once(struct epoll *ep, struct epoll_event *ev, int n)
{
	int got, share = n;

	MUTEX_GUARD(&ep->lock);
	if (ep->direct_ep < 0)
		return take_ready(ep, ev, n);
	mutex_lock(&ep->ready_lock);
	if (!list_empty(&ep->ready) || ep->host_ep >= 0)
		share = n > 1 ? n - n / 2 : ep->host_last ? 0 : 1;
	mutex_unlock(&ep->ready_lock);
	got = take_direct(ep, ev, share);
	ep->host_last = got > 0;
	got += take_ready(ep, ev + got, n - got);
	if (!share && !got) {
		got = take_direct(ep, ev, n);
		ep->host_last = got > 0;
	}
	return got;
}

/* 0: look again. */
static int ep_sleep(struct epoll *ep, struct sleeper *s, uint64_t deadline)
{
	int fds[2] = {__atomic_load_n(&ep->host_ep, __ATOMIC_ACQUIRE), __atomic_load_n(&ep->direct_ep, __ATOMIC_ACQUIRE)};
	struct pollfd p[2];
	unsigned n = 0;
	int r;

	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			p[n++] = (struct pollfd){fds[i], POLLIN, 0};
	r = n ? sleeper_sleep_fds(s, p, n, deadline, SLEEP_INTERRUPTIBLE) :
		sleeper_sleep(s, deadline, SLEEP_INTERRUPTIBLE);
	return MIN(r, 0);
}

int epoll_collect(struct file *epf, struct epoll_event *ev, int n, uint64_t deadline)
{
	struct epoll *ep = epf->priv;
	struct ep_waiter w = {.s = &current->sleeper};
	int r, got;

	if (epf->op != &epoll_file_ops)
		return -EINVAL;
	if (deadline == 0)
		return collect_once(ep, ev, n);
	mutex_lock(&ep->ready_lock);
	list_add_tail(&w.node, &ep->waiters);
	mutex_unlock(&ep->ready_lock);
	for (;;) {
		sleeper_prepare(w.s);
		got = collect_once(ep, ev, n);
		if (got)
			break;
		r = ep_sleep(ep, w.s, deadline);
		if (r < 0) {
			got = collect_once(ep, ev, n);
			if (!got)
				got = r == -ETIMEDOUT ? 0 : r == -ERESTARTSYS ? -EINTR : r;
			break;
		}
	}
	mutex_lock(&ep->ready_lock);
	list_del(&w.node);
	mutex_unlock(&ep->ready_lock);
	return got;
}

static uint32_t epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->priv;
	uint64_t v;
	int n;

	/* Outer before inner; loops were refused when they were made. */
	mutex_lock_nested(&ep->lock);
	if (pt && pt->hostfd) {
		/* All three, for what is added later is not told to who polls now. */
		if (ep->evfd < 0)
			__atomic_store_n(&ep->evfd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					 __ATOMIC_RELEASE);
		if (ep->evfd >= 0)
			pt->hostfd(pt, ep->evfd, POLLIN);
		if (host_instance(ep, &ep->host_ep) >= 0)
			pt->hostfd(pt, ep->host_ep, POLLIN);
		if (host_instance(ep, &ep->direct_ep) >= 0)
			pt->hostfd(pt, ep->direct_ep, POLLIN);
	}
	if (ep->evfd >= 0 && read(ep->evfd, &v, sizeof(v)) < 0)
		v = 0;
	n = take_ready(ep, NULL, 1);
	if (!n && ep->direct_ep >= 0)
		n = hio_poll(ep->direct_ep, POLLIN, 0);
	mutex_unlock(&ep->lock);
	return n ? EPOLLIN | EPOLLRDNORM : 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->priv;

	mutex_lock(&epoll_set_lock);
	mutex_lock(&ep->lock);
	for (unsigned b = 0; b < NBUCKETS; b++)
		while (!list_empty(&ep->buckets[b]))
			item_free(list_first_entry(&ep->buckets[b], struct epitem, bucket));
	mutex_unlock(&ep->lock);
	mutex_unlock(&epoll_set_lock);
	if (ep->host_ep >= 0)
		close(ep->host_ep);
	if (ep->direct_ep >= 0)
		close(ep->direct_ep);
	if (ep->evfd >= 0)
		close(ep->evfd);
	mutex_destroy(&ep->lock);
	mutex_destroy(&ep->ready_lock);
	free(ep);
}

static const struct file_ops epoll_file_ops = {.release = epoll_release, .poll = epoll_poll};

int epoll_new(struct file **ret)
{
	struct epoll *ep = calloc(1, sizeof(*ep));
	int r;

	if (!ep)
		return -ENOMEM;
	mutex_init(&ep->lock, RANK_EPOLL, "epoll");
	mutex_init(&ep->ready_lock, RANK_EPOLL_READY, "epoll ready");
	list_init(&ep->ready);
	list_init(&ep->waiters);
	for (unsigned b = 0; b < NBUCKETS; b++)
		list_init(&ep->buckets[b]);
	ep->host_ep = ep->direct_ep = ep->evfd = -1;
	r = anon_file_new("anon_inode:[eventpoll]", &epoll_file_ops, ep, O_RDWR, 0, ret);
	if (r < 0)
		free(ep);
	else
		ep->file = *ret;
	return r;
}
