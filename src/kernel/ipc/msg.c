/* SPDX-License-Identifier: Apache-2.0 */
/* Message queues. One lock for all queues of a namespace; a sender hands its message to a receiver that waits for it. */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include "kernel/container.h"
#include "kernel/ipc/ipc.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/synth.h"

#define MSG_STAT_ANY_ 13
#define WAITING 1

struct message {
	struct list_head node;
	long type;
	size_t size;
	char text[];
};

struct queue {
	struct ipc_head h;
	struct ipc_namespace *ns;
	uint64_t stime, rtime, ctime;
	uint64_t bytes, count, max_bytes;
	struct pid *lspid, *lrpid;
	struct list_head messages, receivers, senders;
};

/* Which message a receiver wants. */
enum search { SEARCH_ANY, SEARCH_EQUAL, SEARCH_NOT_EQUAL, SEARCH_LESS_EQUAL, SEARCH_NUMBER };
struct wanted {
	enum search how;
	long type;
	size_t max;
	bool cut; /* MSG_NOERROR: too long is no reason */
};

struct waiting { /* a sender or receiver, on its task's stack; ns->msg.lock */
	struct list_head node;
	struct task *task;
	struct wanted want;
	struct message *msg; /* handed over */
	size_t size;	     /* a sender's */
	int status;
};

static struct queue *queue_of(struct ipc_head *h)
{
	return container_of(h, struct queue, h);
}

static void set_pid(struct pid **p, struct task *t)
{
	pid_put(*p);
	*p = pid_get(t->tgid_pid);
}

static void finish(struct waiting *w, int status)
{
	list_del(&w->node);
	w->status = status;
	sleeper_wake(&w->task->sleeper); /* it takes the lock before it goes */
}

static void finish_all(struct list_head *list, int status)
{
	struct waiting *w, *x;

	list_for_each_entry_safe(w, x, list, node)
		finish(w, status);
}

static void message_free(struct ipc_namespace *ns, struct message *m)
{
	container_free(ns->ct, m, sizeof(*m) + m->size);
}

static struct message *message_new(struct ipc_namespace *ns, size_t size)
{
	struct message *m = container_alloc(ns->ct, sizeof(*m) + size);

	if (!m)
		return NULL;
	m->size = size;
	return m;
}

/* --- msgget --- */

static long make_queue(struct task *t __unused, struct ipc_namespace *ns, uint32_t key, int flg) REQUIRES(ns->msg.lock)
{
	struct queue *q = container_calloc(ns->ct, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->ns = ns;
	q->ctime = ipc_now();
	q->max_bytes = (uint64_t)__atomic_load_n(&ns->msgmnb, __ATOMIC_RELAXED);
	list_init(&q->messages);
	list_init(&q->receivers);
	list_init(&q->senders);
	r = ipc_enter(&ns->msg, &q->h, key, flg, __atomic_load_n(&ns->msgmni, __ATOMIC_RELAXED));
	if (r < 0) {
		container_free(ns->ct, q, sizeof(*q));
		return r;
	}
	return q->h.id;
}

long msg_get(struct task *t, uint32_t key, int flg)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	struct ipc_head *h;
	long r;

	MUTEX_GUARD(&ns->msg.lock);
	h = key == IPC_PRIVATE ? NULL : ipc_find_key(&ns->msg, key);
	if (!h) {
		if (key != IPC_PRIVATE && !(flg & IPC_CREAT))
			return -ENOENT;
		return make_queue(t, ns, key, flg);
	}
	if ((flg & IPC_CREAT) && (flg & IPC_EXCL))
		return -EEXIST;
	r = ipc_perm_check(t, ns, h, flg);
	return r < 0 ? r : h->id;
}

static void remove_queue(struct queue *q) REQUIRES(q->ns->msg.lock)
{
	struct ipc_namespace *ns = q->ns;
	struct message *m, *x;

	finish_all(&q->receivers, -EIDRM);
	finish_all(&q->senders, -EIDRM);
	ipc_remove(&ns->msg, &q->h);
	list_for_each_entry_safe(m, x, &q->messages, node)
		message_free(ns, m);
	ns->msg_bytes -= q->bytes;
	ns->msg_count -= q->count;
	pid_put(q->lspid);
	pid_put(q->lrpid);
	container_free(ns->ct, q, sizeof(*q));
}

/* --- sending --- */

static bool fits(const struct queue *q, size_t size)
{
	return size + q->bytes <= q->max_bytes && 1 + q->count <= q->max_bytes;
}

static bool matches(const struct message *m, const struct wanted *w)
{
	switch (w->how) {
	case SEARCH_LESS_EQUAL:
		return m->type <= w->type;
	case SEARCH_EQUAL:
		return m->type == w->type;
	case SEARCH_NOT_EQUAL:
		return m->type != w->type;
	default:
		return true;
	}
}

/* Gives m to a receiver that waits for it. */
static bool hand_over(struct queue *q, struct message *m)
{
	struct waiting *w, *x;

	list_for_each_entry_safe(w, x, &q->receivers, node) {
		if (!matches(m, &w->want))
			continue;
		if (m->size > w->want.max && !w->want.cut) {
			finish(w, -E2BIG);
			continue;
		}
		set_pid(&q->lrpid, w->task);
		q->rtime = ipc_now();
		w->msg = m;
		finish(w, 0);
		return true;
	}
	return false;
}

/* Sleeps in list until finish() or a signal. The lock is held, released meanwhile. */
static int wait_in(struct ipc_namespace *ns, struct list_head *list, struct waiting *w) REQUIRES(ns->msg.lock)
{
	w->status = WAITING;
	list_add_tail(&w->node, list);
	while (w->status == WAITING) {
		int r;

		sleeper_prepare(&w->task->sleeper);
		mutex_unlock(&ns->msg.lock);
		r = sleeper_sleep(&w->task->sleeper, TIME_FOREVER, SLEEP_INTERRUPTIBLE);
		mutex_lock(&ns->msg.lock);
		if (r < 0 && w->status == WAITING) {
			list_del(&w->node);
			w->status = -ERESTARTNOHAND;
		}
	}
	return w->status;
}

static int send_locked(struct task *t, struct ipc_namespace *ns, int id, struct message **m, int flg)
	REQUIRES(ns->msg.lock)
{
	struct ipc_head *h;
	struct queue *q;
	int r;

	for (;;) {
		struct waiting w = {.task = t, .size = (*m)->size};

		r = ipc_find(&ns->msg, id, &h);
		if (r == 0)
			r = ipc_perm_check(t, ns, h, 0222);
		if (r < 0)
			return r;
		q = queue_of(h);
		if (fits(q, (*m)->size))
			break;
		if (flg & IPC_NOWAIT)
			return -EAGAIN;
		r = wait_in(ns, &q->senders, &w);
		if (r < 0)
			return r;
	}
	set_pid(&q->lspid, t);
	q->stime = ipc_now();
	if (!hand_over(q, *m)) {
		list_add_tail(&(*m)->node, &q->messages);
		q->bytes += (*m)->size;
		q->count++;
		ns->msg_bytes += (*m)->size;
		ns->msg_count++;
	}
	*m = NULL;
	return 0;
}

long msg_send(struct task *t, int id, uaddr_t buf, uint64_t size, int flg)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	struct message *m;
	long type, r;

	if (copy_in(t, &type, buf, sizeof(type)) < 0)
		return -EFAULT;
	if (size > (uint64_t)__atomic_load_n(&ns->msgmax, __ATOMIC_RELAXED) || id < 0 || type < 1)
		return -EINVAL;
	m = message_new(ns, size);
	if (!m)
		return -ENOMEM;
	m->type = type;
	if (copy_in(t, m->text, uaddr_add(buf, sizeof(type)), size) < 0) {
		message_free(ns, m);
		return -EFAULT;
	}
	mutex_lock(&ns->msg.lock);
	r = send_locked(t, ns, id, &m, flg);
	mutex_unlock(&ns->msg.lock);
	if (m)
		message_free(ns, m);
	return r;
}

/* --- receiving --- */

static struct message *find_message(struct queue *q, const struct wanted *w)
{
	struct message *m, *best = NULL;
	long n = 0;

	list_for_each_entry(m, &q->messages, node) {
		if (w->how == SEARCH_NUMBER) {
			if (n++ == w->type)
				return m;
			continue;
		}
		if (!matches(m, w))
			continue;
		if (w->how != SEARCH_LESS_EQUAL)
			return m;
		if (!best || m->type < best->type)
			best = m;
	}
	return best;
}

/* Senders whose messages fit now try again. */
static void room_made(struct queue *q)
{
	struct waiting *w, *x;

	list_for_each_entry_safe(w, x, &q->senders, node)
		if (fits(q, w->size))
			finish(w, 0);
}

static void take_message(struct queue *q, struct message *m, struct task *t)
{
	list_del(&m->node);
	q->bytes -= m->size;
	q->count--;
	q->ns->msg_bytes -= m->size;
	q->ns->msg_count--;
	set_pid(&q->lrpid, t);
	q->rtime = ipc_now();
	room_made(q);
}

/* A copy of m, for MSG_COPY. */
static int copy_message(struct ipc_namespace *ns, const struct message *m, size_t max, struct message **ret)
{
	if (m->size > max)
		return -EINVAL;
	*ret = message_new(ns, m->size);
	if (!*ret)
		return -ENOMEM;
	(*ret)->type = m->type;
	memcpy((*ret)->text, m->text, m->size);
	return 0;
}

static int receive_locked(struct task *t, struct ipc_namespace *ns, int id, const struct wanted *want, int flg,
			  struct message **ret) REQUIRES(ns->msg.lock)
{
	for (;;) {
		struct waiting w = {.task = t, .want = *want};
		struct ipc_head *h;
		struct message *m;
		int r = ipc_find(&ns->msg, id, &h);

		if (r == 0)
			r = ipc_perm_check(t, ns, h, 0444);
		if (r < 0)
			return r;
		m = find_message(queue_of(h), want);
		if (m && m->size > want->max && !want->cut)
			return -E2BIG;
		if (m && want->how == SEARCH_NUMBER)
			return copy_message(ns, m, want->max, ret);
		if (m) {
			take_message(queue_of(h), m, t);
			*ret = m;
			return 0;
		}
		if (flg & IPC_NOWAIT)
			return -ENOMSG;
		r = wait_in(ns, &queue_of(h)->receivers, &w);
		*ret = w.msg;
		if (r < 0 || w.msg)
			return r;
	}
}

long msg_receive(struct task *t, int id, uaddr_t buf, uint64_t size, long type, int flg)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	struct wanted want = {.type = type, .max = size, .cut = flg & MSG_NOERROR};
	struct message *m = NULL;
	long r;

	if (id < 0 || (int64_t)size < 0)
		return -EINVAL;
	if (flg & MSG_COPY) {
		if ((flg & MSG_EXCEPT) || !(flg & IPC_NOWAIT))
			return -EINVAL;
		want.how = SEARCH_NUMBER;
	} else if (type < 0) {
		want.how = SEARCH_LESS_EQUAL;
		want.type = type == LONG_MIN ? LONG_MAX : -type;
	} else if (type) {
		want.how = flg & MSG_EXCEPT ? SEARCH_NOT_EQUAL : SEARCH_EQUAL;
	}
	mutex_lock(&ns->msg.lock);
	r = receive_locked(t, ns, id, &want, flg, &m);
	mutex_unlock(&ns->msg.lock);
	if (r < 0)
		return r;
	size = MIN(size, m->size);
	r = (long)size;
	if (copy_out(t, buf, &m->type, sizeof(m->type)) < 0 ||
	    copy_out(t, uaddr_add(buf, sizeof(m->type)), m->text, size) < 0)
		r = -EFAULT;
	message_free(ns, m);
	return r;
}

/* --- msgctl --- */

static void fill(const struct queue *q, struct task *viewer, struct msqid_ds *d)
{
	struct pid_namespace *pns = task_pid_ns(viewer);

	*d = (struct msqid_ds){.msg_stime = (time_t)q->stime, .msg_rtime = (time_t)q->rtime, .msg_ctime = (time_t)q->ctime,
			       .__msg_cbytes = q->bytes, .msg_qnum = q->count, .msg_qbytes = q->max_bytes};
	ipc_fill_perm(&q->h, &d->msg_perm);
	d->msg_lspid = q->lspid ? pid_nr_ns(q->lspid, pns) : 0;
	d->msg_lrpid = q->lrpid ? pid_nr_ns(q->lrpid, pns) : 0;
}

static long control_stat(struct task *t, struct ipc_namespace *ns, int id, int cmd, uaddr_t buf)
{
	struct msqid_ds d;
	struct ipc_head *h;
	long r;

	mutex_lock(&ns->msg.lock);
	r = cmd == IPC_STAT ? ipc_find(&ns->msg, id, &h) : ipc_find_slot(&ns->msg, id, &h);
	if (r == 0 && cmd != MSG_STAT_ANY_)
		r = ipc_perm_check(t, ns, h, 0444);
	if (r == 0) {
		fill(queue_of(h), t, &d);
		r = cmd == IPC_STAT ? 0 : h->id;
	}
	mutex_unlock(&ns->msg.lock);
	if (r >= 0 && copy_out(t, buf, &d, sizeof(d)) < 0)
		return -EFAULT;
	return r;
}

static long control_info(struct task *t, struct ipc_namespace *ns, int cmd, uaddr_t buf)
{
	struct msginfo i = {.msgmax = __atomic_load_n(&ns->msgmax, __ATOMIC_RELAXED),
			    .msgmnb = __atomic_load_n(&ns->msgmnb, __ATOMIC_RELAXED),
			    .msgmni = __atomic_load_n(&ns->msgmni, __ATOMIC_RELAXED), .msgssz = 16, .msgseg = 0xffff,
			    .msgmap = 16384, .msgpool = 512000, .msgtql = 16384};
	long r;

	mutex_lock(&ns->msg.lock);
	r = ipc_max_slot(&ns->msg);
	if (cmd == MSG_INFO) {
		i.msgpool = (int)ns->msg.in_use;
		i.msgmap = (int)MIN(ns->msg_count, (uint64_t)INT_MAX);
		i.msgtql = (int)MIN(ns->msg_bytes, (uint64_t)INT_MAX);
	}
	mutex_unlock(&ns->msg.lock);
	return copy_out(t, buf, &i, sizeof(i)) < 0 ? -EFAULT : r;
}

static int change_queue(struct task *t, struct ipc_namespace *ns, struct queue *q, const struct msqid_ds *d)
	REQUIRES(ns->msg.lock)
{
	int r;

	if (d->msg_qbytes > (uint64_t)__atomic_load_n(&ns->msgmnb, __ATOMIC_RELAXED) &&
	    !ns_capable(t->cred, ns->user_ns, CAP_SYS_RESOURCE))
		return -EPERM;
	r = ipc_set_perm(&q->h, &d->msg_perm);
	if (r < 0)
		return r;
	q->max_bytes = d->msg_qbytes;
	q->ctime = ipc_now();
	/* Who waits looks again: it may be no longer allowed, or fit now. */
	finish_all(&q->receivers, 0);
	finish_all(&q->senders, 0);
	return 0;
}

static long control_change(struct task *t, struct ipc_namespace *ns, int id, int cmd, uaddr_t buf)
{
	struct msqid_ds d = {0};
	struct ipc_head *h;
	long r;

	if (cmd == IPC_SET && copy_in(t, &d, buf, sizeof(d)) < 0)
		return -EFAULT;
	MUTEX_GUARD(&ns->msg.lock);
	r = ipc_find(&ns->msg, id, &h);
	if (r == 0)
		r = ipc_owner_check(t, ns, h);
	if (r < 0)
		return r;
	if (cmd == IPC_SET)
		return change_queue(t, ns, queue_of(h), &d);
	remove_queue(queue_of(h));
	return 0;
}

long msg_control(struct task *t, int id, int cmd, uaddr_t buf)
{
	struct ipc_namespace *ns = ipc_ns_of(t);

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return control_info(t, ns, cmd, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY_:
		return control_stat(t, ns, id, cmd, buf);
	case IPC_SET:
	case IPC_RMID:
		return control_change(t, ns, id, cmd, buf);
	}
	return -EINVAL;
}

void msg_namespace_end(struct ipc_namespace *ns)
{
	MUTEX_GUARD(&ns->msg.lock);
	for (unsigned i = 0; i < ns->msg.cap; i++)
		if (ns->msg.slots[i])
			remove_queue(queue_of(ns->msg.slots[i]));
}

void msg_show(struct ipc_namespace *ns, struct task *viewer, struct synth_buf *b)
{
	synth_printf(b, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
			"      stime      rtime      ctime\n");
	MUTEX_GUARD(&ns->msg.lock);
	for (unsigned i = 0; i < ns->msg.cap; i++) {
		const struct queue *q = ns->msg.slots[i] ? queue_of(ns->msg.slots[i]) : NULL;
		struct msqid_ds d;

		if (!q)
			continue;
		fill(q, viewer, &d);
		synth_printf(b, "%10d %10d  %4o  %10lu %10lu %5d %5d %5u %5u %5u %5u %10lu %10lu %10lu\n", (int)q->h.key,
			     q->h.id, q->h.mode, q->bytes, q->count, d.msg_lspid, d.msg_lrpid, d.msg_perm.uid,
			     d.msg_perm.gid, d.msg_perm.cuid, d.msg_perm.cgid, q->stime, q->rtime, q->ctime);
	}
}
