/* SPDX-License-Identifier: Apache-2.0 */
/* Actions, pending sets, masks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "kernel/signal/internal.h"

struct waitq signal_arrivals = {
	.lock = MUTEX_INIT(RANK_WAITQ, "signal arrivals"),
	.entries = {&signal_arrivals.entries, &signal_arrivals.entries},
};
static int watchers; /* atomic: number of signalfds */

void signal_arrivals_watch(int by)
{
	__atomic_add_fetch(&watchers, by, __ATOMIC_SEQ_CST);
}

static void arrived(void)
{
	if (__atomic_load_n(&watchers, __ATOMIC_SEQ_CST))
		wake_up_all(&signal_arrivals, EPOLLIN);
}

struct sighand *sighand_new(void)
{
	struct sighand *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	ref_init(&s->ref);
	mutex_init(&s->lock, RANK_SIGHAND, "sighand");
	return s;
}

struct sighand *sighand_copy(struct sighand *s)
{
	struct sighand *n = sighand_new();

	if (!n)
		return NULL;
	mutex_lock(&s->lock);
	memcpy(n->action, s->action, sizeof(n->action));
	mutex_unlock(&s->lock);
	return n;
}

struct sighand *sighand_get(struct sighand *s)
{
	ref_get(&s->ref);
	return s;
}

void sighand_put(struct sighand *s)
{
	if (!s || !ref_put(&s->ref))
		return;
	mutex_destroy(&s->lock);
	free(s);
}

static void sigqueue_free(struct sigqueue *q, struct thread_group *tg)
{
	list_del(&q->node);
	if (tg)
		__atomic_sub_fetch(&tg->nqueued, 1, __ATOMIC_RELAXED);
	free(q);
}

void sigpending_flush(struct sigpending *p, struct thread_group *tg)
{
	sigpending_drop(p, ~0ULL, tg);
}

void sigpending_drop(struct sigpending *p, ksigset_t mask, struct thread_group *tg)
{
	struct sigqueue *q, *n;

	p->set &= ~mask;
	if (!p->queue.next)
		return;
	list_for_each_entry_safe(q, n, &p->queue, node)
		if (KSIGMASK(q->info.si_signo) & mask)
			sigqueue_free(q, tg);
}

static void fill_info(siginfo_t *to, int sig, const siginfo_t *info)
{
	if (info) {
		*to = *info;
	} else {
		memset(to, 0, sizeof(*to));
		to->si_code = SI_KERNEL;
	}
	to->si_signo = sig;
}

int sigpending_add(struct sigpending *p, int sig, const siginfo_t *info, struct task *t)
{
	struct thread_group *tg = t->tg;
	struct sigqueue *q = NULL;
	uint64_t limit = tg->rlim[RLIMIT_SIGPENDING].rlim_cur;

	if (sig < SIGRTMIN_KERNEL && (p->set & KSIGMASK(sig)))
		return 0;
	if (sig == SIGKILL) {
		p->set |= KSIGMASK(sig);
		return 0;
	}
	/* A standard signal always finds room: there are at most 31 per set. */
	if (sig < SIGRTMIN_KERNEL || (uint64_t)__atomic_load_n(&tg->nqueued, __ATOMIC_RELAXED) < limit)
		q = malloc(sizeof(*q));
	if (!q) {
		if (sig >= SIGRTMIN_KERNEL && info && info->si_code != SI_USER)
			return -EAGAIN;
		p->set |= KSIGMASK(sig);
		arrived();
		return 0;
	}
	fill_info(&q->info, sig, info);
	list_add_tail(&q->node, &p->queue);
	__atomic_add_fetch(&tg->nqueued, 1, __ATOMIC_RELAXED);
	p->set |= KSIGMASK(sig);
	arrived();
	return 0;
}

int sigpending_take(struct sigpending *p, ksigset_t blocked, siginfo_t *ret,
		    struct thread_group *tg)
{
	ksigset_t ready = p->set & ~blocked;
	struct sigqueue *q, *n, *first = NULL;
	bool more = false;
	int sig;

	if (!ready)
		return 0;
	if (ready & SIG_SYNC_MASK)
		ready &= SIG_SYNC_MASK;
	sig = __builtin_ctzll(ready) + 1;
	list_for_each_entry_safe(q, n, &p->queue, node) {
		if (q->info.si_signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		p->set &= ~KSIGMASK(sig);
	if (first) {
		*ret = first->info;
		sigqueue_free(first, tg);
	} else {
		memset(ret, 0, sizeof(*ret));
		ret->si_signo = sig;
		ret->si_code = SI_USER;
	}
	return sig;
}

void recalc_sigpending(struct task *t)
{
	ksigset_t set = t->pending.set | t->tg->shared_pending.set;

	if (set & ~t->blocked)
		__atomic_or_fetch(&t->sig_flags, TIF_SIGPENDING, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&t->sig_flags, ~TIF_SIGPENDING, __ATOMIC_SEQ_CST);
}

bool signal_pending(const struct task *t)
{
	return __atomic_load_n(&t->sig_flags, __ATOMIC_SEQ_CST) &
	       (TIF_SIGPENDING | TIF_KILLED | TIF_STOP);
}

bool fatal_signal_pending(const struct task *t)
{
	return __atomic_load_n(&t->sig_flags, __ATOMIC_SEQ_CST) & TIF_KILLED;
}

bool signal_blocked_or_ignored(struct task *t, int sig)
{
	bool r;

	mutex_lock(&t->sighand->lock);
	r = (t->blocked & KSIGMASK(sig)) || t->sighand->action[sig - 1].handler == HANDLER_IGN;
	mutex_unlock(&t->sighand->lock);
	return r;
}

void set_blocked(struct task *t, ksigset_t mask)
{
	mask &= ~SIG_KERNEL_ONLY;
	mutex_lock(&t->sighand->lock);
	t->blocked = mask;
	recalc_sigpending(t);
	mutex_unlock(&t->sighand->lock);
}

void set_temporary_mask(struct task *t, ksigset_t mask)
{
	if (!t->restore_mask)
		t->saved_mask = t->blocked;
	t->restore_mask = true;
	set_blocked(t, mask);
}

int dequeue_signal(struct task *t, ksigset_t mask, siginfo_t *ret)
{
	int sig;

	mutex_lock(&t->sighand->lock);
	sig = sigpending_take(&t->pending, ~mask, ret, t->tg);
	if (!sig)
		sig = sigpending_take(&t->tg->shared_pending, ~mask, ret, t->tg);
	recalc_sigpending(t);
	mutex_unlock(&t->sighand->lock);
	return sig;
}

bool signals_waiting(struct task *t, ksigset_t mask)
{
	MUTEX_GUARD(&t->sighand->lock);
	return ((t->pending.set | t->tg->shared_pending.set) & mask) != 0;
}
