/* SPDX-License-Identifier: Apache-2.0 */
/* TCP over the loopback: names, connections, half-close, waits. */
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include "inet.h"

TEST(kinds)
{
	CHECK_ERR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	CHECK_ERR(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
	CHECK_ERR(socket(AF_INET, SOCK_SEQPACKET, IPPROTO_TCP), ESOCKTNOSUPPORT);
	CHECK_ERR(socket(AF_INET, 15, 0), EINVAL);
	CHECK_ERR(socket(AF_INET, SOCK_STREAM | 0x100, 0), EINVAL);
	CHECK_ERR(socket(AF_INET, SOCK_STREAM, 1000), EINVAL);
	CHECK_ERR(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMP), EPROTONOSUPPORT);
	CHECK_ERR(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERR(socket(1000, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERR(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}), EOPNOTSUPP);
}

TEST(names)
{
	struct sockaddr_in a, b;
	struct sockaddr_storage ss;
	socklen_t n = sizeof(b);
	int l = listener(&a), c = socket(AF_INET, SOCK_STREAM, 0), s;

	CHECK(a.sin_port != 0);
	CHECK_ERR(getpeername(c, (void *)&b, &n), ENOTCONN);
	CHECK_ERR(bind(l, (void *)&a, sizeof(a)), EINVAL);
	s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERR(bind(s, (void *)&a, sizeof(a)), EADDRINUSE);
	CHECK_ERR(bind(s, (void *)&a, 4), EINVAL);
	b = a;
	b.sin_addr.s_addr = htonl(0x01020304);
	CHECK_ERR(bind(s, (void *)&b, sizeof(b)), EADDRNOTAVAIL);
	close(s);
	CHECK_EQ(connect(c, (void *)&a, sizeof(a)), 0);
	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), EISCONN);
	n = sizeof(ss);
	memset(&ss, 0, sizeof(ss));
	s = accept4(l, (void *)&ss, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	REQUIRE(s >= 0);
	CHECK_EQ(n, sizeof(b));
	CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
	n = sizeof(b);
	CHECK_EQ(getsockname(c, (void *)&b, &n), 0);
	CHECK(!memcmp(&b, &ss, 8));
	n = 4;
	CHECK_EQ(getpeername(c, (void *)&b, &n), 0);
	CHECK_EQ(n, 16);
	CHECK_EQ(b.sin_port, a.sin_port);
	CHECK_ERR(accept4(l, NULL, NULL, 1), EINVAL);
	CHECK_ERR(accept(c, NULL, NULL), EINVAL);
	CHECK_ERR(listen(c, 1), EINVAL);
	CHECK_ERR(accept(0x7fff, NULL, NULL), EBADF);
}

TEST(refused)
{
	struct sockaddr_in a;
	int l = bound(SOCK_STREAM, &a), c = socket(AF_INET, SOCK_STREAM, 0), e = -1;
	socklen_t n = sizeof(e);

	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &n), 0);
	CHECK_EQ(e, 0);
	a.sin_family = AF_UNIX;
	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), EAFNOSUPPORT);
	close(l);
}

TEST(nonblocking_connect)
{
	struct sockaddr_in a, dead;
	int l = listener(&a), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), e = -1, r;
	socklen_t n = sizeof(e);

	r = connect(c, (void *)&a, sizeof(a));
	CHECK(r == -1 && errno == EINPROGRESS);
	CHECK(shows(c, POLLOUT, 2000) & POLLOUT);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &n), 0);
	CHECK_EQ(e, 0);
	CHECK_EQ(connect(c, (void *)&a, sizeof(a)), 0);
	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), EISCONN);
	close(bound(SOCK_STREAM, &dead));
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	r = connect(c, (void *)&dead, sizeof(dead));
	CHECK(r == -1 && errno == EINPROGRESS);
	CHECK(shows(c, POLLOUT, 2000) & POLLERR);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &n), 0);
	CHECK_EQ(e, ECONNREFUSED);
	CHECK_ERR(accept4(l, NULL, NULL, 0) < 0 ? -1 : (fcntl(l, F_SETFL, O_NONBLOCK), accept(l, NULL, NULL)), EAGAIN);
}

TEST(stream)
{
	char b[16], big[8192];
	int p[2], n;

	tcp_pair(p);
	CHECK_EQ(send(p[0], "abc", 3, 0), 3);
	CHECK_EQ(write(p[0], "de", 2), 2);
	CHECK(shows(p[1], POLLIN, 2000) & POLLIN);
	CHECK_EQ(recv(p[1], b, 5, MSG_WAITALL), 5);
	CHECK(!memcmp(b, "abcde", 5));
	CHECK_ERR(recv(p[1], b, 8, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(p[0], "xyz", 3, 0), 3);
	CHECK(shows(p[1], POLLIN, 2000) & POLLIN);
	CHECK_EQ(recv(p[1], b, 2, MSG_PEEK), 2);
	CHECK_EQ(ioctl(p[1], FIONREAD, &n), 0);
	CHECK_EQ(n, 3);
	CHECK_EQ(recv(p[1], NULL, 1, MSG_TRUNC), 1);
	CHECK_EQ(read(p[1], b, 8), 2);
	CHECK(!memcmp(b, "yz", 2));
	CHECK_EQ(read(p[1], b, 0), 0);
	CHECK_EQ(ioctl(p[0], SIOCOUTQ, &n), 0);
	CHECK_ERR(send(p[0], (void *)1, 5, 0), EFAULT);
	CHECK_ERR(ioctl(p[0], 0x7777, 0), ENOTTY);
	memset(big, 'q', sizeof(big));
	for (int i = 0; i < 100; i++)
		CHECK_EQ(send(p[0], big, 1000, MSG_MORE), 1000);
	CHECK_EQ(send(p[0], big, 1000, 0), 1000);
	for (n = 0; n < 101000;) {
		int r = (int)recv(p[1], big, sizeof(big), 0);

		REQUIRE(r > 0);
		n += r;
	}
	CHECK_EQ(n, 101000);
}

TEST(half_close)
{
	char b[8];
	int p[2];

	tcp_pair(p);
	CHECK_EQ(shutdown(p[0], SHUT_WR), 0);
	CHECK(shows(p[1], POLLIN | POLLRDHUP, 2000) & POLLRDHUP);
	CHECK_EQ(recv(p[1], b, 8, 0), 0);
	CHECK_EQ(send(p[1], "back", 4, 0), 4);
	CHECK(shows(p[0], POLLIN, 2000) & POLLIN);
	CHECK_EQ(recv(p[0], b, 8, 0), 4);
	CHECK_ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(shutdown(p[1], SHUT_RDWR), 0);
	CHECK(shows(p[1], POLLIN, 2000) & POLLHUP);
	CHECK_ERR(shutdown(p[0], 3), EINVAL);
	close(p[0]);
	CHECK_ERR(shutdown(socket(AF_INET, SOCK_STREAM, 0), SHUT_RD), ENOTCONN);
}

static volatile int pipes;

static void on_pipe(int sig UNUSED)
{
	pipes++;
}

TEST(sigpipe)
{
	int p[2];

	signal(SIGPIPE, on_pipe);
	tcp_pair(p);
	shutdown(p[0], SHUT_WR);
	CHECK_ERR(write(p[0], "x", 1), EPIPE);
	CHECK_EQ(pipes, 1);
	CHECK_ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(pipes, 1);
}

TEST(reset)
{
	struct linger l = {1, 0};
	char b[4];
	int p[2];

	tcp_pair(p);
	CHECK_EQ(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	close(p[0]);
	CHECK(shows(p[1], POLLIN, 2000) & POLLERR);
	CHECK_ERR(recv(p[1], b, 4, 0), ECONNRESET);
	CHECK_EQ(recv(p[1], b, 4, 0), 0);
}

TEST(lingering_close)
{
	struct linger l = {1, 5};
	static char big[65536];
	int p[2], n;
	long got = 0;

	tcp_pair(p);
	CHECK_EQ(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	CHECK_EQ(send(p[0], big, sizeof(big), 0), sizeof(big));
	CHECK_EQ(close(p[0]), 0);
	while ((n = (int)recv(p[1], big, sizeof(big), 0)) > 0)
		got += n;
	CHECK_EQ(n, 0);
	CHECK_EQ(got, sizeof(big));
}

static void on_alarm(int sig UNUSED)
{
}

static void alarm_in(int ms, int flags)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval it = {{0, 0}, {0, ms * 1000}};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

TEST(waits_end)
{
	struct timeval tv = {0, 50000}, zero = {0, 0}, got;
	socklen_t n = sizeof(got);
	struct sockaddr_in a;
	int p[2], l = listener(&a);
	char b[4];

	tcp_pair(p);
	alarm_in(50, 0);
	CHECK_ERR(recv(p[0], b, 4, 0), EINTR);
	alarm_in(50, 0);
	CHECK_ERR(accept(l, NULL, NULL), EINTR);
	CHECK_EQ(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	CHECK_EQ(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &n), 0);
	CHECK(got.tv_sec == 0 && got.tv_usec >= 50000 && got.tv_usec < 60000);
	CHECK_ERR(recv(p[0], b, 4, 0), EAGAIN);
	alarm_in(20, SA_RESTART);
	CHECK_ERR(recv(p[0], b, 4, 0), EINTR); /* with a limit it is not restarted */
	CHECK_EQ(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &zero, sizeof(zero)), 0);
	CHECK_EQ(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
	tv.tv_usec = 2000000;
	CHECK_ERR(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM);
	CHECK_ERR(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, 4), EINVAL);
}

static void *late_sender(void *arg)
{
	usleep(100000);
	return (void *)(intptr_t)send(*(int *)arg, "late", 4, 0);
}

TEST(restarted)
{
	char b[4];
	pthread_t t;
	int p[2];
	sigset_t m;

	tcp_pair(p);
	sigemptyset(&m);
	sigaddset(&m, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &m, NULL);
	pthread_create(&t, NULL, late_sender, &p[1]);
	pthread_sigmask(SIG_UNBLOCK, &m, NULL);
	alarm_in(20, SA_RESTART);
	CHECK_EQ(recv(p[0], b, 4, 0), 4);
	pthread_join(t, NULL);
}

TEST(backpressure)
{
	static char big[1 << 20];
	int p[2], n;
	long sent = 0, got = 0;

	tcp_pair(p);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	while ((n = (int)send(p[0], big, sizeof(big), 0)) > 0)
		sent += n;
	CHECK(n == -1 && errno == EAGAIN);
	CHECK_EQ(shows(p[0], POLLOUT, 0), 0);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (got < sent && (shows(p[1], POLLIN, 2000) & POLLIN))
		while ((n = (int)recv(p[1], big, sizeof(big), 0)) > 0)
			got += n;
	CHECK_EQ(got, sent);
	CHECK(shows(p[0], POLLOUT, 2000) & POLLOUT);
}

static void *drain(void *arg)
{
	static char b[65536];
	long got = 0;
	ssize_t n;

	while ((n = read(*(int *)arg, b, sizeof(b))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (b[i] != (char)((got + i) * 7 / 5))
				return (void *)-1L;
		got += n;
	}
	return (void *)got;
}

TEST(large_blocking_send)
{
	static char big[3000000];
	pthread_t t;
	void *got;
	int p[2];

	for (long i = 0; i < (long)sizeof(big); i++)
		big[i] = (char)(i * 7 / 5);
	tcp_pair(p);
	pthread_create(&t, NULL, drain, &p[1]);
	CHECK_EQ(send(p[0], big, sizeof(big), 0), sizeof(big));
	shutdown(p[0], SHUT_WR);
	pthread_join(t, &got);
	CHECK_EQ((long)got, sizeof(big));
}

TEST(sendfile_from_file)
{
	char name[] = "inet-XXXXXX";
	static char big[300000];
	off_t off = 0;
	pthread_t t;
	void *got;
	int p[2], f = mkstemp(name);

	REQUIRE(f >= 0);
	unlink(name);
	for (long i = 0; i < (long)sizeof(big); i++)
		big[i] = (char)(i * 7 / 5);
	REQUIRE(write(f, big, sizeof(big)) == sizeof(big));
	tcp_pair(p);
	pthread_create(&t, NULL, drain, &p[1]);
	while (off < (off_t)sizeof(big))
		REQUIRE(sendfile(p[0], f, &off, sizeof(big) - (size_t)off) > 0);
	shutdown(p[0], SHUT_WR);
	pthread_join(t, &got);
	CHECK_EQ((long)got, sizeof(big));
}

TEST(urgent)
{
	char b[8];
	int p[2], at = -1;

	tcp_pair(p);
	CHECK_ERR(recv(p[1], b, 1, MSG_OOB), EINVAL);
	CHECK_EQ(send(p[0], "ab", 2, 0), 2);
	CHECK_EQ(send(p[0], "!", 1, MSG_OOB), 1);
	CHECK_EQ(send(p[0], "c", 1, 0), 1);
	CHECK(shows(p[1], POLLPRI, 2000) & POLLPRI);
	CHECK_EQ(recv(p[1], b, 1, MSG_OOB), 1);
	CHECK_EQ(b[0], '!');
	CHECK_EQ(recv(p[1], b, 8, 0), 2);
	CHECK_EQ(ioctl(p[1], SIOCATMARK, &at), 0);
	CHECK_EQ(at, 1);
}

TEST(six)
{
	struct sockaddr_in6 a = lo6(0);
	socklen_t n = sizeof(a);
	int l = socket(AF_INET6, SOCK_STREAM, 0), c = socket(AF_INET6, SOCK_STREAM, 0), s;
	struct sockaddr_in b;

	REQUIRE(l >= 0 && c >= 0);
	a.sin6_addr = in6addr_any;
	CHECK_EQ(bind(l, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(listen(l, 4), 0);
	CHECK_EQ(getsockname(l, (void *)&a, &n), 0);
	CHECK_EQ(n, sizeof(a));
	b = lo4(ntohs(a.sin6_port));
	s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(s, (void *)&b, sizeof(b)), 0);
	a = lo6(ntohs(a.sin6_port));
	CHECK_EQ(connect(c, (void *)&a, sizeof(a)), 0);
	n = sizeof(a);
	s = accept(l, (void *)&a, &n);
	CHECK(s >= 0);
	CHECK(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
}

TEST(low_ports)
{
	struct sockaddr_in a = lo4(81);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(bind(s, (void *)&a, sizeof(a)), 0);
	if (setuid(12345) != 0)
		SKIP("no right to become another user");
	a = lo4(82);
	s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERR(bind(s, (void *)&a, sizeof(a)), EACCES);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_ERR(bind(s, (void *)&a, sizeof(a)), EACCES);
	CHECK_ERR(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
	CHECK_ERR(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
}

static void *lone_accept(void *arg)
{
	int s = accept(*(int *)arg, NULL, NULL);

	return (void *)(intptr_t)(s < 0 ? -errno : s);
}

TEST(shutdown_wakes)
{
	struct sockaddr_in a;
	int l = listener(&a);
	pthread_t t;
	void *r;

	pthread_create(&t, NULL, lone_accept, &l);
	usleep(50000);
	CHECK_EQ(shutdown(l, SHUT_RDWR), 0);
	pthread_join(t, &r);
	CHECK_EQ((long)r, -EINVAL);
}
TAP_MAIN()
