/* SPDX-License-Identifier: Apache-2.0 */
/* inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch. */
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

static long do_init(struct task *t, int flags)
{
	struct file *f;
	int r;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	r = inotify_new(flags, &f);
	if (r < 0)
		return r;
	return fd_install(t, f, 0, flags & IN_CLOEXEC);
}

long sys_inotify_init(struct task *t, const struct sysargs *a __unused)
{
	return do_init(t, 0);
}

long sys_inotify_init1(struct task *t, const struct sysargs *a)
{
	return do_init(t, arg_int(a, 0));
}

long sys_inotify_add_watch(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(path_put) struct path p = {0};
	uint32_t mask = arg_u32(a, 2);
	unsigned look = mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW;
	int r;

	if (!(mask & IN_ALL_EVENTS) || ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)))
		return -EINVAL;
	f = fd_get(t, arg_int(a, 0));
	if (!f)
		return -EBADF;
	r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 1), look | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0U), &p);
	if (r == 0)
		r = inode_permission(dentry_inode(p.dentry), t->cred, MAY_READ);
	return r < 0 ? r : inotify_add(f, &p, mask);
}

long sys_inotify_rm_watch(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));

	return f ? inotify_remove(f, arg_int(a, 1)) : -EBADF;
}
