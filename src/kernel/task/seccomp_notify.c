/* SPDX-License-Identifier: Apache-2.0 */
/* Secure computing: calls that wait for another program's word, and the listener's file by which it gives it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include "kernel/task/internal.h"
#include "kernel/task/seccomp_priv.h"
#include "kernel/usercopy.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#define SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR SECCOMP_IOR(2, __u64)
#define ADDFD_SIZE_VER0 24U /* struct seccomp_notif_addfd as it began */

enum notif_state { NOTIF_NEW, NOTIF_SENT, NOTIF_REPLIED };

/* A descriptor that the listener gives to the caller. Lives in the listener's thread until state is ADDFD_DONE. */
struct addfd {
	struct list_head node GUARDED_BY(f->lock);
	enum { ADDFD_QUEUED, ADDFD_TAKEN, ADDFD_DONE } state GUARDED_BY(f->lock);
	struct file *file; /* the listener's reference */
	bool at, cloexec, reply;
	int fd;	    /* wanted, when at is set */
	int result; /* valid when done */
};

/* A call that waits. Lives in the caller's thread, in the filter's list all the time. */
struct notif {
	struct list_head node GUARDED_BY(f->lock);
	struct task *task;		     /* constant */
	const struct seccomp_data *data;     /* constant */
	uint64_t id;			     /* constant */
	enum notif_state state GUARDED_BY(f->lock);
	struct list_head addfds GUARDED_BY(f->lock);
	bool unsent GUARDED_BY(f->lock); /* went back from SENT to NEW: the sleep may be interrupted again */
	int32_t error GUARDED_BY(f->lock);
	int64_t val GUARDED_BY(f->lock);
	bool go_on GUARDED_BY(f->lock);
};

static bool sleeps_killable(const struct seccomp_filter *f, const struct notif *n)
{
	return f->wait_killable && n->state == NOTIF_SENT;
}

static bool notif_news(struct seccomp_filter *f, const struct notif *n)
{
	MUTEX_GUARD(&f->lock);
	return n->state == NOTIF_REPLIED || n->unsent || !list_empty(&n->addfds);
}

/* Does what the oldest request for a descriptor asks. Called with the lock, which is let go meanwhile. */
static void take_addfd(struct task *t, struct seccomp_filter *f, struct notif *n)
{
	struct addfd *a = list_first_entry(&n->addfds, struct addfd, node);
	int r;

	list_del(&a->node);
	a->state = ADDFD_TAKEN;
	mutex_unlock(&f->lock);
	file_get(a->file);
	r = a->at ? fd_install_at(t, a->file, a->fd, a->cloexec) : fd_install(t, a->file, 0, a->cloexec);
	mutex_lock(&f->lock);
	if (a->reply && r < 0) {
		if (f->listener)
			n->state = NOTIF_SENT; /* the listener gets the error, and may try again */
	} else if (a->reply) {
		n->error = 0;
		n->val = r;
		n->go_on = false;
	}
	a->result = r;
	a->state = ADDFD_DONE;
	wake_up_all(&f->wq, 0);
}

/* Until the reply is there: 0, -ERESTARTSYS. Lock held. */
static int wait_for_reply(struct task *t, struct seccomp_filter *f, struct notif *n)
{
	bool killable;
	int r;

	for (;;) {
		n->unsent = false;
		killable = sleeps_killable(f, n);
		mutex_unlock(&f->lock);
		r = wait_event(&f->wq, &t->sleeper, notif_news(f, n), TIME_FOREVER,
			       killable ? SLEEP_KILLABLE : SLEEP_INTERRUPTIBLE);
		mutex_lock(&f->lock);
		if (r < 0 && (killable || !sleeps_killable(f, n)))
			return r;
		if (!list_empty(&n->addfds))
			take_addfd(t, f, n);
		else if (n->state == NOTIF_REPLIED)
			return 0;
	}
}

bool seccomp_notify(struct task *t, struct seccomp_filter *f, const struct seccomp_data *d, long *ret_result,
		    bool *ret_raw)
{
	struct notif n = {.task = t, .data = d};
	struct addfd *a, *next;
	int r;

	*ret_result = -ENOSYS;
	*ret_raw = false;
	list_init(&n.addfds);
	mutex_lock(&f->lock);
	if (!f->listener) {
		mutex_unlock(&f->lock);
		return true;
	}
	n.id = f->next_id++;
	list_add_tail(&n.node, &f->calls);
	wake_up_all(&f->wq, EPOLLIN | EPOLLRDNORM);
	r = wait_for_reply(t, f, &n);
	list_for_each_entry_safe(a, next, &n.addfds, node) {
		list_del(&a->node);
		a->result = -ESRCH;
		a->state = ADDFD_DONE;
	}
	list_del(&n.node);
	mutex_unlock(&f->lock);
	wake_up_all(&f->wq, 0);
	if (r < 0) {
		*ret_result = r;
		return true;
	}
	*ret_raw = true;
	*ret_result = n.error ? n.error : n.val;
	return !n.go_on;
}

/* --- the listener --- */

static struct notif *find(struct seccomp_filter *f, uint64_t id)
{
	struct notif *n;

	list_for_each_entry(n, &f->calls, node)
		if (n->id == id)
			return n;
	return NULL;
}

static struct notif *find_new(struct seccomp_filter *f)
{
	struct notif *n;

	list_for_each_entry(n, &f->calls, node)
		if (n->state == NOTIF_NEW)
			return n;
	return NULL;
}

/* A call to be received, or nobody left who could make one. */
static bool recv_news(struct seccomp_filter *f)
{
	MUTEX_GUARD(&f->lock);
	return find_new(f) || __atomic_load_n(&f->users, __ATOMIC_ACQUIRE) == 0;
}

/* The copy to the guest failed: the call waits again to be received, if it is still there. */
static void unsend(struct seccomp_filter *f, uint64_t id)
{
	struct notif *n;

	mutex_lock(&f->lock);
	n = find(f, id);
	if (n && n->state == NOTIF_SENT) {
		n->state = NOTIF_NEW;
		n->unsent = true;
	}
	mutex_unlock(&f->lock);
	wake_up_all(&f->wq, 0);
}

static long recv(struct task *t, struct seccomp_filter *f, uaddr_t to)
{
	struct seccomp_notif u;
	static const struct seccomp_notif zero;
	struct notif *n = NULL;
	int r = copy_in(t, &u, to, sizeof(u));

	if (r < 0)
		return r;
	if (memcmp(&u, &zero, sizeof(u)) != 0)
		return -EINVAL;
	while (!n) {
		r = wait_event(&f->wq, &t->sleeper, recv_news(f), TIME_FOREVER, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
		mutex_lock(&f->lock);
		n = find_new(f);
		if (!n && __atomic_load_n(&f->users, __ATOMIC_ACQUIRE) == 0) {
			mutex_unlock(&f->lock);
			return -ENOENT;
		}
		if (n) {
			u.id = n->id;
			u.pid = (uint32_t)task_pid_nr(n->task, t);
			u.data = *n->data;
			n->state = NOTIF_SENT;
		}
		mutex_unlock(&f->lock);
	}
	wake_up_all(&f->wq, EPOLLOUT | EPOLLWRNORM);
	r = copy_out(t, to, &u, sizeof(u));
	if (r < 0)
		unsend(f, u.id);
	return r;
}

static long send(struct task *t, struct seccomp_filter *f, uaddr_t from)
{
	struct seccomp_notif_resp u;
	struct notif *n;
	int r = copy_in(t, &u, from, sizeof(u));

	if (r < 0)
		return r;
	if (u.flags & ~(uint32_t)SECCOMP_USER_NOTIF_FLAG_CONTINUE)
		return -EINVAL;
	if ((u.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) && (u.error || u.val))
		return -EINVAL;
	mutex_lock(&f->lock);
	n = find(f, u.id);
	r = !n ? -ENOENT : n->state != NOTIF_SENT ? -EINPROGRESS : 0;
	if (r == 0) {
		n->state = NOTIF_REPLIED;
		n->error = u.error;
		n->val = u.val;
		n->go_on = u.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	}
	mutex_unlock(&f->lock);
	if (r == 0)
		wake_up_all(&f->wq, 0);
	return r;
}

static long id_valid(struct task *t, struct seccomp_filter *f, uaddr_t from)
{
	struct notif *n;
	uint64_t id;
	int r = copy_in(t, &id, from, sizeof(id));

	if (r < 0)
		return r;
	MUTEX_GUARD(&f->lock);
	n = find(f, id);
	return n && n->state == NOTIF_SENT ? 0 : -ENOENT;
}

static bool addfd_done(struct seccomp_filter *f, const struct addfd *a)
{
	MUTEX_GUARD(&f->lock);
	return a->state == ADDFD_DONE;
}

/* Hands a over to the call with that id and waits until it has it. The descriptor's number, or -errno. */
static long give_fd(struct task *t, struct seccomp_filter *f, struct addfd *a, uint64_t id)
{
	struct notif *n;
	int r;

	mutex_lock(&f->lock);
	n = find(f, id);
	r = !n ? -ENOENT : n->state != NOTIF_SENT ? -EINPROGRESS : 0;
	if (r == 0 && a->reply && !list_empty(&n->addfds))
		r = -EBUSY;
	if (r == 0) {
		if (a->reply)
			n->state = NOTIF_REPLIED;
		list_add_tail(&a->node, &n->addfds);
	}
	mutex_unlock(&f->lock);
	if (r < 0)
		return r;
	wake_up_all(&f->wq, 0);
	r = wait_event(&f->wq, &t->sleeper, addfd_done(f, a), TIME_FOREVER, SLEEP_INTERRUPTIBLE);
	if (r == 0)
		return a->result;
	mutex_lock(&f->lock);
	if (a->state == ADDFD_QUEUED) {
		list_del(&a->node);
		a->state = ADDFD_DONE;
		a->result = r;
		/* A reply that will not come by this way: the call waits for another. */
		n = a->reply ? find(f, id) : NULL;
		if (n)
			n->state = NOTIF_SENT;
	}
	mutex_unlock(&f->lock);
	/* The other side is installing it, which does not wait for the guest. */
	r = wait_event(&f->wq, &t->sleeper, addfd_done(f, a), TIME_FOREVER, SLEEP_UNINTERRUPTIBLE);
	return r < 0 ? r : a->result;
}

static long addfd(struct task *t, struct seccomp_filter *f, uaddr_t from, size_t size)
{
	_cleanup_(file_putp) struct file *file = NULL;
	struct seccomp_notif_addfd u;
	struct addfd a = {0};
	int r;

	if (size < ADDFD_SIZE_VER0 || size >= GUEST_PAGE_SIZE)
		return -EINVAL;
	r = copy_in_struct(t, &u, sizeof(u), from, size);
	if (r < 0)
		return r;
	if ((u.newfd_flags & ~(uint32_t)O_CLOEXEC) ||
	    (u.flags & ~(uint32_t)(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND)) ||
	    (u.newfd && !(u.flags & SECCOMP_ADDFD_FLAG_SETFD)))
		return -EINVAL;
	file = fd_get(t, (int)u.srcfd);
	if (!file)
		return -EBADF;
	a.file = file;
	a.at = u.flags & SECCOMP_ADDFD_FLAG_SETFD;
	a.reply = u.flags & SECCOMP_ADDFD_FLAG_SEND;
	a.cloexec = u.newfd_flags & O_CLOEXEC;
	a.fd = (int)u.newfd;
	return give_fd(t, f, &a, u.id);
}

static long listener_ioctl(struct file *file, struct task *t, unsigned cmd, uint64_t arg)
{
	struct seccomp_filter *f = file->priv;

	switch (cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV:
		return recv(t, f, uaddr(arg));
	case SECCOMP_IOCTL_NOTIF_SEND:
		return send(t, f, uaddr(arg));
	case SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR:
	case SECCOMP_IOCTL_NOTIF_ID_VALID:
		return id_valid(t, f, uaddr(arg));
	case SECCOMP_IOCTL_NOTIF_SET_FLAGS:
		/* A hint where to run whom next; there is nothing to do for it. */
		return arg & ~SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP ? -EINVAL : 0;
	}
	/* A structure that may grow: any size. */
	if ((cmd & ~(unsigned)IOCSIZE_MASK) == (SECCOMP_IOCTL_NOTIF_ADDFD & ~(unsigned)IOCSIZE_MASK))
		return addfd(t, f, uaddr(arg), _IOC_SIZE(cmd));
	return -EINVAL;
}

static uint32_t listener_poll(struct file *file, struct poll_table *pt)
{
	struct seccomp_filter *f = file->priv;
	struct notif *n;
	uint32_t r = 0;

	poll_wait(pt, &f->wq);
	MUTEX_GUARD(&f->lock);
	list_for_each_entry(n, &f->calls, node) {
		if (n->state == NOTIF_NEW)
			r |= EPOLLIN | EPOLLRDNORM;
		if (n->state == NOTIF_SENT)
			r |= EPOLLOUT | EPOLLWRNORM;
	}
	if (__atomic_load_n(&f->users, __ATOMIC_ACQUIRE) == 0)
		r |= EPOLLHUP;
	return r;
}

/* Who waits gets ENOSYS, as everybody who asks from now on. */
static void listener_release(struct file *file)
{
	struct seccomp_filter *f = file->priv;
	struct notif *n;

	mutex_lock(&f->lock);
	__atomic_store_n(&f->listener, false, __ATOMIC_RELEASE);
	list_for_each_entry(n, &f->calls, node) {
		if (n->state == NOTIF_REPLIED)
			continue;
		n->state = NOTIF_REPLIED;
		n->error = -ENOSYS;
		n->val = 0;
		n->go_on = false;
	}
	mutex_unlock(&f->lock);
	wake_up_all(&f->wq, 0);
	seccomp_filter_put(f);
}

static const struct file_ops listener_ops = {
	.release = listener_release, .ioctl = listener_ioctl, .poll = listener_poll};

int seccomp_listener_new(struct seccomp_filter *f, struct file **ret)
{
	int r;

	/* Numbers that a listener cannot guess keep it from answering calls that it has not received. */
	if (getrandom(&f->next_id, sizeof(f->next_id), 0) != (ssize_t)sizeof(f->next_id))
		return -EAGAIN;
	r = anon_file_new("anon_inode:seccomp notify", &listener_ops, f, O_RDWR, 0, ret);
	if (r < 0)
		return r;
	ref_get(&f->ref);
	f->listener = true;
	return 0;
}
