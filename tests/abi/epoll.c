/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include "../tap.h"

static struct epoll_event out[8];

static int add(int ep, int fd, uint32_t ev)
{
	struct epoll_event e = {.events = ev, .data.fd = fd};

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

TEST(level_edge_oneshot)
{
	int ep = epoll_create1(0), l = eventfd(1, 0), e = eventfd(1, 0), o = eventfd(1, 0);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT};

	CHECK_EQ(add(ep, l, EPOLLIN), 0);
	CHECK_EQ(add(ep, e, EPOLLIN | EPOLLET), 0);
	CHECK_EQ(add(ep, o, EPOLLIN | EPOLLONESHOT), 0);
	CHECK_EQ(epoll_wait(ep, out, 8, 0), 3);
	CHECK_EQ(epoll_wait(ep, out, 8, 0), 1);
	CHECK_EQ(out[0].data.fd, l);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, o, &ev), 0);
	CHECK_EQ(epoll_wait(ep, out, 8, 0), 2);
}

TEST(errors)
{
	int ep = epoll_create1(0), e = eventfd(0, 0), ep2 = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN};

	CHECK_ERR(epoll_create(0), EINVAL);
	CHECK_EQ(add(ep, e, EPOLLIN), 0);
	CHECK_ERR(add(ep, e, EPOLLIN), EEXIST);
	CHECK_ERR(add(ep, ep, EPOLLIN), EINVAL);
	CHECK_ERR(add(ep, 500, EPOLLIN), EBADF);
	CHECK_ERR(add(e, ep, EPOLLIN), EINVAL);
	CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_MOD, ep2, &ev), ENOENT);
	CHECK_EQ(add(ep2, ep, EPOLLIN), 0);
	CHECK_ERR(add(ep, ep2, EPOLLIN), ELOOP);
	CHECK_ERR(epoll_wait(ep, out, 0, 0), EINVAL);
}

TEST(nested_wakes)
{
	int in = epoll_create1(0), outer = epoll_create1(0), e = eventfd(0, 0);
	uint64_t one = 1;

	CHECK_EQ(add(in, e, EPOLLIN), 0);
	CHECK_EQ(add(outer, in, EPOLLIN), 0);
	CHECK_EQ(epoll_wait(outer, out, 8, 10), 0);
	if (fork() == 0) {
		usleep(20000);
		_exit(write(e, &one, 8) != 8);
	}
	CHECK_EQ(epoll_wait(outer, out, 8, 5000), 1);
}

TEST(closed_file_leaves)
{
	int ep = epoll_create1(0), e = eventfd(1, 0);

	CHECK_EQ(add(ep, e, EPOLLIN), 0);
	close(e);
	CHECK_EQ(epoll_wait(ep, out, 8, 0), 0);
}

TEST(eventfd_rules)
{
	int e = eventfd(3, EFD_NONBLOCK), s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v;

	CHECK_ERR(eventfd(0, 0x100), EINVAL);
	CHECK_EQ(read(e, &v, 8), 8);
	CHECK_EQ(v, 3);
	CHECK_ERR(read(e, &v, 8), EAGAIN);
	CHECK_ERR(read(e, &v, 4), EINVAL);
	v = UINT64_MAX;
	CHECK_ERR(write(e, &v, 8), EINVAL);
	v--;
	CHECK_EQ(write(e, &v, 8), 8);
	v = 1;
	CHECK_ERR(write(e, &v, 8), EAGAIN);
	CHECK_EQ(read(s, &v, 8), 8);
	CHECK_EQ(v, 1);
}

TEST(timerfd_in_epoll)
{
	int ep = epoll_create1(0), t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec i = {.it_value.tv_nsec = 20000000};
	uint64_t v;

	CHECK_ERR(timerfd_create(77, 0), EINVAL);
	CHECK_ERR(read(t, &v, 8), EAGAIN);
	CHECK_EQ(timerfd_settime(t, 0, &i, NULL), 0);
	CHECK_EQ(add(ep, t, EPOLLIN), 0);
	CHECK_EQ(epoll_wait(ep, out, 8, 5000), 1);
	CHECK_EQ(read(t, &v, 8), 8);
	CHECK_EQ(v, 1);
	CHECK_EQ(timerfd_gettime(t, &i), 0);
	CHECK_EQ(i.it_value.tv_nsec, 0);
}

TAP_MAIN()
