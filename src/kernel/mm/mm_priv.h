/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of mm/. mm->lock is held over host operations of the current task, whose stub is stopped. */
#ifndef NACRE_KERNEL_MM_MM_PRIV_H
#define NACRE_KERNEL_MM_MM_PRIV_H

#include "kernel/mm/vma.h"
#include "platform/platform.h"

/* Makes sure that no vma crosses start or end. -ENOMEM, also when that would make too many vmas. */
int mm_cut(struct mm *mm, uint64_t start, uint64_t end) REQUIRES(mm->lock);
/* Joins again what mm_cut took apart at start and end, where it still fits. */
void mm_heal(struct mm *mm, uint64_t start, uint64_t end) REQUIRES(mm->lock);
/* Pages of vmas within [start, end): all, or those that count as locked. */
uint64_t mm_pages_in(struct mm *mm, uint64_t start, uint64_t end, bool locked) REQUIRES(mm->lock);
/* May len more bytes be locked (RLIMIT_MEMLOCK, CAP_IPC_LOCK)? */
bool mm_may_lock(struct task *t, struct mm *mm, uint64_t len) REQUIRES(mm->lock);
/* Unlocks mm and frees what mm_forget took out: the last reference to a file may end the file, which needs inode locks. */
void mm_unlock(struct mm *mm);
/* Forgets [start, end), whose borders were cut. The lock is released by mm_unlock. */
void mm_forget(struct mm *mm, uint64_t start, uint64_t end) REQUIRES(mm->lock);
/* Does mseal(2) forbid to unmap, move or change something in [start, end)? */
bool mm_is_sealed(struct mm *mm, uint64_t start, uint64_t end) REQUIRES(mm->lock);
/* Page-aligned length, or 0 when it overflows or is 0. */
uint64_t mm_round_len(uint64_t len);
/* [addr, addr + len) lies below the guest's end. */
bool mm_in_range(uint64_t addr, uint64_t len);
/* May the address space grow by len bytes (RLIMIT_AS, and RLIMIT_DATA for private writable)? 0 or -ENOMEM. */
int mm_may_grow(struct task *t, struct mm *mm, uint64_t len, bool data) REQUIRES(mm->lock);

#endif
