/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/mem: the memory of a process as a file; /proc/PID/syscall: where it waits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/mm/mm.h"
#include "kernel/task/ptrace.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

struct mem_file {
	struct synth_inode *i; /* the file keeps its inode */
	struct pt_as *as;      /* what it was opened on: an exec later does not change it */
};

#define CHUNK 16384U

static ssize_t move(struct file *f, struct uio *u, uint64_t *pos, bool write)
{
	struct mem_file *m = f->priv;
	_cleanup_(task_putp) struct task *t = proc_task(m->i);
	_cleanup_free_ char *buf = malloc(CHUNK);
	ssize_t done = 0, k;

	if (!buf)
		return -ENOMEM;
	if (!t || !pt_as_host_pid(m->as))
		return 0;
	while (u->resid) {
		size_t n = MIN(u->resid, (size_t)CHUNK);

		if (write) {
			k = uio_copy_from(u, buf, n);
			if (k < 0)
				return done ? done : k;
			n = (size_t)k;
		}
		k = ptrace_access_mm(t, m->as, *pos, buf, n, write);
		if (write && (k < 0 || (size_t)k < n))
			uio_revert(u, k < 0 ? n : n - (size_t)k);
		if (k < 0)
			return done ? done : k;
		if (!write && uio_copy_to(u, buf, (size_t)k) != k)
			return done ? done : -EFAULT;
		done += k;
		*pos += (uint64_t)k;
		if ((size_t)k < n)
			break;
	}
	return done;
}

static ssize_t mem_read(struct file *f, struct uio *u, uint64_t *pos, int flags __unused)
{
	return move(f, u, pos, false);
}

static ssize_t mem_write(struct file *f, struct uio *u, uint64_t *pos, int flags __unused)
{
	return move(f, u, pos, true);
}

static int64_t mem_llseek(struct file *f, int64_t off, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	f->pos = (whence == SEEK_CUR ? f->pos : 0) + (uint64_t)off; /* any address */
	return (int64_t)f->pos;
}

static void mem_release(struct file *f)
{
	struct mem_file *m = f->priv;

	pt_as_put(m->as);
	free(m);
}

static const struct file_ops mem_ops = {
	.read = mem_read, .write = mem_write, .llseek = mem_llseek, .release = mem_release};

int proc_mem_open(struct synth_inode *i, struct file *f)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct mem_file *m;

	if (!t)
		return -ESRCH;
	if (ptrace_may_access(current, current->cred, t, true) < 0)
		return -EACCES;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->i = i;
	mutex_lock(&t->lock);
	m->as = t->mm ? pt_as_get(t->mm->as) : NULL;
	mutex_unlock(&t->lock);
	if (!m->as) {
		free(m);
		return -ESRCH;
	}
	f->op = &mem_ops;
	f->priv = m;
	return 0;
}

/* The registers of a task that waits; false: it runs. They change only while it runs, and then tell nothing. */
__attribute__((no_sanitize("thread"))) static bool waiting_regs(struct task *t, struct user_regs_struct *ret)
{
	int s = task_state(t);
	volatile const unsigned long long *p;

	if (s == TASK_RUNNING || s >= TASK_ZOMBIE)
		return false;
	MUTEX_GUARD(&t->lock);
	if (!t->pt)
		return false;
	p = (volatile const unsigned long long *)pt_regs(t->pt);
	for (size_t k = 0; k < sizeof(*ret) / sizeof(*p); k++)
		((unsigned long long *)ret)[k] = p[k];
	return true;
}

int proc_show_syscall(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct user_regs_struct r;

	if (!t)
		return -ESRCH;
	if (ptrace_may_access(current, current->cred, t, true) < 0)
		return -EPERM;
	if (!waiting_regs(t, &r))
		synth_printf(b, "running\n");
	else if ((long long)r.orig_rax < 0)
		synth_printf(b, "-1 %#llx %#llx\n", r.rsp, r.rip);
	else
		synth_printf(b, "%llu %#llx %#llx %#llx %#llx %#llx %#llx %#llx %#llx\n", r.orig_rax, r.rdi, r.rsi, r.rdx,
			     r.r10, r.r8, r.r9, r.rsp, r.rip);
	return 0;
}
