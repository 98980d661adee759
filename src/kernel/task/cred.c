/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials and the rules by which capabilities change: credentials(7), capabilities(7). */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include "kernel/task/internal.h"

#define CAP_MASK ((1ULL << (CAP_LAST + 1)) - 1)
#define CAP_BIT(c) (1ULL << (c))
#define CAP_FS_SET                                                                                 \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_DAC_OVERRIDE) |                     \
	 CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |                \
	 CAP_BIT(CAP_LINUX_IMMUTABLE) | CAP_BIT(CAP_MAC_OVERRIDE))

struct cred *cred_new(void)
{
	struct cred *c = calloc(1, sizeof(*c));

	if (c) {
		ref_init(&c->ref);
		c->user_ns = user_ns_get(&init_user_ns);
	}
	return c;
}

struct cred *cred_dup(const struct cred *c)
{
	struct cred *n = malloc(sizeof(*n));

	if (!n)
		return NULL;
	*n = *c;
	ref_init(&n->ref);
	n->groups = NULL;
	if (c->ngroups) {
		n->groups = malloc(c->ngroups * sizeof(*n->groups));
		if (!n->groups) {
			free(n);
			return NULL;
		}
		memcpy(n->groups, c->groups, c->ngroups * sizeof(*n->groups));
	}
	(void)user_ns_get(n->user_ns);
	return n;
}

const struct cred *cred_get(const struct cred *c)
{
	ref_get(&((struct cred *)(uintptr_t)c)->ref);
	return c;
}

void cred_put(const struct cred *cc)
{
	struct cred *c = (struct cred *)(uintptr_t)cc;

	if (!c || !ref_put(&c->ref))
		return;
	user_ns_put(c->user_ns);
	free(c->groups);
	free(c);
}

static int cmp_gid(const void *x, const void *y)
{
	uint32_t a = ((const kgid_t *)x)->v, b = ((const kgid_t *)y)->v;

	return a < b ? -1 : a > b;
}

void cred_set_groups(struct cred *c, kgid_t *g, unsigned n)
{
	free(c->groups);
	c->groups = g;
	c->ngroups = n;
	if (n)
		qsort(g, n, sizeof(*g), cmp_gid);
}

bool in_group(const struct cred *c, kgid_t g)
{
	if (c->fsgid.v == g.v)
		return true;
	for (unsigned i = 0; i < c->ngroups; i++)
		if (c->groups[i].v == g.v)
			return true;
	return false;
}

bool ns_capable(const struct cred *c, const struct user_namespace *ns, int cap)
{
	if (cap < 0 || cap > CAP_LAST)
		return false;
	/* The owner of a namespace has all capabilities in it and below. */
	for (; ns; ns = ns->ns.owner) {
		if (ns == c->user_ns)
			return c->cap_effective & CAP_BIT(cap);
		if (ns->level <= c->user_ns->level)
			return false;
		if (ns->ns.owner == c->user_ns && ns->owner.v == c->euid.v)
			return true;
	}
	return false;
}

void commit_cred(struct task *t, struct cred *c)
{
	const struct cred *old = t->cred;

	if (old->euid.v != c->euid.v || old->egid.v != c->egid.v || old->fsuid.v != c->fsuid.v ||
	    old->fsgid.v != c->fsgid.v || (c->cap_permitted & ~old->cap_permitted)) {
		t->pdeath_signal = 0;
		if (t->mm)
			t->mm->dumpable = false; /* others have no business in it any more */
	}
	mutex_lock(&t->lock);
	t->cred = c;
	task_publish_cred(t);
	mutex_unlock(&t->lock);
	cred_put(old);
}

void cred_fix_setuid(const struct cred *old, struct cred *n)
{
	uint32_t root = make_kuid(old->user_ns, 0).v;
	bool had = old->uid.v == root || old->euid.v == root || old->suid.v == root;
	bool has = n->uid.v == root || n->euid.v == root || n->suid.v == root;

	if (n->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (had && !has && !(n->securebits & SECBIT_KEEP_CAPS)) {
		n->cap_permitted = 0;
		n->cap_effective = 0;
	}
	if (had && !has)
		n->cap_ambient = 0;
	if (old->euid.v == root && n->euid.v != root)
		n->cap_effective = 0;
	if (old->euid.v != root && n->euid.v == root)
		n->cap_effective = n->cap_permitted;
}

void cred_fix_setfsuid(const struct cred *old, struct cred *n)
{
	uint32_t root = make_kuid(old->user_ns, 0).v;

	if (n->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (old->fsuid.v == root && n->fsuid.v != root)
		n->cap_effective &= ~CAP_FS_SET;
	if (old->fsuid.v != root && n->fsuid.v == root)
		n->cap_effective |= n->cap_permitted & CAP_FS_SET;
}

/* What a program is permitted for its file's sake, and for root's. *effective: that takes effect at once. */
static int exec_permitted(const struct cred *old, const struct cred *n, const struct file_caps *f, uint64_t *permitted,
			  bool *effective)
{
	uint32_t root_id = make_kuid(n->user_ns, 0).v;
	bool is_root = n->uid.v == root_id, eff_root = n->euid.v == root_id;

	*permitted = (n->cap_bounding & f->permitted) | (n->cap_inheritable & f->inheritable);
	*effective = f->effective;
	if (f->effective && (f->permitted & ~*permitted))
		return -EPERM;
	/* A set-id root program with capabilities of its own gets those. */
	if ((n->securebits & SECBIT_NOROOT) || (f->present && eff_root && !is_root))
		return 0;
	if (is_root || eff_root)
		*permitted = (old->cap_bounding | old->cap_inheritable) & CAP_MASK;
	*effective |= eff_root;
	return 0;
}

int cred_fix_exec(const struct cred *old, struct cred *n, const struct file_caps *f, bool held_back, bool *ret_secure)
{
	uint64_t permitted;
	bool effective, changed;
	int r = exec_permitted(old, n, f, &permitted, &effective);

	if (r < 0)
		return r;
	changed = n->euid.v != old->euid.v || !in_group(old, n->egid);
	if (held_back && (changed || (permitted & ~old->cap_permitted))) {
		n->euid = n->uid;
		n->egid = n->gid;
		permitted &= old->cap_permitted;
	}
	if (changed || f->present)
		n->cap_ambient = 0;
	n->cap_permitted = permitted | n->cap_ambient;
	n->cap_effective = effective ? n->cap_permitted : n->cap_ambient;
	n->suid = n->fsuid = n->euid;
	n->sgid = n->fsgid = n->egid;
	n->securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
	*ret_secure = changed || n->uid.v != n->euid.v || n->gid.v != n->egid.v ||
		      (n->uid.v != make_kuid(n->user_ns, 0).v && (effective || (n->cap_permitted & ~n->cap_ambient)));
	return 0;
}
