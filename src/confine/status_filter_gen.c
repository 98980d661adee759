/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time program: prints the filter of nacre-status as C. */
#include "confine/filter_gen.h"
#include "confine/status_filter.h"

static const struct rule allow[] = {
	/* the one call to the sandbox, and its answer */
	{SCMP_SYS(sendmsg), 1, {EQ32(0, STATUS_SOCKET_FD)}},
	{SCMP_SYS(recvmsg), 1, {EQ32(0, STATUS_SOCKET_FD)}},
	ANY(close), /* descriptors that come unannounced */
	/* malloc */
	ANY(brk),
	{SCMP_SYS(mmap), 2, {MASKED(2, PROT_EXEC, 0), MASKED(3, MAP_ANONYMOUS, MAP_ANONYMOUS)}},
	ANY(munmap),
	/* the end, as the command ended */
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	{SCMP_SYS(pidfd_send_signal), 1, {EQ32(0, STATUS_SELF_FD)}},
	ANY(restart_syscall), /* stopped and continued by somebody while it waits */
	ANY(exit_group),
};

int main(void)
{
	gen_filter("status", "status_filter.h", allow, sizeof(allow) / sizeof(allow[0]), NULL, 0);
	return 0;
}
