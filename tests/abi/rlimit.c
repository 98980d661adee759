/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits and usage. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

TEST(limits)
{
	struct rlimit l, o;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = 64;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	CHECK_EQ(prlimit(0, RLIMIT_NOFILE, NULL, &o), 0);
	CHECK_EQ(o.rlim_cur, 64);
	l.rlim_cur = l.rlim_max;
	l.rlim_max = 10;
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &l), EINVAL);
	CHECK_ERR(syscall(SYS_getrlimit, 99, &l), EINVAL);
	CHECK_ERR(syscall(SYS_prlimit64, 4000000, 0, 0, &l), ESRCH);
	CHECK_ERR(syscall(SYS_getrlimit, 0, 8), EFAULT);
}

TEST(usage)
{
	struct rusage r;

	CHECK_EQ(getrusage(RUSAGE_SELF, &r), 0);
	CHECK_EQ(getrusage(RUSAGE_CHILDREN, &r), 0);
	CHECK_EQ(getrusage(RUSAGE_THREAD, &r), 0);
	CHECK_ERR(syscall(SYS_getrusage, 5, &r), EINVAL);
}

TAP_MAIN()
