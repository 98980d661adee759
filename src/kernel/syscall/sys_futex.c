/* SPDX-License-Identifier: Apache-2.0 */
/* futex, set_robust_list, get_robust_list. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/futex.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

#define ROBUST_HEAD_SIZE 24

static int get_deadline(struct task *t, uaddr_t p, int cmd, bool realtime, uint64_t *ret)
{
	uint64_t ns;
	int r, clock = realtime || cmd == FUTEX_LOCK_PI ? CLOCK_REALTIME : CLOCK_MONOTONIC;

	*ret = TIME_FOREVER;
	if (uaddr_null(p))
		return 0;
	r = copy_in_timespec(t, p, &ns);
	if (r < 0 || ns == TIME_FOREVER)
		return r;
	return guest_clock_deadline(clock, ns, cmd != FUTEX_WAIT, ret);
}

static long wait_restart(struct task *t, struct restart_block *rb)
{
	long r = futex_wait(t, rb->futex.addr, rb->futex.flags & FUTEX_PRIVATE_FLAG, rb->futex.val,
			    rb->futex.bitset, rb->futex.deadline);

	if (r == -ERESTARTSYS) {
		rb->fn = wait_restart;
		r = -ERESTART_RESTARTBLOCK;
	}
	return r;
}

static long do_futex_wait(struct task *t, const struct sysargs *a, int cmd, uint32_t bitset)
{
	unsigned op = arg_u32(a, 1);
	uint64_t deadline;
	long r = get_deadline(t, arg_uaddr(a, 3), cmd, op & FUTEX_CLOCK_REALTIME, &deadline);

	if (r < 0)
		return r;
	r = futex_wait(t, a->v[0], op & FUTEX_PRIVATE_FLAG, arg_u32(a, 2), bitset, deadline);
	if (r != -ERESTARTSYS || deadline == TIME_FOREVER)
		return r;
	t->restart.futex.addr = a->v[0];
	t->restart.futex.val = arg_u32(a, 2);
	t->restart.futex.bitset = bitset;
	t->restart.futex.flags = op;
	t->restart.futex.deadline = deadline;
	t->restart.fn = wait_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long do_pi(struct task *t, const struct sysargs *a, int cmd)
{
	bool priv = arg_u32(a, 1) & FUTEX_PRIVATE_FLAG;
	uint64_t deadline;
	long r = get_deadline(t, arg_uaddr(a, 3), cmd, arg_u32(a, 1) & FUTEX_CLOCK_REALTIME, &deadline);

	if (r < 0)
		return r;
	if (cmd == FUTEX_WAIT_REQUEUE_PI)
		return futex_wait_requeue_pi(t, a->v[0], priv, arg_u32(a, 2), FUTEX_BITSET_MATCH_ANY, deadline, a->v[4]);
	return futex_lock_pi(t, a->v[0], priv, deadline, false);
}

long sys_futex(struct task *t, const struct sysargs *a)
{
	unsigned op = arg_u32(a, 1);
	int cmd = (int)(op & (unsigned)FUTEX_CMD_MASK);
	bool priv = op & FUTEX_PRIVATE_FLAG;
	struct futex_requeue_args q = {.addr = a->v[0], .addr2 = a->v[4], .priv = priv, .priv2 = priv,
				       .val = arg_u32(a, 5), .nwake = arg_int(a, 2),
				       .nmove = (int)a->v[3]};

	if ((op & FUTEX_CLOCK_REALTIME) && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT_REQUEUE_PI &&
	    cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
		return do_futex_wait(t, a, cmd, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return do_futex_wait(t, a, cmd, arg_u32(a, 5));
	case FUTEX_WAKE:
		return futex_wake(t, a->v[0], priv, arg_int(a, 2), FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(t, a->v[0], priv, arg_int(a, 2), arg_u32(a, 5));
	case FUTEX_REQUEUE:
		return futex_requeue(t, &q);
	case FUTEX_CMP_REQUEUE:
		q.compare = true;
		return futex_requeue(t, &q);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(t, &q);
	case FUTEX_WAKE_OP:
		return futex_wake_op(t, &q, arg_u32(a, 5));
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI:
		return do_pi(t, a, cmd);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(t, a->v[0], priv, 0, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(t, a->v[0], priv);
	}
	return -ENOSYS;
}

/* --- the calls of Linux 5.16 and 6.7 --- */

#define FUTEX2_SIZE_U32_ 2U
#define FUTEX2_PRIVATE_ 128U
#define WAITV_MAX 128U

struct waitv { /* struct futex_waitv */
	uint64_t val, addr;
	uint32_t flags, reserved;
};

/* Words of 32 bits, and no NUMA variant. */
static bool valid_flags(uint64_t flags)
{
	return (flags & ~(uint64_t)FUTEX2_PRIVATE_) == FUTEX2_SIZE_U32_;
}

static int get_deadline2(struct task *t, uaddr_t p, int clock, uint64_t *ret)
{
	*ret = TIME_FOREVER;
	if (uaddr_null(p))
		return 0;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	return get_deadline(t, p, FUTEX_WAIT_BITSET, clock == CLOCK_REALTIME, ret);
}

static int get_waitv(struct task *t, uaddr_t from, unsigned n, struct futex_wait_entry *e)
{
	struct waitv v;

	for (unsigned i = 0; i < n; i++) {
		if (copy_in(t, &v, uaddr_add(from, i * sizeof(v)), sizeof(v)) < 0)
			return -EFAULT;
		if (!valid_flags(v.flags) || v.reserved || v.val > UINT32_MAX)
			return -EINVAL;
		e[i] = (struct futex_wait_entry){v.addr, (uint32_t)v.val, v.flags & FUTEX2_PRIVATE_};
	}
	return 0;
}

long sys_futex_waitv(struct task *t, const struct sysargs *a)
{
	struct futex_wait_entry e[WAITV_MAX];
	unsigned n = arg_u32(a, 1);
	uint64_t deadline;
	int r;

	if (arg_u32(a, 2) || !n || n > WAITV_MAX || !a->v[0])
		return -EINVAL;
	r = get_deadline2(t, arg_uaddr(a, 3), arg_int(a, 4), &deadline);
	if (r == 0)
		r = get_waitv(t, arg_uaddr(a, 0), n, e);
	return r < 0 ? r : futex_wait_many(t, e, n, deadline);
}

long sys_futex_wake(struct task *t, const struct sysargs *a)
{
	int n = arg_int(a, 2);

	if (!valid_flags(arg_u32(a, 3)) || a->v[1] > UINT32_MAX || !a->v[1])
		return -EINVAL;
	if (!n)
		return a->v[0] & 3 ? -EINVAL : 0;
	return futex_wake(t, a->v[0], arg_u32(a, 3) & FUTEX2_PRIVATE_, n, arg_u32(a, 1));
}

long sys_futex_wait(struct task *t, const struct sysargs *a)
{
	uint64_t deadline;
	int r;

	if (!valid_flags(arg_u32(a, 3)) || a->v[1] > UINT32_MAX || a->v[2] > UINT32_MAX || !a->v[2])
		return -EINVAL;
	r = get_deadline2(t, arg_uaddr(a, 4), arg_int(a, 5), &deadline);
	if (r < 0)
		return r;
	return futex_wait(t, a->v[0], arg_u32(a, 3) & FUTEX2_PRIVATE_, arg_u32(a, 1), arg_u32(a, 2), deadline);
}

long sys_futex_requeue(struct task *t, const struct sysargs *a)
{
	struct futex_wait_entry e[2];
	struct futex_requeue_args q;
	int r;

	if (arg_u32(a, 1) || !a->v[0])
		return -EINVAL;
	r = get_waitv(t, arg_uaddr(a, 0), 2, e);
	if (r < 0)
		return r;
	q = (struct futex_requeue_args){.addr = e[0].addr, .addr2 = e[1].addr, .priv = e[0].priv, .priv2 = e[1].priv,
					.compare = true, .val = e[0].val, .nwake = arg_int(a, 2), .nmove = arg_int(a, 3)};
	return futex_requeue(t, &q);
}

long sys_set_robust_list(struct task *t, const struct sysargs *a)
{
	if (a->v[1] != ROBUST_HEAD_SIZE)
		return -EINVAL;
	t->robust_list = a->v[0];
	t->robust_len = a->v[1];
	return 0;
}

long sys_get_robust_list(struct task *t, const struct sysargs *a)
{
	int nr = arg_int(a, 0);
	struct task *x = nr ? task_find_get(task_pid_ns(t), nr) : task_get(t);
	uint64_t head;

	if (!x)
		return -ESRCH;
	if (x->tg != t->tg && x->cred->uid.v != t->cred->euid.v &&
	    !capable(t->cred, CAP_SYS_PTRACE)) {
		task_put(x);
		return -EPERM;
	}
	head = x->robust_list;
	task_put(x);
	if (put_u64(t, arg_uaddr(a, 2), ROBUST_HEAD_SIZE) < 0)
		return -EFAULT;
	return put_u64(t, arg_uaddr(a, 1), head);
}
