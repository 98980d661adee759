/* SPDX-License-Identifier: Apache-2.0 */
/* fcntl(2): who is told about a file, and what is said about it. The rest is in sys_fd.c. */
#include <fcntl.h>
#include "kernel/syscall/fcntl_owner.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/fown.h"

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif

static long set_owner(struct task *t, struct file *f, int who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	return file_set_owner(t, f, who < 0 ? F_OWNER_PGRP : F_OWNER_PID, who < 0 ? -who : who);
}

static long get_owner(struct task *t, struct file *f)
{
	int kind, nr;

	file_get_owner(t, f, &kind, &nr);
	return kind == F_OWNER_PGRP ? -nr : nr;
}

static long set_owner_ex(struct task *t, struct file *f, uaddr_t p)
{
	struct f_owner_ex ex;

	if (copy_in(t, &ex, p, sizeof(ex)) < 0)
		return -EFAULT;
	if (ex.type != F_OWNER_TID && ex.type != F_OWNER_PID && ex.type != F_OWNER_PGRP)
		return -EINVAL;
	return file_set_owner(t, f, (int)ex.type, ex.pid);
}

static long get_owner_ex(struct task *t, struct file *f, uaddr_t p)
{
	struct f_owner_ex ex;
	int kind, nr;

	file_get_owner(t, f, &kind, &nr);
	ex = (struct f_owner_ex){.type = (enum __pid_type)kind, .pid = nr};
	return copy_out(t, p, &ex, sizeof(ex));
}

static long get_owner_uids(struct task *t, struct file *f, uaddr_t p)
{
	uint32_t ids[2];

	file_owner_uids(f, ids);
	return copy_out(t, p, ids, sizeof(ids));
}

/* How long what is written will live: kept, as a file system without use for it does. */
static long rw_hint(struct task *t, struct file *f, bool set, uaddr_t p)
{
	uint64_t v = __atomic_load_n(&f->inode->rw_hint, __ATOMIC_RELAXED);

	if (!set)
		return put_u64(t, p, v);
	if (!inode_owner_or_capable(f->inode, t->cred))
		return -EPERM;
	if (copy_in(t, &v, p, sizeof(v)) < 0)
		return -EFAULT;
	if (v > RWH_WRITE_LIFE_EXTREME)
		return -EINVAL;
	__atomic_store_n(&f->inode->rw_hint, (uint8_t)v, __ATOMIC_RELAXED);
	return 0;
}

long fcntl_owner(struct task *t, struct file *f, int fd, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case F_SETOWN:
		return set_owner(t, f, (int)arg);
	case F_GETOWN:
		return get_owner(t, f);
	case F_SETOWN_EX:
		return set_owner_ex(t, f, uaddr(arg));
	case F_GETOWN_EX:
		return get_owner_ex(t, f, uaddr(arg));
	case F_GETOWNER_UIDS:
		return get_owner_uids(t, f, uaddr(arg));
	case F_GETSIG:
		return file_get_sig(f);
	case F_SETSIG:
		return arg > NSIG_GUEST ? -EINVAL : file_set_sig(f, (int)arg);
	case F_SETLEASE:
		return file_set_lease(t, f, fd, (int)arg);
	case F_GETLEASE:
		return file_get_lease(f);
	case F_NOTIFY:
		return file_dnotify(f, fd, (uint32_t)arg);
	case F_GET_RW_HINT:
	case F_SET_RW_HINT:
		return rw_hint(t, f, cmd == F_SET_RW_HINT, uaddr(arg));
	default:
		return -EINVAL;
	}
}
