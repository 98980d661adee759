/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the address space of a stopped guest thread: host memory calls and extended state. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "kernel/hostfd.h"
#include "platform/trap/trap.h"

static void translate(const struct pt_op *op, int fd, struct slot_op *s)
{
	memset(s, 0, sizeof(*s));
	s->kind = SLOT_OP_SYSCALL;
	s->a[0] = op->addr;
	s->a[1] = op->len;
	switch (op->kind) {
	case PT_OP_MMAP:
		s->nr = SYS_mmap;
		s->a[2] = (uint64_t)(op->prot & 7);
		s->a[3] = (uint64_t)(unsigned)op->flags;
		s->a[4] = fd < 0 ? (uint64_t)-1 : (uint64_t)fd;
		s->a[5] = fd < 0 ? 0 : op->off;
		break;
	case PT_OP_MUNMAP:
		s->nr = SYS_munmap;
		break;
	case PT_OP_MPROTECT:
		s->nr = SYS_mprotect;
		s->a[2] = (uint64_t)(op->prot & 7);
		break;
	case PT_OP_MREMAP:
		s->nr = SYS_mremap;
		s->a[2] = op->new_len;
		s->a[3] = op->new_addr == op->addr ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED;
		s->a[4] = op->new_addr;
		break;
	case PT_OP_MADVISE:
		s->nr = SYS_madvise;
		s->a[2] = (uint64_t)(unsigned)op->flags;
		break;
	}
}

/* What the filter would kill for never leaves the kernel. */
static bool allowed(const struct pt_op *op)
{
	const int keep = MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_NORESERVE;

	if (op->addr >= PT_GUEST_END || op->len > PT_GUEST_END - op->addr)
		return false;
	switch (op->kind) {
	case PT_OP_MREMAP:
		return op->new_addr < PT_GUEST_END && op->new_len <= PT_GUEST_END - op->new_addr;
	case PT_OP_MADVISE:
		return op->flags >= 0 && op->flags <= 25 && op->flags != MADV_REMOVE &&
		       op->flags != MADV_MERGEABLE && op->flags != MADV_UNMERGEABLE;
	case PT_OP_MMAP:
		if (!(op->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
			return false;
		return op->file || (op->flags & ~keep) == (MAP_PRIVATE | MAP_ANONYMOUS);
	default:
		return true;
	}
}

static void take_result(struct pt_op *op, const struct slot_op *s)
{
	bool moves = op->kind == PT_OP_MMAP || op->kind == PT_OP_MREMAP;

	if (s->result < 0 && s->result > -4096)
		op->result = (int)s->result;
	else if (moves && s->result != (int64_t)(op->kind == PT_OP_MMAP ? op->addr : op->new_addr))
		op->result = -EEXIST; /* a host that does not know MAP_FIXED_NOREPLACE */
	else
		op->result = 0;
}

/* Operations [from, to) without a descriptor but perhaps the last. Returns 0, -ESRCH, -EMFILE. */
static int run_part(struct pt_thread *pt, struct pt_op *ops, unsigned from, unsigned to)
{
	struct pt_container *c = pt->as->c;
	struct slot_op list[PT_BATCH_MAX];
	struct pt_op *last = &ops[to - 1];
	int fd = -1, r;

	mutex_lock(&c->lock);
	if (last->kind == PT_OP_MMAP && last->file)
		fd = table_reserve(c, last->file);
	for (unsigned i = from; i < to; i++)
		translate(&ops[i], i == to - 1 ? fd : -1, &list[i - from]);
	if (fd >= 0) {
		pt->order.kind = ORDER_MMAP;
		pt->order.file = last->file;
		memcpy(pt->order.args, list[to - 1 - from].a, sizeof(pt->order.args));
	}
	mutex_unlock(&c->lock);
	if (fd < -1)
		return fd;
	r = run_slot_ops(pt, list, to - from);
	if (fd >= 0) {
		mutex_lock(&c->lock);
		pt->order.kind = ORDER_NONE;
		table_release(c, fd);
		mutex_unlock(&c->lock);
	}
	if (r < 0)
		return r;
	for (unsigned i = from; i < to; i++) {
		take_result(&ops[i], &list[i - from]);
		if (ops[i].result < 0)
			break;
	}
	return 0;
}

int pt_batch_run(struct pt_thread *pt, struct pt_op *ops, unsigned n)
{
	unsigned from = 0;
	int r = 0;

	if (n > PT_BATCH_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		if (!allowed(&ops[i]))
			return -EINVAL;
		ops[i].result = -ECANCELED;
	}
	for (unsigned i = 0; i < n; i++) {
		bool file = ops[i].kind == PT_OP_MMAP && ops[i].file;

		if (!file && i + 1 < n)
			continue;
		r = run_part(pt, ops, from, i + 1);
		for (unsigned j = from; r == 0 && j <= i; j++)
			r = ops[j].result;
		if (r < 0)
			break;
		from = i + 1;
	}
	return r;
}

static int one(struct pt_thread *pt, uint32_t kind, uint64_t a0)
{
	struct slot_op op = {.kind = kind, .a = {a0}};
	int r = run_slot_ops(pt, &op, 1);

	if (r < 0)
		return r;
	return op.result < 0 ? -EFAULT : 0;
}

int pt_cmpxchg32(struct pt_thread *pt, uaddr_t at, uint32_t old, uint32_t new, uint32_t *seen)
{
	struct slot_op op = {.kind = SLOT_OP_CMPXCHG, .a = {at.a, old, new}};
	int r;

	if (at.a & 3 || at.a >= PT_GUEST_END)
		return -EFAULT;
	r = run_slot_ops(pt, &op, 1);
	if (r < 0)
		return r;
	if (op.result < 0)
		return -EFAULT;
	*seen = (uint32_t)op.result;
	return 0;
}

static bool fp_range_ok(uaddr_t u)
{
	return u.a < PT_GUEST_END && trap.fp_size <= PT_GUEST_END - u.a;
}

size_t pt_fpstate_size(void)
{
	return trap.fp_size;
}

int pt_fpstate_save(struct pt_thread *pt, uaddr_t to)
{
	return fp_range_ok(to) ? one(pt, SLOT_OP_FP_SAVE, to.a) : -EFAULT;
}

int pt_fpstate_load(struct pt_thread *pt, uaddr_t from)
{
	return fp_range_ok(from) ? one(pt, SLOT_OP_FP_LOAD, from.a) : -EFAULT;
}

/* Where the stub sees the data of pt's slot. */
static uint64_t data_address(const struct pt_thread *pt)
{
	return AREA_BASE + pt->place->area * AREA_SIZE + SLOT_OFFSET + SLOT_DATA_OFFSET;
}

int pt_fpstate_get(struct pt_thread *pt, void *to, size_t n)
{
	int r;

	if (n > trap.fp_size || n > SLOT_DATA_SIZE)
		return -EINVAL;
	r = one(pt, SLOT_OP_FP_SAVE, data_address(pt));
	if (r == 0)
		memcpy(to, (char *)pt->slot + SLOT_DATA_OFFSET, n);
	return r;
}

int pt_fpstate_put(struct pt_thread *pt, const void *from, size_t n)
{
	if (n != trap.fp_size || n > SLOT_DATA_SIZE)
		return -EINVAL;
	memcpy((char *)pt->slot + SLOT_DATA_OFFSET, from, n);
	return one(pt, SLOT_OP_FP_LOAD, data_address(pt));
}
