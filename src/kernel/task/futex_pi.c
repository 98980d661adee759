/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PI futexes: the word holds the owner's thread number, and the kernel hands the lock over. The host schedules guest
 * threads, so nobody's priority is raised; who waits gets the lock in the order of coming.
 *
 * A word is changed by compare-and-exchange of the calling thread, with no lock held: the stub must answer. What makes
 * that safe: a waiter enters the table only while the word, read with the table locked, names an owner and has
 * FUTEX_WAITERS set. From then on the owner cannot give the lock away without coming here.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include "kernel/signal/internal.h"
#include "kernel/task/futex.h"
#include "kernel/task/futex_priv.h"
#include "kernel/task/internal.h"

#define PI_BUCKETS 64
#define CHAIN_MAX 1024 /* owners that wait for owners */

enum pi_state {
	PI_WAITING,
	PI_GRANTING,   /* the owner is writing this waiter's number into the word */
	PI_GRANTED,    /* and has */
	PI_RETRY,      /* the lock may be free: look again */
	PI_OWNER_DIED, /* without giving it away */
};

struct pi_waiter { /* on its task's stack */
	struct list_head node GUARDED_BY(pi_lock);
	struct futex_key key;
	struct task *task;
	struct task *owner GUARDED_BY(pi_lock); /* reference */
	int state GUARDED_BY(pi_lock);
};

static struct mutex pi_lock = MUTEX_INIT(RANK_FUTEX_PI, "PI futexes");
static struct list_head table[PI_BUCKETS] GUARDED_BY(pi_lock);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_table(void)
{
	for (unsigned i = 0; i < PI_BUCKETS; i++)
		list_init(&table[i]);
}

static struct list_head *bucket_of(const struct futex_key *k)
{
	pthread_once(&once, init_table);
	return &table[futex_hash(k) % PI_BUCKETS];
}

static struct pi_waiter *first_waiter(const struct futex_key *k) REQUIRES(pi_lock)
{
	struct pi_waiter *w;

	list_for_each_entry(w, bucket_of(k), node)
		if (futex_same_key(&w->key, k))
			return w;
	return NULL;
}

static void set_owner(struct pi_waiter *w, struct task *owner) REQUIRES(pi_lock)
{
	if (w->owner)
		task_put(w->owner);
	w->owner = task_get(owner);
	__atomic_store_n(&owner->pi_waited, true, __ATOMIC_SEQ_CST);
}

/* Takes w out; its task finds state. It takes the lock before it goes, so its sleeper is there. */
static void finish(struct pi_waiter *w, enum pi_state state) REQUIRES(pi_lock)
{
	list_del(&w->node);
	list_init(&w->node);
	w->task->pi_blocked = NULL;
	w->state = state;
	sleeper_wake(&w->task->sleeper);
}

/* The others who wait for k wait for owner from now on. */
static void new_owner(const struct futex_key *k, struct task *owner) REQUIRES(pi_lock)
{
	struct pi_waiter *w;

	list_for_each_entry(w, bucket_of(k), node)
		if (futex_same_key(&w->key, k))
			set_owner(w, owner);
}

/* Does owner, over what it waits for, wait for t? */
static bool is_deadlock(const struct task *t, const struct task *owner) REQUIRES(pi_lock)
{
	for (unsigned i = 0; owner && i < CHAIN_MAX; i++) {
		if (owner == t)
			return true;
		owner = owner->pi_blocked ? owner->pi_blocked->owner : NULL;
	}
	return owner != NULL;
}

/* Changes the word from old to new. 1 done, 0 it was another, -EFAULT. */
static int change_word(struct task *t, uint64_t addr, uint32_t old, uint32_t new)
{
	uint32_t seen;
	int r = pt_cmpxchg32(t->pt, uaddr(addr), old, new, &seen);

	return r < 0 ? -EFAULT : seen == old;
}

/* --- locking --- */

/* Enters t as a waiter for owner, if the word is still v. 0, -EAGAIN look again, -EDEADLK, -EFAULT. */
static int enqueue(struct task *t, struct pi_waiter *w, uint64_t addr, uint32_t v, struct task *owner)
{
	uint32_t now;
	int r;

	MUTEX_GUARD(&pi_lock);
	r = futex_read_word(t, addr, &now);
	if (r < 0)
		return r;
	if (now != v)
		return -EAGAIN;
	if (is_deadlock(t, owner))
		return -EDEADLK;
	w->state = PI_WAITING;
	set_owner(w, owner);
	list_add_tail(&w->node, bucket_of(&w->key));
	t->pi_blocked = w;
	/* An owner that ends either sees pi_waited, or is seen ending here. */
	if (!__atomic_load_n(&owner->exiting, __ATOMIC_SEQ_CST))
		return 0;
	list_del(&w->node);
	list_init(&w->node);
	t->pi_blocked = NULL;
	return -EAGAIN;
}

/* Sleeps until w is finished. 0, or why not: then w is out of the table. */
static int wait_for_lock(struct task *t, struct pi_waiter *w, uint64_t deadline)
{
	enum sleep_mode mode = SLEEP_INTERRUPTIBLE;
	int r = 0;

	mutex_lock(&pi_lock);
	while (w->state == PI_WAITING || w->state == PI_GRANTING) {
		sleeper_prepare(&t->sleeper);
		mutex_unlock(&pi_lock);
		r = sleeper_sleep(&t->sleeper, mode == SLEEP_KILLABLE ? TIME_FOREVER : deadline, mode);
		mutex_lock(&pi_lock);
		if (r == 0 || (w->state != PI_WAITING && w->state != PI_GRANTING))
			continue;
		if (w->state == PI_GRANTING && mode == SLEEP_INTERRUPTIBLE) {
			mode = SLEEP_KILLABLE; /* nearly ours: only death takes us away now */
			continue;
		}
		list_del(&w->node);
		list_init(&w->node);
		t->pi_blocked = NULL;
		break;
	}
	if (w->state != PI_WAITING && w->state != PI_GRANTING)
		r = 0;
	mutex_unlock(&pi_lock);
	return r;
}

/* The owner v names has ended without giving the lock away: t takes it. 1 done, 0 somebody else has it. */
static int take_from_dead(struct task *t, uint64_t addr, uint32_t dead)
{
	uint32_t v, tid = (uint32_t)task_pid_nr(t, t);
	int r = 0;

	while (r == 0) {
		r = futex_read_word(t, addr, &v);
		if (r < 0)
			return r;
		if ((v & FUTEX_TID_MASK) && (v & FUTEX_TID_MASK) != dead)
			return 0;
		r = change_word(t, addr, v, tid | FUTEX_WAITERS | FUTEX_OWNER_DIED);
	}
	return r;
}

static bool has_ended(const struct task *t)
{
	int s = task_state(t);

	return s == TASK_ZOMBIE || s == TASK_DEAD;
}

/* One look at a word that names an owner. 0 locked, -EAGAIN look again, else the call's result. */
static int wait_for_owner(struct task *t, const struct futex_key *k, uint64_t addr, uint32_t v, uint64_t deadline)
{
	struct pi_waiter w = {.key = *k, .task = t};
	_cleanup_(task_putp) struct task *owner = task_find_get(task_pid_ns(t), (int)(v & FUTEX_TID_MASK));
	uint32_t now;
	int r;

	list_init(&w.node);
	if (!owner || has_ended(owner)) {
		r = futex_read_word(t, addr, &now);
		return r < 0 ? r : now == v ? -ESRCH : -EAGAIN;
	}
	if (!(v & FUTEX_WAITERS)) {
		r = change_word(t, addr, v, v | FUTEX_WAITERS);
		if (r <= 0)
			return r < 0 ? r : -EAGAIN;
		v |= FUTEX_WAITERS;
	}
	r = enqueue(t, &w, addr, v, owner);
	if (r == -EAGAIN)
		sched_yield();
	if (r == 0)
		r = wait_for_lock(t, &w, deadline);
	if (w.owner)
		task_put(w.owner);
	if (r < 0)
		return r == -ERESTARTSYS ? -ERESTARTNOINTR : r;
	if (w.state == PI_OWNER_DIED) {
		r = take_from_dead(t, addr, v & FUTEX_TID_MASK);
		return r < 0 ? r : r ? 0 : -EAGAIN;
	}
	return w.state == PI_GRANTED ? 0 : -EAGAIN;
}

long futex_lock_pi(struct task *t, uint64_t addr, bool priv, uint64_t deadline, bool try)
{
	uint32_t v, tid = (uint32_t)task_pid_nr(t, t);
	struct futex_key k;
	int r = futex_get_key(t, addr, priv, &k);

	if (r < 0)
		return r;
	for (;;) {
		r = futex_read_word(t, addr, &v);
		if (r < 0)
			return r;
		if ((v & FUTEX_TID_MASK) == tid)
			return -EDEADLK;
		if (!(v & FUTEX_TID_MASK)) {
			r = change_word(t, addr, v, (v & (FUTEX_OWNER_DIED | FUTEX_WAITERS)) | tid);
			if (r)
				return r < 0 ? r : 0;
			r = -EAGAIN;
		} else if (try) {
			return -EAGAIN;
		} else {
			r = wait_for_owner(t, &k, addr, v, deadline);
		}
		if (r != -EAGAIN)
			return r;
		if (signal_pending(t))
			return -ERESTARTNOINTR;
	}
}

/* --- unlocking --- */

/* Gives the lock of key k, whose word is v, to the first waiter. 1 done, 0 nobody waits, -EAGAIN the word or the waiter
 * has changed: *v is what the word is now, if this call wrote it. */
static int grant(struct task *t, const struct futex_key *k, uint64_t addr, uint32_t *v)
{
	_cleanup_(task_putp) struct task *heir = NULL;
	struct pi_waiter *w;
	uint32_t new;
	int r;

	mutex_lock(&pi_lock);
	w = first_waiter(k);
	if (w) {
		heir = task_get(w->task);
		w->state = PI_GRANTING;
	}
	mutex_unlock(&pi_lock);
	if (!heir)
		return 0;
	new = (uint32_t)task_pid_nr(heir, heir) | FUTEX_WAITERS;
	r = change_word(t, addr, *v, new);
	mutex_lock(&pi_lock);
	w = heir->pi_blocked;
	if (!w || !futex_same_key(&w->key, k) || w->state != PI_GRANTING) {
		w = NULL; /* it was killed meanwhile */
	} else if (r == 1) {
		finish(w, PI_GRANTED);
		new_owner(k, heir);
	} else {
		w->state = PI_WAITING;
		sleeper_wake(&heir->sleeper); /* a signal may wait for it */
	}
	mutex_unlock(&pi_lock);
	if (r < 0)
		return r;
	if (r == 1)
		*v = new;
	return r == 1 && w ? 1 : -EAGAIN;
}

/* Nobody waited: frees the word. Who has come meanwhile looks again. 1 done, 0 the word has changed. */
static int set_free(struct task *t, const struct futex_key *k, uint64_t addr, uint32_t v)
{
	struct pi_waiter *w, *x;
	int r = change_word(t, addr, v, 0);

	if (r <= 0)
		return r;
	MUTEX_GUARD(&pi_lock);
	list_for_each_entry_safe(w, x, bucket_of(k), node)
		if (futex_same_key(&w->key, k))
			finish(w, PI_RETRY);
	return 1;
}

long futex_unlock_pi(struct task *t, uint64_t addr, bool priv)
{
	uint32_t v, tid = (uint32_t)task_pid_nr(t, t), mine;
	struct futex_key k;
	int r = futex_get_key(t, addr, priv, &k);

	if (r < 0)
		return r;
	mine = tid;
	for (;;) {
		r = futex_read_word(t, addr, &v);
		if (r < 0)
			return r;
		if ((v & FUTEX_TID_MASK) != mine)
			return mine == tid ? -EPERM : 0; /* given to one who died, and taken from there */
		r = grant(t, &k, addr, &v);
		if (r == 0)
			r = set_free(t, &k, addr, v);
		if (r == 1)
			return 0;
		if (r < 0 && r != -EAGAIN)
			return r;
		mine = v & FUTEX_TID_MASK;
		if (signal_pending(t))
			return mine == tid ? -ERESTARTNOINTR : 0;
	}
}

/* --- death --- */

void futex_pi_exit(struct task *t)
{
	struct pi_waiter *w, *x;

	if (!__atomic_load_n(&t->pi_waited, __ATOMIC_SEQ_CST))
		return;
	pthread_once(&once, init_table);
	MUTEX_GUARD(&pi_lock);
	for (unsigned i = 0; i < PI_BUCKETS; i++) {
		bool again = true;

		while (again) {
			again = false;
			list_for_each_entry_safe(w, x, &table[i], node) {
				struct futex_key k = w->key;
				struct task *heir = w->task;

				if (w->owner != t)
					continue;
				finish(w, PI_OWNER_DIED);
				new_owner(&k, heir);
				again = true; /* the list has changed in more places */
				break;
			}
		}
	}
}
