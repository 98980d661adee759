/* SPDX-License-Identifier: Apache-2.0 */
/* New tasks of the guest: clone(2). */
#include <errno.h>
#include <linux/capability.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include "kernel/ipc/ipc.h"
#include "kernel/fs/anon/anon.h"
#include "kernel/signal/internal.h"
#include "kernel/task/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/task/seccomp.h"
#include "kernel/time/vclock.h"
#include "kernel/usercopy.h"

#define EFLAGS_TF 0x100ULL

static int check_flags(struct task *t, const struct clone_params *p)
{
	uint64_t f = p->flags;

	if ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
		return -EINVAL;
	if ((f & (CLONE_NEWNS | CLONE_FS)) == (CLONE_NEWNS | CLONE_FS))
		return -EINVAL;
	if ((f & (CLONE_NEWIPC | CLONE_SYSVSEM)) == (CLONE_NEWIPC | CLONE_SYSVSEM))
		return -EINVAL; /* adjustments are of one namespace's semaphores */
	if ((f & (CLONE_NEWUSER | CLONE_FS)) == (CLONE_NEWUSER | CLONE_FS))
		return -EINVAL;
	/* Threads are of one pid namespace. */
	if ((f & CLONE_THREAD) &&
	    ((f & (CLONE_NEWUSER | CLONE_NEWPID)) || t->nsproxy->pid_for_children != task_pid_ns(t)))
		return -EINVAL;
	/* Memory shared with a process of another time namespace would show it the wrong clock. */
	if ((f & (CLONE_THREAD | CLONE_VM)) == (CLONE_THREAD | CLONE_VM) && t->nsproxy->time != t->nsproxy->time_for_children)
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_PARENT) && t->tg->is_init)
		return -EINVAL;
	return 0;
}

/* RLIMIT_NPROC and the container's limit. */
static int check_limits(struct task *t)
{
	int n = __atomic_load_n(&t->ct->pids, __ATOMIC_RELAXED), max = __atomic_load_n(&t->ct->pids_max, __ATOMIC_RELAXED);

	if (max && n >= max)
		return -EAGAIN;
	if (t->cred->uid.v != 0 && (uint64_t)n >= task_rlimit(t, RLIMIT_NPROC) &&
	    !capable(t->cred, CAP_SYS_RESOURCE) && !capable(t->cred, CAP_SYS_ADMIN))
		return -EAGAIN;
	return 0;
}

static void inherit(struct task *c, struct task *t, const struct clone_params *p)
{
	struct timespec ts;

	memcpy(c->comm, t->comm, sizeof(c->comm));
	c->blocked = t->blocked;
	c->nice = t->nice;
	c->timer_slack = c->default_slack = t->timer_slack;
	c->loginuid = t->loginuid;
	c->mce_kill = t->mce_kill;
	c->io_flusher = t->io_flusher;
	c->personality = t->personality;
	c->ioprio = t->ioprio;
	if (!__atomic_load_n(&t->reset_on_fork, __ATOMIC_RELAXED)) {
		c->sched_policy = t->sched_policy;
		c->rt_priority = t->rt_priority;
	} else if (t->sched_policy == SCHED_FIFO || t->sched_policy == SCHED_RR || t->sched_policy == 6 || c->nice < 0) {
		c->nice = 0;
	} else {
		c->sched_policy = t->sched_policy;
	}
	c->mempolicy = t->mempolicy;
	c->mempolicy_nodes = t->mempolicy_nodes;
	if (!(p->flags & CLONE_VM) || (p->flags & CLONE_VFORK))
		c->altstack = t->altstack;
	if (t->affinity) {
		c->affinity = malloc(sizeof(*c->affinity));
		if (c->affinity)
			*c->affinity = *t->affinity;
	}
	clock_gettime(CLOCK_BOOTTIME, &ts);
	c->start_ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	if (!(p->flags & CLONE_THREAD)) {
		memcpy(c->tg->rlim, t->tg->rlim, sizeof(c->tg->rlim));
		c->tg->oom_score_adj = t->tg->oom_score_adj;
		c->tg->exit_signal = p->exit_signal;
	}
}

static struct sighand *child_sighand(struct task *t, uint64_t flags)
{
	struct sighand *s;

	if (flags & CLONE_SIGHAND)
		return sighand_get(t->sighand);
	s = sighand_copy(t->sighand);
	if (s && (flags & CLONE_CLEAR_SIGHAND))
		for (int i = 0; i < NSIG_GUEST; i++)
			if (s->action[i].handler != HANDLER_IGN)
				s->action[i] = (struct ksigaction){0};
	return s;
}

static int copy_objects(struct task *c, struct task *t, uint64_t flags)
{
	int r;

	if (flags & CLONE_FILES) {
		c->files = files_get(t->files);
	} else {
		r = files_copy(t->files, &c->files);
		if (r < 0)
			return r;
	}
	c->fs = flags & CLONE_FS ? fs_struct_join(t->fs) : fs_struct_copy(t->fs);
	if (!c->fs)
		return -ENOMEM;
	return flags & CLONE_SYSVSEM ? sem_share_undo(t, c) : 0;
}

/* Credentials and namespaces, after the file system's side is there. */
static int copy_namespaces(struct task *c, struct task *t, uint64_t flags)
{
	struct cred *n;
	int r;

	if (!(flags & CLONE_NEWUSER)) {
		c->cred = cred_get(t->cred);
	} else {
		n = cred_dup(t->cred);
		if (!n)
			return -ENOMEM;
		r = create_user_ns(n, fs_chrooted(t));
		if (r < 0) {
			cred_put(n);
			return r;
		}
		c->cred = n;
	}
	r = nsproxy_copy(t, flags, c->cred, c->fs, &c->nsproxy);
	if (r == 0 && !(flags & CLONE_VM))
		r = nsproxy_enter_time(&c->nsproxy);
	return r;
}

static int copy_memory(struct task *c, struct task *t, uint64_t flags)
{
	bool share = flags & CLONE_VM;
	int r = pt_clone(t->pt, share, &c->pt);

	if (r < 0)
		return r == -ESRCH ? -EAGAIN : r;
	if (share) {
		c->mm = mm_get(t->mm);
		return 0;
	}
	c->mm = mm_new(pt_as(c->pt));
	return c->mm ? mm_copy(t->mm, c->mm) : -ENOMEM;
}

static void set_registers(struct task *c, struct task *t, const struct clone_params *p)
{
	struct user_regs_struct *r = pt_regs(c->pt);

	*r = *pt_regs(t->pt);
	r->rax = 0;
	r->orig_rax = (unsigned long long)-1;
	/* The tracer steps this one, not the child. */
	if (__atomic_load_n(&t->trace.mode, __ATOMIC_SEQ_CST) & PT_FORCED_TF)
		r->eflags &= ~EFLAGS_TF;
	if (p->stack)
		r->rsp = p->stack;
	if (p->flags & CLONE_SETTLS)
		r->fs_base = p->tls;
	if (p->flags & CLONE_CHILD_CLEARTID)
		c->clear_child_tid = p->child_tid;
	if (p->flags & CLONE_CHILD_SETTID)
		c->set_child_tid = p->child_tid;
}

/* The child's thread, before its first instruction. */
static int child_start(struct task *c, void *arg)
{
	struct hostfd *page, *image;
	uint64_t size;

	/* arg: it has come into another time namespace, whose clocks the old page does not show. */
	if (arg && vclock_files(true, &page, &image, &size) && mm_change_vvar(c, page) < 0)
		return SIGKILL;
	if (c->set_child_tid &&
	    put_u32(c, uaddr(c->set_child_tid), (uint32_t)task_pid_nr(c, c)) < 0)
		return 0; /* Linux does not care either */
	return 0;
}

/* The descriptor of the child to come, and its number into the guest's memory. */
static int give_pidfd(struct task *t, struct pid *pid, const struct clone_params *p)
{
	struct file *f;
	int fd, r = pidfd_new(pid, p->flags & CLONE_THREAD ? PIDFD_THREAD : 0, &f);

	if (r < 0)
		return r;
	fd = fd_install(t, f, 0, true);
	if (fd < 0)
		return fd;
	if (put_u32(t, uaddr(p->pidfd), (uint32_t)fd) < 0) {
		(void)fd_close(t, fd);
		return -EFAULT;
	}
	return fd;
}

/* Links c, unless a signal came meanwhile: then the group may be about to stop or die. */
static int link_child(struct task *c, struct task *t, const struct clone_params *p, bool traced)
{
	struct thread_group *tg = t->tg, *parent;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	if (signal_pending(t) || (p->cgroup && p->cgroup->dead)) {
		mutex_unlock(&t->sighand->lock);
		mutex_unlock(&tasklist_lock);
		return signal_pending(t) ? -ERESTARTNOINTR : -ENODEV;
	}
	if (!p->cgroup)
		cgroup_follow(c, t);
	parent = p->flags & CLONE_PARENT ? tg->parent : tg;
	if (p->flags & CLONE_PARENT)
		c->tg->exit_signal = tg->exit_signal;
	if (p->flags & CLONE_THREAD) {
		c->tgid_pid = pid_get(t->tgid_pid);
	} else {
		c->tgid_pid = pid_get(c->pid);
		if (c->pid->numbers[c->pid->level].nr == 1) {
			c->pid->numbers[c->pid->level].ns->init = c;
			c->tg->is_init = true;
		}
		c->tg->pgrp = pid_get(tg->pgrp);
		c->tg->session = pid_get(tg->session);
		c->tg->forker = pid_get(p->flags & CLONE_PARENT ? tg->forker : t->pid);
	}
	if (p->flags & CLONE_VFORK) {
		t->vfork_done = false;
		c->vfork_parent = task_get(t);
	}
	seccomp_inherit(c, t);
	task_link(c, parent);
	if (p->flags & CLONE_THREAD)
		stop_join(t, c);
	mutex_unlock(&t->sighand->lock);
	if (traced)
		ptrace_init_child(t, c);
	mutex_unlock(&tasklist_lock);
	return 0;
}

static int make_child(struct task *t, const struct clone_params *p, bool traced, struct task **ret)
{
	bool thread = p->flags & CLONE_THREAD;
	struct sighand *sh = child_sighand(t, p->flags);
	int r, fd = -1;
	struct task *c;

	if (!sh)
		return -ENOMEM;
	c = task_alloc(t->ct, thread ? t->tg : NULL, sh);
	if (!c) {
		sighand_put(sh);
		return -ENOMEM;
	}
	inherit(c, t, p);
	r = cgroup_fork(c, p->cgroup ? cgroup_get(p->cgroup) : task_cgroup_get(t));
	if (r == 0)
		r = copy_objects(c, t, p->flags);
	if (r == 0)
		r = copy_namespaces(c, t, p->flags);
	if (r == 0)
		r = copy_memory(c, t, p->flags);
	if (r == 0) {
		set_registers(c, t, p);
		c->start = child_start;
		c->start_arg = c->nsproxy->time != t->nsproxy->time ? c : NULL;
		r = pid_alloc(c->nsproxy->pid_for_children, p->set_tid, p->set_tid_size, &c->pid);
	}
	if (r == 0) {
		if (p->flags & CLONE_PIDFD)
			r = fd = give_pidfd(t, c->pid, p);
		if (r >= 0)
			r = link_child(c, t, p, traced);
		if (r < 0) {
			pid_free_unused(TAKE_PTR(c->pid));
			if (fd >= 0)
				(void)fd_close(t, fd);
		}
	}
	if (r < 0) {
		task_put(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* True: the child has let go of the memory. */
static bool vfork_wait(struct task *t)
{
	for (;;) {
		sleeper_prepare(&t->sleeper);
		if (__atomic_load_n(&t->vfork_done, __ATOMIC_ACQUIRE))
			return true;
		if (sleeper_sleep(&t->sleeper, TIME_FOREVER, SLEEP_KILLABLE) < 0)
			return false;
	}
}

void vfork_complete(struct task *t)
{
	struct task *p;

	mutex_lock(&tasklist_lock);
	p = TAKE_PTR(t->vfork_parent);
	mutex_unlock(&tasklist_lock);
	if (!p)
		return;
	__atomic_store_n(&p->vfork_done, true, __ATOMIC_RELEASE);
	sleeper_wake(&p->sleeper);
	task_put(p);
}

/* What a tracer wants to know about this clone: PTRACE_EVENT_*, or 0. */
static int event_of(struct task *t, const struct clone_params *p)
{
	int e = p->flags & CLONE_VFORK ? PTRACE_EVENT_VFORK :
		p->exit_signal != SIGCHLD ? PTRACE_EVENT_CLONE : PTRACE_EVENT_FORK;

	return !(p->flags & CLONE_UNTRACED) && ptrace_event_enabled(t, e) ? e : 0;
}

long do_clone(struct task *t, const struct clone_params *p)
{
	int r = check_flags(t, p), nr, event = event_of(t, p);
	struct task *c = NULL;
	struct pid *pid;

	if (r == 0)
		r = check_limits(t);
	if (r == 0)
		r = make_child(t, p, event || (p->flags & CLONE_PTRACE), &c);
	if (r < 0)
		return r;
	nr = task_pid_nr(c, t);
	if ((p->flags & CLONE_PARENT_SETTID) && put_u32(t, uaddr(p->parent_tid), (uint32_t)nr) < 0)
		nr = task_pid_nr(c, t); /* as on Linux: the child runs all the same */
	pid = pid_get(c->pid);
	if (task_run_thread(c) < 0) {
		task_abandon(c);
		pid_put(pid);
		return -EAGAIN;
	}
	if (event)
		ptrace_event_pid(t, event, pid);
	if ((p->flags & CLONE_VFORK) && vfork_wait(t))
		ptrace_event_pid(t, PTRACE_EVENT_VFORK_DONE, pid);
	pid_put(pid);
	return nr;
}
