/* SPDX-License-Identifier: Apache-2.0 */
/* getrlimit, setrlimit, prlimit64, getrusage. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

TEST(get_set)
{
	struct rlimit r, s;

	CHECK_EQ(syscall(SYS_getrlimit, RLIMIT_NOFILE, &r), 0);
	CHECK(r.rlim_cur <= r.rlim_max);
	s = r;
	s.rlim_cur = r.rlim_cur > 64 ? 64 : r.rlim_cur;
	CHECK_EQ(syscall(SYS_setrlimit, RLIMIT_NOFILE, &s), 0);
	CHECK_EQ(syscall(SYS_getrlimit, RLIMIT_NOFILE, &r), 0);
	CHECK_EQ(r.rlim_cur, s.rlim_cur);
	CHECK_ERR(dup2(1, 64), EBADF);
	CHECK_ERR(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (void *)8, NULL), EFAULT);
	s.rlim_cur = s.rlim_max;
	CHECK_EQ(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &s, &r), 0);
	CHECK_EQ(r.rlim_cur, 64);
}

TEST(errors)
{
	struct rlimit r = {10, 5};

	CHECK_ERR(syscall(SYS_getrlimit, 99, &r), EINVAL);
	CHECK_ERR(syscall(SYS_setrlimit, 99, &r), EINVAL);
	CHECK_ERR(syscall(SYS_setrlimit, RLIMIT_CORE, &r), EINVAL); /* soft above hard */
	CHECK_ERR(syscall(SYS_getrlimit, RLIMIT_CORE, (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_prlimit64, 0x3fffffff, RLIMIT_CORE, NULL, &r), ESRCH);
}

TEST(raising_needs_a_capability)
{
	struct rlimit r = {5, 5}, up = {5, 6};
	int st;
	pid_t p = fork();

	if (p == 0) {
		if (setrlimit(RLIMIT_CORE, &r))
			_exit(2);
		if (getuid() == 0 && setuid(1234))
			_exit(3);
		_exit(setrlimit(RLIMIT_CORE, &up) < 0 && errno == EPERM ? 0 : 1);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
}

TEST(inherited_and_of_another_process)
{
	struct rlimit r = {100, 200}, o;
	int st, ready[2];
	char c;
	pid_t p;

	REQUIRE(pipe(ready) == 0);
	CHECK_EQ(setrlimit(RLIMIT_CORE, &r), 0);
	p = fork();
	if (p == 0) {
		getrlimit(RLIMIT_CORE, &o);
		if (o.rlim_cur != 100 || o.rlim_max != 200)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(3);
		while (o.rlim_cur == 100) {
			usleep(1000);
			getrlimit(RLIMIT_CORE, &o);
		}
		_exit(o.rlim_cur == 50 ? 0 : 2);
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	r.rlim_cur = 50;
	CHECK_EQ(prlimit(p, RLIMIT_CORE, &r, &o), 0);
	CHECK_EQ(o.rlim_cur, 100);
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
	getrlimit(RLIMIT_CORE, &o);
	CHECK_EQ(o.rlim_cur, 100);
}

TEST(rusage)
{
	struct rusage a, b;
	volatile int x = 0;

	memset(&a, 0xff, sizeof(a));
	CHECK_EQ(getrusage(RUSAGE_SELF, &a), 0);
	do {
		for (int i = 0; i < 1000000; i++)
			x++;
		CHECK_EQ(getrusage(RUSAGE_SELF, &b), 0);
	} while (b.ru_utime.tv_sec == a.ru_utime.tv_sec &&
		 b.ru_utime.tv_usec - a.ru_utime.tv_usec < 10000);
	CHECK_EQ(getrusage(RUSAGE_THREAD, &b), 0);
	CHECK_EQ(getrusage(RUSAGE_CHILDREN, &b), 0);
	CHECK_EQ(b.ru_utime.tv_sec + b.ru_utime.tv_usec, 0);
	CHECK_ERR(getrusage((__rusage_who_t)5, &b), EINVAL);
	CHECK_ERR(syscall(SYS_getrusage, RUSAGE_SELF, (void *)8), EFAULT);
}

TAP_MAIN()
