/* SPDX-License-Identifier: Apache-2.0 */
/* open, openat, openat2, creat, close, close_range. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define GUEST_O_LARGEFILE 0100000U
#define OPEN_KNOWN                                                                                 \
	((uint32_t)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |      \
		    O_SYNC | O_ASYNC | O_DIRECT | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | \
		    O_PATH | O_TMPFILE) |                                                          \
	 GUEST_O_LARGEFILE)

static long do_open(struct task *t, int dfd, uaddr_t uname, uint32_t flags, mode_t mode,
		    unsigned lookup)
{
	_cleanup_free_ char *name = NULL;
	struct file *f;
	int r;

	r = copy_in_path(t, uname, &name);
	if (r < 0)
		return r;
	/* Before a file is made for nothing. */
	r = fd_room(t);
	if (r < 0)
		return r;
	r = file_open_at(t, dfd, name, flags, mode, lookup, &f);
	if (r < 0)
		return r;
	return fd_install(t, f, 0, flags & O_CLOEXEC);
}

long sys_open(struct task *t, const struct sysargs *a)
{
	return do_open(t, AT_FDCWD, arg_uaddr(a, 0), arg_u32(a, 1) & OPEN_KNOWN, arg_u32(a, 2), 0);
}

long sys_openat(struct task *t, const struct sysargs *a)
{
	return do_open(t, arg_int(a, 0), arg_uaddr(a, 1), arg_u32(a, 2) & OPEN_KNOWN, arg_u32(a, 3),
		       0);
}

long sys_creat(struct task *t, const struct sysargs *a)
{
	return do_open(t, AT_FDCWD, arg_uaddr(a, 0), O_CREAT | O_WRONLY | O_TRUNC, arg_u32(a, 1), 0);
}

static int resolve_flags(uint64_t resolve, unsigned *ret)
{
	static const struct {
		uint64_t resolve;
		unsigned lookup;
	} map[] = {
		{RESOLVE_NO_XDEV, LOOKUP_NO_XDEV},
		{RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGICLINKS},
		{RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGICLINKS},
		{RESOLVE_BENEATH, LOOKUP_BENEATH},
		{RESOLVE_IN_ROOT, LOOKUP_IN_ROOT},
	};

	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		if (resolve & map[i].resolve)
			*ret |= map[i].lookup;
		resolve &= ~map[i].resolve;
	}
	if ((*ret & LOOKUP_BENEATH) && (*ret & LOOKUP_IN_ROOT))
		return -EINVAL;
	if (resolve & ~(uint64_t)RESOLVE_CACHED)
		return -EINVAL;
	return resolve ? -EAGAIN : 0; /* nothing is promised to be cached */
}

long sys_openat2(struct task *t, const struct sysargs *a)
{
	struct open_how how;
	unsigned lookup;
	uint32_t flags;
	int r;

	if (a->v[3] < sizeof(how))
		return -EINVAL;
	if (a->v[3] > GUEST_PAGE_SIZE)
		return -E2BIG;
	r = copy_in_struct(t, &how, sizeof(how), arg_uaddr(a, 2), a->v[3]);
	if (r < 0)
		return r;
	/* Unlike open(2), nothing unknown is ignored. */
	if ((how.flags & ~(uint64_t)OPEN_KNOWN) || (how.mode & ~(uint64_t)07777))
		return -EINVAL;
	flags = (uint32_t)how.flags;
	if (how.mode && !(flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		return -EINVAL;
	if ((flags & O_PATH) &&
	    (flags & ~(uint32_t)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)))
		return -EINVAL;
	r = resolve_flags(how.resolve, &lookup);
	if (r < 0)
		return r;
	return do_open(t, arg_int(a, 0), arg_uaddr(a, 1), flags, (mode_t)how.mode, lookup);
}

long sys_close(struct task *t, const struct sysargs *a)
{
	int r = fd_close(t, arg_int(a, 0));

	/* The descriptor is gone: the call cannot be made again. */
	return r == -ERESTARTSYS || r == -ERESTARTNOINTR || r == -ERESTARTNOHAND ? -EINTR : r;
}

/* CLOSE_RANGE_UNSHARE: a table of t's own first. */
static int unshare_files(struct task *t)
{
	struct files *old = t->files, *copy;
	int r;

	r = files_copy(old, &copy);
	if (r < 0)
		return r;
	mutex_lock(&t->lock);
	t->files = copy;
	mutex_unlock(&t->lock);
	files_put(old);
	return 0;
}

long sys_close_range(struct task *t, const struct sysargs *a)
{
	unsigned first = arg_u32(a, 0), last = arg_u32(a, 1), flags = arg_u32(a, 2);
	int fd, r;

	if ((flags & ~(unsigned)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		r = unshare_files(t);
		if (r < 0)
			return r;
	}
	if (first > INT32_MAX)
		return 0;
	for (fd = (int)first; (fd = files_next(t->files, fd)) >= 0 && (unsigned)fd <= last; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			(void)fd_set_cloexec(t, fd, true);
		else
			(void)fd_close(t, fd);
		if (fd == INT32_MAX)
			break;
	}
	return 0;
}
