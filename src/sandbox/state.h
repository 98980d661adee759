/* SPDX-License-Identifier: Apache-2.0 */
/* What is durable of a container: ROOT/ID/state.json, written by rename. A process is named by pid and start time, so
 * that a number used again is never mistaken for it. */
#ifndef NACRE_SANDBOX_STATE_H
#define NACRE_SANDBOX_STATE_H

#include <sys/types.h>
#include "oci/cgroup.h"
#include "sandbox/sandbox.h"

#define STATE_VERSION 1

struct proc_id {
	pid_t pid; /* 0: none */
	unsigned long long start; /* field 22 of /proc/PID/stat */
};
struct state {
	char *id, *bundle, *rootfs, *created;
	struct proc_id gofer;	 /* the OCI pid */
	struct proc_id kernel;	 /* process 1 of the sandbox */
	char *sandbox_id;	 /* whose directory holds the control socket */
	struct proc_id maker;	 /* the nacre that creates it */
	bool ready;		 /* it has done so: maker means nothing any more */
	bool started;
	uid_t owner;
	uid_t kuid;		 /* the user of the sandbox, 0: not chosen yet */
	struct cgroup *cgroup;	 /* may be NULL */
};

int state_dir(const struct runtime_opts *r, const char *id, char **ret) __must_check;
/* -ENOENT without a state file. Logs nothing. */
int state_load(const struct runtime_opts *r, const char *id, struct state **ret) __must_check;
/* The same, and logs what is wrong. */
int state_find(const struct runtime_opts *r, const char *id, struct state **ret) __must_check;
int state_save(const struct runtime_opts *r, const struct state *s) __must_check;
void state_free(struct state *s);
DEFINE_CLEANUP(struct state *, state_free)

/* The config.json that the container was created with. NULL on failure. */
struct oci_spec *state_spec(const struct runtime_opts *r, const struct state *s);

/* creating, created, running, paused, stopped */
const char *state_status(const struct state *s);
/* The state document for hooks: pid left out when stopped. spec: for annotations. Freed by the caller, NULL without
 * memory. */
char *state_document(const struct state *s, const struct oci_spec *spec, const char *status);
/* --pid-file: decimal, by rename; NULL file: nothing. Logs one line on failure. */
int pid_file_write(const char *file, pid_t pid) __must_check;

int proc_id_of(pid_t pid, struct proc_id *ret) __must_check;
bool proc_alive(const struct proc_id *p);
/* A pidfd of exactly that process, -ESRCH when it is gone. */
int proc_open(const struct proc_id *p) __must_check;
struct pid_pair {
	int outer, inner; /* as this process counts, and inside */
};
/* The processes of the pid namespace of first. Freed by the caller. */
int proc_of_namespace(const struct proc_id *first, struct pid_pair **ret, size_t *ret_n) __must_check;
/* SIGKILL; gone already is success. Waits up to ms milliseconds for the end. */
void proc_strike(const struct proc_id *p, int ms);
/* SIGKILL and wait until it is gone (reaping it when it is our child); at most 10 s: -ETIMEDOUT. */
int proc_kill(const struct proc_id *p) __must_check;

#endif
