/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sandbox: process 1 (nacre-kernel), its factory, and the gofers of containers. */
#ifndef NACRE_SANDBOX_BIRTH_H
#define NACRE_SANDBOX_BIRTH_H

#include "oci/cgroup.h"
#include "oci/spec.h"
#include "sandbox/sandbox.h"

struct birth {
	const struct runtime_opts *opts;
	const struct oci_spec *spec;
	const char *dir;	/* the container's state directory */
	struct cgroup *cgroup;
	uid_t kuid;		/* the sandbox's own user */
	int listen_fd;		/* the control socket */
	pid_t kernel;
	pid_t gofer;
	int gofer_sock;		/* the kernel's end */
	const char *state_json; /* for createContainer hooks */
};

/* Starts process 1 in new namespaces. It execs nacre-kernel. b->kernel is a child of the caller. */
int birth_kernel(struct birth *b) __must_check;
/* Starts the container's gofer beside it, with the mounts of the spec as exports. */
int birth_gofer(struct birth *b) __must_check;
/* Opens a program of the runtime (nacre-kernel...) by name: beside the running nacre, or in libexec. */
int open_program(const char *name) __must_check;
/* Number of exports: the root and each bind mount. */
unsigned export_count(const struct oci_spec *spec);

#endif
