/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of IPC objects, and who may do what with one. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <time.h>
#include "kernel/ipc/ipc.h"
#include "kernel/task/task.h"
#include "kernel/task/user_ns.h"

#define MIN_CYCLE 64U /* a slot is not given again before so many others, while there are enough */

uint64_t ipc_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

/* Room for slot n. */
static int grow(struct ipc_ids *ids, unsigned n)
{
	unsigned cap = MAX(ids->cap * 2, 16U);
	struct ipc_head **p;

	if (n < ids->cap)
		return 0;
	while (cap <= n)
		cap *= 2;
	p = reallocarray(ids->slots, cap, sizeof(struct ipc_head *));
	if (!p)
		return -ENOMEM;
	for (unsigned i = ids->cap; i < cap; i++)
		p[i] = NULL;
	ids->slots = p;
	ids->cap = cap;
	return 0;
}

/* A free slot, going round as Linux does. */
static unsigned free_slot(struct ipc_ids *ids, unsigned max)
{
	unsigned end = MIN(MAX(ids->in_use * 3 / 2, MIN_CYCLE), max), n;

	for (unsigned k = 0; k < end; k++) {
		n = ((unsigned)(ids->last + 1) + k) % end;
		if (n >= ids->cap || !ids->slots[n])
			return n;
	}
	for (n = 0; n < ids->cap && ids->slots[n]; n++)
		;
	return n;
}

/* The first free slot from n on. */
static unsigned wanted_slot(struct ipc_ids *ids, unsigned n)
{
	while (n < ids->cap && ids->slots[n])
		n++;
	return n;
}

int ipc_enter(struct ipc_ids *ids, struct ipc_head *h, uint32_t key, int flg, int max)
{
	const struct cred *c = current->cred;
	unsigned n;
	int next;

	if (ids->in_use >= (unsigned)MAX(max, 0) || ids->in_use >= IPC_SLOTS)
		return -ENOSPC;
	next = __atomic_exchange_n(&ids->next_id, -1, __ATOMIC_RELAXED);
	n = next < 0 ? free_slot(ids, IPC_SLOTS) : wanted_slot(ids, (unsigned)next % IPC_SLOTS);
	if (n >= IPC_SLOTS)
		return -ENOSPC;
	if (grow(ids, n) < 0)
		return -ENOMEM;
	if (next >= 0) {
		h->seq = (unsigned)next >> 15;
	} else {
		if ((int)n <= ids->last && ++ids->seq > IPC_SEQ_MAX)
			ids->seq = 0;
		ids->last = (int)n;
		h->seq = ids->seq;
	}
	h->id = (int)(h->seq << 15 | n);
	h->key = key;
	h->mode = (unsigned)flg & 0777;
	h->uid = h->cuid = c->euid;
	h->gid = h->cgid = c->egid;
	h->removed = false;
	ids->slots[n] = h;
	ids->in_use++;
	return 0;
}

void ipc_remove(struct ipc_ids *ids, struct ipc_head *h)
{
	ids->slots[h->id & (IPC_SLOTS - 1)] = NULL;
	ids->in_use--;
	h->removed = true;
}

int ipc_find_slot(struct ipc_ids *ids, int slot, struct ipc_head **ret)
{
	unsigned n = (unsigned)slot & (IPC_SLOTS - 1);

	if (slot < 0 || n >= ids->cap || !ids->slots[n])
		return -EINVAL;
	*ret = ids->slots[n];
	return 0;
}

int ipc_find(struct ipc_ids *ids, int id, struct ipc_head **ret)
{
	int r = ipc_find_slot(ids, id, ret);

	if (r < 0)
		return r;
	return (*ret)->id == id ? 0 : -EINVAL;
}

struct ipc_head *ipc_find_key(struct ipc_ids *ids, uint32_t key)
{
	for (unsigned i = 0; i < ids->cap; i++)
		if (ids->slots[i] && ids->slots[i]->key == key)
			return ids->slots[i];
	return NULL;
}

int ipc_max_slot(struct ipc_ids *ids)
{
	for (unsigned i = ids->cap; i-- > 0;)
		if (ids->slots[i])
			return (int)i;
	return 0;
}

int ipc_perm_check(struct task *t, struct ipc_namespace *ns, const struct ipc_head *h, int flg)
{
	const struct cred *c = t->cred;
	unsigned asked = (unsigned)(flg >> 6 | flg >> 3 | flg), granted = h->mode;

	if (c->euid.v == h->cuid.v || c->euid.v == h->uid.v)
		granted >>= 6;
	else if (in_group(c, h->cgid) || in_group(c, h->gid))
		granted >>= 3;
	if (!(asked & ~granted & 7) || ns_capable(c, ns->user_ns, CAP_IPC_OWNER))
		return 0;
	return -EACCES;
}

int ipc_owner_check(struct task *t, struct ipc_namespace *ns, const struct ipc_head *h)
{
	const struct cred *c = t->cred;

	if (c->euid.v == h->cuid.v || c->euid.v == h->uid.v || ns_capable(c, ns->user_ns, CAP_SYS_ADMIN))
		return 0;
	return -EPERM;
}

void ipc_fill_perm(const struct ipc_head *h, struct ipc_perm *p)
{
	const struct user_namespace *ns = current_user_ns();

	*p = (struct ipc_perm){.__key = (key_t)h->key, .uid = from_kuid(ns, h->uid), .gid = from_kgid(ns, h->gid),
			       .cuid = from_kuid(ns, h->cuid), .cgid = from_kgid(ns, h->cgid), .mode = h->mode,
			       .__seq = (unsigned short)h->seq};
}

int ipc_set_perm(struct ipc_head *h, const struct ipc_perm *p)
{
	kuid_t u = make_kuid(current_user_ns(), p->uid);
	kgid_t g = make_kgid(current_user_ns(), p->gid);

	if (u.v == ID_NONE || g.v == ID_NONE)
		return -EINVAL;
	h->uid = u;
	h->gid = g;
	h->mode = (h->mode & ~0777U) | (p->mode & 0777U);
	return 0;
}
