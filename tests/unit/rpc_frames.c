/* SPDX-License-Identifier: Apache-2.0 */
/* ttrpc frames and calls: descriptors, limits, broken peers. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "../tap.h"
#include "rpc/rpc.h"

static void pair(int s[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
}

static void raw_header(int fd, uint32_t len, uint32_t stream, uint8_t type)
{
	uint8_t h[10] = {0};
	uint32_t be = htonl(len);

	memcpy(h, &be, 4);
	be = htonl(stream);
	memcpy(h + 4, &be, 4);
	h[8] = type;
	CHECK_EQ(write(fd, h, sizeof(h)), 10);
}

static int open_count(void)
{
	int n = 0;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

TEST(frame_round_trip)
{
	struct rpc_buf b;
	uint32_t stream;
	uint8_t type;
	int s[2];

	pair(s);
	CHECK_EQ(rpc_send_frame(s[0], 7, RPC_REQUEST, "hello", 5, NULL, 0), 0);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), 0);
	CHECK_EQ(stream, 7);
	CHECK_EQ(type, RPC_REQUEST);
	CHECK_EQ(b.len, 5);
	CHECK_EQ(memcmp(b.data, "hello", 6), 0); /* a NUL follows the payload */
	CHECK_EQ(b.nfds, 0);
	rpc_buf_done(&b);
	CHECK_EQ(rpc_send_frame(s[0], 9, RPC_RESPONSE, NULL, 0, NULL, 0), 0);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), 0);
	CHECK_EQ(b.len, 0);
	CHECK_EQ(type, RPC_RESPONSE);
	rpc_buf_done(&b);
}

TEST(frame_descriptors)
{
	int s[2], p[2], fd, before;
	struct rpc_buf b;
	struct stat a, c;
	uint32_t stream;
	uint8_t type;

	pair(s);
	CHECK_EQ(pipe(p), 0);
	before = open_count();
	CHECK_EQ(rpc_send_frame(s[0], 1, RPC_REQUEST, "x", 1, p, 2), 0);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), 0);
	CHECK_EQ(b.nfds, 2);
	fd = rpc_buf_take_fd(&b, 1);
	CHECK(fd >= 0);
	CHECK_EQ(rpc_buf_take_fd(&b, 1), -1); /* taken once */
	CHECK_EQ(rpc_buf_take_fd(&b, 2), -1);
	CHECK_EQ(fstat(p[1], &a), 0);
	CHECK_EQ(fstat(fd, &c), 0);
	CHECK_EQ(a.st_ino, c.st_ino);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	rpc_buf_done(&b);
	CHECK_EQ(open_count(), before + 1); /* the other one was closed */
}

TEST(frame_most_descriptors)
{
	int s[2], fds[RPC_MAX_FDS + 1], before;
	struct rpc_buf b;
	uint32_t stream;
	uint8_t type;

	pair(s);
	for (unsigned i = 0; i <= RPC_MAX_FDS; i++)
		fds[i] = s[0];
	before = open_count();
	CHECK_EQ(rpc_send_frame(s[0], 1, RPC_REQUEST, "x", 1, fds, RPC_MAX_FDS + 1), -EMSGSIZE);
	CHECK_EQ(rpc_send_frame(s[0], 1, RPC_REQUEST, "x", 1, fds, RPC_MAX_FDS), 0);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), 0);
	CHECK_EQ(b.nfds, RPC_MAX_FDS);
	rpc_buf_done(&b);
	CHECK_EQ(open_count(), before);
}

TEST(frame_too_many_descriptors_from_a_peer)
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(200 * sizeof(int))];
	} c = {0};
	uint8_t head[10] = {0};
	struct iovec iov = {head, sizeof(head)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf,
			   .msg_controllen = sizeof(c.buf)};
	struct rpc_buf b;
	uint32_t stream;
	uint8_t type;
	int s[2], before;

	pair(s);
	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = CMSG_LEN(200 * sizeof(int));
	for (size_t i = 0; i < 200; i++)
		memcpy(CMSG_DATA(&c.h) + i * sizeof(int), &s[0], sizeof(int));
	before = open_count();
	CHECK_EQ(sendmsg(s[0], &m, 0), 10);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), -EPROTO);
	CHECK_EQ(open_count(), before); /* nothing leaked */
}

TEST(frame_limits)
{
	static uint8_t big[RPC_MAX_MESSAGE + 1];
	struct rpc_buf b;
	uint32_t stream;
	uint8_t type;
	int s[2];

	pair(s);
	CHECK_EQ(rpc_send_frame(s[0], 1, RPC_REQUEST, big, sizeof(big), NULL, 0), -EMSGSIZE);
	raw_header(s[0], RPC_MAX_MESSAGE + 1, 1, RPC_REQUEST);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), -EMSGSIZE);
	CHECK_EQ(b.data == NULL, 1);
	raw_header(s[0], 0xffffffffU, 1, RPC_REQUEST);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), -EMSGSIZE);
}

TEST(frame_ends)
{
	struct rpc_buf b;
	uint32_t stream;
	uint8_t type;
	int s[2];

	pair(s);
	close(s[0]);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), -EPIPE); /* a clean end */
	CHECK_EQ(rpc_send_frame(s[1], 1, RPC_REQUEST, "x", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
	close(s[1]);
	pair(s);
	CHECK_EQ(write(s[0], "\0\0\0", 3), 3);
	close(s[0]);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), -EPROTO); /* inside a header */
	close(s[1]);
	pair(s);
	raw_header(s[0], 5, 1, RPC_REQUEST);
	close(s[0]);
	CHECK_EQ(rpc_recv_frame(s[1], &stream, &type, &b), -EPROTO); /* before the payload */
}

static int handler(void *ctx, const struct rpc_request *q, struct rpc_buf *reply, char **message)
{
	int *calls = ctx, p[2];

	(*calls)++;
	if (!strcmp(q->method, "Fail")) {
		*message = strdup("no such thing");
		return RPC_NOT_FOUND;
	}
	if (!strcmp(q->method, "Fd")) {
		if (pipe(p) < 0)
			return RPC_INTERNAL;
		close(p[0]);
		reply->fds[reply->nfds++] = p[1];
		return RPC_OK;
	}
	reply->data = malloc(q->len + 1);
	if (!reply->data)
		return RPC_INTERNAL;
	if (q->len > 0)
		memcpy(reply->data, q->payload, q->len);
	reply->len = q->len;
	return RPC_OK;
}

struct served {
	int fd, calls;
};

static void *serve(void *arg)
{
	struct served *v = arg;

	rpc_serve(v->fd, handler, &v->calls);
	return NULL;
}

TEST(call_and_serve)
{
	struct served v = {0};
	char *message;
	struct rpc_buf reply;
	int s[2], code;
	pthread_t t;

	pair(s);
	v.fd = s[1];
	CHECK_EQ(pthread_create(&t, NULL, serve, &v), 0);
	CHECK_EQ(rpc_call(s[0], "svc", "Echo", "abc", 3, NULL, 0, &reply, &code, &message), 0);
	CHECK_EQ(reply.len, 3);
	CHECK_EQ(memcmp(reply.data, "abc", 3), 0);
	rpc_buf_done(&reply);
	CHECK_EQ(rpc_call(s[0], "svc", "Echo", NULL, 0, NULL, 0, &reply, &code, &message), 0);
	CHECK_EQ(reply.len, 0);
	rpc_buf_done(&reply);
	CHECK_EQ(rpc_call(s[0], "svc", "Fd", "", 0, NULL, 0, &reply, &code, &message), 0);
	CHECK_EQ(reply.nfds, 1);
	rpc_buf_done(&reply);
	CHECK_EQ(rpc_call(s[0], "svc", "Fail", "", 0, NULL, 0, &reply, &code, &message), -EREMOTEIO);
	CHECK_EQ(code, RPC_NOT_FOUND);
	CHECK(message && !strcmp(message, "no such thing"));
	free(message);
	close(s[0]);
	pthread_join(t, NULL);
	CHECK_EQ(v.calls, 4);
}

TEST(serve_garbage)
{
	struct served v = {0};
	struct rpc_buf b;
	uint32_t stream;
	pthread_t t;
	uint8_t type;
	int s[2];

	pair(s);
	v.fd = s[1];
	CHECK_EQ(pthread_create(&t, NULL, serve, &v), 0);
	raw_header(s[0], 4, 3, RPC_REQUEST);
	CHECK_EQ(write(s[0], "\xff\xff\xff\xff", 4), 4);
	CHECK_EQ(rpc_recv_frame(s[0], &stream, &type, &b), 0); /* answered, not obeyed */
	CHECK_EQ(stream, 3);
	CHECK_EQ(type, RPC_RESPONSE);
	rpc_buf_done(&b);
	raw_header(s[0], 0, 5, RPC_RESPONSE); /* a response is no request */
	CHECK_EQ(rpc_recv_frame(s[0], &stream, &type, &b), 0);
	CHECK_EQ(stream, 5);
	rpc_buf_done(&b);
	close(s[0]);
	pthread_join(t, NULL);
	CHECK_EQ(v.calls, 0);
}

TAP_MAIN()
