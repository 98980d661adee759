/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the stub that C cannot express. No data, no libc. */
	.text
	.globl _start
_start:
	xor %ebp, %ebp
	mov %rsp, %rdi
	and $-16, %rsp
	call factory_main
	ud2

	/* Where a host signal handler returns to. */
	.globl stub_restorer
stub_restorer:
	mov $15, %eax
	syscall
	ud2

	/* void stub_sigreturn(struct ucontext *uc): leaves through the frame that uc belongs to. */
	.globl stub_sigreturn
stub_sigreturn:
	mov %rdi, %rsp
	mov $15, %eax
	syscall
	ud2

	/* size_t stub_copy(void *to, const void *from, size_t n): bytes not copied. A fault at
	 * stub_copy_insn continues at stub_copy_end (see stub.c). */
	.globl stub_copy, stub_copy_insn, stub_copy_end
stub_copy:
	mov %rdx, %rcx
stub_copy_insn:
	rep movsb
stub_copy_end:
	mov %rcx, %rax
	ret

	/* long stub_cmpxchg(uint32_t *p, uint32_t old, uint32_t new): what was there. A fault at stub_cmpxchg_insn goes on
	 * at stub_cmpxchg_fault: -EFAULT. */
	.globl stub_cmpxchg, stub_cmpxchg_insn, stub_cmpxchg_fault
stub_cmpxchg:
	mov %esi, %eax
stub_cmpxchg_insn:
	lock cmpxchg %edx, (%rdi)
	mov %eax, %eax
	ret
stub_cmpxchg_fault:
	mov $-14, %rax
	ret

	/* void stub_on_stack(void *sp, void (*fn)(void *), void *arg): never returns. */
	.globl stub_on_stack
stub_on_stack:
	mov %rdi, %rsp
	and $-16, %rsp
	mov %rdx, %rdi
	call *%rsi
	ud2

	/* long stub_clone_thread(flags, sp, ctid, uc, offset, token): the child calls
	 * stub_thread_main(uc, offset, token) on its own stack. */
	.globl stub_clone_thread
stub_clone_thread:
	push %r12
	push %r13
	push %r14
	mov %rcx, %r12
	mov %r8, %r13
	mov %r9, %r14
	mov %rdx, %r10
	xor %edx, %edx
	xor %r8d, %r8d
	mov $56, %eax
	syscall
	test %rax, %rax
	jz 1f
	pop %r14
	pop %r13
	pop %r12
	ret
1:	xor %ebp, %ebp
	and $-16, %rsp
	mov %r12, %rdi
	mov %r13, %rsi
	mov %r14, %rdx
	call stub_thread_main
	ud2

	/* Raises the signal in whose frame a zygote lives. */
	.globl stub_enter_frame
stub_enter_frame:
	ud2
	ud2

	.section .note.GNU-stack,"",@progbits
