/* SPDX-License-Identifier: Apache-2.0 */
/* prctl and personality. */
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "../tap.h"

TEST(name)
{
	char n[17] = {0};

	CHECK_EQ(prctl(PR_SET_NAME, "a-rather-long-task-name"), 0);
	CHECK_EQ(prctl(PR_GET_NAME, n), 0);
	CHECK_STR(n, "a-rather-long-t");
	CHECK_ERR(prctl(PR_SET_NAME, (void *)8), EFAULT);
	CHECK_ERR(prctl(PR_GET_NAME, (void *)8), EFAULT);
}

TEST(pdeathsig)
{
	int s = -1, fds[2];
	char c = 0;
	pid_t p;

	CHECK_EQ(prctl(PR_GET_PDEATHSIG, &s), 0);
	CHECK_EQ(s, 0);
	CHECK_ERR(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
	CHECK_EQ(prctl(PR_GET_PDEATHSIG, &s), 0);
	CHECK_EQ(s, SIGUSR1);
	CHECK_ERR(prctl(PR_GET_PDEATHSIG, (void *)8), EFAULT);
	REQUIRE(pipe(fds) == 0);
	p = fork();
	if (p == 0) {
		int ready[2];

		if (pipe(ready))
			_exit(1);
		if (fork() == 0) {
			prctl(PR_GET_PDEATHSIG, &s);
			if (s != 0) /* fork clears it */
				_exit(1);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			while (pause() < 0)
				;
		}
		_exit(read(ready[0], &c, 1) == 1 ? 0 : 1);
	}
	close(fds[1]);
	CHECK_EQ(read(fds[0], &c, 1), 0); /* the grandchild died with its parent */
	waitpid(p, NULL, 0);
}

TEST(no_new_privs)
{
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_ERR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

TEST(subreaper)
{
	int v = -1;

	CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &v), 0);
	CHECK_EQ(v, 0);
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &v), 0);
	CHECK_EQ(v, 1);
}

TEST(dumpable_and_slack)
{
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
	CHECK_ERR(prctl(PR_SET_DUMPABLE, 2), EINVAL);
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);
	CHECK_EQ(prctl(PR_SET_TIMERSLACK, 1234), 0);
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1234);
	CHECK_EQ(prctl(PR_SET_TIMERSLACK, 0), 0); /* back to the default */
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);
}

TEST(unknown)
{
	CHECK_ERR(prctl(0x7fffff, 0, 0, 0, 0), EINVAL);
}

TEST(persona)
{
	CHECK_EQ(personality(0xffffffff), 0);
	CHECK_EQ(personality(ADDR_NO_RANDOMIZE), 0);
	CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
}

TAP_MAIN()
