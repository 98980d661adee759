/* SPDX-License-Identifier: Apache-2.0 */
/* mmap(2), munmap(2), brk(2). Host first, tree after: the tree never promises what the host refused. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include "kernel/hostfd.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

struct mapping { /* one mmap call, checked */
	uint64_t addr, len, off;
	int prot, flags;
	struct file *file;
	struct hostfd *host;
	uint64_t map_key;
	bool anon;
	bool read_only; /* shared, and never to be written */
	bool may_write; /* counted in the inode's shared_maps */
};

uint64_t mm_new_map_key(void)
{
	static uint64_t next = 1ULL << 63; /* apart from those of inodes */

	return __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
}

/* Memory that several address spaces share through a host memfd. */
static int shared_memory(struct mapping *m)
{
	m->off = 0;
	m->map_key = mm_new_map_key();
	return hostfd_memfd("shared", m->len, &m->host);
}

/* A shared mapping of a file opened for writing can become writable later: its host descriptor is a writable one
 * from the start, and it is counted before the file system is asked, so that a seal and a mapping cannot pass each
 * other. A file sealed against writing gives a mapping that stays read-only. */
static int map_shared_file(struct mapping *m, struct file *f)
{
	int r;

	if (!f->can_write)
		return f->op->map(f, false, &m->host);
	__atomic_fetch_add(&f->inode->shared_maps, 1, __ATOMIC_SEQ_CST);
	r = f->op->map(f, true, &m->host);
	if (r == 0) {
		m->may_write = true;
		return 0;
	}
	__atomic_fetch_sub(&f->inode->shared_maps, 1, __ATOMIC_SEQ_CST);
	if (r == -EPERM && !(m->prot & PROT_WRITE))
		r = f->op->map(f, false, &m->host);
	return r;
}

static int check_file(struct mapping *m, struct file *f)
{
	bool shared = m->flags & MAP_SHARED;

	if (f->is_path || !f->can_read)
		return f->is_path ? -EBADF : -EACCES;
	if (shared && (m->prot & PROT_WRITE) && !f->can_write)
		return -EACCES;
	if ((m->prot & PROT_EXEC) && f->path.mnt && (f->path.mnt->flags & MNT_NOEXEC))
		return -EPERM;
	if (S_ISCHR(f->inode->mode) && f->inode->rdev == makedev(1, 5)) { /* /dev/zero is anonymous memory */
		m->anon = !shared;
		m->read_only = shared && !f->can_write;
		return shared ? shared_memory(m) : 0;
	}
	if (!f->op->map)
		return -ENODEV;
	m->file = f;
	m->map_key = f->inode->map_key;
	return shared ? map_shared_file(m, f) : f->op->map(f, false, &m->host);
}

static int find_backing(struct mapping *m, struct file *f)
{
	if (f)
		return check_file(m, f);
	if (!(m->flags & MAP_SHARED)) {
		m->anon = true;
		return 0;
	}
	return shared_memory(m);
}

/* Where the mapping goes. -EINVAL, -EPERM, -EEXIST, -ENOMEM. */
static int choose_address(struct task *t, struct mm *mm, struct mapping *m)
{
	struct vma *v;
	uint64_t top;

	if (m->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (m->addr % GUEST_PAGE_SIZE)
			return -EINVAL;
		if (!mm_in_range(m->addr, m->len))
			return -ENOMEM;
		if (m->addr < MMAP_MIN_ADDR && !capable(t->cred, CAP_SYS_RAWIO))
			return -EPERM;
		if (m->addr < PT_GUEST_MIN)
			return -EPERM;
		v = vma_find(mm, m->addr);
		if ((m->flags & MAP_FIXED_NOREPLACE) && v && v->start < m->addr + m->len)
			return -EEXIST;
		return 0;
	}
	if (m->addr) {
		m->addr = ALIGN_DOWN(m->addr, GUEST_PAGE_SIZE);
		v = vma_find(mm, m->addr);
		if (m->addr >= MMAP_MIN_ADDR && mm_in_range(m->addr, m->len) &&
		    (!v || v->start >= m->addr + m->len))
			return 0;
	}
	top = (m->flags & MAP_32BIT) ? 0x80000000ULL : mm->mmap_top;
	m->addr = vma_gap(mm, m->len, top, GUEST_PAGE_SIZE);
	if (!m->addr && top == mm->mmap_top)
		m->addr = vma_gap(mm, m->len, PT_GUEST_END - GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
	return m->addr ? 0 : -ENOMEM;
}

static int host_map(struct task *t, struct mm *mm, const struct mapping *m)
{
	struct vma *v = vma_find(mm, m->addr);
	bool replaces = v && v->start < m->addr + m->len;
	struct pt_op op = {
		.kind = PT_OP_MMAP,
		.addr = m->addr,
		.len = m->len,
		.prot = m->prot,
		.flags = replaces ? MAP_FIXED : MAP_FIXED_NOREPLACE,
		.file = m->host,
		.off = m->off,
	};

	op.flags |= m->anon ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
			    : (m->flags & MAP_SHARED) ? MAP_SHARED : MAP_PRIVATE;
	return pt_batch_run(t->pt, &op, 1);
}

static int64_t map_locked(struct task *t, struct mm *mm, struct mapping *m)
{
	struct vma *v;
	uint64_t grow;
	int r = choose_address(t, mm, m);

	if (r < 0)
		return r;
	if (vma_count(mm) >= MAX_MAP_COUNT)
		return -ENOMEM;
	grow = m->len - mm_pages_in(mm, m->addr, m->addr + m->len, false) * GUEST_PAGE_SIZE;
	r = mm_may_grow(t, mm, grow, (m->prot & PROT_WRITE) && !(m->flags & MAP_SHARED));
	if (r < 0)
		return r;
	if (((m->flags & MAP_LOCKED) || mm->lock_future) && !mm_may_lock(t, mm, m->len))
		return -EAGAIN;
	if (mm_is_sealed(mm, m->addr, m->addr + m->len))
		return -EPERM;
	r = mm_cut(mm, m->addr, m->addr + m->len);
	if (r < 0)
		return r;
	v = vma_new(m->addr, m->addr + m->len, m->prot,
		    (m->flags & (MAP_SHARED | MAP_PRIVATE)) | (m->flags & MAP_GROWSDOWN ? VMA_GROWSDOWN : 0));
	if (!v)
		return -ENOMEM;
	r = host_map(t, mm, m);
	if (r < 0) {
		vma_free(v);
		mm_heal(mm, m->addr, m->addr + m->len);
		return r;
	}
	mm_forget(mm, m->addr, m->addr + m->len);
	v->file = m->file ? file_get(m->file) : NULL;
	vma_tell_file(v, true);
	v->host = m->host ? hostfd_get(m->host) : NULL;
	v->off = m->off;
	v->map_key = m->map_key;
	if ((m->flags & MAP_LOCKED) || mm->lock_future)
		v->flags |= VMA_LOCKED;
	if (m->read_only)
		v->flags |= VMA_READONLY;
	if (m->may_write)
		v->flags |= VMA_MAYWRITE;
	m->may_write = false; /* the count is the vma's now */
	vma_insert(mm, v);
	vma_merge(mm, v);
	return (int64_t)m->addr;
}

/* MAP_POPULATE, MAP_LOCKED: a hint, whose failure is not the call's. */
static void populate(struct task *t, const struct mapping *m)
{
	bool writes = (m->prot & PROT_WRITE) && (!(m->flags & MAP_SHARED) || !(m->prot & PROT_READ));
	struct pt_op op = {.kind = PT_OP_MADVISE, .addr = m->addr, .len = m->len,
			   .flags = writes ? 23 : 22}; /* MADV_POPULATE_WRITE, MADV_POPULATE_READ */

	if (m->prot && pt_batch_run(t->pt, &op, 1) < 0)
		return;
}

/* Flags that a file system must know for MAP_SHARED_VALIDATE: those of every mapping, and nothing newer. */
#define LEGACY_FLAGS                                                                                           \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT |        \
	 (63 << 26) | MAP_FIXED_NOREPLACE)

int64_t mm_mmap(struct task *t, uint64_t addr, uint64_t len, int prot, int flags, struct file *f,
		uint64_t off)
{
	struct mapping m = {.addr = addr, .len = mm_round_len(len), .off = off, .prot = prot & 7};
	struct mm *mm = t->mm;
	int type = flags & MAP_TYPE;
	int64_t r;

	if (!len)
		return -EINVAL;
	if (!m.len)
		return -ENOMEM;
	if (off % GUEST_PAGE_SIZE)
		return -EINVAL;
	if (off + m.len < off)
		return -EOVERFLOW;
	if (type == MAP_SHARED_VALIDATE) {
		if (f && !(flags & MAP_ANONYMOUS) && (flags & ~(MAP_TYPE | LEGACY_FLAGS)))
			return -EOPNOTSUPP;
		if (f && !(flags & MAP_ANONYMOUS))
			type = MAP_SHARED;
	}
	if (type != MAP_SHARED && type != MAP_PRIVATE)
		return -EINVAL;
	m.flags = (flags & ~MAP_TYPE) | type;
	if (flags & MAP_ANONYMOUS)
		f = NULL;
	if ((m.flags & MAP_GROWSDOWN) && (type == MAP_SHARED || f))
		return -EINVAL;
	if (flags & MAP_HUGETLB) /* no pool of huge pages, no hugetlbfs */
		return f ? -EINVAL : -ENOMEM;
	if ((flags & MAP_LOCKED) && !capable(t->cred, CAP_IPC_LOCK) && !task_rlimit(t, RLIMIT_MEMLOCK))
		return -EPERM;
	r = find_backing(&m, f);
	if (r < 0)
		return r;
	mutex_lock(&mm->lock);
	r = map_locked(t, mm, &m);
	if (r >= 0 && ((flags & (MAP_POPULATE | MAP_LOCKED)) || mm->lock_future) && !(flags & MAP_NONBLOCK))
		populate(t, &m);
	mm_unlock(mm);
	if (m.may_write)
		__atomic_fetch_sub(&f->inode->shared_maps, 1, __ATOMIC_SEQ_CST);
	if (m.host)
		hostfd_put(m.host);
	return r;
}

int mm_munmap(struct task *t, uint64_t addr, uint64_t len)
{
	struct pt_op op = {.kind = PT_OP_MUNMAP, .addr = addr, .len = mm_round_len(len)};
	struct mm *mm = t->mm;
	struct vma *v;
	int r;

	if (addr % GUEST_PAGE_SIZE || !op.len || !mm_in_range(addr, op.len))
		return -EINVAL;
	mutex_lock(&mm->lock);
	v = vma_find(mm, addr);
	r = 0;
	if (v && v->start < addr + op.len) {
		r = mm_is_sealed(mm, addr, addr + op.len) ? -EPERM : mm_cut(mm, addr, addr + op.len);
		if (r == 0)
			r = pt_batch_run(t->pt, &op, 1);
		if (r == 0)
			mm_forget(mm, addr, addr + op.len);
		else
			mm_heal(mm, addr, addr + op.len);
	}
	mm_unlock(mm);
	return r;
}

static int64_t brk_grow(struct task *t, struct mm *mm, uint64_t from, uint64_t to)
{
	struct mapping m = {.addr = from, .len = to - from, .prot = PROT_READ | PROT_WRITE,
			    .flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE, .anon = true};
	struct sysinfo si;
	struct vma *v;
	int64_t r;

	/* As Linux's default overcommit: never more at once than the machine has. */
	if (to - mm->brk_start > task_rlimit(t, RLIMIT_DATA) || sysinfo(&si) < 0 ||
	    to - from > (uint64_t)(si.totalram + si.totalswap) * si.mem_unit)
		return -ENOMEM;
	r = map_locked(t, mm, &m);
	if (r < 0)
		return r;
	v = vma_find(mm, from);
	if (v->start >= from)
		v->name = "[heap]";
	vma_merge(mm, v);
	return 0;
}

/* remap_file_pages(2), as Linux has it since 4.0: another part of the shared mapping's object takes the place of
 * [addr, addr + len). */
int mm_remap_file_pages(struct task *t, uint64_t addr, uint64_t len, uint64_t off)
{
	struct mm *mm = t->mm;
	struct mapping m = {.addr = addr, .len = len, .off = off};
	struct file *f = NULL;
	struct vma *v;
	int64_t r = -EINVAL;

	mutex_lock(&mm->lock);
	v = vma_find(mm, addr);
	if (v && v->start <= addr && (v->flags & MAP_SHARED) && v->host) {
		struct vma *n = v;

		while (n && n->end < addr + len && vma_next(n) && vma_next(n)->start == n->end &&
		       vma_next(n)->host == v->host && vma_next(n)->prot == v->prot)
			n = vma_next(n);
		if (n->end >= addr + len) {
			f = m.file = v->file ? file_get(v->file) : NULL;
			m.host = hostfd_get(v->host);
			m.prot = v->prot;
			m.flags = MAP_SHARED | MAP_FIXED;
			m.map_key = v->map_key;
			m.may_write = v->flags & VMA_MAYWRITE;
			if (m.may_write)
				__atomic_fetch_add(&f->inode->shared_maps, 1, __ATOMIC_SEQ_CST);
			r = map_locked(t, mm, &m);
		}
	}
	mm_unlock(mm);
	if (m.may_write)
		__atomic_fetch_sub(&f->inode->shared_maps, 1, __ATOMIC_SEQ_CST);
	if (m.host)
		hostfd_put(m.host);
	if (f)
		file_put(f);
	return r < 0 ? (int)r : 0;
}

/* A fault at addr: does the vma above grow down over it? */
bool mm_grow_stack(struct task *t, uint64_t addr)
{
	uint64_t at = ALIGN_DOWN(addr, GUEST_PAGE_SIZE), len;
	struct mm *mm = t->mm;
	struct pt_op op;
	struct vma *v, *below;
	bool ok = false;

	mutex_lock(&mm->lock);
	v = vma_find(mm, at);
	below = v ? vma_prev(v) : NULL;
	if (v && v->start > at && (v->flags & VMA_GROWSDOWN) && at >= MMAP_MIN_ADDR &&
	    !(below && below->prot && !(below->flags & VMA_GROWSDOWN) && at - below->end < STACK_GAP)) {
		len = v->start - at;
		op = (struct pt_op){.kind = PT_OP_MMAP, .addr = at, .len = len, .prot = v->prot,
				    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE};
		if (v->end - at <= task_rlimit(t, RLIMIT_STACK) && mm_may_grow(t, mm, len, v->prot & PROT_WRITE) == 0 &&
		    (!(v->flags & VMA_LOCKED) || mm_may_lock(t, mm, len)) && pt_batch_run(t->pt, &op, 1) == 0) {
			vma_remove(mm, v);
			v->start = at;
			vma_insert(mm, v);
			ok = true;
		}
	}
	mutex_unlock(&mm->lock);
	return ok;
}

/* brk(2): never fails, it returns the break that holds. */
int64_t mm_brk(struct task *t, uint64_t brk)
{
	struct pt_op op = {.kind = PT_OP_MUNMAP};
	struct mm *mm = t->mm;
	uint64_t old, new;
	int64_t ret;

	mutex_lock(&mm->lock);
	if (brk >= mm->brk_start && brk < PT_GUEST_END) {
		old = ALIGN_UP(mm->brk, GUEST_PAGE_SIZE);
		new = ALIGN_UP(brk, GUEST_PAGE_SIZE);
		if (new > old) {
			if (brk_grow(t, mm, old, new) == 0)
				mm->brk = brk;
		} else if (new < old) {
			op.addr = new;
			op.len = old - new;
			if (!mm_is_sealed(mm, new, old) && mm_cut(mm, new, old) == 0 && pt_batch_run(t->pt, &op, 1) == 0) {
				mm_forget(mm, new, old);
				mm->brk = brk;
			}
		} else {
			mm->brk = brk;
		}
	}
	ret = (int64_t)mm->brk;
	mm_unlock(mm);
	return ret;
}
