/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling calls. */
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

TEST(yield_and_cpu)
{
	unsigned cpu = 9999, node = 9999;

	CHECK_EQ(sched_yield(), 0);
	CHECK_EQ(syscall(SYS_getcpu, &cpu, &node, NULL), 0);
	CHECK(cpu < 1024);
	CHECK_EQ(node, 0);
	CHECK_EQ(syscall(SYS_getcpu, NULL, NULL, NULL), 0);
	CHECK_ERR(syscall(SYS_getcpu, (void *)8, NULL, NULL), EFAULT);
}

TEST(affinity)
{
	unsigned long m[16] = {0}, one[16] = {0};
	int n, st;
	pid_t p;

	n = (int)syscall(SYS_sched_getaffinity, 0, sizeof(m), m);
	CHECK(n >= 8 && n % 8 == 0);
	CHECK(m[0] != 0);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 4, m), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0x3fffffff, sizeof(m), m), ESRCH);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, sizeof(m), (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_sched_setaffinity, 0, sizeof(one), one), EINVAL); /* no cpu */
	one[0] = m[0] & -m[0];
	CHECK_EQ(syscall(SYS_sched_setaffinity, 0, sizeof(one), one), 0);
	syscall(SYS_sched_getaffinity, 0, sizeof(m), m);
	CHECK_EQ(m[0], one[0]);
	p = fork();
	if (p == 0) { /* inherited */
		syscall(SYS_sched_getaffinity, 0, sizeof(m), m);
		_exit(m[0] == one[0] ? 0 : 1);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
}

TEST(policies)
{
	struct sched_param sp = {0};

	CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
	CHECK_EQ(syscall(SYS_sched_getparam, 0, &sp), 0);
	CHECK_EQ(sp.sched_priority, 0);
	CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &sp), 0);
	CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &sp), 0);
	CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_BATCH);
	CHECK_EQ(syscall(SYS_sched_setparam, 0, &sp), 0);
	CHECK_EQ(sched_get_priority_min(SCHED_FIFO), 1);
	CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
	CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
	CHECK_ERR(sched_get_priority_max(77), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, 77, &sp), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, -1, 0, &sp), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getscheduler, 0x3fffffff), ESRCH);
	CHECK_ERR(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	sp.sched_priority = 5;
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &sp), EINVAL);
}

TEST(realtime_needs_a_capability)
{
	struct sched_param sp = {10};
	int st;
	pid_t p = fork();

	if (p == 0) {
		if (getuid() == 0 && setuid(1234))
			_exit(2);
		_exit(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &sp) < 0 && errno == EPERM ? 0 : 1);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
}

TEST(nice_values)
{
	int st;
	pid_t p;

	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20);
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 15);
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 100), 0); /* clamped */
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 1);
	CHECK_ERR(setpriority((__priority_which_t)9, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_getpriority, PRIO_PROCESS, 0x3fffffff), ESRCH);
	p = fork();
	if (p == 0) {
		if (getuid() == 0 && setuid(1234))
			_exit(2);
		_exit(setpriority(PRIO_PROCESS, 0, -5) < 0 && errno == EACCES ? 0 : 1);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
}

TEST(sched_attr)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t prio;
		uint64_t runtime, deadline, period;
		uint32_t util_min, util_max;
	} a;

	memset(&a, 0, sizeof(a));
	CHECK_EQ(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
	CHECK(a.size >= 48);
	CHECK_EQ(a.policy, SCHED_OTHER);
	CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, 4, 0), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 1), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getattr, 0x3fffffff, &a, sizeof(a), 0), ESRCH);
}

TAP_MAIN()
