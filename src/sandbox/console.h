/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NACRE_SANDBOX_CONSOLE_H
#define NACRE_SANDBOX_CONSOLE_H

/* A host pty in raw mode: the master goes to the unix stream socket at path by SCM_RIGHTS, the slave is returned
 * (owned by the caller). Logs one line on failure. */
int console_socket_slave(const char *path, int *ret_slave) __must_check;

#endif
