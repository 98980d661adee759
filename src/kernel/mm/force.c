/* SPDX-License-Identifier: Apache-2.0 */
/* Access against the protection: what a debugger does to the memory of a stopped program. */
#include <errno.h>
#include <sys/mman.h>
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"

/* Moves what lies in one page of v, which the host must be talked into. Bytes moved. */
static size_t force_page(struct task *t, const struct vma *v, uint64_t addr, unsigned char *buf, size_t n, bool write)
{
	struct pt_op op = {.kind = PT_OP_MPROTECT, .addr = ALIGN_DOWN(addr, GUEST_PAGE_SIZE), .len = GUEST_PAGE_SIZE};
	bool open = v->prot & (write ? PROT_WRITE : PROT_READ);
	size_t k;

	op.prot = v->prot | PROT_READ | (write ? PROT_WRITE : 0);
	if (!open && pt_batch_run(t->pt, &op, 1) < 0)
		return 0;
	k = write ? pt_copy_out(t->pt, uaddr(addr), buf, n) : pt_copy_in(t->pt, buf, uaddr(addr), n);
	op.prot = v->prot;
	/* What cannot be closed again must not stay open. */
	if (!open && pt_batch_run(t->pt, &op, 1) < 0)
		pt_as_kill(pt_as(t->pt));
	return k;
}

ssize_t mm_force(struct task *t, uint64_t addr, void *buf, size_t len, bool write)
{
	struct mm *mm = t->mm;
	size_t done = 0;

	if (!mm || !t->pt)
		return -ESRCH;
	MUTEX_GUARD(&mm->lock);
	while (done < len) {
		uint64_t a = addr + done;
		size_t n = MIN(len - done, (size_t)(GUEST_PAGE_SIZE - a % GUEST_PAGE_SIZE)), k;
		struct vma *v = vma_find(mm, a);

		/* Shared pages are others' too: only a program that may write them itself has them written. */
		if (!v || v->start > a || (write && (v->flags & MAP_SHARED) && !(v->prot & PROT_WRITE)))
			break;
		k = force_page(t, v, a, (unsigned char *)buf + done, n, write);
		done += k;
		if (k < n)
			break;
	}
	return done ? (ssize_t)done : -EIO;
}
