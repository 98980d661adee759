/* SPDX-License-Identifier: Apache-2.0 */
/* Second half of exec: segments of the program and its interpreter, stack, break, registers. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include "kernel/loader/loader_priv.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/time/vclock.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define STACK_MAX (64ULL << 20)
#define STACK_MIN (256ULL << 10)
#define PIE_BASE 0x555555554000ULL

/* Random, page aligned, below 2^bits pages. */
static uint64_t random_pages(unsigned bits)
{
	uint64_t v = 0;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		return 0;
	return (v & ((1ULL << bits) - 1)) * GUEST_PAGE_SIZE;
}

/* The part of a segment that the file does not give: zero to the end of its last page, anonymous beyond. */
static int map_bss(struct task *t, const struct elf_segment *s, uint64_t start)
{
	uint64_t file_end = start + s->filesz, mem_end = start + s->memsz;
	uint64_t page = ALIGN_UP(file_end, GUEST_PAGE_SIZE), end = ALIGN_UP(mem_end, GUEST_PAGE_SIZE);
	int64_t r;

	if (s->filesz && page > file_end && (s->prot & PROT_WRITE)) {
		r = clear_user(t, uaddr(file_end), page - file_end);
		if (r < 0)
			return (int)r;
	}
	if (!s->filesz)
		page = ALIGN_DOWN(start, GUEST_PAGE_SIZE);
	if (end <= page)
		return 0;
	r = mm_mmap(t, page, end - page, s->prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	return r < 0 ? (int)r : 0;
}

static int map_segments(struct task *t, struct file *f, const struct elf_info *e, uint64_t bias)
{
	for (unsigned i = 0; i < e->nseg; i++) {
		const struct elf_segment *s = &e->seg[i];
		uint64_t start = s->vaddr + bias, in_page = start % GUEST_PAGE_SIZE;
		int64_t r;

		if (s->filesz) {
			r = mm_mmap(t, start - in_page, s->filesz + in_page, s->prot,
				    MAP_PRIVATE | MAP_FIXED, f, s->off - in_page);
			if (r < 0)
				return (int)r;
		}
		if (s->memsz > s->filesz) {
			int rb = map_bss(t, s, start);

			if (rb < 0)
				return rb;
		}
	}
	return 0;
}

static int map_stack(struct task *t, bool executable)
{
	uint64_t limit = task_rlimit(t, RLIMIT_STACK), size;
	struct mm *mm = t->mm;
	struct vma *v;
	int64_t r;

	size = ALIGN_UP(MIN(MAX(limit, STACK_MIN), STACK_MAX), GUEST_PAGE_SIZE);
	mm->stack_top = PT_GUEST_END - (1ULL << 34) - random_pages(20);
	r = mm_mmap(t, mm->stack_top - size, size, PROT_READ | PROT_WRITE | (executable ? PROT_EXEC : 0),
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE | MAP_STACK, NULL, 0);
	if (r < 0)
		return (int)r;
	mutex_lock(&mm->lock);
	v = vma_find(mm, mm->stack_top - size);
	v->name = "[stack]";
	mm->mmap_top = mm->stack_top - size - (1ULL << 20) - random_pages(14);
	mutex_unlock(&mm->lock);
	return 0;
}

/* Where an object goes: *bias is added to its addresses. Its whole span must be free: segments are mapped over what
 * is there. -ENOMEM, -EEXIST. */
static int choose_bias(struct task *t, const struct elf_info *e, bool program, uint64_t *bias)
{
	uint64_t span = e->high - e->low, at = e->low;
	struct vma *v;
	int r = 0;

	mutex_lock(&t->mm->lock);
	if (e->dynamic && program)
		at = ALIGN_UP(PIE_BASE + random_pages(28), e->align);
	else if (e->dynamic)
		at = vma_gap(t->mm, span, t->mm->mmap_top, e->align);
	v = vma_find(t->mm, at);
	if ((e->dynamic && !at) || !mm_in_range(at, span))
		r = -ENOMEM;
	else if (v && v->start < at + span)
		r = -EEXIST;
	mutex_unlock(&t->mm->lock);
	*bias = at - e->low;
	return r;
}

/* Clocks without a call, where the host has what that takes. */
static int map_vdso(struct task *t, struct aux_info *aux)
{
	const struct time_namespace *ns = t->nsproxy->time;
	struct hostfd *page, *image;
	uint64_t size;

	if (!vclock_files(ns->monotonic || ns->boottime, &page, &image, &size))
		return 0;
	return mm_map_vdso(t, page, image, size, &aux->vdso);
}

static void set_registers(struct task *t, uint64_t entry, uint64_t sp)
{
	struct user_regs_struct *r = pt_regs(t->pt);

	memset(r, 0, sizeof(*r));
	r->rip = entry;
	r->rsp = sp;
	r->eflags = 0x202;
	r->cs = 0x33; /* user code and stack: what a debugger tells 64 from 32 bits by */
	r->ss = 0x2b;
}

static void note_layout(struct mm *mm, const struct elf_info *e, uint64_t bias)
{
	for (unsigned i = 0; i < e->nseg; i++) {
		const struct elf_segment *s = &e->seg[i];

		if (s->prot & PROT_EXEC) {
			mm->code_start = s->vaddr + bias;
			mm->code_end = s->vaddr + bias + s->filesz;
		} else if (s->prot & PROT_WRITE) {
			mm->data_start = s->vaddr + bias;
			mm->data_end = s->vaddr + bias + s->filesz;
		}
	}
	mm->brk_start = mm->brk = ALIGN_UP(e->high + bias, GUEST_PAGE_SIZE) + random_pages(13);
}

int exec_load(struct task *t, struct exec_image *img)
{
	struct elf_info prog, interp;
	uint64_t bias = 0, ibias = 0, entry, sp;
	struct aux_info aux = {0};
	int r;

	r = loader_read_elf(img->file, &prog);
	if (r == 0 && img->interp)
		r = loader_read_elf(img->interp, &interp);
	if (r == 0)
		r = map_stack(t, prog.exec_stack);
	if (r < 0)
		return r;
	r = choose_bias(t, &prog, true, &bias);
	if (r == 0)
		r = map_segments(t, img->file, &prog, bias);
	if (r < 0)
		return r;
	note_layout(t->mm, &prog, bias);
	entry = prog.entry + bias;
	if (img->interp) {
		r = choose_bias(t, &interp, false, &ibias);
		if (r == 0)
			r = map_segments(t, img->interp, &interp, ibias);
		if (r < 0)
			return r;
		aux.base = interp.dynamic ? ibias + interp.low : 0;
	}
	r = map_vdso(t, &aux);
	if (r < 0)
		return r;
	aux.entry = entry;
	aux.phdr = prog.phdr_vaddr ? prog.phdr_vaddr + bias : 0;
	aux.phnum = prog.phnum;
	if (getrandom(img->random, sizeof(img->random), 0) != sizeof(img->random))
		return -EAGAIN;
	r = stack_build(t, img, &aux, &sp);
	if (r == 0)
		r = pt_fpstate_load(t->pt, uaddr(0));
	if (r < 0)
		return r;
	mutex_lock(&t->mm->lock);
	mm_set_exe(t->mm, img->file);
	mutex_unlock(&t->mm->lock);
	set_registers(t, img->interp ? interp.entry + ibias : entry, sp);
	return 0;
}
