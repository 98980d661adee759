/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd_create, timerfd_settime, timerfd_gettime. */
#include <sys/timerfd.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

long sys_timerfd_create(struct task *t, const struct sysargs *a)
{
	int clock = arg_int(a, 0), flags = arg_int(a, 1), r;
	struct file *f;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	r = guest_clock_may_wait(t, clock);
	if (r < 0)
		return r;
	r = timerfd_new(clock, flags, &f);
	if (r < 0)
		return r;
	return fd_install(t, f, 0, flags & TFD_CLOEXEC);
}

long sys_timerfd_settime(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	int flags = arg_int(a, 1);
	struct itimerspec new, old;
	int r = copy_in(t, &new, arg_uaddr(a, 2), sizeof(new));

	if (r < 0)
		return r;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (!f)
		return -EBADF;
	r = timerfd_set(f, flags, &new, &old);
	if (r == 0 && a->v[3])
		r = copy_out(t, arg_uaddr(a, 3), &old, sizeof(old));
	return r;
}

long sys_timerfd_gettime(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	struct itimerspec now;
	int r;

	if (!f)
		return -EBADF;
	r = timerfd_get(f, &now);
	return r < 0 ? r : copy_out(t, arg_uaddr(a, 1), &now, sizeof(now));
}
