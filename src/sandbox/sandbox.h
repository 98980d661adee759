/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth, use and death of a sandbox from the host's side: what the command line and the shim call. Set-up is
 * a table of steps with undo; a failure anywhere leaves nothing behind. Durable state is one JSON file
 * per container (sandbox/state.h).
 */
#ifndef NACRE_SANDBOX_SANDBOX_H
#define NACRE_SANDBOX_SANDBOX_H

#include "oci/spec.h"

struct runtime_opts { /* global flags of the command line */
	const char *root; /* state directory, absolute */
	const char *platform; /* "trap" */
	const char *network;  /* NULL: by the spec */
	const char *overlay;  /* "none", "memory" */
	const char *strace;   /* NULL off, "" all, else list */
	bool debug, systemd_cgroup, rootless;
	const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled" */
	int log_fd;
};
struct create_opts {
	const char *id, *bundle;
	const char *pid_file, *console_socket;
	int preserve_fds;
	bool no_pivot, no_new_keyring;
	bool foreground; /* run: the terminal is relayed by the caller */
};
struct exec_opts {
	const char *id, *exec_id;
	const char *pid_file, *console_socket;
	const struct oci_process *process;
	int preserve_fds;
	bool detach;
};

/* All return 0 or -errno after logging one line that says what failed. */
int container_create(const struct runtime_opts *r, const struct create_opts *o,
		     const struct oci_spec *spec) __must_check;
int container_start(const struct runtime_opts *r, const char *id) __must_check;
int container_signal(const struct runtime_opts *r, const char *id, int sig, bool all) __must_check;
/* force: from any state, removes whatever is left of it; not existing is success. */
int container_delete(const struct runtime_opts *r, const char *id, bool force) __must_check;
/* Waits for the container's end. *ret_status: wait(2) status. */
int container_wait(const struct runtime_opts *r, const char *id, int *ret_status) __must_check;
/* exec in the foreground returns the command's wait status in *ret_status; detached returns when started. */
int container_exec(const struct runtime_opts *r, const struct exec_opts *o, int *ret_status)
	__must_check;
int container_resize(const struct runtime_opts *r, const char *id, const char *exec_id,
		     unsigned rows, unsigned columns) __must_check;
int container_pause(const struct runtime_opts *r, const char *id, bool pause) __must_check;

struct container_process {
	int pid, ppid, uid, host_pid;
	char *command;
};
int container_ps(const struct runtime_opts *r, const char *id, struct container_process **ret,
		 size_t *ret_n) __must_check;

#endif
