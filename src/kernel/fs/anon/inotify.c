/* SPDX-License-Identifier: Apache-2.0 */
/* inotify(7): the object. Its watches are marks on inodes; events wait here until they are read. */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/notify.h"

int inotify_max_events = 16384, inotify_max_watches = 8192, inotify_max_instances = 1024; /* the last: of the sandbox */
#define MAX_EVENTS ((unsigned)__atomic_load_n(&inotify_max_events, __ATOMIC_RELAXED))
#define MAX_WATCHES ((unsigned)__atomic_load_n(&inotify_max_watches, __ATOMIC_RELAXED))
#define MAX_INSTANCES ((unsigned)__atomic_load_n(&inotify_max_instances, __ATOMIC_RELAXED))
#define KEPT_FLAGS (IN_ONESHOT | IN_EXCL_UNLINK)

struct event_head { /* struct inotify_event without its name */
	int32_t wd;
	uint32_t mask, cookie, len; /* len: with padding */
};
_Static_assert(sizeof(struct event_head) == sizeof(struct inotify_event), "layout of inotify(7)");
struct event {
	struct list_head node;
	struct event_head e;
	char name[]; /* follows e without a gap: both are read at once */
};
struct instance {
	struct mutex lock; /* RANK_SOCK */
	struct waitq wait;
	struct list_head watches GUARDED_BY(lock), events GUARDED_BY(lock);
	unsigned nwatches, nevents GUARDED_BY(lock);
	int last_wd GUARDED_BY(lock);
	bool lost GUARDED_BY(lock); /* the overflow event is queued */
	struct mutex change;	    /* RANK_FILE_POS: adding and removing watches */
};
struct watch {
	struct notify_mark mark;
	struct list_head node; /* instance.watches */
	struct instance *in;
	struct path path; /* keeps the mount as an open file does; constant */
	struct inode *inode; /* dito, with a reference */
	int wd;
	uint32_t mask; /* instance.lock */
	bool over;     /* instance.lock: IN_IGNORED was queued, the number is not valid any more */
};

static size_t size_of(const struct event *ev)
{
	return sizeof(ev->e) + ev->e.len;
}

/* in->lock held. */
static void queue(struct instance *in, int wd, uint32_t what, uint32_t cookie, const char *name, size_t len)
{
	size_t room = name ? (len + sizeof(struct inotify_event)) / sizeof(struct inotify_event) *
				     sizeof(struct inotify_event) :
			     0;
	struct event *ev, *last;

	if (in->nevents >= MAX_EVENTS && !in->lost) {
		in->lost = true;
		wd = -1, what = IN_Q_OVERFLOW, cookie = 0, room = len = 0;
	} else if (in->nevents >= MAX_EVENTS) {
		return;
	}
	last = list_empty(&in->events) ? NULL : list_entry(in->events.prev, struct event, node);
	if (last && last->e.wd == wd && last->e.mask == what && last->e.cookie == cookie && last->e.len == room &&
	    (!room || !strncmp(last->name, name, room)))
		return;
	ev = calloc(1, sizeof(*ev) + room);
	if (!ev)
		return; /* like an overflow nobody could be told of */
	ev->e = (struct event_head){.wd = wd, .mask = what, .cookie = cookie, .len = (uint32_t)room};
	if (room)
		memcpy(ev->name, name, len);
	list_add_tail(&ev->node, &in->events);
	in->nevents++;
}

static void on_event(struct notify_mark *m, uint32_t what, uint32_t cookie, const char *name, size_t len)
{
	struct watch *w = container_of(m, struct watch, mark);
	struct instance *in = w->in;

	bool unlinked = what & NOTIFY_UNLINKED;

	what &= ~(NOTIFY_SAME_DIR | NOTIFY_UNLINKED);
	mutex_lock(&in->lock);
	if (!w->over && (what & (w->mask | IN_IGNORED)) && !(unlinked && (w->mask & IN_EXCL_UNLINK))) {
		queue(in, w->wd, what, cookie, name, len);
		if (what & IN_IGNORED) {
			w->over = true;
		} else if (w->mask & IN_ONESHOT) {
			queue(in, w->wd, IN_IGNORED, 0, NULL, 0);
			w->over = true;
		}
	}
	mutex_unlock(&in->lock);
	wake_up_all(&in->wait, EPOLLIN);
}

/* in->change held. w is in no list. */
static void free_watch(struct watch *w)
{
	notify_remove(&w->mark);
	inode_put(w->inode);
	path_put(&w->path);
	free(w);
}

/* Frees the watches that are over. in->change held. */
static void sweep(struct instance *in, bool all)
{
	struct watch *w, *n;
	LIST_HEAD(gone);

	mutex_lock(&in->lock);
	list_for_each_entry_safe(w, n, &in->watches, node) {
		if (!all && !w->over)
			continue;
		list_del(&w->node);
		list_add_tail(&w->node, &gone);
		in->nwatches--;
	}
	mutex_unlock(&in->lock);
	list_for_each_entry_safe(w, n, &gone, node) {
		list_del(&w->node);
		free_watch(w);
	}
}

static struct event *take(struct instance *in, size_t room, bool *too_big)
{
	struct event *ev;

	MUTEX_GUARD(&in->lock);
	if (list_empty(&in->events))
		return NULL;
	ev = list_first_entry(&in->events, struct event, node);
	*too_big = size_of(ev) > room;
	if (*too_big)
		return NULL;
	list_del(&ev->node);
	in->nevents--;
	if (ev->e.mask & IN_Q_OVERFLOW)
		in->lost = false;
	return ev;
}

static bool any(struct instance *in)
{
	MUTEX_GUARD(&in->lock);
	return !list_empty(&in->events);
}

static ssize_t in_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct instance *in = f->priv;
	ssize_t done = 0;
	bool too_big = false;
	int r;

	for (;;) {
		struct event *ev = take(in, u->resid, &too_big);
		size_t n;
		bool ok;

		if (ev) {
			n = size_of(ev);
			ok = uio_copy_to(u, &ev->e, n) == (ssize_t)n;
			free(ev);
			if (!ok)
				return done ?: -EFAULT;
			done += (ssize_t)n;
			continue;
		}
		if (done)
			break;
		if (too_big)
			return -EINVAL;
		if ((f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT))
			return -EAGAIN;
		r = wait_event(&in->wait, &current->sleeper, any(in), TIME_FOREVER, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
	mutex_lock(&in->change);
	sweep(in, false);
	mutex_unlock(&in->change);
	return done;
}

static uint32_t in_poll(struct file *f, struct poll_table *pt)
{
	struct instance *in = f->priv;

	poll_wait(pt, &in->wait);
	return any(in) ? EPOLLIN | EPOLLRDNORM : 0;
}

static long in_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	struct instance *in = f->priv;
	struct event *ev;
	size_t n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&in->lock);
	list_for_each_entry(ev, &in->events, node)
		n += size_of(ev);
	mutex_unlock(&in->lock);
	return put_u32(t, uaddr(arg), (uint32_t)MIN(n, (size_t)INT_MAX));
}

static unsigned ninstances; /* atomic */

static void in_release(struct file *f)
{
	struct instance *in = f->priv;
	struct event *ev, *n;

	mutex_lock(&in->change);
	sweep(in, true);
	mutex_unlock(&in->change);
	list_for_each_entry_safe(ev, n, &in->events, node)
		free(ev);
	waitq_done(&in->wait);
	mutex_destroy(&in->lock);
	mutex_destroy(&in->change);
	__atomic_sub_fetch(&ninstances, 1, __ATOMIC_RELAXED);
	free(in);
}

/* A line for each watch, as many as fit. */
static void in_info(struct file *f, char *buf, size_t cap)
{
	struct instance *in = f->priv;
	struct watch *w;
	size_t at = 0;

	MUTEX_GUARD(&in->lock);
	list_for_each_entry(w, &in->watches, node) {
		char line[128];
		int n = snprintf(line, sizeof(line), "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0\n",
				 (unsigned)w->wd, (unsigned long long)w->inode->ino,
				 (unsigned long long)w->inode->sb->dev, w->mask);

		if (w->over)
			continue;
		if (n < 0 || at + (size_t)n >= cap)
			break;
		memcpy(buf + at, line, (size_t)n + 1);
		at += (size_t)n;
	}
}

static const struct file_ops inotify_ops = {
	.release = in_release, .read = in_read, .poll = in_poll, .ioctl = in_ioctl, .show_fdinfo = in_info};

static struct instance *instance_new(void)
{
	struct instance *in = NULL;

	if (__atomic_add_fetch(&ninstances, 1, __ATOMIC_RELAXED) <= MAX_INSTANCES)
		in = calloc(1, sizeof(*in));
	if (!in)
		__atomic_sub_fetch(&ninstances, 1, __ATOMIC_RELAXED);
	return in;
}

int inotify_new(int flags, struct file **ret)
{
	struct instance *in = instance_new();
	int r;

	if (!in)
		return -EMFILE;
	mutex_init(&in->lock, RANK_SOCK, "inotify");
	mutex_init(&in->change, RANK_FILE_POS, "inotify watches");
	waitq_init(&in->wait);
	list_init(&in->watches);
	list_init(&in->events);
	r = anon_file_new("anon_inode:inotify", &inotify_ops, in, O_RDONLY | ((unsigned)flags & O_NONBLOCK), 0, ret);
	if (r < 0) {
		__atomic_sub_fetch(&ninstances, 1, __ATOMIC_RELAXED);
		free(in);
	}
	return r;
}

/* The watch on i, or with that number; in->lock held. */
static struct watch *find(struct instance *in, const struct inode *i, int wd)
{
	struct watch *w;

	list_for_each_entry(w, &in->watches, node)
		if (!w->over && (i ? w->inode == i : w->wd == wd))
			return w;
	return NULL;
}

static int change_mask(struct watch *w, uint32_t mask)
{
	uint32_t m = mask & (IN_ALL_EVENTS | KEPT_FLAGS);

	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	w->mask = mask & IN_MASK_ADD ? w->mask | m : m;
	return w->wd;
}

int inotify_add(struct file *f, const struct path *p, uint32_t mask)
{
	struct inode *i = dentry_inode(p->dentry);
	struct instance *in = f->priv;
	struct watch *w;
	int r;

	if (f->op != &inotify_ops)
		return -EINVAL;
	MUTEX_GUARD(&in->change);
	sweep(in, false);
	mutex_lock(&in->lock);
	w = find(in, i, 0);
	r = w ? change_mask(w, mask) : in->nwatches >= MAX_WATCHES ? -ENOSPC : 0;
	mutex_unlock(&in->lock);
	if (r != 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->path = *p;
	path_get(&w->path);
	w->inode = inode_get(i);
	w->mark.event = on_event;
	w->in = in;
	w->mask = mask & (IN_ALL_EVENTS | KEPT_FLAGS);
	mutex_lock(&in->lock);
	r = w->wd = ++in->last_wd;
	list_add_tail(&w->node, &in->watches);
	in->nwatches++;
	mutex_unlock(&in->lock);
	notify_add(&w->mark, w->inode);
	return r;
}

int inotify_remove(struct file *f, int wd)
{
	struct instance *in = f->priv;
	struct watch *w;

	if (f->op != &inotify_ops)
		return -EINVAL;
	MUTEX_GUARD(&in->change);
	mutex_lock(&in->lock);
	w = find(in, NULL, wd);
	if (w) {
		queue(in, wd, IN_IGNORED, 0, NULL, 0);
		w->over = true;
	}
	mutex_unlock(&in->lock);
	if (!w)
		return -EINVAL;
	wake_up_all(&in->wait, EPOLLIN);
	sweep(in, false);
	return 0;
}
