/* SPDX-License-Identifier: Apache-2.0 */
/* The platform as a whole, and the host side of a container: its zygote, listener and receiver. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "platform/trap/trap.h"

struct trap trap = {.factory_fd = -1, .proc_fd = -1, .slots_fd = -1};
struct mutex platform_lock = MUTEX_INIT(RANK_HOSTFD, "platform");

int pt_init(const struct platform_params *p)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	int r;

	trap.factory_fd = p->factory_fd;
	trap.proc_fd = p->proc_fd;
	trap.slots_fd = p->slots_fd;
	trap.ncpu = n > 0 ? (unsigned)n : 1;
	if (sched_getaffinity(0, sizeof(trap.cpus), &trap.cpus) < 0)
		return -errno;
	trap.usable = (unsigned)CPU_COUNT(&trap.cpus);
	list_init(&trap.spaces);
	mutex_init(&trap.factory_lock, RANK_EXEC, "factory");
	r = slots_init();
	return r < 0 ? r : reaper_start();
}

void pt_fini(void)
{
	/* The factory ends when its socket closes. */
	close(trap.factory_fd);
	reaper_stop();
	close(trap.slots_fd);
}

static int ask_factory(unsigned slot, pid_t *ret_pid, int *ret_listener)
{
	struct factory_request req = {FACTORY_MAGIC, slot};
	struct factory_reply rep = {0};
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(sizeof(int))];
	} out = {0}, in = {0};
	struct iovec iov = {&req, sizeof(req)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = out.buf,
			   .msg_controllen = sizeof(out.buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &trap.slots_fd, sizeof(int));
	mutex_lock(&trap.factory_lock);
	n = sendmsg(trap.factory_fd, &m, MSG_NOSIGNAL);
	if (n == sizeof(req)) {
		iov = (struct iovec){&rep, sizeof(rep)};
		m = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1, .msg_control = in.buf,
				    .msg_controllen = sizeof(in.buf)};
		do
			n = recvmsg(trap.factory_fd, &m, MSG_CMSG_CLOEXEC);
		while (n < 0 && errno == EINTR);
	}
	mutex_unlock(&trap.factory_lock);
	if (n != sizeof(rep))
		return n < 0 ? -errno : -EPROTO;
	if (rep.error)
		return rep.error < 0 ? rep.error : -EPROTO;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)) || rep.pid <= 0 ||
	    rep.title < AREA_END || rep.title > HOST_STACK_END - STUB_TITLE)
		return -EPROTO;
	__atomic_store_n(&trap.title, rep.title, __ATOMIC_RELAXED); /* one factory: always the same */
	memcpy(ret_listener, CMSG_DATA(c), sizeof(int));
	*ret_pid = rep.pid;
	return 0;
}

static struct pt_container *container_alloc(void)
{
	struct pt_container *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->listener = -1;
	mutex_init(&c->lock, RANK_PLATFORM, "trap container");
	mutex_init(&c->zygote_lock, RANK_EXEC, "zygote");
	list_init(&c->births);
	for (unsigned i = 0; i < TID_BUCKETS; i++)
		list_init(&c->tids[i]);
	c->table_hand = 1;
	c->zygote_closing = true;
	return c;
}

/* The zygote's own thread: its slot is the first area's, and its first message says that it lives in a frame. */
static int zygote_new(struct pt_container *c)
{
	struct pt_as *as = as_new(c);
	struct pt_thread *z;
	pid_t pid;
	int r;

	if (!as)
		return -ENOMEM;
	z = thread_alloc(as);
	r = z ? place_new(as, false, &z->place) : -ENOMEM;
	if (r == 0) {
		z->slot = z->place->map;
		z->slot->turn = TURN_STUB;
		r = ask_factory(z->place->slot, &pid, &c->listener);
	}
	if (r == 0) {
		z->tid = pid;
		as->live = 1;
		mutex_lock(&platform_lock);
		as->pid = pid;
		list_add(&pt_as_get(as)->node, &trap.spaces);
		list_add(&z->node, &as->threads);
		mutex_unlock(&platform_lock);
		c->zygote = z;
		r = receiver_start(c);
	}
	if (r == 0)
		r = handoff_wait(z, monotonic_ns() + 10 * NSEC_PER_SEC);
	if (r == 0) {
		/* The signal frame exists now; the thread may be found by its id only from here on. */
		if (!trap.fp_size)
			trap.fp_size = z->slot->fp_size;
		mutex_lock(&c->lock);
		list_add(&z->hash, tid_bucket(c, pid));
		mutex_unlock(&c->lock);
	} else if (z && !c->zygote) {
		thread_free(z);
	}
	pt_as_put(as);
	return r;
}

int pt_container_new(void (*on_dead)(void *priv, struct pt_as *lost), void *priv, struct pt_container **ret, int *ret_pidfd)
{
	struct pt_container *c = container_alloc();
	int r;

	if (!c)
		return -ENOMEM;
	c->on_dead = on_dead;
	c->priv = priv;
	r = zygote_new(c);
	if (r == 0) {
		*ret_pidfd = (int)syscall(SYS_pidfd_open, c->zygote->tid, 0);
		r = *ret_pidfd < 0 ? -errno : 0;
	}
	if (r < 0) {
		pt_container_free(c);
		return log_errno(r, "trap: making a zygote");
	}
	*ret = c;
	return 0;
}

/* Kills all stubs of c; returns whether any was left alive. */
static bool kill_spaces(struct pt_container *c)
{
	struct pt_as *as;
	bool any = false;

	mutex_lock(&platform_lock);
	list_for_each_entry(as, &trap.spaces, node) {
		if (as->c != c)
			continue;
		any = true;
		kill(as->pid, SIGKILL);
	}
	mutex_unlock(&platform_lock);
	return any;
}

void pt_container_free(struct pt_container *c)
{
	static const struct timespec tick = {0, 1000 * 1000};

	__atomic_store_n(&c->closing, true, __ATOMIC_RELEASE);
	while (kill_spaces(c))
		nanosleep(&tick, NULL);
	if (c->zygote) {
		receiver_stop(c);
		thread_free(c->zygote);
	}
	if (c->listener >= 0)
		close(c->listener);
	mutex_destroy(&c->lock);
	mutex_destroy(&c->zygote_lock);
	free(c);
}
