/* SPDX-License-Identifier: Apache-2.0 */
/* The set of namespaces a task is in, how a new set is made (clone, unshare), and how one namespace is entered (setns). */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include "kernel/ipc/ipc.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/time/vclock.h"

/* --- namespaces that hold little --- */

static void uts_free(struct ns_common *n)
{
	struct uts_namespace *u = container_of(n, struct uts_namespace, ns);

	mutex_destroy(&u->lock);
	free(u);
}

static int uts_new(const char *nodename, const char *domainname, struct user_namespace *owner,
		   struct uts_namespace **ret)
{
	struct uts_namespace *u = calloc(1, sizeof(*u));
	int r = u ? ns_init(&u->ns, NS_UTS, owner, uts_free) : -ENOMEM;

	if (r < 0) {
		free(u);
		return r;
	}
	mutex_init(&u->lock, RANK_TASK, "uts");
	snprintf(u->nodename, sizeof(u->nodename), "%s", nodename);
	snprintf(u->domainname, sizeof(u->domainname), "%s", domainname);
	*ret = u;
	return 0;
}

struct uts_namespace *uts_namespace_new(const char *nodename, const char *domainname)
{
	struct uts_namespace *u;

	return uts_new(nodename, domainname, NULL, &u) < 0 ? NULL : u;
}

/* Namespaces whose struct begins with their ns_common. */
static void plain_free(struct ns_common *n)
{
	free(n);
}
static_assert(offsetof(struct net_namespace, ns) == 0 &&
		      offsetof(struct cgroup_namespace, ns) == 0 && offsetof(struct time_namespace, ns) == 0,
	      "freed by plain_free");

static int plain_new(size_t size, enum ns_type type, struct user_namespace *owner, void *ret)
{
	struct ns_common *n = calloc(1, size);
	int r = n ? ns_init(n, type, owner, plain_free) : -ENOMEM;

	if (r < 0) {
		free(n);
		return r;
	}
	memcpy(ret, &n, sizeof(n));
	return 0;
}

struct net_namespace init_net_ns = {.ns = {.ref = {1}, .type = NS_NET, .inum = 4026531840, .free = plain_free}};
static struct time_namespace init_time_ns = {
	.ns = {.ref = {1}, .type = NS_TIME, .inum = 4026531834, .free = plain_free}, .frozen = true};

/* --- the set --- */

static void put_all(struct nsproxy *n)
{
	ns_put(n->uts ? &n->uts->ns : NULL);
	ns_put(n->ipc ? &n->ipc->ns : NULL);
	ns_put(n->net ? &n->net->ns : NULL);
	ns_put(n->cgroup ? &n->cgroup->ns : NULL);
	ns_put(n->time ? &n->time->ns : NULL);
	ns_put(n->time_for_children ? &n->time_for_children->ns : NULL);
	if (n->mnt)
		mnt_namespace_put(n->mnt);
	pid_namespace_put(n->pid_for_children);
	free(n);
}

struct nsproxy *nsproxy_new(struct uts_namespace *uts, struct mnt_namespace *mnt,
			    struct pid_namespace *pid, struct ipc_namespace *ipc)
{
	struct nsproxy *n = calloc(1, sizeof(*n));

	if (!n) {
		ns_put(uts ? &uts->ns : NULL);
		if (mnt)
			mnt_namespace_put(mnt);
		pid_namespace_put(pid);
		ns_put(ipc ? &ipc->ns : NULL);
		return NULL;
	}
	ref_init(&n->ref);
	n->ipc = ipc;
	n->uts = uts;
	n->mnt = mnt;
	n->pid_for_children = pid;
	n->net = container_of(ns_get(&init_net_ns.ns), struct net_namespace, ns);
	n->time = container_of(ns_get(&init_time_ns.ns), struct time_namespace, ns);
	n->time_for_children = container_of(ns_get(&init_time_ns.ns), struct time_namespace, ns);
	if (!uts || !mnt || !pid || !ipc ||
	    plain_new(sizeof(*n->cgroup), NS_CGROUP, NULL, &n->cgroup) < 0) {
		put_all(n);
		return NULL;
	}
	return n;
}

struct nsproxy *nsproxy_get(struct nsproxy *n)
{
	ref_get(&n->ref);
	return n;
}

void nsproxy_put(struct nsproxy *n)
{
	if (n && ref_put(&n->ref))
		put_all(n);
}

/* The same namespaces, a reference of each: to be changed before it is shared. */
static struct nsproxy *dup_set(const struct nsproxy *o)
{
	struct nsproxy *n = malloc(sizeof(*n));

	if (!n)
		return NULL;
	*n = *o;
	ref_init(&n->ref);
	(void)ns_get(&n->uts->ns);
	(void)ns_get(&n->ipc->ns);
	(void)ns_get(&n->net->ns);
	(void)ns_get(&n->cgroup->ns);
	(void)ns_get(&n->time->ns);
	(void)ns_get(&n->time_for_children->ns);
	(void)mnt_namespace_get(n->mnt);
	(void)pid_namespace_get(n->pid_for_children);
	return n;
}

/* Replaces *slot (a struct pointer whose ns_common is first) by the reference new. */
#define REPLACE(slot, new)                                                                         \
	do {                                                                                       \
		ns_put(&(slot)->ns);                                                               \
		(slot) = (new);                                                                    \
	} while (0)

static int new_uts(struct nsproxy *n, struct user_namespace *owner)
{
	char node[65], domain[65];
	struct uts_namespace *u;
	int r;

	mutex_lock(&n->uts->lock);
	memcpy(node, n->uts->nodename, sizeof(node));
	memcpy(domain, n->uts->domainname, sizeof(domain));
	mutex_unlock(&n->uts->lock);
	r = uts_new(node, domain, owner, &u);
	if (r == 0)
		REPLACE(n->uts, u);
	return r;
}

static int new_pid(struct task *t, struct nsproxy *n, struct user_namespace *owner)
{
	struct pid_namespace *p;
	int r;

	/* Below the caller's own only: no two unshares in a row without a child in between. */
	if (n->pid_for_children != task_pid_ns(t))
		return -EINVAL;
	r = pid_namespace_new(n->pid_for_children, owner, &p);
	if (r < 0)
		return r;
	pid_namespace_put(n->pid_for_children);
	n->pid_for_children = p;
	return 0;
}

static int new_time(struct nsproxy *n, struct user_namespace *owner)
{
	struct time_namespace *x;
	int r = plain_new(sizeof(*x), NS_TIME, owner, &x);

	if (r < 0)
		return r;
	x->monotonic = n->time->monotonic;
	x->boottime = n->time->boottime;
	REPLACE(n->time_for_children, x);
	return 0;
}

static int new_plain(struct nsproxy *n, uint64_t flags, struct user_namespace *owner)
{
	struct cgroup_namespace *c;
	struct ipc_namespace *i;
	struct net_namespace *w;
	int r = 0;

	if (flags & CLONE_NEWIPC) {
		r = ipc_namespace_new(n->ipc->ct, owner, &i);
		if (r == 0)
			REPLACE(n->ipc, i);
	}
	if (r == 0 && (flags & CLONE_NEWNET)) {
		r = plain_new(sizeof(*w), NS_NET, owner, &w);
		if (r == 0)
			REPLACE(n->net, w);
	}
	if (r == 0 && (flags & CLONE_NEWCGROUP)) {
		r = plain_new(sizeof(*c), NS_CGROUP, owner, &c);
		if (r == 0)
			REPLACE(n->cgroup, c);
	}
	return r;
}

int nsproxy_copy(struct task *t, uint64_t flags, const struct cred *c, struct fs_struct *fs, struct nsproxy **ret)
{
	struct nsproxy *n;
	struct mnt_namespace *m;
	int r = 0;

	if (!(flags & (CLONE_NS_FLAGS & ~(uint64_t)CLONE_NEWUSER))) {
		*ret = nsproxy_get(t->nsproxy);
		return 0;
	}
	if (!own_capable(c, CAP_SYS_ADMIN))
		return -EPERM;
	n = dup_set(t->nsproxy);
	if (!n)
		return -ENOMEM;
	if (flags & CLONE_NEWUTS)
		r = new_uts(n, c->user_ns);
	if (r == 0 && (flags & CLONE_NEWPID))
		r = new_pid(t, n, c->user_ns);
	if (r == 0 && (flags & CLONE_NEWTIME))
		r = new_time(n, c->user_ns);
	if (r == 0)
		r = new_plain(n, flags, c->user_ns);
	if (r == 0 && (flags & CLONE_NEWNS)) {
		r = mnt_namespace_copy(n->mnt, c->user_ns, fs, &m);
		if (r == 0) {
			mnt_namespace_put(n->mnt);
			n->mnt = m;
		}
	}
	if (r < 0) {
		put_all(n);
		return r;
	}
	*ret = n;
	return 0;
}

void nsproxy_switch(struct task *t, struct nsproxy *n)
{
	struct nsproxy *old;

	mutex_lock(&t->lock);
	old = t->nsproxy;
	t->nsproxy = n;
	mutex_unlock(&t->lock);
	if (old && old->ipc != n->ipc)
		sem_exit(t); /* its adjustments are of semaphores there */
	nsproxy_put(old);
}

int nsproxy_enter_time(struct nsproxy **n)
{
	struct nsproxy *c;

	if ((*n)->time == (*n)->time_for_children)
		return 0;
	c = dup_set(*n);
	if (!c)
		return -ENOMEM;
	REPLACE(c->time, container_of(ns_get(&c->time_for_children->ns), struct time_namespace, ns));
	__atomic_store_n(&c->time->frozen, true, __ATOMIC_RELEASE);
	nsproxy_put(*n);
	*n = c;
	return 0;
}

static struct ns_common *in_set(struct nsproxy *n, enum ns_type type, bool children)
{
	switch (type) {
	case NS_CGROUP:
		return &n->cgroup->ns;
	case NS_IPC:
		return &n->ipc->ns;
	case NS_MNT:
		return mnt_namespace_ns(n->mnt);
	case NS_NET:
		return &n->net->ns;
	case NS_TIME:
		return children ? &n->time_for_children->ns : &n->time->ns;
	case NS_UTS:
		return &n->uts->ns;
	case NS_PID:
		return &n->pid_for_children->ns;
	default:
		return NULL;
	}
}

struct ns_common *task_ns_get(struct task *t, enum ns_type type, bool children)
{
	struct ns_common *ns = NULL;

	if (type == NS_PID && !children) {
		MUTEX_GUARD(&tasklist_lock);
		return task_state(t) == TASK_DEAD ? NULL : ns_get(&task_pid_ns(t)->ns);
	}
	MUTEX_GUARD(&t->lock);
	if (type == NS_USER)
		ns = &t->cred->user_ns->ns;
	else if (t->nsproxy)
		ns = in_set(t->nsproxy, type, children);
	return ns ? ns_get(ns) : NULL;
}

/* --- setns --- */

/* What setns(2) is about to do: all checks first, on n and c, which are not shared yet. */
struct nsset {
	struct task *t;
	struct nsproxy *n;
	struct cred *c;
	struct mnt_namespace *mnt; /* entered: root and working directory change */
	bool user;
};

static bool alone(struct task *t)
{
	MUTEX_GUARD(&tasklist_lock);
	return t->tg->nthreads == 1;
}

static bool fs_shared(struct task *t)
{
	return __atomic_load_n(&t->fs->users, __ATOMIC_RELAXED) > 1;
}

static int enter_user(struct nsset *s, struct ns_common *ns)
{
	struct user_namespace *u = container_of(ns, struct user_namespace, ns);

	if (u == s->c->user_ns || !alone(s->t) || fs_shared(s->t))
		return -EINVAL;
	if (!ns_capable(s->c, u, CAP_SYS_ADMIN))
		return -EPERM;
	cred_enter_user_ns(s->c, u);
	s->user = true;
	return 0;
}

static int enter_pid(struct nsset *s, struct ns_common *ns)
{
	struct pid_namespace *p = container_of(ns, struct pid_namespace, ns), *own = task_pid_ns(s->t), *x = p;

	while (x && x != own)
		x = x->parent;
	if (!x)
		return -EINVAL; /* only its own, or one below */
	(void)ns_get(ns);
	pid_namespace_put(s->n->pid_for_children);
	s->n->pid_for_children = p;
	return 0;
}

static int enter_mnt(struct nsset *s, struct ns_common *ns)
{
	if (!own_capable(s->c, CAP_SYS_CHROOT))
		return -EPERM;
	if (fs_shared(s->t))
		return -EINVAL;
	(void)ns_get(ns);
	mnt_namespace_put(s->n->mnt);
	s->n->mnt = s->mnt = mnt_namespace_of(ns);
	return 0;
}

static int enter_time(struct nsset *s, struct ns_common *ns)
{
	struct time_namespace *x = container_of(ns, struct time_namespace, ns);

	if (!alone(s->t))
		return -EUSERS;
	REPLACE(s->n->time, container_of(ns_get(ns), struct time_namespace, ns));
	REPLACE(s->n->time_for_children, container_of(ns_get(ns), struct time_namespace, ns));
	__atomic_store_n(&x->frozen, true, __ATOMIC_RELEASE);
	return 0;
}

static int enter(struct nsset *s, struct ns_common *ns)
{
	if (ns->type == NS_USER)
		return enter_user(s, ns);
	if (!ns_capable(s->c, ns_owner(ns), CAP_SYS_ADMIN) || !own_capable(s->c, CAP_SYS_ADMIN))
		return -EPERM;
	switch (ns->type) {
	case NS_PID:
		return enter_pid(s, ns);
	case NS_MNT:
		return enter_mnt(s, ns);
	case NS_TIME:
		return enter_time(s, ns);
	case NS_UTS:
		REPLACE(s->n->uts, container_of(ns_get(ns), struct uts_namespace, ns));
		return 0;
	case NS_IPC:
		REPLACE(s->n->ipc, container_of(ns_get(ns), struct ipc_namespace, ns));
		return 0;
	case NS_NET:
		REPLACE(s->n->net, container_of(ns_get(ns), struct net_namespace, ns));
		return 0;
	case NS_CGROUP:
		REPLACE(s->n->cgroup, container_of(ns_get(ns), struct cgroup_namespace, ns));
		return 0;
	default:
		return -EINVAL;
	}
}

/* The order in which the namespaces of a process are entered: its user namespace gives the right to the others. */
static int enter_all(struct nsset *s, struct task *x, uint64_t flags)
{
	static const enum ns_type order[] = {NS_USER, NS_MNT, NS_UTS, NS_IPC, NS_PID, NS_CGROUP, NS_NET, NS_TIME};
	int r = ptrace_may_access(s->t, s->t->cred, x, false);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(order); i++) {
		struct ns_common *ns;

		if (!(flags & ns_clone_flag(order[i])))
			continue;
		ns = task_ns_get(x, order[i], false);
		if (!ns)
			return -ESRCH;
		r = enter(s, ns);
		ns_put(ns);
	}
	return r;
}

int do_setns(struct task *t, struct ns_common *ns, struct task *from, uint64_t flags)
{
	struct nsset s = {.t = t, .n = dup_set(t->nsproxy), .c = cred_dup(t->cred)};
	int r = s.n && s.c ? 0 : -ENOMEM;
	struct hostfd *page, *image;
	uint64_t size;

	if (r == 0)
		r = ns ? enter(&s, ns) : enter_all(&s, from, flags);
	if (r < 0) {
		if (s.n)
			put_all(s.n);
		cred_put(s.c);
		return r;
	}
	if (s.mnt)
		fs_enter(t, s.mnt);
	if (s.n->time != t->nsproxy->time && vclock_files(true, &page, &image, &size))
		r = mm_change_vvar(t, page);
	nsproxy_switch(t, s.n);
	if (s.user)
		commit_cred(t, s.c);
	else
		cred_put(s.c);
	return r;
}
