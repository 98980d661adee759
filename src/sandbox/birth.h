/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sandbox: process 1 (nacre-kernel), its factory, and the gofers of containers. */
#ifndef NACRE_SANDBOX_BIRTH_H
#define NACRE_SANDBOX_BIRTH_H

#include "oci/cgroup.h"
#include "oci/spec.h"
#include "sandbox/sandbox.h"
#include "sandbox/userns.h"

struct birth {
	const struct runtime_opts *opts;
	const struct oci_spec *spec;
	const char *dir;	/* the container's state directory */
	struct cgroup *cgroup;
	uid_t kuid;		/* the sandbox's own user, as its user namespace numbers it */
	struct userns_maps maps; /* empty: it has the caller's user namespace */
	int listen_fd;		/* the control socket; closed once process 1 has it */
	pid_t kernel;
	pid_t gofer;
	int net_sock;		/* where the gofer gets the network namespace from */
	int gofer_sock;		/* the kernel's end */
	int hooks_sock;		/* to the gofer, -1 without hooks that need it */
	int go;			/* process 1 executes its program after a byte from here; closed, it ends */
};

/* Starts process 1 in new namespaces. b->kernel is a child of the caller. Does not wait for it: if it fails it says
 * why, and the first call on its socket fails. */
int birth_kernel(struct birth *b) __must_check;
/* Process 1 is written down, so that it may exec nacre-kernel and outlive the caller. */
int birth_go(struct birth *b) __must_check;
/* Starts the container's gofer beside it, with the mounts of the spec as exports. Process 1 may still be on
 * its way. With hooks it waits until the gofer is in its namespaces, where it stays until birth_gofer_hooks. */
int birth_gofer(struct birth *b) __must_check;
/* Lets the gofer go on: it runs the createContainer hooks, in its mount namespace before the pivot, with state_json. Waits
 * until that is done. -ECANCELED when one failed (it has said so). Nothing to do without hooks. */
int birth_gofer_hooks(struct birth *b, const char *state_json) __must_check;
/* Opens a program of the runtime (nacre-kernel...) by name: beside the running nacre, or in libexec. */
int open_program(const char *name) __must_check;
/* A descriptor of /dev/null above those that programs are given; -errno after a message. */
int open_null(void) __must_check;
/* Before the exec of prog: 0 and 1 become null, 2 the log if there is one (-1: it stays), of the rest only those below kept
 * stay. */
int seal_descriptors(int null, int log, unsigned kept, int prog) __must_check;
/* Number of exports: the root and each bind mount. */
unsigned export_count(const struct oci_spec *spec);

#endif
