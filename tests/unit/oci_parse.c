/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what is accepted, what it becomes, and what each refusal says. Every case is the
 * template with one value replaced. */
#include "../tap.h"

#include <fcntl.h>
#include <json-c/json_pointer.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "base/log.h"
#include "oci/names.h"
#include "oci/parse.h"
#include "oci/template.h"

static char bundle[64];
static int log_file = -1;

static void setup(void)
{
	char path[128];

	snprintf(bundle, sizeof(bundle), "/tmp/oci-parse-%d", getpid());
	mkdir(bundle, 0700);
	snprintf(path, sizeof(path), "%s/rootfs", bundle);
	mkdir(path, 0700);
	log_file = memfd_create("log", 0);
	log_set_stderr(false);
	log_setup(log_file, LOG_TEXT, LOG_INFO, "test");
}

static void cleanup(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/rootfs", bundle);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	unlink(path);
	rmdir(bundle);
}

static char *logged(void)
{
	static char text[8192];
	ssize_t n = pread(log_file, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	(void)!ftruncate(log_file, 0);
	lseek(log_file, 0, SEEK_SET);
	return text;
}

/* The template with value (JSON, NULL: removed) at pointer. */
static int parse_with(const char *pointer, const char *value, struct oci_spec **ret)
{
	struct json_object *doc = oci_spec_template(false), *v = NULL, *parent;
	char up[256];

	if (pointer && value) {
		v = json_tokener_parse(value);
		REQUIRE(v || !strcmp(value, "null"));
		REQUIRE(json_pointer_set(&doc, pointer, v) == 0);
	} else if (pointer) {
		snprintf(up, sizeof(up), "%s", pointer);
		*strrchr(up, '/') = '\0';
		REQUIRE(json_pointer_get(doc, up, &parent) == 0);
		json_object_object_del(parent, strrchr(pointer, '/') + 1);
	}
	return oci_spec_parse(doc, bundle, "config.json", ret);
}

/* clang-format off */
static const struct bad {
	const char *pointer, *value, *field, *shown; /* shown NULL: no value */
} bad[] = {
	{"/ociVersion", NULL, "ociVersion", "is required"},
	{"/ociVersion", "\"2.0.0\"", "ociVersion", "\"2.0.0\""},
	{"/ociVersion", "\"1.4.0\"", "ociVersion", "\"1.4.0\""},
	{"/ociVersion", "\"1.0\"", "ociVersion", "\"1.0\""},
	{"/ociVersion", "\"1.0.2x\"", "ociVersion", "\"1.0.2x\""},
	{"/ociVersion", "1", "ociVersion", "1"},
	{"/root", NULL, "root", "is required"},
	{"/root", "\"rootfs\"", "root", "\"rootfs\""},
	{"/root/path", NULL, "root.path", "is required"},
	{"/root/path", "\"\"", "root.path", "must not be empty"},
	{"/root/path", "\"missing\"", "root.path", "No such file"},
	{"/root/path", "\"/etc/passwd\"", "root.path", "not a directory"},
	{"/root/path", "\"a\\u0000b\"", "root.path", "NUL"},
	{"/root/readonly", "\"yes\"", "root.readonly", "\"yes\""},
	{"/process", NULL, "process", "is required"},
	{"/process", "[]", "process", "[]"},
	{"/process/args", NULL, "process.args", "args must not be empty"},
	{"/process/args", "[]", "process.args", "args must not be empty"},
	{"/process/args", "\"sh\"", "process.args", "\"sh\""},
	{"/process/args", "[\"\"]", "process.args", "must not be empty"},
	{"/process/args", "[\"sh\",7]", "process.args[1]", "7"},
	{"/process/cwd", NULL, "process.cwd", "must not be empty"},
	{"/process/cwd", "\"\"", "process.cwd", "must not be empty"},
	{"/process/cwd", "\"tmp\"", "process.cwd", "\"tmp\": Cwd must be an absolute path"},
	{"/process/env", "[\"A=1\",\"B\"]", "process.env[1]", "\"B\""},
	{"/process/env", "[\"=1\"]", "process.env[0]", "\"=1\""},
	{"/process/env", "{}", "process.env", "is not an array"},
	{"/process/terminal", "1", "process.terminal", "1"},
	{"/process/consoleSize", "{\"height\":70000,\"width\":80}", "process.consoleSize.height", "70000"},
	{"/process/consoleSize", "{\"height\":-1,\"width\":80}", "process.consoleSize.height", "-1"},
	{"/process/consoleSize", "{\"height\":25}", "process.consoleSize.width", "is required"},
	{"/process/consoleSize", "{\"height\":\"25\",\"width\":80}", "process.consoleSize.height", "\"25\""},
	{"/process/consoleSize", "3", "process.consoleSize", "3"},
	{"/process/user/uid", "-1", "process.user.uid", "-1"},
	{"/process/user/uid", "4294967295", "process.user.uid", "4294967295"},
	{"/process/user/uid", "1.5", "process.user.uid", "1.5"},
	{"/process/user/uid", "\"0\"", "process.user.uid", "\"0\""},
	{"/process/user/gid", "99999999999", "process.user.gid", "99999999999"},
	{"/process/user/umask", "4096", "process.user.umask", "4096"},
	{"/process/user/additionalGids", "[1,-2]", "process.user.additionalGids[1]", "-2"},
	{"/process/user/additionalGids", "[\"a\"]", "process.user.additionalGids[0]", "\"a\""},
	{"/process/capabilities/bounding", "[\"CAP_FLY\"]", "process.capabilities.bounding[0]", "\"CAP_FLY\""},
	{"/process/capabilities/bounding", "[\"KILL\"]", "process.capabilities.bounding[0]", "\"KILL\""},
	{"/process/capabilities/bounding", "[3]", "process.capabilities.bounding[0]", "3"},
	{"/process/capabilities/effective", "[\"CAP_BPF\"]", "process.capabilities.effective", "CAP_BPF is not in permitted"},
	{"/process/capabilities", "[]", "process.capabilities", "[]"},
	{"/process/rlimits/0/type", "\"RLIMIT_FOO\"", "process.rlimits[0].type", "\"RLIMIT_FOO\""},
	{"/process/rlimits/0/type", "null", "process.rlimits[0].type", "is required"},
	{"/process/rlimits/0/soft", "2048", "process.rlimits[0].soft", "2048: is above the hard limit"},
	{"/process/rlimits/0/hard", "-1", "process.rlimits[0].hard", "-1"},
	{"/process/rlimits/-", "{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,\"hard\":1}", "process.rlimits[1].type", "is given twice"},
	{"/process/oomScoreAdj", "-1001", "process.oomScoreAdj", "-1001"},
	{"/process/oomScoreAdj", "1001", "process.oomScoreAdj", "1001"},
	{"/process/noNewPrivileges", "\"no\"", "process.noNewPrivileges", "\"no\""},
	{"/process/scheduler", "{\"policy\":\"SCHED_FIFO\"}", "process.scheduler", "not supported yet"},
	{"/process/ioPriority", "{\"class\":\"IOPRIO_CLASS_RT\"}", "process.ioPriority", "not supported yet"},
	{"/hostname", "7", "hostname", "7"},
	{"/hostname", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "hostname", "longer than 64"},
	{"/mounts", "{}", "mounts", "is not an array"},
	{"/mounts/0", "\"/proc\"", "mounts[0]", "\"/proc\""},
	{"/mounts/0/destination", "\"\"", "mounts[0].destination", "must not be empty"},
	{"/mounts/0/type", "\"nfs\"", "mounts[0].type", "\"nfs\""},
	{"/mounts/0/type", "null", "mounts[0].type", "is required"},
	{"/mounts/0", "{\"destination\":\"/x\",\"options\":[\"bind\"]}", "mounts[0].source", "needs a source"},
	{"/mounts/0", "{\"destination\":\"/x\",\"source\":\"/does/not/exist\",\"options\":[\"rbind\"]}", "mounts[0].source", "\"/does/not/exist\": No such file"},
	{"/mounts/0", "{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"ro\",\"idmap\"]}", "mounts[0].options[1]", "\"idmap\": not supported yet"},
	{"/mounts/0/options", "\"ro\"", "mounts[0].options", "\"ro\""},
	{"/mounts/0/uidMappings", "[]", "mounts[0].uidMappings", "not supported yet"},
	{"/hooks", "[]", "hooks", "[]"},
	{"/hooks", "{\"prestart\":[{\"path\":\"bin/x\"}]}", "hooks.prestart[0].path", "\"bin/x\""},
	{"/hooks", "{\"poststop\":[{}]}", "hooks.poststop[0].path", "is required"},
	{"/hooks", "{\"createRuntime\":[{\"path\":\"/x\",\"timeout\":0}]}", "hooks.createRuntime[0].timeout", "0"},
	{"/hooks", "{\"startContainer\":[{\"path\":\"/x\",\"args\":[1]}]}", "hooks.startContainer[0].args[0]", "1"},
	{"/annotations", "{\"a\":1}", "annotations.a", "1"},
	{"/annotations", "{\"\":\"x\"}", "annotations", "empty key"},
	{"/linux", "[]", "linux", "[]"},
	{"/linux/namespaces/0/type", "\"planet\"", "linux.namespaces[0].type", "\"planet\""},
	{"/linux/namespaces/0/type", "\"mount\"", "linux.namespaces[4].type", "given twice"},
	{"/linux/namespaces/0/path", "\"ns/pid\"", "linux.namespaces[0].path", "\"ns/pid\""},
	{"/linux/namespaces/0/path", "\"/proc/self/ns/ipc\"", "linux.namespaces[0].path", "is a namespace of type ipc, not pid"},
	{"/linux/namespaces/0/path", "\"/etc/passwd\"", "linux.namespaces[0].path", "is not a namespace"},
	{"/linux/namespaces/0/path", "\"/proc/0/ns/pid\"", "linux.namespaces[0].path", "No such file"},
	{"/linux/namespaces", "[{\"type\":\"mount\"},{\"type\":\"pid\"}]", "hostname", "private UTS namespace"},
	{"/linux/namespaces", "[{\"type\":\"uts\"}]", "linux.maskedPaths", "private mount namespace"},
	{"/linux/uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]", "linux.uidMappings", "without a user namespace"},
	{"/linux/namespaces/5", "{\"type\":\"user\"}", "linux.uidMappings", "is required with a user namespace"},
	{"/linux/devices", "[{\"type\":\"x\",\"path\":\"/dev/x\"}]", "linux.devices[0].type", "\"x\""},
	{"/linux/devices", "[{\"type\":\"c\",\"path\":\"dev/x\",\"major\":1,\"minor\":3}]", "linux.devices[0].path", "\"dev/x\""},
	{"/linux/devices", "[{\"type\":\"c\",\"path\":\"/dev/x\",\"major\":1}]", "linux.devices[0].minor", "is required"},
	{"/linux/devices", "[{\"type\":\"c\",\"path\":\"/dev/x\",\"major\":1,\"minor\":-1}]", "linux.devices[0].minor", "-1"},
	{"/linux/sysctl", "{\"vm.swappiness\":\"1\"}", "linux.sysctl.vm.swappiness", "not in a separate kernel namespace"},
	{"/linux/sysctl", "{\"kernel.hostname\":\"x\"}", "linux.sysctl.kernel.hostname", "conflicts"},
	{"/linux/sysctl", "{\"net.core.somaxconn\":5}", "linux.sysctl.net.core.somaxconn", "5"},
	{"/linux/maskedPaths", "[\"proc/x\"]", "linux.maskedPaths[0]", "\"proc/x\""},
	{"/linux/readonlyPaths", "[0]", "linux.readonlyPaths[0]", "0"},
	{"/linux/rootfsPropagation", "\"public\"", "linux.rootfsPropagation", "\"public\""},
	{"/linux/cgroupsPath", "[]", "linux.cgroupsPath", "[]"},
	{"/linux/personality", "{\"domain\":\"LINUX32\"}", "linux.personality.domain", "not supported yet"},
	{"/linux/personality", "{\"domain\":\"BSD\"}", "linux.personality.domain", "\"BSD\""},
	{"/linux/intelRdt", "{\"closID\":\"x\"}", "linux.intelRdt", "not supported yet"},
	{"/linux/timeOffsets", "{\"boottime\":{\"secs\":1}}", "linux.timeOffsets", "not supported yet"},
	{"/linux/memoryPolicy", "{\"mode\":\"MPOL_BIND\"}", "linux.memoryPolicy", "not supported yet"},
	{"/linux/netDevices", "{\"eth0\":{}}", "linux.netDevices", "not supported yet"},
	{"/linux/resources", "[]", "linux.resources", "[]"},
	{"/linux/resources/memory", "{\"limit\":\"1g\"}", "linux.resources.memory.limit", "\"1g\""},
	{"/linux/resources/memory", "{\"limit\":-2}", "linux.resources.memory.limit", "-2"},
	{"/linux/resources/memory", "{\"limit\":9223372036854775808}", "linux.resources.memory.limit", "9223372036854775808"},
	{"/linux/resources/memory", "{\"limit\":100,\"swap\":50}", "linux.resources.memory.swap", "50"},
	{"/linux/resources/memory", "{\"swap\":50}", "linux.resources.memory.swap", "without a memory limit"},
	{"/linux/resources/memory", "{\"swappiness\":201}", "linux.resources.memory.swappiness", "201"},
	{"/linux/resources/cpu", "{\"shares\":-1}", "linux.resources.cpu.shares", "-1"},
	{"/linux/resources/cpu", "{\"cpus\":\"all\"}", "linux.resources.cpu.cpus", "\"all\""},
	{"/linux/resources/cpu", "{\"idle\":2}", "linux.resources.cpu.idle", "2"},
	{"/linux/resources/cpu", "{\"quota\":1000,\"burst\":2000}", "linux.resources.cpu.burst", "2000"},
	{"/linux/resources/pids", "{\"limit\":-5}", "linux.resources.pids.limit", "-5"},
	{"/linux/resources/pids", "{\"limit\":1e3}", "linux.resources.pids.limit", "is not an integer"},
	{"/linux/resources/blockIO", "{\"weight\":1001}", "linux.resources.blockIO.weight", "1001"},
	{"/linux/resources/blockIO", "{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0}]}", "linux.resources.blockIO.throttleReadBpsDevice[0].rate", "is required"},
	{"/linux/resources/devices", "[{\"access\":\"rwm\"}]", "linux.resources.devices[0].allow", "is required"},
	{"/linux/resources/devices", "[{\"allow\":true,\"access\":\"rwx\"}]", "linux.resources.devices[0].access", "\"rwx\""},
	{"/linux/resources/devices", "[{\"allow\":true,\"type\":\"cc\"}]", "linux.resources.devices[0].type", "\"cc\""},
	{"/linux/resources/hugepageLimits", "[{\"pageSize\":\"../2MB\",\"limit\":1}]", "linux.resources.hugepageLimits[0].pageSize", "\"../2MB\""},
	{"/linux/resources/unified", "{\"../x.y\":\"1\"}", "linux.resources.unified", "is not a cgroup file"},
	{"/linux/resources/unified", "{\"cgroup.procs\":\"1\"}", "linux.resources.unified.cgroup.procs", "may not be set"},
	{"/linux/resources/unified", "{\"memory.high\":1}", "linux.resources.unified.memory.high", "1"},
	{"/linux/resources/network", "{\"priorities\":[{\"name\":\"a b\",\"priority\":1}]}", "linux.resources.network.priorities[0].name", "\"a b\""},
	{"/linux/seccomp", "{}", "linux.seccomp.defaultAction", "is required"},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_MAYBE\"}", "linux.seccomp.defaultAction", "\"SCMP_ACT_MAYBE\""},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\",\"syscalls\":[{\"names\":[\"bind\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}", "linux.seccomp.syscalls[0].action", "not supported"},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "linux.seccomp.defaultAction", "cannot be the default"},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]}", "linux.seccomp.architectures[0]", "\"SCMP_ARCH_VAX\""},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}]}", "linux.seccomp.syscalls[0].names", "must not be empty"},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}", "linux.seccomp.syscalls[0].args[0].index", "6"},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"EQ\"}]}]}", "linux.seccomp.syscalls[0].args[0].op", "\"EQ\""},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"FAST\"]}", "linux.seccomp.flags[0]", "\"FAST\""},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"}", "linux.seccomp.listenerMetadata", "without listenerPath"},
};
/* clang-format on */

TEST(refused_with_field_and_value)
{
	setup();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct oci_spec *s = NULL;
		char field[256], *text;
		int r = parse_with(bad[i].pointer, bad[i].value, &s);

		text = logged();
		snprintf(field, sizeof(field), "config.json: %s", bad[i].field);
		if (r >= 0)
			TAP_FAIL("%s = %s is accepted", bad[i].pointer,
				 bad[i].value ?: "(removed)");
		else if (!strstr(text, field) || !strstr(text, bad[i].shown))
			TAP_FAIL("%s = %s: expected %s ... %s, message: %s", bad[i].pointer,
				 bad[i].value ?: "(removed)", field, bad[i].shown, text);
		if (r >= 0)
			oci_spec_free(s);
	}
	cleanup();
}

/* clang-format off */
static const char *const good[][2] = {
	{NULL, NULL},
	{"/ociVersion", "\"1.0.0\""},
	{"/ociVersion", "\"1.0.2-dev\""},
	{"/ociVersion", "\"1.1.0+build\""},
	{"/ociVersion", "\"1.3.99\""},
	{"/unknown", "{\"a\":[1,2]}"},
	{"/process/unknown", "7"},
	{"/process/terminal", "null"},
	{"/process/consoleSize", "{\"height\":0,\"width\":0}"},
	{"/process/rlimits", "[]"},
	{"/process/rlimits/0/hard", "18446744073709551615"},
	{"/process/capabilities", "{}"},
	{"/process/scheduler", "{}"},
	{"/process/apparmorProfile", "\"docker-default\""},
	{"/mounts", "[]"},
	{"/mounts/0", "{\"destination\":\"relative\",\"type\":\"tmpfs\"}"},
	{"/mounts/0", "{\"destination\":\"/x\",\"source\":\"rootfs\",\"type\":\"none\",\"options\":[\"rbind\",\"rslave\"]}"},
	{"/mounts/0", "{\"destination\":\"/x\",\"source\":\"/etc\",\"type\":\"bind\"}"},
	{"/hooks", "{}"},
	{"/hooks", "{\"prestart\":null}"},
	{"/annotations", "{\"io.kubernetes.cri.container-type\":\"sandbox\"}"},
	{"/linux/namespaces/1/path", "\"/proc/self/ns/net\""},
	{"/linux/namespaces/1/path", "\"\""},
	{"/linux/namespaces/3", "{\"type\":\"uts\",\"path\":\"/proc/self/ns/uts\"}"},
	{"/linux/sysctl", "{\"net.ipv4.ip_forward\":\"1\",\"kernel.shmmax\":\"65536\",\"fs.mqueue.msg_max\":\"20\"}"},
	{"/linux/resources", "{}"},
	{"/linux/resources/memory", "{\"limit\":-1,\"swap\":-1,\"swappiness\":60,\"disableOOMKiller\":false}"},
	{"/linux/resources/pids", "{\"limit\":0}"},
	{"/linux/resources/unified", "{\"memory.high\":\"1000000\",\"hugetlb.2MB.max\":\"0\"}"},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X32\"],"
			   "\"syscalls\":[{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":2114060288,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}"},
	{"/linux/intelRdt", "{}"},
	{"/linux/timeOffsets", "null"},
	{"/linux/personality", "{\"domain\":\"LINUX\"}"},
	{"/linux/rootfsPropagation", "\"rslave\""},
	{"/linux/devices", "[{\"type\":\"p\",\"path\":\"/dev/fifo\"},{\"type\":\"u\",\"path\":\"/dev/fuse\",\"major\":10,\"minor\":229,\"fileMode\":8630}]"},
};
/* clang-format on */

TEST(accepted)
{
	setup();
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct oci_spec *s = NULL;
		int r = parse_with(good[i][0], good[i][1], &s);

		if (r < 0)
			TAP_FAIL("%s = %s: %s", good[i][0] ?: "template", good[i][1] ?: "",
				 logged());
		logged();
		oci_spec_free(s);
	}
	cleanup();
}

TEST(values)
{
	struct oci_spec *s = NULL;

	setup();
	REQUIRE(parse_with(NULL, NULL, &s) == 0);
	CHECK_STR(s->bundle, bundle);
	CHECK(s->root_readonly);
	CHECK(s->process.terminal);
	CHECK_EQ(s->process.umask, -1);
	CHECK_EQ(s->process.args.n, 1);
	CHECK_STR(s->process.args.v[0], "sh");
	CHECK(!s->process.args.v[1]);
	CHECK_EQ(s->process.env.n, 2);
	CHECK_EQ(s->process.caps.bounding, 1u << 29 | 1u << 5 | 1u << 10);
	CHECK_EQ(s->process.caps.ambient, 0);
	CHECK(s->process.caps.given);
	CHECK_EQ(s->process.nrlimits, 1);
	CHECK_EQ(s->process.rlimits[0].type, RLIMIT_NOFILE);
	CHECK_EQ(s->process.rlimits[0].soft, 1024);
	CHECK(s->process.no_new_privs);
	CHECK_STR(s->hostname, "nacre");
	CHECK_EQ(s->nmounts, 7);
	CHECK_EQ(s->mounts[1].flags, MS_NOSUID | MS_STRICTATIME);
	CHECK_STR(s->mounts[1].data, "mode=755,size=65536k");
	CHECK_EQ(s->mounts[5].flags, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY);
	CHECK(!s->mounts[5].data);
	CHECK(s->ns[OCI_NS_PID].present && s->ns[OCI_NS_NET].present && s->ns[OCI_NS_MNT].present);
	CHECK(!s->ns[OCI_NS_USER].present && !s->ns[OCI_NS_TIME].present);
	CHECK_EQ(s->masked_paths.n, 10);
	CHECK(s->resources);
	CHECK(!s->has_seccomp);
	oci_spec_free(s);
	cleanup();
}

TEST(mount_options)
{
	struct oci_mount m = {.type = (char *)"tmpfs"};
	size_t at;

	REQUIRE(str_list_add(&m.options, "ro") == 0 && str_list_add(&m.options, "nosuid") == 0 &&
		str_list_add(&m.options, "rw") == 0 && str_list_add(&m.options, "size=1m") == 0 &&
		str_list_add(&m.options, "rshared") == 0 &&
		str_list_add(&m.options, "tmpcopyup") == 0 && str_list_add(&m.options, "X-y") == 0);
	CHECK_EQ(oci_mount_options(&m, &at), 0);
	CHECK_EQ(m.flags, MS_NOSUID);
	CHECK_EQ(m.propagation, MS_SHARED | MS_REC);
	CHECK(m.tmpcopyup);
	CHECK_STR(m.data, "size=1m,X-y");
	str_list_free(&m.options);
	free(m.data);
}

TEST(relative_bind_source)
{
	struct oci_spec *s = NULL;
	char want[128];

	setup();
	REQUIRE(parse_with("/mounts/0",
			   "{\"destination\":\"x\",\"source\":\"rootfs\",\"options\":[\"bind\","
			   "\"ro\"]}",
			   &s) == 0);
	snprintf(want, sizeof(want), "%s/rootfs", bundle);
	CHECK_STR(s->mounts[0].source, want);
	CHECK_STR(s->mounts[0].destination, "/x");
	CHECK_EQ(s->mounts[0].flags, MS_BIND | MS_RDONLY);
	oci_spec_free(s);
	cleanup();
}

TEST(rootless_template)
{
	struct oci_spec *s = NULL;

	setup();
	CHECK_EQ(oci_spec_parse(oci_spec_template(true), bundle, "config.json", &s), 0);
	if (s) {
		CHECK(s->ns[OCI_NS_USER].present);
		CHECK(!s->ns[OCI_NS_NET].present);
		CHECK_EQ(s->uid_maps[0].host, geteuid());
		CHECK(!s->resources);
	}
	oci_spec_free(s);
	cleanup();
}

TEST(seccomp_is_kept)
{
	struct oci_spec *s = NULL;
	char *text;

	setup();
	CHECK_EQ(parse_with("/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", &s), 0);
	text = logged();
	CHECK_STR(text, "");
	CHECK(s && s->has_seccomp);
	oci_spec_free(s);
	cleanup();
}

static int load_text(const char *text)
{
	struct oci_spec *s = NULL;
	char path[128];
	FILE *f;
	int r;

	snprintf(path, sizeof(path), "%s/config.json", bundle);
	f = fopen(path, "we");
	REQUIRE(f);
	fputs(text, f);
	fclose(f);
	r = oci_spec_load(bundle, &s);
	oci_spec_free(s);
	return r;
}

TEST(not_json)
{
	struct oci_spec *s = NULL;
	char deep[300] = "";

	setup();
	CHECK_EQ(oci_spec_load(bundle, &s), -ENOENT);
	CHECK(strstr(logged(), "config.json not found"));
	CHECK_EQ(oci_spec_load("/no/such/bundle", &s), -ENOENT);
	CHECK(strstr(logged(), "/no/such/bundle"));
	CHECK_EQ(load_text(""), -EINVAL);
	CHECK(strstr(logged(), "unexpected end"));
	CHECK_EQ(load_text("{\n\"a\": 1\n"), -EINVAL);
	CHECK(strstr(logged(), "unexpected end"));
	CHECK_EQ(load_text("{\n\"a\": }"), -EINVAL);
	CHECK(strstr(logged(), "config.json: line 2"));
	CHECK_EQ(load_text("{} {}"), -EINVAL);
	logged();
	CHECK_EQ(load_text("[]"), -EINVAL);
	CHECK(strstr(logged(), "is not an object"));
	CHECK_EQ(load_text("null"), -EINVAL);
	CHECK_EQ(load_text("{'a':1}"), -EINVAL);
	memset(deep, '[', 200);
	CHECK_EQ(load_text(deep), -EINVAL);
	logged();
	cleanup();
}

TEST(kept_document)
{
	struct oci_spec *s = NULL;
	char path[128];
	FILE *f;

	setup();
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	f = fopen(path, "we");
	REQUIRE(f);
	fputs("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/"
	      "gone\"},\"annotations\":{\"a\":\"b\"},"
	      "\"hooks\":{\"poststop\":[{\"path\":\"/bin/x\"}]},\"linux\":{\"seccomp\":{},"
	      "\"namespaces\":[{\"type\":\"network\",\"path\":\"/run/gone\"}]}}",
	      f);
	fclose(f);
	CHECK_EQ(oci_spec_load_kept(bundle, "config.json", &s), 0);
	CHECK_STR(logged(), "");
	REQUIRE(s);
	CHECK_EQ(s->nhooks[OCI_HOOK_POSTSTOP], 1);
	CHECK_STR(oci_annotation(s, "a"), "b");
	oci_spec_free(s);
	CHECK_EQ(oci_spec_load_kept("/gone", path, &s), 0);
	oci_spec_free(s);
	CHECK_EQ(oci_spec_load_kept("/gone", "config.json", &s), -ENOENT);
	cleanup();
}

TEST(names)
{
	CHECK_EQ(cap_by_name("CAP_CHOWN", false), 0);
	CHECK_EQ(cap_by_name("CAP_CHECKPOINT_RESTORE", false), 40);
	CHECK_EQ(cap_by_name("cap_chown", false), -1);
	CHECK_EQ(cap_by_name("sys_admin", true), 21);
	CHECK_EQ(cap_by_name("CAP_", true), -1);
	CHECK_EQ(rlimit_by_name("RLIMIT_RTTIME"), RLIMIT_RTTIME);
	CHECK_EQ(rlimit_by_name("NOFILE"), -1);
	CHECK_EQ(ns_by_name("network"), OCI_NS_NET);
	CHECK_EQ(ns_by_name("net"), -1);
}

TEST(process_object)
{
	struct oci_process *p = NULL;
	char path[128];
	FILE *f;

	setup();
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	f = fopen(path, "we");
	REQUIRE(f);
	fputs("{\"args\":[\"ls\"],\"cwd\":\"/"
	      "x\",\"user\":{\"uid\":5,\"gid\":6,\"umask\":18,\"additionalGids\":[7,8]},"
	      "\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},\"oomScoreAdj\":-"
	      "500}",
	      f);
	fclose(f);
	CHECK_EQ(oci_process_load(path, &p), 0);
	REQUIRE(p);
	CHECK_EQ(p->uid, 5);
	CHECK_EQ(p->gid, 6);
	CHECK_EQ(p->umask, 022);
	CHECK_EQ(p->ngroups, 2);
	CHECK_EQ(p->groups[1], 8);
	CHECK_EQ(p->console_height, 24);
	CHECK(p->has_oom_score_adj);
	CHECK_EQ(p->oom_score_adj, -500);
	CHECK(!p->caps.given);
	oci_process_free(p);
	f = fopen(path, "we");
	REQUIRE(f);
	fputs("{\"args\":[\"ls\"],\"cwd\":\"x\"}", f);
	fclose(f);
	CHECK_EQ(oci_process_load(path, &p), -EINVAL);
	CHECK(strstr(logged(), "cwd: \"x\""));
	cleanup();
}

TAP_MAIN()
