/* SPDX-License-Identifier: Apache-2.0 */
/* process_vm_readv(2), process_vm_writev(2). */
#include <errno.h>
#include <stdlib.h>
#include "kernel/mm/mm.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/ptrace.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

static int find_mm(struct task *t, int pid, struct mm **ret)
{
	_cleanup_(task_putp) struct task *o = task_find_get(task_pid_ns(t), pid);
	int r = 0;

	if (!o)
		return -ESRCH;
	if (ptrace_may_access(t, t->cred, o, false) < 0)
		return -EPERM;
	mutex_lock(&o->lock);
	if (!o->mm)
		r = -ESRCH;
	else
		*ret = mm_get(o->mm);
	mutex_unlock(&o->lock);
	return r;
}

static long move(struct task *t, const struct sysargs *a, bool write)
{
	_cleanup_free_ struct uio_seg *lseg = NULL, *rseg = NULL;
	_cleanup_(mm_putp) struct mm *mm = NULL;
	struct uio local, remote;
	char buf[8192];
	long done = 0;
	int r;

	if (a->v[5] || a->v[2] > UIO_MAXIOV || a->v[4] > UIO_MAXIOV)
		return -EINVAL;
	r = uio_init_iovec(&local, t, arg_uaddr(a, 1), arg_u32(a, 2), &lseg);
	if (r == 0)
		r = uio_init_iovec(&remote, t, arg_uaddr(a, 3), arg_u32(a, 4), &rseg);
	if (r == 0)
		r = find_mm(t, arg_int(a, 0), &mm);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < remote.nseg && local.resid; i++) {
		for (size_t at = 0; at < rseg[i].len && local.resid;) {
			size_t n = MIN(MIN(rseg[i].len - at, sizeof(buf)), local.resid), k;
			uaddr_t u = uaddr(rseg[i].base + at);
			ssize_t moved = (ssize_t)n;

			if (write)
				moved = uio_copy_from(&local, buf, n);
			if (moved < 0)
				return done ? done : moved;
			k = write ? pt_as_write(mm->as, u, buf, (size_t)moved) : pt_as_read(mm->as, buf, u, n);
			if (!write && k)
				moved = uio_copy_to(&local, buf, k);
			if (!k || moved < 0)
				return done ? done : -EFAULT;
			done += (long)k;
			at += k;
			if (k < n)
				return done;
		}
	}
	return done;
}

long sys_process_vm_readv(struct task *t, const struct sysargs *a)
{
	return move(t, a, false);
}

long sys_process_vm_writev(struct task *t, const struct sysargs *a)
{
	return move(t, a, true);
}
