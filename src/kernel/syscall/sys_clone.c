/* SPDX-License-Identifier: Apache-2.0 */
/* clone, clone3, fork, vfork, unshare, setns, set_tid_address. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include "kernel/ipc/ipc.h"
#include "kernel/fs/anon/anon.h"
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
	if (r == 0 && !own_capable(t->cred, CAP_SYS_ADMIN) && !own_capable(t->cred, CAP_CHECKPOINT_RESTORE))
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

/* What unshare(2) is about to change: made first, put in place when nothing can fail any more. */
struct unshared {
	struct fs_struct *fs;
	struct files *files;
	struct cred *cred;
	struct nsproxy *ns;
};

static int make_unshared(struct task *t, uint64_t f, struct unshared *u)
{
	int r = 0;

	if ((f & CLONE_FS) && __atomic_load_n(&t->fs->users, __ATOMIC_RELAXED) > 1) {
		u->fs = fs_struct_copy(t->fs);
		if (!u->fs)
			return -ENOMEM;
	}
	if (f & CLONE_FILES)
		r = files_copy(t->files, &u->files);
	if (r == 0 && (f & CLONE_NEWUSER)) {
		u->cred = cred_dup(t->cred);
		r = u->cred ? create_user_ns(u->cred, fs_chrooted(t)) : -ENOMEM;
	}
	if (r == 0 && (f & CLONE_NS_FLAGS & ~(uint64_t)CLONE_NEWUSER))
		r = nsproxy_copy(t, f, u->cred ? u->cred : t->cred, u->fs ? u->fs : t->fs, &u->ns);
	return r;
}

static void switch_objects(struct task *t, struct unshared *u)
{
	struct fs_struct *fs = NULL;
	struct files *files = NULL;

	mutex_lock(&t->lock);
	if (u->fs) {
		fs = t->fs;
		t->fs = u->fs;
	}
	if (u->files) {
		files = t->files;
		t->files = u->files;
	}
	mutex_unlock(&t->lock);
	fs_struct_leave(fs);
	if (files)
		files_put(files);
	if (u->ns)
		nsproxy_switch(t, u->ns);
	if (u->cred)
		commit_cred(t, u->cred);
}

long sys_unshare(struct task *t, const struct sysargs *a)
{
	struct unshared u = {0};
	uint64_t f = a->v[0];
	bool threads;
	int r;

	if (f & CLONE_NEWUSER)
		f |= CLONE_THREAD | CLONE_FS;
	if (f & CLONE_VM)
		f |= CLONE_SIGHAND;
	if (f & CLONE_SIGHAND)
		f |= CLONE_THREAD;
	if (f & CLONE_NEWNS)
		f |= CLONE_FS;
	if (f & ~(uint64_t)(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD |
			    CLONE_NS_FLAGS))
		return -EINVAL;
	mutex_lock(&tasklist_lock);
	threads = t->tg->nthreads > 1;
	mutex_unlock(&tasklist_lock);
	if ((f & CLONE_THREAD) && threads)
		return -EINVAL;
	r = make_unshared(t, f, &u);
	if (r == 0) {
		switch_objects(t, &u);
		if (f & CLONE_SYSVSEM)
			sem_exit(t);
		return 0;
	}
	fs_struct_put(u.fs);
	if (u.files)
		files_put(u.files);
	cred_put(u.cred);
	return r;
}

long sys_setns(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	uint64_t flags = (uint32_t)a->v[1];
	struct ns_common *ns;
	struct task *x = NULL;
	struct pid *p;
	int r;

	if (!f)
		return -EBADF;
	ns = ns_of_file(f);
	if (ns)
		return flags && flags != ns_clone_flag(ns->type) ? -EINVAL : do_setns(t, ns, NULL, 0);
	p = pidfd_pid(f, NULL);
	if (!p || !flags || (flags & ~(uint64_t)CLONE_NS_FLAGS))
		return -EINVAL;
	mutex_lock(&tasklist_lock);
	x = pid_task(p, PIDTYPE_PID);
	if (x)
		(void)task_get(x);
	mutex_unlock(&tasklist_lock);
	if (!x)
		return -ESRCH;
	r = do_setns(t, NULL, x, flags);
	task_put(x);
	return r;
}

long sys_set_tid_address(struct task *t, const struct sysargs *a)
{
	t->clear_child_tid = a->v[0];
	return task_pid_nr(t, t);
}
