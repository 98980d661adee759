/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a peer into the ttrpc server: whatever comes, it answers or hangs up, and loses no descriptor. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "rpc/rpc.h"

static int handler(void *ctx, const struct rpc_request *q, struct rpc_buf *reply, char **message)
{
	(void)ctx;
	if (q->method && q->method[0] & 1) {
		*message = strdup(q->method);
		return RPC_UNIMPLEMENTED;
	}
	reply->data = malloc(q->len + 1);
	if (!reply->data)
		return RPC_INTERNAL;
	if (q->len)
		memcpy(reply->data, q->payload, q->len);
	reply->len = q->len;
	if (q->fds->nfds)
		reply->fds[reply->nfds++] = rpc_buf_take_fd(q->fds, 0);
	return RPC_OK;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;

	rpc_serve(fd, handler, NULL);
	close(fd);
	return NULL;
}

static void *drain(void *arg)
{
	char buf[4096];

	while (recv((int)(intptr_t)arg, buf, sizeof(buf), 0) > 0)
		;
	return NULL;
}

/* Half of the inputs get a header that fits, so that the payload's decoder is reached; an odd first byte brings a
 * descriptor along. */
static void feed(int s, const uint8_t *data, size_t size)
{
	uint8_t flags = size ? data[0] : 0;
	int fd = s;

	if (size < 2)
		return;
	data++;
	size--;
	if (flags & 2) {
		if (rpc_send_frame(s, flags, flags & 4 ? RPC_RESPONSE : RPC_REQUEST, data, size, &fd, flags & 1) < 0)
			return;
	} else {
		(void)!send(s, data, size, MSG_NOSIGNAL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pthread_t a, b;
	int s[2], next;

	if (size > 65536)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0 ||
	    pthread_create(&a, NULL, serve, (void *)(intptr_t)s[1]) ||
	    pthread_create(&b, NULL, drain, (void *)(intptr_t)s[0]))
		abort();
	feed(s[0], data, size);
	shutdown(s[0], SHUT_WR);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	close(s[0]);
	/* The lowest free number does not creep: nothing leaks. */
	next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (next < 0 || next > 64)
		abort();
	close(next);
	return 0;
}

#ifdef FUZZ_STANDALONE
/* Without libFuzzer: a valid request, bent at random; the seed is fixed so that a failure can be repeated. */
int main(void)
{
	static const uint8_t request[] = {2, 0x0a, 3, 's', 'v', 'c', 0x12, 4, 'E', 'c', 'h', 'o', 0x1a, 3, 'a', 'b', 'c'};
	uint8_t buf[256];

	srandom(1);
	for (int i = 0; i < 20000; i++) {
		size_t n = i & 1 ? sizeof(request) : (size_t)random() % sizeof(buf);

		for (size_t j = 0; j < n; j++)
			buf[j] = i & 1 ? request[j] : (uint8_t)random();
		for (long k = random() % 4; n && k >= 0; k--)
			buf[(size_t)random() % n] ^= (uint8_t)(1U << (random() & 7));
		LLVMFuzzerTestOneInput(buf, n);
	}
	return 0;
}
#endif
