/* SPDX-License-Identifier: Apache-2.0 */
/* clone, clone3, fork, vfork, unshare, set_tid_address. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/usercopy.h"

long sys_fork(struct task *t, const struct sysargs *a __unused)
{
	const struct clone_params p = {.exit_signal = SIGCHLD};

	return do_clone(t, &p);
}

long sys_vfork(struct task *t, const struct sysargs *a __unused)
{
	const struct clone_params p = {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD};

	return do_clone(t, &p);
}

long sys_clone(struct task *t, const struct sysargs *a)
{
	struct clone_params p = {
		.flags = (uint32_t)a->v[0] & ~(uint64_t)CSIGNAL,
		.exit_signal = (int)(a->v[0] & CSIGNAL),
		.stack = a->v[1],
		.parent_tid = a->v[2],
		.pidfd = a->v[2],
		.child_tid = a->v[3],
		.tls = a->v[4],
	};

	if ((p.flags & CLONE_PIDFD) && (p.flags & (CLONE_PARENT_SETTID | CLONE_DETACHED)))
		return -EINVAL;
	/* Bits of clone3 alone; CLONE_NEWTIME lies within CSIGNAL here. */
	p.flags &= ~(uint64_t)CLONE_DETACHED;
	return do_clone(t, &p);
}

/* The numbers that the child is to have, innermost namespace first. */
static int get_set_tid(struct task *t, const struct clone_args *c, struct clone_params *p)
{
	int r;

	if (!c->set_tid != !c->set_tid_size || c->set_tid_size > SET_TID_MAX)
		return -EINVAL;
	if (!c->set_tid)
		return 0;
	p->set_tid_size = (unsigned)c->set_tid_size;
	r = copy_in(t, p->set_tid, uaddr(c->set_tid), c->set_tid_size * sizeof(p->set_tid[0]));
	for (unsigned i = 0; r == 0 && i < p->set_tid_size; i++)
		if (p->set_tid[i] < 1)
			r = -EINVAL;
	if (r == 0 && !capable(t->cred, CAP_SYS_ADMIN) && !capable(t->cred, CAP_CHECKPOINT_RESTORE))
		r = -EPERM;
	return r;
}

long sys_clone3(struct task *t, const struct sysargs *a)
{
	struct clone_args c = {0};
	struct clone_params p;
	uint64_t size = a->v[1];
	int r;

	if (size > GUEST_PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	r = copy_in_struct(t, &c, sizeof(c), arg_uaddr(a, 0), size);
	if (r < 0)
		return r;
	if ((c.flags & (CLONE_DETACHED | CSIGNAL)) & ~(uint64_t)CLONE_NEWTIME)
		return -EINVAL;
	if (c.flags >> 34 || c.exit_signal > NSIG_GUEST)
		return -EINVAL;
	if ((c.flags & CLONE_PIDFD) && (c.flags & CLONE_PARENT_SETTID) && c.pidfd == c.parent_tid)
		return -EINVAL;
	if ((c.flags & (CLONE_THREAD | CLONE_PARENT)) && c.exit_signal)
		return -EINVAL;
	if (!c.stack != !c.stack_size || c.stack + c.stack_size < c.stack ||
	    c.stack + c.stack_size > PT_GUEST_END)
		return -EINVAL;
	if (c.flags & CLONE_INTO_CGROUP)
		return -EOPNOTSUPP;
	p = (struct clone_params){
		.flags = c.flags,
		.exit_signal = (int)c.exit_signal,
		.pidfd = c.pidfd,
		.stack = c.stack + c.stack_size,
		.tls = c.tls,
		.parent_tid = c.parent_tid,
		.child_tid = c.child_tid,
	};
	r = get_set_tid(t, &c, &p);
	return r < 0 ? r : do_clone(t, &p);
}

long sys_unshare(struct task *t, const struct sysargs *a)
{
	uint64_t f = a->v[0];
	struct fs_struct *fs, *ofs;
	struct files *files, *ofiles;
	int r;

	if (f & (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
		 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME))
		return -EPERM;
	if (f & ~(uint64_t)(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_VM | CLONE_SIGHAND |
			    CLONE_THREAD))
		return -EINVAL;
	if ((f & (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)) && t->tg->nthreads > 1)
		return -EINVAL;
	if (f & CLONE_FS) {
		fs = fs_struct_copy(t->fs);
		if (!fs)
			return -ENOMEM;
		mutex_lock(&t->lock);
		ofs = t->fs;
		t->fs = fs;
		mutex_unlock(&t->lock);
		fs_struct_put(ofs);
	}
	if (f & CLONE_FILES) {
		r = files_copy(t->files, &files);
		if (r < 0)
			return r;
		mutex_lock(&t->lock);
		ofiles = t->files;
		t->files = files;
		mutex_unlock(&t->lock);
		files_put(ofiles);
	}
	return 0;
}

long sys_set_tid_address(struct task *t, const struct sysargs *a)
{
	t->clear_child_tid = a->v[0];
	return task_pid_nr(t, t);
}
