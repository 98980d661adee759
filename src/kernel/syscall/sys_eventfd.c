/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd, eventfd2. */
#include <sys/eventfd.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

static long do_eventfd(struct task *t, unsigned count, int flags)
{
	struct file *f;
	int r;

	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	r = eventfd_new(count, flags, &f);
	if (r < 0)
		return r;
	return fd_install(t, f, 0, flags & EFD_CLOEXEC);
}

long sys_eventfd(struct task *t, const struct sysargs *a)
{
	return do_eventfd(t, arg_u32(a, 0), 0);
}

long sys_eventfd2(struct task *t, const struct sysargs *a)
{
	return do_eventfd(t, arg_u32(a, 0), arg_int(a, 1));
}
