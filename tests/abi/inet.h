/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of internet sockets share: addresses on the loopback, connected pairs. */
#ifndef NACRE_TESTS_ABI_INET_H
#define NACRE_TESTS_ABI_INET_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include "../tap.h"

#define UNUSED __attribute__((unused))

UNUSED static struct sockaddr_in lo4(unsigned port)
{
	return (struct sockaddr_in){AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
}

UNUSED static struct sockaddr_in6 lo6(unsigned port)
{
	return (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
				     .sin6_addr = IN6ADDR_LOOPBACK_INIT};
}

/* A socket bound to the loopback; *a is its name. */
UNUSED static int bound(int type, struct sockaddr_in *a)
{
	socklen_t n = sizeof(*a);
	int s = socket(AF_INET, type, 0);

	*a = lo4(0);
	REQUIRE(s >= 0);
	REQUIRE(bind(s, (void *)a, sizeof(*a)) == 0);
	REQUIRE(getsockname(s, (void *)a, &n) == 0);
	return s;
}

UNUSED static int listener(struct sockaddr_in *a)
{
	int s = bound(SOCK_STREAM, a);

	REQUIRE(listen(s, 8) == 0);
	return s;
}

/* Two ends of a TCP connection. */
UNUSED static void tcp_pair(int p[2])
{
	struct sockaddr_in a;
	int l = listener(&a);

	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(connect(p[0], (void *)&a, sizeof(a)) == 0);
	p[1] = accept(l, NULL, NULL);
	REQUIRE(p[1] >= 0);
	close(l);
}

/* What poll shows of events on fd within ms. */
UNUSED static int shows(int fd, int events, int ms)
{
	struct pollfd p = {fd, (short)events, 0};

	return poll(&p, 1, ms) < 0 ? -1 : p.revents;
}

#endif
