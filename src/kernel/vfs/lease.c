/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: the holder is told by a signal when somebody else opens or truncates the file, and has lease-break-time
 * seconds to give the lease up. One mutex guards all of them; inode.readers and writers count the open files.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/epoll.h>
#include "kernel/task/task.h"
#include "kernel/vfs/fown.h"
#include "kernel/vfs/vfs_priv.h"

struct lease {
	struct lease *next; /* of the inode */
	struct file *f;	    /* no reference: released before f goes */
	int type, fd;
	int target;	   /* what a break asks for; type when none is under way */
	uint64_t deadline; /* of the break */
};

static struct mutex lease_lock = MUTEX_INIT(RANK_FILE_LOCK, "leases");
static struct waitq lease_wait = {.lock = MUTEX_INIT(RANK_WAITQ, "leases"),
				  .entries = {&lease_wait.entries, &lease_wait.entries}};
int lease_break_time = 45;

static struct lease **find(struct file *f) REQUIRES(lease_lock)
{
	struct lease **p = &f->inode->leases;

	while (*p && (*p)->f != f)
		p = &(*p)->next;
	return p;
}

static void take_off(struct lease **p) REQUIRES(lease_lock)
{
	struct lease *l = *p;

	__atomic_store_n(p, l->next, __ATOMIC_RELEASE);
	free(l);
}

/* Is the file open in a way that the wanted lease excludes? */
static bool is_open(const struct file *f, int type)
{
	const struct inode *i = f->inode;
	int writers = __atomic_load_n(&i->writers, __ATOMIC_SEQ_CST);
	int readers = __atomic_load_n(&i->readers, __ATOMIC_SEQ_CST);

	if (type == F_RDLCK)
		return writers > 0;
	return MAX(writers, 0) != f->can_write || readers != !f->can_write;
}

static int add(struct file *f, int fd, int type)
{
	struct lease **p, *l, *o;

	MUTEX_GUARD(&lease_lock);
	if (is_open(f, type))
		return -EAGAIN;
	p = find(f);
	for (o = f->inode->leases; o; o = o->next) {
		if (o->f == f)
			continue;
		if (type == F_WRLCK || o->type == F_WRLCK || o->target != o->type)
			return -EAGAIN;
	}
	l = *p;
	if (l && l->target != l->type && type != l->target)
		return -EAGAIN;
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->f = f;
		l->type = l->target = type;
		l->fd = fd;
		__atomic_store_n(p, l, __ATOMIC_SEQ_CST);
		/* Somebody who opened meanwhile did not see the lease: ask once more. */
		if (is_open(f, type)) {
			take_off(find(f));
			return -EAGAIN;
		}
	}
	l->type = l->target = type;
	wake_up_all(&lease_wait, 0);
	return 0;
}

static int drop(struct file *f)
{
	struct lease **p;

	MUTEX_GUARD(&lease_lock);
	p = find(f);
	if (!*p)
		return -EAGAIN;
	take_off(p);
	wake_up_all(&lease_wait, 0);
	return 0;
}

int file_set_lease(struct task *t, struct file *f, int fd, int type)
{
	int r, kind, nr;

	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	if (t->cred->fsuid.v != f->inode->uid.v && !capable(t->cred, CAP_LEASE))
		return -EACCES;
	if (!S_ISREG(f->inode->mode))
		return -EINVAL;
	if (type == F_UNLCK)
		return drop(f);
	r = add(f, fd, type);
	if (r < 0)
		return r;
	file_get_owner(t, f, &kind, &nr);
	return nr ? 0 : file_set_owner(t, f, F_OWNER_PID, task_tgid_nr(t, t));
}

int file_get_lease(struct file *f)
{
	struct lease *l;

	if (!__atomic_load_n(&f->inode->leases, __ATOMIC_ACQUIRE))
		return F_UNLCK;
	MUTEX_GUARD(&lease_lock);
	l = *find(f);
	return l ? l->target : F_UNLCK;
}

void lease_release(struct file *f)
{
	if (__atomic_load_n(&f->inode->leases, __ATOMIC_ACQUIRE))
		(void)drop(f);
}

/* Asks the holders; *ret_deadline: when the first of them must be done. False when nothing is in the way. */
static bool ask(struct inode *i, bool write, uint64_t *ret_deadline)
{
	int target = write ? F_UNLCK : F_RDLCK, secs = __atomic_load_n(&lease_break_time, __ATOMIC_RELAXED);
	struct lease **p, *l;
	bool any = false;
	uint64_t now = now_ns();

	*ret_deadline = TIME_FOREVER;
	MUTEX_GUARD(&lease_lock);
	for (p = &i->leases; (l = *p);) {
		if (l->type == F_RDLCK && !write) {
			p = &l->next;
			continue;
		}
		if (l->target != l->type && now >= l->deadline) {
			/* Its time is up: taken away. */
			if (l->target == F_UNLCK) {
				take_off(p);
				continue;
			}
			l->type = l->target;
			continue;
		}
		any = true;
		if (l->target == l->type || (write && l->target != F_UNLCK)) {
			if (l->target == l->type)
				l->deadline = secs ? now + (uint64_t)secs * NSEC_PER_SEC : TIME_FOREVER;
			l->target = target;
			file_signal(l->f, l->fd, POLL_MSG, EPOLLIN | EPOLLRDNORM | EPOLLMSG);
		}
		*ret_deadline = MIN(*ret_deadline, l->deadline);
		p = &l->next;
	}
	return any;
}

int lease_break(struct inode *i, bool write, bool nonblock)
{
	uint64_t deadline;
	int r;

	if (!__atomic_load_n(&i->leases, __ATOMIC_SEQ_CST) || !current)
		return 0;
	while (ask(i, write, &deadline)) {
		if (nonblock)
			return -EWOULDBLOCK;
		r = wait_event(&lease_wait, &current->sleeper, !ask(i, write, &deadline), deadline,
			       SLEEP_INTERRUPTIBLE);
		if (r == -ERESTARTSYS)
			return r;
	}
	return 0;
}
