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
	bool log_json; /* the format of log_fd */
	const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled" */
	int log_fd;
};
struct create_opts {
	const char *id, *bundle;
	const char *pid_file, *console_socket;
	int preserve_fds;
	bool no_pivot, no_new_keyring;
	bool foreground; /* run: the terminal is relayed by the caller */
	/* foreground with process.terminal: slave of the host pty, in raw mode, whose master the caller relays;
	 * -1 otherwise. The caller closes it. */
	int tty_fd;
	unsigned rows, columns; /* of that terminal */
	/* If not NULL: set to 127 when the program was not found and to 126 when it cannot be executed. */
	int *ret_program_error;
};
struct exec_opts {
	const char *id, *exec_id;
	const char *pid_file, *console_socket;
	const struct oci_process *process;
	int preserve_fds;
	bool detach;
	int tty_fd; /* as in create_opts */
	unsigned rows, columns;
	int *ret_program_error;
	bool ignore_paused;
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
/* New limits for a container that runs. resources: what changes, as in linux.resources (not yet checked); the rest stays.
 * If a limit cannot be set those that were set are taken back. What is in force is kept with the state. */
int container_update(const struct runtime_opts *r, const char *id, struct json_object *resources) __must_check;
/* Looking at a container's use of the host. Opened on one that runs, or is created or paused. */
struct container_monitor;
int container_monitor_open(const struct runtime_opts *r, const char *id, struct container_monitor **ret) __must_check;
void container_monitor_close(struct container_monitor *m);
/* The data of runc's stats event, owned by the caller; NULL after one line in the log. */
struct json_object *container_monitor_stats(struct container_monitor *m);
enum monitor_event { MONITOR_TIMEOUT, MONITOR_OOM, MONITOR_END };
/* Waits up to ms milliseconds for the OOM killer to strike or the container to end: enum monitor_event or -errno. */
int container_monitor_wait(struct container_monitor *m, int64_t ms) __must_check;
int container_pause(const struct runtime_opts *r, const char *id, bool pause) __must_check;

/* A signal to the command of a foreground exec. */
int container_signal_exec(const struct runtime_opts *r, const char *id, const char *exec_id,
			  int sig) __must_check;

/* What a state file says, checked against what lives. Strings belong to the object. */
struct container_info {
	char *id, *bundle, *rootfs;
	char *created;	    /* RFC 3339, UTC */
	const char *status; /* creating, created, running, paused, stopped */
	int pid;	    /* 0 when stopped */
	uid_t owner;
	char *state_json; /* the state document, oci_state_json() pretty */
	char *config;	  /* the copy of config.json kept with the state */
};
/* -ENOENT "container does not exist"; -EACCES "permission denied: PATH" */
int container_state(const struct runtime_opts *r, const char *id,
		    struct container_info **ret) __must_check;
/* All containers below r->root by id; a root that does not exist has none. *ret: array of n pointers. A
 * container that vanishes meanwhile is left out, one that may not be read is -EACCES. */
int container_list(const struct runtime_opts *r, struct container_info ***ret,
		   size_t *ret_n) __must_check;
void container_info_free(struct container_info *i);

struct container_process {
	int pid, ppid, uid, host_pid;
	char *command;
};
int container_ps(const struct runtime_opts *r, const char *id, struct container_process **ret,
		 size_t *ret_n) __must_check;

#endif
