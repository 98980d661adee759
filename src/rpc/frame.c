/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "base/hostio.h"
#include "rpc/rpc.h"

#define HEADER 10

void rpc_buf_done(struct rpc_buf *b)
{
	for (unsigned i = 0; i < b->nfds; i++)
		if (b->fds[i] >= 0)
			close(b->fds[i]);
	free(b->data);
	memset(b, 0, sizeof(*b));
}

int rpc_buf_take_fd(struct rpc_buf *b, unsigned i)
{
	return i < b->nfds ? TAKE_FD(b->fds[i]) : -1;
}

static int send_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t r = hio_send(fd, p, n, MSG_NOSIGNAL);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

int rpc_send_frame(int fd, uint32_t stream, uint8_t type, const void *data, size_t len, const int *fds,
		   unsigned nfds)
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(RPC_MAX_FDS * sizeof(int))];
	} c;
	uint8_t head[HEADER] = {0};
	struct iovec iov = {head, HEADER};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	uint32_t be;
	ssize_t r;

	if (len > RPC_MAX_MESSAGE || nfds > RPC_MAX_FDS)
		return -EMSGSIZE;
	be = htonl((uint32_t)len);
	memcpy(head, &be, 4);
	be = htonl(stream);
	memcpy(head + 4, &be, 4);
	head[8] = type;
	if (nfds) {
		memset(&c, 0, sizeof(c));
		m.msg_control = c.buf;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&c.h), fds, nfds * sizeof(int));
	}
	do
		r = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (r < HEADER && send_all(fd, head + r, (size_t)(HEADER - r)) < 0)
		return -EPIPE;
	return send_all(fd, data, len);
}

/* Keeps descriptors in b; closes those beyond its room. */
static int collect_fds(struct msghdr *m, struct rpc_buf *b)
{
	int r = m->msg_flags & MSG_CTRUNC ? -EPROTO : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (b->nfds < RPC_MAX_FDS) {
				b->fds[b->nfds++] = fd;
			} else {
				close(fd);
				r = -EPROTO;
			}
		}
	}
	return r;
}

static int recv_all(int fd, uint8_t *p, size_t n, struct rpc_buf *b)
{
	size_t got = 0;

	while (got < n) {
		union {
			struct cmsghdr h;
			char buf[CMSG_SPACE(RPC_MAX_FDS * sizeof(int))];
		} c;
		struct iovec iov = {p + got, n - got};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf,
				   .msg_controllen = sizeof(c.buf)};
		ssize_t r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (collect_fds(&m, b) < 0)
			return -EPROTO;
		if (r == 0)
			return got ? -EPROTO : -EPIPE;
		got += (size_t)r;
	}
	return 0;
}

int rpc_recv_frame(int fd, uint32_t *ret_stream, uint8_t *ret_type, struct rpc_buf *ret)
{
	uint8_t head[HEADER];
	uint32_t be;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = recv_all(fd, head, HEADER, ret);
	if (r == 0) {
		memcpy(&be, head, 4);
		ret->len = ntohl(be);
		memcpy(&be, head + 4, 4);
		*ret_stream = ntohl(be);
		*ret_type = head[8];
		if (ret->len > RPC_MAX_MESSAGE)
			r = -EMSGSIZE;
	}
	if (r == 0) {
		ret->data = malloc(ret->len + 1);
		r = ret->data ? recv_all(fd, ret->data, ret->len, ret) : -ENOMEM;
		if (r == -EPIPE)
			r = -EPROTO;
	}
	if (r < 0) {
		rpc_buf_done(ret);
		return r;
	}
	ret->data[ret->len] = 0;
	return 0;
}
