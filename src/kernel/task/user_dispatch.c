/* SPDX-License-Identifier: Apache-2.0 */
/* Syscall user dispatch: calls from outside one range of addresses come back to the program as SIGSYS, as long as it says
 * so in a byte of its memory. For programs that run other systems' code in their own process. */
#include <errno.h>
#include <linux/audit.h>
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/seccomp.h"
#include "kernel/usercopy.h"

#define DISPATCH_OFF 0 /* PR_SYS_DISPATCH_* */
#define DISPATCH_ON 1
#define FILTER_ALLOW 0 /* SYSCALL_DISPATCH_FILTER_* */
#define FILTER_BLOCK 1

long user_dispatch_set(struct task *t, uint64_t mode, uint64_t offset, uint64_t len, uint64_t selector)
{
	if (mode == DISPATCH_OFF) {
		if (offset || len || selector)
			return -EINVAL;
		t->dispatch.on = false;
		task_publish(t);
		return 0;
	}
	if (mode != DISPATCH_ON || (offset && offset + len <= offset))
		return -EINVAL;
	if (selector >= PT_GUEST_END)
		return -EFAULT;
	t->dispatch.offset = offset;
	t->dispatch.len = len;
	t->dispatch.selector = selector;
	t->dispatch.on = true;
	__atomic_or_fetch(&t->sig_flags, TIF_SECCOMP, __ATOMIC_SEQ_CST);
	task_withdraw(t);
	return 0;
}

bool user_dispatch_enter(struct task *t, long *ret_result)
{
	struct user_regs_struct *r = pt_regs(t->pt);
	uint8_t state = FILTER_BLOCK;

	if (!t->dispatch.on || r->rip - t->dispatch.offset < t->dispatch.len)
		return false;
	if (t->dispatch.selector && copy_in(t, &state, uaddr(t->dispatch.selector), 1) < 0)
		do_group_exit(t, SIGSEGV);
	if (state == FILTER_ALLOW)
		return false;
	if (state != FILTER_BLOCK)
		do_group_exit(t, SIGSYS);
	force_sigsys(t, SYS_USER_DISPATCH, 0);
	*ret_result = (long)r->orig_rax;
	r->orig_rax = (unsigned long long)-1; /* not a result of the kernel's: nothing to restart */
	return true;
}
