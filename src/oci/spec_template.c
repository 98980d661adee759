/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/template.h"

#include <string.h>
#include "base/log.h"
#include "oci/parse.h"

/* The specification's example, as runtimes write it. Single quotes stand for double ones. */
/* clang-format off */
static const char template[] =
	"{'ociVersion':'" OCI_VERSION_MAX "',"
	"'process':{'terminal':true,'user':{'uid':0,'gid':0},'args':['sh'],"
	"'env':['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin','TERM=xterm'],"
	"'cwd':'/',"
	"'capabilities':{"
	"'bounding':['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE'],"
	"'effective':['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE'],"
	"'permitted':['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE']},"
	"'rlimits':[{'type':'RLIMIT_NOFILE','hard':1024,'soft':1024}],"
	"'noNewPrivileges':true},"
	"'root':{'path':'rootfs','readonly':true},"
	"'hostname':'nacre',"
	"'mounts':["
	"{'destination':'/proc','type':'proc','source':'proc'},"
	"{'destination':'/dev','type':'tmpfs','source':'tmpfs',"
	"'options':['nosuid','strictatime','mode=755','size=65536k']},"
	"{'destination':'/dev/pts','type':'devpts','source':'devpts',"
	"'options':['nosuid','noexec','newinstance','ptmxmode=0666','mode=0620','gid=5']},"
	"{'destination':'/dev/shm','type':'tmpfs','source':'shm',"
	"'options':['nosuid','noexec','nodev','mode=1777','size=65536k']},"
	"{'destination':'/dev/mqueue','type':'mqueue','source':'mqueue','options':['nosuid','noexec','nodev']},"
	"{'destination':'/sys','type':'sysfs','source':'sysfs','options':['nosuid','noexec','nodev','ro']},"
	"{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup',"
	"'options':['nosuid','noexec','nodev','relatime','ro']}],"
	"'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'}]},"
	"'namespaces':[{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'mount'},"
	"{'type':'cgroup'}],"
	"'maskedPaths':['/proc/acpi','/proc/asound','/proc/kcore','/proc/keys','/proc/latency_stats',"
	"'/proc/timer_list','/proc/timer_stats','/proc/sched_debug','/sys/firmware','/proc/scsi'],"
	"'readonlyPaths':['/proc/bus','/proc/fs','/proc/irq','/proc/sys','/proc/sysrq-trigger']}}";
/* clang-format on */

static struct json_object *id_map(unsigned host)
{
	struct json_object *list = json_object_new_array(), *m = json_object_new_object();

	json_object_object_add(m, "containerID", json_object_new_int(0));
	json_object_object_add(m, "hostID", json_object_new_int64(host));
	json_object_object_add(m, "size", json_object_new_int(1));
	json_object_array_add(list, m);
	return list;
}

/* Without root there is no network namespace to set up and no cgroup to limit; the caller is root
 * inside. */
static void make_rootless(struct json_object *doc)
{
	struct json_object *lin, *ns, *mounts, *user = json_object_new_object();

	json_object_object_get_ex(doc, "linux", &lin);
	json_object_object_get_ex(lin, "namespaces", &ns);
	json_object_object_get_ex(doc, "mounts", &mounts);
	json_object_array_del_idx(ns, 1, 1);
	json_object_object_add(user, "type", json_object_new_string("user"));
	json_object_array_add(ns, user);
	json_object_object_del(lin, "resources");
	json_object_object_add(lin, "uidMappings", id_map(geteuid()));
	json_object_object_add(lin, "gidMappings", id_map(getegid()));
	json_object_array_del_idx(mounts, 6, 1);
	/* gid 5 is not mapped */
	json_object_array_del_idx(mounts, 2, 1);
	json_object_array_put_idx(
		mounts, json_object_array_length(mounts),
		json_tokener_parse("{\"destination\":\"/dev/pts\",\"type\":\"devpts\","
				   "\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\","
				   "\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]}"));
}

struct json_object *oci_spec_template(bool rootless)
{
	_cleanup_free_ char *text = strdup(template);
	struct json_object *doc = NULL;

	if (!text)
		return NULL;
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (json_read_text(text, strlen(text), "template", &doc) < 0)
		return NULL;
	if (rootless)
		make_rootless(doc);
	return doc;
}
