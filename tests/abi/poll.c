/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/select.h>
#include <time.h>
#include <sys/personality.h>
#include "../tap.h"

static void *volatile bad_ptr = (void *)8;

TEST(errors)
{
	struct timespec bad = {0, 2000000000};
	struct timeval neg = {-1, 0};
	struct pollfd f = {999, POLLIN, 0};
	fd_set s;

	CHECK_EQ(poll(&f, 1, 0), 1);
	CHECK_EQ(f.revents, POLLNVAL);
	f.fd = -1;
	CHECK_EQ(poll(&f, 1, 0), 0);
	CHECK_ERR(poll(bad_ptr, 1, 0), EFAULT);
	CHECK_ERR(ppoll(&f, 1, &bad, NULL), EINVAL);
	CHECK_ERR(select(0, NULL, NULL, NULL, &neg), EINVAL);
	FD_ZERO(&s);
	FD_SET(50, &s);
	CHECK_ERR(select(51, &s, NULL, NULL, NULL), EBADF);
}

TEST(select_sets)
{
	struct timeval tv = {1, 0};
	fd_set r, w;
	int p[2];

	REQUIRE(pipe(p) == 0);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	CHECK_EQ(select(p[1] + 1, &r, &w, NULL, &tv), 1);
	CHECK(!FD_ISSET(p[0], &r));
	CHECK(FD_ISSET(p[1], &w));
}

TEST(timeout_and_wake)
{
	struct pollfd f;
	int p[2];

	REQUIRE(pipe(p) == 0);
	f = (struct pollfd){p[0], POLLIN, 0};
	CHECK_EQ(poll(&f, 1, 20), 0);
	if (fork() == 0) {
		usleep(20000);
		_exit(write(p[1], "x", 1) != 1);
	}
	CHECK_EQ(poll(&f, 1, 5000), 1);
}

static void nothing(int s)
{
	(void)s;
}

TEST(ppoll_mask)
{
	struct timespec ts = {2, 0};
	sigset_t all, none;

	signal(SIGUSR1, nothing);
	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise(SIGUSR1);
	CHECK_ERR(ppoll(NULL, 0, &ts, &none), EINTR);
}

TEST(sticky_timeouts)
{
	struct timeval tv = {0, 20000};

	CHECK_EQ(select(0, NULL, NULL, NULL, &tv), 0);
	CHECK_EQ(tv.tv_usec, 0);
	REQUIRE(personality(0x4000000 /* STICKY_TIMEOUTS */) == 0);
	tv.tv_usec = 20000;
	CHECK_EQ(select(0, NULL, NULL, NULL, &tv), 0);
	CHECK_EQ(tv.tv_usec, 20000);
}

TAP_MAIN()
