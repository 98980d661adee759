/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of struct cgroup, shared by cgroup*.c and their tests. */
#ifndef NACRE_OCI_CGROUP_PRIV_H
#define NACRE_OCI_CGROUP_PRIV_H

#include "oci/cgroup.h"

struct cg_mount {	   /* a mounted hierarchy */
	char *controllers; /* v1: "cpu,cpuacct" or "name=systemd"; v2: "" */
	char *point;	   /* where it is mounted */
	char *own;	   /* the caller's group in it, as seen below point; "/" at the least */
	bool v2;
};
struct cg_layout {
	struct cg_mount *m;
	size_t n;
};
/* Reads DIR/mountinfo and DIR/cgroup (DIR: /proc/self). */
int cg_layout_read(const char *dir, struct cg_layout *ret) __must_check;
void cg_layout_done(struct cg_layout *l);
/* Absolute directory of the group `path` (linux.cgroupsPath, or an id) in one hierarchy; freed by
 * the caller, NULL without memory. */
char *cg_mount_dir(const struct cg_mount *m, const char *path);
/* Lexically: no empty, "." or ".." component is left, and the result cannot climb above its start.
 * Keeps whether it is absolute. */
char *cg_clean_path(const char *path);
/* "a-b.slice:nacre:ID" -> "/a.slice/a-b.slice/nacre-ID.scope"; NULL if it is not of that form. */
char *cg_systemd_path(const char *path, const char *id);

struct cg_dir {
	char *controllers, *point;
	char *path;    /* the container's group */
	char *runtime; /* the sibling's, NULL: none in this hierarchy */
	char *wanted;  /* until it is made: controllers to switch on on the way, NULL: all */
	bool v2;
};
struct cg_systemd {
	bool used, user; /* user: the caller's own manager */
	char *unit, *runtime, *slice;
	char *properties; /* " NAME=VALUE"..., until the scope is started */
	int fd;		  /* nacre-systemd, -1: not running */
	pid_t pid;
};
struct cgroup {
	struct cg_systemd systemd;
	struct cg_dir *dirs;
	size_t n;
	char *id;
	char *v2_controllers; /* of the container's v2 group, space-separated; NULL: not read yet */
	bool runtime_made, rootless;
	bool left_out; /* the caller may make no group at all: a limit is an error */
};
/* cgroup_plan below a layout; cgroup_create_in: with cgroup_make. */
int cgroup_plan_in(const struct cg_layout *layout, const char *path, const char *id, bool rootless,
		   struct json_object *resources, struct cgroup **ret) __must_check;
int cgroup_create_in(const struct cg_layout *layout, const char *path, const char *id,
		     bool rootless, struct json_object *resources,
		     struct cgroup **ret) __must_check;
/* Is systemd to make the groups of a container with this linux.cgroupsPath? */
bool cg_systemd_wanted(const struct runtime_opts *opts, const char *cgroups_path);
/* Can it? Logs one line if not. */
int cg_systemd_check(const struct runtime_opts *opts) __must_check;
/* As cgroup_plan_in. path: slice:prefix:name, NULL: the default. user: systemd's manager of the caller. */
int cg_systemd_plan(const struct cg_layout *layout, const char *path, const char *id, bool user,
		    struct json_object *resources, struct cgroup **ret) __must_check;
/* Both scopes. They last as long as cg or a process that was put there. */
int cg_systemd_make(struct cgroup *cg) __must_check;
/* Has systemd move a process of ours: where we may not. Logs. */
int cg_systemd_attach(struct cgroup *cg, const char *unit, pid_t pid) __must_check;
/* Sees to it that both units are gone. */
int cg_systemd_stop(struct cgroup *cg) __must_check;
void cg_systemd_done(struct cgroup *cg);
/* v1 shares 2..262144 -> v2 weight 1..10000 */
uint64_t cg_weight_of_shares(uint64_t shares);
/* Host processes for so many of the guest's. */
static inline int64_t cg_host_pids(int64_t limit)
{
	return limit > (INT64_MAX - 64) / 2 ? INT64_MAX : 2 * limit + 64;
}
/* Directory that controls `controller` for the container; NULL: the host has none. */
const struct cg_dir *cg_find(struct cgroup *cg, const char *controller);
/* Writes a value to DIR/FILE in one write. -errno. */
int cg_write(const char *dir, const char *file, const char *value) __must_check;
/* The file's text without its last newline, freed by the caller; NULL: errno. */
char *cg_read(const char *dir, const char *file);
/* Is the process in the group of this directory itself? */
bool cg_is_member(const char *dir, pid_t pid);
/* Is word in a list separated by commas or blanks? */
bool cg_list_has(const char *list, const char *word);

#endif
