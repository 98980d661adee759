/* SPDX-License-Identifier: Apache-2.0 */
/* mremap(2). MREMAP_DONTUNMAP is refused with EINVAL. */
#include <errno.h>
#include <sys/mman.h>
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"

struct move {
	uint64_t addr, olen, nlen, naddr;
	int flags;
};

static int shrink(struct task *t, struct mm *mm, const struct move *m)
{
	struct pt_op op = {.kind = PT_OP_MUNMAP, .addr = m->addr + m->nlen, .len = m->olen - m->nlen};
	int r = mm_cut(mm, op.addr, op.addr + op.len);

	if (r == 0)
		r = pt_batch_run(t->pt, &op, 1);
	if (r == 0)
		mm_forget(mm, op.addr, op.addr + op.len);
	return r;
}

static bool room_behind(struct mm *mm, struct vma *v, const struct move *m)
{
	struct vma *next = vma_next(v);

	return v->end == m->addr + m->olen && mm_in_range(m->addr, m->nlen) &&
	       (!next || next->start >= m->addr + m->nlen);
}

/* The vma [addr, addr + olen), already cut, becomes [naddr, naddr + nlen). */
static int64_t relocate(struct task *t, struct mm *mm, struct vma *v, const struct move *m)
{
	struct pt_op op = {.kind = PT_OP_MREMAP, .addr = m->addr, .len = m->olen, .new_addr = m->naddr,
			   .new_len = m->nlen};
	int r;

	if (m->naddr != m->addr) {
		r = mm_cut(mm, m->naddr, m->naddr + m->nlen);
		if (r < 0)
			return r;
	}
	r = pt_batch_run(t->pt, &op, 1);
	if (r < 0)
		return r;
	if (m->naddr != m->addr)
		mm_forget(mm, m->naddr, m->naddr + m->nlen);
	vma_remove(mm, v);
	v->start = m->naddr;
	v->end = m->naddr + m->nlen;
	vma_insert(mm, v);
	vma_merge(mm, v);
	return (int64_t)m->naddr;
}

static int64_t remap_locked(struct task *t, struct mm *mm, struct move *m)
{
	struct vma *v = vma_find(mm, m->addr);
	int r;

	if (!v || v->start > m->addr || v->end < m->addr + m->olen)
		return -EFAULT;
	if (!m->olen)
		return -EINVAL; /* duplicating a shared mapping */
	if (m->nlen > m->olen) {
		r = mm_may_grow(t, mm, m->nlen - m->olen, !(v->flags & MAP_SHARED));
		if (r < 0)
			return r;
	}
	if (!(m->flags & MREMAP_FIXED)) {
		if (m->nlen <= m->olen) {
			r = m->nlen < m->olen ? shrink(t, mm, m) : 0;
			return r < 0 ? r : (int64_t)m->addr;
		}
		m->naddr = m->addr;
		if (!room_behind(mm, v, m)) {
			if (!(m->flags & MREMAP_MAYMOVE))
				return -ENOMEM;
			m->naddr = vma_gap(mm, m->nlen, mm->mmap_top, GUEST_PAGE_SIZE);
			if (!m->naddr)
				return -ENOMEM;
		}
	} else if (m->nlen < m->olen) {
		r = shrink(t, mm, m);
		if (r < 0)
			return r;
		m->olen = m->nlen;
	}
	r = mm_cut(mm, m->addr, m->addr + m->olen);
	if (r < 0)
		return r;
	return relocate(t, mm, vma_find(mm, m->addr), m);
}

int64_t mm_mremap(struct task *t, uint64_t addr, uint64_t olen, uint64_t nlen, int flags, uint64_t naddr)
{
	struct move m = {addr, mm_round_len(olen), mm_round_len(nlen), naddr, flags};
	struct mm *mm = t->mm;
	int64_t r;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED) || addr % GUEST_PAGE_SIZE || !m.nlen ||
	    (olen && !m.olen))
		return -EINVAL;
	if (!mm_in_range(addr, m.olen))
		return -EFAULT;
	if (flags & MREMAP_FIXED) {
		if (!(flags & MREMAP_MAYMOVE) || naddr % GUEST_PAGE_SIZE || !mm_in_range(naddr, m.nlen) ||
		    naddr < MMAP_MIN_ADDR || (naddr < addr + m.olen && addr < naddr + m.nlen))
			return -EINVAL;
	}
	mutex_lock(&mm->lock);
	r = remap_locked(t, mm, &m);
	mutex_unlock(&mm->lock);
	return r;
}
