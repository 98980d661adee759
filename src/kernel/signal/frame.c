/* SPDX-License-Identifier: Apache-2.0 */
/* The signal frame of x86-64, byte for byte what Linux puts on the stack: sigreturn(2). */
#include <errno.h>
#include <string.h>
#include "kernel/signal/internal.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

#define RED_ZONE 128
#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
#define SS_AUTODISARM_FLAG (1U << 31)
#define USER_CS 0x33
#define USER_SS 0x2b
#define EFLAGS_TF 0x100ULL
#define EFLAGS_DF 0x400ULL
#define EFLAGS_RF 0x10000ULL
/* CF PF AF ZF SF TF DF OF RF AC: what a guest may set through a frame. */
#define EFLAGS_FIX 0x50dd5ULL

struct guest_sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
static_assert(sizeof(struct guest_sigcontext) == 256, "struct sigcontext");

struct guest_stack_t {
	uint64_t sp;
	int32_t flags;
	uint32_t pad;
	uint64_t size;
};

struct guest_ucontext {
	uint64_t flags, link;
	struct guest_stack_t stack;
	struct guest_sigcontext mc;
	ksigset_t mask;
};

struct rt_sigframe {
	uint64_t pretcode;
	struct guest_ucontext uc;
	siginfo_t info;
};
static_assert(sizeof(struct rt_sigframe) == 440, "struct rt_sigframe");
static_assert(offsetof(struct rt_sigframe, info) == 312, "struct rt_sigframe");

bool on_altstack(const struct task *t, uint64_t sp)
{
	if ((unsigned)t->altstack.flags & SS_AUTODISARM_FLAG)
		return false;
	return sp > t->altstack.sp && sp - t->altstack.sp <= t->altstack.size;
}

/* Where the frame's lower end comes; *ret_fp: the extended state above it. 0: there is no place. */
static uint64_t frame_place(const struct task *t, const struct ksigaction *ka, uint64_t rsp,
			    uint64_t *ret_fp)
{
	size_t fpsize = pt_fpstate_size();
	bool nested = on_altstack(t, rsp), entering = false;
	uint64_t sp = rsp - RED_ZONE;

	if ((ka->flags & SA_ONSTACK) && t->altstack.size && !nested) {
		sp = t->altstack.sp + t->altstack.size;
		entering = true;
	}
	if (sp < fpsize + sizeof(struct rt_sigframe) + 256)
		return 0;
	sp = ALIGN_DOWN(sp - fpsize, 64ULL);
	*ret_fp = sp;
	sp = ALIGN_DOWN(sp - sizeof(struct rt_sigframe), 16ULL) - 8;
	if ((nested || entering) && (sp <= t->altstack.sp || sp - t->altstack.sp > t->altstack.size))
		return 0; /* over the lower end of the alternate stack */
	return sp;
}

static void save_regs(struct guest_sigcontext *c, const struct user_regs_struct *r)
{
	*c = (struct guest_sigcontext){
		.r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11, .r12 = r->r12, .r13 = r->r13,
		.r14 = r->r14, .r15 = r->r15, .di = r->rdi, .si = r->rsi, .bp = r->rbp, .bx = r->rbx,
		.dx = r->rdx, .ax = r->rax, .cx = r->rcx, .sp = r->rsp, .ip = r->rip,
		.flags = r->eflags, .cs = USER_CS, .ss = USER_SS,
	};
}

static void load_regs(struct user_regs_struct *r, const struct guest_sigcontext *c)
{
	r->r8 = c->r8;
	r->r9 = c->r9;
	r->r10 = c->r10;
	r->r11 = c->r11;
	r->r12 = c->r12;
	r->r13 = c->r13;
	r->r14 = c->r14;
	r->r15 = c->r15;
	r->rdi = c->di;
	r->rsi = c->si;
	r->rbp = c->bp;
	r->rbx = c->bx;
	r->rdx = c->dx;
	r->rax = c->ax;
	r->rcx = c->cx;
	r->rsp = c->sp;
	r->rip = c->ip;
	r->eflags = (r->eflags & ~EFLAGS_FIX) | (c->flags & EFLAGS_FIX);
	r->cs = USER_CS;
	r->ss = USER_SS;
	r->orig_rax = (unsigned long long)-1;
}

static void fill_frame(struct task *t, struct rt_sigframe *f, const struct ksigaction *ka,
		       const siginfo_t *info, ksigset_t saved, uint64_t fp)
{
	memset(f, 0, sizeof(*f));
	f->pretcode = ka->restorer;
	f->uc.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f->uc.stack.sp = t->altstack.sp;
	f->uc.stack.flags = t->altstack.flags;
	f->uc.stack.size = t->altstack.size;
	save_regs(&f->uc.mc, pt_regs(t->pt));
	f->uc.mc.err = t->trap_err;
	f->uc.mc.trapno = t->trapno;
	f->uc.mc.cr2 = t->trap_addr;
	f->uc.mc.oldmask = saved;
	f->uc.mc.fpstate = fp;
	f->uc.mask = saved;
	f->info = *info;
}

int frame_setup(struct task *t, int sig, const struct ksigaction *ka, const siginfo_t *info,
		ksigset_t saved)
{
	struct user_regs_struct *r = pt_regs(t->pt);
	struct rt_sigframe f;
	uint64_t fp, sp = frame_place(t, ka, r->rsp, &fp);
	size_t n = (ka->flags & SA_SIGINFO) ? sizeof(f) : offsetof(struct rt_sigframe, info);

	if (!sp || !(ka->flags & KSA_RESTORER))
		return -EFAULT;
	fill_frame(t, &f, ka, info, saved, fp);
	if (pt_fpstate_save(t->pt, uaddr(fp)) < 0 || copy_out(t, uaddr(sp), &f, n) < 0)
		return -EFAULT;
	r = pt_regs(t->pt);
	r->rdi = (unsigned)sig;
	r->rsi = sp + offsetof(struct rt_sigframe, info);
	r->rdx = sp + offsetof(struct rt_sigframe, uc);
	r->rax = 0;
	r->rip = ka->handler;
	r->rsp = sp;
	r->cs = USER_CS;
	r->ss = USER_SS;
	r->eflags &= ~(EFLAGS_DF | EFLAGS_RF | EFLAGS_TF);
	r->orig_rax = (unsigned long long)-1;
	if ((unsigned)t->altstack.flags & SS_AUTODISARM_FLAG) {
		t->altstack = (struct guest_sigstack){0, 0, SS_DISABLE};
	}
	return pt_fpstate_load(t->pt, uaddr(0));
}

static void restore_altstack(struct task *t, const struct guest_stack_t *s, uint64_t sp)
{
	unsigned mode = (unsigned)s->flags & ~SS_AUTODISARM_FLAG;

	if (on_altstack(t, sp) || (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK))
		return;
	if (mode == SS_DISABLE)
		t->altstack = (struct guest_sigstack){0, 0, SS_DISABLE};
	else if (s->size >= 2048)
		t->altstack = (struct guest_sigstack){
			s->sp, s->size, (int)((unsigned)s->flags & SS_AUTODISARM_FLAG)};
}

int frame_restore(struct task *t)
{
	struct user_regs_struct *r = pt_regs(t->pt);
	struct guest_ucontext uc;
	int e = copy_in(t, &uc, uaddr(r->rsp - 8 + offsetof(struct rt_sigframe, uc)), sizeof(uc));

	if (e < 0)
		return e;
	set_blocked(t, uc.mask);
	r = pt_regs(t->pt);
	load_regs(r, &uc.mc);
	e = pt_fpstate_load(t->pt, uaddr(uc.mc.fpstate));
	if (e < 0)
		return e;
	restore_altstack(t, &uc.stack, uc.mc.sp);
	return 0;
}
