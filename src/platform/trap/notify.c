/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few host calls of a stub that need a decision: mappings with a descriptor, clones, and the zygote's
 * close_range. One thread per container receives them. Each must match an order: the thread (by its
 * trusted id), the call and all arguments, once. Arguments are scalars, so answering "continue" cannot race with a
 * change of what was checked.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/hostio.h"
#include "base/log.h"
#include "kernel/hostfd.h"
#include "platform/trap/trap.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

struct list_head *tid_bucket(struct pt_container *c, pid_t tid)
{
	return &c->tids[(unsigned)tid % TID_BUCKETS];
}

static struct pt_thread *find_tid(struct pt_container *c, pid_t tid)
{
	struct pt_thread *pt;

	list_for_each_entry(pt, tid_bucket(c, tid), hash)
		if (pt->tid == tid)
			return pt;
	return NULL;
}

int table_reserve(struct pt_container *c, struct hostfd *file)
{
	for (int i = 1; i < TABLE_MAX; i++)
		if (c->table[i] == file->id) {
			c->busy[i]++;
			return i;
		}
	/* The oldest entry that no order names. A number comes back only after all others were used. */
	for (unsigned n = 1; n < TABLE_MAX; n++) {
		unsigned i = c->table_hand;

		c->table_hand = i + 1 < TABLE_MAX ? i + 1 : 1;
		if (c->busy[i])
			continue;
		c->table[i] = 0;
		c->busy[i] = 1;
		return (int)i;
	}
	return -EMFILE;
}

void table_release(struct pt_container *c, int index)
{
	c->busy[index]--;
}

static int add_fd(struct pt_container *c, uint64_t id, int fd, int at)
{
	struct seccomp_notif_addfd a = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (unsigned)fd,
		.newfd = (unsigned)at,
	};

	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a) < 0 ? -errno : 0;
}

/* Whether tid is what a birth makes: a thread of that address space's process, or a process of its own. Otherwise an older
 * thread of the parent could be born as its child with the token, which it can read, and the process that the kernel
 * then waits for would not exist. */
static bool fits(const struct pt_thread *pt, pid_t tid)
{
	siginfo_t si;

	if (pt->as->pid)
		return syscall(SYS_tgkill, pt->as->pid, tid, 0) == 0;
	return waitid(P_PID, (id_t)tid, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/* Whether pt's host thread is gone: guest code can end it, and the host gives its number to another. */
static bool gone(const struct pt_thread *pt)
{
	return __atomic_load_n(&pt->as->dead, __ATOMIC_SEQ_CST) ||
	       (pt->as->pid && syscall(SYS_tgkill, pt->as->pid, pt->tid, 0) < 0 && errno == ESRCH);
}

/* The first act of a new thread: mapping its slot, with its token. */
static int check_birth(struct pt_container *c, const struct seccomp_notif *n)
{
	const uint64_t *a = (const uint64_t *)n->data.args;
	uint32_t token = (uint32_t)(a[4] >> 32);
	struct pt_thread *pt;
	int r;

	list_for_each_entry(pt, &c->births, birth) {
		const struct place *p = pt->place;

		if (!token || pt->token != token)
			continue;
		if (n->data.nr != SYS_mmap || (uint32_t)a[4] != SLOT_FD || a[1] != SLOT_SIZE ||
		    a[2] != 3 || a[3] != 0x11 || a[5] != p->slot * SLOT_SIZE ||
		    a[0] != AREA_BASE + p->area * AREA_SIZE + SLOT_OFFSET || !fits(pt, (pid_t)n->pid))
			return -EPERM;
		if (!c->has_slot_fd) {
			r = add_fd(c, n->id, trap.slots_fd, SLOT_FD);
			if (r < 0)
				return r;
			c->has_slot_fd = true;
		}
		pt->token = 0;
		pt->tid = (pid_t)n->pid;
		list_del(&pt->birth);
		list_add(&pt->hash, tid_bucket(c, pt->tid));
		return 1;
	}
	return -EPERM;
}

/* A forked child is the one thread of its new address space: its id is the process's. */
static void note_space(struct pt_container *c, pid_t tid, uint64_t id)
{
	struct pt_thread *pt = NULL;
	bool forked;

	mutex_lock(&c->lock);
	pt = find_tid(c, tid);
	forked = pt && pt->as->pid == 0;
	mutex_unlock(&c->lock);
	if (!forked)
		return;
	mutex_lock(&platform_lock);
	pt->as->pid = tid;
	list_add(&pt_as_get(pt->as)->node, &trap.spaces); /* until the reaper has seen it dead */
	mutex_unlock(&platform_lock);
	/* Gone already? Then the reaper may have missed it. */
	if (ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0)
		as_mark_dead(pt->as, 9);
}

static int check_order(struct pt_container *c, struct pt_thread *pt, const struct seccomp_notif *n)
{
	const uint64_t *a = (const uint64_t *)n->data.args;
	struct order *o = &pt->order;
	uint64_t area;
	int at, r;

	switch (o->kind) {
	case ORDER_MMAP:
		if (n->data.nr != SYS_mmap || memcmp(a, o->args, sizeof(o->args)) != 0)
			return -EPERM;
		at = (int)o->args[4];
		if (c->table[at] != o->file->id) {
			r = add_fd(c, n->id, o->file->fd, at);
			if (r < 0)
				return r;
			c->table[at] = o->file->id;
		}
		break;
	case ORDER_CLONE_FORK:
		if (n->data.nr != SYS_clone || a[0] != CLONE_FORK_FLAGS || a[1])
			return -EPERM;
		break;
	case ORDER_CLONE_THREAD:
		area = o->args[2];
		if (n->data.nr != SYS_clone || a[0] != CLONE_THREAD_FLAGS || a[1] <= area ||
		    a[1] > area + ALTSTACK_SIZE ||
		    a[3] != area + SLOT_OFFSET + offsetof(struct slot, tid_word))
			return -EPERM;
		break;
	default:
		return -EPERM;
	}
	o->kind = ORDER_NONE;
	return 0;
}

/* 0: let the call run; else the errno it gets. */
static int decide(struct pt_container *c, const struct seccomp_notif *n)
{
	struct pt_thread *pt;
	int r;

	mutex_lock(&c->lock);
	pt = find_tid(c, (pid_t)n->pid);
	if (pt && gone(pt)) {
		list_del(&pt->hash);
		pt = NULL;
	}
	if (pt)
		r = check_order(c, pt, n);
	else if (n->data.nr == SYS_close_range && c->zygote_closing) {
		c->zygote_closing = false;
		r = 0;
	} else
		r = check_birth(c, n);
	mutex_unlock(&c->lock);
	if (r > 0) {
		note_space(c, (pid_t)n->pid, n->id);
		r = 0;
	}
	return r;
}

static void *receive(void *arg)
{
	struct pt_container *c = arg;

	while (!__atomic_load_n(&c->closing, __ATOMIC_ACQUIRE)) {
		struct seccomp_notif_resp resp = {0};
		struct seccomp_notif n;
		int r;

		memset(&n, 0, sizeof(n));
		if (ioctl(c->listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0) {
			/* Everybody under the filter is dead: poll says so, RECV would spin. */
			if (hio_poll(c->listener, POLLIN, 1000) & (POLLHUP | POLLERR))
				break;
			continue;
		}
		r = decide(c, &n);
		resp.id = n.id;
		resp.error = r;
		resp.flags = r ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 && errno != ENOENT)
			log_error("trap: answering a notification: %s", strerror(errno));
	}
	return NULL;
}

int receiver_start(struct pt_container *c)
{
	/* Linux 6.6: wake the receiver and the stub on the CPU of the waker. Older hosts do without. */
	ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return -pthread_create(&c->receiver, NULL, receive, c);
}

void receiver_stop(struct pt_container *c)
{
	__atomic_store_n(&c->closing, true, __ATOMIC_RELEASE);
	pthread_join(c->receiver, NULL);
}
