/* SPDX-License-Identifier: Apache-2.0 */
/* futex, set_robust_list, get_robust_list. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/time_types.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/futex.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

#define ROBUST_HEAD_SIZE 24

static int get_deadline(struct task *t, uaddr_t p, int cmd, bool realtime, uint64_t *ret)
{
	struct __kernel_timespec ts;
	int r, clock = realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC;

	*ret = TIME_FOREVER;
	if (uaddr_null(p))
		return 0;
	r = copy_in(t, &ts, p, sizeof(ts));
	if (r < 0)
		return r;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= (long long)NSEC_PER_SEC)
		return -EINVAL;
	if (ts.tv_sec > 9000000000LL)
		return 0;
	return guest_clock_deadline(clock,
				    (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec,
				    cmd != FUTEX_WAIT, ret);
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

long sys_futex(struct task *t, const struct sysargs *a)
{
	unsigned op = arg_u32(a, 1);
	int cmd = (int)(op & (unsigned)FUTEX_CMD_MASK);
	bool priv = op & FUTEX_PRIVATE_FLAG;
	struct futex_requeue_args q = {.addr = a->v[0], .addr2 = a->v[4], .priv = priv,
				       .val = arg_u32(a, 5), .nwake = arg_int(a, 2),
				       .nmove = (int)a->v[3]};

	if ((op & FUTEX_CLOCK_REALTIME) && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT)
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
	case FUTEX_WAKE_OP:
		return futex_wake_op(t, &q, arg_u32(a, 5));
	}
	return -ENOSYS;
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
