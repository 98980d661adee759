/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling: affinity, policies, nice. */
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

TEST(affinity)
{
	cpu_set_t s;

	CHECK_EQ(sched_getaffinity(0, sizeof(s), &s), 0);
	CHECK(CPU_COUNT(&s) > 0);
	CHECK_EQ(sched_setaffinity(0, sizeof(s), &s), 0);
	CPU_ZERO(&s);
	CHECK_ERR(sched_setaffinity(0, sizeof(s), &s), EINVAL);
	CHECK_ERR(sched_getaffinity(4000000, sizeof(s), &s), ESRCH);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 4, &s), EINVAL);
}

TEST(policy)
{
	struct sched_param p = {0};

	CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
	CHECK_EQ(sched_setscheduler(0, SCHED_BATCH, &p), 0);
	CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
	CHECK_ERR(sched_setscheduler(0, 99, &p), EINVAL);
	CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
	CHECK_ERR(sched_get_priority_min(99), EINVAL);
	CHECK_EQ(sched_yield(), 0);
}

TEST(niceness)
{
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
	CHECK_ERR(getpriority(9, 0), EINVAL);
	CHECK_ERR(getpriority(PRIO_PROCESS, 4000000), ESRCH);
}

TAP_MAIN()
