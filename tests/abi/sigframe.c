/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler sees: the frame of rt_sigframe, alternate stacks, faults, rt_sigreturn. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "../tap.h"

static volatile sig_atomic_t hits;
static ucontext_t uc_seen;
static siginfo_t si_seen;
static uint64_t sp_in_handler, arg_si, arg_uc;
static char *skip_to;

static void on_sig(int s, siginfo_t *si, void *u)
{
	ucontext_t *uc = u;

	(void)s;
	hits++;
	si_seen = *si;
	memcpy(&uc_seen, uc, sizeof(uc_seen) - sizeof(uc_seen.__fpregs_mem) - sizeof(uc_seen.__ssp));
	sp_in_handler = (uint64_t)__builtin_frame_address(0);
	arg_si = (uint64_t)si;
	arg_uc = (uint64_t)u;
	if (skip_to) {
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)skip_to;
		skip_to = NULL;
	}
}

static void handle(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = on_sig, .sa_flags = SA_SIGINFO | flags};

	REQUIRE(sigaction(sig, &sa, NULL) == 0);
}

TEST(registers_survive)
{
	uint64_t in[6] = {0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666}, out[6];
	long nr = SYS_tgkill, pid = getpid();

	handle(SIGUSR1, 0);
	__asm__ volatile("mov %[a], %%rbx\n mov %[b], %%r12\n mov %[c], %%r13\n mov %[d], %%r14\n"
			 "mov %[e], %%r15\n mov %[pid], %%rdi\n mov %[pid], %%rsi\n mov $10, %%edx\n"
			 "mov %[nr], %%rax\n syscall\n"
			 "mov %%rbx, 0(%[o])\n mov %%r12, 8(%[o])\n mov %%r13, 16(%[o])\n"
			 "mov %%r14, 24(%[o])\n mov %%r15, 32(%[o])\n mov %%rax, 40(%[o])\n"
			 :
			 : [a] "m"(in[0]), [b] "m"(in[1]), [c] "m"(in[2]), [d] "m"(in[3]),
			   [e] "m"(in[4]), [pid] "m"(pid), [nr] "m"(nr), [o] "r"(out)
			 : "rax", "rbx", "rcx", "rdx", "rdi", "rsi", "r11", "r12", "r13", "r14", "r15",
			   "memory");
	CHECK_EQ(hits, 1);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(out[i], in[i]);
	CHECK_EQ(out[5], 0);
	CHECK_EQ(uc_seen.uc_mcontext.gregs[REG_RBX], 0x1111);
	CHECK_EQ(uc_seen.uc_mcontext.gregs[REG_R15], 0x5555);
	CHECK_EQ(uc_seen.uc_mcontext.gregs[REG_RAX], 0);
}

TEST(layout)
{
	handle(SIGUSR1, 0);
	raise(SIGUSR1);
	/* uc, then siginfo, 16-byte alignment as at a call: rsp + 8 is a multiple of 16. */
	CHECK_EQ(arg_si - arg_uc, 304);
	CHECK_EQ((arg_uc - 8) % 16, 8);
	CHECK_EQ(uc_seen.uc_link, 0);
	CHECK((uc_seen.uc_mcontext.gregs[REG_CSGSFS] & 0xffff) == 0x33);
	CHECK_EQ((uint64_t)uc_seen.uc_mcontext.gregs[REG_CSGSFS] >> 48, 0x2b);
	CHECK((uint64_t)uc_seen.uc_mcontext.fpregs % 64 == 0);
	CHECK((uint64_t)uc_seen.uc_mcontext.fpregs > arg_si);
	CHECK((uc_seen.uc_flags & 6) == 6); /* UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
}

TEST(red_zone_is_kept)
{
	uint64_t got = 0;
	long nr = SYS_tgkill, pid = getpid();

	handle(SIGUSR1, 0);
	__asm__ volatile("movq $0x77, -8(%%rsp)\n movq $0x88, -120(%%rsp)\n"
			 "mov %[pid], %%rdi\n mov %%rdi, %%rsi\n mov $10, %%edx\n mov %[nr], %%rax\n"
			 "syscall\n mov -8(%%rsp), %[g]\n add -120(%%rsp), %[g]\n"
			 : [g] "=&b"(got)
			 : [pid] "r"(pid), [nr] "r"(nr)
			 : "rax", "rcx", "rdx", "rdi", "rsi", "r11", "memory");
	CHECK_EQ(hits, 1);
	CHECK_EQ(got, 0xff);
	CHECK(arg_si < (uint64_t)uc_seen.uc_mcontext.gregs[REG_RSP] - 128);
}

static double on_fp(double x)
{
	return x * 3.0 + 1.0;
}
static void clobber(int s)
{
	volatile double z[8];

	(void)s;
	hits++;
	for (int i = 0; i < 8; i++)
		z[i] = on_fp(i);
	__asm__ volatile("pxor %%xmm0,%%xmm0\n pxor %%xmm7,%%xmm7\n pxor %%xmm15,%%xmm15\n fninit" ::
				 : "xmm0", "xmm7", "xmm15");
	(void)z[0];
}

TEST(vector_registers_survive)
{
	struct sigaction sa = {.sa_handler = clobber};
	uint64_t a = 0x1122334455667788ULL, b = 0, c = 0;
	long nr = SYS_tgkill, pid = getpid();

	sigaction(SIGUSR1, &sa, NULL);
	__asm__ volatile("movq %[a], %%xmm7\n movq %[a], %%xmm15\n mov %[pid], %%rdi\n mov %%rdi, %%rsi\n"
			 "mov $10, %%edx\n mov %[nr], %%rax\n syscall\n movq %%xmm7, %[b]\n"
			 "movq %%xmm15, %[c]\n"
			 : [b] "=&r"(b), [c] "=&r"(c)
			 : [a] "b"(a), [pid] "r"(pid), [nr] "r"(nr)
			 : "rax", "rcx", "rdx", "rdi", "rsi", "r11", "xmm7", "xmm15", "memory");
	CHECK_EQ(hits, 1);
	CHECK_EQ(b, a);
	CHECK_EQ(c, a);
}

TEST(fault_address_and_code)
{
	char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	handle(SIGSEGV, 0);
	skip_to = &&after1;
	__asm__ volatile goto("" : : : "memory" : after1);
	*(volatile int *)(uintptr_t)0x40 = 1;
after1:
	CHECK_EQ(hits, 1);
	CHECK_EQ(si_seen.si_code, SEGV_MAPERR);
	CHECK_EQ((uint64_t)si_seen.si_addr, 0x40);
	CHECK_EQ(uc_seen.uc_mcontext.gregs[REG_TRAPNO], 14);
	CHECK_EQ(uc_seen.uc_mcontext.gregs[REG_CR2], 0x40);
	CHECK_EQ(uc_seen.uc_mcontext.gregs[REG_ERR] & 6, 6);
	skip_to = &&after2;
	__asm__ volatile goto("" : : : "memory" : after2);
	*(volatile char *)(ro + 5) = 1;
after2:
	CHECK_EQ(hits, 2);
	CHECK_EQ(si_seen.si_code, SEGV_ACCERR);
	CHECK(si_seen.si_addr == ro + 5);
}

TEST(altstack)
{
	stack_t st = {0}, old;
	char *mem = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK_EQ(sigaltstack(NULL, &old), 0);
	CHECK_EQ(old.ss_flags, SS_DISABLE);
	st.ss_sp = mem;
	st.ss_size = 1024;
	CHECK_ERR(sigaltstack(&st, NULL), ENOMEM);
	st.ss_size = 65536;
	st.ss_flags = 0x40;
	CHECK_ERR(sigaltstack(&st, NULL), EINVAL);
	st.ss_flags = 0;
	CHECK_ERR(syscall(SYS_sigaltstack, (void *)8, NULL), EFAULT);
	CHECK_EQ(sigaltstack(&st, NULL), 0);
	handle(SIGUSR1, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK(sp_in_handler > (uint64_t)mem && sp_in_handler < (uint64_t)mem + 65536);
	CHECK(uc_seen.uc_stack.ss_sp == mem);
	CHECK_EQ(uc_seen.uc_stack.ss_size, 65536);
	handle(SIGUSR2, 0);
	raise(SIGUSR2);
	CHECK(!(sp_in_handler > (uint64_t)mem && sp_in_handler < (uint64_t)mem + 65536));
	CHECK_EQ(sigaltstack(NULL, &old), 0);
	CHECK(old.ss_sp == mem);
	CHECK_EQ(old.ss_flags, 0);
}

static int change_error, flags_inside;
static void change(int s)
{
	stack_t st = {.ss_flags = SS_DISABLE}, old;

	(void)s;
	sigaltstack(NULL, &old);
	flags_inside = old.ss_flags;
	change_error = sigaltstack(&st, NULL) < 0 ? errno : 0;
}

TEST(altstack_in_use_and_autodisarm)
{
	static char mem[65536];
	stack_t st = {.ss_sp = mem, .ss_size = sizeof(mem)}, old;
	struct sigaction sa = {.sa_handler = change, .sa_flags = SA_ONSTACK};

	CHECK_EQ(sigaltstack(&st, NULL), 0);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK_EQ(flags_inside, SS_ONSTACK);
	CHECK_EQ(change_error, EPERM);
	st.ss_flags = (int)(1U << 31); /* SS_AUTODISARM */
	CHECK_EQ(sigaltstack(&st, NULL), 0);
	raise(SIGUSR1);
	CHECK_EQ(flags_inside, SS_DISABLE);
	CHECK_EQ(change_error, 0);
	sigaltstack(NULL, &old); /* rt_sigreturn put it back */
	CHECK(old.ss_sp == mem);
	CHECK_EQ((unsigned)old.ss_flags, 1U << 31);
}

static int status_of_overflow(int onstack)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		handle(SIGSEGV, 0);
		(void)onstack;
		__asm__ volatile("mov $16, %%rsp\n push %%rax" ::: "memory");
		_exit(0);
	}
	waitpid(p, &st, 0);
	return st;
}

TEST(no_room_for_the_frame_kills)
{
	int st = status_of_overflow(0);

	CHECK(WIFSIGNALED(st));
	CHECK_EQ(WTERMSIG(st), SIGSEGV);
}

static void bad_return(int s, siginfo_t *si, void *u)
{
	(void)s;
	(void)si;
	((ucontext_t *)u)->uc_mcontext.gregs[REG_RIP] = (greg_t)0xdead000000000000;
}

TEST(return_to_a_bad_address_kills)
{
	struct sigaction sa = {.sa_sigaction = bad_return, .sa_flags = SA_SIGINFO};
	int st;
	pid_t p = fork();

	if (p == 0) {
		sigaction(SIGUSR1, &sa, NULL);
		raise(SIGUSR1);
		_exit(0);
	}
	waitpid(p, &st, 0);
	CHECK(WIFSIGNALED(st));
	CHECK_EQ(WTERMSIG(st), SIGSEGV);
}

static void set_mask(int s, siginfo_t *si, void *u)
{
	(void)s;
	(void)si;
	sigaddset(&((ucontext_t *)u)->uc_sigmask, SIGUSR2);
}

TEST(mask_in_the_frame_counts)
{
	struct sigaction sa = {.sa_sigaction = set_mask, .sa_flags = SA_SIGINFO};
	sigset_t now;

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR2));
	CHECK(!sigismember(&now, SIGUSR1));
}

static void other_handler(int s)
{
	(void)s;
	hits += 10;
}

TEST(interrupted_computation_goes_on)
{
	struct sigaction sa = {.sa_handler = other_handler};
	volatile uint64_t sum = 0;
	pid_t me = getpid(), p;

	sigaction(SIGUSR1, &sa, NULL);
	p = fork();
	if (p == 0) {
		for (int i = 0; i < 20; i++) {
			kill(me, SIGUSR1);
			usleep(500);
		}
		_exit(0);
	}
	while (waitpid(p, NULL, WNOHANG) == 0)
		for (uint64_t i = 0; i < 1000; i++)
			sum = sum + i;
	CHECK_EQ(sum % 499500, 0);
	CHECK(hits >= 10);
}

TAP_MAIN()
