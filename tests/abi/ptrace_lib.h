/* SPDX-License-Identifier: Apache-2.0 */
/* For the ptrace programs: requests as the kernel takes them, children that wait to be traced, expected stops. */
#ifndef NACRE_TESTS_PTRACE_LIB_H
#define NACRE_TESTS_PTRACE_LIB_H

#include <linux/ptrace.h>
#include <poll.h>
#include <stdbool.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <time.h>
#include "../tap.h"

#define REQ_GETREGS 12
#define REQ_SETREGS 13
#define REQ_GETFPREGS 14
#define REQ_SETFPREGS 15
#define REQ_ARCH_PRCTL 30
#define REQ_SYSEMU 31
#define REQ_SYSEMU_STEP 32

#define PT(req, pid, addr, data) syscall(SYS_ptrace, (long)(req), (long)(pid), (long)(addr), (long)(data))
#define STOP_CODE(s) ((s) >> 8)

static inline void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* The next thing that pid does, whatever it is. */
static inline int next_status(pid_t pid)
{
	int s = -1;

	REQUIRE(waitpid(pid, &s, __WALL) == pid);
	return s;
}

/* pid is or comes to a stop with that status word above the low byte. */
#define EXPECT_STOP(pid, code)                                                                     \
	do {                                                                                       \
		int _s = next_status(pid);                                                         \
		if (!WIFSTOPPED(_s) || STOP_CODE(_s) != (code)) {                                  \
			TAP_FAIL("status %#x, expected a stop with %#x", (unsigned)_s, (code));    \
			kill(pid, SIGKILL);                                                        \
			fflush(stdout);                                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
#define EXPECT_EXIT(pid, n)                                                                        \
	do {                                                                                       \
		int _s = next_status(pid);                                                         \
		if (!WIFEXITED(_s) || WEXITSTATUS(_s) != (n))                                      \
			TAP_FAIL("status %#x, expected exit with %d", (unsigned)_s, (n));          \
	} while (0)
#define EXPECT_KILLED(pid, sig)                                                                    \
	do {                                                                                       \
		int _s = next_status(pid);                                                         \
		if (!WIFSIGNALED(_s) || WTERMSIG(_s) != (sig))                                     \
			TAP_FAIL("status %#x, expected death by %d", (unsigned)_s, (sig));         \
	} while (0)

/* A child that asks to be traced, stops itself, then runs fn and exits with its result. */
static inline pid_t traced(int (*fn)(void))
{
	pid_t pid = fork();

	REQUIRE(pid >= 0);
	if (pid == 0) {
		alarm(15);
		if (PT(PTRACE_TRACEME, 0, 0, 0) != 0)
			_exit(99);
		raise(SIGSTOP);
		_exit(fn());
	}
	EXPECT_STOP(pid, SIGSTOP);
	return pid;
}

/* A child that runs fn untraced. */
static inline pid_t untraced(int (*fn)(void))
{
	pid_t pid = fork();

	REQUIRE(pid >= 0);
	if (pid == 0) {
		alarm(15);
		_exit(fn());
	}
	return pid;
}

static inline int do_nothing(void)
{
	return 7;
}

static inline __attribute__((noreturn)) int do_pause(void)
{
	for (;;)
		pause();
}

static inline struct user_regs_struct regs_of(pid_t pid)
{
	struct user_regs_struct r;

	memset(&r, 0x5a, sizeof(r));
	CHECK_EQ(PT(REQ_GETREGS, pid, 0, &r), 0);
	return r;
}

/* Letter of the task's state as /proc tells it. */
static inline char state_of(pid_t pid)
{
	char path[40], buf[300] = "";
	FILE *f;
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return '-';
	p = fgets(buf, sizeof(buf), f) ? strrchr(buf, ')') : NULL;
	fclose(f);
	return p ? p[2] : '?';
}

static inline bool await_state(pid_t pid, char c)
{
	for (int i = 0; i < 2000; i++) {
		if (state_of(pid) == c)
			return true;
		pause_ms(2);
	}
	return false;
}

#endif
