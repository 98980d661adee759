/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: names, states, options. Messages: sys_sendrecv.c. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/net/netlink.h"
#include "kernel/syscall/sockaddr.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

int get_sockaddr(struct task *t, uaddr_t p, int n, struct sockaddr_storage *a)
{
	memset(a, 0, sizeof(*a));
	if (n < 0 || (size_t)n > sizeof(*a))
		return -EINVAL;
	return n ? copy_in(t, a, p, (size_t)n) : 0;
}

int put_sockaddr(struct task *t, uaddr_t p, uaddr_t np, const struct sockaddr_storage *a, socklen_t n)
{
	int32_t cap;
	int r;

	if (uaddr_null(p))
		return 0;
	r = copy_in(t, &cap, np, sizeof(cap));
	if (r == 0 && cap < 0)
		r = -EINVAL;
	if (r == 0)
		r = copy_out(t, p, a, MIN((size_t)cap, (size_t)n));
	return r < 0 ? r : put_u32(t, np, n);
}

int sock_get(struct task *t, int fd, struct file **ret_f, struct socket **ret)
{
	*ret_f = fd_get(t, fd);
	if (!*ret_f)
		return -EBADF;
	*ret = file_socket(*ret_f);
	return *ret ? 0 : -ENOTSOCK;
}

static void sock_drop(struct socket *s)
{
	s->ops->release(s);
	free(s);
}

/* A descriptor for s, which is taken over in every case. */
static int sock_install(struct task *t, struct socket *s, int type)
{
	struct file *f;
	int r = socket_file_new(s, (uint32_t)type & SOCK_NONBLOCK, &f); /* SOCK_NONBLOCK is O_NONBLOCK */

	if (r < 0) {
		sock_drop(s);
		return r;
	}
	return fd_install(t, f, 0, type & SOCK_CLOEXEC);
}

static int unix_kind(int kind, int proto, struct socket **ret)
{
	if (proto && proto != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind == SOCK_RAW)
		kind = SOCK_DGRAM;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return unix_create(kind, ret);
}

static int sock_create(int family, int type, int proto, struct socket **ret)
{
	int kind = type & 15;

	if (type & ~(15 | SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (kind > SOCK_PACKET)
		return -EINVAL;
	switch (family) {
	case AF_INET:
	case AF_INET6:
	case AF_NETLINK:
		/* A network namespace that the guest made has none of the pod's interfaces, and no protocols of its own. */
		if (current->nsproxy->net != &init_net_ns)
			return -EAFNOSUPPORT;
	}
	switch (family) {
	case AF_UNIX:
		return unix_kind(kind, proto, ret);
	case AF_INET:
	case AF_INET6:
		return inet_create(family, kind, proto, ret);
	case AF_NETLINK:
		return netlink_create(kind, proto, ret);
	case AF_PACKET:
		return capable(current->cred, CAP_NET_RAW) ? -EAFNOSUPPORT : -EPERM;
	}
	return -EAFNOSUPPORT;
}

long sys_socket(struct task *t, const struct sysargs *a)
{
	struct socket *s;
	int r = sock_create(arg_int(a, 0), arg_int(a, 1), arg_int(a, 2), &s);

	return r < 0 ? r : sock_install(t, s, arg_int(a, 1));
}

long sys_socketpair(struct task *t, const struct sysargs *a)
{
	struct socket *x, *y;
	int fds[2], type = arg_int(a, 1);
	int r = sock_create(arg_int(a, 0), type, arg_int(a, 2), &x);

	if (r < 0)
		return r;
	if (x->ops->family != AF_UNIX) {
		sock_drop(x);
		return -EOPNOTSUPP;
	}
	r = sock_create(arg_int(a, 0), type, arg_int(a, 2), &y);
	if (r < 0) {
		sock_drop(x);
		return r;
	}
	unix_pair(x, y);
	fds[0] = sock_install(t, x, type);
	if (fds[0] < 0) {
		sock_drop(y);
		return fds[0];
	}
	fds[1] = sock_install(t, y, type);
	r = fds[1] < 0 ? fds[1] : copy_out(t, arg_uaddr(a, 3), fds, sizeof(fds));
	if (r < 0) {
		(void)fd_close(t, fds[0]);
		if (fds[1] >= 0)
			(void)fd_close(t, fds[1]);
	}
	return r;
}

long sys_bind(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct sockaddr_storage ss;
	struct socket *s;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r == 0)
		r = get_sockaddr(t, arg_uaddr(a, 1), arg_int(a, 2), &ss);
	return r < 0 ? r : s->ops->bind(s, &ss, (socklen_t)arg_int(a, 2));
}

long sys_connect(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct sockaddr_storage ss;
	struct socket *s;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r == 0)
		r = get_sockaddr(t, arg_uaddr(a, 1), arg_int(a, 2), &ss);
	return r < 0 ? r :
		       s->ops->connect(s, &ss, (socklen_t)arg_int(a, 2), f->flags & O_NONBLOCK);
}

long sys_listen(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct socket *s;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	return r < 0 ? r : s->ops->listen(s, arg_int(a, 1));
}

static long do_accept(struct task *t, const struct sysargs *a, int flags)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct sockaddr_storage ss = {0};
	struct socket *s, *n;
	socklen_t len = 0;
	int r = sock_get(t, arg_int(a, 0), &f, &s), fd;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (r == 0)
		r = fd_room(t);
	if (r == 0)
		r = s->ops->accept(s, f->flags & O_NONBLOCK, &n, &ss, &len);
	if (r < 0)
		return r;
	fd = sock_install(t, n, flags);
	if (fd < 0)
		return fd;
	r = put_sockaddr(t, arg_uaddr(a, 1), arg_uaddr(a, 2), &ss, len);
	if (r < 0)
		(void)fd_close(t, fd);
	return r < 0 ? r : fd;
}

long sys_accept(struct task *t, const struct sysargs *a)
{
	return do_accept(t, a, 0);
}

long sys_accept4(struct task *t, const struct sysargs *a)
{
	return do_accept(t, a, arg_int(a, 3));
}

static long do_name(struct task *t, const struct sysargs *a, bool peer)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct sockaddr_storage ss = {0};
	struct socket *s;
	socklen_t len = 0;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r == 0)
		r = s->ops->getname(s, peer, &ss, &len);
	if (r == 0 && !a->v[1])
		r = -EFAULT;
	return r < 0 ? r : put_sockaddr(t, arg_uaddr(a, 1), arg_uaddr(a, 2), &ss, len);
}

long sys_getsockname(struct task *t, const struct sysargs *a)
{
	return do_name(t, a, false);
}

long sys_getpeername(struct task *t, const struct sysargs *a)
{
	return do_name(t, a, true);
}

long sys_shutdown(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct socket *s;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r < 0)
		return r;
	return arg_u32(a, 1) > SHUT_RDWR ? -EINVAL : s->ops->shutdown(s, arg_int(a, 1));
}

long sys_getsockopt(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	uint8_t v[SOCK_MAX_OPT] = {0};
	struct socket *s;
	int32_t cap;
	socklen_t n;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r == 0)
		r = copy_in(t, &cap, arg_uaddr(a, 4), sizeof(cap));
	if (r < 0)
		return r;
	if (cap < 0)
		return -EINVAL;
	n = (socklen_t)MIN((size_t)cap, sizeof(v));
	r = s->ops->getopt(s, arg_int(a, 1), arg_int(a, 2), v, &n);
	if (r == 0)
		r = copy_out(t, arg_uaddr(a, 3), v, MIN((size_t)n, (size_t)cap));
	return r < 0 ? r : put_u32(t, arg_uaddr(a, 4), n);
}

long sys_setsockopt(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	uint8_t v[SOCK_MAX_OPT] = {0};
	struct socket *s;
	int n = arg_int(a, 4), r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r < 0)
		return r;
	if (n < 0)
		return -EINVAL;
	n = MIN(n, (int)sizeof(v));
	r = n ? copy_in(t, v, arg_uaddr(a, 3), (size_t)n) : 0;
	return r < 0 ? r : s->ops->setopt(s, arg_int(a, 1), arg_int(a, 2), v, (socklen_t)n);
}
