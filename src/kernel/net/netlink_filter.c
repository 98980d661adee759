/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a guest's netlink requests reaches the host: a message laid out anew from fields and attributes that are listed
 * here. Questions only. Changes are refused: they would take CAP_NET_ADMIN over the host's namespace.
 */
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include "kernel/net/inet.h"
#include "kernel/net/netlink.h"

#define ANY_SIZE 0U /* a string: at most 16 bytes with its NUL (names of interfaces) */

struct attr_rule {
	uint16_t type;
	uint16_t size; /* or size2 */
	uint16_t size2;
	bool dump; /* in dumps too */
};
static const struct attr_rule link_attrs[] = {
	{IFLA_EXT_MASK, 4, 4, true}, {IFLA_IFNAME, ANY_SIZE, 0, false}, {IFLA_ALT_IFNAME, ANY_SIZE, 0, false}, {0}};
static const struct attr_rule addr_attrs[] = {{IFA_ADDRESS, 4, 16, false}, {IFA_LOCAL, 4, 16, false}, {0}};
static const struct attr_rule route_attrs[] = {{RTA_DST, 4, 16, false}, {RTA_SRC, 4, 16, false},
					       {RTA_IIF, 4, 4, false},	{RTA_OIF, 4, 4, false},
					       {RTA_MARK, 4, 4, false},	{RTA_UID, 4, 4, false},
					       {RTA_TABLE, 4, 4, false}, {RTA_IP_PROTO, 1, 1, false},
					       {RTA_SPORT, 2, 2, false}, {RTA_DPORT, 2, 2, false},
					       {0}};
static const struct attr_rule neigh_attrs[] = {{NDA_DST, 4, 16, false}, {0}};
static const struct attr_rule no_attrs[] = {{0}};

static const struct {
	uint16_t type;
	uint16_t head; /* bytes of the fixed part */
	const struct attr_rule *attrs;
} questions[] = {
	{RTM_GETLINK, sizeof(struct ifinfomsg), link_attrs},
	{RTM_GETADDR, sizeof(struct ifaddrmsg), addr_attrs},
	{RTM_GETROUTE, sizeof(struct rtmsg), route_attrs},
	{RTM_GETNEIGH, sizeof(struct ndmsg), neigh_attrs},
	{RTM_GETRULE, sizeof(struct rtmsg), no_attrs},
};

/* Copies the attributes on the list. Returns the new length of out, -EINVAL for one of a wrong size. */
static int copy_attrs(const struct attr_rule *rules, bool dump, const uint8_t *p, size_t n, uint8_t *out, size_t used)
{
	while (n >= sizeof(struct rtattr)) {
		struct rtattr a;
		size_t size, step;

		memcpy(&a, p, sizeof(a));
		if (a.rta_len < sizeof(a) || a.rta_len > n)
			break; /* Linux takes no offence at a broken tail */
		size = a.rta_len - sizeof(a);
		step = MIN(n, RTA_ALIGN((size_t)a.rta_len));
		for (const struct attr_rule *r = rules; r->type; r++) {
			if (r->type != (a.rta_type & NLA_TYPE_MASK) || (dump && !r->dump))
				continue;
			if (r->size == ANY_SIZE ? !size || size > 16 || p[sizeof(a) + size - 1] :
						  size != r->size && size != r->size2)
				return -EINVAL;
			if (used + RTA_SPACE(size) > NL_MAX_REQUEST)
				return -EINVAL;
			memset(out + used, 0, RTA_SPACE(size));
			memcpy(out + used, &(struct rtattr){a.rta_len, r->type}, sizeof(a));
			memcpy(out + used + sizeof(a), p + sizeof(a), size);
			used += RTA_SPACE(size);
		}
		p += step;
		n -= step;
	}
	return (int)used;
}

static int finish(struct nlmsghdr *h, uint16_t type, bool dump, int used)
{
	if (used < 0)
		return used;
	*h = (struct nlmsghdr){.nlmsg_len = (uint32_t)used,
			       .nlmsg_type = type,
			       .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK))};
	return used;
}

int netlink_route_request(const struct nlmsghdr *m, const void *payload, size_t n, void *out)
{
	const uint8_t *p = payload;
	uint8_t *q = out;
	bool dump;

	if (m->nlmsg_type > RTM_MAX)
		return -EOPNOTSUPP;
	if (n < sizeof(struct rtgenmsg))
		return 0;
	if ((m->nlmsg_type & 3) != 2) /* the third of each four is the question */
		return -EPERM;
	dump = m->nlmsg_flags & NLM_F_DUMP;
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		size_t head = questions[i].head, at = NLMSG_HDRLEN + NLMSG_ALIGN(head);

		if (questions[i].type != m->nlmsg_type)
			continue;
		if (n < head && !dump)
			return -EINVAL;
		memset(q, 0, at);
		if (dump)
			q[NLMSG_HDRLEN] = p[0]; /* the address family; the rest filters nothing unless asked to */
		else
			memcpy(q + NLMSG_HDRLEN, p, head);
		head = NLMSG_ALIGN(head);
		return finish(out, m->nlmsg_type, dump,
			      n > head ? copy_attrs(questions[i].attrs, dump, p + head, n - head, q, at) : (int)at);
	}
	return -EOPNOTSUPP;
}

int netlink_diag_request(const struct nlmsghdr *m, const void *payload, size_t n, void *out)
{
	struct inet_diag_req_v2 q;
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(q));

	if (m->nlmsg_type == TCPDIAG_GETSOCK || m->nlmsg_type == DCCPDIAG_GETSOCK)
		return -EOPNOTSUPP; /* the older form of the same question */
	if (m->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return m->nlmsg_type == SOCK_DESTROY ? -EPERM : -EINVAL;
	if (n < sizeof(struct sock_diag_req))
		return -EINVAL;
	if (n < sizeof(q))
		return -ENOENT;
	memcpy(&q, payload, sizeof(q));
	if (q.sdiag_family != AF_INET && q.sdiag_family != AF_INET6)
		return -ENOENT;
	if (q.sdiag_protocol != IPPROTO_TCP && q.sdiag_protocol != IPPROTO_UDP)
		return -ENOENT;
	/* Filter programs are not passed on. Without an answer ss reads /proc/net and filters itself. */
	if (n > NLMSG_ALIGN(sizeof(q)) + sizeof(struct rtattr))
		return -EOPNOTSUPP;
	memset(out, 0, at);
	memcpy((uint8_t *)out + NLMSG_HDRLEN, &q, sizeof(q));
	return finish(out, m->nlmsg_type, m->nlmsg_flags & NLM_F_DUMP, (int)at);
}

void netlink_diag_answer(struct nlmsghdr *m)
{
	struct inet_diag_msg *d = NLMSG_DATA(m);
	unsigned uid;
	uint64_t ino;

	if (m->nlmsg_type != SOCK_DIAG_BY_FAMILY || m->nlmsg_len < NLMSG_LENGTH(sizeof(*d)))
		return;
	inet_owner(d->idiag_inode, &uid, &ino);
	d->idiag_inode = (uint32_t)ino;
	d->idiag_uid = uid;
}
