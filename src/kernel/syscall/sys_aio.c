/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous I/O: io_setup(2) and its family. Reads, writes and syncs are carried out when they are submitted, as on
 * Linux for every file that its file system does not do otherwise for; their results wait in the context.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/time_types.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include "kernel/container.h"
#include "kernel/fs/anon/anon.h"
#include "kernel/kernel.h"
#include "kernel/mm/mm.h"
#include "kernel/signal/internal.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define AIO_MAX_NR 65536U /* /proc/sys/fs/aio-max-nr */
#define CONTEXTS_MAX 4096U

struct aio_ctx {
	struct ref ref;
	uint64_t id; /* address of the page that stands for it in the guest; constant */
	unsigned nr; /* constant */
	struct container *ct; /* charged; own reference */
	struct mutex lock; /* RANK_PIPE */
	unsigned head, count GUARDED_BY(lock);
	unsigned busy GUARDED_BY(lock); /* places kept for what is being carried out */
	bool dead GUARDED_BY(lock);
	struct waitq wait;
	struct io_event ring[] GUARDED_BY(lock);
};

struct aio_table {
	struct mutex lock; /* RANK_TASK */
	unsigned n, cap GUARDED_BY(lock);
	struct aio_ctx **ctx GUARDED_BY(lock);
};

/* --- contexts --- */

static uint64_t ctx_bytes(unsigned nr)
{
	return sizeof(struct aio_ctx) + (uint64_t)nr * sizeof(struct io_event);
}

static void ctx_put(struct aio_ctx *c)
{
	if (!ref_put(&c->ref))
		return;
	__atomic_fetch_sub(&kernel.aio_events, c->nr, __ATOMIC_RELAXED);
	container_uncharge(c->ct, ctx_bytes(c->nr));
	container_put(c->ct);
	waitq_done(&c->wait);
	mutex_destroy(&c->lock);
	free(c);
}
DEFINE_CLEANUP(struct aio_ctx *, ctx_put)

static void ctx_kill(struct aio_ctx *c)
{
	mutex_lock(&c->lock);
	c->dead = true;
	mutex_unlock(&c->lock);
	wake_up_all(&c->wait, 0);
	ctx_put(c);
}

static void table_free(struct aio_table *a)
{
	for (unsigned i = 0; i < a->n; i++)
		ctx_kill(a->ctx[i]);
	free(a->ctx);
	mutex_destroy(&a->lock);
	free(a);
}

static struct aio_table *table_of(struct mm *mm, bool make)
{
	struct aio_table *a = __atomic_load_n(&mm->aio, __ATOMIC_ACQUIRE), *seen = NULL;

	if (a || !make)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	mutex_init(&a->lock, RANK_TASK, "aio");
	mm->aio_free = table_free;
	if (__atomic_compare_exchange_n(&mm->aio, &seen, a, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return a;
	table_free(a);
	return seen;
}

static int table_add(struct aio_table *a, struct aio_ctx *c)
{
	struct aio_ctx **p;
	unsigned cap;

	MUTEX_GUARD(&a->lock);
	if (a->n == CONTEXTS_MAX)
		return -EAGAIN;
	if (a->n == a->cap) {
		cap = MAX(a->cap * 2, 8U);
		p = reallocarray(a->ctx, cap, sizeof(struct aio_ctx *));
		if (!p)
			return -ENOMEM;
		a->ctx = p;
		a->cap = cap;
	}
	a->ctx[a->n++] = c;
	return 0;
}

/* With a reference; take: out of the table, whose reference is the caller's then. NULL: no such context. */
static struct aio_ctx *find_ctx(struct task *t, uint64_t id, bool take)
{
	struct aio_table *a = table_of(t->mm, false);

	if (!a)
		return NULL;
	MUTEX_GUARD(&a->lock);
	for (unsigned i = 0; i < a->n; i++) {
		struct aio_ctx *c = a->ctx[i];

		if (c->id != id)
			continue;
		if (take)
			a->ctx[i] = a->ctx[--a->n];
		else
			ref_get(&c->ref);
		return c;
	}
	return NULL;
}

static int ctx_new(struct task *t, unsigned nr, struct aio_ctx **ret)
{
	struct aio_ctx *c;

	if (__atomic_add_fetch(&kernel.aio_events, nr, __ATOMIC_RELAXED) > AIO_MAX_NR) {
		__atomic_fetch_sub(&kernel.aio_events, nr, __ATOMIC_RELAXED);
		return -EAGAIN;
	}
	c = container_calloc(t->ct, ctx_bytes(nr));
	if (!c) {
		__atomic_fetch_sub(&kernel.aio_events, nr, __ATOMIC_RELAXED);
		return -ENOMEM;
	}
	ref_init(&c->ref);
	c->nr = nr;
	c->ct = t->ct;
	container_get(t->ct);
	mutex_init(&c->lock, RANK_PIPE, "aio context");
	waitq_init(&c->wait);
	*ret = c;
	return 0;
}

/* A context's number is an address that can be read: libraries look there for a ring before they call. This page holds
 * none, so they call. */
static int64_t map_page(struct task *t)
{
	int64_t at = mm_mmap(t, 0, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	if (at >= 0 && mm_madvise(t, (uint64_t)at, GUEST_PAGE_SIZE, MADV_DONTFORK) < 0) {
		(void)!mm_munmap(t, (uint64_t)at, GUEST_PAGE_SIZE);
		return -ENOMEM;
	}
	return at;
}

long sys_io_setup(struct task *t, const struct sysargs *a)
{
	_cleanup_(ctx_putp) struct aio_ctx *c = NULL;
	struct aio_table *table;
	unsigned nr = arg_u32(a, 0);
	uint64_t old;
	int64_t at;
	int r;

	if (copy_in(t, &old, arg_uaddr(a, 1), sizeof(old)) < 0)
		return -EFAULT;
	if (old || !nr || nr > 0x10000000U / sizeof(struct io_event))
		return -EINVAL;
	table = table_of(t->mm, true);
	r = !table ? -ENOMEM : nr > AIO_MAX_NR ? -EAGAIN : ctx_new(t, nr, &c);
	if (r < 0)
		return r;
	at = map_page(t);
	if (at < 0)
		return at;
	c->id = (uint64_t)at;
	r = put_u64(t, arg_uaddr(a, 1), c->id);
	if (r == 0)
		r = table_add(table, c);
	if (r < 0) {
		(void)!mm_munmap(t, (uint64_t)at, GUEST_PAGE_SIZE);
		return r;
	}
	(void)TAKE_PTR(c);
	return 0;
}

long sys_io_destroy(struct task *t, const struct sysargs *a)
{
	struct aio_ctx *c = find_ctx(t, a->v[0], true);

	if (!c)
		return -EINVAL;
	(void)!mm_munmap(t, c->id, GUEST_PAGE_SIZE);
	ctx_kill(c);
	return 0;
}

/* --- submitting --- */

static ssize_t do_rw(struct task *t, const struct iocb *cb, struct file *f, bool write, bool vector)
{
	_cleanup_free_ struct uio_seg *seg = NULL;
	uint64_t pos = (uint64_t)cb->aio_offset, *at = f->op->llseek ? &pos : NULL;
	struct uio u;
	int r;

	if (!(write ? f->can_write : f->can_read))
		return -EBADF;
	if (write ? !f->op->write : !f->op->read)
		return -EINVAL;
	if (cb->aio_offset < 0)
		return -EINVAL;
	if (vector) {
		if (cb->aio_nbytes > UIO_MAXIOV)
			return -EINVAL;
		r = uio_init_iovec(&u, t, uaddr(cb->aio_buf), (unsigned)cb->aio_nbytes, &seg);
		if (r < 0)
			return r;
	} else {
		uio_init_user(&u, t, uaddr(cb->aio_buf), MIN(cb->aio_nbytes, (uint64_t)MAX_RW_COUNT));
	}
	return write ? file_write(f, &u, at, (int)cb->aio_rw_flags) : file_read(f, &u, at, (int)cb->aio_rw_flags);
}

/* Carries cb out. *ret_res: its result. An error that io_submit itself returns: < 0. */
static int carry_out(struct task *t, const struct iocb *cb, struct file *f, int64_t *ret_res)
{
	bool write = cb->aio_lio_opcode == IOCB_CMD_PWRITE || cb->aio_lio_opcode == IOCB_CMD_PWRITEV;
	ssize_t r;

	switch (cb->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		if (cb->aio_rw_flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
			return -EOPNOTSUPP;
		r = do_rw(t, cb, f, write, cb->aio_lio_opcode >= IOCB_CMD_PREADV);
		if (r == -ERESTARTSYS)
			r = -EINTR; /* cannot be begun anew */
		if (r == -EBADF || r == -EINVAL || (r == -EFAULT && cb->aio_lio_opcode >= IOCB_CMD_PREADV))
			return (int)r;
		*ret_res = r;
		return 0;
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		if (cb->aio_buf || cb->aio_offset || cb->aio_nbytes || cb->aio_rw_flags ||
		    (!f->op->fsync && !S_ISREG(f->inode->mode)))
			return -EINVAL;
		*ret_res = !f->op->fsync ? 0 : f->op->fsync(f, cb->aio_lio_opcode == IOCB_CMD_FDSYNC);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Keeps room for one more result until complete() or give_back(). */
static int take_room(struct aio_ctx *c)
{
	MUTEX_GUARD(&c->lock);
	if (c->dead)
		return -EINVAL;
	if (c->count + c->busy >= c->nr)
		return -EAGAIN;
	c->busy++;
	return 0;
}

static void give_back(struct aio_ctx *c)
{
	MUTEX_GUARD(&c->lock);
	c->busy--;
}

static void complete(struct aio_ctx *c, const struct iocb *cb, uint64_t at, int64_t res)
{
	mutex_lock(&c->lock);
	c->ring[(c->head + c->count) % c->nr] = (struct io_event){.data = cb->aio_data, .obj = at, .res = res};
	c->count++;
	c->busy--;
	mutex_unlock(&c->lock);
	wake_up_all(&c->wait, 0);
}

/* cb's file, and the eventfd that it names. */
static int get_files(struct task *t, const struct iocb *cb, struct file **ret, struct file **ret_efd)
{
	*ret = fd_get(t, (int)cb->aio_fildes);
	if (!*ret)
		return -EBADF;
	if (!(cb->aio_flags & IOCB_FLAG_RESFD))
		return 0;
	*ret_efd = fd_get(t, (int)cb->aio_resfd);
	if (!*ret_efd)
		return -EBADF;
	return eventfd_is(*ret_efd) ? 0 : -EINVAL;
}

static int submit_one(struct task *t, struct aio_ctx *c, uint64_t at)
{
	_cleanup_(file_putp) struct file *f = NULL, *efd = NULL;
	struct iocb cb;
	int64_t res = 0;
	int r;

	if (copy_in(t, &cb, uaddr(at), sizeof(cb)) < 0)
		return -EFAULT;
	if (cb.aio_reserved2 || cb.aio_nbytes > INT64_MAX)
		return -EINVAL;
	r = take_room(c);
	if (r < 0)
		return r;
	r = get_files(t, &cb, &f, &efd);
	if (r == 0 && put_u32(t, uaddr(at + offsetof(struct iocb, aio_key)), 0) < 0)
		r = -EFAULT;
	if (r == 0)
		r = carry_out(t, &cb, f, &res);
	if (r < 0) {
		give_back(c);
		return r;
	}
	complete(c, &cb, at, res);
	if (efd)
		eventfd_signal(efd, 1);
	return 0;
}

long sys_io_submit(struct task *t, const struct sysargs *a)
{
	_cleanup_(ctx_putp) struct aio_ctx *c = NULL;
	long nr = (long)a->v[1], done;
	uint64_t at;
	int r = 0;

	if (nr < 0)
		return -EINVAL;
	c = find_ctx(t, a->v[0], false);
	if (!c)
		return -EINVAL;
	nr = MIN(nr, (long)c->nr);
	for (done = 0; done < nr; done++) {
		r = copy_in(t, &at, uaddr_add(arg_uaddr(a, 2), (uint64_t)done * 8), sizeof(at)) < 0 ? -EFAULT
												    : submit_one(t, c, at);
		if (r < 0)
			break;
	}
	return done ? done : r;
}

/* What was submitted is done already. */
long sys_io_cancel(struct task *t, const struct sysargs *a)
{
	_cleanup_(ctx_putp) struct aio_ctx *c = NULL;
	uint32_t key;

	if (copy_in(t, &key, uaddr(a->v[1] + offsetof(struct iocb, aio_key)), sizeof(key)) < 0)
		return -EFAULT;
	c = find_ctx(t, a->v[0], false);
	(void)key;
	return -EINVAL;
}

/* --- results --- */

/* Moves at most n results to ev. */
static unsigned take_events(struct aio_ctx *c, struct io_event *ev, unsigned n)
{
	unsigned k;

	MUTEX_GUARD(&c->lock);
	for (k = 0; k < n && c->count; k++) {
		ev[k] = c->ring[c->head];
		c->head = (c->head + 1) % c->nr;
		c->count--;
	}
	return k;
}

static bool has_events(struct aio_ctx *c)
{
	MUTEX_GUARD(&c->lock);
	return c->count || c->dead;
}

static bool is_dead(struct aio_ctx *c)
{
	MUTEX_GUARD(&c->lock);
	return c->dead;
}

static long get_events(struct task *t, struct aio_ctx *c, long min, long nr, uaddr_t to, uint64_t deadline)
{
	struct io_event ev[16];
	long got = 0;

	for (;;) {
		unsigned n = take_events(c, ev, (unsigned)MIN(nr - got, (long)ARRAY_SIZE(ev)));
		int r;

		if (n && copy_out(t, uaddr_add(to, (uint64_t)got * sizeof(*ev)), ev, n * sizeof(*ev)) < 0)
			return got ? got : -EFAULT;
		got += n;
		if (n && got < nr)
			continue;
		if (got >= min || got == nr)
			return got;
		if (is_dead(c))
			return got ? got : -EINVAL;
		r = wait_event(&c->wait, &t->sleeper, has_events(c), deadline, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return got || r == -ETIMEDOUT ? got : -EINTR;
	}
}

static long do_getevents(struct task *t, const struct sysargs *a)
{
	_cleanup_(ctx_putp) struct aio_ctx *c = NULL;
	long min = (long)a->v[1], nr = (long)a->v[2];
	uint64_t deadline = TIME_FOREVER;
	struct __kernel_timespec ts;

	if (a->v[4]) {
		if (copy_in(t, &ts, arg_uaddr(a, 4), sizeof(ts)) < 0)
			return -EFAULT;
		if (ts.tv_sec < 9000000000LL && ts.tv_sec >= 0)
			deadline = now_ns() + (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
		else if (ts.tv_sec < 0)
			deadline = 0;
	}
	c = find_ctx(t, a->v[0], false);
	if (!c || min < 0 || min > nr)
		return -EINVAL;
	return get_events(t, c, min, nr, arg_uaddr(a, 3), deadline);
}

long sys_io_getevents(struct task *t, const struct sysargs *a)
{
	return do_getevents(t, a);
}

long sys_io_pgetevents(struct task *t, const struct sysargs *a)
{
	uint64_t sig[2] = {0, 0};
	ksigset_t m;
	long r;

	if (a->v[5] && copy_in(t, sig, arg_uaddr(a, 5), sizeof(sig)) < 0)
		return -EFAULT;
	if (sig[0]) {
		if (sig[1] != sizeof(m))
			return -EINVAL;
		if (copy_in(t, &m, uaddr(sig[0]), sizeof(m)) < 0)
			return -EFAULT;
		set_temporary_mask(t, m);
	}
	r = do_getevents(t, a);
	return r == -EINTR ? -ERESTARTNOHAND : r;
}
