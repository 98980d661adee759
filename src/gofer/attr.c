/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: SETATTR, FSYNC, extended attributes. */
#include "gofer/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

int chmod_path(struct gofer *g, int fd, mode_t mode)
{
	int r = -ENOSYS;

	if (g->can_chmod_path)
		r = (int)RET_NERRNO(syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH));
	if (r == -ENOSYS)
		g->can_chmod_path = false;
	return r;
}

static int set_mode(struct request *q, int path_fd, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	int r;

	r = chmod_path(q->g, path_fd, mode & 07777);
	if (r != -ENOSYS)
		return r;
	if (!S_ISREG(q->node->id.type) && !S_ISDIR(q->node->id.type))
		return -EOPNOTSUPP; /* opening it could have effects */
	r = node_open(&q->g->nodes, q->node, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd);
	return r < 0 ? r : RET_NERRNO(fchmod(fd, mode & 07777));
}

static int set_size(struct request *q, uint64_t size)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!S_ISREG(q->node->id.type))
		return S_ISDIR(q->node->id.type) ? -EISDIR : -EINVAL;
	if (size > INT64_MAX)
		return -EFBIG;
	r = node_open(&q->g->nodes, q->node, O_RDWR | O_NONBLOCK | O_NOCTTY, &fd);
	return r < 0 ? r : RET_NERRNO(ftruncate(fd, (off_t)size));
}

static struct timespec time_of(const struct fuse_setattr_in *in, uint32_t set, uint32_t now,
			       uint64_t sec, uint32_t nsec)
{
	if (in->valid & now)
		return (struct timespec){0, UTIME_NOW};
	if (in->valid & set)
		return (struct timespec){(time_t)sec, (long)nsec};
	return (struct timespec){0, UTIME_OMIT};
}

#define SETATTR_KNOWN                                                                              \
	(FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE | FATTR_ATIME | FATTR_MTIME |             \
	 FATTR_ATIME_NOW | FATTR_MTIME_NOW)

/* In the order that lets chown clear set-id bits before a mode is set. */
static int apply(struct request *q, int fd, const struct fuse_setattr_in *in)
{
	struct timespec ts[2];
	int r = 0;

	if (in->valid & FATTR_SIZE)
		r = set_size(q, in->size);
	if (r == 0 && (in->valid & (FATTR_UID | FATTR_GID)))
		r = RET_NERRNO(fchownat(fd, "", in->valid & FATTR_UID ? in->uid : (uid_t)-1,
					in->valid & FATTR_GID ? in->gid : (gid_t)-1,
					AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
	if (r == 0 && (in->valid & FATTR_MODE))
		r = set_mode(q, fd, in->mode);
	if (r == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW))) {
		ts[0] = time_of(in, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec);
		ts[1] = time_of(in, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec);
		r = RET_NERRNO(utimensat(fd, "", ts, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
	}
	return r;
}

int op_setattr(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *path = NULL;
	struct fuse_attr_out out = {0};
	struct fuse_setattr_in in;
	struct gstat st;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	if (!fw_done(&q->in) || (in.valid & ~(uint32_t)SETATTR_KNOWN) ||
	    in.atimensec > 999999999 || in.mtimensec > 999999999)
		return -EINVAL;
	r = node_path(&q->g->nodes, q->node, &path);
	if (r == 0)
		r = apply(q, path->fd, &in);
	if (r == 0)
		r = gofer_stat(path->fd, "", &st);
	if (r < 0)
		return r;
	out.attr = st.attr;
	fw_put(&q->out, &out, sizeof(out));
	return 0;
}

/* A real descriptor, for calls that refuse O_PATH ones. Only regular files and directories can be opened
 * without effects. */
static int open_plain(struct request *q, int *ret)
{
	if (!S_ISREG(q->node->id.type) && !S_ISDIR(q->node->id.type))
		return -EOPNOTSUPP;
	return node_open(&q->g->nodes, q->node, O_RDONLY | O_NONBLOCK | O_NOCTTY, ret);
}

int op_fsync(struct request *q)
{
	_cleanup_close_ int fd = -1;
	struct fuse_fsync_in in;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	r = open_plain(q, &fd);
	if (r < 0)
		return r;
	return RET_NERRNO(in.fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(fd) : fsync(fd));
}

int op_setxattr(struct request *q)
{
	_cleanup_close_ int fd = -1;
	struct fuse_setxattr_in in;
	const char *name;
	const void *value;
	size_t len;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	name = fw_get_str(&q->in, XATTR_NAME_MAX, &len);
	value = fw_get_bytes(&q->in, in.size);
	if (!fw_done(&q->in) || len == 0 || in.size > FW_VALUE_MAX ||
	    (in.flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)))
		return -EINVAL;
	if (!fw_xattr_ok(name))
		return -EOPNOTSUPP;
	r = open_plain(q, &fd);
	return r < 0 ? r : RET_NERRNO(fsetxattr(fd, name, value, in.size, (int)in.flags));
}

/* The reply to both readers: the size alone when size is 0, else the bytes. */
static int reply_value(struct request *q, uint32_t size, ssize_t n, const void *buf)
{
	struct fuse_getxattr_out out = {0};

	if (n < 0)
		return (int)n;
	if (size) {
		fw_put(&q->out, buf, (size_t)n);
	} else {
		out.size = (uint32_t)n;
		fw_put(&q->out, &out, sizeof(out));
	}
	return 0;
}

int op_getxattr(struct request *q)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ void *buf = NULL;
	struct fuse_getxattr_in in;
	const char *name;
	size_t len;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	name = fw_get_str(&q->in, XATTR_NAME_MAX, &len);
	if (!fw_done(&q->in) || len == 0 || in.size > FW_VALUE_MAX)
		return -EINVAL;
	if (!fw_xattr_ok(name))
		return -EOPNOTSUPP;
	r = open_plain(q, &fd);
	if (r < 0)
		return r;
	if (in.size) {
		buf = malloc(in.size);
		if (!buf)
			return -ENOMEM;
	}
	return reply_value(q, in.size, RET_NERRNO(fgetxattr(fd, name, buf, in.size)), buf);
}

int op_listxattr(struct request *q)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ void *buf = NULL;
	struct fuse_getxattr_in in;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	if (in.size > FW_VALUE_MAX)
		return -EINVAL;
	r = open_plain(q, &fd);
	if (r == -EOPNOTSUPP) /* a link or a device: it has none that we could show */
		return reply_value(q, in.size, 0, "");
	if (r < 0)
		return r;
	if (in.size) {
		buf = malloc(in.size);
		if (!buf)
			return -ENOMEM;
	}
	return reply_value(q, in.size, RET_NERRNO(flistxattr(fd, buf, in.size)), buf);
}

int op_removexattr(struct request *q)
{
	_cleanup_close_ int fd = -1;
	const char *name;
	size_t len;
	int r;

	name = fw_get_str(&q->in, XATTR_NAME_MAX, &len);
	if (!fw_done(&q->in) || len == 0)
		return -EINVAL;
	if (!fw_xattr_ok(name))
		return -EOPNOTSUPP;
	r = open_plain(q, &fd);
	return r < 0 ? r : RET_NERRNO(fremovexattr(fd, name));
}
