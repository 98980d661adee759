/* SPDX-License-Identifier: Apache-2.0 */
/* The memory calls' ABI edge. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define MADV_POPULATE_READ_ 22
#define MADV_POPULATE_WRITE_ 23

long sys_mmap(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	int flags = arg_int(a, 3);

	if (a->v[5] % GUEST_PAGE_SIZE)
		return -EINVAL;
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

long sys_mincore(struct task *t, const struct sysargs *a)
{
	uint64_t addr = a->v[0], len = mm_round_len(a->v[1]), pages = len / GUEST_PAGE_SIZE;
	uaddr_t vec = arg_uaddr(a, 2);
	uint8_t buf[4096];

	if (addr % GUEST_PAGE_SIZE)
		return -EINVAL;
	if ((a->v[1] && !len) || !mm_in_range(addr, len))
		return -ENOMEM;
	for (uint64_t done = 0; done < pages;) {
		size_t n = MIN(pages - done, sizeof(buf));
		int r = mm_mincore(t->mm, addr + done * GUEST_PAGE_SIZE, n, buf);

		if (r < 0)
			return r;
		if (copy_out(t, uaddr_add(vec, done), buf, n) < 0)
			return -EFAULT;
		done += n;
		if (__atomic_load_n(&t->sig_flags, __ATOMIC_RELAXED) & TIF_KILLED)
			return -EINTR;
	}
	return 0;
}

long sys_remap_file_pages(struct task *t, const struct sysargs *a)
{
	uint64_t addr = ALIGN_DOWN(a->v[0], GUEST_PAGE_SIZE), len = ALIGN_DOWN(a->v[1], GUEST_PAGE_SIZE);

	if (a->v[2] || !len || !mm_in_range(addr, len) || a->v[3] + len / GUEST_PAGE_SIZE < a->v[3] ||
	    a->v[3] > (UINT64_MAX >> 12) - len / GUEST_PAGE_SIZE)
		return -EINVAL;
	return mm_remap_file_pages(t, addr, len, a->v[3] * GUEST_PAGE_SIZE);
}

long sys_mseal(struct task *t, const struct sysargs *a)
{
	return a->v[2] ? -EINVAL : mm_seal(t, a->v[0], a->v[1]);
}

/* --- protection keys: a CPU without them --- */

long sys_pkey_alloc(struct task *t, const struct sysargs *a)
{
	return -EINVAL; /* whatever is asked, on such a CPU */
}

long sys_pkey_free(struct task *t, const struct sysargs *a)
{
	return -EINVAL;
}

long sys_pkey_mprotect(struct task *t, const struct sysargs *a)
{
	return arg_int(a, 3) == -1 ? mm_mprotect(t, a->v[0], a->v[1], arg_int(a, 2)) : -EINVAL;
}

/* --- advice to others --- */

#define ADVICE_ON_OTHERS(x) ((x) == MADV_COLD || (x) == MADV_PAGEOUT || (x) == MADV_WILLNEED || (x) == 25)

/* Of another process's memory the advice is only checked: it may be ignored, as any. */
static long advise_range(struct task *t, struct mm *mm, uint64_t addr, uint64_t len, int advice)
{
	if (mm == t->mm)
		return mm_madvise(t, addr, len, advice);
	if (addr % GUEST_PAGE_SIZE || (len && !mm_round_len(len)))
		return -EINVAL;
	return mm_in_range(addr, mm_round_len(len)) && (!len || mm_access_ok(mm, addr, mm_round_len(len), 0)) ? 0 : -ENOMEM;
}

/* The task that the pidfd fd names: + reference. -EBADF, -ESRCH. */
static int pidfd_task(struct task *t, int fd, struct task **ret)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, fd);
	struct pid *pid = f ? pidfd_pid(f, NULL) : NULL;

	if (!pid)
		return -EBADF;
	*ret = task_find_get(task_pid_ns(t), pid_nr_ns(pid, task_pid_ns(t)));
	return *ret ? 0 : -ESRCH;
}

static long pidfd_mm(struct task *t, int fd, struct mm **ret)
{
	_cleanup_(task_putp) struct task *o = NULL;
	int r = pidfd_task(t, fd, &o);

	if (r < 0)
		return r;
	MUTEX_GUARD(&o->lock);
	if (!o->mm)
		return -ESRCH;
	if (o->mm != t->mm && !capable(t->cred, CAP_SYS_NICE))
		return -EPERM;
	*ret = mm_get(o->mm);
	return 0;
}

long sys_process_madvise(struct task *t, const struct sysargs *a)
{
	_cleanup_free_ struct uio_seg *seg = NULL;
	_cleanup_(mm_putp) struct mm *mm = NULL;
	int advice = arg_int(a, 3);
	struct uio u;
	long r, done = 0;

	if (a->v[4])
		return -EINVAL;
	if (a->v[2] > UIO_MAXIOV)
		return -EINVAL;
	r = uio_init_iovec(&u, t, arg_uaddr(a, 1), (unsigned)a->v[2], &seg);
	if (r == 0)
		r = pidfd_mm(t, arg_int(a, 0), &mm);
	if (r < 0)
		return r;
	if (mm != t->mm && !ADVICE_ON_OTHERS(advice))
		return -EINVAL;
	for (unsigned i = 0; i < u.nseg; i++) {
		r = advise_range(t, mm, seg[i].base, seg[i].len, advice);
		if (r < 0)
			break;
		done += (long)seg[i].len;
	}
	return done ? done : r;
}

/* The memory of a dying process goes at once anyhow. */
long sys_process_mrelease(struct task *t, const struct sysargs *a)
{
	_cleanup_(task_putp) struct task *o = NULL;
	int r;

	if (a->v[1])
		return -EINVAL;
	r = pidfd_task(t, arg_int(a, 0), &o);
	if (r < 0)
		return r;
	return __atomic_load_n(&o->exiting, __ATOMIC_SEQ_CST) || (__atomic_load_n(&o->sig_flags, __ATOMIC_SEQ_CST) & TIF_KILLED)
		       ? 0
		       : -EINVAL;
}

/* A CPU without shadow stacks. */
long sys_map_shadow_stack(struct task *t, const struct sysargs *a)
{
	return -EOPNOTSUPP;
}

static bool may_lock_at_all(struct task *t)
{
	return capable(t->cred, CAP_IPC_LOCK) || task_rlimit(t, RLIMIT_MEMLOCK);
}

/* Locking is accounting: a guest's memory is never pinned on the host. */
/* Brings the pages of [start, end) in, as locking does. 0, -ENOMEM. */
static long populate(struct task *t, uint64_t start, uint64_t end) REQUIRES(t->mm->lock)
{
	for (struct vma *v = vma_find(t->mm, start); v && v->start < end; v = vma_next(v)) {
		struct pt_op op = {.kind = PT_OP_MADVISE, .addr = MAX(v->start, start), .flags = MADV_POPULATE_READ_};
		int r;

		op.len = MIN(v->end, end) - op.addr;
		if ((v->prot & PROT_WRITE) && (!(v->flags & MAP_SHARED) || !(v->prot & PROT_READ)))
			op.flags = MADV_POPULATE_WRITE_;
		r = v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC) ? pt_batch_run(t->pt, &op, 1) : -ENOMEM;
		if (r < 0 && r != -EINVAL) /* a host before 5.14 */
			return -ENOMEM;
	}
	return 0;
}

static long lock_range(struct task *t, uint64_t addr, uint64_t len, bool lock, bool now)
{
	struct mm *mm = t->mm;
	uint64_t start = ALIGN_DOWN(addr, GUEST_PAGE_SIZE), end, at;
	struct vma *v;
	long r = 0;

	if (lock && !may_lock_at_all(t))
		return -EPERM;
	if (!len)
		return 0;
	if (len > PT_GUEST_END)
		return -ENOMEM;
	len = mm_round_len(len + (addr - start));
	if (!len || !mm_in_range(start, len))
		return -ENOMEM;
	end = start + len;
	mutex_lock(&mm->lock);
	if (lock && !mm_may_lock(t, mm, len - mm_pages_in(mm, start, end, true) * GUEST_PAGE_SIZE))
		r = -ENOMEM;
	if (r == 0)
		r = mm_cut(mm, start, end);
	at = start;
	for (v = vma_find(mm, start); r == 0 && v && v->start < end; v = vma_next(v)) {
		uint64_t pages = (v->end - v->start) / GUEST_PAGE_SIZE;

		if (v->start > at)
			break;
		if (lock && !(v->flags & VMA_LOCKED))
			mm->locked_pages += pages;
		else if (!lock && (v->flags & VMA_LOCKED))
			mm->locked_pages -= pages;
		v->flags = lock ? v->flags | VMA_LOCKED : v->flags & ~VMA_LOCKED;
		v = vma_merge(mm, v);
		at = v->end;
	}
	mm_heal(mm, start, end);
	if (r == 0 && at < end)
		r = -ENOMEM;
	if (r == 0 && lock && now)
		r = populate(t, start, end);
	mutex_unlock(&mm->lock);
	return r;
}

long sys_mlock(struct task *t, const struct sysargs *a)
{
	return lock_range(t, a->v[0], a->v[1], true, true);
}

long sys_mlock2(struct task *t, const struct sysargs *a)
{
	return a->v[2] & ~1ULL ? -EINVAL : lock_range(t, a->v[0], a->v[1], true, !a->v[2]);
}

long sys_munlock(struct task *t, const struct sysargs *a)
{
	return lock_range(t, a->v[0], a->v[1], false, false);
}

static void lock_all(struct mm *mm, bool lock)
{
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		v->flags = lock ? v->flags | VMA_LOCKED : v->flags & ~VMA_LOCKED;
		v = vma_merge(mm, v);
	}
	mm->locked_pages = lock ? mm->total_pages : 0;
}

long sys_mlockall(struct task *t, const struct sysargs *a)
{
	int flags = arg_int(a, 0);
	struct mm *mm = t->mm;
	long r = 0;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock_at_all(t))
		return -EPERM;
	mutex_lock(&mm->lock);
	if ((flags & MCL_CURRENT) &&
	    !mm_may_lock(t, mm, (mm->total_pages - mm->locked_pages) * GUEST_PAGE_SIZE))
		r = -ENOMEM;
	if (r == 0) {
		mm->lock_future = flags & MCL_FUTURE;
		if (flags & MCL_CURRENT)
			lock_all(mm, true);
		/* As far as it goes. The stack is kept free for its whole limit: what is used of it is there. */
		for (struct vma *v = vma_first(mm); v && flags == (flags & (MCL_CURRENT | MCL_FUTURE)) && (flags & MCL_CURRENT);
		     v = vma_next(v))
			if (!v->name || strcmp(v->name, "[stack]") != 0)
				(void)!populate(t, v->start, v->end);
	}
	mutex_unlock(&mm->lock);
	return r;
}

long sys_munlockall(struct task *t, const struct sysargs *a)
{
	struct mm *mm = t->mm;

	mutex_lock(&mm->lock);
	lock_all(mm, false);
	mm->lock_future = false;
	mutex_unlock(&mm->lock);
	return 0;
}
