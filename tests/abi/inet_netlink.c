/* SPDX-License-Identifier: Apache-2.0 */
/* AF_NETLINK: what interfaces, addresses, routes and sockets there are. */
#include <ifaddrs.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <sys/stat.h>
#include "inet.h"

struct request {
	struct nlmsghdr h;
	union {
		struct rtgenmsg gen;
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
		struct inet_diag_req_v2 diag;
	};
	char rest[64];
};

static int nl(int proto)
{
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto);

	REQUIRE(s >= 0);
	return s;
}

static int ask(int s, struct request *q, int type, int flags, size_t n)
{
	q->h = (struct nlmsghdr){.nlmsg_len = (uint32_t)NLMSG_LENGTH(n), .nlmsg_type = (uint16_t)type,
				 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = 4711};
	return send(s, q, q->h.nlmsg_len, 0) == (ssize_t)q->h.nlmsg_len ? 0 : -1;
}

/* Reads to the end of an answer. fn is called for each message; the error of NLMSG_ERROR, 1 at NLMSG_DONE. */
static int answer(int s, void (*fn)(struct nlmsghdr *h, void *priv), void *priv)
{
	static char b[65536] __attribute__((aligned(8)));

	for (;;) {
		int n = (int)recv(s, b, sizeof(b), 0);

		REQUIRE(n > 0);
		for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			CHECK_EQ(h->nlmsg_seq, 4711);
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_type == NLMSG_DONE)
				return 1;
			fn(h, priv);
			if (!(h->nlmsg_flags & NLM_F_MULTI))
				return 2;
		}
	}
}

TEST(kinds)
{
	CHECK_ERR(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE), ESOCKTNOSUPPORT);
	CHECK_ERR(socket(AF_NETLINK, SOCK_RAW, 31), EPROTONOSUPPORT);
	CHECK_ERR(socket(AF_NETLINK, SOCK_RAW, 99), EPROTONOSUPPORT);
}

TEST(names)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK}, b = {0};
	socklen_t n = sizeof(b);
	int s = nl(NETLINK_ROUTE), t = nl(NETLINK_ROUTE);

	CHECK_ERR(bind(s, (void *)&a, 4), EINVAL);
	CHECK_EQ(getsockname(s, (void *)&b, &n), 0);
	CHECK_EQ(b.nl_pid, 0);
	CHECK_EQ(bind(s, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(getsockname(s, (void *)&b, &n), 0);
	CHECK_EQ(n, sizeof(b));
	CHECK_EQ(b.nl_pid, getpid());
	a.nl_pid = b.nl_pid;
	CHECK_ERR(bind(t, (void *)&a, sizeof(a)), EADDRINUSE);
	a.nl_pid = 0;
	CHECK_EQ(bind(t, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(getsockname(t, (void *)&b, &n), 0);
	CHECK(b.nl_pid != 0 && b.nl_pid != (unsigned)getpid());
	a.nl_pid = 77;
	CHECK_ERR(bind(t, (void *)&a, sizeof(a)), EINVAL);
	CHECK_ERR(listen(t, 1), EOPNOTSUPP);
}

static void see_link(struct nlmsghdr *h, void *priv)
{
	struct ifinfomsg *i = NLMSG_DATA(h);
	int n = (int)IFLA_PAYLOAD(h);

	CHECK_EQ(h->nlmsg_type, RTM_NEWLINK);
	CHECK_EQ(h->nlmsg_pid, getpid());
	for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (a->rta_type == IFLA_IFNAME && !strcmp(RTA_DATA(a), "lo") && i->ifi_index == 1 && (i->ifi_flags & IFF_UP))
			++*(int *)priv;
}

TEST(links)
{
	struct request q = {0};
	int s = nl(NETLINK_ROUTE), seen = 0;

	q.gen.rtgen_family = AF_UNSPEC;
	CHECK_EQ(ask(s, &q, RTM_GETLINK, NLM_F_DUMP, sizeof(q.gen)), 0);
	CHECK_EQ(answer(s, see_link, &seen), 1);
	CHECK_EQ(seen, 1);
	memset(&q, 0, sizeof(q));
	q.link.ifi_index = 1;
	CHECK_EQ(ask(s, &q, RTM_GETLINK, 0, sizeof(q.link)), 0);
	CHECK_EQ(answer(s, see_link, &seen), 2);
	CHECK_EQ(seen, 2);
	q.link.ifi_index = 4242;
	CHECK_EQ(ask(s, &q, RTM_GETLINK, 0, sizeof(q.link)), 0);
	CHECK_EQ(answer(s, see_link, &seen), -ENODEV);
}

TEST(link_by_name)
{
	struct request q = {0};
	int s = nl(NETLINK_ROUTE), seen = 0;
	struct rtattr *a = (void *)((char *)&q.link + NLMSG_ALIGN(sizeof(q.link)));

	*a = (struct rtattr){RTA_LENGTH(3), IFLA_IFNAME};
	strcpy(RTA_DATA(a), "lo");
	CHECK_EQ(ask(s, &q, RTM_GETLINK, 0, NLMSG_ALIGN(sizeof(q.link)) + RTA_SPACE(3)), 0);
	CHECK_EQ(answer(s, see_link, &seen), 2);
	CHECK_EQ(seen, 1);
}

static void see_addr(struct nlmsghdr *h, void *priv)
{
	struct ifaddrmsg *i = NLMSG_DATA(h);
	int n = (int)IFA_PAYLOAD(h);

	CHECK_EQ(h->nlmsg_type, RTM_NEWADDR);
	for (struct rtattr *a = IFA_RTA(i); RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (i->ifa_family == AF_INET && a->rta_type == IFA_ADDRESS && i->ifa_prefixlen == 8 &&
		    *(uint32_t *)RTA_DATA(a) == htonl(INADDR_LOOPBACK))
			++*(int *)priv;
}

TEST(addresses)
{
	struct request q = {0};
	int s = nl(NETLINK_ROUTE), seen = 0;

	CHECK_EQ(ask(s, &q, RTM_GETADDR, NLM_F_DUMP, sizeof(q.gen)), 0);
	CHECK_EQ(answer(s, see_addr, &seen), 1);
	CHECK_EQ(seen, 1);
}

static void count(struct nlmsghdr *h, void *priv)
{
	if (h->nlmsg_type >= NLMSG_MIN_TYPE)
		++*(int *)priv;
}

TEST(routes)
{
	struct request q = {0};
	int s = nl(NETLINK_ROUTE), seen = 0;
	struct rtattr *a = (void *)((char *)&q.route + NLMSG_ALIGN(sizeof(q.route)));

	q.route.rtm_family = AF_INET;
	CHECK_EQ(ask(s, &q, RTM_GETROUTE, NLM_F_DUMP, sizeof(q.route)), 0);
	CHECK_EQ(answer(s, count, &seen), 1);
	CHECK(seen > 0);
	q.route.rtm_dst_len = 32;
	*a = (struct rtattr){RTA_LENGTH(4), RTA_DST};
	*(uint32_t *)RTA_DATA(a) = htonl(INADDR_LOOPBACK);
	seen = 0;
	CHECK_EQ(ask(s, &q, RTM_GETROUTE, 0, NLMSG_ALIGN(sizeof(q.route)) + RTA_SPACE(4)), 0);
	CHECK_EQ(answer(s, count, &seen), 2);
	*(uint32_t *)RTA_DATA(a) = htonl(0x08080808);
	CHECK_EQ(ask(s, &q, RTM_GETROUTE, 0, NLMSG_ALIGN(sizeof(q.route)) + RTA_SPACE(4)), 0);
	CHECK_EQ(answer(s, count, &seen), -ENETUNREACH);
	memset(&q, 0, sizeof(q));
	CHECK_EQ(ask(s, &q, RTM_GETNEIGH, NLM_F_DUMP, sizeof(q.gen)), 0);
	CHECK_EQ(answer(s, count, &seen), 1);
}

TEST(refusals)
{
	struct request q = {0};
	int s = nl(NETLINK_ROUTE), seen = 0;
	char small[8];

	CHECK_EQ(ask(s, &q, 9999, NLM_F_ACK, sizeof(q.gen)), 0);
	CHECK_EQ(answer(s, count, &seen), -EOPNOTSUPP);
	CHECK_EQ(ask(s, &q, RTM_GETLINK, NLM_F_ACK, 0), 0); /* too short to be a question: only acknowledged */
	CHECK_EQ(answer(s, count, &seen), 0);
	q.h = (struct nlmsghdr){.nlmsg_len = 4};
	CHECK_EQ(send(s, &q, sizeof(q.h), 0), sizeof(q.h));
	CHECK_ERR(recv(s, small, 8, MSG_DONTWAIT), EAGAIN);
	memset(&q, 0, sizeof(q));
	CHECK_EQ(ask(s, &q, RTM_GETLINK, NLM_F_DUMP, sizeof(q.gen)), 0);
	CHECK(recv(s, small, 8, MSG_PEEK | MSG_TRUNC) > 8);
	CHECK_EQ(answer(s, see_link, &seen), 1);
	CHECK_ERR(send(s, (void *)8, 20, 0), EFAULT);
	if (setuid(12345) != 0)
		SKIP("no right to become another user");
	memset(&q, 0, sizeof(q));
	q.link.ifi_index = 1;
	CHECK_EQ(ask(s, &q, RTM_SETLINK, NLM_F_ACK, sizeof(q.link)), 0);
	CHECK_EQ(answer(s, count, &seen), -EPERM);
	CHECK_EQ(ask(s, &q, RTM_DELLINK, NLM_F_ACK, sizeof(q.link)), 0);
	CHECK_EQ(answer(s, count, &seen), -EPERM);
}

TEST(options)
{
	int s = nl(NETLINK_ROUTE), on = 1, v = -1;
	socklen_t n = sizeof(v);

	CHECK_EQ(setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &on, 4), 0);
	CHECK_EQ(getsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &v, &n), 0);
	CHECK_EQ(v, 1);
	CHECK_EQ(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &on, 4), 0);
	CHECK_ERR(setsockopt(s, SOL_NETLINK, 99, &on, 4), ENOPROTOOPT);
	CHECK_EQ(setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &on, 2), 0); /* too short is zero */
	CHECK_EQ(getsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &v, &n), 0);
	CHECK_EQ(v, 0);
	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_PROTOCOL, &v, &n), 0);
	CHECK_EQ(v, NETLINK_ROUTE);
}

TEST(of_libc)
{
	struct ifaddrs *list, *i;
	int seen = 0;

	REQUIRE(getifaddrs(&list) == 0);
	for (i = list; i; i = i->ifa_next)
		if (!strcmp(i->ifa_name, "lo") && i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
		    ((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK))
			seen++;
	CHECK_EQ(seen, 1);
	freeifaddrs(list);
}

struct wanted {
	unsigned port, found, uid;
	ino_t ino;
};

static void see_socket(struct nlmsghdr *h, void *priv)
{
	struct inet_diag_msg *d = NLMSG_DATA(h);
	struct wanted *w = priv;

	if (d->id.idiag_sport != w->port)
		return;
	w->found++;
	CHECK_EQ(d->idiag_state, TCP_LISTEN);
	CHECK_EQ(d->idiag_inode, w->ino);
	CHECK_EQ(d->idiag_uid, w->uid);
}

TEST(sockets)
{
	struct request q = {0};
	struct sockaddr_in a;
	int l = listener(&a), s = nl(NETLINK_SOCK_DIAG), r;
	struct wanted w = {.port = a.sin_port, .uid = getuid()};
	struct stat st;

	CHECK_EQ(fstat(l, &st), 0);
	w.ino = st.st_ino;
	q.diag = (struct inet_diag_req_v2){.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP,
					   .idiag_states = ~0U};
	CHECK_EQ(ask(s, &q, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(q.diag)), 0);
	r = answer(s, see_socket, &w);
	if (r == -ENOENT)
		SKIP("the host has no tcp_diag");
	CHECK_EQ(r, 1);
	CHECK_EQ(w.found, 1);
}
TAP_MAIN()
