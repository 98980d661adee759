/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and priorities: who may set which, what is shown afterwards, what children get. */
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "../tap.h"

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t prio;
	uint64_t runtime, deadline, period;
};

static int in_child(int (*fn)(void))
{
	int st = -1;
	pid_t p = fork();

	if (p == 0)
		_exit(fn());
	waitpid(p, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + st;
}

static int set_rt(void)
{
	struct sched_param p = {.sched_priority = 0};
	struct timespec ts;
	int st;

	if (sched_setscheduler(0, SCHED_FIFO, &p) == 0 || errno != EINVAL)
		return 1;
	p.sched_priority = 100;
	if (sched_setscheduler(0, SCHED_RR, &p) == 0 || errno != EINVAL)
		return 2;
	p.sched_priority = 1;
	if (sched_setscheduler(0, SCHED_OTHER, &p) == 0 || errno != EINVAL)
		return 3;
	if (sched_setscheduler(0, SCHED_RR, &p) < 0)
		return errno == EPERM ? 77 : 4;
	if (sched_getscheduler(0) != SCHED_RR || sched_getparam(0, &p) < 0 || p.sched_priority != 1)
		return 5;
	if (sched_rr_get_interval(0, &ts) < 0 || (ts.tv_sec == 0 && ts.tv_nsec == 0))
		return 6;
	p.sched_priority = 2;
	if (sched_setparam(0, &p) < 0 || sched_getparam(0, &p) < 0 || p.sched_priority != 2)
		return 7;
	if (fork() == 0)
		_exit(sched_getscheduler(0) == SCHED_RR ? 0 : 1);
	wait(&st);
	if (st)
		return 8;
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) < 0 ||
	    sched_getscheduler(0) != (SCHED_RR | SCHED_RESET_ON_FORK))
		return 9;
	if (fork() == 0)
		_exit(sched_getscheduler(0) == SCHED_OTHER ? 0 : 1);
	wait(&st);
	if (st)
		return 10;
	p.sched_priority = 0;
	return sched_setscheduler(0, SCHED_OTHER, &p) < 0 ? 11 : 0;
}

TEST(real_time)
{
	int r;

	if (geteuid() != 0)
		SKIP("needs root");
	r = in_child(set_rt);
	if (r == 77)
		SKIP("no real-time time here");
	CHECK_EQ(r, 0);
}

static int unprivileged(void)
{
	struct sched_param p = {.sched_priority = 1};
	struct rlimit l = {0, 0};

	setrlimit(RLIMIT_RTPRIO, &l);
	setrlimit(RLIMIT_NICE, &l);
	if (setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (sched_setscheduler(0, SCHED_FIFO, &p) == 0 || errno != EPERM)
		return 2;
	p.sched_priority = 0;
	if (sched_setscheduler(getppid(), SCHED_OTHER, &p) == 0 || errno != EPERM)
		return 3;
	if (sched_setscheduler(0, SCHED_BATCH, &p) < 0 || sched_setscheduler(0, SCHED_OTHER, &p) < 0)
		return 4;
	if (sched_setscheduler(0, SCHED_IDLE, &p) < 0)
		return 5;
	if (setpriority(PRIO_PROCESS, 0, -1) == 0 || errno != EACCES)
		return 6;
	if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &p) == 0)
		return 0; /* kernels differ in whether idle may be left: RLIMIT_NICE of 0 forbids it */
	return errno == EPERM ? 0 : 7;
}

TEST(without_rights)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK_EQ(in_child(unprivileged), 0);
}

static int attributes(void)
{
	struct attr a = {.size = 48, .policy = SCHED_BATCH, .nice = 5, .flags = 1}, b = {0};

	if (syscall(SYS_sched_setattr, 0, &a, 0) < 0)
		return 1;
	if (syscall(SYS_sched_getattr, 0, &b, sizeof(b), 0) < 0 || b.policy != SCHED_BATCH || b.nice != 5 || !(b.flags & 1))
		return 2;
	if (getpriority(PRIO_PROCESS, 0) != 5)
		return 3;
	a.flags = 1ULL << 40;
	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0 || errno != EINVAL)
		return 4;
	a.flags = 0;
	a.size = 40;
	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0 || errno != E2BIG || a.size != 56)
		return 5;
	a.size = 48;
	if (syscall(SYS_sched_setattr, 0, &a, 1) == 0 || errno != EINVAL)
		return 6;
	a.policy = 77;
	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0 || errno != EINVAL)
		return 7;
	return syscall(SYS_sched_getattr, 0, &b, 40, 0) < 0 && errno == EINVAL ? 0 : 8;
}

TEST(attributes)
{
	CHECK_EQ(in_child(attributes), 0);
}

TEST(bad_arguments)
{
	struct sched_param p = {0};
	struct timespec ts;

	CHECK_ERR(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &p), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, -1, &p), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, 99, &p), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getscheduler, -1), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getscheduler, 4194303), ESRCH);
	CHECK_ERR(syscall(SYS_sched_setparam, -1, &p), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_sched_rr_get_interval, -1, &ts), EINVAL);
}

static int io(void)
{
	int def = (int)syscall(SYS_ioprio_get, 1, 0);

	if (def < 0)
		return 1;
	if (syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6) < 0 || syscall(SYS_ioprio_get, 1, 0) != (2 << 13 | 6))
		return 2;
	if (fork() == 0)
		_exit(syscall(SYS_ioprio_get, 1, 0) != (2 << 13 | 6));
	int st;

	wait(&st);
	if (st)
		return 3;
	if (syscall(SYS_ioprio_set, 1, 0, 3 << 13) < 0 || syscall(SYS_ioprio_get, 1, 0) >> 13 != 3)
		return 4;
	if (syscall(SYS_ioprio_set, 9, 0, 2 << 13) == 0 || errno != EINVAL)
		return 5;
	if (syscall(SYS_ioprio_set, 1, 0, 5 << 13) == 0 || errno != EINVAL)
		return 6;
	if (syscall(SYS_ioprio_set, 1, 4194303, 2 << 13) == 0 || errno != ESRCH)
		return 7;
	if (setpgid(0, 0) < 0 || syscall(SYS_ioprio_set, 2, 0, 2 << 13 | 3) < 0 || syscall(SYS_ioprio_get, 2, 0) != (2 << 13 | 3))
		return 8;
	return 0;
}

TEST(io_priorities)
{
	CHECK_EQ(in_child(io), 0);
}

TAP_MAIN()
