/* SPDX-License-Identifier: Apache-2.0 */
/* prctl. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <string.h>
#include "kernel/syscall/prctl.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/usercopy.h"

static long change_cred(struct task *t, struct cred *n)
{
	if (!n)
		return -ENOMEM;
	commit_cred(t, n);
	return 0;
}

static long drop_bounding(struct task *t, uint64_t cap)
{
	struct cred *n;

	if (!own_capable(t->cred, CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST)
		return -EINVAL;
	n = cred_dup(t->cred);
	if (n)
		n->cap_bounding &= ~(1ULL << cap);
	return change_cred(t, n);
}

static long set_securebits(struct task *t, uint64_t bits)
{
	uint32_t old = t->cred->securebits;
	struct cred *n;

	if (bits & ~(uint64_t)(SECURE_ALL_BITS | SECURE_ALL_LOCKS))
		return -EPERM;
	/* Locked bits do not change, locks do not open. */
	if ((((old & SECURE_ALL_LOCKS) >> 1) & (old ^ (uint32_t)bits)) ||
	    (old & SECURE_ALL_LOCKS & ~(uint32_t)bits) || !own_capable(t->cred, CAP_SETPCAP))
		return -EPERM;
	n = cred_dup(t->cred);
	if (n)
		n->securebits = (uint32_t)bits;
	return change_cred(t, n);
}

static long set_keepcaps(struct task *t, uint64_t on)
{
	struct cred *n;

	if (on > 1)
		return -EINVAL;
	if (t->cred->securebits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	n = cred_dup(t->cred);
	if (n) {
		n->securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
		if (on)
			n->securebits |= SECBIT_KEEP_CAPS;
	}
	return change_cred(t, n);
}

static long ambient(struct task *t, const uint64_t *v)
{
	const struct cred *c = t->cred;
	uint64_t bit;
	struct cred *n;

	if (v[1] == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (v[2] | v[3] | v[4])
			return -EINVAL;
		n = cred_dup(c);
		if (n)
			n->cap_ambient = 0;
		return change_cred(t, n);
	}
	if ((v[3] | v[4]) || v[2] > CAP_LAST)
		return -EINVAL;
	bit = 1ULL << v[2];
	if (v[1] == PR_CAP_AMBIENT_IS_SET)
		return !!(c->cap_ambient & bit);
	if (v[1] != PR_CAP_AMBIENT_RAISE && v[1] != PR_CAP_AMBIENT_LOWER)
		return -EINVAL;
	if (v[1] == PR_CAP_AMBIENT_RAISE &&
	    (!(c->cap_permitted & c->cap_inheritable & bit) ||
	     (c->securebits & SECBIT_NO_CAP_AMBIENT_RAISE)))
		return -EPERM;
	n = cred_dup(c);
	if (n && v[1] == PR_CAP_AMBIENT_RAISE)
		n->cap_ambient |= bit;
	else if (n)
		n->cap_ambient &= ~bit;
	return change_cred(t, n);
}

static long set_name(struct task *t, uaddr_t from)
{
	char name[16] = {0};
	ssize_t n = copy_in_str(t, name, from, sizeof(name));

	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	name[15] = 0;
	mutex_lock(&t->lock);
	memset(t->comm, 0, sizeof(t->comm));
	memcpy(t->comm, name, strlen(name));
	mutex_unlock(&t->lock);
	return 0;
}

static long get_name(struct task *t, uaddr_t to)
{
	char name[16];

	mutex_lock(&t->lock);
	memcpy(name, t->comm, sizeof(name));
	mutex_unlock(&t->lock);
	return copy_out(t, to, name, sizeof(name));
}

static long no_new_privs(struct task *t, const uint64_t *v)
{
	if (v[1] != 1 || (v[2] | v[3] | v[4]))
		return -EINVAL;
	__atomic_store_n(&t->no_new_privs, true, __ATOMIC_RELAXED);
	return 0;
}

/* Options about the process rather than its credentials. */
static long process_option(struct task *t, int op, const uint64_t *v)
{
	switch (op) {
	case PR_SET_PDEATHSIG:
		if (v[1] > NSIG_GUEST)
			return -EINVAL;
		t->pdeath_signal = (int)v[1];
		return 0;
	case PR_GET_PDEATHSIG:
		return put_u32(t, uaddr(v[1]), (uint32_t)t->pdeath_signal);
	case PR_GET_DUMPABLE:
		return t->mm->dumpable;
	case PR_SET_DUMPABLE:
		if (v[1] > 1)
			return -EINVAL;
		t->mm->dumpable = v[1];
		return 0;
	case PR_SET_NAME:
		return set_name(t, uaddr(v[1]));
	case PR_GET_NAME:
		return get_name(t, uaddr(v[1]));
	case PR_SET_TIMERSLACK:
		t->timer_slack = (int64_t)v[1] <= 0 ? 50000 : v[1];
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)t->timer_slack;
	case PR_SET_CHILD_SUBREAPER:
		mutex_lock(&tasklist_lock);
		t->tg->child_subreaper = v[1] || t->tg->is_init;
		mutex_unlock(&tasklist_lock);
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_u32(t, uaddr(v[1]), t->tg->child_subreaper);
	case PR_GET_TID_ADDRESS:
		return put_u64(t, uaddr(v[1]), t->clear_child_tid);
	case PR_GET_THP_DISABLE:
		return v[1] | v[2] | v[3] | v[4] ? -EINVAL : 0;
	case PR_GET_TIMING:
		return 0;
	case PR_GET_SECCOMP:
		return t->seccomp.mode;
	case PR_SET_SECCOMP:
		return prctl_set_seccomp(t, v[1], v[2]);
	}
	return -EINVAL;
}

long sys_prctl(struct task *t, const struct sysargs *a)
{
	const uint64_t *v = a->v;

	switch (arg_int(a, 0)) {
	case PR_CAPBSET_READ:
		if (v[1] > CAP_LAST)
			return -EINVAL;
		return !!(t->cred->cap_bounding & (1ULL << v[1]));
	case PR_CAPBSET_DROP:
		return drop_bounding(t, v[1]);
	case PR_GET_SECUREBITS:
		return t->cred->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(t, v[1]);
	case PR_GET_KEEPCAPS:
		return !!(t->cred->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keepcaps(t, v[1]);
	case PR_CAP_AMBIENT:
		return ambient(t, v);
	case PR_SET_NO_NEW_PRIVS:
		return no_new_privs(t, v);
	case PR_GET_NO_NEW_PRIVS:
		return v[1] | v[2] | v[3] | v[4] ? -EINVAL : __atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED);
	}
	return process_option(t, arg_int(a, 0), v);
}
