/* SPDX-License-Identifier: Apache-2.0 */
/* What guests send that is laid out anew for the host: control messages of internet sockets, netlink requests. The first byte
 * says which. What comes out must be whole: lengths that add up, within the room, nothing that is on no list. */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include "kernel/net/inet.h"
#include "kernel/net/netlink.h"
#include "standalone.h"

/* Of netlink_diag_answer, which is not called here. */
void inet_owner(uint64_t host_ino, unsigned *ret_uid, uint64_t *ret_ino)
{
	*ret_uid = 0;
	*ret_ino = host_ino;
}

static void need(bool c)
{
	if (!c)
		abort();
}

static void control(unsigned which, const uint8_t *data, size_t size)
{
	static const int protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	struct isock k = {.family = which & 1 ? AF_INET : AF_INET6, .proto = protos[which % 3]};
	uint8_t *out = malloc(size + 1);
	ssize_t n;
	size_t at = 0;

	need(out);
	n = inet_send_control(&k, data, size, out);
	need(n <= (ssize_t)size);
	while (n > 0 && at < (size_t)n) {
		struct cmsghdr h;

		need((size_t)n - at >= sizeof(h));
		memcpy(&h, out + at, sizeof(h));
		need(h.cmsg_len >= sizeof(h) && h.cmsg_len <= (size_t)n - at);
		need(h.cmsg_len <= CMSG_LEN(sizeof(struct in6_pktinfo)));
		need(h.cmsg_level == SOL_SOCKET || k.proto != IPPROTO_TCP);
		need(h.cmsg_level != SOL_SOCKET || (h.cmsg_type != SCM_RIGHTS && h.cmsg_type != SO_MARK));
		at += MIN((size_t)n - at, CMSG_ALIGN(h.cmsg_len));
	}
	free(out);
}

static void request(bool diag, const uint8_t *data, size_t size)
{
	union {
		struct nlmsghdr h;
		uint8_t b[NL_MAX_REQUEST];
	} *out = malloc(sizeof(*out));
	struct nlmsghdr h;
	int n;

	need(out);
	if (size >= sizeof(h)) {
		memcpy(&h, data, sizeof(h));
		h.nlmsg_len = (uint32_t)size;
		n = diag ? netlink_diag_request(&h, data + NLMSG_HDRLEN, size - NLMSG_HDRLEN, out) :
			   netlink_route_request(&h, data + NLMSG_HDRLEN, size - NLMSG_HDRLEN, out);
		need(n <= (int)NL_MAX_REQUEST);
		if (n > 0) {
			need(out->h.nlmsg_len == (uint32_t)n && (out->h.nlmsg_flags & NLM_F_REQUEST));
			need(diag ? out->h.nlmsg_type == 20 : (out->h.nlmsg_type & 3) == 2);
			need(!(out->h.nlmsg_flags & ~(NLM_F_REQUEST | NLM_F_DUMP | NLM_F_ACK)));
		}
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] < 128)
		control(data[0], data + 1, size - 1);
	else
		request(data[0] & 1, data + 1, size - 1);
	return 0;
}
