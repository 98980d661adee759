/* SPDX-License-Identifier: Apache-2.0 */
/* From the registers to a handler and back. */
#include <errno.h>
#include "base/breach.h"
#include "kernel/syscall/strace.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/ptrace.h"
#include "kernel/task/seccomp.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

const struct entry_hook *const entry_hooks[] = {&ptrace_hook, &seccomp_hook, &strace_hook, NULL};

#ifdef NACRE_BREACH
static long breach(struct task *t, const struct sysargs *a)
{
	char name[64];

	return copy_in_str(t, name, arg_uaddr(a, 0), sizeof(name)) < 0 ? -EFAULT : breach_call(name);
}
#endif

static long call(struct task *t, uint64_t nr, const struct sysargs *a)
{
	const struct syscall_desc *d;

#ifdef NACRE_BREACH
	if (nr == BREACH_NR)
		return breach(t, a);
#endif
	if (nr >= NR_SYSCALLS)
		return -ENOSYS;
	d = &syscall_table[nr];
	if (!d->fn)
		return d->err ? d->err : -ENOSYS;
	return d->fn(t, a);
}

/* As on Linux the number is an int: the upper half of the register does not count. */
static uint32_t number_of(struct task *t)
{
	return (uint32_t)pt_regs(t->pt)->orig_rax;
}

static void args_of(struct task *t, struct sysargs *a)
{
	const struct user_regs_struct *r = pt_regs(t->pt);

	a->v[0] = r->rdi;
	a->v[1] = r->rsi;
	a->v[2] = r->rdx;
	a->v[3] = r->r10;
	a->v[4] = r->r8;
	a->v[5] = r->r9;
}

static long dispatch_hooked(struct task *t)
{
	bool skip = false;
	unsigned n;
	struct sysargs a;
	long r = -ENOSYS;

	/* Before all, and with no end that anybody is told of. */
	if (user_dispatch_enter(t, &r))
		return r;
	for (n = 0; entry_hooks[n] && !skip; n++)
		if (entry_hooks[n]->enter)
			skip = entry_hooks[n]->enter(t, &r);
	if (!skip) {
		args_of(t, &a);
		r = call(t, number_of(t), &a);
	}
	/* Backwards, so that who stops the task first does so last; its tracer may change the result. */
	pt_regs(t->pt)->rax = (unsigned long long)r;
	while (entry_hooks[n])
		n++;
	while (n-- > 0)
		if (entry_hooks[n]->leave)
			entry_hooks[n]->leave(t, (long)pt_regs(t->pt)->rax);
	return (long)pt_regs(t->pt)->rax;
}

long syscall_dispatch(struct task *t)
{
	uint32_t f = __atomic_load_n(&t->sig_flags, __ATOMIC_RELAXED), nr = number_of(t);
	struct sysargs a;

	if (unlikely(f & TIF_HOOKS) || (unlikely(f & TIF_SECCOMP) && !seccomp_allows(t, (int)nr)))
		return dispatch_hooked(t);
	args_of(t, &a);
	return call(t, nr, &a);
}
