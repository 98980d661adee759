/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): stops of a tracee, what its tracer may ask, who may look into whom. */
#ifndef NACRE_KERNEL_TASK_PTRACE_H
#define NACRE_KERNEL_TASK_PTRACE_H

#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

/* --- ptrace_access.c: the memory and the rights of others --- */

/* May the caller c read or change o? Like Linux's ptrace_may_access with Yama's scope 0. fs: the file system ids and
 * effective capabilities count (/proc), else the real ids and permitted ones. No lock of rank ≥ RANK_TASK held.
 * 0 or -EPERM. */
int ptrace_may_access(struct task *caller, const struct cred *c, struct task *o, bool fs) __must_check;
/* Reads or writes n bytes at addr of as, which is o's memory, even where its protection forbids it to itself (Linux's FOLL_FORCE):
 * what the host's call cannot do, a thread of that memory that is stopped for a tracer does. Bytes moved, or -errno when
 * none: -EIO a hole, -ESRCH no such memory any more, -ERESTARTNOINTR when the caller is killed. No lock held. */
ssize_t ptrace_access_mm(struct task *o, struct pt_as *as, uint64_t addr, void *buf, size_t n, bool write) __must_check;

/* Something that a task stopped for its tracer does itself. */
enum ptrace_work_kind { PTRACE_WORK_MEM, PTRACE_WORK_FP };
struct ptrace_work {
	struct ref ref;
	struct list_head node; /* of task.trace.work, the tracee's sighand lock */
	struct waitq wait;
	bool done; /* atomic */
	ssize_t result;
	enum ptrace_work_kind kind;
	bool write;
	uint64_t addr;
	size_t len;
	unsigned char data[];
};
struct ptrace_work *ptrace_work_new(enum ptrace_work_kind kind, bool write, uint64_t addr, size_t len);
void ptrace_work_put(struct ptrace_work *w);
DEFINE_CLEANUP(struct ptrace_work *, ptrace_work_put)
/* Has w done by o, which must be in a stop: its result, -ESRCH, -ERESTARTNOINTR. No lock held. */
ssize_t ptrace_work_run(struct task *o, struct ptrace_work *w) __must_check;
/* The tracee's side, in its stop: true when something was done. last: what is left ends with -ESRCH. */
bool ptrace_work_do(struct task *t, bool last);

/* --- ptrace.c --- */

/* The tracer is none of o's real parent's threads. tasklist lock held. */
static inline bool ptrace_reparented(const struct task *o)
{
	return o->trace.tracer && o->trace.tracer->tg != o->tg->parent;
}
static inline unsigned ptrace_flags(const struct task *t)
{
	return __atomic_load_n(&t->trace.flags, __ATOMIC_SEQ_CST);
}
long ptrace_traceme(struct task *t);
long ptrace_attach(struct task *t, struct task *o, bool seize, uint64_t addr, uint64_t flags);
/* -EINVAL, -EPERM for options that t may not give. */
int ptrace_check_options(struct task *t, uint64_t options) __must_check;
/* o is t's tracee and in a stop: it stays there until ptrace_unfreeze. any: the state does not matter, nothing is to be
 * undone. 0 or -ESRCH. */
int ptrace_freeze(struct task *t, struct task *o, bool any) __must_check;
void ptrace_unfreeze(struct task *o);
/* Takes o from its tracer t with sig to go on with. o is frozen. */
void ptrace_detach(struct task *t, struct task *o, int sig);
/* A new child of a traced task is traced, too. tasklist lock held, the child's sighand lock not. */
void ptrace_init_child(struct task *t, struct task *child);
/* t's tracees are let go: t exits. */
void ptrace_exit_tracer(struct task *t);
/* A traced task is gone for good. tasklist lock held. */
void ptrace_release(struct task *t);

/* Stops of the calling task. Each returns the signal that the tracer gave to go on with. */
int ptrace_stop(struct task *t, int code, int why, uint64_t message, siginfo_t *info);
int ptrace_notify(struct task *t, int code, uint64_t message);
/* An event (PTRACE_EVENT_*) if the tracer asked for it. */
bool ptrace_event_enabled(const struct task *t, int event);
void ptrace_event(struct task *t, int event, uint64_t message);
/* t's number as its tracer sees it, 0 without one. */
int ptrace_tid(struct task *t);
void ptrace_event_pid(struct task *t, int event, struct pid *pid);
/* A signal is about to be delivered: what the tracer makes of it; 0 nothing. */
int ptrace_signal(struct task *t, int sig, siginfo_t *info);
/* JOBCTL_TRAP_* or a group stop is pending for the traced calling task. */
void ptrace_trap(struct task *t);
/* The group's stop state changed: o is to trap again. Its sighand lock held. */
void ptrace_trap_notify(struct task *o);
/* Ends single steps of t, which is the caller or frozen. */
void ptrace_step_off(struct task *t);
extern const struct entry_hook ptrace_hook;

/* --- ptrace_regs.c: registers of a frozen task --- */
/* Room PEEKUSER's, at offset addr of struct user. 0 or -EIO. */
int ptrace_peek_user(struct task *o, uint64_t addr, uint64_t *ret) __must_check;
int ptrace_poke_user(struct task *o, uint64_t addr, uint64_t value) __must_check;
/* Register set of NT_* type: its element size and whole size; -EINVAL when there is none. */
int ptrace_regset_size(unsigned type, size_t *ret_elem, size_t *ret_size) __must_check;
/* Moves the first n bytes of a set. 0 or -errno. */
int ptrace_regset_get(struct task *o, unsigned type, void *buf, size_t n) __must_check;
int ptrace_regset_set(struct task *o, unsigned type, const void *buf, size_t n) __must_check;

/* --- ptrace_request.c --- */
/* A request on a frozen tracee. */
long ptrace_request(struct task *t, struct task *o, long request, uint64_t addr, uint64_t data);
/* Lets o go on. request: PTRACE_CONT, SYSCALL, SINGLESTEP... */
long ptrace_resume(struct task *o, long request, uint64_t sig);

#endif
