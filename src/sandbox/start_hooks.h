/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NACRE_SANDBOX_START_HOOKS_H
#define NACRE_SANDBOX_START_HOOKS_H

#include "oci/spec.h"

/* Runs the startContainer hooks of a created container in its guest, in order; dir: the sandbox's state directory. The
 * first that fails, or is not done in its time, ends the list with an error after one line. A hook that hangs is still
 * there then: the caller stops the container. */
int start_hooks_run(const struct oci_spec *spec, const char *dir, const char *id, const char *state_json) __must_check;

#endif
