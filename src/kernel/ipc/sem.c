/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Semaphore sets. One lock for all sets of a namespace: an operation is tried with it held, and who changes a set
 * completes the waiting operations that have become possible.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/sem.h>
#include "kernel/container.h"
#include "kernel/ipc/ipc.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/synth.h"

#define SEM_MAX_VALUE 32767
#define SEM_STAT_ANY_ 20
#define WAITING 1 /* status of an operation that is neither done nor failed */

struct sem {
	int val;
	struct pid *pid;
};

struct sem_array {
	struct ipc_head h;
	struct ipc_namespace *ns;
	uint64_t otime, ctime;
	struct list_head waiters; /* sem_waiter.node, in the order of their coming */
	struct list_head undos;	  /* sem_undo.set_node */
	unsigned n;
	struct sem sems[];
};

/* What a process's end adds to the semaphores of one set. */
struct sem_undo {
	struct list_head set_node, list_node;
	struct sem_array *set;
	int adj[];
};

struct sem_undo_list { /* of one process, or of more with CLONE_SYSVSEM */
	struct ref ref;
	struct ipc_namespace *ns; /* its life */
	struct list_head undos GUARDED_BY(ns->sem.lock);
};

struct sem_waiter { /* on the stack of its task; ns->sem.lock */
	struct list_head node;
	struct task *task;
	const struct sembuf *sops;
	unsigned n;
	const struct sembuf *blocking;
	struct sem_undo *undo;
	int status;
};

static struct sem_array *set_of(struct ipc_head *h)
{
	return container_of(h, struct sem_array, h);
}

static uint64_t set_bytes(unsigned n)
{
	return sizeof(struct sem_array) + n * sizeof(struct sem);
}

static uint64_t undo_bytes(unsigned n)
{
	return sizeof(struct sem_undo) + n * sizeof(int);
}

static void set_pid(struct sem *s, struct task *t)
{
	pid_put(s->pid);
	s->pid = pid_get(t->tgid_pid);
}

/* --- operations --- */

/* Tries all of w at once: 0 done, WAITING (w->blocking says on what), -EAGAIN, -ERANGE. */
static int try_operation(struct sem_array *set, struct sem_waiter *w)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < w->n; i++) {
		const struct sembuf *op = &w->sops[i];
		struct sem *s = &set->sems[op->sem_num];
		int val = s->val + op->sem_op;

		if ((!op->sem_op && s->val) || val < 0) {
			w->blocking = op;
			r = op->sem_flg & IPC_NOWAIT ? -EAGAIN : WAITING;
			break;
		}
		if (val > SEM_MAX_VALUE) {
			r = -ERANGE;
			break;
		}
		if (op->sem_flg & SEM_UNDO) {
			int adj = w->undo->adj[op->sem_num] - op->sem_op;

			if (adj < -SEM_MAX_VALUE - 1 || adj > SEM_MAX_VALUE) {
				r = -ERANGE;
				break;
			}
			w->undo->adj[op->sem_num] = adj;
		}
		s->val = val;
	}
	if (r == 0) {
		for (i = 0; i < w->n; i++)
			set_pid(&set->sems[w->sops[i].sem_num], w->task);
		set->otime = ipc_now();
		return 0;
	}
	while (i-- > 0) {
		const struct sembuf *op = &w->sops[i];

		set->sems[op->sem_num].val -= op->sem_op;
		if (op->sem_flg & SEM_UNDO)
			w->undo->adj[op->sem_num] += op->sem_op;
	}
	return r;
}

static void finish(struct sem_waiter *w, int status)
{
	list_del(&w->node);
	w->status = status;
	sleeper_wake(&w->task->sleeper); /* it takes the lock before it goes */
}

static bool changes(const struct sembuf *sops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (sops[i].sem_op)
			return true;
	return false;
}

/* The set has changed: completes what is possible now. */
static void run_waiters(struct sem_array *set)
{
	bool again = true;

	while (again) {
		struct sem_waiter *w, *x;

		again = false;
		list_for_each_entry_safe(w, x, &set->waiters, node) {
			int r = try_operation(set, w);

			if (r == WAITING)
				continue;
			again = r == 0 && changes(w->sops, w->n);
			finish(w, r);
			if (again)
				break; /* from the first one on */
		}
	}
}

/* The current task's adjustments for set, made when it has none. NULL: no memory. */
static struct sem_undo *undo_for(struct task *t, struct sem_array *set)
{
	struct sem_undo_list *l = t->sysvsem;
	struct sem_undo *u;

	list_for_each_entry(u, &l->undos, list_node)
		if (u->set == set)
			return u;
	u = container_calloc(set->ns->ct, undo_bytes(set->n));
	if (!u)
		return NULL;
	u->set = set;
	list_add_tail(&u->list_node, &l->undos);
	list_add_tail(&u->set_node, &set->undos);
	return u;
}

static void undo_free(struct sem_undo *u)
{
	container_uncharge(u->set->ns->ct, undo_bytes(u->set->n));
	list_del(&u->set_node);
	list_del(&u->list_node);
	free(u);
}

static int make_undo_list(struct task *t)
{
	struct sem_undo_list *l;

	if (t->sysvsem)
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	ref_init(&l->ref);
	list_init(&l->undos);
	l->ns = ipc_ns_of(t);
	ref_get(&l->ns->life);
	t->sysvsem = l;
	return 0;
}

/* Everything up to the sleep. The lock is held. */
static int begin_operation(struct task *t, struct ipc_namespace *ns, int id, struct sem_waiter *w,
			   struct sem_array **ret)
{
	bool undo = false, alter = changes(w->sops, w->n);
	struct ipc_head *h;
	int r = ipc_find(&ns->sem, id, &h);

	if (r < 0)
		return r;
	*ret = set_of(h);
	for (unsigned i = 0; i < w->n; i++) {
		if (w->sops[i].sem_num >= (*ret)->n)
			return -EFBIG;
		undo |= (w->sops[i].sem_flg & SEM_UNDO) != 0;
	}
	r = ipc_perm_check(t, ns, h, alter ? 0222 : 0444);
	if (r < 0)
		return r;
	if (undo) {
		w->undo = undo_for(t, *ret);
		if (!w->undo)
			return -ENOMEM;
	}
	r = try_operation(*ret, w);
	if (r == 0 && alter)
		run_waiters(*ret);
	return r;
}

long sem_operate(struct task *t, int id, struct sembuf *sops, unsigned n, uint64_t deadline)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	struct sem_waiter w = {.task = t, .sops = sops, .n = n, .status = WAITING};
	struct sem_array *set;
	int r;

	for (unsigned i = 0; i < n; i++)
		if ((sops[i].sem_flg & SEM_UNDO) && make_undo_list(t) < 0)
			return -ENOMEM;
	mutex_lock(&ns->sem.lock);
	r = begin_operation(t, ns, id, &w, &set);
	if (r != WAITING) {
		mutex_unlock(&ns->sem.lock);
		return r;
	}
	list_add_tail(&w.node, &set->waiters);
	while (w.status == WAITING) {
		sleeper_prepare(&t->sleeper);
		mutex_unlock(&ns->sem.lock);
		r = sleeper_sleep(&t->sleeper, deadline, SLEEP_INTERRUPTIBLE);
		mutex_lock(&ns->sem.lock);
		if (r < 0 && w.status == WAITING) {
			list_del(&w.node);
			w.status = r == -ETIMEDOUT ? -EAGAIN : -EINTR; /* never begun anew */
		}
	}
	mutex_unlock(&ns->sem.lock);
	return w.status;
}

/* --- semget --- */

static long make_set(struct task *t, struct ipc_namespace *ns, uint32_t key, int n, int flg) REQUIRES(ns->sem.lock)
{
	struct sem_array *set;
	int r;

	if (!n)
		return -EINVAL;
	if (ns->used_sems + n > __atomic_load_n(&ns->semmns, __ATOMIC_RELAXED))
		return -ENOSPC;
	set = container_calloc(ns->ct, set_bytes((unsigned)n));
	if (!set)
		return -ENOMEM;
	set->ns = ns;
	set->n = (unsigned)n;
	set->ctime = ipc_now();
	list_init(&set->waiters);
	list_init(&set->undos);
	r = ipc_enter(&ns->sem, &set->h, key, flg, __atomic_load_n(&ns->semmni, __ATOMIC_RELAXED));
	if (r < 0) {
		container_free(ns->ct, set, set_bytes((unsigned)n));
		return r;
	}
	ns->used_sems += n;
	return set->h.id;
}

long sem_get(struct task *t, uint32_t key, int n, int flg)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	struct ipc_head *h;
	long r;

	if (n < 0 || n > __atomic_load_n(&ns->semmsl, __ATOMIC_RELAXED))
		return -EINVAL;
	MUTEX_GUARD(&ns->sem.lock);
	h = key == IPC_PRIVATE ? NULL : ipc_find_key(&ns->sem, key);
	if (!h) {
		if (key != IPC_PRIVATE && !(flg & IPC_CREAT))
			return -ENOENT;
		return make_set(t, ns, key, n, flg);
	}
	if ((flg & IPC_CREAT) && (flg & IPC_EXCL))
		return -EEXIST;
	if ((unsigned)n > set_of(h)->n)
		return -EINVAL;
	r = ipc_perm_check(t, ns, h, flg);
	return r < 0 ? r : h->id;
}

/* Removes the set, which is freed. */
static void remove_set(struct sem_array *set) REQUIRES(set->ns->sem.lock)
{
	struct sem_undo *u, *x;
	struct sem_waiter *w, *y;

	list_for_each_entry_safe(u, x, &set->undos, set_node)
		undo_free(u);
	list_for_each_entry_safe(w, y, &set->waiters, node)
		finish(w, -EIDRM);
	ipc_remove(&set->ns->sem, &set->h);
	set->ns->used_sems -= (int)set->n;
	for (unsigned i = 0; i < set->n; i++)
		pid_put(set->sems[i].pid);
	container_free(set->ns->ct, set, set_bytes(set->n));
}

/* --- semctl --- */

static void fill(const struct sem_array *set, struct semid_ds *d)
{
	*d = (struct semid_ds){.sem_otime = (time_t)set->otime, .sem_ctime = (time_t)set->ctime, .sem_nsems = set->n};
	ipc_fill_perm(&set->h, &d->sem_perm);
}

static long control_stat(struct task *t, struct ipc_namespace *ns, int id, int cmd, uaddr_t buf)
{
	struct semid_ds d;
	struct ipc_head *h;
	long r;

	mutex_lock(&ns->sem.lock);
	r = cmd == IPC_STAT ? ipc_find(&ns->sem, id, &h) : ipc_find_slot(&ns->sem, id, &h);
	if (r == 0 && cmd != SEM_STAT_ANY_)
		r = ipc_perm_check(t, ns, h, 0444);
	if (r == 0) {
		fill(set_of(h), &d);
		r = cmd == IPC_STAT ? 0 : h->id;
	}
	mutex_unlock(&ns->sem.lock);
	if (r >= 0 && copy_out(t, buf, &d, sizeof(d)) < 0)
		return -EFAULT;
	return r;
}

static long control_info(struct task *t, struct ipc_namespace *ns, int cmd, uaddr_t buf)
{
	struct seminfo i = {.semmap = 1024000000, .semmnu = 1024000000, .semume = 500, .semusz = 20, .semvmx = SEM_MAX_VALUE,
			    .semaem = SEM_MAX_VALUE, .semmni = __atomic_load_n(&ns->semmni, __ATOMIC_RELAXED),
			    .semmns = __atomic_load_n(&ns->semmns, __ATOMIC_RELAXED),
			    .semmsl = __atomic_load_n(&ns->semmsl, __ATOMIC_RELAXED),
			    .semopm = __atomic_load_n(&ns->semopm, __ATOMIC_RELAXED)};
	long r;

	mutex_lock(&ns->sem.lock);
	r = ipc_max_slot(&ns->sem);
	if (cmd == SEM_INFO) {
		i.semusz = (int)ns->sem.in_use;
		i.semaem = ns->used_sems;
	}
	mutex_unlock(&ns->sem.lock);
	return copy_out(t, buf, &i, sizeof(i)) < 0 ? -EFAULT : r;
}

static int count_waiters(const struct sem_array *set, int num, bool zero)
{
	struct sem_waiter *w;
	int n = 0;

	list_for_each_entry(w, &set->waiters, node)
		n += w->blocking->sem_num == num && (zero ? !w->blocking->sem_op : w->blocking->sem_op < 0);
	return n;
}

/* GETVAL, GETPID, GETNCNT, GETZCNT. */
static long control_get(struct task *t, struct ipc_namespace *ns, int id, int num, int cmd)
{
	struct sem_array *set;
	struct ipc_head *h;
	long r;

	MUTEX_GUARD(&ns->sem.lock);
	r = ipc_find(&ns->sem, id, &h);
	if (r == 0)
		r = ipc_perm_check(t, ns, h, 0444);
	if (r < 0)
		return r;
	set = set_of(h);
	if (num < 0 || (unsigned)num >= set->n)
		return -EINVAL;
	switch (cmd) {
	case GETVAL:
		return set->sems[num].val;
	case GETPID:
		return set->sems[num].pid ? pid_nr_ns(set->sems[num].pid, task_pid_ns(t)) : 0;
	default:
		return count_waiters(set, num, cmd == GETZCNT);
	}
}

static void forget_undo(struct sem_array *set, unsigned from, unsigned n)
{
	struct sem_undo *u;

	list_for_each_entry(u, &set->undos, set_node)
		for (unsigned i = from; i < from + n; i++)
			u->adj[i] = 0;
}

static long control_setval(struct task *t, struct ipc_namespace *ns, int id, int num, int val)
{
	struct sem_array *set;
	struct ipc_head *h;
	long r;

	if (val < 0 || val > SEM_MAX_VALUE)
		return -ERANGE;
	MUTEX_GUARD(&ns->sem.lock);
	r = ipc_find(&ns->sem, id, &h);
	if (r < 0)
		return r;
	set = set_of(h);
	if (num < 0 || (unsigned)num >= set->n)
		return -EINVAL;
	r = ipc_perm_check(t, ns, h, 0222);
	if (r < 0)
		return r;
	forget_undo(set, (unsigned)num, 1);
	set->sems[num].val = val;
	set_pid(&set->sems[num], t);
	set->ctime = ipc_now();
	run_waiters(set);
	return 0;
}

/* How many semaphores set id has, when flg is permitted: GETALL and SETALL need a buffer before they can begin. */
static long set_size(struct task *t, struct ipc_namespace *ns, int id, int flg)
{
	struct ipc_head *h;
	long r;

	MUTEX_GUARD(&ns->sem.lock);
	r = ipc_find(&ns->sem, id, &h);
	if (r == 0)
		r = ipc_perm_check(t, ns, h, flg);
	return r < 0 ? r : (long)set_of(h)->n;
}

static long control_all(struct task *t, struct ipc_namespace *ns, int id, bool set_all, uaddr_t at)
{
	long n = set_size(t, ns, id, set_all ? 0222 : 0444), r;
	_cleanup_free_ unsigned short *v = n > 0 ? calloc((size_t)n, sizeof(*v)) : NULL;
	struct sem_array *set;
	struct ipc_head *h;

	if (n < 0)
		return n;
	if (!v)
		return -ENOMEM;
	if (set_all && copy_in(t, v, at, (size_t)n * sizeof(*v)) < 0)
		return -EFAULT;
	for (long i = 0; i < n; i++)
		if (v[i] > SEM_MAX_VALUE)
			return -ERANGE;
	mutex_lock(&ns->sem.lock);
	r = ipc_find(&ns->sem, id, &h) < 0 ? -EIDRM : 0;
	if (r == 0) {
		set = set_of(h);
		for (unsigned i = 0; i < set->n && i < (unsigned)n; i++) {
			if (set_all) {
				set->sems[i].val = v[i];
				set_pid(&set->sems[i], t);
			} else {
				v[i] = (unsigned short)set->sems[i].val;
			}
		}
		if (set_all) {
			forget_undo(set, 0, set->n);
			set->ctime = ipc_now();
			run_waiters(set);
		}
	}
	mutex_unlock(&ns->sem.lock);
	if (r == 0 && !set_all && copy_out(t, at, v, (size_t)n * sizeof(*v)) < 0)
		return -EFAULT;
	return r;
}

static long control_change(struct task *t, struct ipc_namespace *ns, int id, int cmd, uaddr_t buf)
{
	struct semid_ds d = {0};
	struct ipc_head *h;
	long r;

	if (cmd == IPC_SET && copy_in(t, &d, buf, sizeof(d)) < 0)
		return -EFAULT;
	MUTEX_GUARD(&ns->sem.lock);
	r = ipc_find(&ns->sem, id, &h);
	if (r == 0)
		r = ipc_owner_check(t, ns, h);
	if (r < 0)
		return r;
	if (cmd == IPC_RMID) {
		remove_set(set_of(h));
		return 0;
	}
	r = ipc_set_perm(h, &d.sem_perm);
	if (r == 0)
		set_of(h)->ctime = ipc_now();
	return r;
}

long sem_control(struct task *t, int id, int num, int cmd, uint64_t arg)
{
	struct ipc_namespace *ns = ipc_ns_of(t);

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return control_info(t, ns, cmd, uaddr(arg));
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY_:
		return control_stat(t, ns, id, cmd, uaddr(arg));
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return control_get(t, ns, id, num, cmd);
	case GETALL:
	case SETALL:
		return control_all(t, ns, id, cmd == SETALL, uaddr(arg));
	case SETVAL:
		return control_setval(t, ns, id, num, (int)arg);
	case IPC_SET:
	case IPC_RMID:
		return control_change(t, ns, id, cmd, uaddr(arg));
	}
	return -EINVAL;
}

/* --- tasks --- */

int sem_share_undo(struct task *t, struct task *c)
{
	int r = make_undo_list(t);

	if (r < 0)
		return r;
	ref_get(&t->sysvsem->ref);
	c->sysvsem = t->sysvsem;
	return 0;
}

void sem_exit(struct task *t)
{
	struct sem_undo_list *l = TAKE_PTR(t->sysvsem);
	struct sem_undo *u, *x;

	if (!l || !ref_put(&l->ref))
		return;
	mutex_lock(&l->ns->sem.lock);
	list_for_each_entry_safe(u, x, &l->undos, list_node) {
		struct sem_array *set = u->set;

		for (unsigned i = 0; i < set->n; i++) {
			int val = set->sems[i].val + u->adj[i];

			if (!u->adj[i])
				continue;
			set->sems[i].val = val < 0 ? 0 : MIN(val, SEM_MAX_VALUE);
			set_pid(&set->sems[i], t);
		}
		undo_free(u);
		set->otime = ipc_now();
		run_waiters(set);
	}
	mutex_unlock(&l->ns->sem.lock);
	ipc_life_put(l->ns);
	free(l);
}

void sem_namespace_end(struct ipc_namespace *ns)
{
	MUTEX_GUARD(&ns->sem.lock);
	for (unsigned i = 0; i < ns->sem.cap; i++)
		if (ns->sem.slots[i])
			remove_set(set_of(ns->sem.slots[i]));
}

void sem_show(struct ipc_namespace *ns, struct task *viewer __unused, struct synth_buf *b)
{
	synth_printf(b, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	MUTEX_GUARD(&ns->sem.lock);
	for (unsigned i = 0; i < ns->sem.cap; i++) {
		const struct sem_array *s = ns->sem.slots[i] ? set_of(ns->sem.slots[i]) : NULL;

		struct semid_ds d;

		if (!s)
			continue;
		fill(s, &d);
		synth_printf(b, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lu %10lu\n", (int)s->h.key, s->h.id, s->h.mode, s->n,
			     d.sem_perm.uid, d.sem_perm.gid, d.sem_perm.cuid, d.sem_perm.cgid, s->otime, s->ctime);
	}
}
