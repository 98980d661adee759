/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futexes: futex(2). A waiter hangs in a hash bucket by the identity of its word; the word is read with
 * the bucket locked, so a wake between the test and the sleep is not lost. The kernel cannot change a word
 * atomically against running guest threads: it changes one only where the protocol is safe without it
 * (the owner is dead), and FUTEX_WAKE_OP is atomic against other futex calls alone.
 */
#include "kernel/task/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include "kernel/task/internal.h"

#define BUCKETS 256
#define ROBUST_LIMIT 2048

struct futex_waiter {
	struct list_head node; /* bucket lock */
	struct futex_key key;
	uint32_t bitset;
	struct task *task;
	struct bucket *bucket; /* atomic: where it hangs; NULL: it has been woken */
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
	uint64_t h = (k->obj ^ (k->off >> 2) * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	pthread_once(&once, init_buckets);
	return &buckets[h >> 56];
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->obj == b->obj && a->off == b->off && a->shared == b->shared;
}

static int get_key(struct task *t, uint64_t addr, bool priv, struct futex_key *k)
{
	if (addr & 3)
		return -EINVAL;
	if (addr >= PT_GUEST_END)
		return -EFAULT;
	return mm_futex_key(t->mm, addr, priv, k);
}

static int read_word(struct task *t, uint64_t addr, uint32_t *v)
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
		if (!same_key(&w->key, k) || !(w->bitset & bitset))
			continue;
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
	r = get_key(t, addr, priv, &k);
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

long futex_wait(struct task *t, uint64_t addr, bool priv, uint32_t val, uint32_t bitset,
		uint64_t deadline)
{
	struct futex_waiter w = {.bitset = bitset, .task = t};
	struct bucket *b;
	uint32_t v;
	int r;

	if (!bitset)
		return -EINVAL;
	r = get_key(t, addr, priv, &w.key);
	if (r < 0)
		return r;
	b = bucket_of(&w.key);
	sleeper_prepare(&t->sleeper);
	mutex_lock(&b->lock);
	r = read_word(t, addr, &v);
	if (r == 0 && v != val)
		r = -EAGAIN;
	if (r == 0) {
		w.bucket = b;
		list_add_tail(&w.node, &b->waiters);
	}
	mutex_unlock(&b->lock);
	while (r == 0 && __atomic_load_n(&w.bucket, __ATOMIC_ACQUIRE)) {
		r = sleeper_sleep(&t->sleeper, deadline, SLEEP_INTERRUPTIBLE);
		if (r == 0)
			sleeper_prepare(&t->sleeper);
	}
	if (r == -EAGAIN || r == -EFAULT)
		return r;
	return unqueue(&w) ? 0 : r;
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
	r = get_key(t, a->addr, a->priv, &k1);
	if (r == 0)
		r = get_key(t, a->addr2, a->priv, &k2);
	if (r < 0)
		return r;
	b1 = bucket_of(&k1);
	b2 = bucket_of(&k2);
	lock_two(b1, b2);
	if (a->compare) {
		r = read_word(t, a->addr, &v);
		if (r == 0 && v != a->val)
			r = -EAGAIN;
	}
	if (r == 0)
		list_for_each_entry_safe(w, x, &b1->waiters, node) {
			if (!same_key(&w->key, &k1))
				continue;
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

long futex_wake_op(struct task *t, const struct futex_requeue_args *a, uint32_t op)
{
	struct bucket *b1, *b2;
	struct futex_key k1, k2;
	uint32_t old, new = 0;
	bool cond = false;
	int r;

	r = get_key(t, a->addr, a->priv, &k1);
	if (r == 0)
		r = get_key(t, a->addr2, a->priv, &k2);
	if (r < 0)
		return r;
	b1 = bucket_of(&k1);
	b2 = bucket_of(&k2);
	lock_two(b1, b2);
	r = read_word(t, a->addr2, &old);
	if (r == 0)
		r = do_op(op, old, &new, &cond);
	if (r == 0 && pt_as_write(t->mm->as, uaddr(a->addr2), &new, 4) != 4)
		r = -EFAULT;
	if (r == 0) {
		r = wake_in(b1, &k1, MAX(a->nwake, 1), FUTEX_BITSET_MATCH_ANY);
		if (cond)
			r += wake_in(b2, &k2, MAX(a->nmove, 1), FUTEX_BITSET_MATCH_ANY);
	}
	unlock_two(b1, b2);
	return r;
}

/* --- death --- */

/* The dead t's word at addr: marked, and one waiter woken. A thread that sets the waiters bit meanwhile
 * finds in FUTEX_WAIT that the word has changed. */
static void robust_word(struct task *t, uint64_t addr, bool pending)
{
	uint32_t v, n, tid = (uint32_t)task_pid_nr(t, t);
	struct futex_key k;
	struct bucket *b;
	bool wake = false;

	if (get_key(t, addr, false, &k) < 0)
		return;
	b = bucket_of(&k);
	mutex_lock(&b->lock);
	if (read_word(t, addr, &v) == 0) {
		if ((v & FUTEX_TID_MASK) == tid) {
			n = (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
			wake = pt_as_write(t->mm->as, uaddr(addr), &n, 4) == 4 &&
			       (v & FUTEX_WAITERS);
		} else {
			wake = pending && !v;
		}
	}
	mutex_unlock(&b->lock);
	if (!wake)
		return;
	/* Waiters of a process-private robust mutex hang under the private key. */
	if (futex_wake(t, addr, false, 1, FUTEX_BITSET_MATCH_ANY) == 0 &&
	    futex_wake(t, addr, true, 1, FUTEX_BITSET_MATCH_ANY) < 0)
		return;
}

static void robust_exit(struct task *t)
{
	uint64_t head = t->robust_list, h[3], e, next, pending;

	if (!head || pt_as_read(t->mm->as, h, uaddr(head), sizeof(h)) != sizeof(h))
		return;
	pending = h[2];
	e = h[0];
	for (unsigned i = 0; e && (e & ~1ULL) != head && i < ROBUST_LIMIT; i++) {
		bool last = pt_as_read(t->mm->as, &next, uaddr(e & ~1ULL), 8) != 8;

		/* Bit 0 marks a PI futex, which this kernel does not have. */
		if (e != pending && !(e & 1))
			robust_word(t, e + h[1], false);
		if (last)
			break;
		e = next;
	}
	if (pending && !(pending & 1))
		robust_word(t, pending + h[1], true);
}

void futex_exit(struct task *t)
{
	uint32_t zero = 0;

	if (!t->mm)
		return;
	robust_exit(t);
	t->robust_list = 0;
	if (t->clear_child_tid && __atomic_load_n(&t->mm->ref.n, __ATOMIC_RELAXED) > 1 &&
	    pt_as_write(t->mm->as, uaddr(t->clear_child_tid), &zero, 4) == 4 &&
	    futex_wake(t, t->clear_child_tid, false, 1, FUTEX_BITSET_MATCH_ANY) < 0)
		t->robust_len = 0;
	t->clear_child_tid = 0;
}
