/* SPDX-License-Identifier: Apache-2.0 */
/* What `nacre features` claims: only what is there. */
#include "oci/template.h"

#include <string.h>
#include "oci/cgroup.h"
#include "oci/hooks.h"
#include "oci/names.h"
#include "oci/parse.h"
#include "oci/seccomp_names.h"

static struct json_object *enabled(bool on)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "enabled", json_object_new_boolean(on));
	return o;
}

static void add(struct json_object *array, const char *s)
{
	json_object_array_add(array, json_object_new_string(s));
}

static struct json_object *cgroups(void)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "v1", json_object_new_boolean(true));
	json_object_object_add(o, "v2", json_object_new_boolean(true));
	json_object_object_add(o, "systemd", json_object_new_boolean(cgroup_has_systemd()));
	json_object_object_add(o, "systemdUser", json_object_new_boolean(cgroup_has_systemd()));
	json_object_object_add(o, "rdma", json_object_new_boolean(true));
	return o;
}

static struct json_object *words(const char *const *w, const char *without)
{
	struct json_object *a = json_object_new_array();

	for (; *w; w++)
		if (!without || strcmp(*w, without) != 0)
			add(a, *w);
	return a;
}

static struct json_object *seccomp(void)
{
	struct json_object *o = enabled(true);

	json_object_object_add(o, "actions", words(seccomp_actions, "SCMP_ACT_NOTIFY"));
	json_object_object_add(o, "operators", words(seccomp_operators, NULL));
	json_object_object_add(o, "archs", words(seccomp_archs, NULL));
	json_object_object_add(o, "knownFlags", words(seccomp_flags, NULL));
	json_object_object_add(o, "supportedFlags", words(seccomp_flags, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"));
	return o;
}

static struct json_object *linux_features(void)
{
	static const enum oci_ns ready[] = {OCI_NS_CGROUP, OCI_NS_IPC, OCI_NS_MNT,
					    OCI_NS_NET,	   OCI_NS_PID, OCI_NS_UTS};
	struct json_object *o = json_object_new_object(), *ns = json_object_new_array();
	struct json_object *caps = json_object_new_array(), *ext = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(ready); i++)
		add(ns, ns_name(ready[i]));
	for (unsigned i = 0; cap_name(i); i++)
		add(caps, cap_name(i));
	json_object_object_add(o, "namespaces", ns);
	json_object_object_add(o, "capabilities", caps);
	json_object_object_add(o, "cgroup", cgroups());
	json_object_object_add(o, "seccomp", seccomp());
	json_object_object_add(o, "apparmor", enabled(false));
	json_object_object_add(o, "selinux", enabled(false));
	json_object_object_add(o, "intelRdt", enabled(false));
	json_object_object_add(o, "netDevices", enabled(false));
	json_object_object_add(ext, "idmap", enabled(false));
	json_object_object_add(o, "mountExtensions", ext);
	return o;
}

struct json_object *oci_features(const char *version)
{
	struct json_object *o = json_object_new_object(), *hooks = json_object_new_array();
	struct json_object *options = json_object_new_array(),
			   *annotations = json_object_new_object();

	for (unsigned k = 0; k < OCI_HOOK_MAX; k++)
		add(hooks, oci_hook_kind_name(k));
	for (size_t i = 0; mount_option_name(i); i++)
		add(options, mount_option_name(i));
	json_object_object_add(o, "ociVersionMin", json_object_new_string(OCI_VERSION_MIN));
	json_object_object_add(o, "ociVersionMax", json_object_new_string(OCI_VERSION_MAX));
	json_object_object_add(o, "hooks", hooks);
	json_object_object_add(o, "mountOptions", options);
	json_object_object_add(o, "linux", linux_features());
	json_object_object_add(annotations, "org.nacre.version", json_object_new_string(version));
#ifdef NACRE_BREACH
	json_object_object_add(annotations, "org.nacre.breach-drill", json_object_new_string("true"));
#endif
	json_object_object_add(o, "annotations", annotations);
	return o;
}
