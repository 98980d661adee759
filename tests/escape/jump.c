/* SPDX-License-Identifier: Apache-2.0 */
/* Jumping to somebody else's system-call instruction, and knowing whether the host performed the call. */
#include "esc.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

__asm__(".text\n"
	".macro LOAD\n"
	"	mov %rdi, %r11\n"
	"	mov 0(%r11), %rax\n"
	"	mov 16(%r11), %rsi\n"
	"	mov 24(%r11), %rdx\n"
	"	mov 32(%r11), %r10\n"
	"	mov 40(%r11), %r8\n"
	"	mov 48(%r11), %r9\n"
	"	mov 56(%r11), %rcx\n"
	"	mov 8(%r11), %rdi\n"
	".endm\n"
	".globl jump_traced\n"
	"jump_traced:\n"
	"	LOAD\n"
	"	pushfq\n"
	"	orq $0x100, (%rsp)\n"
	"	popfq\n"
	"	jmp *%rcx\n"
	".globl jump_plain\n"
	"jump_plain:\n"
	"	LOAD\n"
	"	mov 64(%r11), %rsp\n"
	"	jmp *%rcx\n"
	/* call_gadget(struct jump *): the code at target returns to the stack, which is full of the way back. */
	".globl call_gadget\n"
	"call_gadget:\n"
	"	push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"	mov %rsp, call_saved_rsp(%rip)\n"
	"	mov 64(%rdi), %rsp\n"
	"	LOAD\n"
	"	jmp *%rcx\n"
	".globl call_back\n"
	"call_back:\n"
	"	mov call_saved_rsp(%rip), %rsp\n"
	"	pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"	ret\n"
	".bss\n .globl call_saved_rsp\n .balign 8\n call_saved_rsp: .quad 0\n .text\n");
long call_gadget(const struct jump *j);
extern const char call_back[];

static volatile uint64_t traced_site, traced_prev;

static void on_trap(int sig, siginfo_t *si, void *ctx)
{
	const ucontext_t *uc = ctx;
	uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];

	(void)si;
	if (sig != SIGTRAP && traced_prev != traced_site)
		_exit(3);
	if (traced_prev == traced_site) {
		report->result = (long)uc->uc_mcontext.gregs[REG_RAX];
		report->state = 2;
		_exit(0);
	}
	traced_prev = rip;
	if (rip == traced_site)
		report->state = 1;
}

static void child_call(void *arg)
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	const struct jump *j = arg;

	traced_site = j->target;
	sigaltstack(&ss, NULL);
	/* What follows the instruction may fault before the trap comes. */
	sigaction(SIGTRAP, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	jump_traced(j);
	_exit(1);
}

enum outcome call_at(uint64_t site, uint64_t nr, const uint64_t a[6], long *result)
{
	struct jump j = {.rax = nr, .rdi = a[0], .rsi = a[1], .rdx = a[2], .r10 = a[3], .r8 = a[4], .r9 = a[5],
			 .target = site};
	int late, status = in_child(child_call, &j, 3000, &late);

	*result = report->result;
	if (report->state == 2)
		return OUT_PERFORMED;
	if (late || status < 0)
		return OUT_STUCK;
	/* 1: it got as far as the instruction itself */
	return report->state == 1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? OUT_KILLED : OUT_OTHER;
}

static uint64_t gadget;

static void fill(uint64_t *stack, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		stack[i] = (uint64_t)call_back;
}

static long call_by(uint64_t site, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	static _Thread_local uint64_t stack[512] __attribute__((aligned(16)));
	struct jump j = {(uint64_t)nr, a, b, c, d, e, f, site, (uint64_t)(stack + 256)};

	fill(stack, 512);
	return call_gadget(&j);
}

static void try_gadget(void *arg)
{
	const uint64_t *site = arg;

	signal(SIGSEGV, SIG_DFL);
	/* munmap of nothing: EINVAL, which no other way gives; and a fresh parameter each time */
	report->result = call_by(*site, 11, 4096, 0, 0, 0, 0, 0);
	report->state = 3;
}

uint64_t returning_site(void)
{
	for (unsigned i = 0; !gadget && i < nsites; i++) {
		if (sites[i].insn != INSN_SYSCALL)
			continue;
		in_child(try_gadget, &sites[i].addr, 2000, NULL);
		if (report->state == 3 && report->result == -22)
			gadget = sites[i].addr;
	}
	return gadget;
}

long call_hidden(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return call_by(gadget, nr, a, b, c, d, e, f);
}
