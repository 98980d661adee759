/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ttrpc over unix stream sockets: unary calls, with descriptors riding on the first byte of a frame. A frame is
 * length, stream id (big endian 32 bits each), type, flags, payload. The peer is not trusted: lengths are
 * bounded, descriptors that a message does not announce are closed.
 */
#ifndef NACRE_RPC_RPC_H
#define NACRE_RPC_RPC_H

#include "base/cleanup.h"
#include "base/compiler.h"

#define RPC_MAX_MESSAGE (4U << 20)
#define RPC_MAX_FDS 64

/* Status codes of gRPC that are used. */
enum rpc_code {
	RPC_OK = 0,
	RPC_UNKNOWN = 2,
	RPC_INVALID_ARGUMENT = 3,
	RPC_NOT_FOUND = 5,
	RPC_ALREADY_EXISTS = 6,
	RPC_FAILED_PRECONDITION = 9,
	RPC_UNIMPLEMENTED = 12,
	RPC_INTERNAL = 13,
};

struct rpc_buf { /* bytes and descriptors of one message; rpc_buf_done frees both */
	uint8_t *data;
	size_t len;
	int fds[RPC_MAX_FDS];
	unsigned nfds;
};
void rpc_buf_done(struct rpc_buf *b);
/* Takes descriptor number i out of b; -1 when there is none. */
int rpc_buf_take_fd(struct rpc_buf *b, unsigned i);

/* One frame. Blocks. 0, -EPIPE at the end of the stream, -EPROTO, -EMSGSIZE, -errno. */
int rpc_send_frame(int fd, uint32_t stream, uint8_t type, const void *data, size_t len, const int *fds,
		   unsigned nfds) __must_check;
int rpc_recv_frame(int fd, uint32_t *ret_stream, uint8_t *ret_type, struct rpc_buf *ret) __must_check;
#define RPC_REQUEST 1
#define RPC_RESPONSE 2

/* A call on a connection that only this thread uses. reply is filled on success (free with rpc_buf_done); on a
 * status of the peer the result is -EREMOTEIO, *ret_code its code and *ret_message its text (malloc'd). */
int rpc_call(int fd, const char *service, const char *method, const void *payload, size_t len,
	     const int *fds, unsigned nfds, struct rpc_buf *reply, int *ret_code, char **ret_message)
	__must_check;

/* One request as the server sees it. The handler fills reply and returns 0, or returns a status code and sets
 * *message (malloc'd text). */
struct rpc_request {
	const char *service, *method;
	const uint8_t *payload;
	size_t len;
	struct rpc_buf *fds; /* the descriptors that came with it */
};
typedef int (*rpc_handler)(void *ctx, const struct rpc_request *req, struct rpc_buf *reply, char **message);
/* Serves one connection until its end. */
void rpc_serve(int fd, rpc_handler handler, void *ctx);

#endif
