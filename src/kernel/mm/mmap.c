/* SPDX-License-Identifier: Apache-2.0 */
/* mmap(2), munmap(2), brk(2). Host first, tree after: the tree never promises what the host refused. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include "kernel/hostfd.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#define CAP_SYS_RAWIO_ 17

struct mapping { /* one mmap call, checked */
	uint64_t addr, len, off;
	int prot, flags;
	struct file *file;
	struct hostfd *host;
	uint64_t map_key;
	bool anon;
};

static uint64_t new_key(void)
{
	static uint64_t next = 1ULL << 63; /* apart from those of inodes */

	return __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
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
	if (S_ISCHR(f->inode->mode) && f->inode->rdev == makedev(1, 5) && !shared) {
		m->anon = true; /* private /dev/zero is anonymous memory */
		return 0;
	}
	if (!f->op->map)
		return -ENODEV;
	m->file = f;
	m->map_key = f->inode->map_key;
	return f->op->map(f, shared && f->can_write, &m->host);
}

static int find_backing(struct mapping *m, struct file *f)
{
	if (f)
		return check_file(m, f);
	if (!(m->flags & MAP_SHARED)) {
		m->anon = true;
		return 0;
	}
	m->off = 0;
	m->map_key = new_key();
	return hostfd_memfd("shared", m->len, &m->host);
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
		if (m->addr < MMAP_MIN_ADDR && !capable(t->cred, CAP_SYS_RAWIO_))
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
	int r = choose_address(t, mm, m);

	if (r < 0)
		return r;
	if (vma_count(mm) >= MAX_MAP_COUNT)
		return -ENOMEM;
	r = mm_may_grow(t, mm, m->len, m->anon && (m->prot & PROT_WRITE));
	if (r < 0)
		return r;
	r = mm_cut(mm, m->addr, m->addr + m->len);
	if (r < 0)
		return r;
	v = vma_new(m->addr, m->addr + m->len, m->prot, m->flags & (MAP_SHARED | MAP_PRIVATE));
	if (!v)
		return -ENOMEM;
	r = host_map(t, mm, m);
	if (r < 0) {
		vma_free(v);
		return r;
	}
	mm_forget(mm, m->addr, m->addr + m->len);
	v->file = m->file ? file_get(m->file) : NULL;
	v->host = m->host ? hostfd_get(m->host) : NULL;
	v->off = m->off;
	v->map_key = m->map_key;
	if (m->flags & MAP_LOCKED)
		v->flags |= VMA_LOCKED;
	vma_insert(mm, v);
	vma_merge(mm, v);
	return (int64_t)m->addr;
}

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
	if (type == MAP_SHARED_VALIDATE)
		type = MAP_SHARED;
	if (type != MAP_SHARED && type != MAP_PRIVATE)
		return -EINVAL;
	m.flags = (flags & ~MAP_TYPE) | type;
	if (flags & MAP_ANONYMOUS)
		f = NULL;
	r = find_backing(&m, f);
	if (r < 0)
		return r;
	mutex_lock(&mm->lock);
	r = map_locked(t, mm, &m);
	mutex_unlock(&mm->lock);
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
		r = mm_cut(mm, addr, addr + op.len);
		if (r == 0)
			r = pt_batch_run(t->pt, &op, 1);
		if (r == 0)
			mm_forget(mm, addr, addr + op.len);
	}
	mutex_unlock(&mm->lock);
	return r;
}

static int64_t brk_grow(struct task *t, struct mm *mm, uint64_t from, uint64_t to)
{
	struct mapping m = {.addr = from, .len = to - from, .prot = PROT_READ | PROT_WRITE,
			    .flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE, .anon = true};
	struct vma *v;
	int64_t r;

	if (to - mm->brk_start > task_rlimit(t, RLIMIT_DATA))
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
			if (mm_cut(mm, new, old) == 0 && pt_batch_run(t->pt, &op, 1) == 0) {
				mm_forget(mm, new, old);
				mm->brk = brk;
			}
		} else {
			mm->brk = brk;
		}
	}
	ret = (int64_t)mm->brk;
	mutex_unlock(&mm->lock);
	return ret;
}
