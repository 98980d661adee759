/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile requests against the gofer's server, on a temporary tree. Input: messages, each a length byte
 * pair, an opcode selector and the rest; headers are made plausible so that handlers are reached. */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include "base/log.h"
#include "standalone.h"
#include "gofer/server.h"

static struct gofer g;
static char top[] = "/tmp/gofer-fuzz-XXXXXX";

static void on_exit_(struct gofer *gg __unused, int status __unused)
{
}

static void cleanup(void)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	(void)!system(cmd);
}

static void setup(void)
{
	int dir;

	if (!mkdtemp(top) || gofer_init(&g, 8) < 0)
		abort();
	atexit(cleanup);
	g.on_exit = on_exit_;
	dir = open(top, O_PATH | O_DIRECTORY);
	mkdirat(dir, "d", 0755);
	close(openat(dir, "f", O_CREAT | O_RDWR, 0644));
	(void)!symlinkat("/etc/passwd", dir, "l");
	if (node_table_export(&g.nodes, AT_FDCWD, top, 0) < 0)
		abort();
}

static void *serve(void *arg)
{
	gofer_serve(&g, (int)(intptr_t)arg, false);
	return NULL;
}

/* Makes header fields plausible from single bytes. */
static size_t shape(uint8_t *msg, const uint8_t *p, size_t n)
{
	static const uint32_t private_ops[] = {FW_WALK, FW_GUARD, FUSE_LOOKUP, FUSE_MKDIR};
	struct fuse_in_header h = {0};

	h.len = (uint32_t)(sizeof(h) + n - 3);
	h.opcode = p[0] < 60 ? p[0] : private_ops[p[0] % ARRAY_SIZE(private_ops)];
	h.nodeid = (uint64_t)(p[1] >> 6) << 32 | (p[1] & 15);
	h.unique = p[2];
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), p + 3, n - 3);
	return h.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t msg[8192], reply[FW_MSG_MAX];
	pthread_t t;
	int s[2], fd;

	if (!g.on_exit)
		setup();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0 ||
	    pthread_create(&t, NULL, serve, (void *)(intptr_t)s[1]) != 0)
		abort();
	while (size > 4) {
		size_t n = MIN((size_t)data[0] + 4, size - 1);

		if (fw_send(s[0], msg, shape(msg, data + 1, n), -1, 0) < 0)
			break;
		data += n + 1;
		size -= n + 1;
		while (fw_recv(s[0], reply, sizeof(reply), &fd, MSG_DONTWAIT) > 0)
			if (fd >= 0)
				close(fd);
	}
	shutdown(s[0], SHUT_WR);
	while (fw_recv(s[0], reply, sizeof(reply), &fd, 0) > 0)
		if (fd >= 0)
			close(fd);
	close(s[0]);
	pthread_join(t, NULL);
	return 0;
}
