/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gofer's seccomp filter: compiled at build time (gofer_filter_gen.c) and embedded as data. A call
 * that is not on its list traps; the handler logs the call's name and ends the process.
 */
#ifndef NACRE_CONFINE_GOFER_FILTER_H
#define NACRE_CONFINE_GOFER_FILTER_H

#include <linux/filter.h>

/* The gofer's own pidfd sits at this number: a guest's fatal signal is sent through it and through
 * nothing else, so that the filter can tell the target. */
#define GOFER_SELF_FD 900

/* Installs the trap handler and the filter in the calling, still only, thread. no_new_privs must be set.
 * log_fd: where the handler writes. Returns 0 or -errno. */
int gofer_filter_install(int log_fd);

/* Generated. */
extern const struct sock_filter gofer_filter_prog[];
extern const unsigned short gofer_filter_len;

#endif
