/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A treap: a binary search tree by address that keeps itself balanced by random priorities. Simple, O(log n), and
 * tens of thousands of vmas are nothing to it. `color` holds the priority.
 */
#include "kernel/mm/vma.h"

#include <stdlib.h>
#include <sys/mman.h>
#include "kernel/hostfd.h"
#include "kernel/vfs/vfs.h"

static int next_priority(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15ULL;
	uint64_t x = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ULL, __ATOMIC_RELAXED);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (int)((x ^ (x >> 31)) & 0x7fffffff);
}

struct vma *vma_new(uint64_t start, uint64_t end, int prot, int flags)
{
	struct vma *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->start = start;
	v->end = end;
	v->prot = prot;
	v->flags = flags;
	v->color = next_priority();
	return v;
}

void vma_tell_file(const struct vma *v, bool on)
{
	if (v->file && v->file->op->mapped)
		v->file->op->mapped(v->file, on);
}

struct vma *vma_dup(const struct vma *v)
{
	struct vma *n = vma_new(v->start, v->end, v->prot, v->flags);

	if (!n)
		return NULL;
	n->file = v->file ? file_get(v->file) : NULL;
	if (v->flags & VMA_MAYWRITE)
		__atomic_fetch_add(&n->file->inode->shared_maps, 1, __ATOMIC_SEQ_CST);
	n->host = v->host ? hostfd_get(v->host) : NULL;
	n->off = v->off;
	n->map_key = v->map_key;
	n->name = v->name;
	n->policy = v->policy;
	vma_tell_file(n, true);
	return n;
}

void vma_free(struct vma *v)
{
	vma_tell_file(v, false);
	if (v->flags & VMA_MAYWRITE)
		__atomic_fetch_sub(&v->file->inode->shared_maps, 1, __ATOMIC_SEQ_CST);
	if (v->file)
		file_put(v->file);
	if (v->host)
		hostfd_put(v->host);
	free(v);
}

static void set_child(struct mm *mm, struct vma *parent, struct vma *old, struct vma *new)
{
	if (!parent)
		mm->root = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

/* Lifts v over its parent. */
static void rotate_up(struct mm *mm, struct vma *v)
{
	struct vma *p = v->parent;

	set_child(mm, p->parent, p, v);
	if (p->left == v) {
		p->left = v->right;
		if (v->right)
			v->right->parent = p;
		v->right = p;
	} else {
		p->right = v->left;
		if (v->left)
			v->left->parent = p;
		v->left = p;
	}
	p->parent = v;
}

static void account(struct mm *mm, const struct vma *v, int sign)
{
	uint64_t pages = (v->end - v->start) / GUEST_PAGE_SIZE;

	mm->total_pages += sign > 0 ? pages : -pages;
	mm->peak_pages = MAX(mm->peak_pages, mm->total_pages);
	if (v->flags & VMA_LOCKED)
		mm->locked_pages += sign > 0 ? pages : -pages;
	if ((v->prot & PROT_WRITE) && !(v->flags & MAP_SHARED))
		mm->data_pages += sign > 0 ? pages : -pages;
}

void vma_insert(struct mm *mm, struct vma *v)
{
	struct vma **link = &mm->root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = v->start < parent->start ? &parent->left : &parent->right;
	}
	*link = v;
	v->left = v->right = NULL;
	v->parent = parent;
	while (v->parent && v->color > v->parent->color)
		rotate_up(mm, v);
	mm->map_count++;
	account(mm, v, 1);
}

void vma_remove(struct mm *mm, struct vma *v)
{
	account(mm, v, -1);
	mm->map_count--;
	while (v->left && v->right)
		rotate_up(mm, v->left->color > v->right->color ? v->left : v->right);
	set_child(mm, v->parent, v, v->left ? v->left : v->right);
	v->left = v->right = v->parent = NULL;
}

struct vma *vma_find(struct mm *mm, uint64_t addr)
{
	struct vma *v = mm->root, *best = NULL;

	while (v) {
		if (v->end > addr) {
			best = v;
			v = v->left;
		} else {
			v = v->right;
		}
	}
	return best;
}

struct vma *vma_first(struct mm *mm)
{
	return vma_find(mm, 0);
}

struct vma *vma_next(const struct vma *v)
{
	const struct vma *p;

	if (v->right) {
		for (v = v->right; v->left; v = v->left)
			;
		return (struct vma *)(uintptr_t)v;
	}
	for (p = v->parent; p && p->right == v; p = p->parent)
		v = p;
	return (struct vma *)(uintptr_t)p;
}

struct vma *vma_prev(const struct vma *v)
{
	const struct vma *p;

	if (v->left) {
		for (v = v->left; v->right; v = v->right)
			;
		return (struct vma *)(uintptr_t)v;
	}
	for (p = v->parent; p && p->left == v; p = p->parent)
		v = p;
	return (struct vma *)(uintptr_t)p;
}

unsigned vma_count(const struct mm *mm)
{
	return mm->map_count;
}

struct vma *vma_split(struct mm *mm, struct vma *v, uint64_t addr)
{
	struct vma *hi = vma_dup(v);

	if (!hi)
		return NULL;
	account(mm, v, -1);
	hi->start = addr;
	if (v->host || v->file)
		hi->off = v->off + (addr - v->start);
	v->end = addr;
	account(mm, v, 1);
	vma_insert(mm, hi);
	return hi;
}

static bool joins(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags && a->file == b->file &&
	       a->host == b->host && a->name == b->name && a->policy == b->policy && a->map_key == b->map_key &&
	       (!(a->file || a->host) || a->off + (a->end - a->start) == b->off);
}

static void absorb(struct mm *mm, struct vma *a, struct vma *b)
{
	uint64_t end = b->end;

	vma_remove(mm, b);
	vma_free(b);
	account(mm, a, -1);
	a->end = end;
	account(mm, a, 1);
}

struct vma *vma_merge(struct mm *mm, struct vma *v)
{
	struct vma *n = vma_next(v), *p = vma_prev(v);

	if (n && joins(v, n))
		absorb(mm, v, n);
	if (p && joins(p, v)) {
		absorb(mm, p, v);
		v = p;
	}
	return v;
}

uint64_t vma_gap(struct mm *mm, uint64_t len, uint64_t top, uint64_t align)
{
	struct vma *v, *next = vma_find(mm, top);
	uint64_t hi = top, start;

	/* From the top down: the room between a vma's end and the start of what lies above it. */
	if (next && next->start < top)
		hi = next->start;
	v = next ? vma_prev(next) : NULL;
	if (!next && mm->root)
		for (v = mm->root; v->right; v = v->right)
			;
	for (;;) {
		uint64_t lo = v ? v->end : MMAP_MIN_ADDR;

		if (hi > lo && hi - lo >= len) {
			start = ALIGN_DOWN(hi - len, align);
			if (start >= lo)
				return start;
		}
		if (!v)
			return 0;
		hi = v->start;
		v = vma_prev(v);
	}
}
