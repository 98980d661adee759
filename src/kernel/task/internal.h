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
/* Capabilities after a change of user ids: old is what was, n what will be published. */
void cred_fix_setuid(const struct cred *old, struct cred *n);
void cred_fix_setfsuid(const struct cred *old, struct cred *n);
/* Capabilities over exec; n->euid and egid are set-id results already. True: the program is secure. */
bool cred_fix_exec(const struct cred *old, struct cred *n);

/* --- pid.c --- */
struct pid_namespace {
	struct ref ref;
	struct pid_namespace *parent;
	int level;
	int last GUARDED_BY(tasklist_lock);
	int count GUARDED_BY(tasklist_lock);
	bool dying GUARDED_BY(tasklist_lock);	/* init has gone: no more processes */
	struct task *init GUARDED_BY(tasklist_lock);
	void *tree GUARDED_BY(tasklist_lock);	/* tsearch tree of struct pid_slot */
};
/* A new pid in ns and its ancestors. -EAGAIN, -ENOMEM. */
int pid_alloc(struct pid_namespace *ns, struct pid **ret) __must_check;
/* Takes the numbers out of the tables: the last task of any kind is gone. tasklist lock held. */
void pid_attach(struct task *t, enum pid_type type, struct pid *p);  /* tasklist lock; + reference */
void pid_detach(struct task *t, enum pid_type type, struct pid *p);  /* tasklist lock; - reference */
/* The task whose pid is p (PIDTYPE_PID), or leader (PIDTYPE_TGID); NULL. tasklist lock held. */
struct task *pid_task(struct pid *p, enum pid_type type);

/* --- task.c --- */
/* Memory and defaults of a task; tg NULL makes a group. Nothing is linked. */
struct task *task_alloc(struct container *ct, struct thread_group *tg, struct sighand *sh);
/* Undo of task_alloc for a task never linked. */
int task_run_thread(struct task *t);
void task_link(struct task *t, struct thread_group *parent); /* tasklist lock held */

/* --- clone.c --- */
struct clone_params {
	uint64_t flags;	   /* CLONE_* without the signal */
	int exit_signal;
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
void rusage_add(struct rusage *to, const struct rusage *from);

/* --- futex.c --- */
void futex_exit(struct task *t); /* robust list and clear_child_tid, while the memory is there */
long futex_wake(struct task *t, uint64_t addr, bool priv, int n, uint32_t bitset);

/* --- itimer (syscall/sys_itimer.c) --- */
void itimers_exit(struct thread_group *tg);

#endif
