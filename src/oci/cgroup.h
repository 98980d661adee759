/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host cgroups of a container, v1, v2 and hybrid. The container's group holds what runs guest code
 * (zygote, stubs) and the gofer; the runtime's own processes (nacre-kernel, factory) sit in a
 * sibling group `nacre-ID`, so that the parent's limits cover them while a container can be frozen
 * without them. Not thread-safe: one caller at a time per object.
 */
#ifndef NACRE_OCI_CGROUP_H
#define NACRE_OCI_CGROUP_H

#include <sys/types.h>
#include "base/cleanup.h"
#include "base/compiler.h"

#define CGROUP_HIERARCHIES_MAX 24

struct cgroup;
struct json_object;
struct oci_spec;
struct runtime_opts;

/*
 * The names of the container's group in every mounted hierarchy (v2 beside v1 only if a limit needs it): at
 * linux.cgroupsPath (absolute: below the hierarchy's root; relative: below the caller's own group, on v2 beside it),
 * else at ID, relative; and those of the sibling. Makes nothing: the names go into the state file first, so that
 * what is made can be found and removed after a death at any moment. With opts->cgroup_manager "disabled" the object
 * is empty and every call below succeeds without doing anything. A group that holds processes is -EBUSY. Logs one
 * line. *ret is freed by cgroup_free (which leaves the groups alone).
 */
int cgroup_plan(const struct oci_spec *spec, const char *id, const struct runtime_opts *opts,
		struct cgroup **ret) __must_check;
/* Makes the container's group. Does not apply limits: see cgroup_apply. Rootless: hierarchies that the caller may not
 * write are left out (so save again); if a limit of the spec needs one of them, cgroup_apply fails. On failure what
 * was made is removed again. Logs one line. */
int cgroup_make(struct cgroup *cg) __must_check;
/* Can the cgroup manager of these options work on this host? Logs one line if not; cgroup_plan
 * asks too. */
int cgroup_check_manager(const struct runtime_opts *opts) __must_check;
/* Is the systemd cgroup manager part of this installation? */
bool cgroup_has_systemd(void);
/* Can the caller reach a systemd manager of its own? */
bool cgroup_has_user_manager(void);
/* For the state file: what cgroup_open needs to find the same groups again; owned by the caller
 * (json_object_put). */
struct json_object *cgroup_save(const struct cgroup *cg);
/* state: what cgroup_save gave, not kept. Groups that are gone meanwhile are no error. */
int cgroup_open(struct json_object *state, struct cgroup **ret) __must_check;
void cgroup_free(struct cgroup *cg);
DEFINE_CLEANUP(struct cgroup *, cgroup_free)

/* Sees to it that a process (all its threads) is in the container's group; its later children follow. Cheap
 * when it is there already. */
int cgroup_add_pid(struct cgroup *cg, pid_t pid) __must_check;
/* Makes the sibling `nacre-ID` if it is not there yet. */
int cgroup_make_runtime(struct cgroup *cg) __must_check;
/*
 * The way into a group that costs 0.1 ms instead of 5 to 15: to move a running process the host waits
 * until every CPU has passed a quiet state, but a single thread that moves itself (v1) and a child
 * born inside (v2) are free of that. A door is opened while the hierarchies can be named, and
 * is good for forks after a pivot too.
 */
struct cgroup_door {
	int tasks[CGROUP_HIERARCHIES_MAX]; /* v1: the files to write to; close-on-exec */
	size_t n;
	int v2; /* directory, -1: none */
	struct cgroup *cg; /* with unit: systemd moves the child there, for this user may not; cleared, who goes through is in a
			    * group from which he may */
	const char *unit;
};
/* runtime: into the sibling (made if need be: so before cgroup_save), else the container's group. Logs one
 * line on failure. The caller closes it. */
int cgroup_door_open(struct cgroup *cg, bool runtime, struct cgroup_door *ret) __must_check;
/*
 * As clone(2) with these flags (CLONE_NEW*) and SIGCHLD: the child is in the group when it returns 0; if it cannot
 * enter it says so and exits with 1. The caller must have one thread, and flushes its streams first.
 * Returns the pid or -errno, with nothing logged.
 */
pid_t cgroup_door_fork(const struct cgroup_door *d, uint64_t flags) __must_check;
void cgroup_door_close(struct cgroup_door *d);
/*
 * Writes linux.resources (NULL: nothing) to the container's group. The object was checked by
 * oci_spec_load; a controller that the host lacks is -ENOTSUP. pids.limit N becomes 2N+64, because
 * a guest process is more than one host process: the exact limit is kept inside. Call before the
 * first cgroup_add_pid.
 */
int cgroup_apply(struct cgroup *cg, struct json_object *resources) __must_check;
/* Freezes or thaws the container's group; returns when it is so, -ETIMEDOUT after 10 s (thawed
 * again). */
int cgroup_freeze(struct cgroup *cg, bool freeze) __must_check;
bool cgroup_is_frozen(const struct cgroup *cg);
/* Host pids in the container's group, ascending; *ret is freed by the caller. */
int cgroup_pids(const struct cgroup *cg, pid_t **ret, size_t *ret_n) __must_check;
/* SIGKILL to all processes of the container's group, frozen or not, and with runtime also of the
 * sibling, until none is left alive or 10 s have passed (-ETIMEDOUT). The caller must not be in
 * either. */
int cgroup_kill(struct cgroup *cg, bool runtime) __must_check;
/* How often the host's OOM killer struck in the container's group; 0 if unknown. */
uint64_t cgroup_oom_kills(const struct cgroup *cg);
/* What the container's group has used, in the JSON form of runc's `events`; owned by the caller. What the host does not
 * count is 0 or left out. */
struct json_object *cgroup_stats(struct cgroup *cg);
/* A descriptor that becomes readable when the OOM killer may have struck in the container's group: read it empty, then
 * compare cgroup_oom_kills. Owned by the caller. -ENOTSUP without a memory controller, -errno. */
int cgroup_oom_watch(struct cgroup *cg) __must_check;
/* Removes both groups (not their parents); already gone is success; retries -EBUSY for up to 2 s.
 */
int cgroup_destroy(struct cgroup *cg) __must_check;
/* Absolute path of the container's directory for a controller ("memory", "pids", ... or "" for v2),
 * NULL if it has none. Valid as long as cg. */
const char *cgroup_dir(const struct cgroup *cg, const char *controller);

#endif
