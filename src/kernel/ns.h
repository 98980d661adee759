/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all namespaces have in common: a reference count, a number that tells one from another (/proc/PID/ns), and the user
 * namespace that owns them. A room's namespace embeds struct ns_common and names its type and how it is freed.
 */
#ifndef NACRE_KERNEL_NS_H
#define NACRE_KERNEL_NS_H

#include "base/ref.h"
#include "kernel/types.h"

enum ns_type { NS_CGROUP, NS_IPC, NS_MNT, NS_NET, NS_PID, NS_TIME, NS_USER, NS_UTS, NS_TYPES };

struct ns_common {
	struct ref ref;
	enum ns_type type;	      /* constant, as all below */
	uint64_t inum;		      /* unique over the kernel's life */
	struct user_namespace *owner; /* a reference; the parent for a user namespace; NULL: the first one */
	void (*free)(struct ns_common *ns);
};

/* Fills *ns with one reference and charges it to owner and its ancestors. -ENOSPC past one of their limits: then nothing
 * is held. owner NULL: the first user namespace, without charge. */
int ns_init(struct ns_common *ns, enum ns_type type, struct user_namespace *owner,
	    void (*free)(struct ns_common *ns)) __must_check;
struct ns_common *ns_get(struct ns_common *ns);
void ns_put(struct ns_common *ns); /* NULL is fine */
/* Its name in /proc/PID/ns and its CLONE_NEW* flag. */
const char *ns_name(enum ns_type type);
uint64_t ns_clone_flag(enum ns_type type);

/* An open file of /proc/PID/ns, or NULL: the namespace, borrowed from the file. */
struct ns_common *ns_of_file(struct file *f);
/* A path to ns, whose reference is taken over. */
int ns_path(struct ns_common *ns, struct path *ret) __must_check;
/* The namespace of type that t is in; children: the one its children will be in (pid, time). + reference, NULL when t is
 * exiting. */
struct ns_common *task_ns_get(struct task *t, enum ns_type type, bool children);

#endif
