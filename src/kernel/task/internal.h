/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of task/, signal/ and their system calls only. */
#ifndef NACRE_KERNEL_TASK_INTERNAL_H
#define NACRE_KERNEL_TASK_INTERNAL_H

#include "kernel/container.h"
#include "kernel/mm/mm.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs.h"
#include "platform/platform.h"

/* --- cred.c --- */
struct file_caps {
	bool present, effective;
	uint64_t permitted, inheritable;
};
/* Capabilities after a change of user ids: old is what was, n what will be published. */
void cred_fix_setuid(const struct cred *old, struct cred *n);
void cred_fix_setfsuid(const struct cred *old, struct cred *n);
/* Capabilities over exec; n->euid and egid are set-id results already. held_back: nothing may be gained (no_new_privs).
 * *ret_secure: the program is secure (AT_SECURE). 0; -EPERM: the program insists on what it cannot have. */
int cred_fix_exec(const struct cred *old, struct cred *n, const struct file_caps *f, bool held_back, bool *ret_secure)
	__must_check;

/* --- filecaps.c --- */
/* What the value of security.capability says. 0; -EINVAL; -ENODATA: it is for another user namespace. */
int file_caps_parse(const void *value, size_t n, struct file_caps *ret) __must_check;
/* The capabilities of the file i, none when it has none. 0, -EINVAL, the file system's errors. */
int file_caps_read(struct inode *i, struct file_caps *ret) __must_check;

/* --- pid.c --- */
struct pid_namespace {
	struct ns_common ns;
	struct pid_namespace *parent;
	int level;
	int last GUARDED_BY(tasklist_lock);
	bool dying GUARDED_BY(tasklist_lock);	/* init has gone: no more processes */
	struct task *init GUARDED_BY(tasklist_lock);
	struct pid_slot {
		int nr;
		struct pid *pid;
	} *slots GUARDED_BY(tasklist_lock); /* ascending by nr */
	size_t nslots, cap GUARDED_BY(tasklist_lock);
};
/* A new pid in ns and its ancestors. want: the numbers it is to have in ns and the nwant - 1 namespaces above, or
 * NULL. -EAGAIN, -ENOMEM; for want also -EINVAL, -EPERM, -EEXIST. */
int pid_alloc(struct pid_namespace *ns, const int *want, unsigned nwant, struct pid **ret) __must_check;
/* Attaching. Detaching the last task of any kind takes the numbers out of the tables. */
void pid_attach(struct task *t, enum pid_type type, struct pid *p);  /* tasklist lock; + reference */
void pid_detach(struct task *t, enum pid_type type, struct pid *p);  /* tasklist lock; - reference */
/* The task whose pid is p (PIDTYPE_PID), or leader (PIDTYPE_TGID); NULL. tasklist lock held. */
struct task *pid_task(struct pid *p, enum pid_type type);
struct pid *pid_find(struct pid_namespace *ns, int nr); /* tasklist lock held; no reference */
void pid_free_unused(struct pid *p);			/* undo of pid_alloc; drops the reference */
struct waitq *pid_empty_wait(void);			/* woken at each release of a task */

/* --- task.c --- */
/* Memory and defaults of a task; tg NULL makes a group. Nothing is linked. */
struct task *task_alloc(struct container *ct, struct thread_group *tg, struct sighand *sh);
/* Makes the kernel thread of a linked task. -EAGAIN. */
int task_run_thread(struct task *t) __must_check;
void task_leave(struct task *t) __noreturn; /* ends the kernel thread: the end of do_exit */
void task_link(struct task *t, struct thread_group *parent); /* tasklist lock held */

/* A linked task whose kernel thread could not be made: exits it from the calling thread. */
void task_abandon(struct task *t);

/* --- nsproxy.c --- */
/* t, the current task, goes over to n (the reference moves in). */
void nsproxy_switch(struct task *t, struct nsproxy *n);
/* For a new process: *n becomes a set whose time namespace is the one for children. -ENOMEM. */
int nsproxy_enter_time(struct nsproxy **n) __must_check;
/* setns(2) of the current task: into ns, or into those of from that flags name. */
int do_setns(struct task *t, struct ns_common *ns, struct task *from, uint64_t flags) __must_check;

/* --- answers.c --- */
/* The parent's number as t sees it, 0 if it has none there. tasklist lock held. */
int task_ppid_nr(struct task *t);
/* After a change: what getppid, the calls for users, or all identity calls of t are to answer from now on. */
void task_publish_ppid(struct task *t); /* tasklist lock held */
void task_publish_cred(struct task *t); /* t->lock held */
void task_publish(struct task *t);	/* neither held */
/* Turns t's entry hooks on or off as its tracer demands. tasklist lock held, t->lock not. */
void task_update_hooks(struct task *t);
/* Filters may stand before the identity calls of t now: those are to make the trip. t->lock not held. */
void task_withdraw(struct task *t);

/* --- clone.c --- */
#define SET_TID_MAX 32
struct clone_params {
	uint64_t flags;	   /* CLONE_* without the signal */
	int exit_signal;   /* above NSIG_GUEST: none, but not SIGCHLD */
	uint64_t pidfd;	   /* guest address, for CLONE_PIDFD */
	int set_tid[SET_TID_MAX]; /* innermost first */
	unsigned set_tid_size;
	struct cgroup *cgroup; /* borrowed: CLONE_INTO_CGROUP, else NULL */
	uint64_t stack;	   /* stack pointer, 0: the parent's */
	uint64_t tls, parent_tid, child_tid;
};
long do_clone(struct task *t, const struct clone_params *p);
void vfork_complete(struct task *t); /* t execs or exits */

/* --- exit.c --- */
/* Has pgrp no member whose parent is in another group of the session? tasklist lock held. */
bool pgrp_orphaned(struct pid *pgrp, struct thread_group *ignore);
/* Releases a zombie leader (or a thread that nobody waits for). tasklist lock held. */
void release_task(struct task *t);
/* The same, and then the leader, if t was the last thread it waited for and nobody waits for the leader. */
void reap_task(struct task *t);
/* Tells tracer or parent that t is a zombie, by sig. True: nobody wants to wait for it. tasklist lock held. */
bool notify_exit(struct task *t, int sig);
/* Has t's process said that it will not wait for its children? */
bool ignores_children(struct task *t);
void rusage_add(struct rusage *to, const struct rusage *from);

/* --- futex.c --- */
void futex_exit(struct task *t); /* robust list and clear_child_tid, while the memory is there */
long futex_wake(struct task *t, uint64_t addr, bool priv, int n, uint32_t bitset);

/* --- itimer (syscall/sys_itimer.c) --- */
void itimers_exit(struct thread_group *tg);
/* The group has, or may have, a limit of CPU time: watch it. -ENOMEM, -EAGAIN. */
int cpu_limit_watch(struct thread_group *tg) __must_check;
void posix_timers_exit(struct thread_group *tg);

#endif
