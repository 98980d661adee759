/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, process groups and their terminal. Lock order: tasklist, then tty. */
#include <linux/capability.h>
#include "kernel/task/task.h"
#include "kernel/tty/tty.h"
#include "kernel/usercopy.h"

/* The leader's group of tg's session; NULL when it is gone. tasklist lock held. */
static struct thread_group *session_leader(struct thread_group *tg)
{
	struct task *x;

	if (!tg->session)
		return NULL;
	if (tg->leader && tg->leader->tgid_pid == tg->session)
		return tg;
	list_for_each_entry(x, &tg->session->tasks[PIDTYPE_SID], pid_node[PIDTYPE_SID])
		if (x->tgid_pid == tg->session)
			return x->tg;
	return NULL;
}

struct tty *task_tty_get(struct task *t)
{
	struct thread_group *l;

	MUTEX_GUARD(&tasklist_lock);
	l = session_leader(t->tg);
	return l && l->tty ? tty_get(l->tty) : NULL;
}

/* Is tty the current task's controlling terminal? The session and foreground group of a terminal given
 * at birth are filled in at first use. tasklist lock held. */
static bool is_ours(struct tty *tty)
{
	struct thread_group *tg = current->tg, *l = session_leader(tg);

	if (!l || l->tty != tty)
		return false;
	mutex_lock(&tty->lock);
	if (!tty->session) {
		tty->session = pid_get(tg->session);
		if (!tty->pgrp && l->pgrp)
			tty->pgrp = pid_get(l->pgrp);
	}
	mutex_unlock(&tty->lock);
	return true;
}

void tty_signal_pgrp(struct tty *tty, int sig)
{
	struct pid *p;

	mutex_lock(&tty->lock);
	p = tty->pgrp ? pid_get(tty->pgrp) : NULL;
	mutex_unlock(&tty->lock);
	if (!p)
		return;
	(void)send_signal_pgrp(p, sig, NULL);
	pid_put(p);
}

/* No member has a parent in another group of the same session. tasklist lock held. */
static bool orphaned(struct pid *pgrp, struct pid *session)
{
	struct task *x;

	list_for_each_entry(x, &pgrp->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID]) {
		struct thread_group *pa = x->tg->parent;

		if (pa && pa->session == session && pa->pgrp != pgrp)
			return false;
	}
	return true;
}

int tty_check_change(struct tty *tty, int sig)
{
	struct pid *pgrp = NULL;
	bool orphan = false;

	mutex_lock(&tasklist_lock);
	if (is_ours(tty)) {
		mutex_lock(&tty->lock);
		if (tty->pgrp && tty->pgrp != current->tg->pgrp)
			pgrp = pid_get(current->tg->pgrp);
		mutex_unlock(&tty->lock);
		orphan = pgrp && orphaned(pgrp, current->tg->session);
	}
	mutex_unlock(&tasklist_lock);
	if (!pgrp)
		return 0;
	if (signal_blocked_or_ignored(current, sig)) {
		pid_put(pgrp);
		return sig == SIGTTIN ? -EIO : 0;
	}
	if (orphan) {
		pid_put(pgrp);
		return -EIO;
	}
	(void)send_signal_pgrp(pgrp, sig, NULL);
	pid_put(pgrp);
	return -ERESTARTSYS;
}

int tty_set_controlling(struct tty *tty, bool steal)
{
	struct thread_group *tg = current->tg;

	MUTEX_GUARD(&tasklist_lock);
	if (!tg->session || session_leader(tg) != tg)
		return -EPERM;
	if (tg->tty)
		return tg->tty == tty ? 0 : -EPERM;
	MUTEX_GUARD(&tty->lock);
	if (tty->session && tty->session != tg->session) {
		struct task *x;

		if (!steal || !capable(current->cred, CAP_SYS_ADMIN))
			return -EPERM;
		list_for_each_entry(x, &tty->session->tasks[PIDTYPE_SID], pid_node[PIDTYPE_SID])
			if (x->tg->tty == tty) {
				x->tg->tty = NULL;
				/* never the last: the caller's file holds one */
				__atomic_sub_fetch(&tty->ref.n, 1, __ATOMIC_ACQ_REL);
			}
	}
	if (tty->session)
		pid_put(tty->session);
	if (tty->pgrp)
		pid_put(tty->pgrp);
	tty->session = pid_get(tg->session);
	tty->pgrp = pid_get(tg->pgrp);
	tg->tty = tty_get(tty);
	return 0;
}

void tty_disassociate(struct task *t)
{
	struct tty *tty = NULL;
	struct pid *fg = NULL;

	mutex_lock(&tasklist_lock);
	if (session_leader(t->tg) == t->tg)
		tty = TAKE_PTR(t->tg->tty);
	if (tty) {
		mutex_lock(&tty->lock);
		fg = TAKE_PTR(tty->pgrp);
		if (tty->session)
			pid_put(TAKE_PTR(tty->session));
		mutex_unlock(&tty->lock);
	}
	mutex_unlock(&tasklist_lock);
	if (fg) {
		(void)send_signal_pgrp(fg, SIGHUP, NULL);
		(void)send_signal_pgrp(fg, SIGCONT, NULL);
		pid_put(fg);
	}
	if (!tty)
		return;
	/* The host's terminal ends with the session that it was given to, whoever still has it open. */
	if (__atomic_load_n(&t->exiting, __ATOMIC_RELAXED))
		tty_host_end(tty);
	tty_put(tty);
}

static long set_pgrp(struct tty *tty, struct task *t, uint64_t arg)
{
	struct pid *p, *old = NULL;
	bool ok = false;
	struct task *x;
	int32_t nr;
	int r = tty_check_change(tty, SIGTTOU);

	if (r < 0)
		return r == -EIO ? -EIO : r;
	r = copy_in(t, &nr, uaddr(arg), sizeof(nr));
	if (r < 0)
		return r;
	if (nr < 0)
		return -EINVAL;
	p = pid_find_get(task_pid_ns(t), nr);
	if (!p)
		return -ESRCH;
	mutex_lock(&tasklist_lock);
	r = is_ours(tty) ? 0 : -ENOTTY;
	list_for_each_entry(x, &p->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID])
		ok |= x->tg->session == t->tg->session;
	if (r == 0 && !ok)
		r = -EPERM;
	if (r == 0) {
		mutex_lock(&tty->lock);
		old = tty->pgrp;
		tty->pgrp = p;
		mutex_unlock(&tty->lock);
		p = old;
	}
	mutex_unlock(&tasklist_lock);
	if (p)
		pid_put(p);
	return r;
}

static long get_id(struct tty *tty, struct task *t, uint64_t arg, bool session)
{
	struct pid *p;
	bool ours;
	int nr = 0;

	mutex_lock(&tasklist_lock);
	ours = is_ours(tty);
	mutex_unlock(&tasklist_lock);
	if (!ours)
		return -ENOTTY;
	mutex_lock(&tty->lock);
	p = session ? tty->session : tty->pgrp;
	p = p ? pid_get(p) : NULL;
	mutex_unlock(&tty->lock);
	if (p) {
		nr = pid_nr_ns(p, task_pid_ns(t));
		pid_put(p);
	}
	return put_u32(t, uaddr(arg), (uint32_t)nr);
}

long tty_jobctl_ioctl(struct tty *tty, struct task *t, unsigned cmd, uint64_t arg)
{
	struct tty *mine;

	switch (cmd) {
	case TIOCGPGRP:
		return get_id(tty, t, arg, false);
	case TIOCGSID:
		return get_id(tty, t, arg, true);
	case TIOCSPGRP:
		return set_pgrp(tty, t, arg);
	case TIOCSCTTY:
		return tty_set_controlling(tty, arg == 1);
	case TIOCNOTTY:
		mine = task_tty_get(t);
		if (mine)
			tty_put(mine);
		if (mine != tty)
			return -ENOTTY;
		tty_disassociate(t);
		return 0;
	}
	return -ENOTTY;
}
