/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping and waking. One primitive for the whole kernel.
 *
 * A sleeper is what a kernel thread sleeps on: each task embeds one, other threads (RPC) make their
 * own. It waits on a wake word, or on host descriptors plus an eventfd. Every interruptible sleep
 * returns -ERESTARTSYS when a signal is pending; the caller unwinds to the user boundary and keeps
 * no state on the kernel stack (absolute deadlines; restart blocks).
 */
#ifndef NACRE_KERNEL_WAIT_H
#define NACRE_KERNEL_WAIT_H

#include <poll.h>
#include "base/list.h"
#include "base/lock.h"
#include "kernel/types.h"

struct sleeper {
	uint32_t word;	   /* atomic: 0 = nothing happened since sleeper_prepare, 1 = woken */
	uint32_t on_fd;	   /* atomic: the sleep in progress is a poll; wake by the eventfd */
	int evfd;	   /* made at the first descriptor sleep, else -1 */
	struct task *task; /* whose signals interrupt; NULL for threads that are not tasks */
};

void sleeper_init(struct sleeper *s, struct task *task);
void sleeper_done(struct sleeper *s);
/* Forget earlier wakes. Then test the condition, then sleep: a wake in between is not lost. */
void sleeper_prepare(struct sleeper *s);
/* Any thread. */
void sleeper_wake(struct sleeper *s);

enum sleep_mode {
	SLEEP_INTERRUPTIBLE,  /* any unblocked signal, or a stop or kill of the task, ends it */
	SLEEP_KILLABLE,	      /* only a kill ends it */
	SLEEP_UNINTERRUPTIBLE /* only short waits for other kernel threads that cannot block */
};
/* Sleeps until woken or until deadline (absolute CLOCK_MONOTONIC ns, TIME_FOREVER for none).
 * Returns 0 when woken, -ETIMEDOUT, -ERESTARTSYS. No lock may be held. */
int sleeper_sleep(struct sleeper *s, uint64_t deadline, enum sleep_mode mode) __must_check;
/* The same, but also ends when a host descriptor of fds (n entries, revents filled) is ready.
 * Returns > 0 number of ready descriptors, 0 when woken, -ETIMEDOUT, -ERESTARTSYS, -errno. */
int sleeper_sleep_fds(struct sleeper *s, struct pollfd *fds, unsigned n, uint64_t deadline,
		      enum sleep_mode mode) __must_check;
/* Sleeps until one host descriptor shows events. 0 ready, else as above. */
int sleeper_wait_fd(struct sleeper *s, int fd, short events, uint64_t deadline,
		    enum sleep_mode mode) __must_check;

struct waitq {
	struct mutex lock; /* RANK_WAITQ */
	struct list_head entries GUARDED_BY(lock);
};

#define WAIT_EXCLUSIVE 1U
struct wait_entry {
	struct list_head node GUARDED_BY(q->lock);
	struct waitq *q;
	uint32_t events; /* wake only when these poll bits (EPOLLIN...) intersect; 0 = any */
	uint32_t flags;
	/* Called with q->lock held; may complete the waiter's request itself. Returns true when it
	 * took the event (counts against wake_up's one exclusive waiter). */
	bool (*func)(struct wait_entry *e, uint32_t events);
	void *priv; /* struct sleeper * for the default function */
};

void waitq_init(struct waitq *q);
void waitq_done(struct waitq *q); /* must be empty */
void wait_entry_init(struct wait_entry *e, struct sleeper *s);
void waitq_add(struct waitq *q, struct wait_entry *e);
void waitq_del(struct wait_entry *e); /* harmless when not queued; after it func is not running */
/* Wakes every non-exclusive entry and one exclusive. events: EPOLLIN etc., what became true; 0 = all. */
void wake_up(struct waitq *q, uint32_t events);
void wake_up_all(struct waitq *q, uint32_t events);

/* Sleeps until cond is true: r = 0, -ERESTARTSYS or -ETIMEDOUT. cond is evaluated without locks of
 * ours; use your own inside. */
#define wait_event(q, s, cond, deadline, mode)                                                     \
	({                                                                                         \
		struct wait_entry _we;                                                             \
		int _wr = 0;                                                                       \
		wait_entry_init(&_we, (s));                                                        \
		waitq_add((q), &_we);                                                              \
		for (;;) {                                                                         \
			sleeper_prepare(s);                                                        \
			if (cond)                                                                  \
				break;                                                             \
			_wr = sleeper_sleep((s), (deadline), (mode));                              \
			if (_wr < 0) {                                                             \
				if (cond)                                                          \
					_wr = 0;                                                   \
				break;                                                             \
			}                                                                          \
		}                                                                                  \
		waitq_del(&_we);                                                                   \
		_wr;                                                                               \
	})

/* Absolute monotonic now, ns. */
uint64_t now_ns(void);

/*
 * Polling. file_ops.poll returns the ready mask and, when pt is not NULL, registers every queue whose
 * wake could change the answer, and every host descriptor that must be asked.
 */
struct poll_table {
	void (*queue)(struct poll_table *pt, struct waitq *q);
	/* fd stays valid as long as the file polled; events as for poll(2). */
	void (*hostfd)(struct poll_table *pt, int fd, short events);
	uint32_t events; /* what the caller is interested in, EPOLL* bits */
	bool direct;	 /* set by the file: its one host descriptor is all there is to ask, and shows the guest's bits */
};
static inline void poll_wait(struct poll_table *pt, struct waitq *q)
{
	if (pt)
		pt->queue(pt, q);
}

#endif
