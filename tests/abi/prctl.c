/* SPDX-License-Identifier: Apache-2.0 */
/* prctl and personality. */
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <stdbool.h>
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

TEST(slack_of_children)
{
	int st;
	pid_t p;

	REQUIRE(prctl(PR_SET_TIMERSLACK, 1234) == 0);
	p = fork();
	if (p == 0) {
		prctl(PR_SET_TIMERSLACK, 99);
		prctl(PR_SET_TIMERSLACK, 0); /* back to what it was born with */
		_exit(prctl(PR_GET_TIMERSLACK) != 1234);
	}
	REQUIRE(waitpid(p, &st, 0) == p);
	CHECK_EQ(st, 0);
}

TEST(machine_checks)
{
	CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
	CHECK_EQ(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0), 0);
	CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY);
	CHECK_EQ(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0), 0);
	CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_LATE);
	CHECK_EQ(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
	CHECK_ERR(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_MCE_KILL, 2, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 0, 1, 0), EINVAL);
	CHECK_ERR(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0), EINVAL);
}

TEST(huge_pages)
{
	int st;
	pid_t p;

	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
	CHECK_ERR(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_THP_DISABLE, 1, 0, 1, 0), EINVAL);
	CHECK_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	p = fork();
	if (p == 0)
		_exit(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) != 1);
	REQUIRE(waitpid(p, &st, 0) == p);
	CHECK_EQ(st, 0);
	CHECK_EQ(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
}

TEST(small_ones)
{
	int v = -1;

	CHECK_EQ(prctl(PR_GET_TIMING), PR_TIMING_STATISTICAL);
	CHECK_EQ(prctl(PR_SET_TIMING, PR_TIMING_STATISTICAL), 0);
	CHECK_ERR(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP), EINVAL);
	CHECK_EQ(prctl(PR_GET_TSC, &v), 0);
	CHECK_EQ(v, PR_TSC_ENABLE);
	CHECK_EQ(prctl(PR_SET_TSC, PR_TSC_ENABLE), 0);
	CHECK_ERR(prctl(PR_SET_TSC, 9), EINVAL);
	CHECK_ERR(prctl(PR_GET_TSC, 8), EFAULT);
	CHECK_EQ(prctl(PR_TASK_PERF_EVENTS_DISABLE), 0);
	CHECK_EQ(prctl(PR_TASK_PERF_EVENTS_ENABLE), 0);
	CHECK_ERR(prctl(PR_GET_SPECULATION_CTRL, 77, 0, 0, 0), ENODEV);
	CHECK_ERR(prctl(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_SPECULATION_CTRL, 77, 2, 0, 0), ENODEV);
	CHECK_ERR(prctl(PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_FPEMU, 1), EINVAL);
	CHECK_ERR(prctl(PR_GET_UNALIGN, &v), EINVAL);
	CHECK_ERR(prctl(PR_GET_ENDIAN, &v), EINVAL);
	CHECK_ERR(prctl(PR_SVE_GET_VL), EINVAL);
	CHECK_ERR(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0), EINVAL);
}

TEST(auxiliary_vector)
{
	unsigned long v[128];
	long n = prctl(0x41555856 /* PR_GET_AUXV */, v, sizeof(v), 0, 0);
	int found = 0;

	CHECK(n > 200 && n % 16 == 0);
	for (long i = 0; i < n / 8 && v[i]; i += 2)
		if (v[i] == 6 /* AT_PAGESZ */)
			found = v[i + 1] == 4096;
	CHECK(found);
	CHECK_EQ(prctl(0x41555856, v, 0, 0, 0), n);
	CHECK_ERR(prctl(0x41555856, 8, 16, 0, 0), EFAULT);
	CHECK_ERR(prctl(0x41555856, v, sizeof(v), 0, 1), EINVAL);
}

/* Rights that moving the arguments, and being a flusher of writes, takes. */
TEST(with_cap_sys_resource)
{
	static char title[] = "another title";
	char got[64] = "";
	int fd;
	bool may = prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) == 0;

	CHECK_ERR(prctl(PR_SET_MM, PR_SET_MM_ARG_START, title, 0, 1), EINVAL);
	CHECK_ERR(prctl(PR_SET_MM, PR_SET_MM_ARG_START, title, 1, 0), EINVAL);
	if (!may) {
		CHECK_ERR(prctl(PR_SET_MM, PR_SET_MM_ARG_START, title, 0, 0), EPERM);
		CHECK_ERR(prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0), EPERM);
		return;
	}
	CHECK_EQ(prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 1);
	CHECK_ERR(prctl(PR_SET_IO_FLUSHER, 2, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_IO_FLUSHER, 0, 1, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_MM, PR_SET_MM_ARG_START, 8, 0, 0), EINVAL);
	/* The start first, while the end lies above: the program's own data are below its stack. */
	CHECK_EQ(prctl(PR_SET_MM, PR_SET_MM_ARG_START, title, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_MM, PR_SET_MM_ARG_END, title + sizeof(title), 0, 0), 0);
	fd = open("/proc/self/cmdline", O_RDONLY);
	CHECK_EQ(read(fd, got, sizeof(got)), sizeof(title));
	CHECK_STR(got, title);
	CHECK_ERR(prctl(PR_SET_MM, PR_SET_MM_ARG_START, title + sizeof(title) + 1, 0, 0), EINVAL);
}

TEST(unknown)
{
	CHECK_ERR(prctl(-1, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(0x7fffff, 0, 0, 0, 0), EINVAL);
}

TEST(persona)
{
	CHECK_EQ(personality(0xffffffff), 0);
	CHECK_EQ(personality(ADDR_NO_RANDOMIZE), 0);
	CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
}

TAP_MAIN()
