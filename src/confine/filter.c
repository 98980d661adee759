/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/cleanup.h"

static int trap_log_fd = -1;
static const char *trap_who = "";

/* Async-signal-safe: no formatting library. */
static size_t append(char *buf, size_t at, size_t cap, const char *s)
{
	while (*s && at + 1 < cap)
		buf[at++] = *s++;
	return at;
}

static void on_trap(int sig __unused, siginfo_t *si, void *ctx __unused)
{
	unsigned nr = (unsigned)si->si_syscall;
	const char *name = nr < syscall_nnames ? syscall_names[nr] : NULL;
	char buf[200], digits[12];
	size_t at = 0, d = sizeof(digits) - 1;

	at = append(buf, at, sizeof(buf), "{\"level\":\"error\",\"msg\":\"");
	at = append(buf, at, sizeof(buf), trap_who);
	at = append(buf, at, sizeof(buf), ": forbidden system call ");
	if (name) {
		at = append(buf, at, sizeof(buf), name);
	} else {
		digits[d] = 0;
		do
			digits[--d] = (char)('0' + nr % 10);
		while ((nr /= 10) != 0);
		at = append(buf, at, sizeof(buf), digits + d);
	}
	at = append(buf, at, sizeof(buf), "\"}\n");
	if (trap_log_fd >= 0)
		(void)!write(trap_log_fd, buf, at);
	_exit(FILTER_EXIT);
}

int filter_install(const struct sock_filter *filter, unsigned short len, const char *who, int log_fd, bool all_threads)
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	struct sock_fprog prog = {.len = len, .filter = (struct sock_filter *)(uintptr_t)filter};
	long r;

	trap_log_fd = log_fd;
	trap_who = who;
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return -errno;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &prog);
	if (r > 0)
		return -EBUSY;
	return r < 0 ? -errno : 0;
}
