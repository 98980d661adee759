/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter of nacre-kernel: compiled at build time (kernel_filter_gen.c) and embedded as data. A call that is
 * not on its list traps; the handler logs the call's name and ends the process, and with it the sandbox.
 */
#ifndef NACRE_CONFINE_KERNEL_FILTER_H
#define NACRE_CONFINE_KERNEL_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

/* The procfs descriptor of the sandbox's pid namespace has this number: openat(2) is allowed below it alone. */
#define KERNEL_PROC_FD 1000
/* The signal that the platform kicks guest threads with (platform/trap/layout.h: KICK_SIGNAL). */
#define KERNEL_KICK_SIGNAL 23
/* The memory of all slots has this number: nothing else that others can change is ever mapped. */
#define KERNEL_SLOTS_FD 1001
/* With a network: the two netlink sockets (NETLINK_ROUTE, NETLINK_SOCK_DIAG), opened before the filter, which allows none. */
#define KERNEL_ROUTE_FD 1002
#define KERNEL_DIAG_FD 1003

/* Installs the trap handler, and the filter in every thread of the process. no_new_privs must be set, and the first
 * thread made already (the C library then installs signal handlers, which the filter forbids). Threads that
 * block SIGSYS end the process without the log line. log_fd: where the handler writes, -1 nowhere. network: the variant with
 * internet sockets. 0 or -errno. */
int kernel_filter_install(int log_fd, bool network);

/* Generated. */
extern const struct sock_filter kernel_filter_prog[];
extern const unsigned short kernel_filter_len;
extern const struct sock_filter kernel_network_filter_prog[];
extern const unsigned short kernel_network_filter_len;

#endif
