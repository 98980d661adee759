/* SPDX-License-Identifier: Apache-2.0 */
/* Address spaces and threads: birth by clone, running, interruption, end. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include <unistd.h>
#include "platform/trap/trap.h"

#define BIRTH_TIMEOUT_NS (10 * NSEC_PER_SEC)
/* What a guest thread has to come back when it is to end: enough on a host that is busy. */
#define DOOM_NS (2 * NSEC_PER_SEC)
/* Arithmetic flags, trap, direction, nested task, resume, alignment check, id: what a program may set. */
#define EFLAGS_USER 0x254dd5UL
#define EFLAGS_FIXED 0x202UL
#define USER_CS 0x33
#define USER_SS 0x2b
#define CANONICAL_END 0x800000000000ULL

struct pt_as *as_new(struct pt_container *c)
{
	struct pt_as *as = calloc(1, sizeof(*as));

	if (!as)
		return NULL;
	ref_init(&as->ref);
	as->c = c;
	list_init(&as->node);
	list_init(&as->threads);
	list_init(&as->spare);
	return as;
}

struct pt_as *pt_as_get(struct pt_as *as)
{
	ref_get(&as->ref);
	return as;
}

void pt_as_put(struct pt_as *as)
{
	if (!ref_put(&as->ref))
		return;
	mutex_lock(&platform_lock);
	places_free(as);
	mutex_unlock(&platform_lock);
	free(as);
}

struct pt_as *pt_as(struct pt_thread *pt)
{
	return pt->as;
}

pid_t pt_as_host_pid(struct pt_as *as)
{
	return __atomic_load_n(&as->dead, __ATOMIC_ACQUIRE) ? 0 : as->pid;
}

static void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void as_mark_dead(struct pt_as *as, int status)
{
	struct pt_container *c = as->c;
	bool zygote = c && c->zygote && c->zygote->as == as, lost, listed;
	struct pt_thread *pt;

	mutex_lock(&platform_lock);
	as->status = status;
	__atomic_store_n(&as->dead, 1, __ATOMIC_SEQ_CST);
	lost = as->live > 0;
	list_for_each_entry(pt, &as->threads, node) {
		__atomic_store_n(&pt->slot->turn, TURN_KERNEL, __ATOMIC_SEQ_CST);
		futex_wake(&pt->slot->turn);
	}
	mutex_unlock(&platform_lock);
	/* While the space is in the list its container is not freed (see kill_spaces). */
	if (c && (zygote || lost) && !__atomic_load_n(&c->closing, __ATOMIC_ACQUIRE) && c->on_dead)
		c->on_dead(c->priv, zygote ? NULL : as);
	mutex_lock(&platform_lock);
	listed = !list_empty(&as->node);
	if (listed)
		list_del(&as->node);
	mutex_unlock(&platform_lock);
	if (listed)
		pt_as_put(as); /* the list's */
}

void pt_as_kill(struct pt_as *as)
{
	mutex_lock(&platform_lock);
	/* The reaper marks it dead before the pid can be reused only for others: while it is in the list the
	 * process is ours and not yet waited for, or about to be marked. */
	if (!__atomic_load_n(&as->dead, __ATOMIC_SEQ_CST) && as->pid)
		kill(as->pid, SIGKILL);
	mutex_unlock(&platform_lock);
}

void thread_affinity(struct pt_thread *pt, const cpu_set_t *set)
{
	struct pt_as *as = pt->as;

	mutex_lock(&platform_lock);
	/* The id of a process that is not marked dead is still its own; the id of one of its threads may have been
	 * given to somebody else, when guest code ended that thread. */
	if (!__atomic_load_n(&as->dead, __ATOMIC_SEQ_CST) && as->pid &&
	    (pt->tid == as->pid || syscall(SYS_tgkill, as->pid, pt->tid, 0) == 0))
		sched_setaffinity(pt->tid, sizeof(*set), set);
	mutex_unlock(&platform_lock);
}

struct pt_thread *thread_alloc(struct pt_as *as)
{
	struct pt_thread *pt = calloc(1, sizeof(*pt));

	if (!pt)
		return NULL;
	pt->as = pt_as_get(as);
	pace_init(pt);
	list_init(&pt->node);
	list_init(&pt->hash);
	list_init(&pt->birth);
	return pt;
}

void thread_free(struct pt_thread *pt)
{
	struct pt_as *as = pt->as;

	mutex_lock(&as->c->lock);
	if (!list_empty(&pt->hash))
		list_del(&pt->hash);
	if (!list_empty(&pt->birth))
		list_del(&pt->birth);
	mutex_unlock(&as->c->lock);
	mutex_lock(&platform_lock);
	if (!list_empty(&pt->node))
		list_del(&pt->node);
	mutex_unlock(&platform_lock);
	if (pt->place)
		place_retire(as, pt->place);
	free(pt);
	pt_as_put(as);
}

static int make_token(struct pt_thread *pt)
{
	uint32_t t = 0;

	while (!t)
		if (getrandom(&t, sizeof(t), 0) != sizeof(t))
			return -EAGAIN;
	pt->token = t;
	return 0;
}

/* Guest code can keep a child from ever being born: not for long, and not past the end of its parent. */
static int await_birth(struct pt_thread *parent, struct pt_thread *child)
{
	uint64_t now = monotonic_ns(), end = now + BIRTH_TIMEOUT_NS, doom;
	int r;

	do {
		r = handoff_wait(child, MIN(end, now + NSEC_PER_SEC / 2));
		now = monotonic_ns();
		doom = __atomic_load_n(&parent->doom, __ATOMIC_SEQ_CST);
	} while (r == -ETIMEDOUT && now < end && !(doom && now >= doom) &&
		 !__atomic_load_n(&parent->as->dead, __ATOMIC_SEQ_CST));
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

/* The child's place exists. Orders the parent's stub to clone and waits until the child has mapped its slot and
 * stopped. 0, -EAGAIN, -ENOMEM, -ESRCH. */
int thread_birth(struct pt_thread *parent, struct pt_thread *child, bool share_mm)
{
	struct pt_container *c = parent->as->c;
	struct place *p = child->place;
	struct slot_op op = {.kind = share_mm ? SLOT_OP_THREAD : SLOT_OP_FORK};
	int r;

	op.a[0] = p->slot * SLOT_SIZE;
	op.a[2] = AREA_BASE + p->area * AREA_SIZE;
	child->slot->turn = TURN_STUB;
	child->slot->tid_word = 1; /* cleared by the host only for CLONE_THREAD children */
	mutex_lock(&c->lock);
	r = make_token(child);
	op.a[1] = child->token;
	list_add(&child->birth, &c->births);
	parent->order.kind = share_mm ? ORDER_CLONE_THREAD : ORDER_CLONE_FORK;
	memcpy(parent->order.args, op.a, sizeof(op.a));
	mutex_unlock(&c->lock);
	mutex_lock(&platform_lock);
	list_add(&child->node, &child->as->threads);
	child->as->live++;
	mutex_unlock(&platform_lock);
	if (r == 0)
		r = run_slot_ops(parent, &op, 1);
	if (r == 0 && op.result < 0)
		r = op.result == -ENOMEM ? -ENOMEM : -EAGAIN;
	mutex_lock(&c->lock);
	parent->order.kind = ORDER_NONE;
	mutex_unlock(&c->lock);
	if (r == 0)
		r = await_birth(parent, child);
	if (r == 0 && child->slot->event != SLOT_EV_READY)
		r = -EAGAIN;
	if (r < 0) {
		mutex_lock(&platform_lock);
		child->as->live--;
		mutex_unlock(&platform_lock);
		if (!share_mm)
			pt_as_kill(child->as);
	}
	child->regs = parent->regs;
	return r;
}

int pt_clone(struct pt_thread *parent, bool share_mm, struct pt_thread **ret)
{
	struct pt_as *as = share_mm ? pt_as_get(parent->as) : as_new(parent->as->c);
	struct pt_thread *child;
	int r;

	if (!as)
		return -ENOMEM;
	child = thread_alloc(as);
	r = child ? place_new(as, !share_mm, &child->place) : -ENOMEM;
	if (r == 0) {
		child->slot = child->place->map;
		if (!share_mm) {
			/* The child of a fork keeps its parent's area; the others are free to it. */
			child->place->area = parent->place->area;
			as->areas[child->place->area / 64] |= 1ULL << (child->place->area % 64);
		}
		r = thread_birth(parent, child, share_mm);
	}
	if (r < 0 && child)
		thread_free(child);
	pt_as_put(as);
	if (r == 0)
		*ret = child;
	return r;
}

int pt_spawn(struct pt_container *c, struct pt_thread **ret)
{
	struct pt_thread *pt;
	int r;

	mutex_lock(&c->zygote_lock);
	pace_adopt(c->zygote); /* another kernel thread than last time */
	r = pt_clone(c->zygote, false, &pt);
	mutex_unlock(&c->zygote_lock);
	if (r < 0)
		return r;
	memset(&pt->regs, 0, sizeof(pt->regs));
	*ret = pt;
	return 0;
}

void pt_adopt(struct pt_thread *pt)
{
	pace_adopt(pt);
}

void pt_release(struct pt_thread *pt)
{
	struct pt_as *as = pt->as;
	unsigned left;

	mutex_lock(&platform_lock);
	left = --as->live;
	mutex_unlock(&platform_lock);
	if (left == 0) {
		pt_as_kill(as);
	} else if (pt->tid != as->pid && !__atomic_load_n(&as->dead, __ATOMIC_SEQ_CST)) {
		/* The first thread stays, parked in its slot: a host process without it has no memory for
		 * process_vm_* and /proc, and the ids of the others may be reused by anybody.
		 * Not waited for: its place is reused only after the host cleared the thread's word. */
		pt->slot->ops[0].kind = SLOT_OP_EXIT;
		pt->slot->nops = 1;
		__atomic_store_n(&pt->slot->turn, TURN_STUB, __ATOMIC_SEQ_CST);
		futex_wake(&pt->slot->turn);
	}
	thread_free(pt);
}

struct user_regs_struct *pt_regs(struct pt_thread *pt)
{
	return &pt->regs;
}

static uint64_t canonical(uint64_t base)
{
	return base < CANONICAL_END ? base : 0;
}

static void regs_to_slot(struct pt_thread *pt)
{
	struct user_regs_struct *r = &pt->regs;

	r->cs = USER_CS;
	r->ss = USER_SS;
	r->eflags = (r->eflags & EFLAGS_USER) | EFLAGS_FIXED;
	r->fs_base = canonical(r->fs_base);
	r->gs_base = canonical(r->gs_base);
	memcpy(pt->slot->regs, r, sizeof(pt->slot->regs));
}
_Static_assert(sizeof(struct user_regs_struct) == SLOT_NREGS * 8, "registers");

/* Copies the request once and turns it into an event; false: nothing happened, go on running. */
static bool take_request(struct pt_thread *pt, struct pt_exit *ret)
{
	struct slot *s = pt->slot;
	uint32_t event = __atomic_load_n(&s->event, __ATOMIC_RELAXED);

	memcpy(&pt->regs, s->regs, sizeof(pt->regs));
	pt->regs.cs = USER_CS;
	pt->regs.ss = USER_SS;
	pt->regs.eflags = (pt->regs.eflags & EFLAGS_USER) | EFLAGS_FIXED;
	if (event != SLOT_EV_SYSCALL)
		pt->regs.orig_rax = UINT64_MAX;
	switch (event) {
	case SLOT_EV_SYSCALL:
		ret->event = PT_EV_SYSCALL;
		return true;
	case SLOT_EV_KICK:
		ret->event = PT_EV_INTERRUPT;
		return __atomic_exchange_n(&pt->kick, 0, __ATOMIC_SEQ_CST) != 0;
	case SLOT_EV_EXCEPTION:
		ret->event = PT_EV_EXCEPTION;
		ret->signo = s->signo;
		ret->code = s->code;
		ret->trapno = (int)s->trapno;
		ret->err = s->err;
		ret->addr = s->fault_addr;
		if (ret->signo != SIGSEGV && ret->signo != SIGBUS && ret->signo != SIGFPE &&
		    ret->signo != SIGILL && ret->signo != SIGTRAP)
			ret->signo = SIGSEGV;
		return true;
	default: /* a forged event */
		pt_as_kill(pt->as);
		ret->event = PT_EV_DEAD;
		return true;
	}
}

void pt_run(struct pt_thread *pt, struct pt_exit *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (;;) {
		__atomic_store_n(&pt->in_guest, 1, __ATOMIC_SEQ_CST);
		if (__atomic_exchange_n(&pt->kick, 0, __ATOMIC_SEQ_CST)) {
			__atomic_store_n(&pt->in_guest, 0, __ATOMIC_SEQ_CST);
			ret->event = PT_EV_INTERRUPT;
			return;
		}
		regs_to_slot(pt);
		pt->slot->ops[0].kind = SLOT_OP_RESUME;
		pt->slot->nops = 1;
		if (handoff(pt, TIME_FOREVER) < 0) {
			__atomic_store_n(&pt->in_guest, 0, __ATOMIC_SEQ_CST);
			ret->event = PT_EV_DEAD;
			ret->status = pt->as->status;
			return;
		}
		__atomic_store_n(&pt->in_guest, 0, __ATOMIC_SEQ_CST);
		if (take_request(pt, ret))
			return;
	}
}

void pt_doom(struct pt_thread *pt)
{
	uint64_t never = 0;

	/* The waiting kernel thread looks every half second (handoff.c). */
	__atomic_compare_exchange_n(&pt->doom, &never, monotonic_ns() + DOOM_NS, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

void pt_interrupt(struct pt_thread *pt)
{
	struct pt_as *as = pt->as;

	__atomic_store_n(&pt->kick, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&pt->in_guest, __ATOMIC_SEQ_CST))
		return;
	mutex_lock(&platform_lock);
	if (!__atomic_load_n(&as->dead, __ATOMIC_SEQ_CST) && as->pid)
		syscall(SYS_tgkill, as->pid, pt->tid, KICK_SIGNAL);
	mutex_unlock(&platform_lock);
}

void pt_answer(struct pt_thread *pt, enum pt_answer call, uint32_t value)
{
	_Static_assert((int)PT_ANSWER_GETPID == SLOT_GETPID && (int)PT_ANSWER_GETPPID == SLOT_GETPPID &&
		       (int)PT_ANSWER_GETEUID == SLOT_GETEUID && (int)PT_ANSWER_GETEGID == SLOT_GETEGID &&
		       (int)PT_ANSWERS == SLOT_ANSWERS, "one order");
	__atomic_store_n(&pt->slot->answers[call], value, __ATOMIC_RELAXED);
	__atomic_fetch_or(&pt->slot->answered, 1U << call, __ATOMIC_RELEASE);
}

void pt_answer_withdraw(struct pt_thread *pt, enum pt_answer call)
{
	__atomic_fetch_and(&pt->slot->answered, ~(1U << call), __ATOMIC_SEQ_CST);
}
