/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system-call table and the dispatch. table.def has one line per x86-64 call:
 *
 *   SYS(number, name, "argument kinds", STATUS, "remark", "tests")
 *
 * STATUS: FULL, PARTIAL (the remark says what is missing) -> handler sys_<name> exists;
 *         NONE -> -ENOSYS, EPERM -> always -EPERM (the remark says why); neither has a handler.
 * Tests: programs of tests/abi, by name, or program/test for one of its tests; blanks between.
 * docs/syscalls.md is made from these lines by tools/syscalls; a FULL line must name a passing test.
 * Argument kinds, one letter each, used by the strace printer and the published page:
 *   d int   u unsigned   x hex   o octal mode   f descriptor   D dirfd   s string in   b buffer out
 *   (length is the next argument, or the result)   B buffer in (length next)   p pointer   t timespec in
 *   S struct stat out   i signal   m mmap prot   a address
 *
 * Handlers return a result or a negative errno (ERESTART* included). They run in the task's own
 * kernel thread in blocking style: decode (copy in and check everything), invoke, encode.
 */
#ifndef NACRE_KERNEL_SYSCALL_SYSCALL_H
#define NACRE_KERNEL_SYSCALL_SYSCALL_H

#include "kernel/types.h"

struct sysargs {
	uint64_t v[6];
};
static inline uaddr_t arg_uaddr(const struct sysargs *a, unsigned i)
{
	return uaddr(a->v[i]);
}
static inline int arg_int(const struct sysargs *a, unsigned i)
{
	return (int)a->v[i];
}
static inline unsigned arg_u32(const struct sysargs *a, unsigned i)
{
	return (unsigned)a->v[i];
}

typedef long (*sys_fn)(struct task *t, const struct sysargs *a);
struct syscall_desc {
	const char *name;
	const char *kinds;
	sys_fn fn;   /* NULL: returns err */
	int err;     /* negative errno when fn is NULL */
};
#define NR_SYSCALLS 463
extern const struct syscall_desc syscall_table[NR_SYSCALLS];

/* Prototypes of all handlers come from the table. */
#define SYS(nr, name, kinds, status, remark, tests) SYS_PROTO_##status(name)
/* Weak, because unit tests link some rooms only; nacre-kernel links all (link_whole). */
#define SYS_PROTO_FULL(name)                                                                       \
	__attribute__((weak)) long sys_##name(struct task *t, const struct sysargs *a);
#define SYS_PROTO_PARTIAL(name) SYS_PROTO_FULL(name)
#define SYS_PROTO_NONE(name)
#define SYS_PROTO_EPERM(name)
#include "kernel/syscall/table.def"
#undef SYS

/* Runs the call in regs.orig_rax through the entry hooks and the table. Returns the result to be
 * given to user_boundary(). */
long syscall_dispatch(struct task *t);

/* Entry hooks, in order: ptrace, seccomp, strace. A hook may change the registers, set a result and
 * skip the call (returns true), or stop the task. Only looked at when TIF_HOOKS is set, or TIF_SECCOMP and
 * the filters do not always allow the call. */
struct entry_hook {
	const char *name;
	bool (*enter)(struct task *t, long *ret_result);
	void (*leave)(struct task *t, long result);
};
extern const struct entry_hook *const entry_hooks[]; /* NULL-terminated */
extern const struct entry_hook seccomp_hook; /* sys_seccomp.c */

#endif
