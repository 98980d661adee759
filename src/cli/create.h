/* SPDX-License-Identifier: Apache-2.0 */
/* What create, run and do share. */
#ifndef NACRE_CLI_CREATE_H
#define NACRE_CLI_CREATE_H

#include "cli/cli.h"

/* Creates, starts and waits for a container in the foreground, then removes it unless keep. Takes
 * o->id, pid_file, console_socket etc.; the terminal is set up here. Returns the exit status. */
int run_foreground(const struct runtime_opts *rt, struct create_opts *o,
		   const struct oci_spec *spec, bool keep);
/* Adds what LISTEN_FDS says to o->preserve_fds and to the environment, and checks the descriptors.
 */
int pass_descriptors(struct create_opts *o, struct oci_process *process) __must_check;

#endif
