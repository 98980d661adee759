/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that move messages, and the control messages of unix sockets. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/syscall/sockaddr.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"

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
	free(m->files);
	m->files = NULL;
}

static void msg_done(struct sock_msg *m)
{
	drop_files(m);
	free(m->control);
}

static long do_send(struct task *t, struct socket *s, struct file *f, struct sock_msg *m)
{
	int flags = m->flags;
	long r = s->ops->send(s, m, (f->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT));

	if (r == -EPIPE && !(flags & MSG_NOSIGNAL) && s->type == SOCK_STREAM)
		(void)send_signal_task(t, SIGPIPE, NULL);
	return r;
}

long sys_sendto(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct sock_msg m = {0};
	struct socket *s;
	struct uio u;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r == 0 && a->v[4])
		r = get_sockaddr(t, arg_uaddr(a, 4), arg_int(a, 5), &m.addr);
	if (r < 0)
		return r;
	m.addrlen = a->v[4] ? (socklen_t)arg_int(a, 5) : 0;
	uio_init_user(&u, t, arg_uaddr(a, 1), MIN(a->v[2], (uint64_t)MAX_RW_COUNT));
	m.u = &u;
	m.flags = arg_int(a, 3);
	return do_send(t, s, f, &m);
}

long sys_recvfrom(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(msg_done) struct sock_msg m = {0};
	struct socket *s;
	struct uio u;
	long n;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	if (r < 0)
		return r;
	uio_init_user(&u, t, arg_uaddr(a, 1), MIN(a->v[2], (uint64_t)MAX_RW_COUNT));
	m.u = &u;
	m.flags = arg_int(a, 3);
	n = s->ops->recv(s, &m, (f->flags & O_NONBLOCK) || (m.flags & MSG_DONTWAIT));
	if (n >= 0)
		r = put_sockaddr(t, arg_uaddr(a, 4), arg_uaddr(a, 5), &m.addr, m.addrlen);
	return r < 0 ? r : n;
}

static int take_rights(struct task *t, struct sock_msg *m, const uint8_t *p, size_t n)
{
	if (n % 4 || n / 4 > SOCK_MAX_FDS - m->nfiles)
		return -EINVAL;
	if (n && !m->files)
		m->files = calloc(SOCK_MAX_FDS, sizeof(struct file *));
	if (n && !m->files)
		return -ENOMEM;
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

static int parse_control(struct task *t, struct sock_msg *m)
{
	const uint8_t *b = m->control;
	size_t off = 0, n = m->controllen;
	int r = 0;

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

static int get_control(struct task *t, struct socket *s, struct sock_msg *m, uint64_t at, uint64_t n)
{
	int r;

	if (!n)
		return 0;
	if (n > SOCK_MAX_CONTROL)
		return -ENOBUFS;
	m->control = malloc(n);
	if (!m->control)
		return -ENOMEM;
	m->controllen = n;
	r = copy_in(t, m->control, uaddr(at), n);
	return r < 0 || s->ops->raw_control ? r : parse_control(t, m);
}

static long send_one(struct task *t, struct file *f, struct socket *s, uaddr_t at, int flags)
{
	_cleanup_(msg_done) struct sock_msg m = {.flags = flags};
	_cleanup_free_ struct uio_seg *seg = NULL;
	struct guest_msghdr h;
	struct uio u;
	int r = copy_in(t, &h, at, sizeof(h));

	if (r == 0 && h.iovlen > UIO_MAXIOV)
		r = -EMSGSIZE;
	if (r == 0 && h.name) {
		if (h.namelen < 0)
			return -EINVAL;
		h.namelen = MIN(h.namelen, (int)sizeof(m.addr));
		r = get_sockaddr(t, uaddr(h.name), h.namelen, &m.addr);
	}
	if (r == 0)
		r = uio_init_iovec(&u, t, uaddr(h.iov), (unsigned)h.iovlen, &seg);
	if (r == 0)
		r = get_control(t, s, &m, h.control, h.control ? h.controllen : 0);
	if (r < 0)
		return r;
	m.addrlen = h.name ? (socklen_t)h.namelen : 0;
	m.u = &u;
	return do_send(t, s, f, &m);
}

long sys_sendmsg(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct socket *s;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	return r < 0 ? r : send_one(t, f, s, arg_uaddr(a, 1), arg_int(a, 2));
}

#define MMSG_SIZE 64U	 /* struct mmsghdr */
#define MMSG_LEN_AT 56U	 /* msg_len in it */

long sys_sendmmsg(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	unsigned n = MIN(arg_u32(a, 2), (unsigned)UIO_MAXIOV), done = 0;
	struct socket *s;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	while (r == 0 && done < n) {
		uaddr_t at = uaddr_add(arg_uaddr(a, 1), (uint64_t)done * MMSG_SIZE);
		long k = send_one(t, f, s, at, arg_int(a, 3));

		r = k < 0 ? (int)k : put_u32(t, uaddr_add(at, MMSG_LEN_AT), (uint32_t)k);
		done += r == 0;
		if (signal_pending(t))
			break;
	}
	return done ? (long)done : r;
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
		fds[n] = fd_install(t, file_get(m->files[n]), 0, in & MSG_CMSG_CLOEXEC);
		if (fds[n] < 0)
			break;
		n++;
	}
	if (n < m->nfiles)
		m->flags |= MSG_CTRUNC;
	if (n)
		used += put_cmsg(t, h->control + used, room - used, SCM_RIGHTS, fds, n * 4UL, r);
	return used;
}

/* Where the family writes its control messages itself: as many bytes as the guest has room for. */
#define RAW_CONTROL 1024U

static long recv_one(struct task *t, struct file *f, struct socket *s, uaddr_t at, int in)
{
	_cleanup_(msg_done) struct sock_msg m = {.flags = in};
	_cleanup_free_ struct uio_seg *seg = NULL;
	struct guest_msghdr h;
	struct uio u;
	long n;
	int r = copy_in(t, &h, at, sizeof(h));

	if (r == 0 && h.iovlen > UIO_MAXIOV)
		r = -EMSGSIZE;
	if (r == 0 && h.name && h.namelen < 0)
		r = -EINVAL;
	if (r == 0)
		r = uio_init_iovec(&u, t, uaddr(h.iov), (unsigned)h.iovlen, &seg);
	if (r < 0)
		return r;
	if (s->ops->raw_control && h.control && h.controllen) {
		m.controllen = MIN(h.controllen, RAW_CONTROL);
		m.control = malloc(m.controllen);
		if (!m.control)
			return -ENOMEM;
	}
	m.u = &u;
	n = s->ops->recv(s, &m, (f->flags & O_NONBLOCK) || (in & MSG_DONTWAIT));
	if (n < 0)
		return n;
	if (s->ops->raw_control) {
		if (m.control && m.controllen)
			r = copy_out(t, uaddr(h.control), m.control, m.controllen);
		h.controllen = m.control ? m.controllen : 0;
	} else {
		h.controllen = put_control(t, &m, &h, in, &r);
	}
	if (r == 0 && h.name) {
		r = copy_out(t, uaddr(h.name), &m.addr, MIN((size_t)h.namelen, (size_t)m.addrlen));
		h.namelen = (int32_t)m.addrlen;
	}
	h.flags = m.flags | (in & MSG_CMSG_CLOEXEC);
	/* As Linux does, field by field: the rest of the header stays what the guest has there. */
	if (r == 0)
		r = put_u32(t, uaddr_add(at, offsetof(struct guest_msghdr, namelen)), (uint32_t)h.namelen);
	if (r == 0)
		r = put_u64(t, uaddr_add(at, offsetof(struct guest_msghdr, controllen)), h.controllen);
	if (r == 0)
		r = put_u32(t, uaddr_add(at, offsetof(struct guest_msghdr, flags)), (uint32_t)h.flags);
	return r < 0 ? r : n;
}

long sys_recvmsg(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct socket *s;
	int r = sock_get(t, arg_int(a, 0), &f, &s);

	return r < 0 ? r : recv_one(t, f, s, arg_uaddr(a, 1), arg_int(a, 2));
}

long sys_recvmmsg(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	unsigned n = MIN(arg_u32(a, 2), (unsigned)UIO_MAXIOV), done = 0;
	int flags = arg_int(a, 3), r;
	uint64_t deadline;
	struct socket *s;

	/* The limit is looked at between messages, as in Linux: it does not end a wait. */
	r = copy_in_deadline(t, arg_uaddr(a, 4), &deadline);
	if (r == 0)
		r = sock_get(t, arg_int(a, 0), &f, &s);
	while (r == 0 && done < n) {
		uaddr_t at = uaddr_add(arg_uaddr(a, 1), (uint64_t)done * MMSG_SIZE);
		long k = recv_one(t, f, s, at, flags & ~MSG_WAITFORONE);

		r = k < 0 ? (int)k : put_u32(t, uaddr_add(at, MMSG_LEN_AT), (uint32_t)k);
		done += r == 0;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (r < 0 || now_ns() >= deadline)
			break;
	}
	if (r == 0 || done)
		r = deadline == TIME_FOREVER ? 0 : copy_out_left(t, arg_uaddr(a, 4), deadline, now_ns());
	return r < 0 ? r : (long)done;
}
