/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter of nacre-status, the process that a detached exec leaves behind. */
#ifndef NACRE_CONFINE_STATUS_FILTER_H
#define NACRE_CONFINE_STATUS_FILTER_H

#include <linux/filter.h>
#include "base/compiler.h"

/* Its socket, and its own pidfd: a command's fatal signal is sent through that and through nothing else. */
#define STATUS_SOCKET_FD 3
#define STATUS_SELF_FD 900

/* In the calling, only thread. no_new_privs must be set. Returns 0 or -errno. */
int status_filter_install(void) __must_check;

/* Generated. */
extern const struct sock_filter status_filter_prog[];
extern const unsigned short status_filter_len;

#endif
