/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire to the gofer. Channel 0 carries INIT, CHANNEL and EXIT only; requests use one of up to seven
 * further channels, made when all others are busy. A channel is used by one requester at a time, in
 * lock-step; one whose reply was not waited for is closed.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include "base/log.h"
#include "kernel/fs/fuse/fuse_priv.h"
#include "kernel/task/task.h"

#define CHANNELS (FW_CHANNEL_MAX - 1)
#define FORGET_FLUSH 64 /* waiting FORGETs that go out with the next request */
#define EMFILE_RETRIES 200 /* of a millisecond: the gofer has not yet noticed a closed channel */

__thread bool fuse_thread_stays;

struct fuse_conn {
	struct ref ref;
	int sock; /* channel 0 */
	struct mutex lock; /* RANK_HOSTFD */
	int idle[CHANNELS] GUARDED_BY(lock);
	unsigned nidle, nchannels GUARDED_BY(lock);
	bool ctl_busy GUARDED_BY(lock);
	bool broken; /* atomic */
	uint64_t unique; /* atomic */
	struct waitq free_wait; /* a channel, or channel 0, became free */
	struct fuse_forget_one *forgets GUARDED_BY(lock);
	size_t nforgets, forget_cap GUARDED_BY(lock);
};

struct mutex *fuse_lock(struct fuse_conn *c)
{
	return &c->lock;
}

bool fuse_conn_broken(const struct fuse_conn *c)
{
	return __atomic_load_n(&c->broken, __ATOMIC_ACQUIRE);
}

int fuse_conn_watch_fd(const struct fuse_conn *c)
{
	return c->sock;
}

int fuse_break(struct fuse_conn *c, const char *why)
{
	if (!__atomic_exchange_n(&c->broken, true, __ATOMIC_ACQ_REL))
		log_error("gofer: %s: its files give EIO from now on", why);
	wake_up_all(&c->free_wait, 0);
	return -EIO;
}

/* The caller's sleeper: a task's own, or tmp for threads that are not tasks. */
static struct sleeper *my_sleeper(struct sleeper *tmp)
{
	if (current)
		return &current->sleeper;
	sleeper_init(tmp, NULL);
	return tmp;
}

static void done_sleeper(struct sleeper *s, struct sleeper *tmp)
{
	if (s == tmp)
		sleeper_done(tmp);
}

/* Waits until sock can be read. */
static int wait_readable(int sock)
{
	struct sleeper tmp, *s = my_sleeper(&tmp);
	int r;

	do {
		sleeper_prepare(s);
		r = sleeper_wait_fd(s, sock, POLLIN, TIME_FOREVER, SLEEP_KILLABLE);
		/* > 0 or 0 with the descriptor ready: the receive below tells which */
	} while (r == -EINTR);
	done_sleeper(s, &tmp);
	return r < 0 ? r : 0;
}

/* --- one exchange --------------------------------------------------------------------------------------- */

static int send_request(struct fuse_conn *c, int sock, const struct fuse_call *call, uint64_t *unique)
{
	/* A task's thread is kept on its guest's CPU, and a gofer thread that comes there answers in 11
	 * us instead of 55; behind a thread that wanders it would only be slower. */
	int cpu = current || fuse_thread_stays ? sched_getcpu() : -1;
	struct fuse_in_header h = {
		.len = sizeof(h),
		.opcode = call->opcode,
		.unique = __atomic_add_fetch(&c->unique, 1, __ATOMIC_RELAXED),
		.nodeid = call->nodeid,
		.uid = call->uid,
		.gid = call->gid,
		.fw_cpu = (uint16_t)(cpu < 0 ? 0 : cpu + 1),
	};
	struct iovec iov[4] = {{&h, sizeof(h)}};
	unsigned n = 1;

	for (size_t i = 0; i < ARRAY_SIZE(call->in); i++) {
		if (!call->in[i].n)
			continue;
		h.len += (uint32_t)call->in[i].n;
		iov[n++] = (struct iovec){(void *)(uintptr_t)call->in[i].p, call->in[i].n};
	}
	*unique = h.unique;
	return fw_sendv(sock, iov, n, -1, 0);
}

/* Receives the reply to unique. Replies to earlier requests (channel 0 only, after a kill) are dropped.
 * Returns 0, the reply's error, -ERESTARTSYS, or -EPROTO when the channel is of no more use. */
static int receive_reply(int sock, struct fuse_call *call, uint64_t unique, bool control, bool *lost)
{
	struct fuse_out_header h;
	struct iovec iov[2] = {{&h, sizeof(h)}, {call->out, call->out_cap}};
	int fd = -1;
	ssize_t n;
	int r;

	*lost = true;
	for (;;) {
		n = fw_recvv(sock, iov, call->out_cap ? 2 : 1, &fd, MSG_DONTWAIT);
		if (n == -EAGAIN || n == -EINTR) {
			r = wait_readable(sock);
			if (r < 0)
				return r;
			continue;
		}
		if (n < (ssize_t)sizeof(h))
			break;
		if (control && h.unique != unique && h.len == (uint32_t)n) {
			if (fd >= 0)
				close(TAKE_FD(fd));
			continue;
		}
		break;
	}
	if (n < (ssize_t)sizeof(h) || h.len != (uint32_t)n || h.unique != unique || h.error > 0 ||
	    (h.error < 0 && ((size_t)n != sizeof(h) || fd >= 0)) ||
	    (h.error == 0 && (fd != -1) != (call->ret_fd != NULL)) ||
	    (h.error == 0 && (size_t)n - sizeof(h) < call->out_min)) {
		if (fd >= 0)
			close(fd);
		return n == 0 ? -EPIPE : -EPROTO;
	}
	*lost = false;
	if (fd == -ENFILE)
		return -ENFILE;
	call->out_len = (size_t)n - sizeof(h);
	if (call->ret_fd)
		*call->ret_fd = fd;
	return h.error ? fw_error(h.error) : 0;
}

/* *lost: the channel must not be used again. A gofer that hangs up or lies breaks the connection. */
static int exchange(struct fuse_conn *c, int sock, struct fuse_call *call, bool control, bool *lost)
{
	uint64_t unique;
	int r;

	*lost = true;
	r = send_request(c, sock, call, &unique);
	if (r == -EMSGSIZE) { /* never sent: the caller asked for too much */
		*lost = false;
		return -E2BIG;
	}
	if (r < 0)
		return fuse_break(c, "the connection is gone");
	r = receive_reply(sock, call, unique, control, lost);
	if (*lost && r != -ERESTARTSYS)
		return fuse_break(c, r == -EPIPE ? "it hung up" : "it sent a malformed reply");
	return r;
}

/* --- channels ------------------------------------------------------------------------------------------- */

enum claim { CLAIM_NONE, CLAIM_IDLE, CLAIM_NEW, CLAIM_BROKEN };

/* A channel for the caller: idle, or the right to make one (channel 0 is then claimed too). */
static enum claim try_claim(struct fuse_conn *c, int *ret_sock)
{
	if (fuse_conn_broken(c))
		return CLAIM_BROKEN;
	MUTEX_GUARD(&c->lock);
	if (c->nidle) {
		*ret_sock = c->idle[--c->nidle];
		return CLAIM_IDLE;
	}
	if (c->nchannels < CHANNELS && !c->ctl_busy) {
		c->nchannels++;
		c->ctl_busy = true;
		return CLAIM_NEW;
	}
	return CLAIM_NONE;
}

static void release_control(struct fuse_conn *c, bool made)
{
	mutex_lock(&c->lock);
	c->ctl_busy = false;
	if (!made)
		c->nchannels--;
	mutex_unlock(&c->lock);
	wake_up(&c->free_wait, 0);
}

static int make_channel(struct fuse_conn *c, int *ret_sock)
{
	struct fuse_call call = {.opcode = FW_CHANNEL, .ret_fd = ret_sock};
	struct sleeper tmp, *s;
	bool lost;
	int r;

	for (int i = 0; i < EMFILE_RETRIES; i++) {
		r = exchange(c, c->sock, &call, true, &lost);
		if (r != -EMFILE)
			break;
		s = my_sleeper(&tmp);
		sleeper_prepare(s);
		r = sleeper_sleep(s, now_ns() + 1000000, SLEEP_KILLABLE);
		done_sleeper(s, &tmp);
		if (r == -ERESTARTSYS)
			break;
		r = -EMFILE;
	}
	release_control(c, r == 0);
	return r;
}

static int channel_get(struct fuse_conn *c, int *ret_sock)
{
	enum claim got = try_claim(c, ret_sock);
	struct sleeper tmp, *s;
	int r;

	if (got == CLAIM_NONE) {
		s = my_sleeper(&tmp);
		r = wait_event(&c->free_wait, s, (got = try_claim(c, ret_sock)) != CLAIM_NONE,
			       TIME_FOREVER, SLEEP_KILLABLE);
		done_sleeper(s, &tmp);
		if (r < 0)
			return r;
	}
	switch (got) {
	case CLAIM_IDLE:
		return 0;
	case CLAIM_NEW:
		return make_channel(c, ret_sock);
	default:
		return -EIO;
	}
}

static void channel_put(struct fuse_conn *c, int sock, bool lost)
{
	if (lost)
		close(sock);
	mutex_lock(&c->lock);
	if (lost)
		c->nchannels--;
	else
		c->idle[c->nidle++] = sock;
	mutex_unlock(&c->lock);
	wake_up(&c->free_wait, 0);
}

/* --- forgetting ------------------------------------------------------------------------------------------- */

void fuse_forget(struct fuse_conn *c, uint64_t nodeid, uint64_t nlookup)
{
	MUTEX_GUARD(&c->lock);
	if (c->nforgets == c->forget_cap) {
		size_t cap = c->forget_cap ? c->forget_cap * 2 : FORGET_FLUSH;
		void *p = realloc(c->forgets, cap * sizeof(*c->forgets));

		if (!p)
			return; /* the gofer keeps a node too long: harmless */
		c->forgets = p;
		c->forget_cap = cap;
	}
	c->forgets[c->nforgets] = (struct fuse_forget_one){nodeid, nlookup};
	__atomic_store_n(&c->nforgets, c->nforgets + 1, __ATOMIC_RELAXED); /* fuse_call looks without the lock */
}

/* Sends what waits, if it is worth it. */
static void flush_forgets(struct fuse_conn *c, int sock)
{
	struct fuse_forget_one batch[FW_FORGET_MAX / 2];
	struct fuse_batch_forget_in in = {0};
	uint64_t unique;

	for (;;) {
		struct fuse_call call = {.opcode = FUSE_BATCH_FORGET};
		size_t n;

		mutex_lock(&c->lock);
		n = c->nforgets >= FORGET_FLUSH ? MIN(c->nforgets, ARRAY_SIZE(batch)) : 0;
		__atomic_store_n(&c->nforgets, c->nforgets - n, __ATOMIC_RELAXED);
		if (n)
			memcpy(batch, c->forgets + c->nforgets, n * sizeof(batch[0]));
		mutex_unlock(&c->lock);
		if (!n)
			return;
		in.count = (uint32_t)n;
		call.in[0] = (struct fuse_part){&in, sizeof(in)};
		call.in[1] = (struct fuse_part){batch, n * sizeof(batch[0])};
		(void)!send_request(c, sock, &call, &unique);
	}
}

int fuse_call(struct fuse_conn *c, struct fuse_call *call)
{
	bool lost;
	int sock, r;

	call->out_len = 0;
	if (call->ret_fd)
		*call->ret_fd = -1;
	r = channel_get(c, &sock);
	if (r < 0)
		return r;
	if (__atomic_load_n(&c->nforgets, __ATOMIC_RELAXED) >= FORGET_FLUSH)
		flush_forgets(c, sock);
	r = exchange(c, sock, call, false, &lost);
	channel_put(c, sock, lost);
	return r;
}

void fuse_cast(struct fuse_conn *c, uint32_t opcode, uint64_t nodeid, const void *body, size_t n)
{
	struct fuse_call call = {.opcode = opcode, .nodeid = nodeid, .in = {{body, n}}};
	uint64_t unique;
	int sock;

	mutex_lock(&c->lock);
	sock = c->nidle ? c->idle[--c->nidle] : -1;
	mutex_unlock(&c->lock);
	if (sock < 0)
		return;
	(void)!send_request(c, sock, &call, &unique);
	channel_put(c, sock, false);
}

/* --- life ----------------------------------------------------------------------------------------------- */

static int say_init(struct fuse_conn *c)
{
	struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION, .minor = FW_MINOR};
	struct fuse_init_out out;
	struct fuse_call call = {.opcode = FUSE_INIT, .in = {{&in, sizeof(in)}},
				 .out = &out, .out_min = sizeof(out), .out_cap = sizeof(out)};
	bool lost;
	int r;

	r = exchange(c, c->sock, &call, true, &lost);
	if (r < 0)
		return r;
	return out.major == FUSE_KERNEL_VERSION && out.minor == FW_MINOR ? 0 : -EPROTO;
}

int fuse_conn_new(int sock_fd, struct fuse_conn **ret)
{
	_cleanup_(fuse_conn_putp) struct fuse_conn *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close(sock_fd);
		return -ENOMEM;
	}
	ref_init(&c->ref);
	c->sock = sock_fd;
	mutex_init(&c->lock, RANK_HOSTFD, "fuse connection");
	waitq_init(&c->free_wait);
	r = say_init(c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct fuse_conn *fuse_conn_get(struct fuse_conn *c)
{
	ref_get(&c->ref);
	return c;
}

void fuse_conn_put(struct fuse_conn *c)
{
	if (!c || !ref_put(&c->ref))
		return;
	for (unsigned i = 0; i < c->nidle; i++)
		close(c->idle[i]);
	close(c->sock);
	waitq_done(&c->free_wait);
	mutex_destroy(&c->lock);
	free(c->forgets);
	free(c);
}

void fuse_conn_exit(struct fuse_conn *c, int status)
{
	struct fw_exit_in in = {.status = status};
	struct fuse_call call = {.opcode = FW_EXIT, .in = {{&in, sizeof(in)}}};
	uint64_t unique;

	/* A datagram of its own: needs no turn on channel 0. */
	(void)!send_request(c, c->sock, &call, &unique);
	__atomic_store_n(&c->broken, true, __ATOMIC_RELEASE);
	wake_up_all(&c->free_wait, 0);
}
