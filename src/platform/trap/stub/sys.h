/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls and structures of the freestanding stub. */
#ifndef NACRE_STUB_SYS_H
#define NACRE_STUB_SYS_H

#include <stddef.h>
#include <stdint.h>

static inline __attribute__((always_inline)) long sys6(long nr, long a, long b, long c, long d, long e,
						       long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}
#define sys3(nr, a, b, c) sys6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)

/* What the host pushes: struct ucontext of the kernel, x86-64. */
struct mcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, efl;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpregs;
	uint64_t reserved[8];
};
struct stub_stack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};
struct ucontext {
	uint64_t flags, link;
	struct stub_stack stack;
	struct mcontext mc;
	uint64_t sigmask;
};

#pragma GCC visibility push(hidden)
/* entry.S */
void stub_restorer(void);
_Noreturn void stub_sigreturn(struct ucontext *uc);
size_t stub_copy(void *to, const void *from, size_t n);
extern const char stub_copy_insn[], stub_copy_end[];
long stub_cmpxchg(uint32_t *p, uint32_t old, uint32_t new);
extern const char stub_cmpxchg_insn[], stub_cmpxchg_fault[];
_Noreturn void stub_on_stack(uint64_t sp, void (*fn)(void *), void *arg);
long stub_clone_thread(uint64_t flags, uint64_t sp, uint64_t ctid, struct ucontext *uc, uint64_t offset,
		       uint64_t token);
void stub_enter_frame(void);

/* handler.c */
void stub_handler(int sig, void *info, struct ucontext *uc);
_Noreturn void stub_thread_main(struct ucontext *uc, uint64_t offset, uint64_t token);
/* fpstate.c */
uint64_t fp_size(const struct ucontext *uc);
long fp_save(const struct ucontext *uc, uint64_t to);
long fp_load(struct ucontext *uc, uint64_t from);
/* factory.c */
_Noreturn void factory_main(const uint64_t *stack); /* argc, argv... as the host gave them */
#pragma GCC visibility pop

#endif
