/* SPDX-License-Identifier: Apache-2.0 */
/* Process numbers, user and group ids, capabilities: credentials(7), capabilities(7). */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/usercopy.h"

#define KEEP 0xffffffffU /* -1: unchanged */
#define NGROUPS_LIMIT 65536U

/* --- numbers --- */

long sys_getpid(struct task *t, const struct sysargs *a __unused)
{
	return task_tgid_nr(t, t);
}

long sys_gettid(struct task *t, const struct sysargs *a __unused)
{
	return task_pid_nr(t, t);
}

long sys_getppid(struct task *t, const struct sysargs *a __unused)
{
	MUTEX_GUARD(&tasklist_lock);
	return task_ppid_nr(t);
}

long sys_getuid(struct task *t, const struct sysargs *a __unused)
{
	return from_kuid(t->cred->user_ns, t->cred->uid);
}

long sys_geteuid(struct task *t, const struct sysargs *a __unused)
{
	return from_kuid(t->cred->user_ns, t->cred->euid);
}

long sys_getgid(struct task *t, const struct sysargs *a __unused)
{
	return from_kgid(t->cred->user_ns, t->cred->gid);
}

long sys_getegid(struct task *t, const struct sysargs *a __unused)
{
	return from_kgid(t->cred->user_ns, t->cred->egid);
}

/* --- users --- */

/* A number given by the guest as the kernel's; KEEP stays KEEP. False: it has no mapping. */
static bool in_uid(const struct cred *c, uint32_t *v)
{
	if (*v == KEEP)
		return true;
	*v = make_kuid(c->user_ns, *v).v;
	return *v != ID_NONE;
}

static bool in_gid(const struct cred *c, uint32_t *v)
{
	if (*v == KEEP)
		return true;
	*v = make_kgid(c->user_ns, *v).v;
	return *v != ID_NONE;
}

static bool is_uid(const struct cred *c, uint32_t v, bool saved)
{
	return v == c->uid.v || v == c->euid.v || (saved && v == c->suid.v);
}

static bool is_gid(const struct cred *c, uint32_t v, bool saved)
{
	return v == c->gid.v || v == c->egid.v || (saved && v == c->sgid.v);
}

static long finish_uid(struct task *t, struct cred *n)
{
	n->fsuid = n->euid;
	cred_fix_setuid(t->cred, n);
	commit_cred(t, n);
	return 0;
}

long sys_setuid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t u = arg_u32(a, 0);
	bool cap = own_capable(o, CAP_SETUID);
	struct cred *n;

	if (u == KEEP || !in_uid(o, &u))
		return -EINVAL;
	if (!cap && u != o->uid.v && u != o->suid.v)
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (cap)
		n->uid = n->suid = KUID(u);
	n->euid = KUID(u);
	return finish_uid(t, n);
}

long sys_setreuid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t r = arg_u32(a, 0), e = arg_u32(a, 1);
	struct cred *n;

	if (!in_uid(o, &r) || !in_uid(o, &e))
		return -EINVAL;
	if (!own_capable(o, CAP_SETUID) &&
	    ((r != KEEP && !is_uid(o, r, false)) || (e != KEEP && !is_uid(o, e, true))))
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (r != KEEP)
		n->uid = KUID(r);
	if (e != KEEP)
		n->euid = KUID(e);
	if (r != KEEP || (e != KEEP && e != o->uid.v))
		n->suid = n->euid;
	return finish_uid(t, n);
}

long sys_setresuid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t v[3] = {arg_u32(a, 0), arg_u32(a, 1), arg_u32(a, 2)};
	struct cred *n;

	for (int i = 0; i < 3; i++)
		if (!in_uid(o, &v[i]))
			return -EINVAL;
	for (int i = 0; i < 3; i++)
		if (v[i] != KEEP && !is_uid(o, v[i], true) && !own_capable(o, CAP_SETUID))
			return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (v[0] != KEEP)
		n->uid = KUID(v[0]);
	if (v[1] != KEEP)
		n->euid = KUID(v[1]);
	if (v[2] != KEEP)
		n->suid = KUID(v[2]);
	return finish_uid(t, n);
}

static long put_three(struct task *t, const struct sysargs *a, uint32_t x, uint32_t y, uint32_t z)
{
	if (put_u32(t, arg_uaddr(a, 0), x) < 0 || put_u32(t, arg_uaddr(a, 1), y) < 0 ||
	    put_u32(t, arg_uaddr(a, 2), z) < 0)
		return -EFAULT;
	return 0;
}

long sys_getresuid(struct task *t, const struct sysargs *a)
{
	const struct cred *c = t->cred;

	return put_three(t, a, from_kuid(c->user_ns, c->uid), from_kuid(c->user_ns, c->euid),
			 from_kuid(c->user_ns, c->suid));
}

long sys_setfsuid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t u = arg_u32(a, 0), old = from_kuid(o->user_ns, o->fsuid);
	struct cred *n;

	if (u == KEEP || !in_uid(o, &u) || (!is_uid(o, u, true) && u != o->fsuid.v && !own_capable(o, CAP_SETUID)))
		return old;
	n = cred_dup(o);
	if (!n)
		return old;
	n->fsuid = KUID(u);
	cred_fix_setfsuid(o, n);
	commit_cred(t, n);
	return old;
}

/* --- groups --- */

long sys_setgid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t g = arg_u32(a, 0);
	bool cap = own_capable(o, CAP_SETGID);
	struct cred *n;

	if (g == KEEP || !in_gid(o, &g))
		return -EINVAL;
	if (!cap && g != o->gid.v && g != o->sgid.v)
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (cap)
		n->gid = n->sgid = KGID(g);
	n->egid = n->fsgid = KGID(g);
	commit_cred(t, n);
	return 0;
}

long sys_setregid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t r = arg_u32(a, 0), e = arg_u32(a, 1);
	struct cred *n;

	if (!in_gid(o, &r) || !in_gid(o, &e))
		return -EINVAL;
	if (!own_capable(o, CAP_SETGID) &&
	    ((r != KEEP && !is_gid(o, r, false)) || (e != KEEP && !is_gid(o, e, true))))
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (r != KEEP)
		n->gid = KGID(r);
	if (e != KEEP)
		n->egid = KGID(e);
	if (r != KEEP || (e != KEEP && e != o->gid.v))
		n->sgid = n->egid;
	n->fsgid = n->egid;
	commit_cred(t, n);
	return 0;
}

long sys_setresgid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t v[3] = {arg_u32(a, 0), arg_u32(a, 1), arg_u32(a, 2)};
	struct cred *n;

	for (int i = 0; i < 3; i++)
		if (!in_gid(o, &v[i]))
			return -EINVAL;
	for (int i = 0; i < 3; i++)
		if (v[i] != KEEP && !is_gid(o, v[i], true) && !own_capable(o, CAP_SETGID))
			return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (v[0] != KEEP)
		n->gid = KGID(v[0]);
	if (v[1] != KEEP)
		n->egid = KGID(v[1]);
	if (v[2] != KEEP)
		n->sgid = KGID(v[2]);
	n->fsgid = n->egid;
	commit_cred(t, n);
	return 0;
}

long sys_getresgid(struct task *t, const struct sysargs *a)
{
	const struct cred *c = t->cred;

	return put_three(t, a, from_kgid(c->user_ns, c->gid), from_kgid(c->user_ns, c->egid),
			 from_kgid(c->user_ns, c->sgid));
}

long sys_setfsgid(struct task *t, const struct sysargs *a)
{
	const struct cred *o = t->cred;
	uint32_t g = arg_u32(a, 0), old = from_kgid(o->user_ns, o->fsgid);
	struct cred *n;

	if (g == KEEP || !in_gid(o, &g) || (!is_gid(o, g, true) && g != o->fsgid.v && !own_capable(o, CAP_SETGID)))
		return old;
	n = cred_dup(o);
	if (!n)
		return old;
	n->fsgid = KGID(g);
	commit_cred(t, n);
	return old;
}

long sys_getgroups(struct task *t, const struct sysargs *a)
{
	const struct cred *c = t->cred;
	int n = arg_int(a, 0);

	if (n < 0)
		return -EINVAL;
	if (n && (unsigned)n < c->ngroups)
		return -EINVAL;
	if (n && c->ngroups) {
		_cleanup_free_ uint32_t *g = malloc(c->ngroups * sizeof(*g));

		if (!g)
			return -ENOMEM;
		for (unsigned i = 0; i < c->ngroups; i++)
			g[i] = from_kgid(c->user_ns, c->groups[i]);
		if (copy_out(t, arg_uaddr(a, 1), g, c->ngroups * sizeof(*g)) < 0)
			return -EFAULT;
	}
	return c->ngroups;
}

long sys_setgroups(struct task *t, const struct sysargs *a)
{
	uint32_t n = arg_u32(a, 0);
	kgid_t *g = NULL;
	struct cred *c;

	if (!own_capable(t->cred, CAP_SETGID) || !setgroups_allowed(t->cred->user_ns))
		return -EPERM;
	if (n > NGROUPS_LIMIT)
		return -EINVAL;
	if (n) {
		g = calloc(n, sizeof(*g));
		if (!g)
			return -ENOMEM;
		if (copy_in(t, g, arg_uaddr(a, 1), n * sizeof(*g)) < 0) {
			free(g);
			return -EFAULT;
		}
		for (uint32_t i = 0; i < n; i++)
			if (!in_gid(t->cred, &g[i].v) || g[i].v == KEEP) {
				free(g);
				return -EINVAL;
			}
	}
	c = cred_dup(t->cred);
	if (!c) {
		free(g);
		return -ENOMEM;
	}
	cred_set_groups(c, g, n);
	commit_cred(t, c);
	return 0;
}

/* --- capabilities --- */

/* Reads the header; *ret_words: how many 32-bit words per set. An unknown version is answered with ours. */
static int get_header(struct task *t, uaddr_t p, struct __user_cap_header_struct *h, unsigned *words)
{
	int r = copy_in(t, h, p, sizeof(*h));

	if (r < 0)
		return r;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		*words = 1;
		return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		*words = 2;
		return 0;
	}
	r = put_u32(t, p, _LINUX_CAPABILITY_VERSION_3);
	return r < 0 ? r : -EINVAL;
}

long sys_capget(struct task *t, const struct sysargs *a)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2];
	const struct cred *c;
	struct task *x;
	unsigned words;
	int r = get_header(t, arg_uaddr(a, 0), &h, &words);

	if (r == -EINVAL && !a->v[1])
		return 0; /* a probe for the version */
	if (r < 0)
		return r;
	if (h.pid < 0)
		return -EINVAL;
	x = h.pid ? task_find_get(task_pid_ns(t), h.pid) : task_get(t);
	if (!x)
		return -ESRCH;
	mutex_lock(&x->lock);
	c = x->cred;
	for (unsigned i = 0; i < 2; i++) {
		d[i].effective = (uint32_t)(c->cap_effective >> (32 * i));
		d[i].permitted = (uint32_t)(c->cap_permitted >> (32 * i));
		d[i].inheritable = (uint32_t)(c->cap_inheritable >> (32 * i));
	}
	mutex_unlock(&x->lock);
	task_put(x);
	return a->v[1] ? copy_out(t, arg_uaddr(a, 1), d, words * sizeof(d[0])) : 0;
}

long sys_capset(struct task *t, const struct sysargs *a)
{
	struct __user_cap_data_struct d[2] = {0};
	struct __user_cap_header_struct h;
	const struct cred *o = t->cred;
	uint64_t e, p, i, all = (1ULL << (CAP_LAST + 1)) - 1;
	unsigned words;
	struct cred *n;
	int r = get_header(t, arg_uaddr(a, 0), &h, &words);

	if (r < 0)
		return r;
	if (h.pid && h.pid != task_pid_nr(t, t))
		return -EPERM;
	r = copy_in(t, d, arg_uaddr(a, 1), words * sizeof(d[0]));
	if (r < 0)
		return r;
	e = (d[0].effective | (uint64_t)d[1].effective << 32) & all;
	p = (d[0].permitted | (uint64_t)d[1].permitted << 32) & all;
	i = (d[0].inheritable | (uint64_t)d[1].inheritable << 32) & all;
	if (!own_capable(o, CAP_SETPCAP) && (i & ~(o->cap_inheritable | o->cap_permitted)))
		return -EPERM;
	if ((i & ~(o->cap_inheritable | o->cap_bounding)) || (p & ~o->cap_permitted) || (e & ~p))
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	n->cap_effective = e;
	n->cap_permitted = p;
	n->cap_inheritable = i;
	n->cap_ambient &= p & i;
	commit_cred(t, n);
	return 0;
}
