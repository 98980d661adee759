/* SPDX-License-Identifier: Apache-2.0 */
/* The signal frame: registers, mask, vector state, returning elsewhere. */
#include <ucontext.h>
#include "../tap.h"

static volatile sig_atomic_t seen;
static ucontext_t saved;
static siginfo_t info;

static void keep(int s, siginfo_t *si, void *uc)
{
	(void)s;
	seen++;
	memcpy(&saved, uc, sizeof(saved) < 936 ? sizeof(saved) : 936);
	info = *si;
}

static void install(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO};

	CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}

TEST(registers_survive)
{
	register long rbx __asm__("rbx") = 0x1111, r12 __asm__("r12") = 0x2222,
				    r15 __asm__("r15") = 0x3333;
	long pid = getpid(), a, b, c;

	install(SIGUSR1, keep);
	rbx = 0x1111;
	r12 = 0x2222;
	r15 = 0x3333;
	__asm__ volatile("syscall"
			 : "+r"(rbx), "+r"(r12), "+r"(r15)
			 : "a"(62L), "D"(pid), "S"((long)SIGUSR1)
			 : "rcx", "r11", "memory");
	a = rbx;
	b = r12;
	c = r15;
	CHECK_EQ(seen, 1);
	CHECK_EQ(a, 0x1111);
	CHECK_EQ(b, 0x2222);
	CHECK_EQ(c, 0x3333);
	CHECK_EQ(saved.uc_mcontext.gregs[REG_RBX], 0x1111);
	CHECK_EQ(saved.uc_mcontext.gregs[REG_R12], 0x2222);
	CHECK_EQ(saved.uc_mcontext.gregs[REG_RAX], 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, SI_USER);
}

static void skip_ud2(int s, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;

	(void)s;
	(void)si;
	seen++;
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	uc->uc_mcontext.gregs[REG_RAX] = 99;
}

TEST(handler_changes_registers)
{
	long v = 0;

	install(SIGILL, skip_ud2);
	__asm__ volatile("ud2" : "+a"(v) : : "memory");
	CHECK_EQ(seen, 1);
	CHECK_EQ(v, 99);
}

static void clobber_xmm(int s, siginfo_t *si, void *p)
{
	(void)s;
	(void)si;
	(void)p;
	seen++;
	__asm__ volatile("pxor %%xmm7, %%xmm7" : : : "xmm7");
}

TEST(vector_state_survives)
{
	long in = 0x0123456789abcdef, out = 0, pid = getpid(), rax = 62;

	install(SIGUSR1, clobber_xmm);
	__asm__ volatile("movq %3, %%xmm7\n\tsyscall\n\tmovq %%xmm7, %0"
			 : "=&r"(out), "+a"(rax)
			 : "D"(pid), "r"(in), "S"((long)SIGUSR1)
			 : "rcx", "r11", "memory", "xmm7");
	CHECK_EQ(seen, 1);
	CHECK_EQ(out, in);
}

static void block_usr2(int s, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;

	(void)s;
	(void)si;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}

TEST(mask_of_the_frame_is_restored)
{
	sigset_t now;

	install(SIGUSR1, block_usr2);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK_EQ(sigismember(&now, SIGUSR2), 1);
	CHECK_EQ(sigismember(&now, SIGUSR1), 0);
}

TEST(fault_address)
{
	pid_t p = fork();
	int s;

	if (p == 0) {
		install(SIGSEGV, keep);
		saved.uc_mcontext.gregs[REG_CR2] = 0;
		struct sigaction sa;
		sigaction(SIGSEGV, NULL, &sa);
		sa.sa_flags |= (int)SA_RESETHAND;
		sigaction(SIGSEGV, &sa, NULL);
		*(volatile int *)(uintptr_t)0x1230 = 1;
		_exit(1);
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(WTERMSIG(s), SIGSEGV);
}

TEST(fpstate_pointer_is_aligned)
{
	install(SIGUSR1, keep);
	raise(SIGUSR1);
	CHECK(saved.uc_mcontext.fpregs != NULL);
	CHECK_EQ((uintptr_t)saved.uc_mcontext.fpregs & 63, 0);
	CHECK_EQ(saved.uc_flags & 1, 1);
}

static volatile uintptr_t handler_sp;
static void note_sp(int s, siginfo_t *si, void *p)
{
	(void)s;
	(void)si;
	(void)p;
	handler_sp = (uintptr_t)__builtin_frame_address(0);
}

TEST(stack_is_aligned_and_below_the_red_zone)
{
	install(SIGUSR1, note_sp);
	raise(SIGUSR1);
	CHECK_EQ(handler_sp & 15, 0);
	CHECK(handler_sp < (uintptr_t)__builtin_frame_address(0) - 128);
}

TAP_MAIN()
