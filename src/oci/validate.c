/* SPDX-License-Identifier: Apache-2.0 */
/* What one field of config.json alone cannot tell: settings that contradict each other or the host.
 */
#include "oci/parse_priv.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include "base/log.h"
#include "oci/names.h"

/* linux.namespaces[*] of one type, for messages. */
static struct jval ns_value(const struct jval *array, enum oci_ns ns)
{
	for (size_t i = 0; i < jval_len(array); i++) {
		struct jval v = jval_at(array, i), t = jval_get(&v, "type");

		if (t.o && !strcmp(json_object_get_string(t.o), ns_name(ns)))
			return v;
	}
	return *array;
}

static int check_ns_path(const struct jval *v, enum oci_ns ns, const char *path)
{
	struct jval f = jval_get(v, "path");
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int type;

	if (fd < 0)
		return jval_error(&f, "%s", strerror(errno));
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return jval_error(&f, "is not a namespace");
	if ((unsigned long)type != ns_clone_flag(ns))
		return jval_error(&f, "is a namespace of type %s, not %s", ns_name_of_flag(type),
				  ns_name(ns));
	return 0;
}

static int check_namespaces(const struct jval *lin, const struct oci_spec *s)
{
	struct jval array = jval_get(lin, "namespaces");

	for (unsigned i = 0; i < OCI_NS_MAX; i++) {
		struct jval v = ns_value(&array, i);
		int r = s->ns[i].path ? check_ns_path(&v, i, s->ns[i].path) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* A sandbox has one user namespace. Ids inside are the host's; without root it is one with the mappings of the spec. */
static bool maps_fit(const struct oci_idmap *m, size_t n, uint32_t caller)
{
	if (geteuid() != 0) {
		for (size_t i = 0; i < n; i++)
			if (!m[i].container)
				return true;
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (m[i].container != m[i].host &&
		    !(m[i].container == 0 && m[i].host == caller && m[i].size == 1))
			return false;
	return true;
}

static int check_user_ns(const struct jval *lin, const struct oci_spec *s)
{
	struct jval uid = jval_get(lin, "uidMappings"), gid = jval_get(lin, "gidMappings");

	if (!s->ns[OCI_NS_USER].present) {
		if (s->nuid_maps || s->ngid_maps)
			return jval_error(s->nuid_maps ? &uid : &gid,
					  "user namespace mappings without a user namespace");
		return 0;
	}
	if (s->ns[OCI_NS_USER].path) {
		if (s->nuid_maps || s->ngid_maps)
			return jval_error(
				s->nuid_maps ? &uid : &gid,
				"mappings for a user namespace that is joined by its path");
		gid = jval_get(lin, "namespaces");
		uid = ns_value(&gid, OCI_NS_USER);
		return jval_error(&uid, "joining a user namespace is not supported yet");
	}
	if (!s->nuid_maps || !s->ngid_maps)
		return jval_error(s->nuid_maps ? &gid : &uid, "is required with a user namespace");
	if (!maps_fit(s->uid_maps, s->nuid_maps, geteuid()))
		return jval_error(&uid, "ids that differ from the host's are not supported yet");
	if (!maps_fit(s->gid_maps, s->ngid_maps, getegid()))
		return jval_error(&gid, "ids that differ from the host's are not supported yet");
	return 0;
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static int check_sysctl(const struct jval *lin, const struct oci_spec *s)
{
	static const char *const ipc[] = {"kernel.msgmax", "kernel.msgmnb",	    "kernel.msgmni",
					  "kernel.sem",	   "kernel.shmall",	    "kernel.shmmax",
					  "kernel.shmmni", "kernel.shm_rmid_forced"};
	struct jval o = jval_get(lin, "sysctl");

	for (size_t i = 0; i < s->nsysctl; i++) {
		const char *k = s->sysctl[i].key;
		struct jval v = jval_get(&o, k);
		enum oci_ns ns = OCI_NS_MAX;

		if (strchr(k, '/') || strstr(k, ".."))
			return jval_error(&v, "is not a sysctl name");
		for (size_t j = 0; j < ARRAY_SIZE(ipc); j++)
			if (!strcmp(k, ipc[j]))
				ns = OCI_NS_IPC;
		if (starts_with(k, "fs.mqueue."))
			ns = OCI_NS_IPC;
		if (starts_with(k, "net."))
			ns = OCI_NS_NET;
		if (!strcmp(k, "kernel.domainname"))
			ns = OCI_NS_UTS;
		if (!strcmp(k, "kernel.hostname"))
			return jval_error(&v, "conflicts with the field hostname");
		if (ns == OCI_NS_MAX || !s->ns[ns].present)
			return jval_error(&v, "sysctl %s is not in a separate kernel namespace", k);
	}
	return 0;
}

static int check_private_ns(const struct jval *root, const struct oci_spec *s)
{
	struct jval lin = jval_get(root, "linux"), v;

	if (!s->ns[OCI_NS_UTS].present &&
	    ((s->hostname && *s->hostname) || (s->domainname && *s->domainname))) {
		v = jval_get(root, s->hostname && *s->hostname ? "hostname" : "domainname");
		return jval_error(&v, "cannot be set without a private UTS namespace");
	}
	if (!s->ns[OCI_NS_MNT].present && (s->masked_paths.n || s->readonly_paths.n)) {
		v = jval_get(&lin, s->masked_paths.n ? "maskedPaths" : "readonlyPaths");
		return jval_error(&v, "cannot restrict paths without a private mount namespace");
	}
	return 0;
}

/* Labels of the host's security modules: one warning, whichever there are. */
static void warn_labels(const struct jval *lin, const struct oci_spec *s)
{
	struct jval mount = jval_get(lin, "mountLabel");
	const char *profile = s->process.apparmor_profile ?: "", *label = s->process.selinux_label ?: "";
	const char *of_mounts = mount.o ? json_object_get_string(mount.o) : "";

	if (!*profile && !*label && !*of_mounts)
		return;
	log_warning("labels are not applied:%s%s%s%s%s%s", *profile ? " process.apparmorProfile " : "", profile,
		    *label ? " process.selinuxLabel " : "", label, *of_mounts ? " linux.mountLabel " : "", of_mounts);
}

int validate_spec(const struct jval *root, const struct oci_spec *s)
{
	struct jval lin = jval_get(root, "linux");
	int r = check_private_ns(root, s);

	if (r == 0)
		r = check_user_ns(&lin, s);
	if (r == 0)
		r = check_sysctl(&lin, s);
	if (r == 0)
		r = check_namespaces(&lin, s);
	if (r < 0)
		return r;
	warn_labels(&lin, s);
	return 0;
}
