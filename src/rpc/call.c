/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include "rpc/rpc.h"
#include "ttrpc.pb-c.h"

static int send_message(int fd, uint32_t stream, uint8_t type, const ProtobufCMessage *m, const int *fds,
			unsigned nfds)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	_cleanup_free_ uint8_t *buf = malloc(n ? n : 1);

	if (!buf)
		return -ENOMEM;
	protobuf_c_message_pack(m, buf);
	return rpc_send_frame(fd, stream, type, buf, n, fds, nfds);
}

int rpc_call(int fd, const char *service, const char *method, const void *payload, size_t len,
	     const int *fds, unsigned nfds, struct rpc_buf *reply, int *ret_code, char **ret_message)
{
	Ttrpc__Request req = TTRPC__REQUEST__INIT;
	Ttrpc__Response *resp;
	struct rpc_buf in;
	uint32_t stream;
	uint8_t type;
	int r;

	memset(reply, 0, sizeof(*reply));
	*ret_code = RPC_OK;
	*ret_message = NULL;
	req.service = (char *)(uintptr_t)service;
	req.method = (char *)(uintptr_t)method;
	req.payload = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)payload};
	r = send_message(fd, 1, RPC_REQUEST, &req.base, fds, nfds);
	if (r == 0)
		r = rpc_recv_frame(fd, &stream, &type, &in);
	if (r < 0)
		return r;
	resp = type == RPC_RESPONSE ? ttrpc__response__unpack(NULL, in.len, in.data) : NULL;
	if (!resp) {
		rpc_buf_done(&in);
		return -EPROTO;
	}
	if (resp->status && resp->status->code) {
		*ret_code = resp->status->code;
		*ret_message = strdup(resp->status->message ? resp->status->message : "");
		r = -EREMOTEIO;
		rpc_buf_done(&in);
	} else {
		free(in.data);
		*reply = in;
		reply->len = resp->payload.len;
		reply->data = malloc(reply->len + 1);
		if (!reply->data) {
			r = -ENOMEM;
			rpc_buf_done(reply);
		} else if (reply->len) {
			memcpy(reply->data, resp->payload.data, reply->len);
		}
	}
	ttrpc__response__free_unpacked(resp, NULL);
	return r;
}

static int answer(int fd, uint32_t stream, int code, char *message, struct rpc_buf *reply)
{
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	Ttrpc__Status st = TTRPC__STATUS__INIT;

	if (code) {
		st.code = code;
		st.message = message ? message : (char *)(uintptr_t)"";
		resp.status = &st;
		return send_message(fd, stream, RPC_RESPONSE, &resp.base, NULL, 0);
	}
	resp.payload = (ProtobufCBinaryData){reply->len, reply->data};
	return send_message(fd, stream, RPC_RESPONSE, &resp.base, reply->fds, reply->nfds);
}

void rpc_serve(int fd, rpc_handler handler, void *ctx)
{
	struct rpc_buf in;
	uint32_t stream;
	uint8_t type;

	while (rpc_recv_frame(fd, &stream, &type, &in) == 0) {
		struct rpc_buf reply = {0};
		struct rpc_request q = {0};
		Ttrpc__Request *req = NULL;
		char *message = NULL;
		int code = RPC_INVALID_ARGUMENT, r;

		if (type == RPC_REQUEST)
			req = ttrpc__request__unpack(NULL, in.len, in.data);
		if (req) {
			q.service = req->service;
			q.method = req->method;
			q.payload = req->payload.data;
			q.len = req->payload.len;
			q.fds = &in;
			code = handler(ctx, &q, &reply, &message);
			ttrpc__request__free_unpacked(req, NULL);
		}
		r = answer(fd, stream, code, message, &reply);
		free(message);
		rpc_buf_done(&reply);
		rpc_buf_done(&in);
		if (r < 0)
			break;
	}
}
