/* SPDX-License-Identifier: Apache-2.0 */
/* The application kernel as a whole: one per process. */
#ifndef NACRE_KERNEL_KERNEL_H
#define NACRE_KERNEL_KERNEL_H

#include "kernel/types.h"

/* What uname(2) and /proc/version say. */
#define GUEST_RELEASE "6.12.0-nacre"
#define GUEST_VERSION "#1 SMP PREEMPT_DYNAMIC"

struct kernel {
	uint64_t boot_ns;   /* CLOCK_BOOTTIME of the host at start: uptime and start times */
	uint8_t boot_id[16];
	unsigned ncpu;	    /* what the guest sees */
	bool strace;	    /* entry hooks print calls */
	const char *strace_list; /* comma-separated names to print, NULL all */
	uint64_t dead_user, dead_sys; /* atomic: ns of CPU time of threads that have ended */
	int proc_fd;	    /* sandbox's procfs, -1 */
	unsigned aio_events; /* atomic: that io_setup has promised to all contexts */
	bool network;	    /* there are internet sockets */
	int route_fd, diag_fd; /* netlink sockets of the host, -1: none */
	unsigned port_start; /* ports below it ask for CAP_NET_BIND_SERVICE */
};
extern struct kernel kernel;

#endif
