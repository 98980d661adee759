/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets: descriptors in messages, credentials, room, options. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include "../tap.h"

/* Sends n bytes of data with a descriptor, -1 for none. */
static int send_fd(int s, const char *data, size_t n, int fd)
{
	union {
		char b[CMSG_SPACE(sizeof(int))];
		struct cmsghdr h;
	} c = {{0}};
	struct iovec v = {(void *)(uintptr_t)data, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	if (fd >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof(c.b);
		c.h = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	}
	return (int)sendmsg(s, &m, MSG_DONTWAIT);
}

/* Reads into b; *fd is what came along, or -1. */
static int recv_fd(int s, char *b, size_t n, int flags, int *fd)
{
	union {
		char b[CMSG_SPACE(sizeof(int))];
		struct cmsghdr h;
	} c = {{0}};
	struct iovec v = {b, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c.b)};
	int r = (int)recvmsg(s, &m, flags);

	*fd = -1;
	if (r >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(int)) && c.h.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&c.h), sizeof(int));
	return r;
}

TEST(descriptors_and_peeks)
{
	int s[2], p[2], fd, second;
	char b[8];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(send_fd(s[0], "ab", 2, p[1]), 2);
	CHECK_EQ(recv_fd(s[1], b, 8, MSG_PEEK, &fd), 2);
	CHECK(fd >= 0);
	CHECK_EQ(recv_fd(s[1], b, 8, 0, &second), 2);
	CHECK(second >= 0 && second != fd);
	close(p[1]);
	close(second);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(read(p[0], b, 1), 1);
	close(fd);
	CHECK_EQ(read(p[0], b, 1), 0);
}

TEST(descriptors_end_a_read)
{
	int s[2], fd;
	char b[16];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK_EQ(send_fd(s[0], "ab", 2, -1), 2);
	CHECK_EQ(send_fd(s[0], "cd", 2, 0), 2);
	CHECK_EQ(send_fd(s[0], "ef", 2, 1), 2);
	CHECK_EQ(recv_fd(s[1], b, 16, 0, &fd), 4);
	CHECK(fd >= 0);
	CHECK_EQ(recv_fd(s[1], b, 16, 0, &fd), 2);
	CHECK(fd >= 0);
	CHECK_EQ(send_fd(s[0], "gh", 2, 0), 2);
	CHECK_EQ(read(s[1], b, 1), 1); /* they are dropped with the first byte */
	CHECK_EQ(recv_fd(s[1], b, 16, 0, &fd), 1);
	CHECK_EQ(fd, -1);
}

/* Two sockets that hold each other in their queues are nobody's: what hangs on them ends. */
TEST(cycles_are_found)
{
	int s[2], p[2];
	char b;

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(send_fd(s[0], "a", 1, s[1]), 1);
	CHECK_EQ(send_fd(s[1], "b", 1, s[0]), 1);
	CHECK_EQ(send_fd(s[0], "c", 1, p[1]), 1);
	close(p[1]);
	close(s[0]);
	close(s[1]);
	/* Some socket's end has it looked for. */
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	close(s[0]);
	close(s[1]);
	alarm(5);
	CHECK_EQ(read(p[0], &b, 1), 0);
}

TEST(self_in_its_own_queue)
{
	int s[2], p[2];
	char b;

	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(send_fd(s[0], "a", 1, s[1]), 1);
	CHECK_EQ(send_fd(s[0], "c", 1, p[1]), 1);
	close(p[1]);
	close(s[1]);
	CHECK_EQ(send_fd(s[0], "d", 1, -1), 1); /* still there: somebody could reach it by us */
	close(s[0]);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	close(s[0]);
	close(s[1]);
	alarm(5);
	CHECK_EQ(read(p[0], &b, 1), 0);
}

/* A queue in a queue in a queue: its end must not need a stack of that depth. */
TEST(deep_nesting)
{
	int prev[2], next[2], n = 0, p[2];
	char b;

	REQUIRE(pipe(p) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, prev) == 0);
	CHECK_EQ(send_fd(prev[0], "p", 1, p[1]), 1);
	close(p[1]);
	for (; n < 3000; n++) {
		REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, next) == 0);
		if (send_fd(next[0], "x", 1, prev[1]) != 1)
			break;
		close(prev[0]);
		close(prev[1]);
		prev[0] = next[0];
		prev[1] = next[1];
	}
	CHECK(n > 100);
	close(prev[0]);
	close(prev[1]);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, next) == 0);
	close(next[0]);
	close(next[1]);
	alarm(10);
	CHECK_EQ(read(p[0], &b, 1), 0);
}

TEST(too_many_on_their_way)
{
	struct rlimit lim = {40, 40};
	int s[2], n;

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	if (setuid(12345) != 0)
		SKIP("no right to become another user");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &lim), 0);
	for (n = 0; n < 200 && send_fd(s[0], "a", 1, 0) == 1; n++)
		;
	CHECK_EQ(errno, ETOOMANYREFS);
	CHECK(n >= 40 && n < 50);
}

TEST(datagrams_press_back)
{
	int s[2], n = 0;
	struct pollfd f;
	char b[8];

	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	while (n < 1000 && send(s[0], "x", 1, MSG_DONTWAIT) == 1)
		n++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(n >= 10 && n < 1000);
	f = (struct pollfd){s[0], POLLOUT, 0};
	CHECK_EQ(poll(&f, 1, 0), 0);
	for (int i = 0; i < n; i++)
		CHECK_EQ(recv(s[1], b, 8, 0), 1);
	CHECK_EQ(poll(&f, 1, 0), 1);
	CHECK_EQ(send(s[0], "", 0, 0), 0);
	CHECK_EQ(recv(s[1], b, 8, 0), 0);
	CHECK_ERR(recv(s[1], b, 8, MSG_DONTWAIT), EAGAIN);
}

TEST(connected_datagrams_are_choosy)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX}, b = {.sun_family = AF_UNIX};
	int x = socket(AF_UNIX, SOCK_DGRAM, 0), y = socket(AF_UNIX, SOCK_DGRAM, 0), z = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t n = 2 + 1 + 12;

	snprintf(a.sun_path + 1, 20, "choosy-a%04d", getpid() % 10000);
	snprintf(b.sun_path + 1, 20, "choosy-b%04d", getpid() % 10000);
	CHECK_EQ(bind(x, (void *)&a, n), 0);
	CHECK_EQ(bind(y, (void *)&b, n), 0);
	CHECK_EQ(connect(x, (void *)&b, n), 0);
	CHECK_ERR(connect(z, (void *)&a, n), EPERM);
	CHECK_ERR(sendto(z, "a", 1, 0, (void *)&a, n), EPERM);
	CHECK_EQ(sendto(y, "a", 1, 0, (void *)&a, n), 1);
}

TEST(trunc_and_flags)
{
	struct iovec v;
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	char b[4];
	int s[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	v = (struct iovec){b, 2};
	CHECK_EQ(send(s[0], "abcdef", 6, 0), 6);
	CHECK_EQ(send(s[0], "abcdef", 6, 0), 6);
	CHECK_EQ(recvmsg(s[1], &m, 0), 2);
	CHECK_EQ(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC), MSG_TRUNC);
	CHECK_EQ(recv(s[1], b, 2, MSG_TRUNC), 6);
	CHECK_ERR(recv(s[1], b, 2, MSG_OOB), EOPNOTSUPP);
	CHECK_ERR(send(s[0], (void *)8, 10, 0), EFAULT);
}

TEST(wait_for_all)
{
	char b[8] = "";
	int s[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	if (fork() == 0) {
		CHECK_EQ(write(s[0], "ab", 2), 2);
		usleep(50000);
		CHECK_EQ(write(s[0], "cdef", 4), 4);
		_exit(0);
	}
	CHECK_EQ(recv(s[1], b, 6, MSG_WAITALL), 6);
	CHECK_STR(b, "abcdef");
}

TEST(times)
{
	struct timeval tv = {0, 30000}, back;
	socklen_t n = sizeof(back);
	char b[4];
	int s[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK_EQ(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &back, &n), 0);
	CHECK(back.tv_sec == 0 && back.tv_usec >= 30000);
	CHECK_ERR(recv(s[0], b, 4, 0), EAGAIN);
	CHECK_EQ(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	while (send(s[0], b, 4, MSG_DONTWAIT) > 0)
		;
	CHECK_ERR(send(s[0], b, 4, 0), EAGAIN);
}

static int get(int s, int name)
{
	int v = -1;
	socklen_t n = sizeof(v);

	return getsockopt(s, SOL_SOCKET, name, &v, &n) < 0 ? -errno : v;
}

static int set(int s, int name, int v)
{
	return setsockopt(s, SOL_SOCKET, name, &v, sizeof(v)) < 0 ? -errno : 0;
}

TEST(options)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0), big = get(s, SO_SNDBUF);
	struct ucred u = {1, 1, 1};
	socklen_t n = sizeof(u);

	CHECK_EQ(big, 212992);
	CHECK_EQ(set(s, SO_SNDBUF, 10000), 0);
	CHECK_EQ(get(s, SO_SNDBUF), 20000);
	CHECK_EQ(set(s, SO_SNDBUF, 0), 0);
	CHECK_EQ(get(s, SO_SNDBUF), 4608);
	CHECK_EQ(set(s, SO_RCVBUF, 10000), 0);
	CHECK_EQ(get(s, SO_RCVBUF), 20000);
	CHECK_EQ(set(s, SO_REUSEADDR, 1), 0);
	CHECK_EQ(get(s, SO_REUSEADDR), 1);
	CHECK_EQ(set(s, SO_KEEPALIVE, 1), 0);
	CHECK_EQ(set(s, SO_PASSCRED, 1), 0);
	CHECK_EQ(get(s, SO_PASSCRED), 1);
	CHECK_EQ(get(s, SO_PROTOCOL), 0);
	CHECK_EQ(get(s, SO_DOMAIN), AF_UNIX);
	CHECK_EQ(get(s, SO_ERROR), 0);
	CHECK_EQ(get(s, 4321), -ENOPROTOOPT);
	CHECK_EQ(set(s, 4321, 1), -ENOPROTOOPT);
	CHECK_ERR(setsockopt(s, 6, 1, &n, 4), EOPNOTSUPP);
	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &n), 0);
	CHECK_EQ(u.pid, 0);
	CHECK_EQ(u.uid, (uid_t)-1);
	n = sizeof(u);
	CHECK_ERR(getsockopt(s, SOL_SOCKET, SO_PEERSEC, &u, &n), ENOPROTOOPT);
}

TEST(many_at_once)
{
	struct mmsghdr m[3] = {0}, in[4] = {0};
	struct iovec v[3], w[4];
	char b[4][8];
	int s[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	for (int i = 0; i < 3; i++) {
		v[i] = (struct iovec){(void *)(uintptr_t)"abcd", (size_t)i + 1};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
	}
	for (int i = 0; i < 4; i++) {
		w[i] = (struct iovec){b[i], 8};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &w[i], .msg_iovlen = 1};
	}
	CHECK_EQ(sendmmsg(s[0], m, 3, 0), 3);
	CHECK_EQ(recvmmsg(s[1], in, 4, MSG_WAITFORONE, NULL), 3);
	CHECK_EQ(in[2].msg_len, 3);
}

static void *reader(void *arg)
{
	char b[1000];
	long n = 0, r;

	while ((r = read(*(int *)arg, b, sizeof(b))) > 0) {
		for (long i = 1; i < r; i++)
			if ((unsigned char)b[i] != (unsigned char)(b[i - 1] + 1))
				return (void *)-1L;
		n += r;
	}
	return (void *)n;
}

/* Two readers of one stream: each sees bytes that follow each other, and none is lost. */
TEST(readers_do_not_mix)
{
	static unsigned char big[400000];
	pthread_t t[2];
	void *r[2];
	int s[2];

	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (unsigned char)i;
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	pthread_create(&t[0], NULL, reader, &s[1]);
	pthread_create(&t[1], NULL, reader, &s[1]);
	CHECK_EQ(write(s[0], big, sizeof(big)), sizeof(big));
	close(s[0]);
	pthread_join(t[0], &r[0]);
	pthread_join(t[1], &r[1]);
	CHECK((long)r[0] >= 0 && (long)r[1] >= 0);
	CHECK_EQ((long)r[0] + (long)r[1], sizeof(big));
}
TAP_MAIN()
