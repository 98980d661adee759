/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of vmas: ordered by start, no two overlap. All functions need mm->lock. */
#ifndef NACRE_KERNEL_MM_VMA_H
#define NACRE_KERNEL_MM_VMA_H

#include "kernel/mm/mm.h"

/* Flags of struct vma beyond MAP_*: high bits, so that MAP_* of mmap(2) keep their values. */
#define VMA_READONLY 0x01000000 /* shared memory of a /dev/zero that is not open for writing */
#define VMA_GROWSDOWN 0x02000000 /* faults just below extend it */
#define VMA_SEALED 0x04000000	/* mseal: keeps its place and protection */
#define VMA_MAYWRITE 0x08000000 /* shared file mapping whose host descriptor is writable */
#define VMA_DONTFORK 0x10000000
#define VMA_WIPEONFORK 0x20000000
#define VMA_LOCKED 0x40000000

struct vma *vma_find(struct mm *mm, uint64_t addr);  /* first with end > addr, NULL if none */
struct vma *vma_first(struct mm *mm);
struct vma *vma_next(const struct vma *v);
struct vma *vma_prev(const struct vma *v);
struct vma *vma_new(uint64_t start, uint64_t end, int prot, int flags);
void vma_free(struct vma *v); /* drops file and host */
struct vma *vma_dup(const struct vma *v);
/* Tells the file of v that it has one mapping more, or less. */
void vma_tell_file(const struct vma *v, bool on);
void vma_insert(struct mm *mm, struct vma *v);
void vma_remove(struct mm *mm, struct vma *v); /* not freed */
/* Cuts v at addr (inside it): v keeps the lower part; the upper is inserted and returned. -ENOMEM: NULL. */
struct vma *vma_split(struct mm *mm, struct vma *v, uint64_t addr);
/* Joins v with equal neighbours; returns the surviving vma. */
struct vma *vma_merge(struct mm *mm, struct vma *v);
unsigned vma_count(const struct mm *mm);
/* Highest free range of len bytes below top with no vma in it; 0 when there is none. */
uint64_t vma_gap(struct mm *mm, uint64_t len, uint64_t top, uint64_t align);

/* No vma that grows comes nearer than this to what lies below it. */
#define STACK_GAP (256 * GUEST_PAGE_SIZE)
#define MAX_MAP_COUNT 65530U
#define MMAP_MIN_ADDR 0x10000ULL

#endif
