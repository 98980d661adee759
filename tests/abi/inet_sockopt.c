/* SPDX-License-Identifier: Apache-2.0 */
/* Options of internet sockets. */
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/time.h>
#include "inet.h"

static int get(int s, int level, int name)
{
	int v = -12345;
	socklen_t n = sizeof(v);

	return getsockopt(s, level, name, &v, &n) < 0 ? -errno : v;
}

static int set(int s, int level, int name, int v)
{
	return setsockopt(s, level, name, &v, sizeof(v)) < 0 ? -errno : 0;
}

/* Sets it to v and reads it back. */
static void keeps(int s, int level, int name, int v)
{
	int r = set(s, level, name, v), back = get(s, level, name);

	if (r != 0 || back != v)
		TAP_FAIL("option %d/%d: set gives %d, %d comes back, not %d", level, name, r, back, v);
}

TEST(socket_level)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0), before;

	CHECK_EQ(get(s, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	CHECK_EQ(get(s, SOL_SOCKET, SO_DOMAIN), AF_INET);
	CHECK_EQ(get(s, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	CHECK_EQ(get(u, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
	CHECK_EQ(get(s, SOL_SOCKET, SO_ACCEPTCONN), 0);
	CHECK_EQ(get(s, SOL_SOCKET, SO_ERROR), 0);
	keeps(s, SOL_SOCKET, SO_REUSEADDR, 1);
	keeps(s, SOL_SOCKET, SO_REUSEPORT, 1);
	keeps(s, SOL_SOCKET, SO_KEEPALIVE, 1);
	keeps(s, SOL_SOCKET, SO_OOBINLINE, 1);
	keeps(u, SOL_SOCKET, SO_BROADCAST, 1);
	keeps(s, SOL_SOCKET, SO_DONTROUTE, 1);
	keeps(s, SOL_SOCKET, SO_RCVLOWAT, 7);
	keeps(s, SOL_SOCKET, SO_PRIORITY, 3);
	keeps(u, SOL_SOCKET, SO_TIMESTAMP, 1);
	keeps(u, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	keeps(u, SOL_SOCKET, SO_RXQ_OVFL, 1);
	before = get(s, SOL_SOCKET, SO_SNDBUF);
	CHECK(before > 0);
	CHECK_EQ(set(s, SOL_SOCKET, SO_SNDBUF, 20000), 0);
	CHECK_EQ(get(s, SOL_SOCKET, SO_SNDBUF), 40000);
	CHECK_EQ(set(s, SOL_SOCKET, SO_RCVBUF, 20000), 0);
	CHECK_EQ(get(s, SOL_SOCKET, SO_RCVBUF), 40000);
	CHECK_EQ(set(s, SOL_SOCKET, SO_SNDLOWAT, 5), -ENOPROTOOPT);
	CHECK_EQ(get(s, SOL_SOCKET, SO_SNDLOWAT), 1);
	CHECK_EQ(get(s, SOL_SOCKET, 5000), -ENOPROTOOPT);
	CHECK_EQ(set(s, SOL_SOCKET, 5000, 1), -ENOPROTOOPT);
	CHECK_EQ(set(s, SOL_SOCKET, SO_TYPE, 1), -ENOPROTOOPT);
	CHECK_EQ(get(s, 12345, 1), -EOPNOTSUPP);
	CHECK_EQ(set(s, 12345, 1, 1), -ENOPROTOOPT);
}

TEST(sizes)
{
	struct linger l = {1, 9};
	char name[32] = "";
	socklen_t n = 4;
	int s = socket(AF_INET, SOCK_STREAM, 0), v = 1;
	void *volatile bad = (void *)8;

	CHECK_ERR(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, 2), EINVAL);
	CHECK_ERR(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, -1), EINVAL);
	CHECK_ERR(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (void *)1, 4), EFAULT);
	CHECK_ERR(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, 4), EINVAL);
	CHECK_ERR(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, bad), EFAULT);
	CHECK_ERR(getsockopt(s, SOL_SOCKET, SO_TYPE, bad, &n), EFAULT);
	CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	memset(&l, 0, sizeof(l));
	n = 100;
	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &n), 0);
	CHECK_EQ(n, sizeof(l));
	CHECK_EQ(l.l_onoff, 1);
	CHECK_EQ(l.l_linger, 9);
	n = 2;
	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &n), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	n = sizeof(name);
	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &n), 0);
	CHECK_STR(name, "lo");
	CHECK_ERR(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "nowhere", 8), ENODEV);
	CHECK_ERR(setsockopt(2, SOL_SOCKET, SO_REUSEADDR, &v, 4), ENOTSOCK);
}

TEST(tcp_level)
{
	struct tcp_info ti = {0};
	socklen_t n = sizeof(ti);
	char cc[17] = "";
	int p[2], u = socket(AF_INET, SOCK_DGRAM, 0);

	tcp_pair(p);
	keeps(p[0], IPPROTO_TCP, TCP_NODELAY, 1);
	keeps(p[0], IPPROTO_TCP, TCP_CORK, 1);
	keeps(p[0], IPPROTO_TCP, TCP_KEEPIDLE, 60);
	keeps(p[0], IPPROTO_TCP, TCP_KEEPINTVL, 5);
	keeps(p[0], IPPROTO_TCP, TCP_KEEPCNT, 3);
	keeps(p[0], IPPROTO_TCP, TCP_SYNCNT, 3);
	keeps(p[0], IPPROTO_TCP, TCP_LINGER2, 10);
	keeps(p[0], IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
	keeps(p[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384);
	CHECK_EQ(set(p[0], IPPROTO_TCP, TCP_KEEPIDLE, 0), -EINVAL);
	CHECK_EQ(set(p[0], IPPROTO_TCP, TCP_QUICKACK, 1), 0);
	CHECK(get(p[0], IPPROTO_TCP, TCP_MAXSEG) > 500);
	CHECK_EQ(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &ti, &n), 0);
	CHECK_EQ(ti.tcpi_state, TCP_ESTABLISHED);
	n = 16;
	CHECK_EQ(getsockopt(p[0], IPPROTO_TCP, TCP_CONGESTION, cc, &n), 0);
	CHECK(cc[0] != 0);
	CHECK_EQ(setsockopt(p[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	CHECK_ERR(setsockopt(p[0], IPPROTO_TCP, TCP_CONGESTION, "no-such-thing", 13), ENOENT);
	CHECK_EQ(set(p[0], IPPROTO_TCP, 9999, 1), -ENOPROTOOPT);
	CHECK_EQ(set(u, IPPROTO_TCP, TCP_NODELAY, 1), -ENOPROTOOPT);
	CHECK_EQ(get(u, IPPROTO_TCP, TCP_NODELAY), -EOPNOTSUPP);
	CHECK_EQ(get(socket(AF_INET6, SOCK_DGRAM, 0), IPPROTO_TCP, TCP_NODELAY), -ENOPROTOOPT);
	CHECK_EQ(set(p[0], IPPROTO_UDP, UDP_CORK, 1), -ENOPROTOOPT);
}

TEST(defer_and_fastopen)
{
	struct sockaddr_in a;
	int l = listener(&a);

	CHECK_EQ(set(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1), 0);
	CHECK(get(l, IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 1);
	keeps(l, IPPROTO_TCP, TCP_FASTOPEN, 16);
	CHECK_EQ(get(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
}

TEST(ip_level)
{
	struct ip_mreq m = {{htonl(0xe0000123)}, {htonl(INADDR_LOOPBACK)}};
	struct ip_mreqn mn = {{0}, {htonl(INADDR_LOOPBACK)}, 0};
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	keeps(s, IPPROTO_IP, IP_TOS, 0x10);
	keeps(s, IPPROTO_IP, IP_TTL, 33);
	keeps(s, IPPROTO_IP, IP_PKTINFO, 1);
	keeps(s, IPPROTO_IP, IP_RECVTTL, 1);
	keeps(s, IPPROTO_IP, IP_RECVTOS, 1);
	keeps(s, IPPROTO_IP, IP_RECVERR, 1);
	keeps(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	keeps(s, IPPROTO_IP, IP_FREEBIND, 1);
	keeps(s, IPPROTO_IP, IP_MULTICAST_TTL, 4);
	keeps(s, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	keeps(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	CHECK_EQ(set(s, IPPROTO_IP, IP_TTL, 300), -EINVAL);
	CHECK_EQ(get(s, IPPROTO_IP, IP_MTU), -ENOTCONN);
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), 0);
	CHECK_ERR(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), EADDRINUSE);
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)), 0);
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &mn, sizeof(mn)), 0);
	CHECK_EQ(get(s, IPPROTO_IPV6, IPV6_V6ONLY), -EOPNOTSUPP);
	CHECK_EQ(set(s, IPPROTO_IPV6, IPV6_V6ONLY, 1), -ENOPROTOOPT);
	CHECK_EQ(set(s, IPPROTO_IP, 250, 1), -ENOPROTOOPT);
}

TEST(ipv6_level)
{
	struct ipv6_mreq m = {.ipv6mr_interface = 1};
	int s = socket(AF_INET6, SOCK_DGRAM, 0);

	REQUIRE(s >= 0);
	keeps(s, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	keeps(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
	keeps(s, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 2);
	keeps(s, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	keeps(s, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1);
	keeps(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	keeps(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	keeps(s, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	keeps(s, IPPROTO_IPV6, IPV6_TCLASS, 8);
	keeps(s, IPPROTO_IPV6, IPV6_RECVERR, 1);
	inet_pton(AF_INET6, "ff02::1234", &m.ipv6mr_multiaddr);
	CHECK_EQ(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)), 0);
	CHECK_EQ(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof(m)), 0);
	CHECK_ERR(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof(m)), EADDRNOTAVAIL);
}

TEST(credentials_of_inet)
{
	struct ucred u = {1, 1, 1};
	socklen_t n = sizeof(u);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &n), 0);
	CHECK_EQ(u.pid, 0);
	CHECK_EQ(u.uid, (uid_t)-1);
	n = sizeof(u);
	CHECK_ERR(getsockopt(s, SOL_SOCKET, SO_PEERSEC, &u, &n), ENOPROTOOPT);
}

TEST(not_for_everybody)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (setuid(12345) != 0)
		SKIP("no right to become another user");
	CHECK_EQ(set(s, SOL_SOCKET, SO_MARK, 1), -EPERM);
	CHECK_EQ(set(s, SOL_SOCKET, SO_RCVBUFFORCE, 1000), -EPERM);
	CHECK_EQ(set(s, IPPROTO_IP, IP_TRANSPARENT, 1), -EPERM);
	CHECK_EQ(set(s, SOL_SOCKET, SO_PRIORITY, 7), -EPERM);
}
TAP_MAIN()
