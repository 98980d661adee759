/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, process groups, limits, prctl, scheduling. */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

TEST(setsid_and_groups)
{
	pid_t p = fork();
	int s;

	if (p == 0) {
		CHECK_EQ(setsid(), getpid());
		CHECK_EQ(getsid(0), getpid());
		CHECK_EQ(getpgid(0), getpid());
		CHECK_ERR(setsid(), EPERM);
		CHECK_ERR(setpgid(0, 0), EPERM);
		_exit(tap_failures);
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, 0);
}

TEST(setpgid_errors)
{
	CHECK_ERR(setpgid(0, -1), EINVAL);
	CHECK_ERR(setpgid(4000000, 0), ESRCH);
	CHECK_ERR(setpgid(0, 4000000), EPERM);
	CHECK_ERR(getpgid(4000000), ESRCH);
	CHECK_ERR(getsid(4000000), ESRCH);
	CHECK_EQ(setpgid(0, 0), 0);
	CHECK_EQ(getpgrp(), getpid());
}

TAP_MAIN()
