/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advisory locks. One mutex guards all of them: locks are rare and the lists short. Record locks of POSIX and
 * of open files live in one list per inode and conflict with each other; flock has a list of its own.
 */
#include "kernel/vfs/lock.h"

#include <fcntl.h>
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

struct file_lock {
	struct list_head node;
	struct list_head all; /* of the locks of all files */
	struct inode *inode;
	bool flock;
	const void *owner; /* struct files (POSIX) or struct file */
	bool ofd;
	struct pid *pid; /* own reference: who F_GETLK names */
	struct lock_range r;
};
struct file_lock_context {
	struct list_head records, flocks; /* struct file_lock; records sorted by owner, then start */
	struct waitq wait;
};
/* A task that sleeps for a lock. Those for POSIX locks are the edges of a graph that must have no cycle. */
struct lock_waiter {
	struct list_head node;
	const void *owner;
	const void *blocker;
	bool posix; /* counts for deadlocks */
	const struct request *q;
};
struct request {
	struct file *f;
	const void *owner;
	bool ofd, flock, wait;
	struct pid *pid;
	struct lock_range want;
	struct lock_waiter w; /* node queued while asleep */
	int r;
};

static struct mutex lock_mutex = MUTEX_INIT(RANK_FILE_LOCK, "file locks");
static LIST_HEAD(waiters);   /* lock_mutex */
static LIST_HEAD(all_locks); /* lock_mutex: as /proc/locks shows them */

#define LOCKS_PER_FILE 100000U
#define CYCLE_MAX 10 /* as in Linux */

static struct file_lock_context *context(struct inode *i, bool make) REQUIRES(lock_mutex)
{
	struct file_lock_context *c = i->flc;

	if (c || !make)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	list_init(&c->records);
	list_init(&c->flocks);
	waitq_init(&c->wait);
	__atomic_store_n(&i->flc, c, __ATOMIC_RELEASE);
	return c;
}

static struct file_lock *lock_new(const struct request *q) REQUIRES(lock_mutex)
{
	struct file_lock *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->owner = q->owner;
	l->ofd = q->ofd;
	l->flock = q->flock;
	l->inode = q->f->inode;
	l->pid = q->pid ? pid_get(q->pid) : NULL;
	l->r = q->want;
	list_init(&l->node);
	list_add_tail(&l->all, &all_locks);
	return l;
}

static void lock_free(struct file_lock *l)
{
	list_del(&l->node);
	list_del(&l->all);
	if (l->pid)
		pid_put(l->pid);
	free(l);
}

static void free_list(struct list_head *h)
{
	while (!list_empty(h))
		lock_free(list_first_entry(h, struct file_lock, node));
}

void locks_free(struct inode *i)
{
	struct file_lock_context *c = i->flc;

	if (!c)
		return;
	if (!list_empty(&c->records) || !list_empty(&c->flocks)) {
		MUTEX_GUARD(&lock_mutex);
		free_list(&c->records);
		free_list(&c->flocks);
	}
	waitq_done(&c->wait);
	free(c);
}

/* --- record locks --- */

static bool overlap(const struct lock_range *a, const struct lock_range *b)
{
	return a->start <= b->end && b->start <= a->end;
}

static struct file_lock *find_conflict(struct file_lock_context *c, const void *owner,
				       const struct lock_range *want) REQUIRES(lock_mutex)
{
	struct file_lock *l;

	list_for_each_entry(l, &c->records, node)
		if (l->owner != owner && overlap(&l->r, want) &&
		    (l->r.type == F_WRLCK || want->type == F_WRLCK))
			return l;
	return NULL;
}

/* Takes the bytes of want away from the owner's locks. spare is used when one is split in two. Returns true
 * when spare was used. */
static bool carve(struct file_lock_context *c, const void *owner, const struct lock_range *want,
		  struct file_lock *spare) REQUIRES(lock_mutex)
{
	struct file_lock *l, *n;
	bool used = false;

	list_for_each_entry_safe(l, n, &c->records, node) {
		if (l->owner != owner || !overlap(&l->r, want))
			continue;
		if (l->r.start < want->start && l->r.end > want->end) {
			spare->r = l->r;
			spare->r.start = want->end + 1;
			l->r.end = want->start - 1;
			list_add(&spare->node, &l->node);
			used = true;
		} else if (l->r.start < want->start) {
			l->r.end = want->start - 1;
		} else if (l->r.end > want->end) {
			l->r.start = want->end + 1;
		} else {
			lock_free(l);
		}
	}
	return used;
}

/* Joins lock l with equal neighbours of its owner. */
static void coalesce(struct file_lock_context *c, struct file_lock *l) REQUIRES(lock_mutex)
{
	struct file_lock *o, *n;

	list_for_each_entry_safe(o, n, &c->records, node) {
		if (o == l || o->owner != l->owner || o->r.type != l->r.type)
			continue;
		if (o->r.end != UINT64_MAX && o->r.end + 1 == l->r.start)
			l->r.start = o->r.start;
		else if (l->r.end != UINT64_MAX && l->r.end + 1 == o->r.start)
			l->r.end = o->r.end;
		else
			continue;
		lock_free(o);
	}
}

static unsigned count(struct list_head *h) REQUIRES(lock_mutex)
{
	unsigned n = 0;

	for (struct list_head *p = h->next; p != h; p = p->next)
		n++;
	return n;
}

/* Would sleeping for blocker close a circle of POSIX owners? */
static bool is_deadlock(const void *owner, const void *blocker) REQUIRES(lock_mutex)
{
	for (int k = 0; k < CYCLE_MAX; k++) {
		const struct lock_waiter *w;
		const void *next = NULL;

		if (blocker == owner)
			return true;
		list_for_each_entry(w, &waiters, node)
			if (w->posix && w->owner == blocker)
				next = w->blocker;
		if (!next)
			return false;
		blocker = next;
	}
	return false;
}

/* Puts l where it belongs: the locks of one owner are together, by their beginnings. */
static void insert(struct file_lock_context *c, struct file_lock *l) REQUIRES(lock_mutex)
{
	struct list_head *after;
	struct file_lock *o;

	list_del(&l->node);
	after = c->records.prev;
	list_for_each_entry(o, &c->records, node) {
		if (o->owner != l->owner)
			continue;
		if (o->r.start > l->r.start) {
			after = o->node.prev;
			break;
		}
		after = &o->node;
	}
	list_add(&l->node, after);
}

static int apply(struct file_lock_context *c, struct request *q) REQUIRES(lock_mutex)
{
	struct file_lock *spare, *l = NULL;

	if (q->want.type != F_UNLCK && count(&c->records) >= LOCKS_PER_FILE)
		return -ENOLCK;
	spare = lock_new(q);
	if (!spare)
		return -ENOMEM;
	if (q->want.type != F_UNLCK) {
		l = lock_new(q);
		if (!l) {
			lock_free(spare);
			return -ENOMEM;
		}
	}
	if (!carve(c, q->owner, &q->want, spare))
		lock_free(spare);
	if (l) {
		list_add_tail(&l->node, &c->records);
		coalesce(c, l);
		insert(c, l);
	}
	return 0;
}

/* One try. True when it is decided: q->r is the result. */
static bool try_record(struct request *q, bool wait)
{
	struct file_lock_context *c;
	struct file_lock *block;

	MUTEX_GUARD(&lock_mutex);
	list_del(&q->w.node);
	c = context(q->f->inode, q->want.type != F_UNLCK);
	if (!c) {
		q->r = q->want.type == F_UNLCK ? 0 : -ENOMEM;
		return true;
	}
	block = q->want.type == F_UNLCK ? NULL : find_conflict(c, q->owner, &q->want);
	if (!block) {
		q->r = apply(c, q);
		wake_up_all(&c->wait, 0);
		return true;
	}
	q->r = -EAGAIN;
	if (!wait)
		return true;
	if (!q->ofd && !block->ofd && is_deadlock(q->owner, block->owner)) {
		q->r = -EDEADLK;
		return true;
	}
	q->w.blocker = block->owner;
	q->w.posix = !q->ofd && !block->ofd;
	list_add(&q->w.node, &waiters);
	return false;
}

int record_lock(struct task *t, struct file *f, const struct lock_range *want, bool ofd, bool wait)
{
	struct request q = {
		.f = f,
		.owner = ofd ? (const void *)f : (const void *)t->files,
		.ofd = ofd,
		.pid = t->tgid_pid,
		.want = *want,
	};
	int r;

	q.w.owner = q.owner;
	q.w.q = &q;
	list_init(&q.w.node);
	if (try_record(&q, wait))
		return q.r;
	r = wait_event(&f->inode->flc->wait, &t->sleeper, try_record(&q, true), TIME_FOREVER,
		       SLEEP_INTERRUPTIBLE);
	mutex_lock(&lock_mutex);
	list_del(&q.w.node);
	mutex_unlock(&lock_mutex);
	return r < 0 ? r : q.r;
}

void record_test(struct task *t, struct file *f, struct lock_range *want, bool ofd, int *ret_pid)
{
	const void *owner = ofd ? (const void *)f : (const void *)t->files;
	struct file_lock_context *c;
	struct file_lock *l;

	MUTEX_GUARD(&lock_mutex);
	c = context(f->inode, false);
	l = c ? find_conflict(c, owner, want) : NULL;
	if (!l) {
		want->type = F_UNLCK;
		return;
	}
	*want = l->r;
	*ret_pid = l->ofd || !l->pid ? -1 : pid_nr_ns(l->pid, task_pid_ns(t));
}

/* --- flock --- */

static struct file_lock *own_flock(struct file_lock_context *c, const struct file *f)
	REQUIRES(lock_mutex)
{
	struct file_lock *l;

	list_for_each_entry(l, &c->flocks, node)
		if (l->owner == f)
			return l;
	return NULL;
}

static bool try_flock(struct request *q)
{
	struct file_lock_context *c;
	struct file_lock *l, *own;

	MUTEX_GUARD(&lock_mutex);
	list_del(&q->w.node);
	q->r = 0;
	c = context(q->f->inode, q->want.type != F_UNLCK);
	if (!c) {
		q->r = q->want.type == F_UNLCK ? 0 : -ENOMEM;
		return true;
	}
	own = own_flock(c, q->f);
	if (own && own->r.type == q->want.type)
		return true;
	if (own) { /* a change of type gives the old lock up first */
		lock_free(own);
		wake_up_all(&c->wait, 0);
	}
	if (q->want.type == F_UNLCK)
		return true;
	list_for_each_entry(l, &c->flocks, node)
		if (l->r.type == F_WRLCK || q->want.type == F_WRLCK) {
			q->r = -EWOULDBLOCK;
			if (q->wait) {
				q->w.blocker = l->owner;
				list_add(&q->w.node, &waiters);
			}
			return false;
		}
	l = lock_new(q);
	if (l)
		list_add_tail(&l->node, &c->flocks);
	else
		q->r = -ENOMEM;
	return true;
}

int flock_file(struct task *t, struct file *f, int type, bool wait)
{
	struct request q = {.f = f,
			    .owner = f,
			    .ofd = true,
			    .flock = true,
			    .pid = t->tgid_pid,
			    .wait = wait,
			    .want = {.type = type, .end = INT64_MAX}};
	int r;

	q.w.owner = f;
	q.w.q = &q;
	list_init(&q.w.node);
	if (try_flock(&q) || !wait)
		return q.r;
	r = wait_event(&f->inode->flc->wait, &t->sleeper, try_flock(&q), TIME_FOREVER,
		       SLEEP_INTERRUPTIBLE);
	mutex_lock(&lock_mutex);
	list_del(&q.w.node);
	mutex_unlock(&lock_mutex);
	return r < 0 ? r : q.r;
}

/* --- /proc/locks --- */

static struct lock_info info_of(const struct inode *i, bool flock, bool ofd, struct pid *pid,
				const struct lock_range *r, struct pid_namespace *ns)
{
	return (struct lock_info){
		.kind = flock ? "FLOCK " : ofd ? "OFDLCK" : "POSIX ",
		.range = *r,
		.pid = ofd && !flock ? -1 : pid ? pid_nr_ns(pid, ns) : 0,
		.dev = i->sb->dev,
		.ino = i->ino,
	};
}

void locks_for_each(struct pid_namespace *ns, void (*fn)(const struct lock_info *l, void *arg), void *arg)
{
	struct file_lock *l;
	struct lock_waiter *w;
	unsigned nr = 0;

	MUTEX_GUARD(&lock_mutex);
	list_for_each_entry(l, &all_locks, all) {
		struct lock_info i = info_of(l->inode, l->flock, l->ofd, l->pid, &l->r, ns);

		i.nr = ++nr;
		if (!i.pid)
			continue; /* of a process that the reader does not see */
		fn(&i, arg);
		list_for_each_entry(w, &waiters, node) {
			const struct request *q = w->q;

			if (w->blocker != l->owner || q->f->inode != l->inode || q->flock != l->flock ||
			    (!q->flock && !overlap(&q->want, &l->r)))
				continue;
			i = info_of(q->f->inode, q->flock, q->ofd, q->pid, &q->want, ns);
			i.nr = nr;
			i.blocked = true;
			if (i.pid)
				fn(&i, arg);
		}
	}
}

/* --- closing --- */

static void drop_owner(struct inode *i, const void *owner)
{
	struct file_lock_context *c;
	struct file_lock *l, *n;
	bool any = false;

	if (!__atomic_load_n(&i->flc, __ATOMIC_ACQUIRE))
		return;
	MUTEX_GUARD(&lock_mutex);
	c = i->flc;
	list_for_each_entry_safe(l, n, &c->records, node)
		if (l->owner == owner) {
			lock_free(l);
			any = true;
		}
	list_for_each_entry_safe(l, n, &c->flocks, node)
		if (l->owner == owner) {
			lock_free(l);
			any = true;
		}
	if (any)
		wake_up_all(&c->wait, 0);
}

void locks_close(struct file *f, struct files *fs)
{
	drop_owner(f->inode, fs);
}

void locks_release(struct file *f)
{
	drop_owner(f->inode, f);
}
