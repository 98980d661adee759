/* SPDX-License-Identifier: Apache-2.0 */
/* The set of namespaces a task is in. */
#include <stdio.h>
#include "kernel/ipc/ipc.h"
#include "kernel/task/internal.h"

struct uts_namespace *uts_namespace_new(const char *nodename, const char *domainname)
{
	struct uts_namespace *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	ref_init(&u->ref);
	mutex_init(&u->lock, RANK_TASK, "uts");
	snprintf(u->nodename, sizeof(u->nodename), "%s", nodename);
	snprintf(u->domainname, sizeof(u->domainname), "%s", domainname);
	return u;
}

struct uts_namespace *uts_namespace_get(struct uts_namespace *u)
{
	ref_get(&u->ref);
	return u;
}

void uts_namespace_put(struct uts_namespace *u)
{
	if (!u || !ref_put(&u->ref))
		return;
	mutex_destroy(&u->lock);
	free(u);
}

struct nsproxy *nsproxy_new(struct uts_namespace *uts, struct mnt_namespace *mnt,
			    struct pid_namespace *pid)
{
	struct nsproxy *n = uts && mnt && pid ? calloc(1, sizeof(*n)) : NULL;

	if (!n) {
		uts_namespace_put(uts);
		if (mnt)
			mnt_namespace_put(mnt);
		pid_namespace_put(pid);
		return NULL;
	}
	ref_init(&n->ref);
	n->uts = uts;
	n->mnt = mnt;
	n->pid_for_children = pid;
	return n;
}

struct nsproxy *nsproxy_get(struct nsproxy *n)
{
	ref_get(&n->ref);
	return n;
}

void nsproxy_put(struct nsproxy *n)
{
	if (!n || !ref_put(&n->ref))
		return;
	uts_namespace_put(n->uts);
	if (n->mnt)
		mnt_namespace_put(n->mnt);
	pid_namespace_put(n->pid_for_children);
	ipc_namespace_put(n->ipc);
	free(n);
}
