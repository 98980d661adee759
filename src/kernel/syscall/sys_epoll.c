/* SPDX-License-Identifier: Apache-2.0 */
/* epoll_create, epoll_ctl, epoll_wait and their relatives. */
#include "kernel/fs/anon/epoll.h"
#include "kernel/signal/signal.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

static_assert(sizeof(struct epoll_event) == 12, "x86-64 packs it");

static long create(struct task *t, bool cloexec)
{
	struct file *f;
	int r = epoll_new(&f);

	if (r < 0)
		return r;
	return fd_install(t, f, 0, cloexec);
}

long sys_epoll_create(struct task *t, const struct sysargs *a)
{
	return arg_int(a, 0) <= 0 ? -EINVAL : create(t, false);
}

long sys_epoll_create1(struct task *t, const struct sysargs *a)
{
	int flags = arg_int(a, 0);

	return flags & ~EPOLL_CLOEXEC ? -EINVAL : create(t, flags & EPOLL_CLOEXEC);
}

long sys_epoll_ctl(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *ep = fd_get(t, arg_int(a, 0));
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 2));
	struct epoll_event ev = {0};
	int op = arg_int(a, 1), r;

	if (op != EPOLL_CTL_DEL) {
		r = copy_in(t, &ev, arg_uaddr(a, 3), sizeof(ev));
		if (r < 0)
			return r;
	}
	if (!ep || !f)
		return -EBADF;
	return epoll_change(ep, op, arg_int(a, 2), f, &ev);
}

static long do_wait(struct task *t, const struct sysargs *a, uint64_t deadline)
{
	_cleanup_(file_putp) struct file *ep = fd_get(t, arg_int(a, 0));
	struct epoll_event *ev __attribute__((cleanup(cleanup_freep))) = NULL;
	int max = arg_int(a, 2), n, r;

	if (max <= 0 || max > INT_MAX / (int)sizeof(*ev))
		return -EINVAL;
	if (!ep)
		return -EBADF;
	max = MIN(max, 1024); /* fewer than asked for is a legal answer */
	ev = calloc((size_t)max, sizeof(*ev));
	if (!ev)
		return -ENOMEM;
	n = epoll_collect(ep, ev, max, deadline);
	if (n <= 0)
		return n;
	r = copy_out(t, arg_uaddr(a, 1), ev, (size_t)n * sizeof(*ev));
	return r < 0 ? r : n;
}

static uint64_t ms_deadline(int ms)
{
	return ms < 0 ? TIME_FOREVER : ms ? now_ns() + (uint64_t)ms * 1000000 : 0;
}

static int temp_mask(struct task *t, uint64_t p, uint64_t size)
{
	ksigset_t m;
	int r;

	if (!p)
		return 0;
	if (size != sizeof(m))
		return -EINVAL;
	r = copy_in(t, &m, uaddr(p), sizeof(m));
	if (r == 0)
		set_temporary_mask(t, m);
	return r;
}

long sys_epoll_wait(struct task *t, const struct sysargs *a)
{
	return do_wait(t, a, ms_deadline(arg_int(a, 3)));
}

long sys_epoll_pwait(struct task *t, const struct sysargs *a)
{
	int r = temp_mask(t, a->v[4], a->v[5]);

	return r < 0 ? r : do_wait(t, a, ms_deadline(arg_int(a, 3)));
}

long sys_epoll_pwait2(struct task *t, const struct sysargs *a)
{
	uint64_t deadline;
	int r = copy_in_deadline(t, arg_uaddr(a, 3), &deadline);

	if (r == 0)
		r = temp_mask(t, a->v[4], a->v[5]);
	return r < 0 ? r : do_wait(t, a, deadline);
}
