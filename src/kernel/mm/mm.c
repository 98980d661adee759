/* SPDX-License-Identifier: Apache-2.0 */
/* Address spaces: birth, copy, death, and what others ask of them. */
#include "kernel/mm/mm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs.h"


struct mm *mm_new(struct pt_as *as)
{
	struct mm *mm = calloc(1, sizeof(*mm));

	if (!mm)
		return NULL;
	ref_init(&mm->ref);
	mutex_init(&mm->lock, RANK_MM, "mm");
	mm->as = pt_as_get(as);
	mm->mmap_top = PT_GUEST_END - GUEST_PAGE_SIZE;
	mm->dumpable = true;
	return mm;
}

struct mm *mm_get(struct mm *mm)
{
	ref_get(&mm->ref);
	return mm;
}

static void drop_exe(struct mm *mm)
{
	struct file *f = TAKE_PTR(mm->exe);

	if (f) {
		inode_allow_write(f->inode);
		file_put(f);
	}
}

void mm_set_exe(struct mm *mm, struct file *f)
{
	drop_exe(mm);
	if (f && inode_deny_write(f->inode) == 0)
		mm->exe = file_get(f);
}

void mm_put(struct mm *mm)
{
	struct vma *v;

	if (!ref_put(&mm->ref))
		return;
	while ((v = mm->root)) {
		vma_remove(mm, v);
		vma_free(v);
	}
	if (mm->aio)
		mm->aio_free(mm->aio);
	drop_exe(mm);
	pt_as_put(mm->as);
	mutex_destroy(&mm->lock);
	free(mm);
}

static void copy_fields(struct mm *to, const struct mm *from)
{
	to->mmap_top = from->mmap_top;
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->stack_top = from->stack_top;
	to->vvar = from->vvar;
	to->code_start = from->code_start;
	to->code_end = from->code_end;
	to->data_start = from->data_start;
	to->data_end = from->data_end;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
	to->auxv_len = from->auxv_len;
	mm_set_exe(to, from->exe);
	to->dumpable = from->dumpable;
	to->membarrier = __atomic_load_n(&from->membarrier, __ATOMIC_RELAXED);
	to->thp_disabled = from->thp_disabled;
}

/* The host's fork left out what MADV_DONTFORK marked, and wiped what WIPEONFORK did: only the tree is ours. */
int mm_copy(struct mm *from, struct mm *to)
{
	int r = 0;

	mutex_lock(&from->lock);
	copy_fields(to, from);
	for (struct vma *v = vma_first(from); v; v = vma_next(v)) {
		struct vma *n;

		if (v->flags & VMA_DONTFORK)
			continue;
		n = vma_dup(v);
		if (!n) {
			r = -ENOMEM;
			break;
		}
		n->flags &= ~VMA_LOCKED;
		vma_insert(to, n);
	}
	mutex_unlock(&from->lock);
	return r;
}

uint64_t mm_round_len(uint64_t len)
{
	if (len > PT_GUEST_END)
		return 0;
	return ALIGN_UP(len, GUEST_PAGE_SIZE);
}

bool mm_in_range(uint64_t addr, uint64_t len)
{
	return addr < PT_GUEST_END && len <= PT_GUEST_END - addr;
}

int mm_cut(struct mm *mm, uint64_t start, uint64_t end)
{
	const uint64_t at[2] = {start, end};
	unsigned cuts = 0;

	for (int i = 0; i < 2; i++) {
		const struct vma *v = vma_find(mm, at[i]);

		cuts += v && v->start < at[i];
	}
	/* One cut is given back by the removal that follows, or was allowed for. */
	if (cuts && vma_count(mm) + cuts > MAX_MAP_COUNT + 1)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		struct vma *v = vma_find(mm, at[i]);

		if (v && v->start < at[i] && !vma_split(mm, v, at[i]))
			return -ENOMEM;
	}
	return 0;
}

void mm_heal(struct mm *mm, uint64_t start, uint64_t end)
{
	const uint64_t at[2] = {end, start};

	for (int i = 0; i < 2; i++) {
		struct vma *v = vma_find(mm, at[i]);

		if (v && v->start == at[i])
			vma_merge(mm, v);
	}
}

uint64_t mm_pages_in(struct mm *mm, uint64_t start, uint64_t end, bool locked)
{
	uint64_t pages = 0;

	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		if (!locked || (v->flags & VMA_LOCKED))
			pages += (MIN(v->end, end) - MAX(v->start, start)) / GUEST_PAGE_SIZE;
	return pages;
}

bool mm_is_sealed(struct mm *mm, uint64_t start, uint64_t end)
{
	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		if (v->flags & VMA_SEALED)
			return true;
	return false;
}

bool mm_may_lock(struct task *t, struct mm *mm, uint64_t len)
{
	return capable(t->cred, CAP_IPC_LOCK) ||
	       mm->locked_pages + len / GUEST_PAGE_SIZE <= task_rlimit(t, RLIMIT_MEMLOCK) / GUEST_PAGE_SIZE;
}

void mm_forget(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start), *next;

	for (; v && v->start < end; v = next) {
		next = vma_next(v);
		vma_remove(mm, v);
		v->right = mm->gone;
		mm->gone = v;
	}
}

void mm_unlock(struct mm *mm)
{
	struct vma *v = TAKE_PTR(mm->gone), *next;

	mutex_unlock(&mm->lock);
	for (; v; v = next) {
		next = v->right;
		vma_free(v);
	}
}

int mm_may_grow(struct task *t, struct mm *mm, uint64_t len, bool data)
{
	uint64_t pages = len / GUEST_PAGE_SIZE;

	if (mm->total_pages + pages > task_rlimit(t, RLIMIT_AS) / GUEST_PAGE_SIZE)
		return -ENOMEM;
	if (data && mm->data_pages + pages > task_rlimit(t, RLIMIT_DATA) / GUEST_PAGE_SIZE)
		return -ENOMEM;
	return 0;
}

int mm_futex_key(struct mm *mm, uint64_t addr, bool private_key, struct futex_key *ret)
{
	struct vma *v;
	int r = 0;

	ret->obj = (uint64_t)(uintptr_t)mm;
	ret->off = addr;
	ret->shared = false;
	if (private_key)
		return 0;
	mutex_lock(&mm->lock);
	v = vma_find(mm, addr);
	if (!v || v->start > addr) {
		r = -EFAULT;
	} else if (v->flags & MAP_SHARED) {
		ret->obj = v->map_key;
		ret->off = v->off + (addr - v->start);
		ret->shared = true;
	}
	mutex_unlock(&mm->lock);
	return r;
}

void mm_for_each(struct mm *mm, void (*fn)(const struct vma *v, void *arg), void *arg)
{
	mutex_lock(&mm->lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v))
		fn(v, arg);
	mutex_unlock(&mm->lock);
}

bool mm_access_ok(struct mm *mm, uint64_t addr, uint64_t n, int prot)
{
	uint64_t end = addr + n;
	struct vma *v;
	bool ok = false;

	if (!mm_in_range(addr, n))
		return false;
	mutex_lock(&mm->lock);
	for (v = vma_find(mm, addr); v && v->start <= addr && (v->prot & prot) == prot; v = vma_next(v)) {
		addr = v->end;
		if (addr >= end) {
			ok = true;
			break;
		}
	}
	mutex_unlock(&mm->lock);
	return ok;
}
