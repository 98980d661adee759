/* SPDX-License-Identifier: Apache-2.0 */
/* System V shared memory, semaphores and message queues: the calls' ABI edge. */
#include <errno.h>
#include <stdlib.h>
#include <sys/sem.h>
#include "kernel/ipc/ipc.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "kernel/usercopy.h"

long sys_shmget(struct task *t, const struct sysargs *a)
{
	return shm_get(t, arg_u32(a, 0), a->v[1], arg_int(a, 2));
}

long sys_shmat(struct task *t, const struct sysargs *a)
{
	return shm_attach(t, arg_int(a, 0), a->v[1], arg_int(a, 2));
}

long sys_shmdt(struct task *t, const struct sysargs *a)
{
	return shm_detach(t, a->v[0]);
}

long sys_shmctl(struct task *t, const struct sysargs *a)
{
	return shm_control(t, arg_int(a, 0), arg_int(a, 1), arg_uaddr(a, 2));
}

long sys_semget(struct task *t, const struct sysargs *a)
{
	return sem_get(t, arg_u32(a, 0), arg_int(a, 1), arg_int(a, 2));
}

static long do_semop(struct task *t, const struct sysargs *a, uint64_t deadline)
{
	_cleanup_free_ struct sembuf *sops = NULL;
	unsigned n = arg_u32(a, 2);

	if (n < 1 || arg_int(a, 0) < 0)
		return -EINVAL;
	if (n > (unsigned)__atomic_load_n(&ipc_ns_of(t)->semopm, __ATOMIC_RELAXED))
		return -E2BIG;
	sops = calloc(n, sizeof(*sops));
	if (!sops)
		return -ENOMEM;
	if (copy_in(t, sops, arg_uaddr(a, 1), n * sizeof(*sops)) < 0)
		return -EFAULT;
	return sem_operate(t, arg_int(a, 0), sops, n, deadline);
}

long sys_semop(struct task *t, const struct sysargs *a)
{
	return do_semop(t, a, TIME_FOREVER);
}

long sys_semtimedop(struct task *t, const struct sysargs *a)
{
	uint64_t deadline;
	int r = copy_in_deadline(t, arg_uaddr(a, 3), &deadline);

	return r < 0 ? r : do_semop(t, a, deadline);
}

long sys_semctl(struct task *t, const struct sysargs *a)
{
	return sem_control(t, arg_int(a, 0), arg_int(a, 1), arg_int(a, 2), a->v[3]);
}

long sys_msgget(struct task *t, const struct sysargs *a)
{
	return msg_get(t, arg_u32(a, 0), arg_int(a, 1));
}

long sys_msgsnd(struct task *t, const struct sysargs *a)
{
	return msg_send(t, arg_int(a, 0), arg_uaddr(a, 1), a->v[2], arg_int(a, 3));
}

long sys_msgrcv(struct task *t, const struct sysargs *a)
{
	return msg_receive(t, arg_int(a, 0), arg_uaddr(a, 1), a->v[2], (long)a->v[3], arg_int(a, 4));
}

long sys_msgctl(struct task *t, const struct sysargs *a)
{
	return msg_control(t, arg_int(a, 0), arg_int(a, 1), arg_uaddr(a, 2));
}
