/* SPDX-License-Identifier: Apache-2.0 */
/* IPC namespaces: birth, end, and the settings of /proc/sys/kernel and /proc/sys/fs/mqueue. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/container.h"
#include "kernel/ipc/ipc.h"
#include "kernel/task/task.h"
#include "kernel/task/user_ns.h"
#include "kernel/vfs/vfs.h"

static void ids_init(struct ipc_ids *ids, const char *name)
{
	mutex_init(&ids->lock, RANK_IPC, name);
	ids->last = -1;
	ids->next_id = -1;
}

static void namespace_end(struct ns_common *n)
{
	struct ipc_namespace *ns = container_of(n, struct ipc_namespace, ns);

	shm_namespace_end(ns);
	sem_namespace_end(ns);
	msg_namespace_end(ns);
	mq_namespace_end(ns);
	ipc_life_put(ns);
}

int ipc_namespace_new(struct container *ct, struct user_namespace *owner, struct ipc_namespace **ret)
{
	struct ipc_namespace *ns = calloc(1, sizeof(*ns));
	int r = ns ? ns_init(&ns->ns, NS_IPC, owner, namespace_end) : -ENOMEM;

	if (r < 0) {
		free(ns);
		return r;
	}
	ref_init(&ns->life);
	ns->user_ns = user_ns_get(ns_owner(&ns->ns));
	container_get(ct);
	ns->ct = ct;
	ids_init(&ns->shm, "ipc shm");
	ids_init(&ns->sem, "ipc sem");
	ids_init(&ns->msg, "ipc msg");
	ns->shmmax = ns->shmall = ULONG_MAX - (1UL << 24);
	ns->shmmni = 4096;
	ns->semmsl = 32000;
	ns->semmns = 1024000000;
	ns->semopm = 500;
	ns->semmni = 32000;
	ns->msgmax = 8192;
	ns->msgmnb = 16384;
	ns->msgmni = 32000;
	ns->mq_queues_max = 256;
	ns->mq_msg_max = ns->mq_msg_default = 10;
	ns->mq_msgsize_max = ns->mq_msgsize_default = 8192;
	*ret = ns;
	return 0;
}

void ipc_life_put(struct ipc_namespace *ns)
{
	if (!ref_put(&ns->life))
		return;
	free(ns->shm.slots);
	free(ns->sem.slots);
	free(ns->msg.slots);
	mutex_destroy(&ns->shm.lock);
	mutex_destroy(&ns->sem.lock);
	mutex_destroy(&ns->msg.lock);
	user_ns_put(ns->user_ns);
	container_put(ns->ct);
	free(ns);
}

struct ipc_namespace *ipc_ns_of(struct task *t)
{
	return t->nsproxy->ipc;
}

/* --- settings --- */

enum setting_type { SETTING_U64, SETTING_INT, SETTING_NEXT, SETTING_SEM };
static const struct setting {
	const char *name;
	enum setting_type type;
	size_t offset;
	int max, min; /* of an int */
} settings[] = {
	{"shmmax", SETTING_U64, offsetof(struct ipc_namespace, shmmax), 0, 0},
	{"shmall", SETTING_U64, offsetof(struct ipc_namespace, shmall), 0, 0},
	{"shmmni", SETTING_INT, offsetof(struct ipc_namespace, shmmni), IPC_SLOTS, 0},
	{"msgmax", SETTING_INT, offsetof(struct ipc_namespace, msgmax), INT_MAX, 0},
	{"msgmnb", SETTING_INT, offsetof(struct ipc_namespace, msgmnb), INT_MAX, 0},
	{"msgmni", SETTING_INT, offsetof(struct ipc_namespace, msgmni), IPC_SLOTS, 0},
	{"queues_max", SETTING_INT, offsetof(struct ipc_namespace, mq_queues_max), INT_MAX, 0},
	{"msg_max", SETTING_INT, offsetof(struct ipc_namespace, mq_msg_max), 65536, 1},
	{"msg_default", SETTING_INT, offsetof(struct ipc_namespace, mq_msg_default), 65536, 1},
	{"msgsize_max", SETTING_INT, offsetof(struct ipc_namespace, mq_msgsize_max), 16 << 20, 128},
	{"msgsize_default", SETTING_INT, offsetof(struct ipc_namespace, mq_msgsize_default), 16 << 20, 128},
	{"shm_next_id", SETTING_NEXT, offsetof(struct ipc_namespace, shm.next_id), INT_MAX, 0},
	{"sem_next_id", SETTING_NEXT, offsetof(struct ipc_namespace, sem.next_id), INT_MAX, 0},
	{"msg_next_id", SETTING_NEXT, offsetof(struct ipc_namespace, msg.next_id), INT_MAX, 0},
	{"sem", SETTING_SEM, 0, 0, 0},
};

static const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	return NULL;
}

bool ipc_sysctl_known(const char *name)
{
	return find_setting(name) != NULL;
}

int ipc_sysctl_show(struct ipc_namespace *ns, const char *name, char *buf, size_t cap)
{
	const struct setting *s = find_setting(name);
	char *at = (char *)ns + (s ? s->offset : 0);

	if (!s)
		return -ENOENT;
	switch (s->type) {
	case SETTING_U64:
		snprintf(buf, cap, "%lu\n", __atomic_load_n((uint64_t *)(void *)at, __ATOMIC_RELAXED));
		return 0;
	case SETTING_NEXT:
	case SETTING_INT:
		snprintf(buf, cap, "%d\n", __atomic_load_n((int *)(void *)at, __ATOMIC_RELAXED));
		return 0;
	default:
		snprintf(buf, cap, "%d\t%d\t%d\t%d\n", __atomic_load_n(&ns->semmsl, __ATOMIC_RELAXED),
			 __atomic_load_n(&ns->semmns, __ATOMIC_RELAXED),
			 __atomic_load_n(&ns->semopm, __ATOMIC_RELAXED),
			 __atomic_load_n(&ns->semmni, __ATOMIC_RELAXED));
		return 0;
	}
}

/* A number at *s, which is moved behind it and its blanks. */
static int parse(const char **s, uint64_t max, uint64_t *ret)
{
	char *end;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(*s, &end, 10);
	if (errno || *ret > max)
		return -EINVAL;
	while (*end == ' ' || *end == '\t' || *end == '\n')
		end++;
	*s = end;
	return 0;
}

static int set_sem(struct ipc_namespace *ns, const char *text)
{
	int *to[4] = {&ns->semmsl, &ns->semmns, &ns->semopm, &ns->semmni};
	static const uint64_t max[4] = {INT_MAX, INT_MAX, 65536, IPC_SLOTS};
	uint64_t v[4];
	unsigned n;

	for (n = 0; n < 4 && *text; n++)
		if (parse(&text, max[n], &v[n]) < 0)
			return -EINVAL;
	if (*text || !n)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++)
		__atomic_store_n(to[i], (int)v[i], __ATOMIC_RELAXED);
	return 0;
}

int ipc_sysctl_set(struct ipc_namespace *ns, const char *name, const char *text)
{
	const struct setting *s = find_setting(name);
	char *at = (char *)ns + (s ? s->offset : 0);
	uint64_t v;

	if (!s)
		return -ENOENT;
	if (s->type == SETTING_SEM)
		return set_sem(ns, text);
	if (parse(&text, s->type == SETTING_U64 ? UINT64_MAX : (uint64_t)s->max, &v) < 0 || *text)
		return -EINVAL;
	if (s->type == SETTING_U64)
		__atomic_store_n((uint64_t *)(void *)at, v, __ATOMIC_RELAXED);
	else if (v < (uint64_t)s->min)
		return -EINVAL;
	else
		__atomic_store_n((int *)(void *)at, (int)v, __ATOMIC_RELAXED);
	return 0;
}
