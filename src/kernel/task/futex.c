/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futexes: futex(2). A waiter hangs in a hash bucket by the identity of its word; the word is read with
 * the bucket locked, so a wake between the test and the sleep is not lost. Words are changed by the calling thread's
 * stub, atomically against guest code, and never with a bucket locked.
 */
#include "kernel/task/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include "kernel/task/futex_priv.h"
#include "kernel/task/internal.h"

#define BUCKETS 256
#define ROBUST_LIMIT 2048

struct futex_waiter {
	struct list_head node; /* bucket lock */
	struct futex_key key;
	uint32_t bitset;
	struct task *task;
	struct bucket *bucket; /* atomic: where it hangs; NULL: it has been woken */
	bool requeue_pi;       /* waits to be moved to the PI futex key2; bucket lock */
	bool moved;	       /* and was */
	struct futex_key key2;
};

static struct bucket {
	struct mutex lock;
	struct list_head waiters;
} buckets[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_buckets(void)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		mutex_init(&buckets[i].lock, RANK_FUTEX, "futex bucket");
		list_init(&buckets[i].waiters);
	}
}

static struct bucket *bucket_of(const struct futex_key *k)
{
	pthread_once(&once, init_buckets);
	return &buckets[futex_hash(k) % BUCKETS];
}

uint64_t futex_hash(const struct futex_key *k)
{
	return ((k->obj ^ (k->off >> 2) * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL) >> 48;
}

bool futex_same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->obj == b->obj && a->off == b->off && a->shared == b->shared;
}

int futex_get_key(struct task *t, uint64_t addr, bool priv, struct futex_key *k)
{
	uint32_t v;
	int r;

	if (addr & 3)
		return -EINVAL;
	if (addr >= PT_GUEST_END)
		return -EFAULT;
	r = mm_futex_key(t->mm, addr, priv, k);
	/* Of shared memory Linux looks at the page: there must be one. */
	return r < 0 || priv ? r : futex_read_word(t, addr, &v);
}

int futex_read_word(struct task *t, uint64_t addr, uint32_t *v)
{
	return pt_as_read(t->mm->as, v, uaddr(addr), sizeof(*v)) == sizeof(*v) ? 0 : -EFAULT;
}

/* Two buckets in address order. */
static void lock_two(struct bucket *a, struct bucket *b)
{
	if (a > b) {
		struct bucket *x = a;

		a = b;
		b = x;
	}
	mutex_lock(&a->lock);
	if (a != b)
		mutex_lock_nested(&b->lock);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

/* Bucket lock held. The waiter's frame may be gone once bucket is NULL; the task stays. */
static void wake_waiter(struct futex_waiter *w)
{
	struct task *t = task_get(w->task);

	list_del(&w->node);
	__atomic_store_n(&w->bucket, NULL, __ATOMIC_RELEASE);
	sleeper_wake(&t->sleeper);
	task_put(t);
}

static int wake_in(struct bucket *b, const struct futex_key *k, int n, uint32_t bitset)
{
	struct futex_waiter *w, *x;
	int done = 0;

	list_for_each_entry_safe(w, x, &b->waiters, node) {
		if (done >= n)
			break;
		if (!futex_same_key(&w->key, k) || !(w->bitset & bitset))
			continue;
		if (w->requeue_pi)
			return -EINVAL;
		wake_waiter(w);
		done++;
	}
	return done;
}

long futex_wake(struct task *t, uint64_t addr, bool priv, int n, uint32_t bitset)
{
	struct futex_key k;
	struct bucket *b;
	int r;

	if (!bitset)
		return -EINVAL;
	r = futex_get_key(t, addr, priv, &k);
	if (r < 0)
		return r;
	b = bucket_of(&k);
	MUTEX_GUARD(&b->lock);
	return wake_in(b, &k, n < 1 ? 1 : n, bitset);
}

/* Takes w out. True when somebody woke it before. A requeue may move it meanwhile. */
static bool unqueue(struct futex_waiter *w)
{
	struct bucket *b;

	while ((b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE))) {
		bool mine;

		mutex_lock(&b->lock);
		mine = w->bucket == b;
		if (mine)
			list_del(&w->node);
		mutex_unlock(&b->lock);
		if (mine)
			return false;
	}
	return true;
}

/* Enters w, whose key is set, if the word at addr is val. 0, -EAGAIN, -EFAULT. */
static int enqueue(struct task *t, struct futex_waiter *w, uint64_t addr, uint32_t val)
{
	struct bucket *b = bucket_of(&w->key);
	uint32_t v;
	int r;

	MUTEX_GUARD(&b->lock);
	r = futex_read_word(t, addr, &v);
	if (r < 0)
		return r;
	if (v != val)
		return -EAGAIN;
	w->bucket = b;
	list_add_tail(&w->node, &b->waiters);
	return 0;
}

/* Enters w and sleeps. 0 woken, else why not; -EAGAIN and -EFAULT: it was not entered. */
static int wait_one(struct task *t, struct futex_waiter *w, uint64_t addr, uint32_t val, uint64_t deadline)
{
	int r;

	sleeper_prepare(&t->sleeper);
	r = enqueue(t, w, addr, val);
	if (r < 0)
		return r;
	while (r == 0 && __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE)) {
		r = sleeper_sleep(&t->sleeper, deadline, SLEEP_INTERRUPTIBLE);
		if (r == 0)
			sleeper_prepare(&t->sleeper);
	}
	return unqueue(w) ? 0 : r;
}

long futex_wait(struct task *t, uint64_t addr, bool priv, uint32_t val, uint32_t bitset,
		uint64_t deadline)
{
	struct futex_waiter w = {.bitset = bitset, .task = t};
	int r;

	if (!bitset)
		return -EINVAL;
	r = futex_get_key(t, addr, priv, &w.key);
	return r < 0 ? r : wait_one(t, &w, addr, val, deadline);
}

long futex_wait_requeue_pi(struct task *t, uint64_t addr, bool priv, uint32_t val, uint32_t bitset, uint64_t deadline,
			   uint64_t addr2)
{
	struct futex_waiter w = {.bitset = bitset, .task = t, .requeue_pi = true};
	long r;

	if (!bitset || addr == addr2)
		return -EINVAL;
	r = futex_get_key(t, addr, priv, &w.key);
	if (r == 0)
		r = futex_get_key(t, addr2, priv, &w.key2);
	if (r == 0 && futex_same_key(&w.key, &w.key2))
		r = -EINVAL;
	if (r < 0)
		return r;
	r = wait_one(t, &w, addr, val, deadline);
	if (r < 0)
		return r == -ERESTARTSYS ? -ERESTARTNOINTR : r;
	if (!w.moved)
		return -EAGAIN;
	r = futex_lock_pi(t, addr2, priv, deadline, false);
	return r == -ERESTARTNOINTR ? -EAGAIN : r; /* the first wait cannot begin anew */
}

/* Takes all out. The last one that was woken, -1 when none was. */
static int unqueue_all(struct futex_waiter *w, unsigned n)
{
	int woken = -1;

	for (unsigned i = 0; i < n; i++)
		if (unqueue(&w[i]))
			woken = (int)i;
	return woken;
}

static bool some_woken(const struct futex_waiter *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!__atomic_load_n(&w[i].bucket, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

long futex_wait_many(struct task *t, const struct futex_wait_entry *e, unsigned n, uint64_t deadline)
{
	_cleanup_free_ struct futex_waiter *w = calloc(n, sizeof(*w));
	int r = 0, woken;
	unsigned in;

	if (!w)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		w[i].bitset = FUTEX_BITSET_MATCH_ANY;
		w[i].task = t;
		r = futex_get_key(t, e[i].addr, e[i].priv, &w[i].key);
		if (r < 0)
			return r;
	}
	sleeper_prepare(&t->sleeper);
	for (in = 0; in < n && r == 0; in++) {
		r = enqueue(t, &w[in], e[in].addr, e[in].val);
		if (r < 0)
			break;
	}
	while (r == 0 && !some_woken(w, n)) {
		r = sleeper_sleep(&t->sleeper, deadline, SLEEP_INTERRUPTIBLE);
		if (r == 0)
			sleeper_prepare(&t->sleeper);
	}
	woken = unqueue_all(w, in);
	return woken >= 0 ? woken : r;
}

long futex_requeue(struct task *t, const struct futex_requeue_args *a)
{
	struct futex_waiter *w, *x;
	struct bucket *b1, *b2;
	struct futex_key k1, k2;
	int done = 0, moved = 0, r;
	uint32_t v;

	if (a->nwake < 0 || a->nmove < 0)
		return -EINVAL;
	r = futex_get_key(t, a->addr, a->priv, &k1);
	if (r == 0)
		r = futex_get_key(t, a->addr2, a->priv2, &k2);
	if (r < 0)
		return r;
	b1 = bucket_of(&k1);
	b2 = bucket_of(&k2);
	lock_two(b1, b2);
	if (a->compare) {
		r = futex_read_word(t, a->addr, &v);
		if (r == 0 && v != a->val)
			r = -EAGAIN;
	}
	if (r == 0)
		list_for_each_entry_safe(w, x, &b1->waiters, node) {
			if (!futex_same_key(&w->key, &k1))
				continue;
			if (w->requeue_pi) {
				r = -EINVAL;
				break;
			}
			if (done < a->nwake) {
				wake_waiter(w);
				done++;
				continue;
			}
			if (moved == a->nmove)
				break;
			moved++;
			w->key = k2;
			if (b1 == b2)
				continue;
			list_del(&w->node);
			list_add_tail(&w->node, &b2->waiters);
			__atomic_store_n(&w->bucket, b2, __ATOMIC_RELEASE);
		}
	unlock_two(b1, b2);
	if (r < 0)
		return r;
	return a->compare ? done + moved : done;
}

/* Those that are moved take the PI futex themselves, as soon as they run. */
long futex_cmp_requeue_pi(struct task *t, const struct futex_requeue_args *a)
{
	struct futex_waiter *w, *x;
	struct futex_key k1, k2;
	struct bucket *b;
	long n = 0;
	uint32_t v;
	int r;

	if (a->nwake != 1 || a->nmove < 0 || a->addr == a->addr2)
		return -EINVAL;
	r = futex_get_key(t, a->addr, a->priv, &k1);
	if (r == 0)
		r = futex_get_key(t, a->addr2, a->priv2, &k2);
	if (r == 0 && futex_same_key(&k1, &k2))
		r = -EINVAL;
	if (r < 0)
		return r;
	b = bucket_of(&k1);
	MUTEX_GUARD(&b->lock);
	r = futex_read_word(t, a->addr, &v);
	if (r < 0)
		return r;
	if (v != a->val)
		return -EAGAIN;
	list_for_each_entry_safe(w, x, &b->waiters, node) {
		if (!futex_same_key(&w->key, &k1))
			continue;
		if (!w->requeue_pi || !futex_same_key(&w->key2, &k2))
			return -EINVAL;
		if (n > a->nmove)
			break;
		w->moved = true;
		wake_waiter(w);
		n++;
	}
	return n;
}

static int do_op(uint32_t op, uint32_t old, uint32_t *new, bool *cond)
{
	uint32_t arg = (uint32_t)((int32_t)(op << 8) >> 20);
	int32_t cmp = (int32_t)(op << 20) >> 20, v = (int32_t)old;
	unsigned kind = (op >> 28) & 7;

	if ((op >> 28) & FUTEX_OP_OPARG_SHIFT)
		arg = 1U << (arg & 31);
	switch (kind) {
	case FUTEX_OP_SET:
		*new = arg;
		break;
	case FUTEX_OP_ADD:
		*new = old + arg;
		break;
	case FUTEX_OP_OR:
		*new = old | arg;
		break;
	case FUTEX_OP_ANDN:
		*new = old & ~arg;
		break;
	case FUTEX_OP_XOR:
		*new = old ^ arg;
		break;
	default:
		return -ENOSYS;
	}
	switch ((op >> 24) & 15) {
	case FUTEX_OP_CMP_EQ:
		*cond = v == cmp;
		return 0;
	case FUTEX_OP_CMP_NE:
		*cond = v != cmp;
		return 0;
	case FUTEX_OP_CMP_LT:
		*cond = v < cmp;
		return 0;
	case FUTEX_OP_CMP_LE:
		*cond = v <= cmp;
		return 0;
	case FUTEX_OP_CMP_GT:
		*cond = v > cmp;
		return 0;
	case FUTEX_OP_CMP_GE:
		*cond = v >= cmp;
		return 0;
	}
	return -ENOSYS;
}

/* The word at addr2 by op. 0 or -errno. */
static int change_by_op(struct task *t, uint64_t addr, uint32_t op, bool *cond)
{
	uint32_t old, new = 0, seen;
	int r = futex_read_word(t, addr, &old);

	while (r == 0) {
		r = do_op(op, old, &new, cond);
		if (r == 0)
			r = pt_cmpxchg32(t->pt, uaddr(addr), old, new, &seen);
		if (r < 0 || seen == old)
			break;
		old = seen;
		if (signal_pending(t))
			r = -ERESTARTNOINTR;
	}
	return r;
}

long futex_wake_op(struct task *t, const struct futex_requeue_args *a, uint32_t op)
{
	struct bucket *b1, *b2;
	struct futex_key k1, k2;
	bool cond = false;
	int r;

	r = futex_get_key(t, a->addr, a->priv, &k1);
	if (r == 0)
		r = futex_get_key(t, a->addr2, a->priv2, &k2);
	if (r == 0)
		r = change_by_op(t, a->addr2, op, &cond);
	if (r < 0)
		return r == -ESRCH ? -EFAULT : r;
	b1 = bucket_of(&k1);
	b2 = bucket_of(&k2);
	lock_two(b1, b2);
	r = wake_in(b1, &k1, MAX(a->nwake, 1), FUTEX_BITSET_MATCH_ANY);
	if (r >= 0 && cond) {
		int more = wake_in(b2, &k2, MAX(a->nmove, 1), FUTEX_BITSET_MATCH_ANY);

		r = more < 0 ? more : r + more;
	}
	unlock_two(b1, b2);
	return r;
}

/* --- death --- */

/* The dead t's word at addr: marked, and one waiter woken. A PI futex's waiters are the kernel's business (futex_pi_exit). */
static void robust_word(struct task *t, uint64_t addr, bool pi, bool pending)
{
	uint32_t v, seen, tid = (uint32_t)task_pid_nr(t, t);
	bool wake = false;

	if (addr & 3 || futex_read_word(t, addr, &v) < 0)
		return;
	while ((v & FUTEX_TID_MASK) == tid) {
		if (pt_cmpxchg32(t->pt, uaddr(addr), v, (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen) < 0)
			return;
		wake = v & FUTEX_WAITERS;
		if (seen == v)
			break;
		v = seen;
	}
	if ((v & FUTEX_TID_MASK) != tid)
		wake = pending && !v;
	if (!wake || pi)
		return;
	/* Waiters of a process-private robust mutex hang under the private key. */
	if (futex_wake(t, addr, false, 1, FUTEX_BITSET_MATCH_ANY) == 0 &&
	    futex_wake(t, addr, true, 1, FUTEX_BITSET_MATCH_ANY) < 0)
		return;
}

/* An entry's address has bit 0 set when its futex is a PI one. */
static void robust_exit(struct task *t)
{
	uint64_t head = t->robust_list, h[3], e, next, pending;

	if (!head || pt_as_read(t->mm->as, h, uaddr(head), sizeof(h)) != sizeof(h))
		return;
	pending = h[2];
	e = h[0];
	for (unsigned i = 0; e && (e & ~1ULL) != head && i < ROBUST_LIMIT; i++) {
		bool last = pt_as_read(t->mm->as, &next, uaddr(e & ~1ULL), 8) != 8;

		if ((e & ~1ULL) != (pending & ~1ULL))
			robust_word(t, (e & ~1ULL) + h[1], e & 1, false);
		if (last)
			break;
		e = next;
	}
	if (pending)
		robust_word(t, (pending & ~1ULL) + h[1], pending & 1, true);
}

void futex_exit(struct task *t)
{
	uint32_t zero = 0;

	if (!t->mm)
		return;
	robust_exit(t);
	futex_pi_exit(t);
	t->robust_list = 0;
	if (t->clear_child_tid && __atomic_load_n(&t->mm->ref.n, __ATOMIC_RELAXED) > 1 &&
	    pt_as_write(t->mm->as, uaddr(t->clear_child_tid), &zero, 4) == 4 &&
	    futex_wake(t, t->clear_child_tid, false, 1, FUTEX_BITSET_MATCH_ANY) < 0)
		t->robust_len = 0;
	t->clear_child_tid = 0;
}
