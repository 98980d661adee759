/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals about open files. What wakes a queue or makes a notification holds locks under which no signal can be
 * sent: it marks the file's watch and wakes one thread of the kernel, which sends.
 */
#include "kernel/vfs/fown.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include "kernel/task/task.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/vfs_priv.h"

struct fown {
	struct pid *pid; /* own reference, NULL for none */
	int kind, sig;
	uint32_t uid, euid;
};

struct fown_entry {
	struct wait_entry we;
	struct watch *w;
	struct fown_entry *next;
};

/* A file that signals: for its queues (O_ASYNC) or as a directory (F_NOTIFY). */
struct watch {
	struct list_head node GUARDED_BY(watch_lock);
	struct file *f; /* no reference: removed before f goes */
	int fd;
	uint32_t hits; /* atomic: EPOLL* that were woken; DN_* for a directory */
	struct poll_table pt;
	struct fown_entry *entries;
	int err;
	uint32_t last GUARDED_BY(watch_lock); /* EPOLL* when it was looked at last */
	uint32_t dn; /* F_NOTIFY: DN_*, 0 for O_ASYNC */
	struct notify_mark mark;
};

static struct mutex fown_lock = MUTEX_INIT(RANK_TASK, "file owners"); /* struct fown of all files */
static struct mutex watch_lock = MUTEX_INIT(RANK_FILE_LOCK, "signalling files");
static LIST_HEAD(watches);    /* watch_lock */
static unsigned nwatches;     /* atomic */
static bool started;	      /* watch_lock */
static struct sleeper server; /* the thread's */

#define ANYTHING (~0U)
#define DN_ONCE_MASK 0x3fU
#define DN_MULTI 0x80000000U

/* --- owners --- */

static struct fown *fown_of(struct file *f) REQUIRES(fown_lock)
{
	if (!f->fown)
		f->fown = calloc(1, sizeof(struct fown));
	return f->fown;
}

int file_set_owner(struct task *t, struct file *f, int kind, int nr)
{
	struct pid *p = NULL, *old;
	struct fown *o;

	if (nr) {
		p = pid_find_get(task_pid_ns(t), nr);
		if (!p)
			return -ESRCH;
	}
	mutex_lock(&fown_lock);
	o = fown_of(f);
	old = o ? o->pid : p;
	if (o) {
		o->pid = p;
		o->kind = kind;
		o->uid = p ? t->cred->uid.v : 0;
		o->euid = p ? t->cred->euid.v : 0;
	}
	mutex_unlock(&fown_lock);
	if (old)
		pid_put(old);
	return o ? 0 : -ENOMEM;
}

void file_get_owner(struct task *t, struct file *f, int *ret_kind, int *ret_nr)
{
	MUTEX_GUARD(&fown_lock);
	*ret_kind = f->fown ? f->fown->kind : F_OWNER_TID;
	*ret_nr = f->fown && f->fown->pid ? pid_nr_ns(f->fown->pid, task_pid_ns(t)) : 0;
}

void file_owner_uids(struct file *f, uint32_t ret[2])
{
	MUTEX_GUARD(&fown_lock);
	ret[0] = f->fown ? f->fown->uid : 0;
	ret[1] = f->fown ? f->fown->euid : 0;
}

int file_set_sig(struct file *f, int sig)
{
	struct fown *o;

	if (sig < 0 || sig > NSIG_GUEST)
		return -EINVAL;
	MUTEX_GUARD(&fown_lock);
	o = fown_of(f);
	if (!o)
		return -ENOMEM;
	o->sig = sig;
	return 0;
}

int file_get_sig(struct file *f)
{
	MUTEX_GUARD(&fown_lock);
	return f->fown ? f->fown->sig : 0;
}

/* May the owner's setter signal t? As kill(2) by its ids at that time. Tasklist lock held. */
static bool may_tell(struct task *t, const struct fown *o)
{
	bool ok;

	mutex_lock(&t->lock);
	ok = !o->euid || o->euid == t->cred->suid.v || o->euid == t->cred->uid.v ||
	     o->uid == t->cred->suid.v || o->uid == t->cred->uid.v;
	mutex_unlock(&t->lock);
	return ok;
}

#define TOLD_MAX 64

/* The tasks that o names, with references; only the leaders where groups are meant. */
static unsigned find_told(const struct fown *o, struct task *told[TOLD_MAX])
{
	enum pid_type type = o->kind == F_OWNER_TID  ? PIDTYPE_PID :
			     o->kind == F_OWNER_PGRP ? PIDTYPE_PGID :
						       PIDTYPE_TGID;
	struct task *t;
	unsigned n = 0;

	MUTEX_GUARD(&tasklist_lock);
	list_for_each_entry(t, &o->pid->tasks[type], pid_node[type])
		if (n < TOLD_MAX && may_tell(t, o))
			told[n++] = task_get(t);
	return n;
}

static int tell(struct task *t, const struct fown *o, int sig, const siginfo_t *si)
{
	return o->kind == F_OWNER_TID ? send_signal_task(t, sig, si) : send_signal_group(t->tg, sig, si);
}

void file_signal(struct file *f, int fd, int code, long band)
{
	struct fown o = {0};
	struct task *told[TOLD_MAX];
	siginfo_t si;
	unsigned n;

	mutex_lock(&fown_lock);
	if (f->fown)
		o = *f->fown;
	if (o.pid)
		o.pid = pid_get(o.pid);
	mutex_unlock(&fown_lock);
	if (!o.pid)
		return;
	memset(&si, 0, sizeof(si));
	si.si_signo = o.sig;
	si.si_code = code;
	si.si_band = band;
	si.si_fd = fd;
	n = find_told(&o, told);
	while (n--) {
		/* A full queue loses the details, not the news. */
		if (!o.sig || tell(told[n], &o, o.sig, &si) < 0)
			(void)tell(told[n], &o, SIGIO, NULL);
		task_put(told[n]);
	}
	pid_put(o.pid);
}

/* --- the thread that sends --- */

static const struct {
	uint32_t events;
	int code;
	uint32_t band;
} bands[] = {
	{EPOLLIN | EPOLLRDNORM, POLL_IN, EPOLLIN | EPOLLRDNORM},
	{EPOLLOUT | EPOLLWRNORM, POLL_OUT, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND},
	{EPOLLPRI, POLL_PRI, EPOLLPRI | EPOLLRDBAND},
	{EPOLLERR, POLL_ERR, EPOLLERR},
	{EPOLLHUP, POLL_HUP, EPOLLHUP | EPOLLERR},
};

static void send_for(struct watch *w, uint32_t hits) REQUIRES(watch_lock)
{
	uint32_t now, was;

	if (w->dn) {
		file_signal(w->f, w->fd, POLL_MSG, EPOLLIN | EPOLLRDNORM | EPOLLMSG);
		return;
	}
	now = file_poll(w->f, NULL);
	was = w->last;
	w->last = now;
	/* A wake that does not say for what: room to write is news only when there was none. */
	now &= hits == ANYTHING ? ~(was & (EPOLLOUT | EPOLLWRNORM)) : hits;
	for (size_t i = 0; i < ARRAY_SIZE(bands); i++)
		if (now & bands[i].events)
			file_signal(w->f, w->fd, bands[i].code, bands[i].band);
}

static void *serve(void *arg __unused)
{
	for (;;) {
		struct watch *w;

		sleeper_prepare(&server);
		mutex_lock(&watch_lock);
		list_for_each_entry(w, &watches, node) {
			uint32_t hits = __atomic_exchange_n(&w->hits, 0, __ATOMIC_ACQ_REL);

			if (hits)
				send_for(w, hits);
		}
		mutex_unlock(&watch_lock);
		if (sleeper_sleep(&server, TIME_FOREVER, SLEEP_UNINTERRUPTIBLE) < 0)
			continue;
	}
	return NULL;
}

static int start(void) REQUIRES(watch_lock)
{
	pthread_attr_t at;
	sigset_t all, old;
	pthread_t th;
	int r;

	if (started)
		return 0;
	sleeper_init(&server, NULL);
	if (pthread_attr_init(&at) != 0)
		return -EAGAIN;
	pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* the filter's handler logs what it stops */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&th, &at, serve, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&at);
	started = r == 0;
	return r ? -EAGAIN : 0;
}

static void hit(struct watch *w, uint32_t what)
{
	__atomic_or_fetch(&w->hits, what, __ATOMIC_ACQ_REL);
	sleeper_wake(&server);
}

/* --- O_ASYNC --- */

static bool woken(struct wait_entry *e, uint32_t events)
{
	hit(container_of(e, struct fown_entry, we)->w, events ? events : ANYTHING);
	return false;
}

static void set_queue(struct poll_table *pt, struct waitq *q)
{
	struct watch *w = container_of(pt, struct watch, pt);
	struct fown_entry *e = calloc(1, sizeof(*e));

	if (!e) {
		w->err = -ENOMEM;
		return;
	}
	wait_entry_init(&e->we, &server);
	e->we.func = woken;
	e->w = w;
	e->next = w->entries;
	w->entries = e;
	waitq_add(q, &e->we);
}

/* What only the host knows of raises no signal. */
static void set_hostfd(struct poll_table *pt __unused, int fd __unused, short events __unused)
{
}

static struct watch *find(struct file *f, bool dir) REQUIRES(watch_lock)
{
	struct watch *w;

	list_for_each_entry(w, &watches, node)
		if (w->f == f && (w->dn != 0) == dir)
			return w;
	return NULL;
}

static void watch_free(struct watch *w) REQUIRES(watch_lock)
{
	while (w->entries) {
		struct fown_entry *e = w->entries;

		w->entries = e->next;
		waitq_del(&e->we);
		free(e);
	}
	if (w->dn)
		notify_remove(&w->mark);
	list_del(&w->node);
	__atomic_sub_fetch(&nwatches, 1, __ATOMIC_RELAXED);
	free(w);
}

static struct watch *watch_new(struct file *f, int fd) REQUIRES(watch_lock)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->f = f;
	w->fd = fd;
	w->pt = (struct poll_table){set_queue, set_hostfd, ~0U};
	list_add_tail(&w->node, &watches);
	__atomic_add_fetch(&nwatches, 1, __ATOMIC_RELAXED);
	return w;
}

int file_async(struct file *f, int fd, bool on)
{
	mode_t m = f->inode->mode;
	struct watch *w;
	int r;

	/* As on Linux, elsewhere the flag is kept and does nothing. */
	if (!f->op->poll || (!S_ISFIFO(m) && !S_ISSOCK(m) && !S_ISCHR(m)))
		return 0;
	MUTEX_GUARD(&watch_lock);
	w = find(f, false);
	if (!on) {
		if (w)
			watch_free(w);
		return 0;
	}
	if (w) {
		w->fd = fd;
		return 0;
	}
	r = start();
	if (r < 0)
		return r;
	w = watch_new(f, fd);
	if (!w)
		return -ENOMEM;
	w->last = file_poll(f, &w->pt);
	r = w->err;
	if (r < 0)
		watch_free(w);
	return r;
}

/* --- F_NOTIFY --- */

static uint32_t dn_of(uint32_t what)
{
	return (what & IN_ACCESS ? DN_ACCESS : 0U) | (what & IN_MODIFY ? DN_MODIFY : 0U) |
	       (what & (IN_CREATE | IN_MOVED_TO) ? DN_CREATE : 0U) |
	       (what & (IN_DELETE | IN_MOVED_FROM) ? DN_DELETE : 0U) |
	       ((what & IN_MOVED_FROM) && (what & NOTIFY_SAME_DIR) ? DN_RENAME : 0U) | (what & IN_ATTRIB ? DN_ATTRIB : 0U);
}

static void dir_event(struct notify_mark *m, uint32_t what, uint32_t cookie __unused,
		      const char *name __unused, size_t len __unused)
{
	struct watch *w = container_of(m, struct watch, mark);
	uint32_t dn = __atomic_load_n(&w->dn, __ATOMIC_RELAXED), got = dn_of(what) & dn;

	if (!got)
		return;
	/* Without DN_MULTISHOT once: the watch stays, but asks for nothing. */
	if (!(dn & DN_MULTI))
		__atomic_store_n(&w->dn, DN_MULTI, __ATOMIC_RELAXED);
	hit(w, got);
}

int file_dnotify(struct file *f, int fd, uint32_t what)
{
	struct watch *w;
	int r, kind, nr;

	if (!S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	file_get_owner(current, f, &kind, &nr);
	if ((what & DN_ONCE_MASK) && !nr) {
		r = file_set_owner(current, f, F_OWNER_PID, task_tgid_nr(current, current));
		if (r < 0)
			return r;
	}
	MUTEX_GUARD(&watch_lock);
	w = find(f, true);
	if (!(what & DN_ONCE_MASK)) {
		if (w)
			watch_free(w);
		return 0;
	}
	if (w) {
		w->fd = fd;
		__atomic_or_fetch(&w->dn, what, __ATOMIC_RELAXED);
		return 0;
	}
	r = start();
	if (r < 0)
		return r;
	w = watch_new(f, fd);
	if (!w)
		return -ENOMEM;
	w->dn = what;
	w->mark.event = dir_event;
	notify_add(&w->mark, f->inode);
	return 0;
}

/* --- the end --- */

void file_fown_release(struct file *f)
{
	struct watch *w, *n;

	if (__atomic_load_n(&nwatches, __ATOMIC_RELAXED)) {
		mutex_lock(&watch_lock);
		list_for_each_entry_safe(w, n, &watches, node)
			if (w->f == f)
				watch_free(w);
		mutex_unlock(&watch_lock);
	}
	if (f->fown && f->fown->pid)
		pid_put(f->fown->pid);
	free(f->fown);
	f->fown = NULL;
}
