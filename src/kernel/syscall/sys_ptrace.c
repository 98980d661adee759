/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace. */
#include <errno.h>
#include <linux/ptrace.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/ptrace.h"

long sys_ptrace(struct task *t, const struct sysargs *a)
{
	_cleanup_(task_putp) struct task *o = NULL;
	long request = (long)a->v[0], r;

	if (request == PTRACE_TRACEME)
		return ptrace_traceme(t);
	o = task_find_get(task_pid_ns(t), arg_int(a, 1));
	if (!o)
		return -ESRCH;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return ptrace_attach(t, o, request == PTRACE_SEIZE, a->v[2], a->v[3]);
	r = ptrace_freeze(t, o, request == PTRACE_KILL || request == PTRACE_INTERRUPT);
	if (r < 0)
		return r;
	r = ptrace_request(t, o, request, a->v[2], a->v[3]);
	if (request != PTRACE_DETACH || r < 0)
		ptrace_unfreeze(o);
	return r;
}
