/* SPDX-License-Identifier: Apache-2.0 */
/* Sleepers and wait queues. */
#include "kernel/wait.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "kernel/signal/signal.h"
#include "kernel/task/task.h"

/* Values of sleeper.word. ASLEEP tells a waker that a futex call is needed. */
#define WORD_NOTHING 0U
#define WORD_WOKEN 1U
#define WORD_ASLEEP 2U

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

void sleeper_init(struct sleeper *s, struct task *task)
{
	s->word = WORD_NOTHING;
	s->on_fd = 0;
	s->evfd = -1;
	s->task = task;
}

void sleeper_done(struct sleeper *s)
{
	if (s->evfd >= 0)
		close(s->evfd);
	s->evfd = -1;
}

void sleeper_prepare(struct sleeper *s)
{
	__atomic_store_n(&s->word, WORD_NOTHING, __ATOMIC_SEQ_CST);
}

void sleeper_wake(struct sleeper *s)
{
	uint32_t old = __atomic_exchange_n(&s->word, WORD_WOKEN, __ATOMIC_SEQ_CST);

	if (old == WORD_ASLEEP) {
		syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	} else if (old == WORD_NOTHING && __atomic_load_n(&s->on_fd, __ATOMIC_SEQ_CST)) {
		uint64_t one = 1;

		if (write(s->evfd, &one, sizeof(one)) < 0)
			return; /* EAGAIN: it is readable already */
	}
}

/* Must a sleep of this mode end for the sake of the task's signals? */
static bool interrupted(const struct sleeper *s, enum sleep_mode mode)
{
	if (!s->task || mode == SLEEP_UNINTERRUPTIBLE)
		return false;
	return mode == SLEEP_KILLABLE ? fatal_signal_pending(s->task) : signal_pending(s->task);
}

static void enter_state(struct sleeper *s, enum sleep_mode mode)
{
	if (s->task && s->task == current)
		__atomic_store_n(&s->task->state,
				 mode == SLEEP_INTERRUPTIBLE ? TASK_SLEEPING : TASK_UNINTERRUPTIBLE,
				 __ATOMIC_RELAXED);
}

static void leave_state(struct sleeper *s)
{
	if (s->task && s->task == current)
		__atomic_store_n(&s->task->state, TASK_RUNNING, __ATOMIC_RELAXED);
}

static int sleep_on_word(struct sleeper *s, uint64_t deadline)
{
	struct timespec ts = {(time_t)(deadline / NSEC_PER_SEC), (long)(deadline % NSEC_PER_SEC)};
	uint32_t expect = WORD_NOTHING;
	int r = 0;

	if (!__atomic_compare_exchange_n(&s->word, &expect, WORD_ASLEEP, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return 0;
	while (__atomic_load_n(&s->word, __ATOMIC_SEQ_CST) == WORD_ASLEEP) {
		r = (int)syscall(SYS_futex, &s->word, FUTEX_WAIT_BITSET_PRIVATE, WORD_ASLEEP,
				 deadline == TIME_FOREVER ? NULL : &ts, NULL,
				 FUTEX_BITSET_MATCH_ANY);
		if (r < 0 && errno == ETIMEDOUT)
			break;
	}
	expect = WORD_ASLEEP;
	if (__atomic_compare_exchange_n(&s->word, &expect, WORD_NOTHING, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return -ETIMEDOUT;
	return 0;
}

int sleeper_sleep(struct sleeper *s, uint64_t deadline, enum sleep_mode mode)
{
	int r;

	if (interrupted(s, mode))
		return -ERESTARTSYS;
	enter_state(s, mode);
	r = sleep_on_word(s, deadline);
	leave_state(s);
	return r;
}

/* One host poll of n descriptors and the eventfd. */
static int poll_once(struct sleeper *s, struct pollfd *all, struct pollfd *fds, unsigned n,
		     uint64_t deadline)
{
	uint64_t now = now_ns(), left = deadline > now ? deadline - now : 0, v;
	struct timespec ts = {(time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC)};
	int r;

	all[n] = (struct pollfd){s->evfd, POLLIN, 0};
	r = ppoll(all, n + 1, deadline == TIME_FOREVER ? NULL : &ts, NULL);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	if (r == 0)
		return -ETIMEDOUT;
	if (all[n].revents) {
		r--;
		if (read(s->evfd, &v, sizeof(v)) < 0 && errno != EAGAIN)
			return -errno;
	}
	for (unsigned i = 0; i < n; i++)
		fds[i].revents = all[i].revents;
	return r;
}

int sleeper_sleep_fds(struct sleeper *s, struct pollfd *fds, unsigned n, uint64_t deadline,
		      enum sleep_mode mode)
{
	struct pollfd few[8], *all = few;
	int r = 0;

	if (interrupted(s, mode))
		return -ERESTARTSYS;
	if (s->evfd < 0) {
		s->evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->evfd < 0)
			return errno == EMFILE ? -ENFILE : -errno;
	}
	if (n >= ARRAY_SIZE(few)) {
		all = calloc(n + 1UL, sizeof(*all));
		if (!all)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++)
		all[i] = (struct pollfd){fds[i].fd, fds[i].events, 0};
	enter_state(s, mode);
	__atomic_store_n(&s->on_fd, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&s->word, __ATOMIC_SEQ_CST) != WORD_WOKEN)
		r = poll_once(s, all, fds, n, deadline);
	__atomic_store_n(&s->on_fd, 0, __ATOMIC_SEQ_CST);
	leave_state(s);
	if (all != few)
		free(all);
	return r;
}

int sleeper_wait_fd(struct sleeper *s, int fd, short events, uint64_t deadline,
		    enum sleep_mode mode)
{
	struct pollfd p = {fd, events, 0};
	int r;

	do {
		sleeper_prepare(s);
		r = sleeper_sleep_fds(s, &p, 1, deadline, mode);
	} while (r == 0);
	return r > 0 ? 0 : r;
}

/* --- queues --- */

void waitq_init(struct waitq *q)
{
	mutex_init(&q->lock, RANK_WAITQ, "waitq");
	list_init(&q->entries);
}

void waitq_done(struct waitq *q)
{
	assert(list_empty(&q->entries));
	mutex_destroy(&q->lock);
}

static bool default_wake(struct wait_entry *e, uint32_t events __unused)
{
	sleeper_wake(e->priv);
	return true;
}

void wait_entry_init(struct wait_entry *e, struct sleeper *s)
{
	list_init(&e->node);
	e->q = NULL;
	e->events = 0;
	e->flags = 0;
	e->func = default_wake;
	e->priv = s;
}

void waitq_add(struct waitq *q, struct wait_entry *e)
{
	mutex_lock(&q->lock);
	e->q = q;
	/* Exclusive waiters behind all others: every non-exclusive one sees each event. */
	if (e->flags & WAIT_EXCLUSIVE)
		list_add_tail(&e->node, &q->entries);
	else
		list_add(&e->node, &q->entries);
	mutex_unlock(&q->lock);
}

void waitq_del(struct wait_entry *e)
{
	struct waitq *q = e->q;

	if (!q)
		return;
	mutex_lock(&q->lock);
	list_del(&e->node);
	mutex_unlock(&q->lock);
	e->q = NULL;
}

static void wake_entries(struct waitq *q, uint32_t events, bool all)
{
	struct wait_entry *e, *n;

	mutex_lock(&q->lock);
	list_for_each_entry_safe(e, n, &q->entries, node) {
		bool took;

		if (events && e->events && !(events & e->events))
			continue;
		took = e->func(e, events);
		if (took && (e->flags & WAIT_EXCLUSIVE) && !all)
			break;
	}
	mutex_unlock(&q->lock);
}

void wake_up(struct waitq *q, uint32_t events)
{
	wake_entries(q, events, false);
}

void wake_up_all(struct waitq *q, uint32_t events)
{
	wake_entries(q, events, true);
}
