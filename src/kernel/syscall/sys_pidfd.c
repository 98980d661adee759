/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd_open, pidfd_send_signal, pidfd_getfd, kcmp: processes by descriptor, and what two processes share. */
#include <errno.h>
#include <linux/kcmp.h>
#include <string.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/signal/internal.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/usercopy.h"

long sys_pidfd_open(struct task *t, const struct sysargs *a)
{
	int nr = arg_int(a, 0), r;
	unsigned flags = arg_u32(a, 1);
	struct file *f;
	struct pid *p;

	if (flags & ~(unsigned)(O_NONBLOCK | PIDFD_THREAD) || nr <= 0)
		return -EINVAL;
	p = pid_find_get(task_pid_ns(t), nr);
	if (!p)
		return -ESRCH;
	r = 0;
	if (pid_state(p, true) == PID_GONE)
		r = -ESRCH;
	else if (!(flags & PIDFD_THREAD) && pid_state(p, false) == PID_GONE)
		r = -EINVAL; /* a thread that leads no process */
	if (r == 0)
		r = pidfd_new(p, flags, &f);
	pid_put(p);
	if (r < 0)
		return r;
	return fd_install(t, f, 0, true);
}

/* --- signals --- */

#define SIGNAL_THREAD 1U
#define SIGNAL_GROUP 2U
#define SIGNAL_PGRP 4U

/* The pid that fd names: a pidfd, or an open directory /proc/PID. + reference. */
static int signal_target(struct task *t, int fd, struct pid **ret, bool *ret_thread)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, fd);
	struct pid *p = f ? pidfd_pid(f, ret_thread) : NULL;

	if (!f)
		return -EBADF;
	if (p)
		*ret = pid_get(p);
	else
		*ret = proc_dir_pid(f);
	return *ret ? 0 : -EBADF;
}

static int signal_one(struct task *t, struct task *x, int sig, const siginfo_t *si, bool group)
{
	int r = may_signal(t, x, sig);

	if (r < 0 || !sig || task_state(x) >= TASK_ZOMBIE)
		return r;
	return send_signal_locked(x, sig, si, group);
}

static int signal_pid(struct task *t, struct pid *p, int sig, const siginfo_t *si, unsigned scope)
{
	int r = -ESRCH, e, ok = 0;
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	if (scope == SIGNAL_PGRP) {
		list_for_each_entry(x, &p->tasks[PIDTYPE_PGID], pid_node[PIDTYPE_PGID]) {
			e = signal_one(t, x, sig, si, true);
			ok |= e == 0;
			r = e;
		}
		return ok ? 0 : r;
	}
	x = pid_task(p, PIDTYPE_PID);
	return x ? signal_one(t, x, sig, si, scope == SIGNAL_GROUP) : -ESRCH;
}

/* Is p's namespace the caller's or below it? */
static bool visible(struct task *t, const struct pid *p)
{
	const struct pid_namespace *ns = task_pid_ns(t);
	int level = pid_namespace_level(ns);

	return p->level >= level && p->numbers[level].ns == ns;
}

long sys_pidfd_send_signal(struct task *t, const struct sysargs *a)
{
	int sig = arg_int(a, 1), r;
	unsigned flags = arg_u32(a, 3), scope = flags;
	struct pid *p = NULL;
	bool thread = false;
	siginfo_t si;

	if ((flags & ~(SIGNAL_THREAD | SIGNAL_GROUP | SIGNAL_PGRP)) || (flags & (flags - 1)))
		return -EINVAL;
	r = signal_target(t, arg_int(a, 0), &p, &thread);
	if (r < 0)
		return r;
	if (!scope)
		scope = thread ? SIGNAL_THREAD : SIGNAL_GROUP;
	if (!visible(t, p))
		r = -EINVAL;
	if (r == 0 && a->v[2]) {
		r = copy_in(t, &si, arg_uaddr(a, 2), sizeof(si));
		if (r == 0 && si.si_signo != sig)
			r = -EINVAL;
		if (r == 0 && p != t->pid && (si.si_code >= 0 || si.si_code == SI_TKILL))
			r = -EPERM;
	} else if (r == 0) {
		memset(&si, 0, sizeof(si));
		si.si_signo = sig;
		si.si_code = scope == SIGNAL_THREAD ? SI_TKILL : SI_USER;
		si.si_pid = pid_nr_ns(t->tgid_pid, p->numbers[p->level].ns);
		si.si_uid = from_kuid(t->cred->user_ns, t->cred->uid);
	}
	if (r == 0 && (sig < 0 || sig > NSIG_GUEST))
		r = -EINVAL;
	if (r == 0)
		r = signal_pid(t, p, sig, &si, scope);
	pid_put(p);
	return r;
}

/* --- descriptors of others --- */

static struct task *pid_task_get(struct pid *p)
{
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	x = pid_task(p, PIDTYPE_PID);
	return x ? task_get(x) : NULL;
}

static int other_file(struct task *x, int fd, struct file **ret)
{
	struct files *fs;

	mutex_lock(&x->lock);
	fs = x->files ? files_get(x->files) : NULL;
	mutex_unlock(&x->lock);
	*ret = fs ? files_lookup(fs, fd, NULL) : NULL;
	if (fs)
		files_put(fs);
	return *ret ? 0 : -EBADF;
}

long sys_pidfd_getfd(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *pf = NULL, *f = NULL;
	_cleanup_(task_putp) struct task *x = NULL;
	struct pid *p;
	int r;

	if (arg_u32(a, 2))
		return -EINVAL;
	pf = fd_get(t, arg_int(a, 0));
	p = pf ? pidfd_pid(pf, NULL) : NULL;
	if (!p)
		return -EBADF;
	x = pid_task_get(p);
	if (!x || task_state(x) >= TASK_ZOMBIE)
		return -ESRCH;
	r = ptrace_may_access(t, t->cred, x, false);
	if (r == 0)
		r = other_file(x, arg_int(a, 1), &f);
	if (r < 0)
		return r;
	return fd_install(t, TAKE_PTR(f), 0, true);
}

/* --- kcmp --- */

/* An order of objects that tells nothing about where they are. */
static long order(const void *x, const void *y)
{
	const uint64_t *key = (const uint64_t *)(const void *)kernel.boot_id;
	uint64_t a = ((uintptr_t)x ^ key[0]) * (key[1] | 1), b = ((uintptr_t)y ^ key[0]) * (key[1] | 1);

	return a == b ? 0 : a < b ? 1 : 2;
}

static const void *object_of(struct task *x, int type)
{
	MUTEX_GUARD(&x->lock);
	switch (type) {
	case KCMP_VM:
		return x->mm;
	case KCMP_FILES:
		return x->files;
	case KCMP_FS:
		return x->fs;
	case KCMP_SIGHAND:
		return x->sighand;
	case KCMP_SYSVSEM:
		return __atomic_load_n(&x->sysvsem, __ATOMIC_RELAXED);
	default: /* KCMP_IO: nobody has an I/O context of its own */
		return NULL;
	}
}

static long compare_files(struct task *x, struct task *y, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL, *g = NULL;

	if (other_file(x, (int)MIN(a->v[3], (uint64_t)INT_MAX), &f) < 0 ||
	    other_file(y, (int)MIN(a->v[4], (uint64_t)INT_MAX), &g) < 0)
		return -EBADF;
	return order(f, g);
}

long sys_kcmp(struct task *t, const struct sysargs *a)
{
	_cleanup_(task_putp) struct task *x = task_find_get(task_pid_ns(t), arg_int(a, 0));
	_cleanup_(task_putp) struct task *y = task_find_get(task_pid_ns(t), arg_int(a, 1));
	int type = arg_int(a, 2);

	if (!x || !y)
		return -ESRCH;
	if (ptrace_may_access(t, t->cred, x, false) < 0 || ptrace_may_access(t, t->cred, y, false) < 0)
		return -EPERM;
	switch (type) {
	case KCMP_FILE:
		return compare_files(x, y, a);
	case KCMP_VM:
	case KCMP_FILES:
	case KCMP_FS:
	case KCMP_SIGHAND:
	case KCMP_IO:
	case KCMP_SYSVSEM:
		return order(object_of(x, type), object_of(y, type));
	case KCMP_EPOLL_TFD:
		return -EOPNOTSUPP;
	}
	return -EINVAL;
}
