/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory: the vma tree gives the semantics (limits, /proc/PID/maps, msync, mremap), the host does
 * the paging. A mm is one guest address space; CLONE_VM tasks share it. Every change computes a list of
 * host operations, runs it through the calling task's platform thread, then commits to the tree.
 */
#ifndef NACRE_KERNEL_MM_MM_H
#define NACRE_KERNEL_MM_MM_H

#include "base/cleanup.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "kernel/types.h"

struct vma {
	uint64_t start, end; /* page aligned, [start, end) */
	int prot;	     /* PROT_* */
	int flags;	     /* MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, MAP_STACK..., VMA_* */
	struct file *file;   /* what the guest mapped; NULL for anonymous */
	struct hostfd *host; /* what the host maps (file, or the memfd of shared anonymous memory) */
	uint64_t off;	     /* file offset of start */
	uint64_t map_key;    /* inode->map_key, or a unique number for shared anonymous memory */
	const char *name;    /* "[heap]", "[stack]", "[vdso]": constant, or NULL */
	uint16_t policy;     /* mbind: mode and flags, 0 none; always of node 0 */
	/* tree links are mm/vma.c's */
	struct vma *left, *right, *parent;
	int color; /* priority of the treap */
};

struct mm {
	struct ref ref;	 /* users: tasks */
	struct pt_as *as; /* own reference; set once at creation */
	struct mutex lock; /* RANK_MM: the tree and all below */
	struct vma *root GUARDED_BY(lock);
	struct vma *gone GUARDED_BY(lock); /* taken out of the tree, by right; mm_unlock frees them */
	unsigned map_count GUARDED_BY(lock);
	uint64_t total_pages, locked_pages, data_pages, peak_pages GUARDED_BY(lock);
	uint64_t mmap_top; /* highest address for placement, constant after exec */
	uint64_t brk_start, brk GUARDED_BY(lock);
	uint64_t stack_top;
	uint64_t vvar GUARDED_BY(lock); /* where exec put the page of clock parameters, 0: nowhere */
	uint64_t code_start, code_end, data_start, data_end GUARDED_BY(lock);
	uint64_t arg_start, arg_end, env_start, env_end GUARDED_BY(lock);
	uint8_t auxv[48 * 16] GUARDED_BY(lock);
	size_t auxv_len GUARDED_BY(lock);
	struct file *exe GUARDED_BY(lock); /* which nobody can open for writing meanwhile */
	bool lock_future GUARDED_BY(lock); /* mlockall(MCL_FUTURE): new mappings count as locked */
	bool dumpable, thp_disabled; /* atomic */
	uint32_t membarrier; /* atomic: MEMBARRIER_CMD_REGISTER_* that were made */
	struct aio_table *aio; /* atomic: set once, by the first io_setup; ends with the mm */
	void (*aio_free)(struct aio_table *a);
};

struct mm *mm_new(struct pt_as *as); /* takes its own reference of as */
struct mm *mm_get(struct mm *mm);
void mm_put(struct mm *mm);
DEFINE_CLEANUP(struct mm *, mm_put)
/* Copies the tree for fork; to's address space must be the host copy of from's. Call between the
 * platform's fork and the child's first run. MADV_DONTFORK and WIPEONFORK ranges are handled. */
int mm_copy(struct mm *from, struct mm *to) __must_check;

/* f, whose writers are denied already, is the program of mm. */
void mm_set_exe(struct mm *mm, struct file *f) REQUIRES(mm->lock);

/* The calls of mm/, on the current task's own mm. addr results are addresses or -errno. */
int64_t mm_mmap(struct task *t, uint64_t addr, uint64_t len, int prot, int flags, struct file *f,
		uint64_t off);
int mm_munmap(struct task *t, uint64_t addr, uint64_t len);
int mm_mprotect(struct task *t, uint64_t addr, uint64_t len, int prot);
int64_t mm_mremap(struct task *t, uint64_t addr, uint64_t olen, uint64_t nlen, int flags,
		  uint64_t naddr);
int mm_madvise(struct task *t, uint64_t addr, uint64_t len, int advice);
int mm_msync(struct task *t, uint64_t addr, uint64_t len, int flags);
int mm_remap_file_pages(struct task *t, uint64_t addr, uint64_t len, uint64_t off);
bool mm_grow_stack(struct task *t, uint64_t addr);
int mm_seal(struct task *t, uint64_t addr, uint64_t len);
int64_t mm_brk(struct task *t, uint64_t brk);

/* A map_key that is no inode's: for memory shared without a file. */
uint64_t mm_new_map_key(void);
/* For exec: the page of clock parameters and behind it the vDSO of size bytes, whose address is *ret. */
int mm_map_vdso(struct task *t, struct hostfd *page, struct hostfd *image, uint64_t size, uint64_t *ret) __must_check;
/* The current task's page of clock parameters becomes another. */
int mm_change_vvar(struct task *t, struct hostfd *page) __must_check;
/* Moves len bytes between buf and the current task's memory even where its protection forbids it (a private page is
 * copied as by a write of its own). Bytes moved, -EIO when none, -ESRCH without memory. */
ssize_t mm_force(struct task *t, uint64_t addr, void *buf, size_t len, bool write) __must_check;

/* Identity of a futex word. private: key is the mm itself. shared: looks at the vma: file or shared
 * anonymous memory gives (map_key, offset), else the mm. -EFAULT when nothing is mapped there. */
struct futex_key {
	uint64_t obj; /* map_key, or the mm's address */
	uint64_t off;
	bool shared;
};
int mm_futex_key(struct mm *mm, uint64_t addr, bool private_key, struct futex_key *ret)
	__must_check;

/* For /proc/PID/maps: calls fn for each vma in order with the lock held. */
void mm_for_each(struct mm *mm, void (*fn)(const struct vma *v, void *arg), void *arg);
/* Resident pages as the host says (through the procfs descriptor), 0 when unknown. */
uint64_t mm_rss_pages(struct mm *mm);
/* What the container of t may use and what it does: anonymous memory of its processes, and what the kernel holds for it.
 * Without a limit it may use all that the host has. Bytes. */
void mm_container_use(struct task *t, uint64_t *ret_total, uint64_t *ret_used);
/* A descriptor of the host's file name ("smaps", "pagemap") about the process behind mm, -errno. */
int mm_host_file(struct mm *mm, const char *name);
/* Says for each page of [addr, addr + n pages) what the host's pagemap says: bit 63 present, 62 swapped, 61 of a file or
 * shared, 56 mapped here only, 55 soft-dirty. fd is of mm_host_file. 0, -errno. */
int mm_pagemap(int fd, uint64_t addr, size_t n, uint64_t *ret) __must_check;
/* mincore(2): one byte for each of n pages. -ENOMEM where nothing is mapped. */
int mm_mincore(struct mm *mm, uint64_t addr, size_t n, uint8_t *ret) __must_check;
/* Would an access of n bytes at addr be allowed by the tree? (PROT_READ/WRITE) */
bool mm_access_ok(struct mm *mm, uint64_t addr, uint64_t n, int prot);

#endif
