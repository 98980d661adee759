/* SPDX-License-Identifier: Apache-2.0 */
/* Memory policies of a machine with one node, number 0: they are checked, kept and shown. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "kernel/mm/mm_priv.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#define MPOL_WEIGHTED_INTERLEAVE_ 6
#define MODES_END 7
#define MODE_FLAGS_ (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | (1 << 13))
#define NODES_MAX 1024U /* bits of a mask that Linux knows; only bit 0 is a node */

/* A node mask: *ret says whether node 0 is in it, *ret_other whether another is. */
static int get_nodes(struct task *t, uaddr_t p, uint64_t maxnode, bool *ret, bool *ret_other)
{
	uint64_t word;

	*ret = *ret_other = false;
	if (!maxnode || maxnode == 1 || uaddr_null(p))
		return 0;
	maxnode--;
	if (maxnode > GUEST_PAGE_SIZE * 8)
		return -EINVAL;
	for (uint64_t bit = 0; bit < maxnode; bit += 64) {
		if (copy_in(t, &word, uaddr_add(p, bit / 8), sizeof(word)) < 0)
			return -EFAULT;
		if (maxnode - bit < 64)
			word &= (1ULL << (maxnode - bit)) - 1;
		if (word && bit >= NODES_MAX)
			return -EINVAL;
		if (!bit)
			*ret = word & 1;
		*ret_other = *ret_other || (bit ? word != 0 : (word & ~1ULL) != 0);
	}
	return 0;
}

/* Checks a policy as mpol_new(7) of Linux does. *ret_mode: what is kept. */
static int check_policy(int mode, bool node0, bool other, uint16_t *ret_mode, bool *ret_nodes)
{
	int flags = mode & MODE_FLAGS_, m = mode & ~MODE_FLAGS_;
	bool any = node0 || other;

	if (m < 0 || m >= MODES_END || (flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) ==
					       (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	if ((flags & (1 << 13)) && m != MPOL_BIND && m != MPOL_PREFERRED_MANY)
		return -EINVAL;
	if (m == MPOL_DEFAULT || m == MPOL_LOCAL) {
		if (any || (flags && m == MPOL_LOCAL))
			return -EINVAL;
	} else if (m == MPOL_PREFERRED && !any) {
		if (flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
			return -EINVAL;
		m = MPOL_LOCAL;
	} else if (!any || (!node0 && !(flags & MPOL_F_RELATIVE_NODES))) {
		return -EINVAL; /* no node that there is */
	}
	*ret_mode = (uint16_t)(m == MPOL_DEFAULT ? 0 : m | flags);
	*ret_nodes = any;
	return 0;
}

long sys_set_mempolicy(struct task *t, const struct sysargs *a)
{
	bool node0, other, nodes;
	uint16_t mode;
	int r = get_nodes(t, arg_uaddr(a, 1), a->v[2], &node0, &other);

	if (r == 0)
		r = check_policy(arg_int(a, 0), node0, other, &mode, &nodes);
	if (r < 0)
		return r;
	t->mempolicy = mode;
	t->mempolicy_nodes = nodes;
	return 0;
}

static int put_nodes(struct task *t, uaddr_t p, uint64_t maxnode, bool node0)
{
	uint64_t word = node0, bytes = ALIGN_UP(maxnode - 1, 64) / 8;

	if (maxnode > NODES_MAX) {
		if (bytes > GUEST_PAGE_SIZE || clear_user(t, uaddr_add(p, NODES_MAX / 8), bytes - NODES_MAX / 8) < 0)
			return bytes > GUEST_PAGE_SIZE ? -EINVAL : -EFAULT;
		bytes = NODES_MAX / 8;
	}
	if (bytes && (copy_out(t, p, &word, sizeof(word)) < 0 || clear_user(t, uaddr_add(p, 8), bytes - 8) < 0))
		return -EFAULT;
	return 0;
}

long sys_get_mempolicy(struct task *t, const struct sysargs *a)
{
	uint64_t flags = a->v[4], maxnode = a->v[2];
	unsigned policy = t->mempolicy;
	bool nodes = t->mempolicy_nodes;
	struct vma *v;

	if ((flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) || (a->v[1] && maxnode < 1))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
		policy = 0;
		nodes = true;
	} else if (flags & MPOL_F_ADDR) {
		mutex_lock(&t->mm->lock);
		v = vma_find(t->mm, a->v[3]);
		if (v && v->start > a->v[3])
			v = NULL;
		policy = v ? v->policy : 0; /* not the thread's */
		nodes = policy && (policy & ~(unsigned)MODE_FLAGS_) != MPOL_LOCAL;
		mutex_unlock(&t->mm->lock);
		if (!v)
			return -EFAULT;
	} else if (a->v[3]) {
		return -EINVAL;
	}
	if (flags & MPOL_F_NODE) {
		unsigned mode = policy & ~(unsigned)MODE_FLAGS_;

		if (!(flags & MPOL_F_ADDR) && mode != MPOL_INTERLEAVE && mode != MPOL_WEIGHTED_INTERLEAVE_)
			return -EINVAL;
		policy = 0; /* the node */
	}
	if (a->v[0] && put_u32(t, arg_uaddr(a, 0), policy) < 0)
		return -EFAULT;
	return a->v[1] ? put_nodes(t, arg_uaddr(a, 1), maxnode, nodes) : 0;
}

/* Gives [start, end) the policy; only vmas that have one of the modes in only (a mask; 0 any). -EFAULT: a hole. */
static int set_range(struct mm *mm, uint64_t start, uint64_t end, uint16_t policy)
{
	uint64_t at = start;
	int r;

	MUTEX_GUARD(&mm->lock);
	r = mm_cut(mm, start, end);
	for (struct vma *v = vma_find(mm, start); r == 0 && v && v->start < end; v = vma_next(v)) {
		if (v->start > at)
			break;
		v->policy = policy;
		v = vma_merge(mm, v);
		at = v->end;
	}
	mm_heal(mm, start, end);
	return r < 0 ? r : at < end ? -EFAULT : 0;
}

long sys_mbind(struct task *t, const struct sysargs *a)
{
	uint64_t start = a->v[0], len = mm_round_len(a->v[1]);
	bool node0, other, nodes;
	unsigned flags = arg_u32(a, 5);
	uint16_t mode;
	int r;

	if (flags & ~(unsigned)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	r = get_nodes(t, arg_uaddr(a, 3), a->v[4], &node0, &other);
	if (r < 0)
		return r;
	if ((flags & MPOL_MF_MOVE_ALL) && !capable(t->cred, CAP_SYS_NICE))
		return -EPERM;
	if (start % GUEST_PAGE_SIZE || (a->v[1] && !len) || !mm_in_range(start, len))
		return -EINVAL;
	if (!len)
		return 0;
	r = check_policy(arg_int(a, 2), node0, other, &mode, &nodes);
	return r < 0 ? r : set_range(t->mm, start, start + len, mode);
}

long sys_set_mempolicy_home_node(struct task *t, const struct sysargs *a)
{
	uint64_t start = a->v[0], len = mm_round_len(a->v[1]);
	int r = -ENOENT;

	if (start % GUEST_PAGE_SIZE || a->v[3] || a->v[2] || (a->v[1] && !len) || !mm_in_range(start, len))
		return -EINVAL;
	if (!len)
		return 0;
	MUTEX_GUARD(&t->mm->lock);
	for (struct vma *v = vma_find(t->mm, start); v && v->start < start + len; v = vma_next(v)) {
		int mode = v->policy & ~MODE_FLAGS_;

		if (!v->policy)
			continue;
		if (mode != MPOL_BIND && mode != MPOL_PREFERRED_MANY)
			return -EOPNOTSUPP;
		r = 0;
	}
	return r;
}

/* Like PTRACE_MODE_READ_REALCREDS, for the two calls below. */
static int find_target(struct task *t, int pid, struct mm **ret)
{
	_cleanup_(task_putp) struct task *o = pid ? task_find_get(task_pid_ns(t), pid) : task_get(t);

	if (!o)
		return -ESRCH;
	MUTEX_GUARD(&o->lock);
	if (o != t && !capable(t->cred, CAP_SYS_NICE) && t->cred->euid.v != o->cred->suid.v &&
	    t->cred->euid.v != o->cred->uid.v && t->cred->uid.v != o->cred->suid.v && t->cred->uid.v != o->cred->uid.v)
		return -EPERM;
	if (!o->mm)
		return -EINVAL;
	*ret = mm_get(o->mm);
	return 0;
}

long sys_migrate_pages(struct task *t, const struct sysargs *a)
{
	_cleanup_(mm_putp) struct mm *mm = NULL;
	bool old0, old_other, new0, new_other;
	int r = get_nodes(t, arg_uaddr(a, 2), a->v[1], &old0, &old_other);

	if (r == 0)
		r = get_nodes(t, arg_uaddr(a, 3), a->v[1], &new0, &new_other);
	if (r == 0)
		r = find_target(t, arg_int(a, 0), &mm);
	if (r < 0)
		return r;
	if (new_other && !capable(t->cred, CAP_SYS_NICE))
		return -EPERM;
	return new0 ? 0 : -EINVAL; /* every page is where it is to be */
}

/* The node of the page at addr, as move_pages reports it. */
static int page_status(struct mm *mm, uint64_t addr)
{
	uint64_t page = ALIGN_DOWN(addr, GUEST_PAGE_SIZE);
	uint8_t in;

	if (addr >= PT_GUEST_END || mm_mincore(mm, page, 1, &in) < 0)
		return -EFAULT;
	return in ? 0 : -ENOENT;
}

long sys_move_pages(struct task *t, const struct sysargs *a)
{
	_cleanup_(mm_putp) struct mm *mm = NULL;
	int flags = arg_int(a, 5), r;

	if (flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if ((flags & MPOL_MF_MOVE_ALL) && !capable(t->cred, CAP_SYS_NICE))
		return -EPERM;
	r = find_target(t, arg_int(a, 0), &mm);
	for (uint64_t i = 0; r == 0 && i < a->v[1]; i++) {
		uint64_t page;
		int node = 0, status;

		if (copy_in(t, &page, uaddr_add(arg_uaddr(a, 2), i * 8), sizeof(page)) < 0 ||
		    (a->v[3] && copy_in(t, &node, uaddr_add(arg_uaddr(a, 3), i * 4), sizeof(node)) < 0))
			return -EFAULT;
		if (node)
			return -ENODEV;
		status = page_status(mm, page);
		if (put_u32(t, uaddr_add(arg_uaddr(a, 4), i * 4), (uint32_t)status) < 0)
			return -EFAULT;
		if (signal_pending(t) && i + 1 < a->v[1])
			return -ERESTARTNOHAND;
	}
	return r;
}
