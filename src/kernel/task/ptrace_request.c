/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): what a tracer may ask of a stopped tracee. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <string.h>
#include <sys/uio.h>
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/task/seccomp.h"
#include "kernel/usercopy.h"

/* Requests of asm/ptrace-abi.h, which does not go together with the others. */
#define REQ_GETREGS 12
#define REQ_SETREGS 13
#define REQ_GETFPREGS 14
#define REQ_SETFPREGS 15
#define REQ_OLDSETOPTIONS 21
#define REQ_ARCH_PRCTL 30
#define REQ_SYSEMU 31
#define REQ_SYSEMU_SINGLESTEP 32
#define REQ_SINGLEBLOCK 33
#define REGSET_MAX 16384U
#define EFLAGS_TF 0x100ULL
#define SIGSET_SIZE 8U

static long peek(struct task *t, struct task *o, uint64_t addr, uint64_t data)
{
	uint64_t v;
	ssize_t n = ptrace_access_mm(o, pt_as(o->pt), addr, &v, sizeof(v), false);

	if (n != sizeof(v))
		return n == -ERESTARTNOINTR ? n : -EIO;
	return put_u64(t, uaddr(data), v);
}

static long poke(struct task *o, uint64_t addr, uint64_t v)
{
	ssize_t n = ptrace_access_mm(o, pt_as(o->pt), addr, &v, sizeof(v), true);

	if (n != sizeof(v))
		return n == -ERESTARTNOINTR ? n : -EIO;
	return 0;
}

static long peek_user(struct task *t, struct task *o, uint64_t addr, uint64_t data)
{
	uint64_t v;
	int r = ptrace_peek_user(o, addr, &v);

	return r < 0 ? r : put_u64(t, uaddr(data), v);
}

/* n bytes of a register set at user memory. */
static long move_set(struct task *t, struct task *o, unsigned type, uaddr_t at, size_t n, bool set)
{
	_cleanup_free_ unsigned char *buf = calloc(1, n + 1);
	int r;

	if (!buf)
		return -ENOMEM;
	if (set) {
		if (copy_in(t, buf, at, n) < 0)
			return -EFAULT;
		return ptrace_regset_set(o, type, buf, n);
	}
	r = ptrace_regset_get(o, type, buf, n);
	if (r < 0)
		return r;
	return copy_out(t, at, buf, n);
}

static long whole_set(struct task *t, struct task *o, unsigned type, uint64_t data, bool set)
{
	size_t elem, size;
	int r = ptrace_regset_size(type, &elem, &size);

	return r < 0 ? r : move_set(t, o, type, uaddr(data), size, set);
}

static long regset(struct task *t, struct task *o, uint64_t type, uint64_t data, bool set)
{
	struct iovec v;
	size_t elem, size;
	long r;

	if (copy_in(t, &v, uaddr(data), sizeof(v)) < 0)
		return -EFAULT;
	r = ptrace_regset_size((unsigned)type, &elem, &size);
	if (r < 0 || v.iov_len % elem)
		return -EINVAL;
	v.iov_len = MIN(MIN(v.iov_len, size), (size_t)REGSET_MAX);
	r = move_set(t, o, (unsigned)type, uaddr((uintptr_t)v.iov_base), v.iov_len, set);
	if (r < 0)
		return r;
	return put_u64(t, uaddr(data + offsetof(struct iovec, iov_len)), v.iov_len);
}

static long set_options(struct task *t, struct task *o, uint64_t data)
{
	uint32_t flags;
	int r = ptrace_check_options(t, data);

	if (r < 0)
		return r;
	MUTEX_GUARD(&tasklist_lock);
	flags = ptrace_flags(o) & ((1U << PT_OPT_SHIFT) - 1);
	__atomic_store_n(&o->trace.flags, flags | (unsigned)data << PT_OPT_SHIFT, __ATOMIC_SEQ_CST);
	return 0;
}

static uint64_t message(struct task *o)
{
	MUTEX_GUARD(&o->sighand->lock);
	return o->trace.message;
}

/* The signal information of the stop, 0 or -EINVAL when it has none. */
static int stop_info(struct task *o, siginfo_t *si)
{
	MUTEX_GUARD(&o->sighand->lock);
	if (!o->trace.info)
		return -EINVAL;
	*si = *o->trace.info;
	return 0;
}

static long set_siginfo(struct task *t, struct task *o, uint64_t data)
{
	siginfo_t si;

	if (copy_in(t, &si, uaddr(data), sizeof(si)) < 0)
		return -EFAULT;
	MUTEX_GUARD(&o->sighand->lock);
	if (!o->trace.info)
		return -EINVAL;
	*o->trace.info = si;
	return 0;
}

/* The n-th queued signal. */
static bool queued(struct task *o, bool shared, uint64_t n, siginfo_t *si)
{
	struct sigqueue *q;
	struct sigpending *p = shared ? &o->tg->shared_pending : &o->pending;

	MUTEX_GUARD(&o->sighand->lock);
	list_for_each_entry(q, &p->queue, node)
		if (n-- == 0) {
			*si = q->info;
			return true;
		}
	return false;
}

static long peek_siginfo(struct task *t, struct task *o, uint64_t addr, uint64_t data)
{
	struct ptrace_peeksiginfo_args a;
	siginfo_t si;
	int n;

	if (copy_in(t, &a, uaddr(addr), sizeof(a)) < 0)
		return -EFAULT;
	if ((a.flags & ~(unsigned)PTRACE_PEEKSIGINFO_SHARED) || a.nr < 0)
		return -EINVAL;
	for (n = 0; n < a.nr && !fatal_signal_pending(t); n++) {
		if (a.off + (uint64_t)n < a.off ||
		    !queued(o, a.flags & PTRACE_PEEKSIGINFO_SHARED, a.off + (uint64_t)n, &si))
			break;
		if (copy_out(t, uaddr(data + (uint64_t)n * sizeof(si)), &si, sizeof(si)) < 0)
			return n ? n : -EFAULT;
	}
	return n;
}

static long get_sigmask(struct task *t, struct task *o, uint64_t size, uint64_t data)
{
	ksigset_t m;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	mutex_lock(&o->sighand->lock);
	m = o->restore_mask ? o->saved_mask : o->blocked;
	mutex_unlock(&o->sighand->lock);
	return put_u64(t, uaddr(data), m);
}

static long set_sigmask(struct task *t, struct task *o, uint64_t size, uint64_t data)
{
	ksigset_t m;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (copy_in(t, &m, uaddr(data), sizeof(m)) < 0)
		return -EFAULT;
	MUTEX_GUARD(&o->sighand->lock);
	/* The task counts its pending signals anew when it goes on. */
	o->blocked = m & ~SIG_KERNEL_ONLY;
	o->restore_mask = false;
	return 0;
}

static long interrupt(struct task *o)
{
	if (!(ptrace_flags(o) & PT_SEIZED))
		return -EIO;
	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&o->sighand->lock);
	if (jobctl_set(o, JOBCTL_TRAP_STOP))
		ptrace_signal_wake(o, o->jobctl & JOBCTL_LISTENING);
	return 0;
}

static long listen_stop(struct task *o)
{
	if (!(ptrace_flags(o) & PT_SEIZED))
		return -EIO;
	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&o->sighand->lock);
	if (!o->trace.info || o->trace.info->si_code >> 8 != PTRACE_EVENT_STOP)
		return -EIO;
	o->jobctl |= JOBCTL_LISTENING;
	o->jobctl &= ~JOBCTL_FROZEN;
	if (o->jobctl & JOBCTL_TRAP_NOTIFY)
		ptrace_signal_wake(o, true);
	return 0;
}

long ptrace_resume(struct task *o, long request, uint64_t sig)
{
	uint32_t mode = __atomic_load_n(&o->trace.mode, __ATOMIC_SEQ_CST) & PT_FORCED_TF;
	struct user_regs_struct *r = pt_regs(o->pt);

	if (sig > NSIG_GUEST)
		return -EIO;
	switch (request) {
	case PTRACE_SYSCALL:
		mode |= PT_TRACE_SYSCALL;
		break;
	case REQ_SYSEMU:
		mode |= PT_TRACE_EMU;
		break;
	case REQ_SYSEMU_SINGLESTEP:
		mode |= PT_TRACE_EMU | PT_STEP | PT_STEP_CALL;
		break;
	case PTRACE_SINGLESTEP:
		mode |= PT_STEP | PT_STEP_CALL;
		break;
	}
	if (!(mode & PT_STEP)) {
		ptrace_step_off(o);
		mode &= ~PT_FORCED_TF;
	} else {
		if (!(r->eflags & EFLAGS_TF))
			mode |= PT_FORCED_TF;
		r->eflags |= EFLAGS_TF;
	}
	__atomic_store_n(&o->trace.mode, mode, __ATOMIC_SEQ_CST);
	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&o->sighand->lock);
	o->trace.code = (int)sig;
	o->jobctl &= ~(JOBCTL_TRACED | JOBCTL_FROZEN);
	sleeper_wake(&o->sleeper);
	return 0;
}

static uint64_t entry_info(struct ptrace_syscall_info *i, const struct user_regs_struct *r)
{
	i->entry.nr = r->orig_rax;
	i->entry.args[0] = r->rdi;
	i->entry.args[1] = r->rsi;
	i->entry.args[2] = r->rdx;
	i->entry.args[3] = r->r10;
	i->entry.args[4] = r->r8;
	i->entry.args[5] = r->r9;
	return offsetof(struct ptrace_syscall_info, entry) + sizeof(i->entry);
}

static uint64_t exit_info(struct ptrace_syscall_info *i, const struct user_regs_struct *r)
{
	i->exit.rval = (int64_t)r->rax;
	i->exit.is_error = i->exit.rval < 0 && i->exit.rval >= -4095;
	return offsetof(struct ptrace_syscall_info, exit.is_error) + sizeof(i->exit.is_error);
}

static long syscall_info(struct task *t, struct task *o, uint64_t size, uint64_t data)
{
	const struct user_regs_struct *r = pt_regs(o->pt);
	struct ptrace_syscall_info i = {.op = PTRACE_SYSCALL_INFO_NONE, .arch = AUDIT_ARCH_X86_64};
	uint64_t n = offsetof(struct ptrace_syscall_info, entry);
	siginfo_t si = {0};

	i.instruction_pointer = r->rip;
	i.stack_pointer = r->rsp;
	(void)stop_info(o, &si);
	switch (si.si_code) {
	case SIGTRAP | 0x80:
		if (message(o) == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
			i.op = PTRACE_SYSCALL_INFO_ENTRY;
			n = entry_info(&i, r);
		} else if (message(o) == PTRACE_EVENTMSG_SYSCALL_EXIT) {
			i.op = PTRACE_SYSCALL_INFO_EXIT;
			n = exit_info(&i, r);
		}
		break;
	case SIGTRAP | PTRACE_EVENT_SECCOMP << 8:
		i.op = PTRACE_SYSCALL_INFO_SECCOMP;
		(void)entry_info(&i, r);
		i.seccomp.ret_data = (uint32_t)message(o);
		n = offsetof(struct ptrace_syscall_info, seccomp.ret_data) + sizeof(i.seccomp.ret_data);
		break;
	}
	if (copy_out(t, uaddr(data), &i, MIN(n, size)) < 0)
		return -EFAULT;
	return (long)n;
}

/* No restartable sequence is ever registered: what Linux shows of such a task. */
static long rseq(struct task *t, uint64_t size, uint64_t data)
{
	struct ptrace_rseq_configuration c = {0};

	if (copy_out(t, uaddr(data), &c, MIN(size, sizeof(c))) < 0)
		return -EFAULT;
	return sizeof(c);
}

/* arch_prctl(2) done to the tracee: addr and data the other way round. */
static long arch_prctl(struct task *t, struct task *o, uint64_t value, uint64_t code)
{
	switch (code) {
	case 0x1001: /* ARCH_SET_GS */
		return ptrace_poke_user(o, offsetof(struct user_regs_struct, gs_base), value) < 0 ? -EPERM : 0;
	case 0x1002: /* ARCH_SET_FS */
		return ptrace_poke_user(o, offsetof(struct user_regs_struct, fs_base), value) < 0 ? -EPERM : 0;
	case 0x1003: /* ARCH_GET_FS */
		return put_u64(t, uaddr(value), pt_regs(o->pt)->fs_base);
	case 0x1004: /* ARCH_GET_GS */
		return put_u64(t, uaddr(value), pt_regs(o->pt)->gs_base);
	}
	return -EINVAL;
}

static long get_siginfo(struct task *t, struct task *o, uint64_t data)
{
	siginfo_t si;

	if (stop_info(o, &si) < 0)
		return -EINVAL;
	return copy_out(t, uaddr(data), &si, sizeof(si));
}

static long registers(struct task *t, struct task *o, long request, uint64_t addr, uint64_t data)
{
	switch (request) {
	case PTRACE_PEEKUSR:
		return peek_user(t, o, addr, data);
	case PTRACE_POKEUSR:
		return ptrace_poke_user(o, addr, data);
	case REQ_GETREGS:
	case REQ_SETREGS:
		return whole_set(t, o, NT_PRSTATUS, data, request == REQ_SETREGS);
	case REQ_GETFPREGS:
	case REQ_SETFPREGS:
		return whole_set(t, o, NT_PRFPREG, data, request == REQ_SETFPREGS);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return regset(t, o, addr, data, request == PTRACE_SETREGSET);
	case PTRACE_GET_SYSCALL_INFO:
		return syscall_info(t, o, addr, data);
	case REQ_ARCH_PRCTL:
		return arch_prctl(t, o, addr, data);
	}
	return -EIO;
}

long ptrace_request(struct task *t, struct task *o, long request, uint64_t addr, uint64_t data)
{
	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(t, o, addr, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return poke(o, addr, data);
	case PTRACE_SETOPTIONS:
	case REQ_OLDSETOPTIONS:
		return set_options(t, o, data);
	case PTRACE_GETEVENTMSG:
		return put_u64(t, uaddr(data), message(o));
	case PTRACE_GETSIGINFO:
		return get_siginfo(t, o, data);
	case PTRACE_SETSIGINFO:
		return set_siginfo(t, o, data);
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(t, o, addr, data);
	case PTRACE_GETSIGMASK:
		return get_sigmask(t, o, addr, data);
	case PTRACE_SETSIGMASK:
		return set_sigmask(t, o, addr, data);
	case PTRACE_INTERRUPT:
		return interrupt(o);
	case PTRACE_LISTEN:
		return listen_stop(o);
	case PTRACE_DETACH:
		if (data > NSIG_GUEST)
			return -EIO;
		ptrace_detach(t, o, (int)data);
		return 0;
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case REQ_SYSEMU:
	case REQ_SYSEMU_SINGLESTEP:
		return ptrace_resume(o, request, data);
	case PTRACE_KILL:
		return send_signal_task(o, SIGKILL, &(siginfo_t){.si_signo = SIGKILL, .si_code = SI_USER,
								 .si_pid = task_pid_nr(t, o),
								 .si_uid = from_kuid(o->cred->user_ns, t->cred->uid)});
	case PTRACE_SECCOMP_GET_FILTER:
		return seccomp_get_filter(t, o, addr, data);
	case PTRACE_SECCOMP_GET_METADATA:
		return seccomp_get_metadata(t, o, addr, data);
	case PTRACE_GET_RSEQ_CONFIGURATION:
		return rseq(t, addr, data);
	}
	return registers(t, o, request, addr, data);
}
