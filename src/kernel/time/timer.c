/* SPDX-License-Identifier: Apache-2.0 */
/* The timer queue: a list sorted by expiry and the thread that serves it. */
#include "kernel/time/timer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include "kernel/wait.h"

static struct mutex queue_lock = MUTEX_INIT(RANK_TIMER, "timer queue");
static LIST_HEAD(queue);	 /* guarded by queue_lock */
static struct timer *running;	 /* guarded by queue_lock */
static bool started;		 /* guarded by queue_lock */
static struct sleeper server;	 /* the thread sleeps here */
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER; /* with queue_lock: running changed */

static void *timer_thread(void *arg __unused)
{
	for (;;) {
		uint64_t next = TIME_FOREVER;
		struct timer *t = NULL;
		int r;

		sleeper_prepare(&server);
		mutex_lock(&queue_lock);
		running = NULL;
		pthread_cond_broadcast(&idle);
		if (!list_empty(&queue)) {
			t = list_first_entry(&queue, struct timer, node);
			next = t->expires;
			if (next <= now_ns()) {
				list_del(&t->node);
				running = t;
			} else {
				t = NULL;
			}
		}
		mutex_unlock(&queue_lock);
		if (t) {
			t->fn(t);
			continue;
		}
		r = sleeper_sleep(&server, next, SLEEP_UNINTERRUPTIBLE);
		if (r < 0 && r != -ETIMEDOUT)
			continue;
	}
	return NULL;
}

static int start_thread(void)
{
	sigset_t all, old;
	pthread_attr_t at;
	pthread_t th;
	int r;

	sleeper_init(&server, NULL);
	pthread_attr_init(&at);
	pthread_attr_setstacksize(&at, 128 * 1024);
	pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* the filter's handler logs what it stops */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&th, &at, timer_thread, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&at);
	return r ? -EAGAIN : 0;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	list_init(&t->node);
	t->expires = 0;
	t->fn = fn;
}

int timer_arm(struct timer *t, uint64_t expires)
{
	struct timer *x;
	bool first;
	int r = 0;

	mutex_lock(&queue_lock);
	if (!started) {
		r = start_thread();
		started = r == 0;
	}
	if (r == 0) {
		list_del(&t->node);
		t->expires = expires;
		list_for_each_entry(x, &queue, node)
			if (x->expires > expires)
				break;
		list_add_tail(&t->node, &x->node);
		first = queue.next == &t->node;
		if (first)
			sleeper_wake(&server);
	}
	mutex_unlock(&queue_lock);
	return r;
}

bool timer_disarm(struct timer *t)
{
	bool was;

	mutex_lock(&queue_lock);
	was = !list_empty(&t->node);
	list_del(&t->node);
	mutex_unlock(&queue_lock);
	return was;
}

void timer_cancel(struct timer *t)
{
	mutex_lock(&queue_lock);
	list_del(&t->node);
	while (running == t) {
		pthread_cond_wait(&idle, &queue_lock.m);
		list_del(&t->node); /* the callback may have armed it again */
	}
	mutex_unlock(&queue_lock);
}

uint64_t timer_expires(struct timer *t)
{
	uint64_t e;

	mutex_lock(&queue_lock);
	e = list_empty(&t->node) ? 0 : t->expires;
	mutex_unlock(&queue_lock);
	return e;
}
