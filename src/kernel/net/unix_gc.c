/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors in messages of unix sockets. A socket whose file is held by messages alone, and whose messages lie in sockets
 * that nobody can read any more, would stay for ever with all that it holds. Such cycles are found by counting: every
 * socket with no more references than messages is a candidate; what candidates' queues hold is subtracted; who is left
 * with references is reachable, and so is all in its queue. The rest loses its messages. Only sockets on their way are looked at.
 */
#include <linux/capability.h>
#include "kernel/net/unix.h"
#include "kernel/task/task.h"

#define GC_REACHED (-1L)

static LIST_HEAD(in_flight); /* unix_lock: sockets whose files are on their way */
static unsigned files; /* unix_lock: all files on their way */

static struct usock *usock_of(struct file *f)
{
	struct socket *s = file_socket(f);

	return s && s->ops->family == AF_UNIX ? s->sk : NULL;
}

void unix_count_files(const struct skb *b, int by)
{
	for (unsigned i = 0; i < b->nfiles; i++) {
		struct usock *u = usock_of(b->files[i]);

		files += (unsigned)by;
		if (!u)
			continue;
		u->inflight += (unsigned)by;
		list_del(&u->flight_node);
		if (u->inflight)
			list_add_tail(&u->flight_node, &in_flight);
	}
}

int unix_may_send_files(unsigned n)
{
	if (files + (uint64_t)n <= task_rlimit(current, RLIMIT_NOFILE) || capable(current->cred, CAP_SYS_RESOURCE) ||
	    capable(current->cred, CAP_SYS_ADMIN))
		return 0;
	return -ETOOMANYREFS;
}

/* Freeing a message may close a socket, whose messages are freed... One loop does it, for the thread that began. */
static __thread struct list_head *draining;

void unix_free_skbs(struct list_head *skbs)
{
	LIST_HEAD(work);

	if (draining) {
		list_splice_tail(skbs, draining);
		return;
	}
	draining = &work;
	list_splice_tail(skbs, &work);
	while (!list_empty(&work)) {
		struct skb *b = list_first_entry(&work, struct skb, node);

		list_del(&b->node);
		for (unsigned i = 0; i < b->nfiles; i++)
			file_put(b->files[i]);
		free(b->files);
		free(b);
	}
	draining = NULL;
}

/* Calls fn for each unix socket that lies in the queue of u, or of those that wait to be accepted by it. */
static void each_held(struct usock *u, void (*fn)(struct usock *held))
{
	struct usock *child;
	struct skb *b;

	list_for_each_entry(b, &u->rx, node)
		for (unsigned i = 0; i < b->nfiles; i++) {
			struct usock *h = usock_of(b->files[i]);

			if (h)
				fn(h);
		}
	list_for_each_entry(child, &u->accept_q, accept_node)
		list_for_each_entry(b, &child->rx, node)
			for (unsigned i = 0; i < b->nfiles; i++) {
				struct usock *h = usock_of(b->files[i]);

				if (h)
					fn(h);
			}
}

static struct list_head reached = LIST_HEAD_INIT(reached); /* unix_lock: whose queues are to be looked at */

static void subtract(struct usock *h)
{
	if (h->gc_refs > 0)
		h->gc_refs--;
}

static void reach(struct usock *h)
{
	if (h->gc_refs == GC_REACHED)
		return;
	h->gc_refs = GC_REACHED;
	list_add_tail(&h->gc_node, &reached);
}

/* The whole queue of u goes to skbs. */
static void empty(struct usock *u, struct list_head *skbs)
{
	struct skb *b;

	list_for_each_entry(b, &u->rx, node)
		unix_count_files(b, -1);
	list_splice_tail(&u->rx, skbs);
	u->rx_bytes = 0;
	u->rx_count = 0;
}

/* The queues of what is unreachable go to skbs. unix_lock held. */
static void collect(struct list_head *skbs)
{
	struct usock *u;

	list_for_each_entry(u, &in_flight, flight_node) {
		struct file *f = u->s ? u->s->file : NULL;

		/* A file that somebody else holds too is reachable. */
		u->gc_refs = f && ref_read(&f->ref) == u->inflight ? (long)u->inflight : GC_REACHED;
	}
	list_for_each_entry(u, &in_flight, flight_node)
		if (u->gc_refs != GC_REACHED)
			each_held(u, subtract);
	/* Left over: held by messages elsewhere. What those hold is reachable in turn. */
	list_for_each_entry(u, &in_flight, flight_node)
		if (u->gc_refs > 0)
			reach(u);
	while (!list_empty(&reached)) {
		u = list_first_entry(&reached, struct usock, gc_node);
		list_del(&u->gc_node);
		each_held(u, reach);
	}
	list_for_each_entry(u, &in_flight, flight_node)
		if (u->gc_refs != GC_REACHED)
			list_add_tail(&u->gc_node, &reached);
	while (!list_empty(&reached)) {
		struct usock *child;

		u = list_first_entry(&reached, struct usock, gc_node);
		list_del(&u->gc_node);
		empty(u, skbs);
		list_for_each_entry(child, &u->accept_q, accept_node)
			empty(child, skbs);
	}
}

void unix_gc(void)
{
	LIST_HEAD(skbs);

	mutex_lock(&unix_lock);
	if (!list_empty(&in_flight))
		collect(&skbs);
	mutex_unlock(&unix_lock);
	unix_free_skbs(&skbs);
}
