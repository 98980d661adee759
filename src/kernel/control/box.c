/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as the API sees them: making, finding, removing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "kernel/control/control.h"
#include "kernel/ipc/ipc.h"
#include "kernel/task/cgroup.h"
#include "kernel/task/seccomp.h"
#include "platform/platform.h"

struct mutex control_lock = MUTEX_INIT(RANK_CONTROL, "control");
static LIST_HEAD(boxes);

struct box *box_find(const char *id)
{
	struct box *b;

	mutex_assert_held(&control_lock);
	list_for_each_entry(b, &boxes, node)
		if (!strcmp(b->ct.id, id))
			return b;
	return NULL;
}

struct process *box_process(struct box *b, const char *exec_id)
{
	struct process *p;

	mutex_assert_held(&control_lock);
	list_for_each_entry(p, &b->processes, node)
		if (!strcmp(p->exec_id, exec_id))
			return process_get(p);
	return NULL;
}

/* The zygote died: no process of the container can live on. Or the host process of one address space, with what ran in it. */
static void host_process_dead(void *priv, struct pt_as *lost)
{
	struct box *b = priv;

	if (lost) {
		kill_space(b->ct.pid_ns, lost);
		return;
	}
	log_warning("container %s: its zygote ended", b->ct.id); /* mostly it was killed, which is no error */
	if (b->init && b->init->task)
		kill_group(b->init->task->tg);
}

static void box_free(struct box *b)
{
	struct process *p, *n;

	list_for_each_entry_safe(p, n, &b->processes, node) {
		list_del(&p->node);
		process_put(p);
	}
	if (b->ct.nsproxy)
		nsproxy_put(b->ct.nsproxy);
	else if (b->ct.mnt)
		mnt_namespace_put(b->ct.mnt);
	ns_put(b->ct.ipc ? &b->ct.ipc->ns : NULL);
	if (b->gofer)
		fuse_conn_put(b->gofer);
	seccomp_filter_put(b->seccomp);
	if (b->ct.pt)
		pt_container_free(b->ct.pt);
	cgroup_put(b->ct.cgroup);
	if (b->ct.pid_ns)
		pid_namespace_put(b->ct.pid_ns);
	container_put(&b->ct); /* tasks that are about to go still count on it */
}

static void box_release(struct container *ct)
{
	struct box *b = ct->priv;

	free(b->ct.id);
	free(b);
}

/* Of the sysctls of namespaces the guest kernel has this one and those of IPC. The others were checked, and set nothing
 * here. */
/* Is s, "name=value", one of the IPC room's? The name within its folder then starts at *ret. */
static bool is_ipc_sysctl(const char *s, char name[32], const char **ret_value)
{
	size_t skip = !strncmp(s, "kernel.", 7) ? 7 : !strncmp(s, "fs.mqueue.", 10) ? 10 : 0;
	const char *eq = strchr(s, '=');

	if (!skip || !eq || (size_t)(eq - s) - skip >= 32)
		return false;
	snprintf(name, 32, "%.*s", (int)((size_t)(eq - s) - skip), s + skip);
	*ret_value = eq + 1;
	return ipc_sysctl_known(name);
}

static int set_ipc_sysctls(struct ipc_namespace *ns, const Nacre__Sandbox__V1__CreateContainerRequest *q)
{
	const char *value;
	char name[32];

	for (size_t i = 0; i < q->n_sysctl; i++) {
		int r = is_ipc_sysctl(q->sysctl[i], name, &value) ? ipc_sysctl_set(ns, name, value) : 0;

		if (r < 0) {
			log_error("container %s: sysctl %s: %s", q->id, q->sysctl[i], strerror(-r));
			return r;
		}
	}
	return 0;
}

static const char *domainname(const Nacre__Sandbox__V1__CreateContainerRequest *q)
{
	static const char key[] = "kernel.domainname=";
	const char *name = *q->domainname ? q->domainname : "(none)", *value;
	char ipc[32];

	for (size_t i = 0; i < q->n_sysctl; i++) {
		if (!strncmp(q->sysctl[i], key, sizeof(key) - 1))
			name = q->sysctl[i] + sizeof(key) - 1;
		else if (strncmp(q->sysctl[i], "net.", 4) != 0 && /* those are the network namespace's: sandbox/birth.c */
			 !is_ipc_sysctl(q->sysctl[i], ipc, &value))
			log_warning("container %s: sysctl %s: the guest kernel has no such setting yet", q->id,
				    q->sysctl[i]);
	}
	return name;
}

static int make_namespaces(struct box *b, const Nacre__Sandbox__V1__CreateContainerRequest *q)
{
	struct uts_namespace *uts = uts_namespace_new(*q->hostname ? q->hostname : "localhost", domainname(q));

	if (!uts)
		return -ENOMEM;
	b->ct.nsproxy = nsproxy_new(uts, mnt_namespace_get(b->ct.mnt), pid_namespace_get(b->ct.pid_ns),
				    TAKE_PTR(b->ct.ipc), b->ct.cgroup);
	if (!b->ct.nsproxy)
		return -ENOMEM;
	return set_ipc_sysctls(b->ct.nsproxy->ipc, q);
}

/* The container's profile, checked as any filter of a guest's. */
static int make_seccomp(struct box *b, const Nacre__Sandbox__V1__CreateContainerRequest *q, char **message)
{
	size_t n = q->seccomp_filter.len / sizeof(struct sock_filter);
	int r;

	if (!q->seccomp_filter.len)
		return 0;
	if (q->seccomp_filter.len % sizeof(struct sock_filter) || n > BPF_MAXINSNS ||
	    (q->seccomp_flags & ~SECCOMP_FILTER_FLAG_LOG))
		return -EINVAL;
	r = seccomp_filter_new((const void *)q->seccomp_filter.data, (unsigned)n, &b->seccomp);
	if (r == -EINVAL && asprintf(message, "linux.seccomp: the filter is not one that a kernel takes") < 0)
		return -ENOMEM;
	if (r == 0)
		seccomp_filter_log(b->seccomp, q->seccomp_flags & SECCOMP_FILTER_FLAG_LOG);
	return r;
}

int box_create(const Nacre__Sandbox__V1__CreateContainerRequest *q, struct rpc_buf *fds, int *ret_pidfd,
	       char **message)
{
	struct box *b = calloc(1, sizeof(*b));
	struct process *init = NULL;
	int gofer = rpc_buf_take_fd(fds, q->gofer_fd), r;

	*ret_pidfd = -1;
	if (!b || gofer < 0) {
		free(b);
		if (gofer >= 0)
			close(gofer);
		return gofer < 0 ? -EBADF : -ENOMEM;
	}
	ref_init(&b->ct.ref);
	list_init(&b->node);
	list_init(&b->processes);
	b->ct.priv = b;
	b->ct.release = box_release;
	b->ct.pids_max = (int)q->pids_limit;
	b->ct.mem_max = q->memory_limit;
	b->ct.id = strdup(q->id);
	r = pid_namespace_new(NULL, NULL, &b->ct.pid_ns); /* /proc of the mounts shows it */
	b->ct.cgroup = cgroup_new_root();
	if (r == 0 && !b->ct.cgroup)
		r = -ENOMEM;
	log_phase("box");
	/* The gofer may still be on its way: the zygote first. */
	if (r == 0)
		r = b->ct.id ? pt_container_new(host_process_dead, b, &b->ct.pt, ret_pidfd) : -ENOMEM;
	log_phase("box-zygote");
	if (r == 0)
		r = fuse_conn_new(TAKE_FD(gofer), &b->gofer);
	log_phase("box-gofer");
	/* The init task's thread is born on this CPU too: it has the gofer look up what it executes. */
	pt_stay_on_cpu(true);
	fuse_thread_stays = true;
	if (r == 0)
		r = ipc_namespace_new(&b->ct, NULL, &b->ct.ipc);
	if (r == 0)
		r = box_mounts(b, q, message);
	log_phase("box-mounts");
	if (r == 0)
		r = make_namespaces(b, q);
	if (r == 0)
		r = make_seccomp(b, q, message);
	if (r == 0)
		r = process_create(b, q->process, "", true, fds, &init, message);
	fuse_thread_stays = false;
	pt_stay_on_cpu(false);
	log_phase("box-process");
	if (r == 0) {
		mutex_lock(&control_lock);
		if (box_find(q->id)) {
			r = -EEXIST;
		} else {
			b->init = init;
			list_add_tail(&init->node, &b->processes);
			list_add_tail(&b->node, &boxes);
		}
		mutex_unlock(&control_lock);
	}
	if (r < 0) {
		if (init) {
			kill_group(init->task->tg);
			(void)!process_wait(init);
			process_put(init);
		}
		box_free(b);
		if (*ret_pidfd >= 0)
			close(TAKE_FD(*ret_pidfd));
		if (gofer >= 0)
			close(gofer);
		log_debug("container %s was not created: %s", q->id, strerror(-r));
	}
	return r;
}

void box_delete(struct box *b)
{
	if (b->init) {
		kill_group(b->init->task->tg);
		(void)!process_wait(b->init);
	}
	box_free(b);
}
