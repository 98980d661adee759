/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages that a guest sends on internet sockets: what the host gets of them. */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include "base/inet_options.h"
#include "kernel/net/inet.h"

#define ON_TCP 1U
#define ON_UDP 2U
#define ON_ICMP 4U
#define DGRAM (ON_UDP | ON_ICMP)

/* Passed on when the value has one of the two sizes. */
static const struct {
	int level, type;
	unsigned on;
	size_t size, size2;
} known[] = {
	{SOL_SOCKET, SO_TIMESTAMPING, ON_TCP | DGRAM, 4, 4},
	{SOL_SOCKET, SO_TIMESTAMPING_NEW, ON_TCP | DGRAM, 4, 4},
	{IPPROTO_IP, IP_PKTINFO, DGRAM, sizeof(struct in_pktinfo), sizeof(struct in_pktinfo)},
	{IPPROTO_IP, IP_TTL, DGRAM, 4, 4},
	{IPPROTO_IP, IP_TOS, DGRAM, 4, 1},
	{IPPROTO_IPV6, IPV6_PKTINFO, DGRAM, sizeof(struct in6_pktinfo), sizeof(struct in6_pktinfo)},
	{IPPROTO_IPV6, IPV6_HOPLIMIT, DGRAM, 4, 4},
	{IPPROTO_IPV6, IPV6_TCLASS, DGRAM, 4, 4},
	{IPPROTO_IPV6, IPV6_DONTFRAG, DGRAM, 4, 4},
	{IPPROTO_UDP, UDP_SEGMENT, ON_UDP, 2, 2},
};

static unsigned kind_of(const struct isock *k)
{
	return k->proto == IPPROTO_TCP ? ON_TCP : k->proto == IPPROTO_UDP ? ON_UDP : ON_ICMP;
}

/* 1: pass it on; 0: Linux ignores it here; -errno. */
static int check(const struct isock *k, int level, int type, size_t size)
{
	if (level == SOL_SOCKET && (type == SCM_RIGHTS || type == SCM_CREDENTIALS))
		return 0; /* of unix sockets only */
	if (level == SOL_SOCKET && type == SO_MARK)
		return -EPERM;
	/* TCP looks at no other level; IPv4 and IPv6 pass over each other's and what they do not know of others. */
	if (level != SOL_SOCKET && k->proto == IPPROTO_TCP)
		return 0;
	if (k->family == AF_INET && level == IPPROTO_IPV6 && type != IPV6_PKTINFO)
		return 0;
	if (level != SOL_SOCKET && level != IPPROTO_IP && level != IPPROTO_IPV6 && level != IPPROTO_UDP)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].level == level && known[i].type == type && (known[i].on & kind_of(k)))
			return size == known[i].size || size == known[i].size2 ? 1 : -EINVAL;
	return -EINVAL;
}

ssize_t inet_send_control(const struct isock *k, const void *in, size_t n, void *out)
{
	const uint8_t *p = in;
	uint8_t *q = out;
	size_t off = 0, used = 0;

	while (n - off >= sizeof(struct cmsghdr)) {
		struct cmsghdr h;
		size_t size;
		int r;

		memcpy(&h, p + off, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > n - off)
			return -EINVAL;
		size = h.cmsg_len - sizeof(h);
		r = check(k, h.cmsg_level, h.cmsg_type, size);
		if (r < 0)
			return r;
		if (r) {
			/* Never longer than what was read: the same length at the same or a lower place. */
			memset(q + used, 0, MIN(n - used, CMSG_ALIGN(h.cmsg_len)));
			memcpy(q + used, p + off, h.cmsg_len);
			used += MIN(n - used, CMSG_ALIGN(h.cmsg_len));
		}
		off += MIN(n - off, CMSG_ALIGN(h.cmsg_len));
	}
	return (ssize_t)used;
}
