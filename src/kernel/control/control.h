/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox API inside nacre-kernel: containers, their processes, and the server on the control socket. */
#ifndef NACRE_KERNEL_CONTROL_CONTROL_H
#define NACRE_KERNEL_CONTROL_CONTROL_H

#include "kernel/container.h"
#include "kernel/fs/fuse/fuse.h"
#include "kernel/loader/loader.h"
#include "kernel/task/task.h"
#include "kernel/tty/tty.h"
#include "kernel/vfs/vfs.h"
#include "rpc/rpc.h"
#include "sandbox.pb-c.h"

/* One process that the API started: a container's init, or an exec session. */
struct process {
	struct ref ref;
	struct list_head node GUARDED_BY(control_lock);
	char *exec_id; /* "" for init */
	struct container *ct;
	struct task *task; /* own reference; the group's first */
	struct tty *tty;   /* guest terminal, or NULL */
	/* what to run, owned */
	char **argv, **envp, *cwd;
	unsigned argc, envc;
	struct file **stdio; /* handed to descriptors 0.. by the task itself */
	unsigned nstdio;
	bool init;
	/* progress; each change wakes wait */
	struct waitq wait;
	int prepared;	/* atomic: 1 not yet, 0 ready to exec, -errno */
	bool go;	/* atomic: StartContainer came */
	bool exited;	/* atomic */
	int status;	/* wait status, valid when exited */
};

struct box { /* a container with what the API keeps about it; container.priv */
	struct list_head node GUARDED_BY(control_lock);
	struct container ct;
	struct fuse_conn *gofer;
	struct seccomp_filter *seccomp; /* what each process begins with, or NULL; constant */
	struct list_head processes GUARDED_BY(control_lock);
	struct process *init;
	bool started;
};

extern struct mutex control_lock; /* RANK_CONTROL */

struct process *process_get(struct process *p);
void process_put(struct process *p);
DEFINE_CLEANUP(struct process *, process_put)

/* process.c */
/* Makes the task of p (credentials, limits, root of b) and lets it look the program up; returns when that is known.
 * *message: runc's wording of what is wrong (malloc'd). 0, or -errno. */
int process_create(struct box *b, const Nacre__Sandbox__V1__Process *spec, const char *exec_id, bool init,
		   struct rpc_buf *fds, struct process **ret, char **message) __must_check;
void process_go(struct process *p);
int process_wait(struct process *p);

/* mounts.c */
int box_mounts(struct box *b, const Nacre__Sandbox__V1__CreateContainerRequest *q, char **message) __must_check;

/* box.c */
int box_create(const Nacre__Sandbox__V1__CreateContainerRequest *q, struct rpc_buf *fds, int *ret_pidfd,
	       char **message) __must_check;
struct box *box_find(const char *id) REQUIRES(control_lock);
struct process *box_process(struct box *b, const char *exec_id) REQUIRES(control_lock); /* + reference */
void box_delete(struct box *b);

/* server.c */
/* Serves connections on listen_fd for ever. */
void control_serve(int listen_fd) __noreturn;

#endif
