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
#include "kernel/task/seccomp.h"
#include "kernel/usercopy.h"

#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif
#define LINUX_AUXV_SIZE (52UL * 8) /* the whole vector of a process as Linux keeps it */

/* An option whose arguments from the n-th on must be zero. */
static bool unused(const uint64_t *v, int n)
{
	for (; n < 5; n++)
		if (v[n])
			return false;
	return true;
}

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
	if (v[1] != 1 || !unused(v, 2))
		return -EINVAL;
	__atomic_store_n(&t->no_new_privs, true, __ATOMIC_RELAXED);
	return 0;
}

static long mce_kill(struct task *t, const uint64_t *v)
{
	if (v[3] | v[4])
		return -EINVAL;
	if (v[1] == PR_MCE_KILL_CLEAR) {
		if (v[2])
			return -EINVAL;
		t->mce_kill = PR_MCE_KILL_DEFAULT;
		return 0;
	}
	if (v[1] != PR_MCE_KILL_SET || v[2] > PR_MCE_KILL_DEFAULT)
		return -EINVAL;
	t->mce_kill = (unsigned)v[2];
	return 0;
}

static long io_flusher(struct task *t, bool set, const uint64_t *v)
{
	if (!capable(t->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	if (!unused(v, set ? 2 : 1) || (set && v[1] > 1))
		return -EINVAL;
	if (!set)
		return t->io_flusher;
	t->io_flusher = v[1];
	return 0;
}

static long get_auxv(struct task *t, const uint64_t *v)
{
	struct mm *mm = t->mm;
	uint8_t copy[sizeof(mm->auxv)] = {0};

	if (v[3] | v[4])
		return -EINVAL;
	mutex_lock(&mm->lock);
	memcpy(copy, mm->auxv, MIN(mm->auxv_len, sizeof(copy)));
	mutex_unlock(&mm->lock);
	if (copy_out(t, uaddr(v[1]), copy, MIN(v[2], LINUX_AUXV_SIZE)) < 0)
		return -EFAULT;
	return LINUX_AUXV_SIZE;
}

/* Where the arguments and the environment are, for /proc/PID: programs that change their title move them. */
static long set_mm(struct task *t, const uint64_t *v)
{
	struct mm *mm = t->mm;
	uint64_t arg[2], env[2], addr = v[2];

	if (v[4] || (v[3] && v[1] != PR_SET_MM_AUXV && v[1] != PR_SET_MM_MAP && v[1] != PR_SET_MM_MAP_SIZE))
		return -EINVAL;
	if (v[1] == PR_SET_MM_MAP || v[1] == PR_SET_MM_MAP_SIZE)
		return -EINVAL;
	if (!capable(t->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	if (v[1] < PR_SET_MM_ARG_START || v[1] > PR_SET_MM_ENV_END || addr >= PT_GUEST_END || addr < 65536)
		return -EINVAL;
	MUTEX_GUARD(&mm->lock);
	arg[0] = v[1] == PR_SET_MM_ARG_START ? addr : mm->arg_start;
	arg[1] = v[1] == PR_SET_MM_ARG_END ? addr : mm->arg_end;
	env[0] = v[1] == PR_SET_MM_ENV_START ? addr : mm->env_start;
	env[1] = v[1] == PR_SET_MM_ENV_END ? addr : mm->env_end;
	if (arg[0] > arg[1] || env[0] > env[1])
		return -EINVAL;
	mm->arg_start = arg[0];
	mm->arg_end = arg[1];
	mm->env_start = env[0];
	mm->env_end = env[1];
	return 0;
}

static long set_subreaper(struct task *t, bool on)
{
	MUTEX_GUARD(&tasklist_lock);
	t->tg->child_subreaper = on || t->tg->is_init;
	return 0;
}

static long set_timerslack(struct task *t, int64_t ns)
{
	t->timer_slack = ns <= 0 ? t->default_slack : (uint64_t)ns;
	return 0;
}

/* Options that are flags of the process's memory. */
static long memory_option(struct task *t, int op, const uint64_t *v)
{
	switch (op) {
	case PR_GET_DUMPABLE:
		return t->mm->dumpable;
	case PR_SET_DUMPABLE:
		if (v[1] > 1)
			return -EINVAL;
		t->mm->dumpable = v[1];
		return 0;
	case PR_GET_THP_DISABLE:
		return unused(v, 1) ? t->mm->thp_disabled : -EINVAL;
	case PR_SET_THP_DISABLE:
		if (!unused(v, 2))
			return -EINVAL;
		/* Huge pages are the host's choice; that a program wants none is remembered. */
		t->mm->thp_disabled = v[1];
		return 0;
	case PR_SET_MM:
		return set_mm(t, v);
	case PR_GET_AUXV:
		return get_auxv(t, v);
	}
	return -EINVAL;
}

/* Options of hardware and configurations that a guest's machine does not have end as on such a kernel: EINVAL. */
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
	case PR_SET_NAME:
		return set_name(t, uaddr(v[1]));
	case PR_GET_NAME:
		return get_name(t, uaddr(v[1]));
	case PR_SET_TIMERSLACK:
		return set_timerslack(t, (int64_t)v[1]);
	case PR_GET_TIMERSLACK:
		return (long)t->timer_slack;
	case PR_SET_CHILD_SUBREAPER:
		return set_subreaper(t, v[1]);
	case PR_GET_CHILD_SUBREAPER:
		return put_u32(t, uaddr(v[1]), t->tg->child_subreaper);
	case PR_GET_TID_ADDRESS:
		return put_u64(t, uaddr(v[1]), t->clear_child_tid);
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return v[1] == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TSC:
		return put_u32(t, uaddr(v[1]), PR_TSC_ENABLE);
	case PR_SET_TSC: /* reading it cannot be forbidden */
		return v[1] == PR_TSC_ENABLE ? 0 : -EINVAL;
	case PR_TASK_PERF_EVENTS_DISABLE:
	case PR_TASK_PERF_EVENTS_ENABLE:
		return 0; /* there are none */
	case PR_MCE_KILL:
		return mce_kill(t, v);
	case PR_MCE_KILL_GET:
		return unused(v, 1) ? (long)t->mce_kill : -EINVAL;
	case PR_SET_IO_FLUSHER:
	case PR_GET_IO_FLUSHER:
		return io_flusher(t, op == PR_SET_IO_FLUSHER, v);
	case PR_GET_SPECULATION_CTRL:
		return unused(v, 2) ? -ENODEV : -EINVAL;
	case PR_SET_SPECULATION_CTRL:
		return unused(v, 3) ? -ENODEV : -EINVAL;
	case PR_GET_SECCOMP:
		return t->seccomp.mode;
	case PR_SET_SECCOMP:
		return prctl_set_seccomp(t, v[1], v[2]);
	case PR_SET_SYSCALL_USER_DISPATCH:
		return user_dispatch_set(t, v[1], v[2], v[3], v[4]);
	}
	return memory_option(t, op, v);
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
		return unused(v, 1) ? __atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED) : -EINVAL;
	}
	return process_option(t, arg_int(a, 0), v);
}
