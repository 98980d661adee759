/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): registers, register sets, breakpoints and single steps. */
#include "ptrace_lib.h"
#include <asm/prctl.h>
#include <elf.h>
#include <sys/mman.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#define USER_REG(r) offsetof(struct user, regs.r)
#define TF 0x100ULL
#define USER_AREA (sizeof(struct user) + 16) /* the kernel's has two words more */

TEST(user_area)
{
	pid_t pid = traced(do_nothing);
	struct user_regs_struct r = regs_of(pid);
	unsigned long v = 0;

	CHECK_EQ(PT(PTRACE_PEEKUSR, pid, USER_REG(rip), &v), 0);
	CHECK_EQ(v, r.rip);
	CHECK_EQ(PT(PTRACE_PEEKUSR, pid, USER_REG(cs), &v), 0);
	CHECK_EQ(v, 0x33);
	CHECK_EQ(r.ss, 0x2b);
	CHECK_EQ(PT(PTRACE_POKEUSR, pid, USER_REG(r15), 0x1234), 0);
	CHECK_EQ(regs_of(pid).r15, 0x1234);
	CHECK_EQ(PT(PTRACE_PEEKUSR, pid, USER_AREA - 8, &v), 0);
	CHECK_ERR(PT(PTRACE_PEEKUSR, pid, USER_AREA, &v), EIO);
	CHECK_ERR(PT(PTRACE_PEEKUSR, pid, 4, &v), EIO);
	CHECK_ERR(PT(PTRACE_POKEUSR, pid, 3, 0), EIO);
	CHECK_ERR(PT(PTRACE_POKEUSR, pid, offsetof(struct user, u_tsize), 0), EIO);
	CHECK_ERR(PT(PTRACE_POKEUSR, pid, USER_REG(cs), 0), EIO);
	CHECK_ERR(PT(PTRACE_POKEUSR, pid, USER_REG(ss), 0x10), EIO);
	CHECK_ERR(PT(PTRACE_POKEUSR, pid, USER_REG(fs_base), 0x8000000000000000UL), EIO);
	CHECK_ERR(PT(PTRACE_POKEUSR, pid, USER_REG(gs_base), 0x7ffffffff000UL), EIO);
	CHECK_EQ(PT(PTRACE_PEEKUSR, pid, offsetof(struct user, u_debugreg[7]), &v), 0);
	CHECK_EQ(PT(PTRACE_POKEUSR, pid, offsetof(struct user, u_debugreg[7]), 0), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TEST(set_and_get_all)
{
	pid_t pid = traced(do_nothing);
	struct user_regs_struct r = regs_of(pid), n;

	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0); /* what was read can be written */
	n = r;
	n.rbx = 1, n.rcx = 2, n.r8 = 3, n.r11 = 4;
	n.eflags = r.eflags ^ 0x800; /* OF */
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &n), 0);
	n = regs_of(pid);
	CHECK_EQ(n.rbx, 1);
	CHECK_EQ(n.rcx, 2);
	CHECK_EQ(n.r8, 3);
	CHECK_EQ(n.r11, 4);
	CHECK_EQ(n.eflags ^ r.eflags, 0x800);
	n.eflags |= 0x3000 | 0x200000; /* IOPL and ID are not a tracer's */
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &n), 0);
	CHECK_EQ(regs_of(pid).eflags & 0x3000, 0);
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
	CHECK_ERR(PT(REQ_GETREGS, pid, 0, 8), EFAULT);
	CHECK_ERR(PT(REQ_SETREGS, pid, 0, 8), EFAULT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TEST(regset_general)
{
	pid_t pid = traced(do_nothing);
	struct user_regs_struct r = regs_of(pid), g;
	struct iovec v = {&g, sizeof(g) + 64};

	memset(&g, 0, sizeof(g));
	CHECK_EQ(PT(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v), 0);
	CHECK_EQ(v.iov_len, sizeof(g));
	CHECK(memcmp(&g, &r, sizeof(g)) == 0);
	v.iov_len = 16; /* the first registers only */
	g.r15 = 77, g.r14 = 78;
	CHECK_EQ(PT(PTRACE_SETREGSET, pid, NT_PRSTATUS, &v), 0);
	CHECK_EQ(v.iov_len, 16);
	CHECK_EQ(regs_of(pid).r15, 77);
	CHECK_EQ(regs_of(pid).r13, r.r13);
	v.iov_len = 12;
	CHECK_ERR(PT(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v), EINVAL);
	v.iov_len = sizeof(g);
	CHECK_ERR(PT(PTRACE_GETREGSET, pid, 0x7777, &v), EINVAL);
	CHECK_ERR(PT(PTRACE_GETREGSET, pid, NT_PRSTATUS, 8), EFAULT);
	v.iov_base = (void *)8;
	CHECK_ERR(PT(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v), EFAULT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

/* xmm3 holds 33 at a trap and 44 goes on; result in eax. */
static int xmm_trap(void)
{
	int r = 33;

	__asm__ volatile("movd %0, %%xmm3\n\tint3\n\tmovd %%xmm3, %0" : "+r"(r) : : "xmm3");
	return r;
}

TEST(floating_point)
{
	pid_t pid = traced(xmm_trap);
	struct user_fpregs_struct f;
	uint32_t x;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	memset(&f, 0x5a, sizeof(f));
	CHECK_EQ(PT(REQ_GETFPREGS, pid, 0, &f), 0);
	CHECK_EQ(f.cwd, 0x37f);
	CHECK_EQ(f.mxcsr, 0x1f80);
	memcpy(&x, (char *)f.xmm_space + 48, sizeof(x));
	CHECK_EQ(x, 33);
	x = 44;
	memcpy((char *)f.xmm_space + 48, &x, sizeof(x));
	CHECK_EQ(PT(REQ_SETFPREGS, pid, 0, &f), 0);
	f.mxcsr = 0xffffffff;
	CHECK_ERR(PT(REQ_SETFPREGS, pid, 0, &f), EINVAL);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 44);
}

TEST(extended_state)
{
	static unsigned char buf[16384], bad[16384];
	pid_t pid = traced(xmm_trap);
	struct iovec v = {buf, sizeof(buf)};
	uint64_t mask, used;
	uint32_t x;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(PT(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &v), 0);
	CHECK(v.iov_len >= 576 && v.iov_len < sizeof(buf));
	memcpy(&mask, buf + 464, 8);
	memcpy(&used, buf + 512, 8);
	CHECK_EQ(mask & 3, 3);
	CHECK_EQ(used & ~mask, 0);
	memcpy(&x, buf + 160 + 48, 4);
	CHECK_EQ(x, 33);
	x = 45;
	memcpy(buf + 160 + 48, &x, 4);
	CHECK_EQ(PT(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v), 0);
	memcpy(bad, buf, sizeof(bad));
	bad[512 + 7] = 0x40; /* a component that is not there */
	v.iov_base = bad;
	CHECK_ERR(PT(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v), EINVAL);
	v.iov_len = 576;
	CHECK_ERR(PT(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v), EFAULT);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 45);
}

static int trap_return(void)
{
	int r = 0;

	__asm__ volatile("mov $5, %0\n\tint3\n\tadd $1, %0" : "+r"(r));
	return r;
}

TEST(breakpoint_in_code)
{
	pid_t pid = traced(trap_return);
	siginfo_t si;
	long insn = 0;
	struct user_regs_struct r;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, SI_KERNEL);
	r = regs_of(pid);
	CHECK_EQ(PT(PTRACE_PEEKTEXT, pid, r.rip - 1, &insn), 0);
	CHECK_EQ(insn & 0xff, 0xcc);
	CHECK_EQ((long)r.orig_rax, -1);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 6);
}

__attribute__((noinline)) static int target(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static int call_target(void)
{
	return target(1) + target(10);
}

TEST(set_breakpoint)
{
	pid_t pid = traced(call_target);
	struct user_regs_struct r;
	long old = 0;

	CHECK_EQ(PT(PTRACE_PEEKTEXT, pid, target, &old), 0);
	CHECK_EQ(PT(PTRACE_POKETEXT, pid, target, (old & ~0xffL) | 0xcc), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
		EXPECT_STOP(pid, SIGTRAP);
		r = regs_of(pid);
		CHECK_EQ(r.rip, (uintptr_t)target + 1);
		CHECK_EQ((int)r.rdi, i ? 10 : 1);
		/* Over it: the old bytes, one step, the breakpoint again. */
		r.rip--;
		CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
		CHECK_EQ(PT(PTRACE_POKETEXT, pid, target, old), 0);
		CHECK_EQ(PT(PTRACE_SINGLESTEP, pid, 0, 0), 0);
		EXPECT_STOP(pid, SIGTRAP);
		CHECK(regs_of(pid).rip != (uintptr_t)target);
		CHECK_EQ(PT(PTRACE_POKETEXT, pid, target, (old & ~0xffL) | 0xcc), 0);
	}
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 13);
	CHECK_EQ(*(const volatile unsigned char *)(uintptr_t)target, old & 0xff);
}

static int nops(void)
{
	int r;

	__asm__ volatile("int3\n\tnop\n\tnop\n\tmov $20, %0\n\tadd $2, %0\n\tint3" : "=r"(r));
	return r;
}

TEST(single_step)
{
	pid_t pid = traced(nops);
	struct user_regs_struct r;
	siginfo_t si;
	unsigned long long at;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	at = regs_of(pid).rip;
	for (int i = 1; i <= 2; i++) {
		CHECK_EQ(PT(PTRACE_SINGLESTEP, pid, 0, 0), 0);
		EXPECT_STOP(pid, SIGTRAP);
		r = regs_of(pid);
		CHECK_EQ(r.rip, at + (unsigned)i);
		CHECK_EQ(r.eflags & TF, 0); /* the tracer's own flag does not show */
		CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
		CHECK_EQ(si.si_code, TRAP_TRACE);
		CHECK_EQ((uintptr_t)si.si_addr, r.rip);
	}
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, SI_KERNEL); /* no steps left over */
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 22);
}

static int call_in_steps(void)
{
	long r;

	__asm__ volatile("int3\n\tsyscall\n\tnop\n\tnop" : "=a"(r) : "a"(SYS_getpid) : "rcx", "r11", "memory");
	return r == getpid() ? 8 : 9;
}

TEST(step_over_call)
{
	pid_t pid = traced(call_in_steps);
	unsigned long long at;
	siginfo_t si;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	at = regs_of(pid).rip;
	CHECK_EQ(PT(PTRACE_SINGLESTEP, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(regs_of(pid).rip, at + 2); /* right behind the call */
	CHECK_EQ(regs_of(pid).rax, pid);
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, TRAP_BRKPT);
	CHECK_EQ(PT(PTRACE_SINGLESTEP, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(regs_of(pid).rip, at + 3);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 8);
}

static volatile int seen;

static void on_usr1(int sig)
{
	seen = sig;
}

static int raise_and_count(void)
{
	signal(SIGUSR1, on_usr1);
	raise(SIGUSR1);
	return seen;
}

TEST(step_into_handler)
{
	pid_t pid = traced(raise_and_count);
	siginfo_t si;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGUSR1);
	CHECK_EQ(PT(PTRACE_SINGLESTEP, pid, 0, SIGUSR1), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(regs_of(pid).rip, (uintptr_t)on_usr1); /* before its first instruction */
	CHECK_EQ(PT(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	CHECK_EQ(si.si_code, SIGTRAP);
	CHECK_EQ(PT(PTRACE_SINGLESTEP, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, SIGUSR1);
}

static int fork_stepped(void)
{
	pid_t pid = fork();
	int s = 0;

	if (pid == 0)
		_exit(6);
	waitpid(pid, &s, 0);
	return WIFEXITED(s) ? WEXITSTATUS(s) : 99;
}

/* A child made in the middle of steps is not stepped. */
TEST(step_over_fork)
{
	pid_t pid = traced(fork_stepped);
	int s = 0, steps = 0;

	for (;;) {
		CHECK_EQ(PT(PTRACE_SINGLESTEP, pid, 0, 0), 0);
		REQUIRE(waitpid(pid, &s, 0) == pid);
		if (!WIFSTOPPED(s) || STOP_CODE(s) == SIGCHLD || ++steps > 20000)
			break;
	}
	CHECK(steps > 50 && steps <= 20000);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 6);
}

TEST(moved_elsewhere)
{
	pid_t pid = traced(nops);
	struct user_regs_struct r, old;

	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	old = r = regs_of(pid);
	/* A call of target(41), as debuggers make it, ended by a breakpoint at its return. */
	r.rsp = ((r.rsp - 256) & ~15ULL) - 8;
	CHECK_EQ(PT(PTRACE_POKEDATA, pid, r.rsp, old.rip - 1), 0);
	r.rip = (uintptr_t)target;
	r.rdi = 41;
	r.orig_rax = (unsigned long long)-1;
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &r), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ((int)regs_of(pid).rax, 42);
	CHECK_EQ(PT(REQ_SETREGS, pid, 0, &old), 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_STOP(pid, SIGTRAP);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 22);
}

TEST(arch_prctl)
{
	pid_t pid = traced(do_nothing);
	unsigned long fs = 0;

	CHECK_EQ(PT(REQ_ARCH_PRCTL, pid, &fs, ARCH_GET_FS), 0);
	CHECK_EQ(fs, regs_of(pid).fs_base);
	CHECK_EQ(PT(REQ_ARCH_PRCTL, pid, 0x12345000, ARCH_SET_GS), 0);
	CHECK_EQ(regs_of(pid).gs_base, 0x12345000);
	CHECK_ERR(PT(REQ_ARCH_PRCTL, pid, 1UL << 63, ARCH_SET_FS), EPERM);
	CHECK_ERR(PT(REQ_ARCH_PRCTL, pid, 0, 0x1999), EINVAL);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TEST(rseq_configuration)
{
	pid_t pid = traced(do_nothing);
	struct ptrace_rseq_configuration c;

	memset(&c, 0x5a, sizeof(c));
	CHECK_EQ(PT(PTRACE_GET_RSEQ_CONFIGURATION, pid, sizeof(c), &c), sizeof(c));
	CHECK_EQ(c.flags, 0);
	CHECK_EQ(c.pad, 0);
	CHECK(c.rseq_abi_pointer == 0 || c.rseq_abi_size > 0);
	CHECK_EQ(PT(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_EXIT(pid, 7);
}

TAP_MAIN()
