/* SPDX-License-Identifier: Apache-2.0 */
/* epoll, poll and select on internet sockets, alone and beside others. */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include "inet.h"

static int ep_add(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static int ep_mod(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};

	return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
}

/* The events of the one that is ready within ms; 0: none. */
static uint32_t one(int ep, int ms, uint64_t *data)
{
	struct epoll_event ev[4];
	int n = epoll_wait(ep, ev, 4, ms);

	if (n > 1)
		TAP_FAIL("%d events at once", n);
	if (n < 1)
		return 0;
	if (data)
		*data = ev[0].data.u64;
	return ev[0].events;
}

TEST(level)
{
	uint64_t d = 0;
	int p[2], ep = epoll_create1(0);
	char b[4];

	tcp_pair(p);
	CHECK_EQ(ep_add(ep, p[1], EPOLLIN, 77), 0);
	CHECK_ERR(ep_add(ep, p[1], EPOLLIN, 1), EEXIST);
	CHECK_EQ(one(ep, 0, NULL), 0);
	CHECK_EQ(send(p[0], "abc", 3, 0), 3);
	CHECK_EQ(one(ep, 2000, &d), EPOLLIN);
	CHECK_EQ(d, 77);
	CHECK_EQ(one(ep, 0, NULL), EPOLLIN);
	CHECK_EQ(recv(p[1], b, 2, 0), 2);
	CHECK_EQ(one(ep, 0, NULL), EPOLLIN);
	CHECK_EQ(recv(p[1], b, 2, 0), 1);
	CHECK_EQ(one(ep, 0, NULL), 0);
	CHECK_EQ(ep_mod(ep, p[1], EPOLLOUT, 78), 0);
	CHECK_EQ(one(ep, 0, &d), EPOLLOUT);
	CHECK_EQ(d, 78);
	CHECK_EQ(ep_mod(ep, p[1], 0, 79), 0);
	CHECK_EQ(one(ep, 0, NULL), 0);
	close(p[0]);
	CHECK_EQ(ep_mod(ep, p[1], EPOLLIN | EPOLLRDHUP, 80), 0);
	CHECK_EQ(one(ep, 2000, NULL), EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), 0);
	CHECK_EQ(one(ep, 0, NULL), 0);
	CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), ENOENT);
}

TEST(edge)
{
	int p[2], ep = epoll_create1(0);
	char b[4];

	tcp_pair(p);
	CHECK_EQ(ep_add(ep, p[1], EPOLLIN | EPOLLET, 1), 0);
	CHECK_EQ(send(p[0], "a", 1, 0), 1);
	CHECK_EQ(one(ep, 2000, NULL), EPOLLIN);
	CHECK_EQ(one(ep, 0, NULL), 0);
	CHECK_EQ(send(p[0], "b", 1, 0), 1);
	CHECK_EQ(one(ep, 2000, NULL), EPOLLIN);
	CHECK_EQ(one(ep, 0, NULL), 0);
	CHECK_EQ(ep_mod(ep, p[1], EPOLLIN | EPOLLET, 1), 0);
	CHECK_EQ(one(ep, 0, NULL), EPOLLIN);
	CHECK_EQ(recv(p[1], b, 4, 0), 2);
	CHECK_EQ(ep_mod(ep, p[1], EPOLLIN | EPOLLOUT | EPOLLET, 1), 0);
	CHECK_EQ(one(ep, 0, NULL), EPOLLOUT);
	CHECK_EQ(one(ep, 0, NULL), 0);
}

TEST(oneshot)
{
	int p[2], ep = epoll_create1(0);

	tcp_pair(p);
	CHECK_EQ(ep_add(ep, p[1], EPOLLIN | EPOLLONESHOT, 1), 0);
	CHECK_EQ(send(p[0], "a", 1, 0), 1);
	CHECK_EQ(one(ep, 2000, NULL), EPOLLIN);
	CHECK_EQ(send(p[0], "a", 1, 0), 1);
	CHECK_EQ(one(ep, 50, NULL), 0);
	CHECK_EQ(ep_mod(ep, p[1], EPOLLIN | EPOLLONESHOT, 1), 0);
	CHECK_EQ(one(ep, 0, NULL), EPOLLIN);
	CHECK_EQ(one(ep, 0, NULL), 0);
}

TEST(exclusive)
{
	struct sockaddr_in a;
	int l = listener(&a), e1 = epoll_create1(0), e2 = epoll_create1(0), c = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_ERR(ep_add(e1, l, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1), EINVAL);
	CHECK_EQ(ep_add(e1, l, EPOLLIN | EPOLLEXCLUSIVE, 1), 0);
	CHECK_EQ(ep_add(e2, l, EPOLLIN | EPOLLEXCLUSIVE, 2), 0);
	CHECK_ERR(ep_mod(e1, l, EPOLLIN, 1), EINVAL);
	CHECK_EQ(connect(c, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(one(e1, 2000, NULL) | one(e2, 0, NULL), EPOLLIN);
	CHECK(accept(l, NULL, NULL) >= 0);
	CHECK_EQ(one(e1, 0, NULL), 0);
	CHECK_EQ(one(e2, 0, NULL), 0);
}

TEST(nested)
{
	int p[2], in = epoll_create1(0), out = epoll_create1(0);
	char b[4];

	tcp_pair(p);
	CHECK_EQ(ep_add(out, in, EPOLLIN, 5), 0);
	CHECK_EQ(one(out, 0, NULL), 0);
	CHECK_EQ(ep_add(in, p[1], EPOLLIN, 6), 0);
	CHECK_EQ(shows(in, POLLIN, 0), 0);
	CHECK_EQ(send(p[0], "a", 1, 0), 1);
	CHECK_EQ(one(out, 2000, NULL), EPOLLIN);
	CHECK_EQ(shows(in, POLLIN, 0), POLLIN);
	CHECK_EQ(one(in, 0, NULL), EPOLLIN);
	CHECK_EQ(recv(p[1], b, 4, 0), 1);
	CHECK_EQ(one(out, 0, NULL), 0);
	CHECK_EQ(one(in, 0, NULL), 0);
}

TEST(duplicates)
{
	struct epoll_event ev[4];
	int p[2], ep = epoll_create1(0), d, n;

	tcp_pair(p);
	d = dup(p[1]);
	CHECK_EQ(ep_add(ep, p[1], EPOLLIN, 1), 0);
	CHECK_EQ(ep_add(ep, d, EPOLLIN, 2), 0);
	CHECK_EQ(send(p[0], "a", 1, 0), 1);
	CHECK(shows(p[1], POLLIN, 2000));
	n = epoll_wait(ep, ev, 4, 1000);
	CHECK_EQ(n, 2);
	CHECK_EQ(ev[0].data.u64 + ev[1].data.u64, 3);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), 0);
	n = epoll_wait(ep, ev, 4, 1000);
	CHECK_EQ(n, 1);
	CHECK_EQ(ev[0].data.u64, 2);
	close(p[1]);
	CHECK_EQ(epoll_wait(ep, ev, 4, 100), 1); /* the file is open still */
	close(d);
	CHECK_EQ(epoll_wait(ep, ev, 4, 50), 0);
}

static void *later(void *arg)
{
	uint64_t v = 1;
	int fd = *(int *)arg;

	usleep(50000);
	if (write(fd, &v, 8) != 8)
		return (void *)1;
	return NULL;
}

TEST(beside_others)
{
	struct epoll_event ev[4];
	int p[2], ep = epoll_create1(0), e = eventfd(0, 0), q[2], n, seen = 0;
	uint64_t d = 0, v;
	pthread_t t;
	void *r;

	tcp_pair(p);
	REQUIRE(pipe(q) == 0);
	CHECK_EQ(ep_add(ep, p[1], EPOLLIN, 1), 0);
	CHECK_EQ(ep_add(ep, e, EPOLLIN, 2), 0);
	CHECK_EQ(ep_add(ep, q[0], EPOLLIN, 4), 0);
	pthread_create(&t, NULL, later, &e);
	CHECK_EQ(one(ep, 2000, &d), EPOLLIN);
	CHECK_EQ(d, 2);
	pthread_join(t, &r);
	CHECK_EQ(read(e, &v, 8), 8);
	pthread_create(&t, NULL, later, &p[0]);
	CHECK_EQ(one(ep, 2000, &d), EPOLLIN);
	CHECK_EQ(d, 1);
	pthread_join(t, &r);
	CHECK_EQ(write(q[1], "x", 1), 1);
	v = 1;
	CHECK_EQ(write(e, &v, 8), 8);
	for (int i = 0; i < 8 && seen != 7; i++) { /* one at a time, each has its turn */
		n = epoll_wait(ep, ev, 1, 1000);
		CHECK_EQ(n, 1);
		seen |= (int)ev[0].data.u64;
	}
	CHECK_EQ(seen, 7);
}

static void *waiter(void *arg)
{
	struct epoll_event ev;

	return (void *)(intptr_t)(epoll_wait(*(int *)arg, &ev, 1, 3000) == 1 ? (long)ev.data.u64 : -1);
}

TEST(added_while_waiting)
{
	int p[2], ep = epoll_create1(0);
	pthread_t t;
	void *r;

	tcp_pair(p);
	pthread_create(&t, NULL, waiter, &ep);
	usleep(50000);
	CHECK_EQ(ep_add(ep, p[1], EPOLLIN, 9), 0);
	CHECK_EQ(send(p[0], "a", 1, 0), 1);
	pthread_join(t, &r);
	CHECK_EQ((long)r, 9);
}

TEST(poll_mixes)
{
	int p[2], q[2], e = eventfd(0, 0);
	struct pollfd f[3];
	pthread_t t;
	void *r;
	fd_set in, out;
	struct timeval tv = {2, 0};

	tcp_pair(p);
	REQUIRE(pipe(q) == 0);
	f[0] = (struct pollfd){p[1], POLLIN, 0};
	f[1] = (struct pollfd){q[0], POLLIN, 0};
	f[2] = (struct pollfd){e, POLLIN, 0};
	CHECK_EQ(poll(f, 3, 20), 0);
	pthread_create(&t, NULL, later, &e);
	CHECK_EQ(poll(f, 3, 2000), 1);
	CHECK_EQ(f[2].revents, POLLIN);
	pthread_join(t, &r);
	pthread_create(&t, NULL, later, &p[0]);
	CHECK_EQ(poll(f, 2, 2000), 1);
	CHECK_EQ(f[0].revents, POLLIN);
	pthread_join(t, &r);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(p[1], &in);
	FD_SET(q[0], &in);
	FD_SET(p[1], &out);
	CHECK_EQ(select(p[1] + q[0] + 1, &in, &out, NULL, &tv), 2);
	CHECK(FD_ISSET(p[1], &in) && !FD_ISSET(q[0], &in) && FD_ISSET(p[1], &out));
}

TEST(fresh_socket)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a;
	int l = listener(&a);

	CHECK_EQ(shows(s, POLLIN | POLLOUT, 0), POLLOUT | POLLHUP);
	CHECK_EQ(shows(u, POLLIN | POLLOUT, 0), POLLOUT);
	CHECK_EQ(shows(l, POLLIN | POLLOUT, 0), 0);
}
TAP_MAIN()
