/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd, signalfd4. */
#include <errno.h>
#include <sys/signalfd.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

static long do_signalfd(struct task *t, int fd, uaddr_t umask, uint64_t size, int flags)
{
	_cleanup_(file_putp) struct file *f = NULL;
	uint64_t mask;
	int r;

	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	if (size != sizeof(mask))
		return -EINVAL;
	r = copy_in(t, &mask, umask, sizeof(mask));
	if (r < 0)
		return r;
	mask &= ~(KSIGMASK(SIGKILL) | KSIGMASK(SIGSTOP));
	if (fd != -1) {
		f = fd_get(t, fd);
		if (!f)
			return -EBADF;
		r = signalfd_set(f, mask);
		return r < 0 ? r : fd;
	}
	r = signalfd_new(mask, flags, &f);
	if (r < 0)
		return r;
	return fd_install(t, TAKE_PTR(f), 0, flags & SFD_CLOEXEC);
}

long sys_signalfd(struct task *t, const struct sysargs *a)
{
	return do_signalfd(t, arg_int(a, 0), arg_uaddr(a, 1), a->v[2], 0);
}

long sys_signalfd4(struct task *t, const struct sysargs *a)
{
	return do_signalfd(t, arg_int(a, 0), arg_uaddr(a, 1), a->v[2], arg_int(a, 3));
}
