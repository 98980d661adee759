/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of internet sockets: vectors, control messages, several at once. */
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <sys/time.h>
#include <sys/uio.h>
#include "inet.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct box {
	char control[256];
	char data[64];
	struct iovec v;
	struct sockaddr_storage from;
	struct msghdr h;
};

static struct msghdr *box(struct box *b, size_t room)
{
	memset(b, 0, sizeof(*b));
	b->v = (struct iovec){b->data, sizeof(b->data)};
	b->h = (struct msghdr){.msg_name = &b->from, .msg_namelen = sizeof(b->from), .msg_iov = &b->v, .msg_iovlen = 1,
			       .msg_control = b->control, .msg_controllen = room};
	return &b->h;
}

static void *find(struct msghdr *h, int level, int type, size_t size)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len == CMSG_LEN(size))
			return CMSG_DATA(c);
	return NULL;
}

static void add(struct msghdr *h, void *room, int level, int type, const void *v, size_t n)
{
	struct cmsghdr *c = (void *)((char *)room + h->msg_controllen);

	h->msg_control = room;
	*c = (struct cmsghdr){CMSG_LEN(n), level, type};
	memcpy(CMSG_DATA(c), v, n);
	h->msg_controllen += CMSG_SPACE(n);
}

static const int on = 1;

TEST(what_comes_along)
{
	struct sockaddr_in a;
	int s = bound(SOCK_DGRAM, &a);
	struct in_pktinfo *pi;
	struct box b;
	int *v;

	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &on, 4), 0);
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_RECVTTL, &on, 4), 0);
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_RECVTOS, &on, 4), 0);
	CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &on, 4), 0);
	CHECK_EQ(sendto(s, "abc", 3, 0, (void *)&a, sizeof(a)), 3);
	CHECK_EQ(recvmsg(s, box(&b, 256), 0), 3);
	CHECK_EQ(b.h.msg_flags, 0);
	CHECK_EQ(b.h.msg_namelen, sizeof(a));
	pi = find(&b.h, IPPROTO_IP, IP_PKTINFO, sizeof(*pi));
	CHECK(pi && pi->ipi_ifindex == 1 && pi->ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
	v = find(&b.h, IPPROTO_IP, IP_TTL, 4);
	CHECK(v && *v == 64);
	CHECK(find(&b.h, IPPROTO_IP, IP_TOS, 1));
	CHECK(find(&b.h, SOL_SOCKET, SO_TIMESTAMPNS, sizeof(struct timespec)));
	CHECK_EQ(sendto(s, "abc", 3, 0, (void *)&a, sizeof(a)), 3);
	CHECK_EQ(recvmsg(s, box(&b, 8), 0), 3);
	CHECK_EQ(b.h.msg_flags, MSG_CTRUNC);
	b.v.iov_len = 2;
	CHECK_EQ(sendto(s, "abc", 3, 0, (void *)&a, sizeof(a)), 3);
	box(&b, 0)->msg_iov->iov_len = 2;
	CHECK_EQ(recvmsg(s, &b.h, 0), 2);
	CHECK_EQ(b.h.msg_flags, MSG_TRUNC | MSG_CTRUNC);
}

TEST(what_is_sent_along)
{
	struct in_pktinfo pi = {.ipi_spec_dst = {htonl(INADDR_LOOPBACK)}};
	char room[128], odd[CMSG_SPACE(4)] = {0};
	struct sockaddr_in a;
	int s = bound(SOCK_DGRAM, &a), ttl = 17, *v, tos = 0x20;
	struct iovec iov = {(void *)(uintptr_t)"xyz", 3};
	struct msghdr h = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1};
	struct box b;

	memset(room, 0, sizeof(room));
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_RECVTTL, &on, 4), 0);
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_RECVTOS, &on, 4), 0);
	add(&h, room, IPPROTO_IP, IP_TTL, &ttl, 4);
	add(&h, room, IPPROTO_IP, IP_TOS, &tos, 4);
	add(&h, room, IPPROTO_IP, IP_PKTINFO, &pi, sizeof(pi));
	CHECK_EQ(sendmsg(s, &h, 0), 3);
	CHECK_EQ(recvmsg(s, box(&b, 256), 0), 3);
	v = find(&b.h, IPPROTO_IP, IP_TTL, 4);
	CHECK(v && *v == 17);
	CHECK(find(&b.h, IPPROTO_IP, IP_TOS, 1) && *(char *)find(&b.h, IPPROTO_IP, IP_TOS, 1) == 0x20);
	h.msg_controllen = 0;
	add(&h, room, IPPROTO_IP, IP_TTL, &ttl, 2);
	CHECK_ERR(sendmsg(s, &h, 0), EINVAL);
	h.msg_controllen = 0;
	add(&h, room, IPPROTO_IP, 77, &ttl, 4);
	CHECK_ERR(sendmsg(s, &h, 0), EINVAL);
	h.msg_controllen = 0;
	add(&h, room, SOL_SOCKET, 12345, &ttl, 4);
	CHECK_ERR(sendmsg(s, &h, 0), EINVAL);
	h.msg_controllen = 0;
	add(&h, room, SOL_SOCKET, SCM_RIGHTS, &s, 4);
	CHECK_EQ(sendmsg(s, &h, 0), 3); /* means nothing here */
	((struct cmsghdr *)odd)->cmsg_len = 500;
	h.msg_control = odd;
	h.msg_controllen = sizeof(odd);
	CHECK_ERR(sendmsg(s, &h, 0), EINVAL);
}

TEST(segments)
{
	char room[64] = {0}, data[100];
	struct sockaddr_in a;
	int s = bound(SOCK_DGRAM, &a);
	uint16_t gso = 40;
	struct iovec iov = {data, 100};
	struct msghdr h = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1};

	memset(data, 1, sizeof(data));
	add(&h, room, IPPROTO_UDP, UDP_SEGMENT, &gso, 2);
	CHECK_EQ(sendmsg(s, &h, 0), 100);
	CHECK_EQ(recv(s, data, 100, 0), 40);
	CHECK_EQ(recv(s, data, 100, 0), 40);
	CHECK_EQ(recv(s, data, 100, 0), 20);
}

TEST(six)
{
	struct sockaddr_in6 a = lo6(0);
	socklen_t n = sizeof(a);
	int s = socket(AF_INET6, SOCK_DGRAM, 0), hops = 5, *v;
	struct in6_pktinfo pi = {.ipi6_addr = IN6ADDR_LOOPBACK_INIT}, *got;
	struct iovec iov = {(void *)(uintptr_t)"xyz", 3};
	struct msghdr h = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1};
	char room[128];
	struct box b;

	REQUIRE(s >= 0);
	memset(room, 0, sizeof(room));
	CHECK_EQ(bind(s, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(getsockname(s, (void *)&a, &n), 0);
	CHECK_EQ(setsockopt(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, 4), 0);
	CHECK_EQ(setsockopt(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, 4), 0);
	add(&h, room, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, 4);
	add(&h, room, IPPROTO_IPV6, IPV6_PKTINFO, &pi, sizeof(pi));
	CHECK_EQ(sendmsg(s, &h, 0), 3);
	CHECK_EQ(recvmsg(s, box(&b, 256), 0), 3);
	v = find(&b.h, IPPROTO_IPV6, IPV6_HOPLIMIT, 4);
	CHECK(v && *v == 5);
	got = find(&b.h, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(*got));
	CHECK(got && got->ipi6_ifindex == 1);
	((struct cmsghdr *)room)->cmsg_len = CMSG_LEN(3);
	CHECK_ERR(sendmsg(s, &h, 0), EINVAL);
}

TEST(error_queue)
{
	struct sockaddr_in a, dead;
	int s = bound(SOCK_DGRAM, &a);
	struct {
		struct sock_extended_err e;
		struct sockaddr_in from;
	} *err;
	struct box b;
	char t[4];

	close(bound(SOCK_DGRAM, &dead));
	CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_RECVERR, &on, 4), 0);
	CHECK_ERR(recvmsg(s, box(&b, 256), MSG_ERRQUEUE), EAGAIN);
	CHECK_EQ(sendto(s, "abc", 3, 0, (void *)&dead, sizeof(dead)), 3);
	CHECK(shows(s, POLLIN, 2000) & POLLERR);
	CHECK_ERR(recv(s, t, 4, MSG_DONTWAIT), ECONNREFUSED);
	CHECK_EQ(recvmsg(s, box(&b, 256), MSG_ERRQUEUE), 3);
	CHECK(b.h.msg_flags & MSG_ERRQUEUE);
	err = find(&b.h, IPPROTO_IP, IP_RECVERR, sizeof(*err));
	CHECK(err && err->e.ee_errno == ECONNREFUSED && err->e.ee_origin == SO_EE_ORIGIN_ICMP);
	CHECK_EQ(((struct sockaddr_in *)&b.from)->sin_port, dead.sin_port);
}

TEST(many_at_once)
{
	struct mmsghdr m[4] = {0}, in[6] = {0};
	struct iovec v[4], w[6];
	struct sockaddr_in a;
	struct timespec limit = {0, 50000000};
	char buf[6][8] = {0};
	int s = bound(SOCK_DGRAM, &a);

	for (int i = 0; i < 4; i++) {
		v[i] = (struct iovec){(void *)(uintptr_t)"abcdef", (size_t)(i + 1)};
		m[i].msg_hdr = (struct msghdr){.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &v[i], .msg_iovlen = 1};
	}
	for (int i = 0; i < 6; i++) {
		w[i] = (struct iovec){buf[i], 8};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &w[i], .msg_iovlen = 1};
	}
	CHECK_EQ(sendmmsg(s, m, 4, 0), 4);
	CHECK_EQ(m[2].msg_len, 3);
	CHECK_EQ(recvmmsg(s, in, 6, MSG_WAITFORONE, NULL), 4);
	CHECK_EQ(in[3].msg_len, 4);
	CHECK(!memcmp(buf[3], "abcd", 4));
	CHECK_ERR(recvmmsg(s, in, 6, MSG_DONTWAIT, NULL), EAGAIN);
	CHECK_EQ(sendmmsg(s, m, 2, 0), 2);
	CHECK_EQ(recvmmsg(s, in, 6, MSG_DONTWAIT, &limit), 2);
	CHECK(limit.tv_sec == 0 && limit.tv_nsec <= 50000000);
	limit.tv_nsec = 2000000000;
	CHECK_ERR(recvmmsg(s, in, 6, MSG_DONTWAIT, &limit), EINVAL);
	m[1].msg_hdr.msg_iov = (void *)1;
	CHECK_EQ(sendmmsg(s, m, 4, 0), 1);
	CHECK_ERR(sendmmsg(s, m + 1, 1, 0), EFAULT);
	CHECK_EQ(sendmmsg(s, m, 0, 0), 0);
}

TEST(vectors)
{
	struct iovec v[3] = {{(void *)(uintptr_t)"ab", 2}, {NULL, 0}, {(void *)(uintptr_t)"cde", 3}};
	char x[2], y[5];
	struct iovec w[2] = {{x, 2}, {y, 5}};
	struct msghdr h = {.msg_iov = v, .msg_iovlen = 3};
	int p[2];

	tcp_pair(p);
	CHECK_EQ(sendmsg(p[0], &h, 0), 5);
	CHECK_EQ(readv(p[1], w, 2), 5);
	CHECK(!memcmp(x, "ab", 2) && !memcmp(y, "cde", 3));
	h.msg_iovlen = 2000;
	CHECK_ERR(sendmsg(p[0], &h, 0), EMSGSIZE);
	CHECK_EQ(writev(p[0], v, 3), 5);
	CHECK_EQ(recv(p[1], y, 5, MSG_WAITALL), 5);
}

TEST(low_water)
{
	int p[2], five = 5;
	char b[8];

	tcp_pair(p);
	CHECK_EQ(setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &five, 4), 0);
	CHECK_EQ(send(p[0], "abc", 3, 0), 3);
	CHECK_EQ(shows(p[1], POLLIN, 50), 0);
	CHECK_EQ(recv(p[1], b, 8, MSG_DONTWAIT), 3);
	if (fork() == 0) {
		send(p[0], "ab", 2, 0);
		usleep(50000);
		send(p[0], "cde", 3, 0);
		_exit(0);
	}
	CHECK_EQ(recv(p[1], b, 8, 0), 5);
}
TAP_MAIN()
