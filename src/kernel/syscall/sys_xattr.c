/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: set, get, list, remove by name, by link and by descriptor. */
#include <fcntl.h>
#include <limits.h>
#include <linux/xattr.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

/* The object of a call: by name (FOLLOW), by link (NOFOLLOW), by descriptor. */
enum by { BY_NAME, BY_LINK, BY_FD };

static int target(struct task *t, const struct sysargs *a, enum by by, struct path *ret)
{
	if (by == BY_FD) {
		_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));

		if (!f)
			return -EBADF;
		*ret = f->path;
		path_get(ret);
		return 0;
	}
	return user_path_at(t, AT_FDCWD, arg_uaddr(a, 0),
			    by == BY_NAME ? LOOKUP_FOLLOW : 0, ret);
}

static int attr_name(struct task *t, uaddr_t from, char name[XATTR_NAME_MAX + 1])
{
	ssize_t n = copy_in_str(t, name, from, XATTR_NAME_MAX + 1);

	if (n == -ENAMETOOLONG || n == 0)
		return -ERANGE;
	return n < 0 ? (int)n : 0;
}

static long do_set(struct task *t, const struct sysargs *a, enum by by)
{
	_cleanup_(path_put) struct path p = {0};
	_cleanup_free_ void *v = NULL;
	char name[XATTR_NAME_MAX + 1];
	size_t n = a->v[3];
	int r;

	if (arg_u32(a, 4) & ~(unsigned)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	r = attr_name(t, arg_uaddr(a, 1), name);
	if (r < 0)
		return r;
	if (n > XATTR_SIZE_MAX)
		return -E2BIG;
	v = malloc(n ? n : 1);
	if (!v)
		return -ENOMEM;
	if (n && copy_in(t, v, arg_uaddr(a, 2), n) < 0)
		return -EFAULT;
	r = target(t, a, by, &p);
	return r < 0 ? r : vfs_setxattr(&p, name, v, n, arg_int(a, 4));
}

long sys_setxattr(struct task *t, const struct sysargs *a)
{
	return do_set(t, a, BY_NAME);
}

long sys_lsetxattr(struct task *t, const struct sysargs *a)
{
	return do_set(t, a, BY_LINK);
}

long sys_fsetxattr(struct task *t, const struct sysargs *a)
{
	return do_set(t, a, BY_FD);
}

/* What both readers give: n bytes of buf. */
static long put_value(struct task *t, uaddr_t to, const void *buf, size_t cap, ssize_t n)
{
	int r;

	if (n <= 0 || !cap)
		return n;
	r = copy_out(t, to, buf, (size_t)n);
	return r < 0 ? r : n;
}

static long do_get(struct task *t, const struct sysargs *a, enum by by)
{
	_cleanup_(path_put) struct path p = {0};
	size_t cap = MIN(a->v[3], (uint64_t)XATTR_SIZE_MAX);
	_cleanup_free_ void *buf = malloc(cap ? cap : 1);
	char name[XATTR_NAME_MAX + 1];
	int r;

	if (!buf)
		return -ENOMEM;
	r = attr_name(t, arg_uaddr(a, 1), name);
	if (r == 0)
		r = target(t, a, by, &p);
	if (r < 0)
		return r;
	return put_value(t, arg_uaddr(a, 2), buf, cap, vfs_getxattr(&p, name, buf, cap));
}

long sys_getxattr(struct task *t, const struct sysargs *a)
{
	return do_get(t, a, BY_NAME);
}

long sys_lgetxattr(struct task *t, const struct sysargs *a)
{
	return do_get(t, a, BY_LINK);
}

long sys_fgetxattr(struct task *t, const struct sysargs *a)
{
	return do_get(t, a, BY_FD);
}

static long do_list(struct task *t, const struct sysargs *a, enum by by)
{
	_cleanup_(path_put) struct path p = {0};
	size_t cap = MIN(a->v[2], (uint64_t)XATTR_LIST_MAX);
	_cleanup_free_ char *buf = malloc(cap ? cap : 1);
	int r;

	if (!buf)
		return -ENOMEM;
	r = target(t, a, by, &p);
	return r < 0 ? r : put_value(t, arg_uaddr(a, 1), buf, cap, vfs_listxattr(&p, buf, cap));
}

long sys_listxattr(struct task *t, const struct sysargs *a)
{
	return do_list(t, a, BY_NAME);
}

long sys_llistxattr(struct task *t, const struct sysargs *a)
{
	return do_list(t, a, BY_LINK);
}

long sys_flistxattr(struct task *t, const struct sysargs *a)
{
	return do_list(t, a, BY_FD);
}

static long do_remove(struct task *t, const struct sysargs *a, enum by by)
{
	_cleanup_(path_put) struct path p = {0};
	char name[XATTR_NAME_MAX + 1];
	int r;

	r = attr_name(t, arg_uaddr(a, 1), name);
	if (r == 0)
		r = target(t, a, by, &p);
	return r < 0 ? r : vfs_removexattr(&p, name);
}

long sys_removexattr(struct task *t, const struct sysargs *a)
{
	return do_remove(t, a, BY_NAME);
}

long sys_lremovexattr(struct task *t, const struct sysargs *a)
{
	return do_remove(t, a, BY_LINK);
}

long sys_fremovexattr(struct task *t, const struct sysargs *a)
{
	return do_remove(t, a, BY_FD);
}
