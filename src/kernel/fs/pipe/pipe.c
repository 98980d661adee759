/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe is a ring of page buffers under p->lock. Data never crosses to or from guest memory with the
 * lock held: a writer fills a page of its own first and then links it in; a reader marks the pipe busy,
 * copies from the head page (which only it may remove), and then takes the lock to consume.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "kernel/container.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#define PAGE 4096U
#define PIPE_DEF_SLOTS 16U

struct pipe_buf {
	uint8_t *page;
	uint32_t off, len;
	bool packet; /* O_DIRECT write: one read takes exactly this */
};

struct pipe {
	struct mutex lock; /* RANK_PIPE */
	struct pipe_buf *bufs GUARDED_BY(lock);
	unsigned slots, head, used GUARDED_BY(lock);
	unsigned reserved GUARDED_BY(lock); /* free slots that a splice under way will fill */
	unsigned readers, writers GUARDED_BY(lock);
	unsigned r_counter, w_counter GUARDED_BY(lock); /* opens so far: an opener waits for a change */
	unsigned files;	    /* guarded by the inode's lock */
	bool read_busy GUARDED_BY(lock);
	struct waitq rd_wait, wr_wait;
	struct pipe_user *user; /* constant: accounted there */
	struct container *ct; /* charged; NULL for none; containers live as long as the kernel */
};

/* --- how much of them a user may have --- */

int pipe_user_pages_soft = 16384, pipe_user_pages_hard, pipe_max_size = PIPE_MAX_BYTES;

struct pipe_user {
	struct pipe_user *next;
	uint32_t uid;
	unsigned pages, pipes;
};
static struct mutex user_lock = MUTEX_INIT(RANK_HOSTFD, "users of pipes");
static struct pipe_user *users; /* user_lock: those who have pipes */

/* Are pages, together with what the user has, past a limit? Root is under none. */
static bool past(const struct pipe_user *u, unsigned pages, const int *limit)
{
	int max = __atomic_load_n(limit, __ATOMIC_RELAXED);

	return max && u->pages + pages > (unsigned)max && !capable(current->cred, CAP_SYS_RESOURCE) &&
	       !capable(current->cred, CAP_SYS_ADMIN);
}

/* One more pipe of the caller: its pages, fewer past the soft limit; 0: none past the hard one, or no memory. */
static unsigned user_join(struct pipe *p)
{
	uint32_t uid = current ? current->cred->uid.v : 0;
	unsigned pages = PIPE_DEF_SLOTS;
	struct pipe_user *u;

	MUTEX_GUARD(&user_lock);
	for (u = users; u && u->uid != uid; u = u->next)
		;
	if (!u) {
		u = calloc(1, sizeof(*u));
		if (!u)
			return 0;
		u->uid = uid;
		u->next = users;
		users = u;
	}
	if (current && past(u, pages, &pipe_user_pages_soft))
		pages = 2;
	if (current && past(u, pages, &pipe_user_pages_hard))
		pages = 0;
	p->user = u;
	u->pages += pages;
	u->pipes++;
	return pages;
}

static void user_leave(struct pipe *p)
{
	struct pipe_user **l = &users;

	MUTEX_GUARD(&user_lock);
	p->user->pages -= p->slots;
	if (--p->user->pipes)
		return;
	while (*l != p->user)
		l = &(*l)->next;
	*l = p->user->next;
	free(p->user);
}

/* The pipe is to have want slots instead. */
static int user_change(struct pipe *p, unsigned want)
{
	MUTEX_GUARD(&user_lock);
	if (want > p->slots && (past(p->user, want - p->slots, &pipe_user_pages_soft) ||
				past(p->user, want - p->slots, &pipe_user_pages_hard)))
		return -EPERM;
	p->user->pages = p->user->pages - p->slots + want;
	return 0;
}

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->slots = user_join(p);
	p->bufs = p->slots ? calloc(p->slots, sizeof(*p->bufs)) : NULL;
	if (!p->bufs) {
		if (p->user)
			user_leave(p);
		free(p);
		return NULL;
	}
	mutex_init(&p->lock, RANK_PIPE, "pipe");
	waitq_init(&p->rd_wait);
	waitq_init(&p->wr_wait);
	if (current && current->ct) {
		p->ct = current->ct;
	}
	return p;
}

static uint8_t *page_get(struct pipe *p)
{
	uint8_t *page;

	if (p->ct && container_charge(p->ct, PAGE) < 0)
		return NULL;
	page = malloc(PAGE);
	if (!page && p->ct)
		container_uncharge(p->ct, PAGE);
	return page;
}

static void page_put(struct pipe *p, uint8_t *page)
{
	if (!page)
		return;
	free(page);
	if (p->ct)
		container_uncharge(p->ct, PAGE);
}

static void pipe_free(struct pipe *p)
{
	for (unsigned i = 0; i < p->used; i++)
		page_put(p, p->bufs[(p->head + i) % p->slots].page);
	user_leave(p);
	waitq_done(&p->rd_wait);
	waitq_done(&p->wr_wait);
	mutex_destroy(&p->lock);
	free(p->bufs);
	free(p);
}

static struct pipe_buf *pipe_last(struct pipe *p)
{
	return p->used ? &p->bufs[(p->head + p->used - 1) % p->slots] : NULL;
}

/* Can n ≤ PAGE bytes go in at once? Lock held. */
static bool pipe_has_room(struct pipe *p, uint32_t n, bool packet)
{
	struct pipe_buf *b = pipe_last(p);

	if (p->used + p->reserved < p->slots)
		return true;
	/* What a splice brings comes behind what is there now. */
	return b && !p->reserved && !packet && !b->packet && b->off + b->len + n <= PAGE;
}

/* --- reading --- */

static bool pipe_can_read(struct pipe *p)
{
	MUTEX_GUARD(&p->lock);
	return !p->read_busy && (p->used || !p->writers);
}

/* Becomes the one reader. 1: data; 0: end of file; -errno. */
static int pipe_begin_read(struct pipe *p, bool nonblock)
{
	for (;;) {
		int r = 1;

		mutex_lock(&p->lock);
		if (!p->read_busy) {
			if (p->used) {
				p->read_busy = true;
				mutex_unlock(&p->lock);
				return 1;
			}
			r = p->writers ? (nonblock ? -EAGAIN : 1) : 0;
			if (r <= 0) {
				mutex_unlock(&p->lock);
				return r;
			}
		}
		mutex_unlock(&p->lock);
		r = wait_event(&p->rd_wait, &current->sleeper, pipe_can_read(p), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
}

/* The one reader is done; slots were freed, if any, of a ring that was_full. Called with the lock, which is let go. */
static void pipe_end_read(struct pipe *p, bool was_full)
{
	bool more;

	p->read_busy = false;
	more = p->used || !p->writers;
	mutex_unlock(&p->lock);
	if (was_full)
		wake_up(&p->wr_wait, EPOLLOUT | EPOLLWRNORM);
	if (more)
		wake_up(&p->rd_wait, EPOLLIN | EPOLLRDNORM);
}

static ssize_t pipe_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct pipe *p = f->priv;
	bool nonblock = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT);
	bool was_full = false;
	ssize_t total = 0;
	int r;

	if (!u->resid)
		return 0;
	r = pipe_begin_read(p, nonblock);
	if (r <= 0)
		return r;
	mutex_lock(&p->lock);
	while (p->used && u->resid) {
		struct pipe_buf b = p->bufs[p->head], *h;
		size_t n = MIN((size_t)b.len, u->resid);
		ssize_t got;

		mutex_unlock(&p->lock);
		got = uio_copy_to(u, b.page + b.off, n);
		mutex_lock(&p->lock);
		if (got < 0) {
			if (!total)
				total = got;
			break;
		}
		total += got;
		h = &p->bufs[p->head];
		h->off += (uint32_t)got;
		h->len -= (uint32_t)got;
		if (!h->len || (b.packet && (size_t)got == n)) {
			page_put(p, h->page);
			h->page = NULL;
			/* Asked here, because a writer may have filled it up during the copy. */
			was_full |= p->used == p->slots;
			p->head = (p->head + 1) % p->slots;
			p->used--;
		}
		if (b.packet || (size_t)got < n)
			break;
	}
	pipe_end_read(p, was_full);
	return total;
}

/* --- writing --- */

static bool pipe_can_write(struct pipe *p, uint32_t n, bool packet)
{
	MUTEX_GUARD(&p->lock);
	return !p->readers || pipe_has_room(p, n, packet);
}

/* Links *page (n bytes) in, or merges it into the last one. 0, -EPIPE, -EAGAIN when full.
 * Takes *page over when it became part of the ring. */
static int pipe_push(struct pipe *p, uint8_t **page, uint32_t n, bool packet)
{
	struct pipe_buf *b;

	mutex_lock(&p->lock);
	if (!p->readers) {
		mutex_unlock(&p->lock);
		return -EPIPE;
	}
	b = pipe_last(p);
	if (b && !p->reserved && !packet && !b->packet && b->off + b->len + n <= PAGE) {
		memcpy(b->page + b->off + b->len, *page, n);
		b->len += n;
	} else if (p->used + p->reserved < p->slots) {
		b = &p->bufs[(p->head + p->used) % p->slots];
		*b = (struct pipe_buf){TAKE_PTR(*page), 0, n, packet};
		p->used++;
	} else {
		mutex_unlock(&p->lock);
		return -EAGAIN;
	}
	mutex_unlock(&p->lock);
	/* Edge-triggered watchers hear of every write; sleepers only wait while it is empty. */
	wake_up(&p->rd_wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static int pipe_write_chunk(struct pipe *p, struct uio *u, bool nonblock, bool packet)
{
	uint32_t n = (uint32_t)MIN(u->resid, (size_t)PAGE);
	uint8_t *page = NULL;
	ssize_t got;
	int r;

	for (;;) {
		mutex_lock(&p->lock);
		r = !p->readers ? -EPIPE : pipe_has_room(p, n, packet) ? 0 : -EAGAIN;
		mutex_unlock(&p->lock);
		if (r == -EPIPE)
			break;
		if (r == 0) {
			page = page ? page : page_get(p);
			if (!page)
				return -ENOMEM;
			got = uio_copy_from(u, page, n);
			if (got <= 0) {
				r = got < 0 ? (int)got : -EFAULT;
				break;
			}
			r = pipe_push(p, &page, (uint32_t)got, packet);
			if (r == 0) {
				r = (int)got;
				break;
			}
			uio_revert(u, (size_t)got);
			if (r == -EPIPE)
				break;
		}
		if (nonblock)
			break;
		r = wait_event(&p->wr_wait, &current->sleeper, pipe_can_write(p, n, packet),
			       TIME_FOREVER, SLEEP_INTERRUPTIBLE);
		if (r < 0)
			break;
	}
	page_put(p, page);
	return r;
}

static ssize_t pipe_write(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	struct pipe *p = f->priv;
	bool nonblock = (f->flags & O_NONBLOCK) || (flags & RWF_NOWAIT);
	bool packet = f->flags & O_DIRECT, gone;
	ssize_t total = 0;
	int r = 0;

	while (u->resid) {
		r = pipe_write_chunk(p, u, nonblock, packet);
		if (r < 0)
			break;
		total += r;
	}
	mutex_lock(&p->lock);
	gone = !p->readers && r == -EPIPE;
	mutex_unlock(&p->lock);
	if (gone)
		(void)send_signal_task(current, SIGPIPE, NULL);
	return total ? total : r;
}

/* --- splicing --- */

/* Copies what comes first, at most cap bytes, and leaves it there. The caller is the one reader. */
static size_t pipe_peek(struct pipe *p, uint8_t *buf, size_t cap)
{
	size_t done = 0;

	MUTEX_GUARD(&p->lock);
	for (unsigned i = 0; i < p->used && done < cap; i++) {
		const struct pipe_buf *b = &p->bufs[(p->head + i) % p->slots];
		size_t n = MIN((size_t)b->len, cap - done);

		memcpy(buf + done, b->page + b->off, n);
		done += n;
	}
	return done;
}

/* Takes n bytes away that pipe_peek has shown. True when that made room in a full pipe. */
static bool pipe_consume(struct pipe *p, size_t n)
{
	bool was_full = false;

	MUTEX_GUARD(&p->lock);
	while (n && p->used) {
		struct pipe_buf *b = &p->bufs[p->head];
		uint32_t k = (uint32_t)MIN((size_t)b->len, n);

		b->off += k;
		b->len -= k;
		n -= k;
		if (b->len)
			break;
		page_put(p, b->page);
		b->page = NULL;
		was_full |= p->used + p->reserved >= p->slots;
		p->head = (p->head + 1) % p->slots;
		p->used--;
	}
	return was_full;
}

static bool pipe_has_slot(struct pipe *p)
{
	MUTEX_GUARD(&p->lock);
	return !p->readers || p->used + p->reserved < p->slots;
}

int pipe_reserve(struct file *f, unsigned want, bool nonblock)
{
	struct pipe *p = f->priv;
	unsigned n;
	int r;

	for (;;) {
		mutex_lock(&p->lock);
		r = p->readers ? 0 : -EPIPE;
		n = MIN(want, p->slots - p->used - p->reserved);
		if (r == 0)
			p->reserved += n;
		mutex_unlock(&p->lock);
		if (r == -EPIPE)
			(void)send_signal_task(current, SIGPIPE, NULL);
		if (r < 0 || n)
			return r < 0 ? r : (int)n;
		if (nonblock)
			return -EAGAIN;
		r = wait_event(&p->wr_wait, &current->sleeper, pipe_has_slot(p), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
}

ssize_t pipe_give(struct file *f, unsigned reserved, const void *buf, size_t n)
{
	struct pipe *p = f->priv;
	const uint8_t *from = buf;
	size_t done = 0;
	bool room;

	while (done < n && reserved) {
		uint32_t k = (uint32_t)MIN(n - done, (size_t)PAGE);
		uint8_t *page = page_get(p);

		if (!page)
			break;
		memcpy(page, from + done, k);
		mutex_lock(&p->lock);
		p->bufs[(p->head + p->used) % p->slots] = (struct pipe_buf){page, 0, k, false};
		p->used++;
		p->reserved--;
		mutex_unlock(&p->lock);
		reserved--;
		done += k;
	}
	mutex_lock(&p->lock);
	p->reserved -= reserved;
	room = reserved && p->used + p->reserved < p->slots;
	mutex_unlock(&p->lock);
	if (done)
		wake_up(&p->rd_wait, EPOLLIN | EPOLLRDNORM);
	if (room)
		wake_up(&p->wr_wait, EPOLLOUT | EPOLLWRNORM);
	return done || !n ? (ssize_t)done : -ENOMEM;
}

ssize_t pipe_drain(struct file *f, size_t len, bool nonblock, pipe_sink sink, void *arg)
{
	struct pipe *p = f->priv;
	_cleanup_free_ uint8_t *buf = malloc(PIPE_CHUNK);
	bool was_full = false;
	ssize_t done = 0, w;
	size_t n;
	int r;

	if (!buf)
		return -ENOMEM;
	r = pipe_begin_read(p, nonblock);
	if (r <= 0)
		return r;
	while ((size_t)done < len) {
		n = pipe_peek(p, buf, MIN(len - (size_t)done, (size_t)PIPE_CHUNK));
		if (!n)
			break;
		w = sink(arg, buf, n);
		if (w > 0)
			was_full |= pipe_consume(p, (size_t)w);
		if (w <= 0 && !done)
			done = w;
		if (w <= 0)
			break;
		done += w;
		if ((size_t)w < n)
			break;
	}
	mutex_lock(&p->lock);
	pipe_end_read(p, was_full);
	return done;
}

/* The data of in goes to, or shows up in, out: once, as much as is there and fits. */
static ssize_t pipe_to_pipe(struct file *in, struct file *out, size_t len, bool nonblock, bool take)
{
	struct pipe *pi = in->priv;
	_cleanup_free_ uint8_t *buf = malloc(PIPE_CHUNK);
	bool was_full = false;
	int slots, r;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	for (;;) {
		slots = pipe_reserve(out, (unsigned)MIN((len + PAGE - 1) / PAGE, (size_t)PIPE_CHUNK / PAGE),
				     nonblock);
		if (slots < 0)
			return slots;
		/* Never asleep with the other pipe's room taken. */
		r = pipe_begin_read(pi, true);
		if (r == 1)
			break;
		(void)pipe_give(out, (unsigned)slots, NULL, 0);
		if (r != -EAGAIN || nonblock)
			return r;
		r = wait_event(&pi->rd_wait, &current->sleeper, pipe_can_read(pi), TIME_FOREVER,
			       SLEEP_INTERRUPTIBLE);
		if (r < 0)
			return r;
	}
	n = (ssize_t)pipe_peek(pi, buf, MIN(len, (size_t)(unsigned)slots * PAGE));
	n = pipe_give(out, (unsigned)slots, buf, (size_t)n);
	if (take && n > 0)
		was_full = pipe_consume(pi, (size_t)n);
	mutex_lock(&pi->lock);
	pipe_end_read(pi, was_full);
	return n;
}

ssize_t pipe_move(struct file *in, struct file *out, size_t len, bool nonblock)
{
	return pipe_to_pipe(in, out, len, nonblock, true);
}

ssize_t pipe_tee(struct file *in, struct file *out, size_t len, bool nonblock)
{
	return pipe_to_pipe(in, out, len, nonblock, false);
}

/* --- the rest of the operations --- */

static uint32_t pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->priv;
	uint32_t m = 0;

	if (f->can_read)
		poll_wait(pt, &p->rd_wait);
	if (f->can_write)
		poll_wait(pt, &p->wr_wait);
	MUTEX_GUARD(&p->lock);
	if (f->can_read) {
		if (p->used)
			m |= EPOLLIN | EPOLLRDNORM;
		/* A FIFO opened for reading before any writer came has no hang-up yet. */
		if (!p->writers && p->w_counter)
			m |= EPOLLHUP;
	}
	if (f->can_write) {
		if (p->used + p->reserved < p->slots)
			m |= EPOLLOUT | EPOLLWRNORM;
		if (!p->readers)
			m |= EPOLLERR;
	}
	return m;
}

static long pipe_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	struct pipe *p = f->priv;
	uint32_t n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	for (unsigned i = 0; i < p->used; i++)
		n += p->bufs[(p->head + i) % p->slots].len;
	mutex_unlock(&p->lock);
	return put_u32(t, uaddr(arg), n);
}

static void pipe_close_end(struct pipe *p, const struct file *f)
{
	mutex_lock(&p->lock);
	if (f->can_read)
		p->readers--;
	if (f->can_write)
		p->writers--;
	mutex_unlock(&p->lock);
	wake_up_all(&p->rd_wait, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
	wake_up_all(&p->wr_wait, EPOLLOUT | EPOLLWRNORM | EPOLLERR);
}

static void pipe_drop(struct inode *inode, struct pipe *p)
{
	bool last;

	mutex_lock(&inode->lock);
	last = --p->files == 0;
	if (last)
		inode->pipe = NULL;
	mutex_unlock(&inode->lock);
	if (last)
		pipe_free(p);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->priv;

	if (!p)
		return;
	pipe_close_end(p, f);
	pipe_drop(f->inode, p);
}

static bool counter_moved(struct pipe *p, const unsigned *c, unsigned old)
{
	MUTEX_GUARD(&p->lock);
	return *c != old;
}

/* Waits until somebody opens the other end. */
static int fifo_wait_peer(struct pipe *p, const unsigned *counter, unsigned old)
{
	return wait_event(&p->rd_wait, &current->sleeper, counter_moved(p, counter, old),
			  TIME_FOREVER, SLEEP_INTERRUPTIBLE);
}

static int fifo_open(struct inode *inode, struct file *f)
{
	bool nonblock = f->flags & O_NONBLOCK;
	bool anonymous = inode->sb == anon_super(); /* /proc/PID/fd/N of a pipe: nobody is waited for */
	unsigned old_r, old_w, readers, writers;
	struct pipe *p;
	int r = 0;

	mutex_lock(&inode->lock);
	p = inode->pipe;
	if (!p)
		p = inode->pipe = pipe_alloc();
	if (p)
		p->files++;
	mutex_unlock(&inode->lock);
	if (!p)
		return -ENOMEM;

	mutex_lock(&p->lock);
	old_r = p->r_counter;
	old_w = p->w_counter;
	if (!anonymous && f->can_write && !f->can_read && nonblock && !p->readers) {
		mutex_unlock(&p->lock);
		pipe_drop(inode, p);
		return -ENXIO;
	}
	if (f->can_read) {
		p->readers++;
		p->r_counter++;
	}
	if (f->can_write) {
		p->writers++;
		p->w_counter++;
	}
	readers = p->readers;
	writers = p->writers;
	mutex_unlock(&p->lock);
	wake_up_all(&p->rd_wait, 0);
	wake_up_all(&p->wr_wait, 0);
	if (anonymous)
		r = 0;
	else if (f->can_read && !writers && !nonblock)
		r = fifo_wait_peer(p, &p->w_counter, old_w);
	else if (f->can_write && !readers)
		r = fifo_wait_peer(p, &p->r_counter, old_r);
	if (r < 0) {
		pipe_close_end(p, f);
		pipe_drop(inode, p);
		return r;
	}
	f->priv = p;
	return 0;
}

const struct file_ops fifo_file_ops = {
	.open = fifo_open,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
};

bool file_is_pipe(const struct file *f)
{
	return f->op == &fifo_file_ops;
}

int pipe_new_files(uint32_t flags, struct file **ret_read, struct file **ret_write)
{
	_cleanup_(file_putp) struct file *rf = NULL;
	struct pipe *p = pipe_alloc();
	int r;

	if (!p)
		return -ENFILE; /* as Linux says it, whatever was lacking */
	p->files = 1;
	p->readers = p->r_counter = 1;
	r = anon_file_new("pipe", &fifo_file_ops, p, O_RDONLY | flags, S_IFIFO | 0600, &rf);
	if (r < 0) {
		pipe_free(p);
		return r;
	}
	rf->inode->fop = &fifo_file_ops;
	mutex_lock(&rf->inode->lock);
	rf->inode->pipe = p;
	mutex_unlock(&rf->inode->lock);
	r = file_open_path(&rf->path, O_WRONLY | flags, current->cred, ret_write);
	if (r < 0)
		return r;
	*ret_read = TAKE_PTR(rf);
	return 0;
}

static long pipe_resize(struct pipe *p, uint64_t bytes)
{
	unsigned want = 1;
	struct pipe_buf *nb;
	int r;

	if (bytes > INT_MAX)
		return -EINVAL;
	if (bytes > (unsigned)__atomic_load_n(&pipe_max_size, __ATOMIC_RELAXED) && !capable(current->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	if (bytes > 16U * PIPE_MAX_BYTES)
		return -EPERM;
	while ((uint64_t)want * PAGE < bytes)
		want *= 2;
	nb = calloc(want, sizeof(*nb));
	if (!nb)
		return -ENOMEM;
	mutex_lock(&p->lock);
	r = p->used + p->reserved > want || p->read_busy ? -EBUSY : user_change(p, want);
	if (r < 0) {
		mutex_unlock(&p->lock);
		free(nb);
		return r;
	}
	for (unsigned i = 0; i < p->used; i++)
		nb[i] = p->bufs[(p->head + i) % p->slots];
	free(p->bufs);
	p->bufs = nb;
	p->head = 0;
	p->slots = want;
	mutex_unlock(&p->lock);
	wake_up(&p->wr_wait, EPOLLOUT | EPOLLWRNORM);
	return (long)want * PAGE;
}

long pipe_fcntl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pipe *p = f->priv;

	if (!file_is_pipe(f))
		return -EBADF;
	if (cmd == F_SETPIPE_SZ)
		return pipe_resize(p, arg);
	if (cmd != F_GETPIPE_SZ)
		return -EINVAL;
	MUTEX_GUARD(&p->lock);
	return (long)p->slots * PAGE;
}
