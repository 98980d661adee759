/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of mm/. mm->lock is held over host operations of the current task, whose stub is stopped. */
#ifndef NACRE_KERNEL_MM_MM_PRIV_H
#define NACRE_KERNEL_MM_MM_PRIV_H

#include "kernel/mm/vma.h"
#include "platform/platform.h"

/* Makes sure that no vma crosses start or end. -ENOMEM. */
int mm_cut(struct mm *mm, uint64_t start, uint64_t end) REQUIRES(mm->lock);
/* Forgets [start, end), whose borders were cut. */
void mm_forget(struct mm *mm, uint64_t start, uint64_t end) REQUIRES(mm->lock);
/* Page-aligned length, or 0 when it overflows or is 0. */
uint64_t mm_round_len(uint64_t len);
/* [addr, addr + len) lies below the guest's end. */
bool mm_in_range(uint64_t addr, uint64_t len);
/* May the address space grow by len bytes (RLIMIT_AS, and RLIMIT_DATA for private writable)? 0 or -ENOMEM. */
int mm_may_grow(struct task *t, struct mm *mm, uint64_t len, bool data) REQUIRES(mm->lock);

#endif
