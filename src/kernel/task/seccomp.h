/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secure computing: the filters that a guest program puts before its own system calls, seccomp(2).
 *
 * Filters form a tree: each task points to its newest, each filter to the one that was there before. A filter does not
 * change once a task has it, so a task runs its own without a lock, also while another thread (TSYNC) gives it a newer
 * one: that keeps the older alive.
 */
#ifndef NACRE_KERNEL_TASK_SECCOMP_H
#define NACRE_KERNEL_TASK_SECCOMP_H

#include <linux/seccomp.h>
#include "kernel/task/bpf.h"
#include "kernel/types.h"

struct task;
struct file;
struct seccomp_filter;

/* A filter of the program p[0..n), which is copied and checked. Not attached to any task; one reference, the caller's.
 * 0, -EINVAL, -ENOMEM. */
int seccomp_filter_new(const struct sock_filter *p, unsigned n, struct seccomp_filter **ret) __must_check;
void seccomp_filter_put(struct seccomp_filter *f);
/* Makes f the newest filter of t, the current task. flags: SECCOMP_FILTER_FLAG_*, already checked for sense. The caller's
 * reference goes over to the task on success. 0; > 0: the number of the thread that TSYNC cannot take along; -EINVAL in
 * strict mode, -ENOMEM past the limit of all filters together, -ESRCH, -EBUSY for a second listener. No locks held. */
long seccomp_attach(struct task *t, struct seccomp_filter *f, unsigned flags) __must_check;
/* Before f is used: are its decisions to be logged? */
void seccomp_filter_log(struct seccomp_filter *f, bool on);
/* f becomes the first filter of t, the current task, which runs no program yet; other tasks may begin with the same f. The
 * caller keeps its reference. */
void seccomp_begin(struct task *t, struct seccomp_filter *f);
/* Strict mode for t, the current task. 0, -EINVAL when it has filters. */
int seccomp_set_strict(struct task *t) __must_check;
/* A new task gets what t has. The sighand lock of t is held, c is not visible to anybody. */
void seccomp_inherit(struct task *c, struct task *t);
/* t is exiting: it gives its filters up. */
void seccomp_exit(struct task *t);

/* May t, the current task, make the call nr without a look at the arguments? False also when that is not known. */
bool seccomp_allows(const struct task *t, int nr);
/* Runs the filters on the call in the registers of t, the current task. True: the call is not to be made, *ret_result
 * is its result. May not return at all (kill), may sleep (notification). */
bool seccomp_enter(struct task *t, long *ret_result);

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of SIGSYS */
#endif
#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH 2
#endif
/* SIGSYS to t, the current task, about the call in its registers; it cannot be held back. */
void force_sigsys(struct task *t, int code, int err);

/* --- user_dispatch.c --- */
/* PR_SET_SYSCALL_USER_DISPATCH. 0, -EINVAL, -EFAULT. t: the current task. */
long user_dispatch_set(struct task *t, uint64_t mode, uint64_t offset, uint64_t len, uint64_t selector);
/* As seccomp_enter. */
bool user_dispatch_enter(struct task *t, long *ret_result);

/* --- seccomp_notify.c --- */
/* A listener for f, which has none and is not attached yet: it holds a reference. 0, -ENOMEM. */
int seccomp_listener_new(struct seccomp_filter *f, struct file **ret) __must_check;

#endif
