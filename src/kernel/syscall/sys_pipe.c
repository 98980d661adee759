/* SPDX-License-Identifier: Apache-2.0 */
/* pipe, pipe2: the ABI edge. */
#include <fcntl.h>
#include "kernel/fs/pipe/pipe.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

static long do_pipe(struct task *t, uaddr_t out, uint32_t flags)
{
	struct file *rf, *wf;
	int fds[2], r;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	r = pipe_new_files(flags & (O_NONBLOCK | O_DIRECT), &rf, &wf);
	if (r < 0)
		return r;
	fds[0] = fd_install(t, rf, 0, flags & O_CLOEXEC);
	if (fds[0] < 0) {
		file_put(wf);
		return fds[0];
	}
	fds[1] = fd_install(t, wf, 0, flags & O_CLOEXEC);
	if (fds[1] < 0) {
		(void)fd_close(t, fds[0]);
		return fds[1];
	}
	r = copy_out(t, out, fds, sizeof(fds));
	if (r < 0) {
		(void)fd_close(t, fds[0]);
		(void)fd_close(t, fds[1]);
	}
	return r;
}

long sys_pipe(struct task *t, const struct sysargs *a)
{
	return do_pipe(t, arg_uaddr(a, 0), 0);
}

long sys_pipe2(struct task *t, const struct sysargs *a)
{
	return do_pipe(t, arg_uaddr(a, 0), arg_u32(a, 1));
}
