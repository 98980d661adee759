/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID: scheduling, personality, slack, and other single numbers. */
#include <linux/capability.h>
#include <string.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/kernel.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"

/* A directory of a process: the sum of its threads, those that ended included; one of a thread: that one. */
void proc_cputime(struct synth_inode *i, struct task *t, uint64_t *user, uint64_t *sys)
{
	struct task *x;

	*user = *sys = 0;
	if (i->num2) {
		task_cputime(t, user, sys);
		return;
	}
	MUTEX_GUARD(&tasklist_lock);
	*user = (uint64_t)t->tg->self_ru.ru_utime.tv_sec * NSEC_PER_SEC +
		(uint64_t)t->tg->self_ru.ru_utime.tv_usec * 1000;
	*sys = (uint64_t)t->tg->self_ru.ru_stime.tv_sec * NSEC_PER_SEC +
	       (uint64_t)t->tg->self_ru.ru_stime.tv_usec * 1000;
	list_for_each_entry(x, &t->tg->threads, thread_node) {
		uint64_t u = 0, s = 0;

		if (x->accounted)
			continue;
		task_cputime(x, &u, &s);
		*user += u;
		*sys += s;
	}
}

int proc_show_personality(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);

	if (!t)
		return -ESRCH;
	synth_printf(b, "%08x\n", __atomic_load_n(&t->personality, __ATOMIC_RELAXED));
	return 0;
}

/* Time on a CPU; the host does not tell how long and how often it waited for one. */
int proc_show_schedstat(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	uint64_t u = 0, s = 0;

	if (!t)
		return -ESRCH;
	task_cputime(t, &u, &s);
	synth_printf(b, "%lu 0 0\n", u + s);
	return 0;
}

int proc_show_sched(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	uint64_t u = 0, s = 0, ms;
	char comm[17] = "";

	if (!t)
		return -ESRCH;
	task_cputime(t, &u, &s);
	ms = (u + s) / 1000000;
	mutex_lock(&t->lock);
	memcpy(comm, t->comm, 16);
	mutex_unlock(&t->lock);
	synth_printf(b,
		     "%s (%ld, #threads: %d)\n-------------------------------------------------------------------\n"
		     "se.sum_exec_runtime                          :     %14lu.%06lu\n"
		     "policy                                       :     %21u\n"
		     "prio                                         :     %21d\n",
		     comm, i->num2 ? i->num2 : i->num, t->tg->nthreads, ms, (u + s) % 1000000,
		     __atomic_load_n(&t->sched_policy, __ATOMIC_RELAXED), 120 + t->nice);
	return 0;
}

int proc_show_sessionid(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "4294967295");
	return 0;
}

int proc_show_cpuset(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "/\n");
	return 0;
}

static int may_change(struct task *t)
{
	return t == current || capable(current->cred, CAP_SYS_NICE) ? 0 : -EPERM;
}

int proc_show_slack(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	int r = t ? may_change(t) : -ESRCH;

	if (r == 0)
		synth_printf(b, "%lu\n", __atomic_load_n(&t->timer_slack, __ATOMIC_RELAXED));
	return r;
}

ssize_t proc_write_slack(struct synth_inode *i, char *buf, size_t n)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	int r = t ? may_change(t) : -ESRCH;
	unsigned long v;
	char *end;

	if (r < 0)
		return r;
	errno = 0;
	v = strtoul(buf, &end, 10);
	if (end == buf || (*end && *end != '\n') || errno)
		return -EINVAL;
	__atomic_store_n(&t->timer_slack, v ? v : 50000UL, __ATOMIC_RELAXED);
	return (ssize_t)n;
}
