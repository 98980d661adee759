/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "../tap.h"

TEST(pair_stream)
{
	struct pollfd f;
	char b[8];
	int s[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK_EQ(send(s[0], "abc", 3, 0), 3);
	CHECK_EQ(send(s[0], "de", 2, 0), 2);
	CHECK_EQ(recv(s[1], b, 2, MSG_PEEK), 2);
	CHECK_EQ(recv(s[1], b, 8, 0), 5);
	CHECK_ERR(recv(s[1], b, 8, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
	CHECK_EQ(recv(s[1], b, 8, 0), 0);
	close(s[0]);
	CHECK_ERR(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	f = (struct pollfd){s[1], POLLIN, 0};
	CHECK_EQ(poll(&f, 1, 0), 1);
	CHECK(f.revents & POLLHUP);
}

TEST(pair_packets)
{
	char b[8];
	int s[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	CHECK_EQ(send(s[0], "abc", 3, 0), 3);
	CHECK_EQ(send(s[0], "de", 2, 0), 2);
	CHECK_EQ(recv(s[1], b, 2, 0), 2);
	CHECK_EQ(recv(s[1], b, 8, 0), 2);
}

TEST(abstract_server)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t n = 2 + 1 + 9, k = sizeof(struct ucred);
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), x;
	struct ucred u;
	char b[4];

	snprintf(a.sun_path + 1, 20, "abi%06d", getpid() % 1000000);
	CHECK_ERR(connect(c, (void *)&a, n), ECONNREFUSED);
	CHECK_ERR(listen(l, 1), EINVAL);
	CHECK_EQ(bind(l, (void *)&a, n), 0);
	CHECK_ERR(bind(c, (void *)&a, n), EADDRINUSE);
	CHECK_EQ(listen(l, 2), 0);
	CHECK_EQ(connect(c, (void *)&a, n), 0);
	CHECK_ERR(connect(c, (void *)&a, n), EISCONN);
	x = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	REQUIRE(x >= 0);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &k), 0);
	CHECK_EQ(u.pid, getpid());
	CHECK_EQ(write(c, "hi", 2), 2);
	CHECK_EQ(read(x, b, 4), 2);
}

TEST(path_names)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int l = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	char b[8];

	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/abi-sock-%d", getpid());
	unlink(a.sun_path);
	CHECK_ERR(sendto(c, "x", 1, 0, (void *)&a, sizeof(a)), ENOENT);
	CHECK_EQ(bind(l, (void *)&a, sizeof(a)), 0);
	CHECK_ERR(bind(c, (void *)&a, sizeof(a)), EADDRINUSE);
	CHECK_EQ(sendto(c, "dg", 2, 0, (void *)&a, sizeof(a)), 2);
	CHECK_EQ(recv(l, b, 8, 0), 2);
	CHECK_ERR(send(c, "x", 1, 0), ENOTCONN);
	close(l);
	CHECK_ERR(sendto(c, "x", 1, 0, (void *)&a, sizeof(a)), ECONNREFUSED);
	unlink(a.sun_path);
}

TEST(rights)
{
	union {
		char b[CMSG_SPACE(sizeof(int))];
		struct cmsghdr h;
	} ctl = {0};
	char d = 'x';
	struct iovec v = {&d, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &ctl,
			   .msg_controllen = sizeof(ctl)};
	int s[2], p[2], fd;

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && pipe(p) == 0);
	ctl.h = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&ctl.h), &p[1], sizeof(int));
	CHECK_EQ(sendmsg(s[0], &m, 0), 1);
	memset(&ctl, 0, sizeof(ctl));
	CHECK_EQ(recvmsg(s[1], &m, 0), 1);
	CHECK_EQ(ctl.h.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&ctl.h), sizeof(int));
	CHECK_EQ(write(fd, "k", 1), 1);
	CHECK_EQ(read(p[0], &d, 1), 1);
}

TEST(errors)
{
	int s[2];

	CHECK_ERR(socket(AF_UNIX, 77, 0), EINVAL);
	CHECK_ERR(socketpair(AF_UNIX, SOCK_STREAM, 99, s), EPROTONOSUPPORT);
	CHECK_ERR(send(0, "x", 1, 0), ENOTSOCK);
	CHECK_ERR(listen(999, 1), EBADF);
}

TAP_MAIN()
