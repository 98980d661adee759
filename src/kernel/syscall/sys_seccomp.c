/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp(2), and the entry hook that runs the filters. */
#include "kernel/task/seccomp.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include "kernel/syscall/prctl.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"
#include "platform/platform.h"

#define FLAGS                                                                                      \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |    \
	 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |                      \
	 SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

struct guest_fprog { /* struct sock_fprog */
	uint16_t len;
	uint64_t filter;
};

static int check_flags(unsigned flags)
{
	if (flags & ~(unsigned)FLAGS)
		return -EINVAL;
	/* Both would answer with a positive number. */
	if ((flags & SECCOMP_FILTER_FLAG_TSYNC) && (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) &&
	    !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if ((flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return -EINVAL;
	return 0;
}

/* The program at from, copied and checked. */
static int read_filter(struct task *t, uaddr_t from, struct seccomp_filter **ret)
{
	_cleanup_free_ struct sock_filter *p = NULL;
	struct guest_fprog g;
	int r = copy_in(t, &g, from, sizeof(g));

	if (r < 0)
		return r;
	if (g.len == 0 || g.len > BPF_MAXINSNS)
		return -EINVAL;
	if (!__atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED) &&
	    !ns_capable(t->cred, t->cred->user_ns, CAP_SYS_ADMIN))
		return -EACCES;
	p = malloc(g.len * sizeof(*p));
	if (!p)
		return -ENOMEM;
	r = copy_in(t, p, uaddr(g.filter), g.len * sizeof(*p));
	return r < 0 ? r : seccomp_filter_new(t->ct, p, g.len, ret);
}

/* A listener for f with a number of t's; the number, or -errno. */
static int open_listener(struct task *t, struct seccomp_filter *f)
{
	struct file *file;
	int r = fd_room(t);

	if (r < 0)
		return r;
	r = seccomp_listener_new(f, &file);
	if (r < 0)
		return r;
	return fd_install(t, file, 0, true);
}

static long set_filter(struct task *t, unsigned flags, uaddr_t from)
{
	struct seccomp_filter *f = NULL;
	int fd = -1;
	long r = check_flags(flags);

	if (r == 0)
		r = read_filter(t, from, &f);
	if (r < 0)
		return r;
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		r = fd = open_listener(t, f);
	if (r >= 0)
		r = seccomp_attach(t, f, flags);
	if (r == 0)
		return fd >= 0 ? fd : 0;
	if (fd >= 0)
		(void)!fd_close(t, fd);
	seccomp_filter_put(f);
	return r;
}

static long action_avail(struct task *t, uaddr_t from)
{
	uint32_t a;
	int r = copy_in(t, &a, from, sizeof(a));

	if (r < 0)
		return r;
	switch (a) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	}
	return -EOPNOTSUPP;
}

static long notif_sizes(struct task *t, uaddr_t to)
{
	const struct seccomp_notif_sizes s = {sizeof(struct seccomp_notif), sizeof(struct seccomp_notif_resp),
					      sizeof(struct seccomp_data)};

	return copy_out(t, to, &s, sizeof(s));
}

long sys_seccomp(struct task *t, const struct sysargs *a)
{
	unsigned flags = arg_u32(a, 1);
	uaddr_t p = arg_uaddr(a, 2);

	switch (arg_u32(a, 0)) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || a->v[2] ? -EINVAL : seccomp_set_strict(t);
	case SECCOMP_SET_MODE_FILTER:
		return set_filter(t, flags, p);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_avail(t, p);
	case SECCOMP_GET_NOTIF_SIZES:
		return flags ? -EINVAL : notif_sizes(t, p);
	}
	return -EINVAL;
}

long prctl_set_seccomp(struct task *t, uint64_t mode, uint64_t filter)
{
	switch (mode) {
	case SECCOMP_MODE_STRICT:
		return seccomp_set_strict(t);
	case SECCOMP_MODE_FILTER:
		return set_filter(t, 0, uaddr(filter));
	}
	return -EINVAL;
}

const struct entry_hook seccomp_hook = {"seccomp", seccomp_enter, NULL};
