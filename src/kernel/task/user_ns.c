/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces, their maps, and the counts and limits of all namespaces. */
#include "kernel/task/user_ns.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/task/internal.h"

#define NS_MAX_DEFAULT 15000 /* of each type, for each user namespace */
#define ALL_CAPS ((1ULL << (CAP_LAST + 1)) - 1)

static struct id_extent all_ids = {0, 0, ID_NONE};
struct user_namespace init_user_ns = {
	.ns = {.ref = {1}, .type = NS_USER, .inum = 4026531837},
	.lock = MUTEX_INIT(RANK_TASK, "user namespace"),
	.map = {{1, &all_ids}, {1, &all_ids}, {1, &all_ids}},
	.max = {NS_MAX_DEFAULT, NS_MAX_DEFAULT, NS_MAX_DEFAULT, NS_MAX_DEFAULT, NS_MAX_DEFAULT, NS_MAX_DEFAULT,
		NS_MAX_DEFAULT, NS_MAX_DEFAULT},
};

/* --- what all namespaces share --- */

static uint64_t last_inum = 4026532000; /* atomic */

static const struct {
	const char *name;
	uint64_t flag;
} types[NS_TYPES] = {
	[NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP}, [NS_IPC] = {"ipc", CLONE_NEWIPC}, [NS_MNT] = {"mnt", CLONE_NEWNS},
	[NS_NET] = {"net", CLONE_NEWNET},	   [NS_PID] = {"pid", CLONE_NEWPID}, [NS_TIME] = {"time", CLONE_NEWTIME},
	[NS_USER] = {"user", CLONE_NEWUSER},	   [NS_UTS] = {"uts", CLONE_NEWUTS},
};

const char *ns_name(enum ns_type type)
{
	return types[type].name;
}

uint64_t ns_clone_flag(enum ns_type type)
{
	return types[type].flag;
}

static void uncharge(struct user_namespace *from, const struct user_namespace *to, enum ns_type type)
{
	for (; from && from != to; from = from->ns.owner)
		__atomic_sub_fetch(&from->count[type], 1, __ATOMIC_RELAXED);
}

static int charge(struct user_namespace *owner, enum ns_type type)
{
	for (struct user_namespace *n = owner; n; n = n->ns.owner) {
		int now = __atomic_add_fetch(&n->count[type], 1, __ATOMIC_RELAXED);

		if (now <= __atomic_load_n(&n->max[type], __ATOMIC_RELAXED))
			continue;
		uncharge(owner, n->ns.owner, type);
		return -ENOSPC;
	}
	return 0;
}

int ns_init(struct ns_common *ns, enum ns_type type, struct user_namespace *owner, void (*free)(struct ns_common *))
{
	int r = owner ? charge(owner, type) : 0;

	if (r < 0)
		return r;
	ref_init(&ns->ref);
	ns->type = type;
	ns->inum = __atomic_add_fetch(&last_inum, 1, __ATOMIC_RELAXED);
	ns->owner = owner ? user_ns_get(owner) : NULL;
	ns->free = free;
	return 0;
}

struct ns_common *ns_get(struct ns_common *ns)
{
	ref_get(&ns->ref);
	return ns;
}

/* A loop, because a user namespace keeps its parent: a deep chain must not recurse. */
void ns_put(struct ns_common *ns)
{
	while (ns && ref_put(&ns->ref)) {
		struct user_namespace *owner = ns->owner;

		uncharge(owner, NULL, ns->type);
		ns->free(ns);
		ns = owner ? &owner->ns : NULL;
	}
}

/* --- user namespaces --- */

struct user_namespace *current_user_ns(void)
{
	return current ? current->cred->user_ns : &init_user_ns;
}

bool user_ns_is_ancestor(const struct user_namespace *ns, const struct user_namespace *child)
{
	while (child && child != ns)
		child = child->ns.owner;
	return child != NULL;
}

static void user_ns_free(struct ns_common *n)
{
	struct user_namespace *ns = container_of(n, struct user_namespace, ns);

	for (int k = 0; k < ID_KINDS; k++)
		free(ns->map[k].e);
	mutex_destroy(&ns->lock);
	free(ns);
}

void cred_enter_user_ns(struct cred *c, struct user_namespace *ns)
{
	struct user_namespace *old = c->user_ns;

	c->user_ns = user_ns_get(ns);
	user_ns_put(old);
	c->securebits = SECUREBITS_DEFAULT;
	c->cap_inheritable = c->cap_ambient = 0;
	c->cap_permitted = c->cap_effective = c->cap_bounding = ALL_CAPS;
}

int create_user_ns(struct cred *c, bool chrooted)
{
	struct user_namespace *parent = c->user_ns, *ns;
	int r;

	if (parent->level >= USER_NS_LEVEL_MAX)
		return -ENOSPC;
	if (chrooted || !kuid_mapped(parent, c->euid) || !kgid_mapped(parent, c->egid))
		return -EPERM;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	r = ns_init(&ns->ns, NS_USER, parent, user_ns_free);
	if (r < 0) {
		free(ns);
		return r;
	}
	mutex_init(&ns->lock, RANK_TASK, "user namespace");
	ns->owner = c->euid;
	ns->group = c->egid;
	ns->level = parent->level + 1;
	ns->parent_could_setfcap = c->cap_effective & (1ULL << CAP_SETFCAP);
	mutex_lock(&parent->lock);
	ns->setgroups_denied = parent->setgroups_denied;
	mutex_unlock(&parent->lock);
	for (int i = 0; i < NS_TYPES; i++)
		ns->max[i] = INT32_MAX;
	cred_enter_user_ns(c, ns);
	user_ns_put(ns);
	return 0;
}

/* --- numbers --- */

static uint32_t map_id(const struct id_map *m, uint32_t id, uint32_t count, bool down)
{
	unsigned n = __atomic_load_n(&m->n, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++) {
		const struct id_extent *e = &m->e[i];
		uint32_t from = down ? e->first : e->kfirst, to = down ? e->kfirst : e->first;

		if (id >= from && id - from < e->count)
			return e->count - (id - from) >= count ? to + (id - from) : ID_NONE;
	}
	return ID_NONE;
}

uint32_t id_to_kernel(const struct user_namespace *ns, enum id_kind kind, uint32_t id)
{
	return map_id(&ns->map[kind], id, 1, true);
}

uint32_t id_from_kernel(const struct user_namespace *ns, enum id_kind kind, uint32_t kid)
{
	return map_id(&ns->map[kind], kid, 1, false);
}

void id_map_show(struct user_namespace *ns, enum id_kind kind, const struct user_namespace *viewer,
		 void (*fn)(void *arg, uint32_t first, uint32_t lower, uint32_t count), void *arg)
{
	unsigned n = __atomic_load_n(&ns->map[kind].n, __ATOMIC_ACQUIRE);

	if (viewer == ns && ns->ns.owner)
		viewer = ns->ns.owner;
	for (unsigned i = 0; i < n; i++) {
		const struct id_extent *e = &ns->map[kind].e[i];

		fn(arg, e->first, id_from_kernel(viewer, kind, e->kfirst), e->count);
	}
}

/* --- writing a map --- */

static bool overlaps(const struct id_extent *e, unsigned n, const struct id_extent *x)
{
	for (unsigned i = 0; i < n; i++) {
		if (x->first <= e[i].first + (e[i].count - 1) && e[i].first <= x->first + (x->count - 1))
			return true;
		if (x->kfirst <= e[i].kfirst + (e[i].count - 1) && e[i].kfirst <= x->kfirst + (x->count - 1))
			return true;
	}
	return false;
}

/* A decimal number and the blanks around it; false when there is none, or one above 32 bits. */
static bool number(char **p, uint32_t *ret)
{
	uint64_t v = 0;

	while (**p == ' ' || **p == '\t')
		(*p)++;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		v = v * 10 + (uint64_t)(**p - '0');
		if (v > UINT32_MAX)
			return false;
	}
	if (**p && **p != ' ' && **p != '\t' && **p != '\n')
		return false;
	while (**p == ' ' || **p == '\t')
		(*p)++;
	*ret = (uint32_t)v;
	return true;
}

/* Lines "first lower count". The number of extents, or -EINVAL. */
static int parse_map(char *p, struct id_extent *e)
{
	unsigned n = 0;

	while (*p) {
		struct id_extent x;

		if (n == ID_EXTENTS_MAX || !number(&p, &x.first) || !number(&p, &x.kfirst) || !number(&p, &x.count))
			return -EINVAL;
		if (*p && *p++ != '\n')
			return -EINVAL;
		if (x.first == ID_NONE || x.kfirst == ID_NONE || !x.count || x.first + x.count <= x.first ||
		    x.kfirst + x.count <= x.kfirst || overlaps(e, n, &x))
			return -EINVAL;
		e[n++] = x;
	}
	return n ? (int)n : -EINVAL;
}

/* Who maps the parent's root into its namespace can make file capabilities for it. */
static bool root_map_permitted(struct user_namespace *ns, const struct cred *opener, const struct id_extent *e,
			       unsigned n)
{
	bool root = false;

	for (unsigned i = 0; i < n; i++)
		root |= e[i].kfirst == 0;
	if (!root)
		return true;
	if (opener->user_ns == ns)
		return ns->parent_could_setfcap;
	return ns_capable(opener, ns->ns.owner, CAP_SETFCAP);
}

static bool map_permitted(struct user_namespace *ns, enum id_kind kind, const struct cred *opener,
			  const struct id_extent *e, unsigned n) REQUIRES(ns->lock)
{
	struct user_namespace *parent = ns->ns.owner;
	int cap = kind == ID_UID ? CAP_SETUID : CAP_SETGID;
	const struct cred *c = current->cred;

	if (kind == ID_PROJ)
		return true;
	if (kind == ID_UID && !root_map_permitted(ns, opener, e, n))
		return false;
	/* Everybody may map himself. */
	if (n == 1 && e[0].count == 1 && ns->owner.v == c->euid.v) {
		if (kind == ID_UID && make_kuid(parent, e[0].kfirst).v == c->euid.v)
			return true;
		if (kind == ID_GID && ns->setgroups_denied && make_kgid(parent, e[0].kfirst).v == c->egid.v)
			return true;
	}
	return ns_capable(c, parent, cap) && ns_capable(opener, parent, cap);
}

static int set_map(struct user_namespace *ns, enum id_kind kind, const struct cred *opener, struct id_extent *e,
		   unsigned n) REQUIRES(ns->lock)
{
	struct user_namespace *parent = ns->ns.owner;
	struct id_extent *keep;

	if (!map_permitted(ns, kind, opener, e, n))
		return -EPERM;
	for (unsigned i = 0; i < n; i++) {
		e[i].kfirst = map_id(&parent->map[kind], e[i].kfirst, e[i].count, true);
		if (e[i].kfirst == ID_NONE)
			return -EPERM;
	}
	keep = malloc(n * sizeof(*keep));
	if (!keep)
		return -ENOMEM;
	memcpy(keep, e, n * sizeof(*keep));
	ns->map[kind].e = keep;
	__atomic_store_n(&ns->map[kind].n, n, __ATOMIC_RELEASE);
	return 0;
}

ssize_t id_map_write(struct user_namespace *ns, enum id_kind kind, const struct cred *opener, char *text, size_t n)
{
	_cleanup_free_ struct id_extent *e = NULL;
	int r;

	if (!ns->ns.owner || (opener->user_ns != ns && opener->user_ns != ns->ns.owner))
		return -EPERM;
	if (n >= GUEST_PAGE_SIZE)
		return -EINVAL;
	e = calloc(ID_EXTENTS_MAX, sizeof(*e));
	if (!e)
		return -ENOMEM;
	MUTEX_GUARD(&ns->lock);
	if (ns->map[kind].n || (kind != ID_PROJ && !ns_capable(opener, ns, CAP_SYS_ADMIN)))
		return -EPERM;
	r = parse_map(text, e);
	if (r > 0)
		r = set_map(ns, kind, opener, e, (unsigned)r);
	return r < 0 ? r : (ssize_t)n;
}

ssize_t setgroups_write(struct user_namespace *ns, const char *text, size_t n)
{
	bool allow = !strncmp(text, "allow", 5), deny = !strncmp(text, "deny", 4);
	const char *end = text + (allow ? 5 : 4);

	if ((!allow && !deny) || n >= 8)
		return -EINVAL;
	while (*end == ' ' || *end == '\t' || *end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	MUTEX_GUARD(&ns->lock);
	if (allow && ns->setgroups_denied)
		return -EPERM;
	if (deny && ns->map[ID_GID].n)
		return -EPERM;
	if (deny)
		ns->setgroups_denied = true;
	return (ssize_t)n;
}

bool setgroups_allowed(struct user_namespace *ns)
{
	MUTEX_GUARD(&ns->lock);
	return ns->map[ID_GID].n && !ns->setgroups_denied;
}
