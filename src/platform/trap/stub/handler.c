/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stub's only work: a trap or fault of guest code arrives as a host signal on the thread's alternate
 * stack; it is posted to the kernel through the slot; the kernel's operations are carried out until one says
 * resume. Nothing here is trusted by the kernel.
 */
#include <asm/errno.h>
#include <asm/unistd.h>
#include <linux/futex.h>
#include "platform/trap/layout.h"
#include "sys.h"

#define SIGNO_SYS 31
#define SIGNO_SEGV 11
#define SIGNO_BUS 7

static struct slot *slot_of(const void *on_stack)
{
	uint64_t area = (uint64_t)on_stack & ~(AREA_SIZE - 1);

	return (struct slot *)(area + SLOT_OFFSET);
}

static void post_and_wait(struct slot *s)
{
	uint32_t spin;

	__atomic_store_n(&s->turn, TURN_KERNEL, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&s->kernel_sleeps, __ATOMIC_SEQ_CST))
		sys6(__NR_futex, (long)&s->turn, FUTEX_WAKE, 1, 0, 0, 0);
	for (spin = s->spin; spin; spin--) {
		if (__atomic_load_n(&s->turn, __ATOMIC_ACQUIRE) == TURN_STUB)
			return;
		__builtin_ia32_pause();
	}
	while (__atomic_load_n(&s->turn, __ATOMIC_SEQ_CST) != TURN_STUB) {
		__atomic_store_n(&s->stub_sleeps, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&s->turn, __ATOMIC_SEQ_CST) != TURN_STUB)
			sys6(__NR_futex, (long)&s->turn, FUTEX_WAIT, TURN_KERNEL, 0, 0, 0);
		__atomic_store_n(&s->stub_sleeps, 0, __ATOMIC_SEQ_CST);
	}
}

static void save_regs(struct slot *s, const struct mcontext *m)
{
	uint64_t *r = s->regs, fs, gs;

	__asm__ volatile("rdfsbase %0" : "=r"(fs));
	__asm__ volatile("rdgsbase %0" : "=r"(gs));
	r[0] = m->r15, r[1] = m->r14, r[2] = m->r13, r[3] = m->r12, r[4] = m->rbp, r[5] = m->rbx;
	r[6] = m->r11, r[7] = m->r10, r[8] = m->r9, r[9] = m->r8, r[10] = m->rax, r[11] = m->rcx;
	r[12] = m->rdx, r[13] = m->rsi, r[14] = m->rdi, r[15] = m->rax, r[16] = m->rip;
	r[17] = m->cs, r[18] = m->efl, r[19] = m->rsp, r[20] = m->ss, r[21] = fs, r[22] = gs;
	r[23] = r[24] = r[25] = r[26] = 0;
}

static void load_regs(const struct slot *s, struct mcontext *m)
{
	const uint64_t *r = s->regs;
	uint64_t fs, gs;

	m->r15 = r[0], m->r14 = r[1], m->r13 = r[2], m->r12 = r[3], m->rbp = r[4], m->rbx = r[5];
	m->r11 = r[6], m->r10 = r[7], m->r9 = r[8], m->r8 = r[9], m->rax = r[10], m->rcx = r[11];
	m->rdx = r[12], m->rsi = r[13], m->rdi = r[14], m->rip = r[16], m->efl = r[18];
	m->rsp = r[19];
	__asm__ volatile("rdfsbase %0" : "=r"(fs));
	__asm__ volatile("rdgsbase %0" : "=r"(gs));
	if (fs != r[21])
		__asm__ volatile("wrfsbase %0" : : "r"(r[21]));
	if (gs != r[22])
		__asm__ volatile("wrgsbase %0" : : "r"(r[22]));
}

static long map_slot(struct slot *s, uint64_t offset, uint64_t token)
{
	long r = sys6(__NR_mmap, (long)s, SLOT_SIZE, 3, 0x11 /* SHARED|FIXED */,
		      (long)(token << 32 | SLOT_FD), (long)offset);

	if (r == (long)s)
		r = sys3(__NR_madvise, s, SLOT_SIZE, 10 /* MADV_DONTFORK */);
	return r;
}

static long new_thread(struct ucontext *uc, const uint64_t *a)
{
	uint64_t old = (uint64_t)uc & ~(AREA_SIZE - 1), delta = a[2] - old, n;
	struct ucontext *copy = (struct ucontext *)((uint64_t)uc + delta);
	long r;

	r = sys6(__NR_mmap, (long)a[2], ALTSTACK_SIZE, 3, 0x100022 /* PRIVATE|ANON|FIXED_NOREPLACE */, -1,
		 0);
	if (r < 0 && r != -EEXIST)
		return r;
	n = old + ALTSTACK_SIZE - (uint64_t)uc;
	if (stub_copy(copy, uc, n))
		return -EFAULT;
	copy->mc.fpregs += delta;
	copy->stack.sp = a[2];
	copy->stack.size = ALTSTACK_SIZE;
	copy->stack.flags = 0;
	return stub_clone_thread(CLONE_THREAD_FLAGS, (uint64_t)copy - 256,
				 a[2] + SLOT_OFFSET + offsetof(struct slot, tid_word), copy, a[0], a[1]);
}

static long copy_op(uint64_t to, uint64_t from, uint64_t n)
{
	if (n > SLOT_DATA_SIZE)
		return -EINVAL;
	return (long)(n - stub_copy((void *)to, (const void *)from, n));
}

/* Runs the kernel's list. True when it ended in resume. *ret_child: this is a forked child, whose slot must
 * be mapped first. */
static int run_ops(struct slot *s, struct ucontext *uc, uint64_t *birth)
{
	uint64_t data = (uint64_t)s + SLOT_DATA_OFFSET;
	uint32_t n = s->nops;

	for (uint32_t i = 0; i < n && i < SLOT_OPS_MAX; i++) {
		struct slot_op *op = &s->ops[i];
		uint64_t *a = op->a;
		long r = 0;

		switch (op->kind) {
		case SLOT_OP_RESUME:
			load_regs(s, &uc->mc);
			return 1;
		case SLOT_OP_SYSCALL:
			r = sys6(op->nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4],
				 (long)a[5]);
			break;
		case SLOT_OP_FORK:
			birth[0] = a[0];
			birth[1] = a[1];
			r = sys6(__NR_clone, CLONE_FORK_FLAGS, 0, 0, 0, 0, 0);
			if (r == 0)
				return 2;
			break;
		case SLOT_OP_THREAD:
			r = new_thread(uc, a);
			break;
		case SLOT_OP_COPY_IN:
			r = copy_op(data, a[0], a[1]);
			break;
		case SLOT_OP_COPY_OUT:
			r = copy_op(a[0], data, a[1]);
			break;
		case SLOT_OP_CMPXCHG:
			r = stub_cmpxchg((uint32_t *)a[0], (uint32_t)a[1], (uint32_t)a[2]);
			break;
		case SLOT_OP_FP_SAVE:
			r = fp_save(uc, a[0]);
			break;
		case SLOT_OP_FP_LOAD:
			r = fp_load(uc, a[0]);
			break;
		case SLOT_OP_EXIT:
			sys3(__NR_exit, 0, 0, 0);
			break;
		default:
			sys3(__NR_exit_group, 0, 0, 0);
		}
		op->result = r;
		s->ops_done = i + 1;
		if (op->kind == SLOT_OP_SYSCALL && r < 0 && r > -4096)
			break;
	}
	return 0;
}

static void serve(struct slot *s, struct ucontext *uc, uint32_t event)
{
	uint64_t birth[2];
	uint32_t cpu, lo, hi;

	for (;;) {
		__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(cpu));
		s->cpu = cpu & 0xfff;
		s->event = event;
		post_and_wait(s);
		event = SLOT_EV_DONE;
		switch (run_ops(s, uc, birth)) {
		case 1:
			return;
		case 2:
			if (map_slot(s, birth[0], birth[1]) < 0)
				sys3(__NR_exit_group, 1, 0, 0);
			s->fp_size = fp_size(uc);
			event = SLOT_EV_READY;
		}
	}
}

/* The call is one whose answer the kernel left in the slot. */
static int answer(const struct slot *s, struct mcontext *m)
{
	uint32_t i;

	switch (m->rax) {
	case __NR_getpid: i = SLOT_GETPID; break;
	case __NR_gettid: i = SLOT_GETTID; break;
	case __NR_getppid: i = SLOT_GETPPID; break;
	case __NR_getuid: i = SLOT_GETUID; break;
	case __NR_geteuid: i = SLOT_GETEUID; break;
	case __NR_getgid: i = SLOT_GETGID; break;
	case __NR_getegid: i = SLOT_GETEGID; break;
	default: return 0;
	}
	if (!(__atomic_load_n(&s->answered, __ATOMIC_ACQUIRE) & 1U << i))
		return 0;
	m->rax = __atomic_load_n(&s->answers[i], __ATOMIC_RELAXED);
	return 1;
}

void stub_handler(int sig, void *info, struct ucontext *uc)
{
	struct slot *s = slot_of(uc);
	const int32_t *si = info;
	uint32_t event = SLOT_EV_EXCEPTION;

	if ((sig == SIGNO_SEGV || sig == SIGNO_BUS) && uc->mc.rip == (uint64_t)stub_copy_insn) {
		uc->mc.rip = (uint64_t)stub_copy_end;
		return;
	}
	if ((sig == SIGNO_SEGV || sig == SIGNO_BUS) && uc->mc.rip == (uint64_t)stub_cmpxchg_insn) {
		uc->mc.rip = (uint64_t)stub_cmpxchg_fault;
		return;
	}
	if (sig == SIGNO_SYS && answer(s, &uc->mc))
		return;
	save_regs(s, &uc->mc);
	if (sig == SIGNO_SYS)
		event = SLOT_EV_SYSCALL;
	else if (sig == KICK_SIGNAL)
		event = SLOT_EV_KICK;
	else {
		s->signo = sig;
		s->code = si[2];
		s->fault_addr = *(const uint64_t *)(const void *)(si + 4);
		s->trapno = uc->mc.trapno;
		s->err = uc->mc.err;
		s->fp_size = fp_size(uc);
	}
	serve(s, uc, event);
}

void stub_thread_main(struct ucontext *uc, uint64_t offset, uint64_t token)
{
	struct slot *s = slot_of(uc);

	if (map_slot(s, offset, token) < 0)
		sys3(__NR_exit, 1, 0, 0);
	s->fp_size = fp_size(uc);
	serve(s, uc, SLOT_EV_READY);
	stub_sigreturn(uc);
}
