/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked encoding and decoding of FUSE messages. */
#include "proto/fuse_wire.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include "base/cleanup.h"

static_assert(sizeof(struct fuse_in_header) == 40, "request header");
static_assert(sizeof(struct fuse_out_header) == 16, "reply header");
static_assert(sizeof(struct fuse_attr) == 88, "attributes");
static_assert(sizeof(struct fuse_entry_out) == 128, "entry");
static_assert(sizeof(struct fuse_dirent) == 24, "directory entry");

const void *fw_get_bytes(struct fw_reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

void fw_get(struct fw_reader *r, void *to, size_t n)
{
	const void *p = fw_get_bytes(r, n);

	if (p)
		memcpy(to, p, n);
	else
		memset(to, 0, n);
}

const char *fw_get_str(struct fw_reader *r, size_t max, size_t *len)
{
	const char *s = (const char *)r->p;
	const char *end = r->bad ? NULL : memchr(s, 0, MIN(r->left, max + 1));

	*len = 0;
	if (!end) {
		r->bad = true;
		return NULL;
	}
	*len = (size_t)(end - s);
	return fw_get_bytes(r, *len + 1);
}

const char *fw_get_name(struct fw_reader *r, size_t *len)
{
	const char *s = fw_get_str(r, NAME_MAX, len);

	if (!s)
		return NULL;
	if (!fw_name_ok(s, *len)) {
		r->bad = true;
		return NULL;
	}
	return s;
}

bool fw_done(const struct fw_reader *r)
{
	return !r->bad && r->left == 0;
}

bool fw_name_ok(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX || memchr(name, '/', len) || memchr(name, 0, len))
		return false;
	return !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

bool fw_xattr_ok(const char *name)
{
	return (strncmp(name, "user.", 5) == 0 && name[5]) || strcmp(name, "security.capability") == 0;
}

void *fw_put_space(struct fw_writer *w, size_t n)
{
	void *p = w->p + w->len;

	if (w->bad || n > w->cap - w->len) {
		w->bad = true;
		return NULL;
	}
	w->len += n;
	return p;
}

void fw_put(struct fw_writer *w, const void *from, size_t n)
{
	void *p = fw_put_space(w, n);

	if (p && n)
		memcpy(p, from, n);
}

void fw_put_str(struct fw_writer *w, const char *s, size_t len)
{
	char *p = fw_put_space(w, len + 1);

	if (!p)
		return;
	memcpy(p, s, len);
	p[len] = 0;
}

int fw_error(int32_t error)
{
	/* EHWPOISON is the last of Linux; the restart codes above 500 must never come from outside. */
	return error < 0 && error >= -EHWPOISON ? error : -EIO;
}

static bool type_ok(uint32_t mode)
{
	if (mode & ~(uint32_t)(S_IFMT | 07777))
		return false;
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

bool fw_attr_ok(const struct fuse_attr *a)
{
	return type_ok(a->mode) && a->size <= INT64_MAX && a->blocks <= INT64_MAX &&
	       a->atimensec < 1000000000U && a->mtimensec < 1000000000U &&
	       a->ctimensec < 1000000000U && a->blksize <= 1U << 30;
}

bool fw_entry_ok(const struct fuse_entry_out *e)
{
	return e->nodeid != 0 && fw_attr_ok(&e->attr);
}

int fw_next_direntplus(struct fw_reader *r, struct fuse_entry_out *e, struct fuse_dirent *d,
		       const char **name)
{
	size_t pad;

	if (!r->bad && r->left == 0)
		return 0;
	fw_get(r, e, sizeof(*e));
	fw_get(r, d, sizeof(*d));
	if (r->bad || d->namelen == 0 || d->namelen > NAME_MAX)
		return -EIO;
	*name = fw_get_bytes(r, d->namelen);
	pad = FUSE_REC_ALIGN(sizeof(*d) + d->namelen) - sizeof(*d) - d->namelen;
	if (!*name || !fw_get_bytes(r, pad) || d->type > 15 || d->off > INT64_MAX)
		return -EIO;
	if (memchr(*name, 0, d->namelen) || memchr(*name, '/', d->namelen))
		return -EIO;
	if (e->nodeid != 0 && (!fw_name_ok(*name, d->namelen) || !fw_entry_ok(e)))
		return -EIO;
	return 1;
}

bool fw_put_direntplus(struct fw_writer *w, const struct fuse_entry_out *e, const char *name,
		       size_t len, uint64_t ino, uint64_t off, uint32_t type)
{
	struct fuse_dirent d = {.ino = ino, .off = off, .namelen = (uint32_t)len, .type = type};
	size_t size = sizeof(*e) + FUSE_REC_ALIGN(sizeof(d) + len);

	if (w->bad || size > w->cap - w->len)
		return false;
	fw_put(w, e, sizeof(*e));
	fw_put(w, &d, sizeof(d));
	fw_put(w, name, len);
	fw_put(w, (const char[8]){0}, size - sizeof(*e) - sizeof(d) - len);
	return true;
}

void fw_attr_from_stat(struct fuse_attr *a, const struct stat *st)
{
	*a = (struct fuse_attr){
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime = (uint64_t)st->st_atim.tv_sec,
		.mtime = (uint64_t)st->st_mtim.tv_sec,
		.ctime = (uint64_t)st->st_ctim.tv_sec,
		.atimensec = (uint32_t)st->st_atim.tv_nsec,
		.mtimensec = (uint32_t)st->st_mtim.tv_nsec,
		.ctimensec = (uint32_t)st->st_ctim.tv_nsec,
		.mode = st->st_mode,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = fw_rdev(major(st->st_rdev), minor(st->st_rdev)),
		.blksize = (uint32_t)st->st_blksize,
	};
}

union fd_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int) * 4)];
};

int fw_sendv(int sock, const struct iovec *iov, unsigned n, int fd, int flags)
{
	union fd_control control = {0};
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
	ssize_t r;

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		r = RET_NERRNO(sendmsg(sock, &m, flags | MSG_NOSIGNAL));
	while (r == -EINTR);
	return r < 0 ? (int)r : 0;
}

int fw_send(int sock, const void *msg, size_t n, int fd, int flags)
{
	struct iovec iov = {(void *)(uintptr_t)msg, n};

	return fw_sendv(sock, &iov, 1, fd, flags);
}

/* Takes the first descriptor of m and closes the others. */
static int take_fd(struct msghdr *m)
{
	int got = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    c->cmsg_len < CMSG_LEN(0))
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (got < 0)
				got = fd;
			else
				close(fd);
		}
	}
	return got;
}

ssize_t fw_recvv(int sock, const struct iovec *iov, unsigned n, int *ret_fd, int flags)
{
	union fd_control control;
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
	ssize_t r;

	if (ret_fd) {
		*ret_fd = -1;
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
	}
	r = RET_NERRNO(recvmsg(sock, &m, flags | MSG_CMSG_CLOEXEC));
	if (r < 0)
		return r;
	if (ret_fd)
		*ret_fd = take_fd(&m);
	if (ret_fd && *ret_fd < 0 && (m.msg_flags & MSG_CTRUNC))
		*ret_fd = -ENFILE;
	if (m.msg_flags & MSG_TRUNC) {
		if (ret_fd && *ret_fd >= 0)
			close(TAKE_FD(*ret_fd));
		return -EMSGSIZE;
	}
	return r;
}

ssize_t fw_recv(int sock, void *msg, size_t cap, int *ret_fd, int flags)
{
	struct iovec iov = {msg, cap};

	return fw_recvv(sock, &iov, 1, ret_fd, flags);
}
