/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the sandbox API, from the host's side. */
#ifndef NACRE_SANDBOX_REQUEST_H
#define NACRE_SANDBOX_REQUEST_H

#include "oci/spec.h"
#include "rpc/rpc.h"
#include "sandbox/sandbox.h"
#include "sandbox.pb-c.h"

/* Connects to the control socket of the sandbox whose directory is dir. */
int control_connect(const char *dir) __must_check;
/* One call: packs req, checks the status. On a refusal logs its message; *ret_program_error (may be NULL) becomes
 * 126 or 127 when the message says that the program cannot be run. */
int control_call(int fd, const char *method, const ProtobufCMessage *req, const int *fds, unsigned nfds,
		 struct rpc_buf *reply, int *ret_program_error) __must_check;
/* CreateContainer for spec. fds: 0 gofer, then stdio. */
int control_create(int fd, const struct oci_spec *spec, const struct create_opts *o,
		   const struct runtime_opts *r, const int *fds, unsigned nfds, struct rpc_buf *reply)
	__must_check;
int control_exec(int fd, const struct exec_opts *o, const int *fds, unsigned nfds, int *ret_pid) __must_check;
/* Fills fds from *n on with the caller's stdio (or its terminal) and preserved descriptors. */
int stdio_fds(bool terminal, int tty_fd, int preserve, int *fds, unsigned *n) __must_check;

/* Waits for the end of a process; exec_id "": the container's first. *ret_status: as wait(2)'s. */
int control_wait(int fd, const char *id, const char *exec_id, int *ret_status) __must_check;

#endif
