/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings that the kernel gives a program unasked: the page of clock parameters and the vDSO behind it. */
#include <errno.h>
#include <sys/mman.h>
#include "kernel/hostfd.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"

static struct vma *special(uint64_t start, uint64_t len, int prot, int flags, struct hostfd *h, const char *name)
{
	struct vma *v = vma_new(start, start + len, prot, flags);

	if (v) {
		v->host = hostfd_get(h);
		v->map_key = h->id;
		v->name = name;
	}
	return v;
}

int mm_map_vdso(struct task *t, struct hostfd *page, struct hostfd *image, uint64_t size, uint64_t *ret)
{
	struct mm *mm = t->mm;
	struct vma *p, *i;
	struct pt_op op[2];
	uint64_t at;
	int r;

	mutex_lock(&mm->lock);
	at = vma_gap(mm, GUEST_PAGE_SIZE + size, mm->mmap_top, GUEST_PAGE_SIZE);
	p = at ? special(at, GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED, page, "[vvar]") : NULL;
	i = p ? special(at + GUEST_PAGE_SIZE, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, image, "[vdso]") : NULL;
	r = i ? 0 : -ENOMEM;
	if (r == 0) {
		op[0] = (struct pt_op){.kind = PT_OP_MMAP, .addr = at, .len = GUEST_PAGE_SIZE, .prot = PROT_READ,
				       .flags = MAP_FIXED_NOREPLACE | MAP_SHARED, .file = page};
		op[1] = (struct pt_op){.kind = PT_OP_MMAP, .addr = at + GUEST_PAGE_SIZE, .len = size,
				       .prot = PROT_READ | PROT_EXEC, .flags = MAP_FIXED_NOREPLACE | MAP_PRIVATE,
				       .file = image};
		r = pt_batch_run(t->pt, op, 2);
	}
	if (r == 0) {
		vma_insert(mm, p);
		vma_insert(mm, i);
		mm->vvar = at;
		*ret = at + GUEST_PAGE_SIZE;
		p = i = NULL;
	}
	mm_unlock(mm);
	if (i)
		vma_free(i);
	if (p)
		vma_free(p);
	return r;
}

int mm_change_vvar(struct task *t, struct hostfd *page)
{
	struct pt_op op = {.kind = PT_OP_MMAP, .len = GUEST_PAGE_SIZE, .prot = PROT_READ,
			   .flags = MAP_FIXED | MAP_SHARED, .file = page};
	struct mm *mm = t->mm;
	struct hostfd *old;
	struct vma *v;
	int r = 0;

	mutex_lock(&mm->lock);
	op.addr = mm->vvar;
	v = mm->vvar ? vma_find(mm, mm->vvar) : NULL;
	/* A program that moved or unmapped it reads no clock there any more. */
	if (v && v->start == mm->vvar && v->end == v->start + GUEST_PAGE_SIZE && v->host &&
	    v->name && !v->file && (v->flags & MAP_SHARED)) {
		r = pt_batch_run(t->pt, &op, 1);
		if (r == 0) {
			old = v->host;
			v->host = hostfd_get(page);
			v->map_key = page->id;
			hostfd_put(old);
		}
	}
	mm_unlock(mm);
	return r;
}
