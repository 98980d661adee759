/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's groups lie, on hosts that are only files here: v1, v2, hybrid, nested. And
 * what limits write. */
#include "../tap.h"

#include <json-c/json.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "base/log.h"
#include "oci/cgroup_priv.h"

static char dir[64];
static int log_file = -1;

static char *logged(void)
{
	static char text[8192];
	ssize_t n = pread(log_file, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/oci-cgroup-%d", getpid());
	mkdir(dir, 0700);
	log_file = memfd_create("log", 0);
	log_set_stderr(false);
	log_setup(log_file, LOG_TEXT, LOG_INFO, "test");
}

static void cleanup(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK_EQ(system(command), 0);
}

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	f = fopen(full, "we");
	REQUIRE(f);
	fputs(text, f);
	fclose(f);
}

static char *take(const char *path)
{
	static char text[1024];
	char full[256];
	size_t n;
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	f = fopen(full, "re");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
	return f ? text : NULL;
}

static void check_path(const struct cg_mount *m, const char *path, const char *want)
{
	char *p = cg_mount_dir(m, path);

	CHECK_STR(p, want);
	free(p);
}

TEST(clean_path)
{
	static const char *const cases[][2] = {
		{"a", "a"},
		{"a/b", "a/b"},
		{"/a//b/", "/a/b"},
		{"../../x", "x"},
		{"/../x", "/x"},
		{"a/../../b", "b"},
		{"/", "/"},
		{"..", ""},
		{"./a/./b", "a/b"},
		{"a/..", ""},
		{"/a/b/../c", "/a/c"},
		{"...", "..."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *p = cg_clean_path(cases[i][0]);

		CHECK_STR(p, cases[i][1]);
		free(p);
	}
}

TEST(systemd_path)
{
	static const char *const cases[][2] = {
		{"user.slice:nacre:c1", "/user.slice/nacre-c1.scope"},
		{"a-b-c.slice:p:c1", "/a.slice/a-b.slice/a-b-c.slice/p-c1.scope"},
		{":libpod:c1", "/system.slice/libpod-c1.scope"},
		{"a.slice::c1", "/a.slice/c1.scope"},
		{"a.slice:p:", "/a.slice/p-ID.scope"},
		{"/abs/path", NULL},
		{"a:b", NULL},
		{"a:b:c", NULL},
		{"-a.slice:p:n", NULL},
		{"a--b.slice:p:n", NULL},
		{".slice:p:n", "/p-n.scope"},
		{"a.slice:p:n:x", NULL},
		{"a-.slice:p:n", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *p = cg_systemd_path(cases[i][0], "ID");

		if (!cases[i][1])
			CHECK(!p);
		else
			CHECK_STR(p ?: "(none)", cases[i][1]);
		free(p);
	}
}

TEST(hybrid_layout)
{
	struct cg_layout l;

	setup();
	put("mountinfo",
	    "30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
	    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup "
	    "rw,cpu,cpuacct\n"
	    "32 30 0:28 / /sys/fs/cgroup/mem\\040ory rw,relatime - cgroup cgroup rw,memory\n"
	    "33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup "
	    "rw,xattr,release_agent=/x,name=systemd\n"
	    "34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
	    "35 20 0:31 / /other rw - cgroup cgroup rw,memory\n");
	put("cgroup",
	    "9:name=systemd:/\n4:memory:/process_api/x\n3:cpu,cpuacct:/a/b\n0::/user/me\n");
	REQUIRE(cg_layout_read(dir, &l) == 0);
	CHECK_EQ(l.n, 4);
	CHECK_STR(l.m[0].controllers, "cpu,cpuacct");
	CHECK_STR(l.m[2].controllers, "name=systemd");
	CHECK(l.m[3].v2 && !l.m[0].v2);
	check_path(&l.m[0], "c1", "/sys/fs/cgroup/cpu,cpuacct/a/b/c1");
	check_path(&l.m[0], "/docker/c1", "/sys/fs/cgroup/cpu,cpuacct/docker/c1");
	check_path(&l.m[1], "../../c1", "/sys/fs/cgroup/mem ory/process_api/x/c1");
	check_path(&l.m[2], "c1", "/sys/fs/cgroup/systemd/c1");
	/* v2: beside the caller's group, not below it */
	check_path(&l.m[3], "c1", "/sys/fs/cgroup/unified/user/c1");
	check_path(&l.m[3], "/a/./b", "/sys/fs/cgroup/unified/a/b");
	cg_layout_done(&l);
	cleanup();
}

TEST(nested_layout)
{
	struct cg_layout l;

	setup();
	put("mountinfo",
	    "31 30 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	    "34 30 0:30 /../.. /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	put("cgroup", "4:memory:/docker/abc/child\n0::/../../x\n");
	REQUIRE(cg_layout_read(dir, &l) == 0);
	check_path(&l.m[0], "c1", "/sys/fs/cgroup/memory/child/c1");
	check_path(&l.m[1], "c1", "/sys/fs/cgroup/unified/c1");
	cg_layout_done(&l);
	put("cgroup", "4:memory:/elsewhere\n");
	REQUIRE(cg_layout_read(dir, &l) == 0);
	check_path(&l.m[0], "c1", "/sys/fs/cgroup/memory/c1");
	cg_layout_done(&l);
	cleanup();
}

/* A host with one v2 hierarchy made of plain files and directories. */
static struct cg_layout fake_v2(void)
{
	static struct cg_mount m;
	static char point[128];

	snprintf(point, sizeof(point), "%s/cg", dir);
	mkdir(point, 0700);
	put("cg/cgroup.controllers", "cpu memory pids io hugetlb\n");
	put("cg/cgroup.subtree_control", "");
	m = (struct cg_mount){(char *)"", point, (char *)"/", true};
	return (struct cg_layout){&m, 1};
}

static struct cgroup *make(const struct cg_layout *l, const char *path)
{
	static const char *const files[] = {"memory.max",  "memory.swap.max", "memory.low",
					    "cpu.max",	   "cpu.weight",      "pids.max",
					    "io.max",	   "io.weight",	      "hugetlb.2MB.max",
					    "memory.high", "cpu.max.burst"};
	struct cgroup *cg = NULL;
	char name[128];

	REQUIRE(cgroup_create_in(l, path, "c1", false, NULL, &cg) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(name, sizeof(name), "cg/%s/%s", path, files[i]);
		put(name, "");
	}
	snprintf(name, sizeof(name), "cg/%s/cgroup.controllers", path);
	put(name, "cpu memory pids io hugetlb\n");
	snprintf(name, sizeof(name), "cg/%s/cgroup.procs", path);
	put(name, "");
	return cg;
}

static int apply(struct cgroup *cg, const char *json)
{
	struct json_object *o = json_tokener_parse(json);
	int r;

	REQUIRE(o);
	r = cgroup_apply(cg, o);
	json_object_put(o);
	return r;
}

TEST(limits_on_v2)
{
	struct cg_layout l;
	struct cgroup *cg;

	setup();
	l = fake_v2();
	cg = make(&l, "c1");
	CHECK_EQ(apply(cg, "{\"memory\":{\"limit\":1000,\"swap\":1500,\"reservation\":500}}"), 0);
	CHECK_STR(take("cg/c1/memory.max"), "1000");
	CHECK_STR(take("cg/c1/memory.swap.max"), "500");
	CHECK_STR(take("cg/c1/memory.low"), "500");
	put("cg/c1/memory.max", "");
	CHECK_EQ(apply(cg, "{\"memory\":{\"limit\":-1}}"), 0);
	CHECK_STR(take("cg/c1/memory.max"), "max");
	CHECK_EQ(apply(cg,
		       "{\"cpu\":{\"quota\":50000,\"period\":100000,\"shares\":1024,\"burst\":7}}"),
		 0);
	CHECK_STR(take("cg/c1/cpu.max"), "50000 100000");
	CHECK_STR(take("cg/c1/cpu.weight"), "39");
	CHECK_STR(take("cg/c1/cpu.max.burst"), "7");
	CHECK_EQ(apply(cg, "{\"pids\":{\"limit\":100}}"), 0);
	CHECK_STR(take("cg/c1/pids.max"), "264");
	put("cg/c1/pids.max", "");
	CHECK_EQ(apply(cg, "{\"pids\":{\"limit\":-1}}"), 0);
	CHECK_STR(take("cg/c1/pids.max"), "max");
	CHECK_EQ(apply(cg, "{\"blockIO\":{\"weight\":500,\"throttleReadBpsDevice\":[{\"major\":8,"
			   "\"minor\":0,"
			   "\"rate\":1048576}]}}"),
		 0);
	CHECK_STR(take("cg/c1/io.max"), "8:0 rbps=1048576");
	CHECK_STR(take("cg/c1/io.weight"), "4950");
	CHECK_EQ(apply(cg, "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}"), 0);
	CHECK_STR(take("cg/c1/hugetlb.2MB.max"), "4194304");
	CHECK_EQ(apply(cg, "{\"unified\":{\"memory.high\":\"12345\"}}"), 0);
	CHECK_STR(take("cg/c1/memory.high"), "12345");
	CHECK_EQ(apply(cg, "{\"devices\":[{\"allow\":false}]}"), 0);
	cgroup_free(cg);
	cleanup();
}

static const char *part(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN);
}

TEST(stats_on_v2)
{
	struct json_object *o;
	struct cg_layout l;
	struct cgroup *cg;

	setup();
	l = fake_v2();
	cg = make(&l, "c1");
	put("cg/c1/cgroup.controllers", "cpu cpuset memory pids io hugetlb\n");
	put("cg/c1/cpu.stat", "usage_usec 3000\nuser_usec 1000\nsystem_usec 2000\nnr_periods 7\nnr_throttled 5\nthrottled_usec 9\n");
	put("cg/c1/cpuset.cpus.effective", "0-2,7\n");
	put("cg/c1/memory.current", "4096\n");
	put("cg/c1/memory.max", "max\n");
	put("cg/c1/memory.swap.max", "77\n");
	put("cg/c1/memory.stat", "anon 11\nfile 22\n");
	put("cg/c1/pids.current", "3\n");
	put("cg/c1/pids.max", "max\n");
	put("cg/c1/io.stat", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n253:0 \n");
	put("cg/c1/hugetlb.2MB.current", "2097152\n");
	put("cg/c1/hugetlb.2MB.events", "max 4\n");
	o = cgroup_stats(cg);
	REQUIRE(o);
	CHECK_STR(part(o, "cpu"), "{\"usage\":{\"total\":3000000,\"kernel\":2000000,\"user\":1000000},"
				  "\"throttling\":{\"periods\":7,\"throttledPeriods\":5,\"throttledTime\":9000}}");
	CHECK(strstr(part(o, "cpuset"), "\"cpus\":[0,1,2,7]"));
	CHECK_STR(part(o, "memory"), "{\"cache\":22,\"usage\":{\"limit\":18446744073709551615,\"usage\":4096,\"failcnt\":0},"
				     "\"swap\":{\"limit\":77,\"failcnt\":0},\"kernel\":{\"limit\":0,\"failcnt\":0},"
				     "\"kernelTCP\":{\"limit\":0,\"failcnt\":0},\"raw\":{\"anon\":11,\"file\":22}}");
	CHECK_STR(part(o, "pids"), "{\"current\":3}");
	CHECK_STR(part(o, "blkio"), "{\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":1},"
				    "{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":2},"
				    "{\"major\":8,\"minor\":16,\"op\":\"Discard\",\"value\":5}],"
				    "\"ioServicedRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":3},"
				    "{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":4},"
				    "{\"major\":8,\"minor\":16,\"op\":\"Discard\",\"value\":6}]}");
	CHECK_STR(part(o, "hugetlb"), "{\"2MB\":{\"usage\":2097152,\"failcnt\":4}}");
	json_object_put(o);
	cgroup_free(cg);
	cleanup();
}

TEST(end_of_memory_on_v2)
{
	struct cg_layout l;
	struct cgroup *cg;
	struct pollfd p = {.events = POLLIN};

	setup();
	l = fake_v2();
	cg = make(&l, "c1");
	put("cg/c1/memory.events", "low 0\noom 0\noom_kill 0\n");
	p.fd = cgroup_oom_watch(cg);
	REQUIRE(p.fd >= 0);
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_EQ(cgroup_oom_kills(cg), 0);
	put("cg/c1/memory.events", "low 0\noom 1\noom_kill 1\n");
	CHECK_EQ(poll(&p, 1, 5000), 1);
	CHECK_EQ(cgroup_oom_kills(cg), 1);
	close(p.fd);
	cgroup_free(cg);
	cleanup();
}

TEST(missing_controller_is_named)
{
	struct cg_layout l;
	struct cgroup *cg;

	setup();
	l = fake_v2();
	cg = make(&l, "c1");
	CHECK_EQ(apply(cg, "{\"cpu\":{\"cpus\":\"0\"}}"), -ENOTSUP);
	CHECK(strstr(logged(),
		     "linux.resources.cpu.cpus: cannot set limit: no cgroup controller cpuset"));
	CHECK_EQ(apply(cg, "{\"unified\":{\"misc.max\":\"x\"}}"), -ENOTSUP);
	CHECK(strstr(logged(), "linux.resources.unified[\"misc.max\"]"));
	CHECK_EQ(apply(cg, "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":0}]}"), -ENOTSUP);
	CHECK(strstr(logged(), "this kernel has no hugetlb.1GB.max"));
	CHECK_EQ(apply(cg, "{\"memory\":{},\"cpu\":{},\"pids\":{},\"blockIO\":{\"weight\":0},"
			   "\"network\":{}}"),
		 0);
	cgroup_free(cg);
	cleanup();
}

TEST(create_and_refuse)
{
	struct cgroup *cg = NULL;
	struct cg_layout l;

	setup();
	l = fake_v2();
	CHECK_EQ(cgroup_create_in(&l, "/", "c1", false, NULL, &cg), -EINVAL);
	CHECK(strstr(logged(), "linux.cgroupsPath: \"/\""));
	cg = make(&l, "a/b/c1");
	CHECK_STR(take("cg/cgroup.subtree_control"),
		  "+hugetlb"); /* a plain file keeps the last word */
	put("cg/a/b/c1/cgroup.procs", "17\n");
	cgroup_free(cg);
	CHECK_EQ(cgroup_create_in(&l, "a/b/c1", "c1", false, NULL, &cg), -EBUSY);
	CHECK(strstr(logged(), "container's cgroup is not empty"));
	cleanup();
}

TEST(save_and_open)
{
	struct cg_layout l;
	struct cgroup *cg, *again = NULL;
	struct json_object *state, *list, *e;

	setup();
	l = fake_v2();
	cg = make(&l, "c1");
	state = cgroup_save(cg);
	REQUIRE(cgroup_open(state, &again) == 0);
	CHECK_STR(cgroup_dir(again, ""), cgroup_dir(cg, ""));
	CHECK_STR(cgroup_dir(again, "memory"), cgroup_dir(cg, ""));
	CHECK(!cgroup_dir(again, "freezer"));
	cgroup_free(again);
	/* a state file cannot name what lies outside the hierarchy */
	json_object_object_get_ex(state, "hierarchies", &list);
	e = json_object_array_get_idx(list, 0);
	json_object_object_add(e, "path", json_object_new_string("/home"));
	CHECK_EQ(cgroup_open(state, &again), -EINVAL);
	json_object_put(state);
	cgroup_free(cg);
	cleanup();
}

TEST(list_words)
{
	CHECK(cg_list_has("cpu,cpuacct", "cpu"));
	CHECK(cg_list_has("cpu,cpuacct", "cpuacct"));
	CHECK(!cg_list_has("cpuacct", "cpu"));
	CHECK(!cg_list_has("cpuacct", "acct"));
	CHECK(cg_list_has("memory pids\n", "pids"));
	CHECK(!cg_list_has("", "x"));
	CHECK(!cg_list_has("name=systemd", ""));
}

TAP_MAIN()
