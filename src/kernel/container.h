/* SPDX-License-Identifier: Apache-2.0 */
/* A container inside the sandbox: its root, its init, its exec sessions. */
#ifndef NACRE_KERNEL_CONTAINER_H
#define NACRE_KERNEL_CONTAINER_H

#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "kernel/types.h"

struct container {
	struct ref ref;
	char *id;
	struct pt_container *pt;
	struct mnt_namespace *mnt; /* the spec's mounts */
	struct pid_namespace *pid_ns;
	struct nsproxy *nsproxy;
	struct cgroup *cgroup;	   /* the tree of its control groups: a reference */
	struct ipc_namespace *ipc; /* until nsproxy has it */
	struct path_holder *cwd;
	int gofer_fd; /* the fuse client's, for messages outside files */
	uint64_t mem_bytes; /* atomic: kernel memory charged to the container */
	uint64_t mem_max;   /* atomic: its limit, 0 none */
	int pids;	    /* atomic: tasks; limit below, 0 none */
	int pids_max;	    /* atomic */
	void *priv; /* control server's */
	void (*release)(struct container *ct); /* after the last reference; may be NULL. Each task holds one */
};
void container_get(struct container *ct);
void container_put(struct container *ct);
/* Charges n bytes of kernel memory (arena, pipe, dentry...) to ct: -ENOMEM past its limit. */
int container_charge(struct container *ct, uint64_t n) __must_check;
void container_uncharge(struct container *ct, uint64_t n);
/* n bytes of zeros (calloc) or of anything (alloc) charged to ct; NULL past its limit or without memory. The owner gives
 * them back with container_free, or with container_uncharge and free. */
void *container_calloc(struct container *ct, size_t n) __must_check;
void *container_alloc(struct container *ct, size_t n) __must_check;
void container_free(struct container *ct, void *p, size_t n);

#endif
