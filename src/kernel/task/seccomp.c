/* SPDX-License-Identifier: Apache-2.0 */
/* Secure computing: filters, their inheritance, and what they decide. */
#include "kernel/task/seccomp.h"

#include <asm/unistd_64.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/ptrace.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/task/seccomp_priv.h"
#include "kernel/usercopy.h"

#define ACTION_FULL SECCOMP_RET_ACTION_FULL
/* All filters of a task together, in instructions of Linux, and what each of them costs besides. */
#define PATH_MAX_LEN 32768
#define PATH_FILTER_COST 4
#define LOGS_PER_SECOND 10

/* --- filters --- */

static size_t filter_size(unsigned n)
{
	return sizeof(struct seccomp_filter) + n * sizeof(struct sock_filter);
}

int seccomp_filter_new(struct container *ct, const struct sock_filter *p, unsigned n, struct seccomp_filter **ret)
{
	struct seccomp_filter *f;
	int r = bpf_check(p, n);

	if (r < 0)
		return r;
	f = container_calloc(ct, filter_size(n));
	if (!f)
		return -ENOMEM;
	f->ct = ct;
	container_get(ct);
	ref_init(&f->ref);
	f->users = 1;
	waitq_init(&f->wq);
	mutex_init(&f->lock, RANK_SOCK, "seccomp filter");
	list_init(&f->calls);
	f->n = n;
	memcpy(f->p, p, n * sizeof(*p));
	f->linux_len = bpf_linux_len(p, n);
	for (unsigned nr = 0; nr < SECCOMP_CACHE_WORDS * 64; nr++)
		if (bpf_always_allows(p, (int)nr, AUDIT_ARCH_X86_64))
			f->allow[nr / 64] |= 1ULL << nr % 64;
	*ret = f;
	return 0;
}

void seccomp_filter_put(struct seccomp_filter *f)
{
	while (f && ref_put(&f->ref)) {
		struct seccomp_filter *prev = f->prev;

		waitq_done(&f->wq);
		mutex_destroy(&f->lock);
		container_uncharge(f->ct, filter_size(f->n));
		container_put(f->ct);
		free(f);
		f = prev;
	}
}

/* A task less runs f: filters that nobody runs any more say so to their listeners. */
static void drop_user(struct seccomp_filter *f)
{
	while (f && __atomic_sub_fetch(&f->users, 1, __ATOMIC_ACQ_REL) == 0) {
		wake_up_all(&f->wq, 0);
		f = f->prev;
	}
}

static struct seccomp_filter *get_used(struct seccomp_filter *f)
{
	if (f) {
		ref_get(&f->ref);
		__atomic_add_fetch(&f->users, 1, __ATOMIC_RELAXED);
	}
	return f;
}

static bool is_ancestor(const struct seccomp_filter *old, const struct seccomp_filter *f)
{
	if (!old)
		return true;
	for (; f; f = f->prev)
		if (f == old)
			return true;
	return false;
}

/* --- what a task has --- */

static struct seccomp_filter *filter_of(const struct task *t)
{
	return __atomic_load_n(&t->seccomp.filter, __ATOMIC_ACQUIRE);
}

static void assign(struct task *t, int mode)
{
	__atomic_store_n(&t->seccomp.mode, mode, __ATOMIC_RELEASE);
	__atomic_or_fetch(&t->sig_flags, TIF_SECCOMP, __ATOMIC_SEQ_CST);
}

bool seccomp_allows(const struct task *t, int nr)
{
	const struct seccomp_filter *f;

	if (!(__atomic_load_n(&t->sig_flags, __ATOMIC_RELAXED) & TIF_SECCOMP))
		return true;
	if (t->dispatch.on)
		return false;
	if (__atomic_load_n(&t->seccomp.mode, __ATOMIC_ACQUIRE) != SECCOMP_MODE_FILTER)
		return __atomic_load_n(&t->seccomp.mode, __ATOMIC_ACQUIRE) == SECCOMP_MODE_DISABLED;
	f = filter_of(t);
	return f && nr >= 0 && nr < SECCOMP_CACHE_WORDS * 64 && (f->allow[nr / 64] >> nr % 64 & 1);
}

int seccomp_set_strict(struct task *t)
{
	mutex_lock(&t->sighand->lock);
	if (t->seccomp.mode != SECCOMP_MODE_DISABLED && t->seccomp.mode != SECCOMP_MODE_STRICT) {
		mutex_unlock(&t->sighand->lock);
		return -EINVAL;
	}
	assign(t, SECCOMP_MODE_STRICT);
	mutex_unlock(&t->sighand->lock);
	task_withdraw(t);
	return 0;
}

void seccomp_filter_log(struct seccomp_filter *f, bool on)
{
	f->log = on;
}

void seccomp_begin(struct task *t, struct seccomp_filter *f)
{
	mutex_lock(&t->sighand->lock);
	__atomic_store_n(&t->seccomp.filter, get_used(f), __ATOMIC_RELEASE);
	__atomic_store_n(&t->seccomp.count, 1, __ATOMIC_RELAXED);
	assign(t, SECCOMP_MODE_FILTER);
	mutex_unlock(&t->sighand->lock);
}

void seccomp_inherit(struct task *c, struct task *t)
{
	mutex_assert_held(&t->sighand->lock);
	if (__atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED))
		c->no_new_privs = true;
	if (t->seccomp.mode == SECCOMP_MODE_DISABLED)
		return;
	c->seccomp.filter = get_used(t->seccomp.filter);
	c->seccomp.count = t->seccomp.count;
	assign(c, t->seccomp.mode);
}

void seccomp_exit(struct task *t)
{
	struct seccomp_filter *f;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	f = t->seccomp.filter;
	__atomic_store_n(&t->seccomp.filter, NULL, __ATOMIC_RELEASE);
	mutex_unlock(&t->sighand->lock);
	mutex_unlock(&tasklist_lock);
	drop_user(f);
	seccomp_filter_put(f);
}

static bool too_long(const struct seccomp_filter *f, const struct seccomp_filter *before)
{
	unsigned sum = f->linux_len;

	for (; before; before = before->prev)
		sum += before->linux_len + PATH_FILTER_COST;
	return sum > PATH_MAX_LEN;
}

static bool has_listener(const struct seccomp_filter *f)
{
	for (; f; f = f->prev)
		if (__atomic_load_n(&f->listener, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* A thread that has a filter which t does not have cannot be taken along: its number, 0 when there is none. Both locks
 * held. */
static long cannot_sync(struct task *t)
{
	struct task *x;

	list_for_each_entry(x, &t->tg->threads, thread_node) {
		if (x == t || __atomic_load_n(&x->exiting, __ATOMIC_RELAXED))
			continue;
		if (x->seccomp.mode == SECCOMP_MODE_DISABLED ||
		    (x->seccomp.mode == SECCOMP_MODE_FILTER && is_ancestor(x->seccomp.filter, t->seccomp.filter)))
			continue;
		return task_pid_nr(x, t) ? task_pid_nr(x, t) : -ESRCH;
	}
	return 0;
}

/* All threads get what t has. Both locks held. The old filter of each is one that the new one goes back to, so it stays
 * while its task runs it, and nothing is freed here. */
static void sync_threads(struct task *t)
{
	struct seccomp_filter *old;
	struct task *x;

	list_for_each_entry(x, &t->tg->threads, thread_node) {
		if (x == t || __atomic_load_n(&x->exiting, __ATOMIC_RELAXED))
			continue;
		old = x->seccomp.filter;
		__atomic_store_n(&x->seccomp.filter, get_used(t->seccomp.filter), __ATOMIC_RELEASE);
		__atomic_store_n(&x->seccomp.count, t->seccomp.count, __ATOMIC_RELAXED);
		if (__atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED))
			__atomic_store_n(&x->no_new_privs, true, __ATOMIC_RELAXED);
		assign(x, SECCOMP_MODE_FILTER);
		task_withdraw(x);
		drop_user(old);
		seccomp_filter_put(old);
	}
}

static long attach_locked(struct task *t, struct seccomp_filter *f, unsigned flags)
{
	struct seccomp_filter *before = t->seccomp.filter;
	long r;

	if (t->seccomp.mode != SECCOMP_MODE_DISABLED && t->seccomp.mode != SECCOMP_MODE_FILTER)
		return -EINVAL;
	if (f->listener && has_listener(before))
		return -EBUSY;
	if (too_long(f, before))
		return -ENOMEM;
	r = flags & SECCOMP_FILTER_FLAG_TSYNC ? cannot_sync(t) : 0;
	if (r != 0)
		return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : r;
	f->log = flags & SECCOMP_FILTER_FLAG_LOG;
	f->wait_killable = flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	for (unsigned i = 0; before && i < SECCOMP_CACHE_WORDS; i++)
		f->allow[i] &= before->allow[i];
	f->prev = before; /* with the task's reference and as its user */
	__atomic_store_n(&t->seccomp.filter, f, __ATOMIC_RELEASE);
	__atomic_store_n(&t->seccomp.count, t->seccomp.count + 1, __ATOMIC_RELAXED);
	assign(t, SECCOMP_MODE_FILTER);
	task_withdraw(t);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		sync_threads(t);
	return 0;
}

long seccomp_attach(struct task *t, struct seccomp_filter *f, unsigned flags)
{
	long r;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	r = attach_locked(t, f, flags);
	mutex_unlock(&t->sighand->lock);
	mutex_unlock(&tasklist_lock);
	return r;
}

/* --- a call --- */

/* A guest can bring these about as often as it likes: the log gets a few a second. */
static void log_call(struct task *t, const struct seccomp_data *d, const char *what)
{
	static uint64_t second;
	static unsigned lines;
	uint64_t now = now_ns() / NSEC_PER_SEC;

	if (__atomic_exchange_n(&second, now, __ATOMIC_RELAXED) != now)
		__atomic_store_n(&lines, 0, __ATOMIC_RELAXED);
	if (__atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED) <= LOGS_PER_SECOND)
		log_debug("seccomp: [%d] call %d at %#llx: %s", task_pid_nr(t, t), d->nr,
			 (unsigned long long)d->instruction_pointer, what);
}

static uint32_t run_filters(struct seccomp_filter *f, const struct seccomp_data *d, struct seccomp_filter **match)
{
	uint32_t ret = SECCOMP_RET_ALLOW, r;

	*match = f;
	for (; f; f = f->prev) {
		r = bpf_run(f->p, d);
		/* Actions are ordered as signed numbers: killing the process comes before all. */
		if ((int32_t)(r & ACTION_FULL) < (int32_t)(ret & ACTION_FULL)) {
			ret = r;
			*match = f;
		}
	}
	return ret;
}

void force_sigsys(struct task *t, int code, int err)
{
	const struct user_regs_struct *r = pt_regs(t->pt);
	siginfo_t si = {.si_signo = SIGSYS, .si_code = code};

	si.si_errno = err;
	si.si_call_addr = (void *)(uintptr_t)r->rip;
	si.si_syscall = (int)r->orig_rax;
	si.si_arch = AUDIT_ARCH_X86_64;
	force_signal(t, SIGSYS, &si);
}

static __noreturn void kill_caller(struct task *t, const struct seccomp_data *d, bool thread_only)
{
	log_call(t, d, thread_only ? "kill thread" : "kill process");
	if (thread_only && __atomic_load_n(&t->tg->live, __ATOMIC_SEQ_CST) > 1)
		do_exit(t, SIGSYS);
	do_group_exit(t, SIGSYS);
}

/* A result that the guest's filter or listener chose. The numbers by which the kernel's own calls ask to be restarted mean
 * nothing here. */
static long raw_result(struct task *t, long r)
{
	if (r <= -ERESTARTSYS && r >= -ERESTART_RESTARTBLOCK)
		pt_regs(t->pt)->orig_rax = (unsigned long long)-1;
	return r;
}

/* What ptrace makes of SECCOMP_RET_TRACE. True: the call is not to be made. */
static bool ask_tracer(struct task *t, uint32_t data, long *ret_result)
{
	*ret_result = -ENOSYS;
	if (!ptrace_event_enabled(t, PTRACE_EVENT_SECCOMP))
		return true;
	pt_regs(t->pt)->rax = (unsigned long long)-ENOSYS;
	ptrace_event(t, PTRACE_EVENT_SECCOMP, data);
	*ret_result = (long)pt_regs(t->pt)->rax;
	return fatal_signal_pending(t) || (int)pt_regs(t->pt)->orig_rax < 0;
}

static bool strict(struct task *t, const struct seccomp_data *d)
{
	switch (d->nr) {
	case __NR_read:
	case __NR_write:
	case __NR_exit:
	case __NR_rt_sigreturn:
		return false;
	}
	log_call(t, d, "kill thread, strict mode");
	do_exit(t, SIGKILL);
}

static void call_data(struct task *t, struct seccomp_data *d)
{
	const struct user_regs_struct *r = pt_regs(t->pt);

	*d = (struct seccomp_data){.nr = (int)r->orig_rax, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = r->rip,
				   .args = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9}};
}

static bool decide(struct task *t, bool traced, long *ret_result)
{
	struct seccomp_filter *match = NULL;
	struct seccomp_data d;
	bool skip, raw;
	uint32_t ret;

	call_data(t, &d);
	ret = run_filters(filter_of(t), &d, &match);
	switch (ret & ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return false;
	case SECCOMP_RET_LOG:
		log_call(t, &d, "log");
		return false;
	case SECCOMP_RET_ERRNO:
		if (match->log)
			log_call(t, &d, "errno");
		*ret_result = raw_result(t, -(long)MIN(ret & SECCOMP_RET_DATA, 4095U));
		return true;
	case SECCOMP_RET_TRAP:
		if (match->log)
			log_call(t, &d, "trap");
		force_sigsys(t, SYS_SECCOMP, (int)(ret & SECCOMP_RET_DATA));
		*ret_result = raw_result(t, (long)pt_regs(t->pt)->orig_rax);
		return true;
	case SECCOMP_RET_USER_NOTIF:
		if (match->log)
			log_call(t, &d, "user notification");
		skip = seccomp_notify(t, match, &d, ret_result, &raw);
		if (skip && raw)
			*ret_result = raw_result(t, *ret_result);
		return skip;
	case SECCOMP_RET_TRACE:
		if (traced)
			return false;
		if (match->log)
			log_call(t, &d, "trace");
		if (ask_tracer(t, ret & SECCOMP_RET_DATA, ret_result))
			return true;
		/* The tracer may have changed the call: all but asking it again. */
		return decide(t, true, ret_result);
	}
	kill_caller(t, &d, (ret & ACTION_FULL) == SECCOMP_RET_KILL_THREAD);
}

/* --- for a tracer --- */

int seccomp_mode(const struct task *t)
{
	return __atomic_load_n(&t->seccomp.mode, __ATOMIC_ACQUIRE);
}

/* + a reference of the newest of all, which keeps the one that is meant. */
static int nth_filter(struct task *t, struct task *o, uint64_t off, struct seccomp_filter **ret_newest,
		      const struct seccomp_filter **ret)
{
	const struct seccomp_filter *f;
	uint64_t count = 0;

	if (!capable(t->cred, CAP_SYS_ADMIN) || seccomp_mode(t) != SECCOMP_MODE_DISABLED)
		return -EACCES;
	mutex_lock(&o->sighand->lock);
	f = o->seccomp.mode == SECCOMP_MODE_FILTER ? o->seccomp.filter : NULL;
	*ret_newest = o->seccomp.filter;
	if (f)
		ref_get(&o->seccomp.filter->ref);
	mutex_unlock(&o->sighand->lock);
	if (!f)
		return -EINVAL;
	for (const struct seccomp_filter *x = f; x; x = x->prev)
		count++;
	if (off >= count) {
		seccomp_filter_put(*ret_newest);
		return -ENOENT;
	}
	for (uint64_t k = count - 1 - off; k; k--)
		f = f->prev;
	*ret = f;
	return 0;
}

long seccomp_get_filter(struct task *t, struct task *o, uint64_t off, uint64_t data)
{
	const struct seccomp_filter *f;
	struct seccomp_filter *newest;
	long r = nth_filter(t, o, off, &newest, &f);

	if (r < 0)
		return r;
	r = f->n;
	if (data && copy_out(t, uaddr(data), f->p, f->n * sizeof(*f->p)) < 0)
		r = -EFAULT;
	seccomp_filter_put(newest);
	return r;
}

long seccomp_get_metadata(struct task *t, struct task *o, uint64_t size, uint64_t data)
{
	struct seccomp_metadata m = {0};
	const struct seccomp_filter *f;
	struct seccomp_filter *newest;
	long r;

	size = MIN(size, sizeof(m));
	if (size < sizeof(m.filter_off))
		return -EINVAL;
	if (copy_in(t, &m.filter_off, uaddr(data), sizeof(m.filter_off)) < 0)
		return -EFAULT;
	r = nth_filter(t, o, m.filter_off, &newest, &f);
	if (r < 0)
		return r;
	m.flags = f->log ? SECCOMP_FILTER_FLAG_LOG : 0;
	r = copy_out(t, uaddr(data), &m, size) < 0 ? -EFAULT : (long)size;
	seccomp_filter_put(newest);
	return r;
}

bool seccomp_enter(struct task *t, long *ret_result)
{
	struct seccomp_data d;

	if (ptrace_flags(t) & PT_SUSPEND_SECCOMP)
		return false;
	switch (__atomic_load_n(&t->seccomp.mode, __ATOMIC_ACQUIRE)) {
	case SECCOMP_MODE_DISABLED:
		return false;
	case SECCOMP_MODE_STRICT:
		call_data(t, &d);
		return strict(t, &d);
	}
	if (seccomp_allows(t, (int)pt_regs(t->pt)->orig_rax))
		return false;
	return decide(t, false, ret_result);
}
