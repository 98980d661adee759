/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups of a container (cgroup v2): which task is where, numbers of tasks and their limits, CPU time. The host's
 * own groups limit the container as a whole; these divide it inside. Files: fs/cgroup. The tree is under the tasklist lock.
 */
#ifndef NACRE_KERNEL_TASK_CGROUP_H
#define NACRE_KERNEL_TASK_CGROUP_H

#include <limits.h>
#include "base/list.h"
#include "base/ref.h"
#include "kernel/types.h"

#define CGROUPS_MAX 4096 /* of one container */
#define CGROUP_PIDS 1U	 /* controllers, as bits of subtree_control */
#define CGROUP_MEMORY 2U

struct cgroup {
	struct ref ref;
	struct cgroup *parent; /* a reference; NULL: the container's */
	char *name;	       /* constant; "" for the container's */
	struct list_head children, sibling; /* tasklist lock, as all without a mark */
	unsigned subtree;   /* controllers that the children have */
	bool dead;	    /* removed */
	int total;	    /* the container's: groups there are */
	int pids, live;	    /* atomic: tasks here and below; those not zombies */
	int pids_max;	    /* atomic: INT_MAX for none */
	int pids_peak;	    /* atomic */
	uint64_t pids_hits; /* atomic: forks refused by pids_max of this very group */
	uint64_t user, sys; /* atomic: ns of CPU time of tasks that have ended, here and below */
};

struct cgroup *cgroup_new_root(void); /* NULL: no memory */
struct cgroup *cgroup_get(struct cgroup *c);
void cgroup_put(struct cgroup *c);
/* A group called name below parent. -EEXIST, -ENODEV, -EAGAIN past CGROUPS_MAX, -ENOMEM. */
int cgroup_make(struct cgroup *parent, const char *name) __must_check;
/* Removes the child called name: -ENOENT, -EBUSY while it has children or live tasks. */
int cgroup_remove(struct cgroup *parent, const char *name) __must_check;
struct cgroup *cgroup_child_get(struct cgroup *parent, const char *name); /* + reference, NULL */
/* Name of the n-th child, false when there are fewer. */
bool cgroup_child_name(struct cgroup *parent, long n, char name[256]);
bool cgroup_is_ancestor(const struct cgroup *a, const struct cgroup *c); /* a is c, or above it */

/* A new task for c: -EAGAIN past a limit of c or above. The reference moves to t. Undone by cgroup_exit and cgroup_release. */
int cgroup_fork(struct task *t, struct cgroup *c) __must_check;
void cgroup_enter_first(struct task *t, struct cgroup *c); /* the same for a container's own processes, without limit */
void cgroup_follow(struct task *t, struct task *parent);   /* parent moved since: t goes along. tasklist lock held */
void cgroup_exit(struct task *t);			   /* t is a zombie now. tasklist lock held */
void cgroup_release(struct task *t);			   /* t is no more */
/* All threads of tg go to c. -ENODEV, -EBUSY when c hands its resources to children. */
int cgroup_attach(struct cgroup *c, struct thread_group *tg) __must_check;
/* Sends sig to all processes of c and below. */
void cgroup_signal(struct cgroup *c, int sig);
/* CPU time of c and below, ns. */
void cgroup_cputime(struct cgroup *c, uint64_t *user, uint64_t *sys);
/* Pages that the processes of c and below have resident. */
uint64_t cgroup_rss_pages(struct cgroup *c);
/* The name of c as seen from root: "/a/b"; "/.." for each step that root is below. Its length, cut at cap. */
size_t cgroup_path(struct cgroup *c, struct cgroup *root, char *buf, size_t cap);
/* t's group, + reference; NULL when it has ended. */
struct cgroup *task_cgroup_get(struct task *t);

#endif
