/* SPDX-License-Identifier: Apache-2.0 */
/* UDP and ICMP datagrams over the loopback. */
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include "inet.h"

TEST(datagrams)
{
	struct sockaddr_in a, b, from;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b), n = -1;
	socklen_t k = sizeof(from);
	char t[16];

	CHECK_ERR(send(x, "a", 1, 0), EDESTADDRREQ);
	CHECK_EQ(sendto(x, "hello", 5, 0, (void *)&b, sizeof(b)), 5);
	CHECK_EQ(sendto(x, "", 0, 0, (void *)&b, sizeof(b)), 0);
	CHECK_EQ(sendto(x, "second", 6, 0, (void *)&b, sizeof(b)), 6);
	CHECK_EQ(ioctl(y, FIONREAD, &n), 0);
	CHECK_EQ(n, 5);
	CHECK_EQ(recvfrom(y, t, 3, MSG_PEEK | MSG_TRUNC, (void *)&from, &k), 5);
	CHECK_EQ(from.sin_port, a.sin_port);
	CHECK_EQ(k, sizeof(from));
	CHECK_EQ(recv(y, t, 3, 0), 3);
	CHECK_EQ(recv(y, t, 3, 0), 0);
	CHECK_EQ(recv(y, t, 16, 0), 6);
	CHECK_ERR(recv(y, t, 3, MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(sendto(x, "a", 1, 0, (void *)&b, 4), EINVAL);
	b.sin_port = 0;
	CHECK_ERR(sendto(x, "a", 1, 0, (void *)&b, sizeof(b)), EINVAL);
	CHECK_ERR(listen(x, 1), EOPNOTSUPP);
	CHECK_ERR(accept(x, NULL, NULL), EOPNOTSUPP);
}

TEST(large)
{
	static char big[70000], in[70000];
	struct sockaddr_in a;
	int x = bound(SOCK_DGRAM, &a);

	memset(big, 'z', sizeof(big));
	CHECK_ERR(sendto(x, big, 65508, 0, (void *)&a, sizeof(a)), EMSGSIZE);
	CHECK_ERR(sendto(x, big, 70000, 0, (void *)&a, sizeof(a)), EMSGSIZE);
	CHECK_EQ(sendto(x, big, 65507, 0, (void *)&a, sizeof(a)), 65507);
	CHECK_EQ(recv(x, in, sizeof(in), 0), 65507);
	CHECK(!memcmp(in, big, 65507));
}

TEST(connected)
{
	struct sockaddr_in a, b, none = {.sin_family = AF_UNSPEC};
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b);
	socklen_t k = sizeof(a);
	char t[4];

	CHECK_EQ(connect(x, (void *)&b, sizeof(b)), 0);
	CHECK_EQ(send(x, "abc", 3, 0), 3);
	CHECK_EQ(recv(y, t, 4, 0), 3);
	CHECK_EQ(getpeername(x, (void *)&a, &k), 0);
	CHECK_EQ(a.sin_port, b.sin_port);
	close(y);
	CHECK_EQ(send(x, "abc", 3, 0), 3);
	CHECK(shows(x, POLLIN, 2000) & POLLERR);
	CHECK_ERR(recv(x, t, 4, 0), ECONNREFUSED);
	CHECK_EQ(connect(x, (void *)&none, sizeof(none)), 0);
	CHECK_ERR(getpeername(x, (void *)&a, &k), ENOTCONN);
	CHECK_ERR(shutdown(x, SHUT_RDWR), ENOTCONN);
}

TEST(shut)
{
	struct sockaddr_in a;
	int x = bound(SOCK_DGRAM, &a);
	char t[4];

	CHECK_EQ(connect(x, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(shutdown(x, SHUT_RDWR), 0);
	CHECK_EQ(recv(x, t, 4, 0), 0);
	CHECK_ERR(send(x, "a", 1, 0), EPIPE); /* no SIGPIPE: it is no stream */
}

TEST(timeout)
{
	struct timeval tv = {0, 30000};
	struct sockaddr_in a;
	int x = bound(SOCK_DGRAM, &a);
	char t[4];

	CHECK_EQ(setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	CHECK_ERR(recv(x, t, 4, 0), EAGAIN);
}

TEST(six)
{
	struct sockaddr_in6 a = lo6(0);
	socklen_t n = sizeof(a);
	int x = socket(AF_INET6, SOCK_DGRAM, 0);
	char t[4];

	REQUIRE(x >= 0);
	CHECK_EQ(bind(x, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(getsockname(x, (void *)&a, &n), 0);
	CHECK_EQ(sendto(x, "abc", 3, 0, (void *)&a, sizeof(a)), 3);
	CHECK_EQ(recv(x, t, 4, 0), 3);
}

TEST(reuseport)
{
	struct sockaddr_in a;
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
	socklen_t n = sizeof(a);

	CHECK_EQ(setsockopt(x, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	a = lo4(0);
	CHECK_EQ(bind(x, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(getsockname(x, (void *)&a, &n), 0);
	CHECK_ERR(bind(y, (void *)&a, sizeof(a)), EADDRINUSE);
	CHECK_EQ(setsockopt(y, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	CHECK_EQ(bind(y, (void *)&a, sizeof(a)), 0);
}

TEST(ping)
{
	struct icmphdr h = {.type = ICMP_ECHO, .un.echo.sequence = htons(7)}, r;
	struct sockaddr_in a = lo4(0);
	int s = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	REQUIRE(s >= 0);
	CHECK_EQ(sendto(s, &h, sizeof(h), 0, (void *)&a, sizeof(a)), sizeof(h));
	CHECK(shows(s, POLLIN, 2000) & POLLIN);
	CHECK_EQ(recv(s, &r, sizeof(r), 0), sizeof(r));
	CHECK_EQ(r.type, ICMP_ECHOREPLY);
	CHECK_EQ(r.un.echo.sequence, htons(7));
}

TEST(ping6)
{
	struct icmp6_hdr h = {.icmp6_type = ICMP6_ECHO_REQUEST}, r;
	struct sockaddr_in6 a = lo6(0);
	int s = socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);

	REQUIRE(s >= 0);
	CHECK_EQ(sendto(s, &h, sizeof(h), 0, (void *)&a, sizeof(a)), sizeof(h));
	CHECK(shows(s, POLLIN, 2000) & POLLIN);
	CHECK_EQ(recv(s, &r, sizeof(r), 0), sizeof(r));
	CHECK_EQ(r.icmp6_type, ICMP6_ECHO_REPLY);
}
TAP_MAIN()
