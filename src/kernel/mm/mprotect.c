/* SPDX-License-Identifier: Apache-2.0 */
/* mprotect(2), madvise(2), msync(2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include "kernel/hostfd.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs.h"

#define PROT_SEM_ 8 /* accepted, without meaning on x86 */
#define MADV_DONTNEED_LOCKED_ 24

/* The end of what is mapped without a hole from start, at most end. */
static uint64_t mapped_until(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start);

	while (v && v->start <= start && start < end) {
		start = v->end;
		v = vma_next(v);
	}
	return MIN(start, end);
}

static int may_protect(struct mm *mm, uint64_t start, uint64_t end, int prot)
{
	if (mm_is_sealed(mm, start, end))
		return -EPERM;
	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v)) {
		if ((prot & PROT_WRITE) && (v->flags & MAP_SHARED) && v->file && !(v->flags & VMA_MAYWRITE))
			return -EACCES;
		if ((prot & PROT_WRITE) && (v->flags & VMA_READONLY))
			return -EACCES;
		if ((prot & PROT_EXEC) && v->file && v->file->path.mnt &&
		    (v->file->path.mnt->flags & MNT_NOEXEC))
			return -EACCES;
	}
	return 0;
}

int mm_mprotect(struct task *t, uint64_t addr, uint64_t len, int prot)
{
	struct pt_op op = {.kind = PT_OP_MPROTECT, .addr = addr, .prot = prot & 7};
	struct mm *mm = t->mm;
	uint64_t end, stop;
	struct vma *v;
	int r;

	if (prot & ~(7 | PROT_SEM_ | PROT_GROWSDOWN | PROT_GROWSUP) ||
	    (prot & (PROT_GROWSDOWN | PROT_GROWSUP)) == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (addr % GUEST_PAGE_SIZE)
		return -EINVAL;
	if (!len)
		return 0;
	len = mm_round_len(len);
	if (!len || !mm_in_range(addr, len))
		return -ENOMEM;
	end = addr + len;
	mutex_lock(&mm->lock);
	if (prot & (PROT_GROWSDOWN | PROT_GROWSUP)) {
		v = vma_find(mm, addr);
		if (!v || v->start > addr || !(prot & PROT_GROWSDOWN) || !(v->flags & VMA_GROWSDOWN)) {
			mutex_unlock(&mm->lock);
			return v && v->start <= addr ? -EINVAL : -ENOMEM;
		}
		op.addr = addr = v->start;
	}
	stop = mapped_until(mm, addr, end);
	r = stop > addr ? may_protect(mm, addr, stop, prot) : 0;
	if (r == 0 && stop > addr)
		r = mm_cut(mm, addr, stop);
	if (r == 0 && stop > addr) {
		op.len = stop - addr;
		r = pt_batch_run(t->pt, &op, 1);
	}
	if (r == 0 && stop > addr) {
		for (v = vma_find(mm, addr); v && v->start < stop; v = vma_next(v)) {
			uint64_t pages = (v->end - v->start) / GUEST_PAGE_SIZE;
			bool was = (v->prot & PROT_WRITE) && !(v->flags & MAP_SHARED);
			bool is = (prot & PROT_WRITE) && !(v->flags & MAP_SHARED);

			v->prot = prot & 7;
			mm->data_pages += (is ? pages : 0) - (was ? pages : 0);
			v = vma_merge(mm, v);
		}
	}
	if (stop > addr)
		mm_heal(mm, addr, stop);
	mutex_unlock(&mm->lock);
	return r < 0 ? r : stop < end ? -ENOMEM : 0;
}

/* What an advice does: host call, flag of the vma, or nothing. */
static int classify(int advice, int *set, int *clear)
{
	*set = *clear = 0;
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_DONTNEED_LOCKED_:
	case 25: /* MADV_COLLAPSE */
	case MADV_REMOVE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case 22: /* MADV_POPULATE_READ */
	case 23: /* MADV_POPULATE_WRITE */
		return 1;
	case MADV_DONTFORK:
		*set = VMA_DONTFORK;
		return 1;
	case MADV_DOFORK:
		*clear = VMA_DONTFORK;
		return 1;
	case MADV_WIPEONFORK:
		*set = VMA_WIPEONFORK;
		return 1;
	case MADV_KEEPONFORK:
		*clear = VMA_WIPEONFORK;
		return 1;
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		return 0;
	case MADV_HWPOISON:
	case 101: /* MADV_SOFT_OFFLINE; a kernel without memory failure handling */
		return -EPERM;
	default: /* MERGEABLE: a kernel without KSM */
		return -EINVAL;
	}
}

/* What an advice asks of a vma. */
static int may_advise(const struct vma *v, int advice)
{
	bool anon = !v->file && !v->host, drops = false;

	switch (advice) {
	case MADV_WIPEONFORK:
		return anon && !(v->flags & MAP_SHARED) ? 0 : -EINVAL;
	case MADV_REMOVE:
		if (v->flags & VMA_LOCKED || !v->host)
			return -EINVAL;
		return (v->flags & MAP_SHARED) && (!v->file || (v->flags & VMA_MAYWRITE)) ? 0 : -EACCES;
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED_:
	case MADV_DONTFORK:
		drops = true;
		break;
	default:
		break;
	}
	/* What is sealed and cannot be written cannot be emptied either. */
	return drops && (v->flags & VMA_SEALED) && anon && !(v->prot & PROT_WRITE) ? -EPERM : 0;
}

/* MADV_REMOVE: a hole in the object behind v. */
static int punch(const struct vma *v, uint64_t addr, uint64_t len)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	uint64_t off = v->off + (addr - v->start);

	if (v->file)
		return v->file->op->fallocate ? v->file->op->fallocate(v->file, mode, off, len) : -EOPNOTSUPP;
	return fallocate(v->host->fd, mode, (off_t)off, (off_t)len) < 0 ? -errno : 0;
}

int mm_madvise(struct task *t, uint64_t addr, uint64_t len, int advice)
{
	struct pt_op op = {.kind = PT_OP_MADVISE, .flags = advice == MADV_DONTNEED_LOCKED_ ? MADV_DONTNEED : advice};
	struct mm *mm = t->mm;
	int set, clear, how = classify(advice, &set, &clear), r = 0;
	uint64_t end, stop;
	struct vma *v;

	if (how < 0)
		return how == -EPERM && capable(t->cred, CAP_SYS_ADMIN) ? -EINVAL : how;
	if (addr % GUEST_PAGE_SIZE || (len && !mm_round_len(len)))
		return -EINVAL;
	len = mm_round_len(len);
	if (!len)
		return 0;
	if (!mm_in_range(addr, len))
		return -ENOMEM;
	end = addr + len;
	mutex_lock(&mm->lock);
	stop = mapped_until(mm, addr, end);
	if (set || clear)
		r = mm_cut(mm, addr, end);
	/* Holes are skipped, then reported: as Linux does. */
	for (v = vma_find(mm, addr); r == 0 && v && v->start < end; v = vma_next(v)) {
		op.addr = MAX(v->start, addr);
		op.len = MIN(v->end, end) - op.addr;
		if ((v->flags & VMA_LOCKED) && (advice == MADV_DONTNEED || advice == MADV_PAGEOUT)) {
			r = -EINVAL;
			break;
		}
		r = may_advise(v, advice);
		if (r == 0 && advice == MADV_REMOVE)
			r = punch(v, op.addr, op.len);
		else if (r == 0 && how > 0)
			r = pt_batch_run(t->pt, &op, 1);
		if (r == 0 && (set || clear)) {
			v->flags = (v->flags | set) & ~clear;
			v = vma_merge(mm, v);
		}
	}
	if (set || clear)
		mm_heal(mm, addr, end);
	mutex_unlock(&mm->lock);
	return r < 0 ? r : stop < end ? -ENOMEM : 0;
}

/* Shared file mappings are the host's page cache: what a program wrote is in the file already; MS_SYNC makes it
 * durable. */
int mm_msync(struct task *t, uint64_t addr, uint64_t len, int flags)
{
	struct mm *mm = t->mm;
	bool hole = false;
	uint64_t end;
	int r = 0;

	if (flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE) || (flags & MS_ASYNC && flags & MS_SYNC) ||
	    addr % GUEST_PAGE_SIZE)
		return -EINVAL;
	if (!len)
		return 0;
	len = mm_round_len(len);
	if (!len || !mm_in_range(addr, len))
		return -ENOMEM;
	end = addr + len;
	while (addr < end) {
		struct file *f = NULL;
		struct vma *v;

		mutex_lock(&mm->lock);
		v = vma_find(mm, addr);
		if (!v || v->start > addr) { /* goes on behind it and says so at the end */
			hole = true;
			addr = v ? v->start : end;
			mutex_unlock(&mm->lock);
			continue;
		}
		if ((flags & MS_INVALIDATE) && (v->flags & VMA_LOCKED))
			r = -EBUSY;
		else if ((flags & MS_SYNC) && (v->flags & MAP_SHARED) && v->file)
			f = file_get(v->file);
		addr = v->end;
		mutex_unlock(&mm->lock);
		if (r < 0)
			return r;
		if (f) {
			if (f->op->fsync)
				r = f->op->fsync(f, true);
			file_put(f);
			if (r < 0)
				return r;
		}
	}
	return hole ? -ENOMEM : 0;
}

int mm_seal(struct task *t, uint64_t addr, uint64_t len)
{
	struct mm *mm = t->mm;
	uint64_t end = addr + mm_round_len(len);
	int r = 0;

	if (addr % GUEST_PAGE_SIZE || (len && !mm_round_len(len)) || !mm_in_range(addr, end - addr))
		return -EINVAL;
	if (!len)
		return 0;
	mutex_lock(&mm->lock);
	if (mapped_until(mm, addr, end) < end)
		r = -ENOMEM;
	if (r == 0)
		r = mm_cut(mm, addr, end);
	for (struct vma *v = vma_find(mm, addr); r == 0 && v && v->start < end; v = vma_next(v)) {
		v->flags |= VMA_SEALED;
		v = vma_merge(mm, v);
	}
	mm_heal(mm, addr, end);
	mutex_unlock(&mm->lock);
	return r;
}
