/* SPDX-License-Identifier: Apache-2.0 */
/* poll, ppoll, select, pselect6. */
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/personality.h>
#include "kernel/syscall/pollset.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

/* --- the waiting part, shared by both families --- */

static void set_queue(struct poll_table *pt, struct waitq *q)
{
	struct pollset *s = container_of(pt, struct pollset, pt);
	struct pollset_entry *e;

	if (s->err)
		return;
	e = s->ninline < ARRAY_SIZE(s->inline_entries) ? &s->inline_entries[s->ninline++] :
							   malloc(sizeof(*e));
	if (!e) {
		s->err = -ENOMEM;
		return;
	}
	wait_entry_init(&e->we, s->sleeper);
	e->we.events = pt->events | EPOLLERR | EPOLLHUP;
	e->next = s->entries;
	s->entries = e;
	waitq_add(q, &e->we);
}

static void set_hostfd(struct poll_table *pt, int fd, short events)
{
	struct pollset *s = container_of(pt, struct pollset, pt);
	struct pollfd *n;

	if (s->nhost == s->host_cap) {
		n = reallocarray(s->host, s->host_cap + 8, sizeof(*n));
		if (!n) {
			s->err = -ENOMEM;
			return;
		}
		s->host = n;
		s->host_cap += 8;
	}
	/* Only what the caller asked for: else an uninteresting event would spin. */
	events &= (short)(pt->events | POLLERR | POLLHUP);
	s->host[s->nhost++] = (struct pollfd){fd, events, 0};
}

void pollset_init(struct pollset *s, struct sleeper *sleeper)
{
	memset(s, 0, offsetof(struct pollset, inline_entries));
	s->pt = (struct poll_table){.queue = set_queue, .hostfd = set_hostfd};
	s->sleeper = sleeper;
}

void pollset_done(struct pollset *s)
{
	while (s->entries) {
		struct pollset_entry *e = s->entries;

		s->entries = e->next;
		waitq_del(&e->we);
		if (e < s->inline_entries || e >= s->inline_entries + ARRAY_SIZE(s->inline_entries))
			free(e);
	}
	free(s->host);
	s->host = NULL;
}

int pollset_sleep(struct pollset *s, uint64_t deadline)
{
	if (s->err)
		return s->err;
	if (!s->nhost)
		return sleeper_sleep(s->sleeper, deadline, SLEEP_INTERRUPTIBLE);
	return sleeper_sleep_fds(s->sleeper, s->host, s->nhost, deadline, SLEEP_INTERRUPTIBLE);
}

/* Absolute deadline of a relative timespec; tv must be valid. */
static uint64_t deadline_of(uint64_t sec, uint64_t nsec)
{
	uint64_t now = now_ns();

	if (sec > (TIME_FOREVER - now) / NSEC_PER_SEC - 2)
		return TIME_FOREVER;
	return now + sec * NSEC_PER_SEC + nsec;
}

/* Linux writes the time left back, unless that fails or the personality forbids it; the result stands. */
static void put_timeleft(struct task *t, uaddr_t p, uint64_t deadline, bool micro)
{
	uint64_t now = now_ns(), left = deadline > now ? deadline - now : 0;
	int64_t v[2] = {(int64_t)(left / NSEC_PER_SEC),
			(int64_t)(left % NSEC_PER_SEC) / (micro ? 1000 : 1)};

	if (t->personality & STICKY_TIMEOUTS)
		return;
	if (!uaddr_null(p) && copy_out(t, p, v, sizeof(v)) < 0)
		return;
}

static int get_sigmask(struct task *t, uaddr_t p, uint64_t size)
{
	ksigset_t m;
	int r;

	if (uaddr_null(p))
		return 0;
	if (size != sizeof(m))
		return -EINVAL;
	r = copy_in(t, &m, p, sizeof(m));
	if (r == 0)
		set_temporary_mask(t, m);
	return r;
}

/* --- poll --- */

static uint32_t poll_one(struct file *f, short events, struct pollset *s)
{
	uint32_t want = (uint32_t)(unsigned short)events | EPOLLERR | EPOLLHUP;

	if (!f)
		return POLLNVAL;
	if (s)
		s->pt.events = want;
	return file_poll(f, s ? &s->pt : NULL) & want;
}

static int poll_scan(struct pollfd *p, struct file **files, unsigned n, struct pollset *s)
{
	int ready = 0;

	for (unsigned i = 0; i < n; i++) {
		p[i].revents = p[i].fd < 0 ? 0 : (short)poll_one(files[i], p[i].events, s);
		if (p[i].revents) {
			ready++;
			s = NULL; /* no need to register any more */
		}
	}
	return ready;
}

static long poll_wait_ready(struct task *t, struct pollfd *p, struct file **files, unsigned n,
			    uint64_t deadline)
{
	struct pollset s;
	bool first = true;
	int ready, r = 0;

	pollset_init(&s, &t->sleeper);
	for (;;) {
		sleeper_prepare(&t->sleeper);
		ready = poll_scan(p, files, n, first && deadline ? &s : NULL);
		first = false;
		if (ready || r == -ETIMEDOUT || deadline == 0)
			break;
		r = pollset_sleep(&s, deadline);
		if (r < 0 && r != -ETIMEDOUT) {
			ready = r;
			break;
		}
	}
	pollset_done(&s);
	return ready;
}

static long do_poll(struct task *t, uaddr_t up, unsigned n, uint64_t deadline)
{
	_cleanup_free_ struct pollfd *p = NULL;
	_cleanup_free_ struct file **files = NULL;
	long ready;
	int r;

	if (n > task_rlimit(t, RLIMIT_NOFILE))
		return -EINVAL;
	p = calloc(n + 1UL, sizeof(*p));
	files = calloc(n + 1UL, sizeof(struct file *));
	if (!p || !files)
		return -ENOMEM;
	r = copy_in(t, p, up, n * sizeof(*p));
	if (r < 0)
		return r;
	for (unsigned i = 0; i < n; i++)
		files[i] = p[i].fd >= 0 ? fd_get(t, p[i].fd) : NULL;
	ready = poll_wait_ready(t, p, files, n, deadline);
	for (unsigned i = 0; i < n; i++)
		if (files[i])
			file_put(files[i]);
	if (ready >= 0 && n) {
		r = copy_out(t, up, p, n * sizeof(*p));
		if (r < 0)
			return r;
	}
	return ready;
}

static long poll_restart(struct task *t, struct restart_block *rb)
{
	long r = do_poll(t, uaddr(rb->poll.fds), rb->poll.nfds, rb->poll.deadline);

	if (r == -ERESTARTSYS) {
		rb->fn = poll_restart;
		r = -ERESTART_RESTARTBLOCK;
	}
	return r;
}

long sys_poll(struct task *t, const struct sysargs *a)
{
	int ms = arg_int(a, 2);
	uint64_t deadline = ms < 0 ? TIME_FOREVER :
			    ms ? deadline_of((uint64_t)ms / 1000, (uint64_t)(ms % 1000) * 1000000) :
				 0;
	long r = do_poll(t, arg_uaddr(a, 0), arg_u32(a, 1), deadline);

	if (r == -ERESTARTSYS) {
		t->restart.poll.fds = a->v[0];
		t->restart.poll.nfds = arg_u32(a, 1);
		t->restart.poll.deadline = deadline;
		t->restart.fn = poll_restart;
		r = -ERESTART_RESTARTBLOCK;
	}
	return r;
}

long sys_ppoll(struct task *t, const struct sysargs *a)
{
	uint64_t deadline;
	long r = copy_in_deadline(t, arg_uaddr(a, 2), &deadline);

	if (r == 0)
		r = get_sigmask(t, arg_uaddr(a, 3), a->v[4]);
	if (r < 0)
		return r;
	r = do_poll(t, arg_uaddr(a, 0), arg_u32(a, 1), deadline);
	put_timeleft(t, arg_uaddr(a, 2), deadline, false);
	return r == -ERESTARTSYS ? -ERESTARTNOHAND : r;
}

/* --- select --- */

#define SEL_IN (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR)
#define SEL_OUT (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR)
#define SEL_EX EPOLLPRI

static bool bit(const uint64_t *set, unsigned i)
{
	return set[i / 64] & (1ULL << (i % 64));
}

/* Translates the three sets into a poll list. Returns its length, -EBADF. */
static int select_collect(struct task *t, uint64_t *sets[3], unsigned n, struct pollfd *p,
			  struct file **files)
{
	static const uint32_t want[3] = {SEL_IN, SEL_OUT, SEL_EX};
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t ev = 0;

		for (unsigned j = 0; j < 3; j++)
			if (bit(sets[j], i))
				ev |= want[j];
		if (!ev)
			continue;
		files[k] = fd_get(t, (int)i);
		if (!files[k])
			return -EBADF;
		p[k++] = (struct pollfd){(int)i, (short)ev, 0};
	}
	return (int)k;
}

static long select_result(uint64_t *sets[3], size_t words, const struct pollfd *p, unsigned k)
{
	static const uint32_t want[3] = {SEL_IN, SEL_OUT, SEL_EX};
	long bits = 0;

	for (unsigned j = 0; j < 3; j++) {
		_cleanup_free_ uint64_t *out = calloc(words + 1, 8);

		if (!out)
			return -ENOMEM;
		for (unsigned i = 0; i < k; i++) {
			unsigned fd = (unsigned)p[i].fd;

			if (bit(sets[j], fd) && ((unsigned short)p[i].revents & want[j])) {
				out[fd / 64] |= 1ULL << (fd % 64);
				bits++;
			}
		}
		memcpy(sets[j], out, words * 8);
	}
	return bits;
}

static long do_select(struct task *t, const struct sysargs *a, uint64_t deadline)
{
	int n = arg_int(a, 0), k;
	uint64_t max = task_rlimit(t, RLIMIT_NOFILE);
	_cleanup_free_ uint64_t *mem = NULL;
	_cleanup_free_ struct pollfd *p = NULL;
	_cleanup_free_ struct file **files = NULL;
	uint64_t *sets[3];
	size_t words;
	long ready, r = 0;

	if (n < 0)
		return -EINVAL;
	if ((uint64_t)n > max)
		n = (int)max;
	words = ((size_t)n + 63) / 64;
	mem = calloc(3 * words + 1, 8);
	p = calloc((size_t)n + 1, sizeof(*p));
	files = calloc((size_t)n + 1, sizeof(struct file *));
	if (!mem || !p || !files)
		return -ENOMEM;
	for (unsigned j = 0; j < 3; j++) {
		sets[j] = mem + j * words;
		if (a->v[1 + j] && words)
			r = copy_in(t, sets[j], arg_uaddr(a, 1 + j), words * 8);
		if (r < 0)
			return r;
	}
	k = select_collect(t, sets, (unsigned)n, p, files);
	ready = k < 0 ? k : poll_wait_ready(t, p, files, (unsigned)k, deadline);
	for (int i = 0; i < n && files[i]; i++)
		file_put(files[i]);
	if (ready < 0)
		return ready;
	ready = select_result(sets, words, p, (unsigned)k);
	for (unsigned j = 0; j < 3 && ready >= 0; j++)
		if (a->v[1 + j] && words && copy_out(t, arg_uaddr(a, 1 + j), sets[j], words * 8) < 0)
			return -EFAULT;
	return ready;
}

long sys_select(struct task *t, const struct sysargs *a)
{
	uint64_t deadline = TIME_FOREVER;
	int64_t tv[2];
	long r;

	if (a->v[4]) {
		r = copy_in(t, tv, arg_uaddr(a, 4), sizeof(tv));
		if (r < 0)
			return r;
		if (tv[0] < 0 || tv[1] < 0)
			return -EINVAL;
		deadline = tv[0] || tv[1] ? deadline_of((uint64_t)tv[0] + (uint64_t)tv[1] / 1000000,
							(uint64_t)tv[1] % 1000000 * 1000) :
					    0;
	}
	r = do_select(t, a, deadline);
	put_timeleft(t, arg_uaddr(a, 4), deadline, true);
	return r == -ERESTARTSYS ? -ERESTARTNOHAND : r;
}

long sys_pselect6(struct task *t, const struct sysargs *a)
{
	uint64_t deadline, sig[2] = {0, 0};
	long r = copy_in_deadline(t, arg_uaddr(a, 4), &deadline);

	if (r == 0 && a->v[5])
		r = copy_in(t, sig, arg_uaddr(a, 5), sizeof(sig));
	if (r == 0)
		r = get_sigmask(t, uaddr(sig[0]), sig[1]);
	if (r < 0)
		return r;
	r = do_select(t, a, deadline);
	put_timeleft(t, arg_uaddr(a, 4), deadline, false);
	return r == -ERESTARTSYS ? -ERESTARTNOHAND : r;
}
