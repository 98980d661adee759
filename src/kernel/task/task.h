/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks, thread groups, pids, credentials, namespaces. One kernel thread runs each task; `current` is
 * bound to it for life.
 */
#ifndef NACRE_KERNEL_TASK_TASK_H
#define NACRE_KERNEL_TASK_TASK_H

#include <sched.h>
#include <sys/resource.h>
#include "base/cleanup.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "kernel/kernel.h"
#include "kernel/ns.h"
#include "kernel/signal/signal.h"
#include "kernel/task/ptrace_state.h"
#include "kernel/task/user_ns.h"
#include "kernel/types.h"
#include "kernel/wait.h"

/* --- credentials: immutable once published; change = new object -------------------------------------- */

#define CAP_LAST 40
struct cred {
	struct ref ref;
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	uint32_t securebits;
	struct user_namespace *user_ns; /* a reference, never NULL */
	unsigned ngroups;
	kgid_t *groups;
};
struct cred *cred_new(void);			  /* all zero ids, no capabilities */
struct cred *cred_dup(const struct cred *c);	  /* a private copy to change */
const struct cred *cred_get(const struct cred *c);
void cred_put(const struct cred *c);
/* Takes g over (malloc'd, NULL when n is 0) and sorts it, as getgroups shows it. c: not shared yet. */
void cred_set_groups(struct cred *c, kgid_t *g, unsigned n);
bool in_group(const struct cred *c, kgid_t g);
/* Has c the capability (CAP_*) in ns? capable: in the first namespace; own_capable: in c's own. */
bool ns_capable(const struct cred *c, const struct user_namespace *ns, int cap);
static inline bool capable(const struct cred *c, int cap)
{
	return ns_capable(c, &init_user_ns, cap);
}
static inline bool own_capable(const struct cred *c, int cap)
{
	return ns_capable(c, c->user_ns, cap);
}
void commit_cred(struct task *t, struct cred *c); /* publishes c for the current task; takes it over */

/* --- pids ---------------------------------------------------------------------------------------------- */

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID, PIDTYPE_MAX };
struct pid_namespace; /* task/pid.c */
struct pid {
	struct ref ref;
	int level;
	uint64_t ino;		/* constant: unique over the kernel's life, what fstat shows of its pidfds */
	struct waitq exit_wait; /* pidfd poll */
	struct list_head tasks[PIDTYPE_MAX] GUARDED_BY(tasklist_lock);
	struct {
		int nr;
		struct pid_namespace *ns;
	} numbers[]; /* level + 1 entries */
};
struct pid *pid_get(struct pid *p);
void pid_put(struct pid *p);
/* Below parent (NULL: a top one), owned by owner. -ENOSPC, -ENOMEM. */
int pid_namespace_new(struct pid_namespace *parent, struct user_namespace *owner, struct pid_namespace **ret)
	__must_check;
struct pid_namespace *pid_namespace_get(struct pid_namespace *ns);
void pid_namespace_put(struct pid_namespace *ns);
/* Number of p as seen from ns; 0 when not visible. */
int pid_nr_ns(const struct pid *p, const struct pid_namespace *ns);
struct pid *pid_find_get(struct pid_namespace *ns, int nr);	/* + reference, NULL */
int pid_namespace_level(const struct pid_namespace *ns);
struct ns_common *pid_namespace_ns(struct pid_namespace *ns);
struct pid_namespace *pid_namespace_of(struct ns_common *ns); /* NS_PID; no reference */
struct pid_namespace *pid_namespace_parent(struct pid_namespace *ns); /* no reference; NULL for a top one */
/* What a poll of p says: of the thread itself, or of the whole process that it leads. PID_EXITED: waits to be reaped. */
enum pid_state { PID_ALIVE, PID_EXITED, PID_GONE };
enum pid_state pid_state(struct pid *p, bool thread);
struct pid_namespace *task_pid_ns(struct task *t);
int task_pid_nr(struct task *t, struct task *viewer);	/* tid */
int task_tgid_nr(struct task *t, struct task *viewer);	/* what getpid returns */
/* Task with that number in ns, + reference, NULL when none. */
struct task *task_find_get(struct pid_namespace *ns, int nr);
/* Next thread-group leader with number ≥ nr in ns (for /proc): + reference, *nr updated; NULL at end. */
struct task *task_next_get(struct pid_namespace *ns, int *nr);

extern struct mutex tasklist_lock;

/* --- namespaces of a task ------------------------------------------------------------------------------ */

struct uts_namespace {
	struct ns_common ns;
	struct mutex lock; /* RANK_TASK */
	char nodename[65], domainname[65] GUARDED_BY(lock);
};
struct net_namespace {
	struct ns_common ns;
};
extern struct net_namespace init_net_ns; /* the pod's: its sockets are the host's */
struct cgroup_namespace {
	struct ns_common ns;
	struct cgroup *root; /* constant, a reference: what its members see as "/" */
};
struct time_namespace {
	struct ns_common ns;
	int64_t monotonic, boottime; /* ns, added to the host's; changed under the tasklist lock until frozen */
	bool frozen;		     /* atomic: somebody lives in it */
};
/* Immutable: a task that changes a namespace gets a new one. References of all. */
struct nsproxy {
	struct ref ref;
	struct uts_namespace *uts;
	struct mnt_namespace *mnt;
	struct pid_namespace *pid_for_children;
	struct ipc_namespace *ipc;
	struct net_namespace *net;
	struct cgroup_namespace *cgroup;
	struct time_namespace *time, *time_for_children;
};
struct uts_namespace *uts_namespace_new(const char *nodename, const char *domainname);
/* The first one of a container, with the host's network. References of uts, mnt, pid and ipc are taken over, on failure too; of
 * cgroup one is added.
 * NULL: no memory. */
struct nsproxy *nsproxy_new(struct uts_namespace *uts, struct mnt_namespace *mnt,
			    struct pid_namespace *pid, struct ipc_namespace *ipc, struct cgroup *cgroup);
struct nsproxy *nsproxy_get(struct nsproxy *n);
void nsproxy_put(struct nsproxy *n);
#define CLONE_NS_FLAGS                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |            \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
/* t's namespaces with new ones for the CLONE_NEW* of flags (CLONE_NEWUSER is done already: c has it). fs: whose root and
 * working directory go to the new mounts. -EPERM, -ENOSPC, -ENOMEM. */
int nsproxy_copy(struct task *t, uint64_t flags, const struct cred *c, struct fs_struct *fs, struct nsproxy **ret)
	__must_check;

void task_publish_user_ns(void); /* the maps of a user namespace of the current task's container changed */

/* --- thread group ------------------------------------------------------------------------------------------ */

struct thread_group {
	struct ref ref;
	struct task *leader GUARDED_BY(tasklist_lock);
	struct list_head threads GUARDED_BY(tasklist_lock); /* task.thread_node */
	int nthreads GUARDED_BY(tasklist_lock), live; /* live: atomic, not yet exiting */
	struct pid *pgrp, *session GUARDED_BY(tasklist_lock);
	struct thread_group *parent GUARDED_BY(tasklist_lock);
	struct list_head children GUARDED_BY(tasklist_lock), sibling GUARDED_BY(tasklist_lock);
	bool child_subreaper, is_init;
	struct waitq child_wait; /* wait4 sleeps here */
	int exit_signal GUARDED_BY(tasklist_lock);
	struct pid *forker; /* constant: the thread that made this group, NULL for first ones */
	/* Below: guarded by the group's sighand lock */
	struct sigpending shared_pending;
	int group_exit_code;
	unsigned flags; /* TG_* */
	int stop_count, stop_signal;
	struct task *group_exec_task;
	struct core_dump *core; /* in progress: coredump.h */
	/* end of sighand-guarded part */
	struct rlimit rlim[RLIM_NLIMITS]; /* RANK_TASK lock of the leader */
	struct tty *tty GUARDED_BY(tasklist_lock); /* controlling terminal; session leader's counts */
	struct rusage self_ru, child_ru GUARDED_BY(tasklist_lock);
	struct timer *itimer[4]; /* the last watches RLIMIT_CPU */
	struct list_head posix_timers;
	struct waitq exit_wait;
	int oom_score_adj;
	int nqueued; /* atomic: signals queued for the group, against RLIMIT_SIGPENDING */
	bool exec_done; /* tasklist lock: has called exec since fork (setpgid) */
	void (*on_exit)(void *priv, int status);
	void *on_exit_priv;
};
#define TG_GROUP_EXIT 1U
#define TG_STOPPED 2U
#define TG_CONTINUED 4U
#define TG_EXEC 8U
#define TG_NOTIFY_CONT 16U /* the next thread at the boundary tells the parent CLD_CONTINUED */
#define TG_NOTIFY_STOP 32U /* dito CLD_STOPPED: a stop was overtaken by SIGCONT */
struct thread_group *tg_get(struct thread_group *tg);
void tg_put(struct thread_group *tg);

/* --- task ------------------------------------------------------------------------------------------------------ */

enum task_state { /* what /proc shows; the ptrace-stop is a state of its own from the start */
	TASK_RUNNING,
	TASK_SLEEPING,
	TASK_UNINTERRUPTIBLE,
	TASK_STOPPED,
	TASK_TRACED,
	TASK_ZOMBIE,
	TASK_DEAD,
};

/* How to go on with an interrupted call after SIGCONT or a handler-less signal. */
struct restart_block {
	long (*fn)(struct task *t, struct restart_block *rb);
	union {
		struct {
			int clock;
			uint64_t deadline;
			uint64_t rmtp;
			bool absolute;
		} nanosleep;
		struct {
			uint64_t fds;
			unsigned nfds;
			uint64_t deadline;
		} poll;
		struct {
			uint64_t addr;
			uint32_t val, bitset, flags;
			uint64_t deadline;
		} futex;
	};
};

struct task {
	struct ref ref;
	struct container *ct; /* constant */
	struct pt_thread *pt; /* own kernel thread only; interrupt goes through task_interrupt() */
	struct pid *pid, *tgid_pid;
	struct pid *old_pid; /* what an exec by a thread that was no leader left behind */
	struct list_head pid_node[PIDTYPE_MAX] GUARDED_BY(tasklist_lock);
	struct thread_group *tg; /* constant */
	struct list_head thread_node GUARDED_BY(tasklist_lock);
	struct sleeper sleeper;
	int state; /* atomic enum task_state */
	int exit_code GUARDED_BY(tasklist_lock); /* wait(2) status */

	struct mutex lock;	 /* RANK_TASK: pointers below are changed by the task itself with the
				    lock held, so the task reads them freely and others take the lock */
	struct mm *mm;		 /* NULL once exiting */
	struct files *files;	 /* NULL once exiting */
	struct fs_struct *fs;	 /* NULL once exiting */
	struct nsproxy *nsproxy; /* NULL once exiting */
	const struct cred *cred;
	char comm[16];

	struct sighand *sighand;
	struct sigpending pending GUARDED_BY(sighand->lock);
	ksigset_t blocked;  /* own thread writes with sighand lock; it reads freely */
	ksigset_t saved_mask;
	bool restore_mask;
	uint32_t sig_flags; /* atomic: TIF_* */
	struct guest_sigstack altstack;
	int stop_report;
	unsigned jobctl GUARDED_BY(sighand->lock); /* JOBCTL_* */
	int stop_sig GUARDED_BY(sighand->lock);	   /* the signal of the stop in progress */

	/* A filter is changed with the sighand lock held, by the task itself or by another thread (TSYNC), and kept
	 * alive by the task; everybody reads atomically. */
	struct {
		int mode;  /* atomic SECCOMP_MODE_* */
		int count; /* atomic: filters in all */
		struct seccomp_filter *filter;
	} seccomp;
	bool no_new_privs; /* atomic: once set, for good */
	struct { /* syscall user dispatch; the task's own. Not inherited, and ends with exec */
		bool on;
		uint64_t offset, len, selector;
	} dispatch;

	struct restart_block restart;
	struct sem_undo_list *sysvsem; /* own thread: adjustments of SEM_UNDO, NULL none */
	uint64_t clear_child_tid, set_child_tid; /* guest addresses */
	uint64_t robust_list;
	uint64_t robust_len;
	struct pi_waiter *pi_blocked; /* PI lock: the PI futex that it waits for */
	bool pi_waited;		      /* atomic: somebody has waited for a PI futex of its */
	struct task *vfork_parent GUARDED_BY(tasklist_lock); /* completes at exec or exit */
	bool vfork_done; /* of this task as a parent; atomic */

	struct ptrace trace; /* ptrace.h */

	uint64_t start_ns; /* CLOCK_BOOTTIME */
	int pdeath_signal;
	int last_signo;	/* for /proc */
	cpu_set_t *affinity;
	int nice;
	uint32_t loginuid; /* atomic: /proc/PID/loginuid; -1 until a login sets it */
	uint64_t timer_slack, default_slack;
	unsigned mce_kill; /* PR_MCE_KILL_*: how early, kept for PR_MCE_KILL_GET */
	bool io_flusher;   /* PR_SET_IO_FLUSHER, kept for PR_GET_IO_FLUSHER */

	/* CPU time: guest code by the clock around pt_run, the kernel thread's by its own clock on the host, which who wants to
	 * know reads. stime is what it came to, once that clock is gone. */
	uint64_t utime, stime;	 /* atomic ns */
	clockid_t host_clock;	 /* atomic; 0: the thread has not begun, or is accounted */
	uint64_t guest_since;	 /* atomic: monotonic ns when pt_run began, 0 outside */
	bool accounted GUARDED_BY(tasklist_lock); /* its times are in tg->self_ru */
	uint32_t in_guest;	 /* atomic: pt_run in progress or about to be */
	uint32_t guest_turns;	 /* atomic: how often pt_run has returned */
	uint16_t mempolicy;	 /* own thread: mode and flags of set_mempolicy, always of node 0 */
	bool mempolicy_nodes;	 /* own thread: it was given with nodes */
	uint64_t trapno, trap_err, trap_addr; /* own thread: last exception, for signal frames */
	unsigned personality, sched_policy; /* atomic */
	uint64_t dl[3];			    /* own and setters: runtime, deadline, period of SCHED_DEADLINE */
	int rt_priority, ioprio;	    /* atomic: kept and shown; the host schedules */
	bool reset_on_fork;		    /* atomic: children get the ordinary policy */
	bool exiting;		 /* atomic: do_exit has begun */
	struct cgroup *cgroup;	/* a reference; tasklist lock */
	bool cgroup_live;	/* tasklist lock: counted as alive there */
	pthread_t thread;
	int (*start)(struct task *t, void *arg);
	void *start_arg;
};

/* Changes under the reader's feet, but for TASK_ZOMBIE: that is for good. */
static inline int task_state(const struct task *t)
{
	return __atomic_load_n(&t->state, __ATOMIC_RELAXED);
}
#define TIF_SIGPENDING 1U /* look at signals at the boundary */
#define TIF_KILLED 2U	  /* fatal: killable sleeps end */
#define TIF_STOP 4U	  /* a group stop or ptrace stop is requested */
#define TIF_HOOKS 8U	  /* entry hooks are on: strace, ptrace */
#define TIF_SECCOMP 256U  /* so are seccomp's, for calls that it does not always allow, and user dispatch's */

extern __thread struct task *current;

struct task *task_get(struct task *t);
void task_put(struct task *t);
DEFINE_CLEANUP(struct task *, task_put)
/* Makes t notice new flags wherever it is: sleeping in the kernel or running guest code. Any thread. */
void task_interrupt(struct task *t);
/* It got SIGKILL: guest code that does not come back for it is killed by the platform (pt_doom). Same locks. */
void task_doom(struct task *t);

/* First task of a container or of an exec session: made stopped by an RPC thread; its own kernel thread
 * then runs start(t, arg), which returns 0 (regs set: run the guest) or a wait status to exit with. */
struct task_params {
	struct container *ct;
	const struct cred *cred; /* reference taken over */
	struct files *files;	 /* dito */
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	const struct rlimit *rlim;
	struct pid_namespace *pid_ns;
	bool init; /* becomes pid 1 of pid_ns */
	struct tty *tty; /* becomes the controlling terminal, or NULL */
	int (*start)(struct task *t, void *arg);
	void *arg;
	/* Called once in the exiting task's thread when the whole group is gone, with the wait status. */
	void (*on_exit)(void *priv, int status);
	void *priv;
};
int task_create(const struct task_params *p, struct task **ret) __must_check;
void task_start(struct task *t);

/* Ends the calling task. Never returns. code: wait(2) status. */
void do_exit(struct task *t, int code) __noreturn;
void do_group_exit(struct task *t, int code) __noreturn;
/* exec for the current task; path resolution done by the caller. Returns 0 (registers set) or -errno
 * with nothing changed. */
struct exec_image;
int do_exec(struct task *t, struct exec_image *img) __must_check;
uint64_t task_rlimit(struct task *t, unsigned res); /* soft limit */

#endif
