/* SPDX-License-Identifier: Apache-2.0 */
/* A message queue: sending, receiving, notification. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include "kernel/container.h"
#include "kernel/fs/mqueue/mqueue_priv.h"
#include "kernel/net/netlink.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

static struct mq *mq_of(struct file *f)
{
	return f->op == &mq_file_ops ? f->inode->priv : NULL;
}

static void message_free(struct mq *q, struct mq_message *m)
{
	container_free(q->ns->ct, m, sizeof(*m) + m->size);
}

void mq_free(struct mq *q)
{
	struct mq_message *m, *x;

	list_for_each_entry_safe(m, x, &q->messages, node)
		message_free(q, m);
	if (q->notify)
		tg_put(q->notify);
	if (q->socket)
		file_put(q->socket);
	waitq_done(&q->wait);
	mutex_destroy(&q->lock);
	free(q);
}

/* --- notification --- */

#define WOKEN 1	  /* last byte of a cookie: a message has come */
#define REMOVED 2 /* or the notification is no more */

/* Who is to be told of the first message in an empty queue, once the lock is released. */
struct telling {
	struct thread_group *tg;
	struct sigevent event;
	struct file *socket;
	uint8_t cookie[MQ_COOKIE];
};

static void take_notify(struct mq *q, struct telling *ret) REQUIRES(q->lock)
{
	ret->tg = TAKE_PTR(q->notify);
	ret->event = q->event;
	ret->socket = TAKE_PTR(q->socket);
	memcpy(ret->cookie, q->cookie, sizeof(ret->cookie));
}

static void send_cookie(struct telling *n, uint8_t why)
{
	if (!n->socket)
		return;
	n->cookie[MQ_COOKIE - 1] = why;
	netlink_put(n->socket, n->cookie, sizeof(n->cookie));
	file_put(n->socket);
}

static void tell(struct telling *n, struct task *sender)
{
	siginfo_t si = {.si_signo = n->event.sigev_signo, .si_code = SI_MESGQ};

	if (!n->tg)
		return;
	if (n->event.sigev_notify == SIGEV_SIGNAL) {
		si.si_value = n->event.sigev_value;
		si.si_uid = sender->cred->uid.v;
		mutex_lock(&tasklist_lock);
		si.si_pid = n->tg->leader ? pid_nr_ns(sender->tgid_pid, task_pid_ns(n->tg->leader)) : 0;
		mutex_unlock(&tasklist_lock);
		(void)send_signal_group(n->tg, si.si_signo, &si); /* a full queue of signals loses it, as on Linux */
	}
	send_cookie(n, WOKEN);
	tg_put(n->tg);
}

int mqueue_set_notify(struct file *f, struct task *t, const struct sigevent *ev, struct file *socket,
		      const uint8_t *cookie)
{
	struct mq *q = mq_of(f);
	struct telling old = {0};
	int r = 0;

	if (!q)
		return -EBADF;
	mutex_lock(&q->lock);
	if (!ev) {
		if (q->notify == t->tg)
			take_notify(q, &old);
	} else if (q->notify) {
		r = -EBUSY;
	} else {
		q->notify = tg_get(t->tg);
		q->event = *ev;
		q->socket = socket ? file_get(socket) : NULL;
		if (socket)
			memcpy(q->cookie, cookie, sizeof(q->cookie));
		f->inode->atime = f->inode->ctime = inode_now();
	}
	mutex_unlock(&q->lock);
	if (old.tg) {
		send_cookie(&old, REMOVED);
		tg_put(old.tg);
	}
	return r;
}

/* --- sending --- */

static bool has_room(struct mq *q)
{
	MUTEX_GUARD(&q->lock);
	return q->count < q->max;
}

static void insert(struct mq *q, struct mq_message *m) REQUIRES(q->lock)
{
	struct mq_message *x;

	/* From the end: most messages have the priority of those before them. */
	for (struct list_head *at = q->messages.prev; at != &q->messages; at = at->prev) {
		x = list_entry(at, struct mq_message, node);
		if (x->prio >= m->prio) {
			list_add(&m->node, at);
			goto in;
		}
	}
	list_add(&m->node, &q->messages);
in:
	q->count++;
	q->size += m->size;
}

static int new_message(struct mq *q, struct task *t, uaddr_t text, size_t n, unsigned prio, struct mq_message **ret)
{
	struct mq_message *m;

	m = container_alloc(q->ns->ct, sizeof(*m) + n);
	if (!m)
		return -ENOMEM;
	m->prio = prio;
	m->size = n;
	if (copy_in(t, m->text, text, n) < 0) {
		message_free(q, m);
		return -EFAULT;
	}
	*ret = m;
	return 0;
}

int mqueue_send(struct file *f, struct task *t, uaddr_t text, size_t n, unsigned prio, uint64_t deadline)
{
	struct mq *q = mq_of(f);
	struct telling who = {0};
	struct mq_message *m;
	int r;

	if (!q || !f->can_write)
		return -EBADF;
	if (n > (size_t)q->max_size)
		return -EMSGSIZE;
	r = new_message(q, t, text, n, prio, &m);
	if (r < 0)
		return r;
	for (;;) {
		mutex_lock(&q->lock);
		if (q->count < q->max)
			break;
		mutex_unlock(&q->lock);
		r = f->flags & O_NONBLOCK ? -EAGAIN
					  : wait_event(&q->wait, &t->sleeper, has_room(q), deadline, SLEEP_INTERRUPTIBLE);
		if (r < 0) {
			message_free(q, m);
			return r;
		}
	}
	insert(q, m);
	if (q->count == 1 && !q->receivers)
		take_notify(q, &who);
	mutex_unlock(&q->lock);
	f->inode->atime = f->inode->mtime = f->inode->ctime = inode_now();
	wake_up_all(&q->wait, EPOLLIN | EPOLLRDNORM);
	tell(&who, t);
	return 0;
}

/* --- receiving --- */

static bool has_message(struct mq *q)
{
	MUTEX_GUARD(&q->lock);
	return q->count > 0;
}

static int wait_for_message(struct mq *q, struct task *t, uint64_t deadline)
{
	int r;

	mutex_lock(&q->lock);
	q->receivers++;
	mutex_unlock(&q->lock);
	r = wait_event(&q->wait, &t->sleeper, has_message(q), deadline, SLEEP_INTERRUPTIBLE);
	mutex_lock(&q->lock);
	q->receivers--;
	mutex_unlock(&q->lock);
	return r;
}

ssize_t mqueue_receive(struct file *f, struct task *t, uaddr_t text, size_t n, unsigned *ret_prio, uint64_t deadline)
{
	struct mq *q = mq_of(f);
	struct mq_message *m;
	ssize_t r;

	if (!q || !f->can_read)
		return -EBADF;
	if (n < (size_t)q->max_size)
		return -EMSGSIZE;
	for (;;) {
		mutex_lock(&q->lock);
		if (q->count)
			break;
		mutex_unlock(&q->lock);
		r = f->flags & O_NONBLOCK ? -EAGAIN : wait_for_message(q, t, deadline);
		if (r < 0)
			return r;
	}
	m = list_first_entry(&q->messages, struct mq_message, node);
	list_del(&m->node);
	q->count--;
	q->size -= m->size;
	mutex_unlock(&q->lock);
	f->inode->atime = f->inode->mtime = f->inode->ctime = inode_now();
	wake_up_all(&q->wait, EPOLLOUT | EPOLLWRNORM);
	*ret_prio = m->prio;
	r = (ssize_t)m->size;
	if (copy_out(t, text, m->text, m->size) < 0)
		r = -EFAULT;
	message_free(q, m);
	return r;
}

int mqueue_attributes(struct file *f, const struct mq_attr *set, struct mq_attr *old)
{
	struct mq *q = mq_of(f);
	uint32_t flags;

	if (!q)
		return -EBADF;
	MUTEX_GUARD(&q->lock);
	flags = __atomic_load_n(&f->flags, __ATOMIC_RELAXED);
	if (old)
		*old = (struct mq_attr){.mq_flags = flags & O_NONBLOCK, .mq_maxmsg = q->max, .mq_msgsize = q->max_size,
					.mq_curmsgs = q->count};
	if (set && (set->mq_flags & O_NONBLOCK))
		__atomic_or_fetch(&f->flags, O_NONBLOCK, __ATOMIC_RELAXED);
	else if (set)
		__atomic_and_fetch(&f->flags, ~(uint32_t)O_NONBLOCK, __ATOMIC_RELAXED);
	return 0;
}

/* --- as a file --- */

static ssize_t read_state(struct file *f, struct uio *u, uint64_t *pos, int flags __unused)
{
	struct mq *q = f->inode->priv;
	struct thread_group *tg;
	struct sigevent ev = {0};
	char text[120];
	uint64_t size;
	int pid = 0;
	size_t n;

	mutex_lock(&q->lock);
	tg = q->notify ? tg_get(q->notify) : NULL;
	if (tg)
		ev = q->event;
	size = q->size;
	mutex_unlock(&q->lock);
	if (tg) {
		mutex_lock(&tasklist_lock);
		pid = tg->leader ? pid_nr_ns(tg->leader->tgid_pid, task_pid_ns(current)) : 0;
		mutex_unlock(&tasklist_lock);
		tg_put(tg);
	}
	n = (size_t)snprintf(text, sizeof(text), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", size,
			     ev.sigev_notify, ev.sigev_notify == SIGEV_SIGNAL ? ev.sigev_signo : 0, pid);
	if (*pos >= n)
		return 0;
	n = MIN(n - (size_t)*pos, u->resid);
	if (uio_copy_to(u, text + *pos, n) != (ssize_t)n)
		return -EFAULT;
	*pos += n;
	return (ssize_t)n;
}

static uint32_t mq_poll(struct file *f, struct poll_table *pt)
{
	struct mq *q = f->inode->priv;

	poll_wait(pt, &q->wait);
	MUTEX_GUARD(&q->lock);
	return (q->count ? EPOLLIN | EPOLLRDNORM : 0U) | (q->count < q->max ? EPOLLOUT | EPOLLWRNORM : 0U);
}

/* The process closes a descriptor: its notification goes with it. */
static int mq_flush(struct file *f)
{
	return current ? mqueue_set_notify(f, current, NULL, NULL, NULL) : 0;
}

const struct file_ops mq_file_ops = {.read = read_state, .llseek = generic_llseek, .poll = mq_poll, .flush = mq_flush};
