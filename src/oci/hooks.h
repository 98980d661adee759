/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of config.json, and the state document that they and `nacre state` give. */
#ifndef NACRE_OCI_HOOKS_H
#define NACRE_OCI_HOOKS_H

#include "oci/spec.h"

/*
 * Runs the hooks of one kind in order, in the caller's namespaces, as children of the caller, in the directory
 * cwd (NULL, or one that is gone: the caller's). Each gets its args (path if none) and exactly its env, state_json on
 * stdin, and pipes as stdout and stderr whose first bytes appear in the failure message. A hook
 * past its timeout is killed. The first failure ends the list: -ECANCELED, or -errno if the hook
 * could not be started, after one line `error running KIND hook #N PATH: exit status S, stdout:
 * ..., stderr: ...`. poststop is different: failures are warnings, all hooks run and the result is
 * 0.
 */
int hooks_run(const struct oci_spec *spec, enum oci_hook_kind kind,
	      const char *state_json, const char *cwd) __must_check;
const char *oci_hook_kind_name(enum oci_hook_kind kind); /* "createRuntime", ... */

struct oci_state {
	const char *id, *bundle;
	const char *status; /* creating, created, running, paused, stopped */
	int pid;	    /* 0: none, left out */
	/* NULL or absent: left out. What `state` and `list` print beside the specification's
	 * fields. */
	const char *rootfs, *created, *owner;
	const struct oci_spec *spec; /* for the annotations; may be NULL */
};
/* One JSON object, freed by the caller; NULL without memory. pretty: indented, for people. */
char *oci_state_json(const struct oci_state *state, bool pretty);

#endif
