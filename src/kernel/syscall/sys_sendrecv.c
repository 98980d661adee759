/* SPDX-License-Identifier: Apache-2.0 */
/* sendto, recvfrom, sendmsg, recvmsg, with SCM_RIGHTS and SCM_CREDENTIALS. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/syscall/sockaddr.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

struct guest_msghdr {
	uint64_t name;
	int32_t namelen, pad;
	uint64_t iov, iovlen, control, controllen;
	int32_t flags, pad2;
};
static_assert(sizeof(struct guest_msghdr) == sizeof(struct msghdr), "x86-64 msghdr");

static void drop_files(struct sock_msg *m)
{
	while (m->nfiles)
		file_put(m->files[--m->nfiles]);
}

static void msg_free(struct sock_msg **m)
{
	if (*m)
		drop_files(*m);
	free(*m);
}

static long do_send(struct task *t, struct socket *s, struct file *f, struct sock_msg *m)
{
	long r = s->ops->send(s, m, (f->flags & O_NONBLOCK) || (m->flags & MSG_DONTWAIT));

	if (r == -EPIPE && !(m->flags & MSG_NOSIGNAL))
		(void)send_signal_task(t, SIGPIPE, NULL);
	return r;
}

long sys_sendto(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(msg_free) struct sock_msg *m = calloc(1, sizeof(*m));
	struct socket *s;
	struct uio u;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (!m)
		return -ENOMEM;
	if (r == 0 && a->v[4])
		r = get_sockaddr(t, arg_uaddr(a, 4), arg_int(a, 5), &m->addr);
	if (r < 0)
		return r;
	m->addrlen = a->v[4] ? (socklen_t)arg_int(a, 5) : 0;
	uio_init_user(&u, t, arg_uaddr(a, 1), MIN(a->v[2], (uint64_t)MAX_RW_COUNT));
	m->u = &u;
	m->flags = arg_int(a, 3);
	return do_send(t, s, f, m);
}

long sys_recvfrom(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(msg_free) struct sock_msg *m = calloc(1, sizeof(*m));
	struct socket *s;
	struct uio u;
	long n;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (!m)
		return -ENOMEM;
	if (r < 0)
		return r;
	uio_init_user(&u, t, arg_uaddr(a, 1), MIN(a->v[2], (uint64_t)MAX_RW_COUNT));
	m->u = &u;
	m->flags = arg_int(a, 3);
	n = s->ops->recv(s, m, (f->flags & O_NONBLOCK) || (m->flags & MSG_DONTWAIT));
	if (n >= 0)
		r = put_sockaddr(t, arg_uaddr(a, 4), arg_uaddr(a, 5), &m->addr, m->addrlen);
	return r < 0 ? r : n;
}

static int take_rights(struct task *t, struct sock_msg *m, const uint8_t *p, size_t n)
{
	if (n % 4 || n / 4 > SOCK_MAX_FDS - m->nfiles)
		return -EINVAL;
	for (; n; n -= 4, p += 4) {
		struct file *f;
		int fd;

		memcpy(&fd, p, 4);
		f = fd_get_path(t, fd);
		if (!f)
			return -EBADF;
		m->files[m->nfiles++] = f;
	}
	return 0;
}

static int take_cred(struct task *t, struct sock_msg *m, const uint8_t *p, size_t n)
{
	const struct cred *c = t->cred;
	struct ucred u;

	if (n != sizeof(u))
		return -EINVAL;
	memcpy(&u, p, sizeof(u));
	u.uid = make_kuid(c->user_ns, u.uid).v; /* kept as the kernel's numbers */
	u.gid = make_kgid(c->user_ns, u.gid).v;
	if (u.uid == ID_NONE || u.gid == ID_NONE)
		return -EINVAL;
	if ((u.pid != task_tgid_nr(t, t) && !own_capable(c, CAP_SYS_ADMIN)) ||
	    (u.uid != c->uid.v && u.uid != c->euid.v && u.uid != c->suid.v &&
	     !own_capable(c, CAP_SETUID)) ||
	    (u.gid != c->gid.v && u.gid != c->egid.v && u.gid != c->sgid.v &&
	     !own_capable(c, CAP_SETGID)))
		return -EPERM;
	m->cred = u;
	m->has_cred = true;
	return 0;
}

static int parse_control(struct task *t, struct sock_msg *m, uint64_t at, uint64_t n)
{
	_cleanup_free_ uint8_t *b = NULL;
	size_t off = 0;
	int r;

	if (!n)
		return 0;
	if (n > 20480)
		return -ENOBUFS;
	b = malloc(n);
	if (!b)
		return -ENOMEM;
	r = copy_in(t, b, uaddr(at), n);
	while (r == 0 && n - off >= sizeof(struct cmsghdr)) {
		struct cmsghdr h;

		memcpy(&h, b + off, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > n - off)
			return -EINVAL;
		if (h.cmsg_level == SOL_SOCKET) {
			const uint8_t *p = b + off + sizeof(h);
			size_t k = h.cmsg_len - sizeof(h);

			r = h.cmsg_type == SCM_RIGHTS	   ? take_rights(t, m, p, k) :
			    h.cmsg_type == SCM_CREDENTIALS ? take_cred(t, m, p, k) :
							     -EINVAL;
		}
		off += MIN(n - off, ALIGN_UP(h.cmsg_len, (size_t)8));
	}
	return r;
}

long sys_sendmsg(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(msg_free) struct sock_msg *m = calloc(1, sizeof(*m));
	_cleanup_free_ struct uio_seg *seg = NULL;
	struct guest_msghdr h;
	struct socket *s;
	struct uio u;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (!m)
		return -ENOMEM;
	if (r == 0)
		r = copy_in(t, &h, arg_uaddr(a, 1), sizeof(h));
	if (r == 0 && h.iovlen > UIO_MAXIOV)
		r = -EMSGSIZE;
	if (r == 0 && h.name)
		r = get_sockaddr(t, uaddr(h.name), h.namelen, &m->addr);
	if (r == 0)
		r = uio_init_iovec(&u, t, uaddr(h.iov), (unsigned)h.iovlen, &seg);
	if (r == 0)
		r = parse_control(t, m, h.control, h.control ? h.controllen : 0);
	if (r < 0)
		return r;
	m->addrlen = h.name ? (socklen_t)h.namelen : 0;
	m->u = &u;
	m->flags = arg_int(a, 2);
	return do_send(t, s, f, m);
}

/* One control message; room is what is left. Returns the bytes used. */
static uint64_t put_cmsg(struct task *t, uint64_t at, uint64_t room, int type, const void *p, size_t n,
			 int *r)
{
	uint8_t b[sizeof(struct cmsghdr) + SOCK_MAX_FDS * 4 + 8] = {0};
	struct cmsghdr h = {sizeof(h) + n, SOL_SOCKET, type};

	memcpy(b, &h, sizeof(h));
	memcpy(b + sizeof(h), p, n);
	*r = copy_out(t, uaddr(at), b, h.cmsg_len);
	return MIN(room, ALIGN_UP(h.cmsg_len, (size_t)8));
}

static uint64_t put_control(struct task *t, struct sock_msg *m, const struct guest_msghdr *h, int in,
			    int *r)
{
	uint64_t used = 0, room = h->control ? h->controllen : 0;
	int fds[SOCK_MAX_FDS];
	unsigned n = 0, fit;

	if (m->has_cred) {
		m->cred.uid = from_kuid(t->cred->user_ns, KUID(m->cred.uid));
		m->cred.gid = from_kgid(t->cred->user_ns, KGID(m->cred.gid));
		if (room >= sizeof(struct cmsghdr) + sizeof(m->cred))
			used = put_cmsg(t, h->control, room, SCM_CREDENTIALS, &m->cred,
					sizeof(m->cred), r);
		else
			m->flags |= MSG_CTRUNC;
	}
	if (!m->nfiles || *r < 0)
		return used;
	fit = room - used > sizeof(struct cmsghdr) ?
		      (unsigned)MIN((room - used - sizeof(struct cmsghdr)) / 4, SOCK_MAX_FDS) :
		      0;
	while (n < fit && n < m->nfiles) {
		fds[n] = fd_install(t, m->files[n], 0, in & MSG_CMSG_CLOEXEC);
		if (fds[n] < 0)
			break;
		file_get(m->files[n]); /* the table took ours; msg_free drops this one */
		n++;
	}
	if (n < m->nfiles)
		m->flags |= MSG_CTRUNC;
	if (n)
		used += put_cmsg(t, h->control + used, room - used, SCM_RIGHTS, fds, n * 4UL, r);
	return used;
}

long sys_recvmsg(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(msg_free) struct sock_msg *m = calloc(1, sizeof(*m));
	_cleanup_free_ struct uio_seg *seg = NULL;
	struct guest_msghdr h;
	struct socket *s;
	struct uio u;
	long n;
	int in = arg_int(a, 2), r = sock_get(t, arg_int(a, 0), &f, &s);

	if (!m)
		return -ENOMEM;
	if (r == 0)
		r = copy_in(t, &h, arg_uaddr(a, 1), sizeof(h));
	if (r == 0 && h.iovlen > UIO_MAXIOV)
		r = -EMSGSIZE;
	if (r == 0)
		r = uio_init_iovec(&u, t, uaddr(h.iov), (unsigned)h.iovlen, &seg);
	if (r < 0)
		return r;
	m->u = &u;
	m->flags = in;
	n = s->ops->recv(s, m, (f->flags & O_NONBLOCK) || (in & MSG_DONTWAIT));
	if (n < 0)
		return n;
	if (n == 0)
		m->flags &= MSG_TRUNC;
	h.controllen = put_control(t, m, &h, in, &r);
	if (r == 0 && h.name) {
		if (h.namelen < 0)
			return -EINVAL;
		r = copy_out(t, uaddr(h.name), &m->addr, MIN((size_t)h.namelen, (size_t)m->addrlen));
		h.namelen = (int32_t)m->addrlen;
	}
	h.flags = m->flags & (MSG_TRUNC | MSG_CTRUNC);
	if (r == 0)
		r = copy_out(t, arg_uaddr(a, 1), &h, sizeof(h));
	return r < 0 ? r : n;
}
