/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID: identity, state, memory, links. */
#include <linux/capability.h>
#include <string.h>
#include <sys/sysmacros.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/kernel.h"
#include "kernel/mm/mm.h"
#include "kernel/task/cgroup.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "kernel/tty/tty.h"
#include "platform/platform.h"

extern const struct synth_node proc_threads_node;

static struct mm *task_mm_get(struct task *t)
{
	MUTEX_GUARD(&t->lock);
	return t->mm ? mm_get(t->mm) : NULL;
}

static void task_comm(struct task *t, char comm[17])
{
	MUTEX_GUARD(&t->lock);
	memcpy(comm, t->comm, 16);
	comm[16] = '\0';
}

static char state_letter(struct task *t, const char **ret_word)
{
	static const struct {
		char c;
		const char *w;
	} names[] = {[TASK_RUNNING] = {'R', "running"},
		     [TASK_SLEEPING] = {'S', "sleeping"},
		     [TASK_UNINTERRUPTIBLE] = {'D', "disk sleep"},
		     [TASK_STOPPED] = {'T', "stopped"},
		     [TASK_TRACED] = {'t', "tracing stop"},
		     [TASK_ZOMBIE] = {'Z', "zombie"},
		     [TASK_DEAD] = {'X', "dead"}};
	int s = __atomic_load_n(&t->state, __ATOMIC_RELAXED);

	if (s < 0 || s > TASK_DEAD)
		s = TASK_RUNNING;
	*ret_word = names[s].w;
	return names[s].c;
}

struct ids {
	int pid, tgid, ppid, pgrp, session, threads, tracer;
};

static struct ids task_ids(struct synth_inode *i, struct task *t)
{
	struct pid_namespace *ns = synth_of(i)->priv;
	struct ids r = {0};

	MUTEX_GUARD(&tasklist_lock);
	r.pid = pid_nr_ns(t->pid, ns);
	r.tgid = pid_nr_ns(t->tgid_pid, ns);
	if (t->tg->parent && t->tg->parent->leader)
		r.ppid = pid_nr_ns(t->tg->parent->leader->tgid_pid, ns);
	r.pgrp = t->tg->pgrp ? pid_nr_ns(t->tg->pgrp, ns) : 0;
	r.session = t->tg->session ? pid_nr_ns(t->tg->session, ns) : 0;
	r.threads = t->tg->nthreads;
	r.tracer = t->trace.tracer ? pid_nr_ns(t->trace.tracer->pid, ns) : 0;
	return r;
}

struct sigs {
	ksigset_t pending, shared, blocked, ignored, caught;
};

static struct sigs task_sigs(struct task *t)
{
	struct sigs s = {0};

	if (!t->sighand)
		return s;
	MUTEX_GUARD(&t->sighand->lock);
	s.pending = t->pending.set;
	s.shared = t->tg->shared_pending.set;
	s.blocked = t->blocked;
	for (int k = 0; k < NSIG_GUEST; k++) {
		uint64_t h = t->sighand->action[k].handler;

		s.ignored |= h == 1 ? 1ULL << k : 0;
		s.caught |= h > 1 ? 1ULL << k : 0;
	}
	return s;
}

struct ticks {
	uint64_t user, sys, cuser, csys; /* in clock ticks */
};

static uint64_t tv_ticks(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 100 + (uint64_t)tv->tv_usec / 10000;
}

/* CPU time: of the whole process, or in task/ of the thread; and of its children that were waited for. */
static struct ticks task_ticks(struct synth_inode *i, struct task *t)
{
	struct ticks r;

	proc_cputime(i, t, &r.user, &r.sys);
	r.user /= 10000000;
	r.sys /= 10000000;
	MUTEX_GUARD(&tasklist_lock);
	r.cuser = tv_ticks(&t->tg->child_ru.ru_utime);
	r.csys = tv_ticks(&t->tg->child_ru.ru_stime);
	return r;
}

static int show_stat(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	_cleanup_(mm_putp) struct mm *mm = NULL;
	const char *word;
	struct ids id;
	struct sigs s;
	char comm[17];
	uint64_t vsize = 0, rss = 0, start;
	unsigned tty_nr = 0;
	int tpgid = -1;
	struct ticks cpu;
	struct tty *tty;
	bool look;

	if (!t)
		return -ESRCH;
	look = proc_may_look(t, current->cred) == 0;
	mm = task_mm_get(t);
	id = task_ids(i, t);
	s = task_sigs(t);
	task_comm(t, comm);
	if (mm) {
		mutex_lock(&mm->lock);
		vsize = mm->total_pages * GUEST_PAGE_SIZE;
		mutex_unlock(&mm->lock);
		rss = mm_rss_pages(mm);
	}
	tty = task_tty_get(t);
	if (tty) {
		tty_nr = (unsigned)(major(tty->dev) << 8 | minor(tty->dev));
		mutex_lock(&tty->lock);
		tpgid = tty->pgrp ? pid_nr_ns(tty->pgrp, synth_of(i)->priv) : -1;
		mutex_unlock(&tty->lock);
		tty_put(tty);
	}
	cpu = task_ticks(i, t);
	start = t->start_ns > kernel.boot_ns ? (t->start_ns - kernel.boot_ns) / 10000000 : 0;
	synth_printf(b,
		     "%d (%s) %c %d %d %d %u %d 4194304 0 0 0 0 %lu %lu %lu %lu %d %d %d 0 %lu %lu %lu "
		     "%lu %lu %lu %lu 0 0 %lu %lu %lu %lu 0 0 0 17 0 0 0 0 0 0 %lu %lu %lu %lu %lu "
		     "%lu %lu 0\n",
		     id.pid, comm, state_letter(t, &word), id.ppid, id.pgrp, id.session, tty_nr, tpgid,
		     cpu.user, cpu.sys, cpu.cuser, cpu.csys, 20 + t->nice, t->nice, id.threads, start, vsize, rss,
		     ~0UL, mm && look ? mm->code_start : 1, mm && look ? mm->code_end : 1,
		     mm && look ? mm->stack_top : 0, s.pending & 0x7fffffff, s.blocked & 0x7fffffff,
		     s.ignored & 0x7fffffff, s.caught & 0x7fffffff, mm && look ? mm->data_start : 0,
		     mm && look ? mm->data_end : 0, mm && look ? mm->brk_start : 0,
		     mm && look ? mm->arg_start : 0, mm && look ? mm->arg_end : 0,
		     mm && look ? mm->env_start : 0, mm && look ? mm->env_end : 0);
	return 0;
}

/* The numbers of a task in the namespaces from the instance's down to its own. */
static void show_numbers(struct synth_inode *i, struct task *t, struct synth_buf *b)
{
	static const char *const names[] = {"NStgid:", "NSpid:", "NSpgid:", "NSsid:"};
	int from = pid_namespace_level(synth_of(i)->priv);

	MUTEX_GUARD(&tasklist_lock);
	const struct pid *p[] = {t->tgid_pid, t->pid, t->tg->pgrp, t->tg->session};

	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		synth_printf(b, "%s", names[k]);
		for (int l = from; task_state(t) != TASK_DEAD && p[k] && l <= t->pid->level; l++)
			synth_printf(b, "\t%d", pid_nr_ns(p[k], t->pid->numbers[l].ns));
		synth_printf(b, "\n");
	}
}

static int show_status(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	_cleanup_(mm_putp) struct mm *mm = NULL;
	const struct user_namespace *u = current_user_ns();
	const struct cred *c;
	const char *word;
	struct ids id;
	struct sigs s;
	char comm[17], st;

	if (!t)
		return -ESRCH;
	mm = task_mm_get(t);
	id = task_ids(i, t);
	s = task_sigs(t);
	task_comm(t, comm);
	mutex_lock(&t->lock);
	c = cred_get(t->cred);
	mutex_unlock(&t->lock);
	st = state_letter(t, &word);
	synth_printf(b,
		     "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n"
		     "TracerPid:\t%d\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t",
		     comm, 022U, st, word, id.tgid, id.pid, id.ppid, id.tracer, from_kuid(u, c->uid),
		     from_kuid(u, c->euid), from_kuid(u, c->suid), from_kuid(u, c->fsuid), from_kgid(u, c->gid),
		     from_kgid(u, c->egid), from_kgid(u, c->sgid), from_kgid(u, c->fsgid));
	for (unsigned k = 0; k < c->ngroups; k++)
		synth_printf(b, "%u ", from_kgid(u, c->groups[k]));
	synth_printf(b, "\n");
	show_numbers(i, t, b);
	if (mm)
		proc_show_vm_status(mm, b);
	synth_printf(b,
		     "Threads:\t%d\nSigQ:\t0/63000\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n"
		     "SigIgn:\t%016lx\nSigCgt:\t%016lx\nCapInh:\t%016lx\nCapPrm:\t%016lx\n"
		     "CapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\nNoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%d\n"
		     "Cpus_allowed_list:\t0-%u\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\n"
		     "nonvoluntary_ctxt_switches:\t0\n",
		     id.threads, s.pending, s.shared, s.blocked, s.ignored, s.caught,
		     c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bounding,
		     c->cap_ambient, __atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED),
		     __atomic_load_n(&t->seccomp.mode, __ATOMIC_RELAXED),
		     __atomic_load_n(&t->seccomp.count, __ATOMIC_RELAXED), kernel.ncpu - 1);
	cred_put(c);
	return 0;
}

static int show_statm(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	_cleanup_(mm_putp) struct mm *mm = t ? task_mm_get(t) : NULL;
	uint64_t size = 0, data = 0;

	if (mm) {
		MUTEX_GUARD(&mm->lock);
		size = mm->total_pages;
		data = mm->data_pages;
	}
	synth_printf(b, "%lu %lu 0 0 0 %lu 0\n", size, mm ? mm_rss_pages(mm) : 0, data);
	return 0;
}

static int show_comm(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	char comm[17];

	if (!t)
		return -ESRCH;
	task_comm(t, comm);
	synth_printf(b, "%s\n", comm);
	return 0;
}

static ssize_t write_comm(struct synth_inode *i, char *buf, size_t n)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);

	if (!t)
		return -ESRCH;
	if (t->tg != current->tg)
		return -EINVAL;
	MUTEX_GUARD(&t->lock);
	snprintf(t->comm, sizeof(t->comm), "%s", buf);
	t->comm[strcspn(t->comm, "\n")] = '\0';
	return (ssize_t)n;
}

/* Strings at [start, end) of the task's memory. */
static int show_range(struct synth_inode *i, struct synth_buf *b, bool env)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	_cleanup_(mm_putp) struct mm *mm = t ? task_mm_get(t) : NULL;
	uint64_t at, end;
	char buf[4096];

	if (!t)
		return -ESRCH;
	if (!mm)
		return 0;
	mutex_lock(&mm->lock);
	at = env ? mm->env_start : mm->arg_start;
	end = env ? mm->env_end : mm->arg_end;
	mutex_unlock(&mm->lock);
	if (end < at)
		return 0;
	end = MIN(end, at + (2ULL << 20));
	while (at < end) {
		size_t n = pt_as_read(mm->as, buf, uaddr(at), MIN(sizeof(buf), end - at));

		if (!n)
			break;
		synth_write(b, buf, n);
		at += n;
	}
	return 0;
}

static int show_cmdline(struct synth_inode *i, struct synth_buf *b)
{
	return show_range(i, b, false);
}

static int show_environ(struct synth_inode *i, struct synth_buf *b)
{
	int r = proc_look_access(i, current->cred, MAY_READ);

	return r < 0 ? r : show_range(i, b, true);
}

static int show_auxv(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	_cleanup_(mm_putp) struct mm *mm = t ? task_mm_get(t) : NULL;

	if (!mm)
		return 0;
	MUTEX_GUARD(&mm->lock);
	synth_write(b, mm->auxv, MIN(mm->auxv_len, sizeof(mm->auxv)));
	return 0;
}

static int show_limits(struct synth_inode *i, struct synth_buf *b)
{
	static const struct {
		int res;
		const char *name, *unit;
	} l[] = {{RLIMIT_CPU, "Max cpu time", "seconds"},
		 {RLIMIT_FSIZE, "Max file size", "bytes"},
		 {RLIMIT_DATA, "Max data size", "bytes"},
		 {RLIMIT_STACK, "Max stack size", "bytes"},
		 {RLIMIT_CORE, "Max core file size", "bytes"},
		 {RLIMIT_RSS, "Max resident set", "bytes"},
		 {RLIMIT_NPROC, "Max processes", "processes"},
		 {RLIMIT_NOFILE, "Max open files", "files"},
		 {RLIMIT_MEMLOCK, "Max locked memory", "bytes"},
		 {RLIMIT_AS, "Max address space", "bytes"},
		 {RLIMIT_LOCKS, "Max file locks", "locks"},
		 {RLIMIT_SIGPENDING, "Max pending signals", "signals"},
		 {RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"},
		 {RLIMIT_NICE, "Max nice priority", ""},
		 {RLIMIT_RTPRIO, "Max realtime priority", ""},
		 {RLIMIT_RTTIME, "Max realtime timeout", "us"}};
	_cleanup_(task_putp) struct task *t = proc_task(i);

	if (!t)
		return -ESRCH;
	synth_printf(b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t k = 0; k < ARRAY_SIZE(l); k++) {
		struct rlimit r = t->tg->rlim[l[k].res];
		char s[24] = "unlimited", h[24] = "unlimited";

		if (r.rlim_cur != RLIM_INFINITY)
			snprintf(s, sizeof(s), "%lu", r.rlim_cur);
		if (r.rlim_max != RLIM_INFINITY)
			snprintf(h, sizeof(h), "%lu", r.rlim_max);
		synth_printf(b, "%-25s %-20s %-20s %-10s\n", l[k].name, s, h, l[k].unit);
	}
	return 0;
}

static int show_oom_adj(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);

	if (!t)
		return -ESRCH;
	synth_printf(b, "%d\n", t->tg->oom_score_adj);
	return 0;
}

static ssize_t write_oom_adj(struct synth_inode *i, char *buf, size_t n)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	char *end;
	long v = strtol(buf, &end, 10);

	if (!t)
		return -ESRCH;
	if (end == buf || (*end && *end != '\n') || v < -1000 || v > 1000)
		return -EINVAL;
	if (v < t->tg->oom_score_adj && !capable(current->cred, 24 /* CAP_SYS_RESOURCE */))
		return -EACCES;
	t->tg->oom_score_adj = (int)v;
	return (ssize_t)n;
}

static int show_number(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "0");
	return 0;
}

SYNTH_TEXT(show_oom_score, "0")

static int show_loginuid(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);

	if (!t)
		return -ESRCH;
	synth_printf(b, "%u", __atomic_load_n(&t->loginuid, __ATOMIC_RELAXED));
	return 0;
}

/* A task may set its own, once; again only with CAP_AUDIT_CONTROL. */
static ssize_t write_loginuid(struct synth_inode *i, char *buf, size_t n)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	unsigned long v;
	char *end;

	if (!t)
		return -ESRCH;
	if (t != current)
		return -EPERM;
	v = strtoul(buf, &end, 10);
	if (end == buf || (*end && *end != '\n') || v > UINT32_MAX)
		return -EINVAL;
	if (__atomic_load_n(&t->loginuid, __ATOMIC_RELAXED) != (uint32_t)-1 && !capable(t->cred, CAP_AUDIT_CONTROL))
		return -EPERM;
	__atomic_store_n(&t->loginuid, (uint32_t)v, __ATOMIC_RELAXED);
	return (ssize_t)n;
}

static int show_cgroup(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct cgroup *c = t ? task_cgroup_get(t) : NULL;
	char path[4096];

	if (!t)
		return -ESRCH;
	if (!c)
		return 0;
	cgroup_path(c, current->nsproxy->cgroup->root, path, sizeof(path));
	synth_printf(b, "0::%s%s\n", path, c->dead ? " (deleted)" : "");
	cgroup_put(c);
	return 0;
}

static int show_io(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
			"cancelled_write_bytes: 0\n");
	return 0;
}

/* --- links --- */

enum which { EXE, CWD, ROOT };

static int pid_path(struct synth_inode *i, enum which w, struct path *ret)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	_cleanup_(mm_putp) struct mm *mm = NULL;
	int r = t ? proc_may_look(t, current->cred) : -ENOENT;

	if (r < 0)
		return r;
	if (w == EXE) {
		mm = task_mm_get(t);
		if (!mm)
			return -ENOENT;
		MUTEX_GUARD(&mm->lock);
		if (!mm->exe)
			return -ENOENT;
		*ret = mm->exe->path;
		path_get(ret);
		return 0;
	}
	(w == CWD ? fs_get_cwd : fs_get_root)(t, ret);
	return ret->dentry ? 0 : -ENOENT;
}

static ssize_t path_link(struct synth_inode *i, enum which w, char *buf, size_t cap)
{
	struct path p, root;
	char tmp[4200], *s;
	int r = pid_path(i, w, &p);

	if (r < 0)
		return r;
	fs_get_root(current, &root);
	s = path_name(&p, &root, tmp, sizeof(tmp));
	r = s ? snprintf(buf, cap, "%s", s) : -ENAMETOOLONG;
	path_put(&root);
	path_put(&p);
	return r >= (int)cap ? -ENAMETOOLONG : r;
}

#define LINK(n, w)                                                                                 \
	static ssize_t n##_link(struct synth_inode *i, char *buf, size_t cap)                      \
	{                                                                                          \
		return path_link(i, w, buf, cap);                                                  \
	}                                                                                          \
	static int n##_jump(struct synth_inode *i, struct path *ret)                               \
	{                                                                                          \
		return pid_path(i, w, ret);                                                        \
	}
LINK(exe, EXE)
LINK(cwd, CWD)
LINK(root, ROOT)

#define F(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn, .valid = proc_pid_valid}
#define FP(n, fn)                                                                                  \
	{.name = n, .mode = S_IFREG | 0400, .show = fn, .valid = proc_pid_valid,                   \
	 .access = proc_look_access}
#define FW(n, fn, w)                                                                               \
	{.name = n, .mode = S_IFREG | 0644, .show = fn, .write = w, .valid = proc_pid_valid}
#define FM(n, fn)                                                                                  \
	{.name = n, .mode = S_IFREG | 0444, .show = fn, .valid = proc_pid_valid,                   \
	 .poll = proc_poll_mounts}
#define L(n)                                                                                       \
	{.name = #n, .mode = S_IFLNK | 0777, .link = n##_link, .jump = n##_jump,                   \
	 .valid = proc_pid_valid}
#define COMMON                                                                                     \
	F("stat", show_stat), F("status", show_status), F("statm", show_statm),                    \
		F("cmdline", show_cmdline), FP("environ", show_environ), FP("auxv", show_auxv),    \
		F("maps", proc_show_maps), F("smaps", proc_show_smaps),                            \
		F("smaps_rollup", proc_show_smaps_rollup),                                         \
		{.name = "pagemap", .mode = S_IFREG | 0400, .open = proc_pagemap_open,             \
		 .valid = proc_pid_valid}, FW("comm", show_comm, write_comm),   \
		F("limits", show_limits), FW("oom_score_adj", show_oom_adj, write_oom_adj),        \
		F("oom_score", show_oom_score), F("cgroup", show_cgroup), FP("io", show_io),       \
		FP("syscall", proc_show_syscall), {.name = "mem", .mode = S_IFREG | 0600,          \
		 .open = proc_mem_open, .valid = proc_pid_valid},                                  \
		F("personality", proc_show_personality), F("schedstat", proc_show_schedstat),      \
		F("sched", proc_show_sched), F("sessionid", proc_show_sessionid),                  \
		F("cpuset", proc_show_cpuset),                                                     \
		FW("timerslack_ns", proc_show_slack, proc_write_slack),                            \
		FW("loginuid", show_loginuid, write_loginuid), F("wchan", show_number),                             \
		{.name = "net", .mode = S_IFDIR | 0555, .children = proc_net_files,                \
		 .valid = proc_pid_valid},                                                         \
		FM("mounts", proc_show_mounts), FM("mountinfo", proc_show_mountinfo),              \
		F("mountstats", proc_show_mountstats), L(exe),                                     \
		L(cwd), L(root), PROC_NS_FILES,                                                    \
		{.name = "fd", .mode = S_IFDIR | 0500, .lookup = proc_fd_lookup,                   \
		 .list = proc_fd_list, .valid = proc_pid_valid, .access = proc_look_access},       \
		{.name = "fdinfo", .mode = S_IFDIR | 0500, .lookup = proc_fdinfo_lookup,           \
		 .list = proc_fd_list, .valid = proc_pid_valid, .access = proc_look_access},       \
	{                                                                                          \
		.name = "ns", .mode = S_IFDIR | 0511, .children = proc_ns_files,                   \
		.valid = proc_pid_valid                                                            \
	}

const struct synth_node proc_task_files[] = {COMMON, {.name = NULL}};

static int task_dir_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	return proc_threads_node.lookup(dir, name, child);
}

static bool task_dir_list(struct synth_inode *dir, long *n, char name[32])
{
	return proc_threads_node.list(dir, n, name);
}

const struct synth_node proc_pid_files[] = {COMMON,
					    {.name = "task",
					     .mode = S_IFDIR | 0555,
					     .lookup = task_dir_lookup,
					     .list = task_dir_list,
					     .valid = proc_pid_valid},
					    {.name = NULL}};
