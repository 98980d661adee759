/* SPDX-License-Identifier: Apache-2.0 */
/* config.json of the OCI runtime specification 1.0.0-1.3.x as C structures. Parsed by oci/parse.c, checked
 * by oci/validate.c; every string is owned by the spec and freed by oci_spec_free. */
#ifndef NACRE_OCI_SPEC_H
#define NACRE_OCI_SPEC_H

#include <sys/types.h>
#include "base/compiler.h"

struct str_list { /* NULL-terminated v, n entries */
	char **v;
	size_t n;
};
struct oci_mount {
	char *destination, *type, *source;
	struct str_list options; /* as written */
	unsigned long flags;	 /* MS_* decoded from options */
	unsigned long propagation;
	char *data; /* the rest, comma-joined, NULL if none */
	bool tmpcopyup;
};
struct oci_rlimit {
	int type; /* RLIMIT_* */
	uint64_t soft, hard;
};
struct oci_caps {
	uint64_t bounding, effective, inheritable, permitted, ambient; /* bit masks */
	bool given;
};
struct oci_process {
	bool terminal;
	unsigned console_height, console_width;
	uint32_t uid, gid;
	int umask; /* -1: not given */
	uint32_t *groups;
	size_t ngroups;
	struct str_list args, env;
	char *cwd;
	struct oci_caps caps;
	struct oci_rlimit *rlimits;
	size_t nrlimits;
	bool no_new_privs;
	bool has_oom_score_adj;
	int oom_score_adj;
	char *apparmor_profile, *selinux_label;
};
enum oci_ns { OCI_NS_PID, OCI_NS_NET, OCI_NS_MNT, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_USER, OCI_NS_CGROUP,
	      OCI_NS_TIME, OCI_NS_MAX };
struct oci_hook {
	char *path;
	struct str_list args, env;
	int timeout; /* seconds, 0 none */
};
enum oci_hook_kind { OCI_HOOK_PRESTART, OCI_HOOK_CREATE_RUNTIME, OCI_HOOK_CREATE_CONTAINER,
		     OCI_HOOK_START_CONTAINER, OCI_HOOK_POSTSTART, OCI_HOOK_POSTSTOP, OCI_HOOK_MAX };
struct oci_device {
	char *path;
	char type; /* c b p u */
	int64_t major, minor;
	mode_t mode;
	uint32_t uid, gid;
};
struct oci_kv {
	char *key, *value;
};
struct oci_idmap {
	uint32_t container, host, size;
};
struct json_object;
struct oci_spec {
	char *oci_version;
	char *bundle;	 /* absolute */
	char *rootfs;	 /* absolute, symlinks resolved */
	bool root_readonly;
	struct oci_mount *mounts;
	size_t nmounts;
	struct oci_process process;
	bool has_process;
	char *hostname, *domainname;
	struct {
		bool present;
		char *path; /* NULL: a new one */
	} ns[OCI_NS_MAX];
	struct oci_hook *hooks[OCI_HOOK_MAX];
	size_t nhooks[OCI_HOOK_MAX];
	struct oci_device *devices;
	size_t ndevices;
	struct oci_kv *annotations, *sysctl;
	size_t nannotations, nsysctl;
	struct oci_idmap *uid_maps, *gid_maps;
	size_t nuid_maps, ngid_maps;
	struct str_list masked_paths, readonly_paths;
	char *cgroups_path;
	char *rootfs_propagation;
	bool has_seccomp;
	struct json_object *resources; /* linux.resources, checked; read by oci/cgroup*.c */
	struct json_object *json;      /* the whole document, owner of resources */
};

/* Reads and checks BUNDLE/config.json. On failure logs one line with field and value and returns
 * -errno. */
int oci_spec_load(const char *bundle, struct oci_spec **ret) __must_check;
/* A process object alone (exec --process). */
int oci_process_load(const char *file, struct oci_process **ret) __must_check;
void oci_process_free(struct oci_process *p);
void oci_spec_free(struct oci_spec *s);
const char *oci_annotation(const struct oci_spec *s, const char *key); /* NULL if absent */

#endif
