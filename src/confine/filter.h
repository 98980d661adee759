/* SPDX-License-Identifier: Apache-2.0 */
/* Installing a filter that was compiled at build time, and the log line for what it stops. */
#ifndef NACRE_CONFINE_FILTER_H
#define NACRE_CONFINE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include "base/compiler.h"

/* What the handler ends the process with: as if by SIGSYS or SIGSEGV, a bug or a break-in, not an end of the guest's. */
#define FILTER_EXIT 139

/* Installs the trap handler and the filter; all_threads: in every thread of the process, else in the calling, still only,
 * one. no_new_privs must be set. who: for the log line ("kernel"). log_fd: where the handler writes, -1 nowhere. 0 or
 * -errno. */
int filter_install(const struct sock_filter *prog, unsigned short len, const char *who, int log_fd,
		   bool all_threads) __must_check;

/* Generated: names of system calls by number. */
extern const char *const syscall_names[];
extern const unsigned syscall_nnames;

#endif
