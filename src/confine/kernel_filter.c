/* SPDX-License-Identifier: Apache-2.0 */
/* Installs nacre-kernel's filter; logs what it stops. */
#include "confine/kernel_filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/compiler.h"
#include "confine/gofer_filter.h"

static int trap_log_fd = -1;

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
	/* The table of names is every filter's; it is generated once, with the gofer's. */
	const char *name = nr < gofer_filter_nnames ? gofer_filter_names[nr] : NULL;
	char buf[200], digits[12];
	size_t at = 0, d = sizeof(digits) - 1;

	at = append(buf, at, sizeof(buf), "{\"level\":\"error\",\"msg\":\"kernel: forbidden system call ");
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
	_exit(KERNEL_FILTER_EXIT);
}

int kernel_filter_install(int log_fd)
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	struct sock_fprog prog = {
		.len = kernel_filter_len,
		.filter = (struct sock_filter *)(uintptr_t)kernel_filter_prog,
	};
	long r;

	trap_log_fd = log_fd;
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return -errno;
	/* The platform has threads already: all get it, or none. */
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	if (r > 0)
		return -EBUSY;
	return r < 0 ? -errno : 0;
}
