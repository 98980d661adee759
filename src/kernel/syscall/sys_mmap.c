/* SPDX-License-Identifier: Apache-2.0 */
/* The memory calls' ABI edge. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "kernel/mm/mm_priv.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define CAP_IPC_LOCK_ 14

long sys_mmap(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	int flags = arg_int(a, 3);

	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get(t, arg_int(a, 4));
		if (!f)
			return -EBADF;
	}
	return mm_mmap(t, a->v[0], a->v[1], arg_int(a, 2), flags, f, a->v[5]);
}

long sys_munmap(struct task *t, const struct sysargs *a)
{
	return mm_munmap(t, a->v[0], a->v[1]);
}

long sys_mprotect(struct task *t, const struct sysargs *a)
{
	return mm_mprotect(t, a->v[0], a->v[1], arg_int(a, 2));
}

long sys_brk(struct task *t, const struct sysargs *a)
{
	return mm_brk(t, a->v[0]);
}

long sys_mremap(struct task *t, const struct sysargs *a)
{
	return mm_mremap(t, a->v[0], a->v[1], a->v[2], arg_int(a, 3), a->v[4]);
}

long sys_madvise(struct task *t, const struct sysargs *a)
{
	return mm_madvise(t, a->v[0], a->v[1], arg_int(a, 2));
}

long sys_msync(struct task *t, const struct sysargs *a)
{
	return mm_msync(t, a->v[0], a->v[1], arg_int(a, 2));
}

/* Says "resident" for every mapped page: the host does not tell for another process. */
long sys_mincore(struct task *t, const struct sysargs *a)
{
	uint64_t addr = a->v[0], len = mm_round_len(a->v[1]), pages = len / GUEST_PAGE_SIZE;
	uaddr_t vec = arg_uaddr(a, 2);
	uint8_t ones[4096];

	if (addr % GUEST_PAGE_SIZE)
		return -EINVAL;
	if (!a->v[1])
		return 0;
	if (!len || !mm_in_range(addr, len) || !mm_access_ok(t->mm, addr, len, 0))
		return -ENOMEM;
	memset(ones, 1, sizeof(ones));
	for (uint64_t done = 0; done < pages;) {
		size_t n = MIN(pages - done, sizeof(ones));

		if (copy_out(t, uaddr_add(vec, done), ones, n) < 0)
			return -EFAULT;
		done += n;
	}
	return 0;
}

/* Locking is accounting: a guest's memory is never pinned on the host. */
static long lock_range(struct task *t, uint64_t addr, uint64_t len, bool lock)
{
	struct mm *mm = t->mm;
	uint64_t start = ALIGN_DOWN(addr, GUEST_PAGE_SIZE), end, at;
	struct vma *v;
	long r = 0;

	if (!len)
		return 0;
	len = mm_round_len(len + (addr - start));
	if (!len || !mm_in_range(start, len))
		return -ENOMEM;
	end = start + len;
	mutex_lock(&mm->lock);
	if (lock && !capable(t->cred, CAP_IPC_LOCK_) &&
	    mm->locked_pages + len / GUEST_PAGE_SIZE > task_rlimit(t, RLIMIT_MEMLOCK) / GUEST_PAGE_SIZE)
		r = -ENOMEM;
	if (r == 0)
		r = mm_cut(mm, start, end);
	at = start;
	for (v = vma_find(mm, start); r == 0 && v && v->start < end; v = vma_next(v)) {
		uint64_t pages = (v->end - v->start) / GUEST_PAGE_SIZE;

		if (v->start > at)
			break;
		at = v->end;
		if (lock && !(v->flags & VMA_LOCKED))
			mm->locked_pages += pages;
		else if (!lock && (v->flags & VMA_LOCKED))
			mm->locked_pages -= pages;
		v->flags = lock ? v->flags | VMA_LOCKED : v->flags & ~VMA_LOCKED;
		v = vma_merge(mm, v);
	}
	mutex_unlock(&mm->lock);
	return r < 0 ? r : at < end ? -ENOMEM : 0;
}

long sys_mlock(struct task *t, const struct sysargs *a)
{
	return lock_range(t, a->v[0], a->v[1], true);
}

long sys_mlock2(struct task *t, const struct sysargs *a)
{
	return a->v[2] & ~1ULL ? -EINVAL : lock_range(t, a->v[0], a->v[1], true);
}

long sys_munlock(struct task *t, const struct sysargs *a)
{
	return lock_range(t, a->v[0], a->v[1], false);
}

long sys_mlockall(struct task *t, const struct sysargs *a)
{
	int flags = arg_int(a, 0);

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!capable(t->cred, CAP_IPC_LOCK_) && !task_rlimit(t, RLIMIT_MEMLOCK))
		return -EPERM;
	return 0;
}

long sys_munlockall(struct task *t, const struct sysargs *a)
{
	struct mm *mm = t->mm;

	mutex_lock(&mm->lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v))
		v->flags &= ~VMA_LOCKED;
	mm->locked_pages = 0;
	mutex_unlock(&mm->lock);
	return 0;
}
