/* SPDX-License-Identifier: Apache-2.0 */
/* mremap(2). */
#include <errno.h>
#include <sys/mman.h>
#include "base/cleanup.h"
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
	else
		mm_heal(mm, op.addr, op.addr + op.len);
	return r;
}

/* The host operation that maps what v maps, at addr: for a second mapping of shared memory, and for what
 * MREMAP_DONTUNMAP leaves behind. */
static struct pt_op map_again(const struct vma *v, uint64_t at, uint64_t off, uint64_t len)
{
	struct pt_op op = {.kind = PT_OP_MMAP, .addr = at, .len = len, .prot = v->prot, .file = v->host, .off = off};

	op.flags = MAP_FIXED_NOREPLACE;
	op.flags |= !v->host ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
			     : v->flags & MAP_SHARED ? MAP_SHARED : MAP_PRIVATE;
	return op;
}

static struct vma *clone_at(const struct vma *v, uint64_t at, uint64_t off, uint64_t len)
{
	struct vma *n = vma_dup(v);

	if (n) {
		n->start = at;
		n->end = at + len;
		n->off = off;
	}
	return n;
}

/* olen 0: a second mapping of the same shared memory, from addr's offset on. */
static int64_t duplicate(struct task *t, struct mm *mm, struct vma *v, const struct move *m)
{
	uint64_t off = v->off + (m->addr - v->start);
	struct pt_op op;
	struct vma *n;
	int r;

	n = clone_at(v, m->naddr, off, m->nlen);
	if (!n)
		return -ENOMEM;
	op = map_again(v, m->naddr, off, m->nlen);
	r = pt_batch_run(t->pt, &op, 1);
	if (r < 0) {
		vma_free(n);
		return r;
	}
	vma_insert(mm, n);
	vma_merge(mm, n);
	return (int64_t)m->naddr;
}

/* MREMAP_FIXED unmaps what stands there first, for good even if the move then fails: the host does it in this order too,
 * and the tree must not go on promising what is gone. */
static int clear_target(struct task *t, struct mm *mm, uint64_t addr, uint64_t len)
{
	struct pt_op op = {.kind = PT_OP_MUNMAP, .addr = addr, .len = len};
	struct vma *v = vma_find(mm, addr);
	int r;

	if (!v || v->start >= addr + len)
		return 0;
	r = mm_cut(mm, addr, addr + len);
	if (r == 0)
		r = pt_batch_run(t->pt, &op, 1);
	if (r == 0)
		mm_forget(mm, addr, addr + len);
	else
		mm_heal(mm, addr, addr + len);
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
	struct pt_op op[2] = {{.kind = PT_OP_MREMAP, .addr = m->addr, .len = m->olen, .new_addr = m->naddr,
			       .new_len = m->nlen}};
	struct vma *left = NULL;
	unsigned n = 1;
	int r;

	if (m->flags & MREMAP_DONTUNMAP) {
		left = vma_dup(v);
		if (!left)
			return -ENOMEM;
		left->flags &= ~VMA_LOCKED;
		op[n++] = map_again(v, v->start, v->off, v->end - v->start);
	}

	r = pt_batch_run(t->pt, op, n);
	if (r < 0 && op[0].result < 0)
		goto fail;
	if (r < 0) { /* moved, and nothing could be left behind: a hole is what the host has there */
		vma_free(TAKE_PTR(left));
		r = 0;
	}
	vma_remove(mm, v);
	v->start = m->naddr;
	v->end = m->naddr + m->nlen;
	vma_insert(mm, v);
	vma_merge(mm, v);
	if (left) {
		vma_insert(mm, left);
		vma_merge(mm, left);
	}
	return (int64_t)m->naddr;
fail:
	if (left)
		vma_free(left);
	mm_heal(mm, m->addr, m->addr + m->olen);
	return r;
}

/* Moves to a place of the kernel's choice. */
static int choose_place(struct mm *mm, struct move *m)
{
	m->naddr = vma_gap(mm, m->nlen, mm->mmap_top, GUEST_PAGE_SIZE);
	return m->naddr ? 0 : -ENOMEM;
}

static int may_remap(struct task *t, struct mm *mm, const struct vma *v, const struct move *m)
{
	uint64_t more = m->flags & MREMAP_DONTUNMAP ? m->nlen : m->nlen > m->olen ? m->nlen - m->olen : 0;

	if (vma_count(mm) + 3 > MAX_MAP_COUNT)
		return -ENOMEM;
	if (!more)
		return 0;
	if ((v->flags & VMA_LOCKED) && !mm_may_lock(t, mm, more))
		return -EAGAIN;
	return mm_may_grow(t, mm, more, (v->prot & PROT_WRITE) && !(v->flags & MAP_SHARED));
}

static int64_t remap_locked(struct task *t, struct mm *mm, struct move *m)
{
	struct vma *v = vma_find(mm, m->addr);
	int r;

	if (!v || v->start > m->addr || v->end < m->addr + m->olen)
		return -EFAULT;
	if ((v->flags & VMA_SEALED) || ((m->flags & MREMAP_FIXED) && mm_is_sealed(mm, m->naddr, m->naddr + m->nlen)))
		return -EPERM;
	if (!m->olen && !(v->flags & MAP_SHARED))
		return -EINVAL;
	if (m->nlen >= m->olen || (m->flags & MREMAP_FIXED)) {
		r = may_remap(t, mm, v, m);
		if (r < 0)
			return r;
	}
	if (m->flags & MREMAP_FIXED) {
		r = clear_target(t, mm, m->naddr, m->nlen);
		if (r < 0)
			return r;
		v = vma_find(mm, m->addr); /* the cut may have joined or split it */
	}
	if (!m->olen) {
		if (!(m->flags & MREMAP_MAYMOVE))
			return -ENOMEM;
		r = m->flags & MREMAP_FIXED ? 0 : choose_place(mm, m);
		return r < 0 ? r : duplicate(t, mm, v, m);
	}
	if ((m->flags & MREMAP_DONTUNMAP) && !(m->flags & MREMAP_FIXED)) {
		r = choose_place(mm, m);
		if (r < 0)
			return r;
	} else if (!(m->flags & MREMAP_FIXED)) {
		if (m->nlen <= m->olen) {
			r = m->nlen < m->olen ? shrink(t, mm, m) : 0;
			return r < 0 ? r : (int64_t)m->addr;
		}
		m->naddr = m->addr;
		if (!room_behind(mm, v, m)) {
			if (!(m->flags & MREMAP_MAYMOVE))
				return -ENOMEM;
			r = choose_place(mm, m);
			if (r < 0)
				return r;
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

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || addr % GUEST_PAGE_SIZE || !m.nlen ||
	    (olen && !m.olen))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_MAYMOVE) || m.olen != m.nlen))
		return -EINVAL;
	if (!mm_in_range(addr, m.olen))
		return -EFAULT;
	if (flags & MREMAP_FIXED) {
		if (!(flags & MREMAP_MAYMOVE) || naddr % GUEST_PAGE_SIZE || !mm_in_range(naddr, m.nlen) ||
		    (naddr < addr + m.olen && addr < naddr + m.nlen))
			return -EINVAL;
		if (naddr < MMAP_MIN_ADDR)
			return -EPERM;
	}
	mutex_lock(&mm->lock);
	r = remap_locked(t, mm, &m);
	mm_unlock(mm);
	return r;
}
