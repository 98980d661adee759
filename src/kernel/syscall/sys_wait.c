/* SPDX-License-Identifier: Apache-2.0 */
/* wait4, waitid. */
#include <errno.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/task/wait.h"
#include "kernel/usercopy.h"

static struct pid *own_pgrp(struct task *t)
{
	MUTEX_GUARD(&tasklist_lock);
	return pid_get(t->tg->pgrp);
}

long sys_wait4(struct task *t, const struct sysargs *a)
{
	struct wait_params p = {.type = P_ALL, .options = arg_int(a, 2) | WEXITED};
	int nr = arg_int(a, 0), options = arg_int(a, 2), r;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (nr == INT_MIN)
		return -ESRCH;
	if (nr > 0) {
		p.type = P_PID;
		p.pid = pid_find_get(task_pid_ns(t), nr);
	} else if (nr != -1) {
		p.type = P_PGID;
		p.pid = nr ? pid_find_get(task_pid_ns(t), -nr) : own_pgrp(t);
	}
	r = do_wait(t, &p);
	pid_put(p.pid);
	if (r < 0 || !p.found)
		return r;
	if (a->v[1] && put_u32(t, arg_uaddr(a, 1), (uint32_t)p.status) < 0)
		return -EFAULT;
	if (a->v[3] && copy_out(t, arg_uaddr(a, 3), &p.ru, sizeof(p.ru)) < 0)
		return -EFAULT;
	return p.found;
}

/* P_PIDFD. *nonblock: the descriptor does not wait, and says EAGAIN. */
static int pidfd_target(struct task *t, int fd, struct wait_params *p, bool *nonblock)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct pid *pid;

	if (fd < 0)
		return -EINVAL;
	f = fd_get(t, fd);
	pid = f ? pidfd_pid(f, NULL) : NULL;
	if (!pid)
		return -EBADF;
	p->type = P_PID;
	p->pid = pid_get(pid);
	*nonblock = (f->flags & O_NONBLOCK) && !(p->options & WNOHANG);
	return 0;
}

static int waitid_target(struct task *t, const struct sysargs *a, struct wait_params *p)
{
	int nr = arg_int(a, 1);

	switch (arg_int(a, 0)) {
	case P_ALL:
		p->type = P_ALL;
		return 0;
	case P_PID:
		p->type = P_PID;
		if (nr <= 0)
			return -EINVAL;
		p->pid = pid_find_get(task_pid_ns(t), nr);
		return 0;
	case P_PGID:
		p->type = P_PGID;
		if (nr < 0)
			return -EINVAL;
		p->pid = nr ? pid_find_get(task_pid_ns(t), nr) : own_pgrp(t);
		return 0;
	}
	return -EINVAL;
}

long sys_waitid(struct task *t, const struct sysargs *a)
{
	struct wait_params p = {.options = arg_int(a, 3)};
	bool nonblock = false;
	siginfo_t si = {0};
	int r;

	if (p.options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			  __WCLONE | __WALL))
		return -EINVAL;
	if (!(p.options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (arg_int(a, 0) == P_PIDFD)
		r = pidfd_target(t, arg_int(a, 1), &p, &nonblock);
	else
		r = waitid_target(t, a, &p);
	if (nonblock)
		p.options |= WNOHANG;
	if (r == 0)
		r = do_wait(t, &p);
	pid_put(p.pid);
	if (r == 0 && nonblock && !p.found)
		r = -EAGAIN;
	if (r < 0)
		return r;
	if (p.found) {
		si.si_signo = SIGCHLD;
		si.si_code = p.code;
		si.si_pid = p.found;
		si.si_uid = p.uid;
		si.si_status = p.code == CLD_EXITED ? WEXITSTATUS(p.status) :
			       p.code == CLD_STOPPED || p.code == CLD_TRAPPED ? p.status >> 8 :
			       p.code == CLD_CONTINUED ? SIGCONT : WTERMSIG(p.status);
	}
	if (p.found && a->v[4] && copy_out(t, arg_uaddr(a, 4), &p.ru, sizeof(p.ru)) < 0)
		return -EFAULT;
	if (a->v[2] && copy_out(t, arg_uaddr(a, 2), &si, sizeof(si)) < 0)
		return -EFAULT;
	return 0;
}
