/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own cgroups, whatever they are: a group is made, limited, filled, frozen, killed and
 * removed. */
#include "../tap.h"

#include <json-c/json.h>
#include "base/log.h"
#include "oci/cgroup_priv.h"
#include "oci/spec.h"
#include "sandbox/sandbox.h"

static char id[64];

static struct cgroup *make(const char *manager)
{
	struct runtime_opts rt = {.cgroup_manager = manager};
	struct oci_spec spec = {0};
	struct cgroup *cg = NULL;

	if (geteuid() != 0)
		SKIP("needs root");
	snprintf(id, sizeof(id), "nacre-test-%d", getpid());
	REQUIRE(cgroup_plan(&spec, id, &rt, &cg) == 0);
	REQUIRE(cgroup_make(cg) == 0);
	if (manager[0] != 'd' && !cg->n)
		SKIP("this host has no cgroups");
	return cg;
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static pid_t sleeper_in(struct cgroup *cg, bool runtime)
{
	struct cgroup_door d;
	pid_t pid;

	REQUIRE(cgroup_door_open(cg, runtime, &d) == 0);
	pid = cgroup_door_fork(&d, 0);
	if (pid == 0) {
		for (;;)
			pause();
	}
	cgroup_door_close(&d);
	return pid;
}

TEST(life_of_a_group)
{
	static const char *const limits[][3] = {
		{"pids", "pids", "{\"limit\":10}"},
		{"memory", "memory", "{\"limit\":67108864}"},
		{"cpu", "cpu", "{\"shares\":512,\"quota\":50000,\"period\":100000}"},
		{"devices", "devices", "[{\"allow\":false,\"access\":\"rwm\"}]"},
	};
	struct cgroup *cg = make("cgroupfs"), *again = NULL;
	struct json_object *state, *res;
	pid_t a = sleeper(), b, *pids = NULL;
	char path[512];
	size_t n;

	res = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (cg_find(cg, limits[i][0]))
			json_object_object_add(res, limits[i][1], json_tokener_parse(limits[i][2]));
	CHECK_EQ(cgroup_apply(cg, res), 0);
	json_object_put(res);
	if (cgroup_dir(cg, "pids")) {
		char *max = cg_read(cgroup_dir(cg, "pids"), "pids.max");

		CHECK_STR(max, "84");
		free(max);
	}
	CHECK_EQ(cgroup_add_pid(cg, a), 0);
	CHECK_EQ(cgroup_add_pid(cg, a), 0); /* is there */
	b = sleeper_in(cg, true);
	state = cgroup_save(cg);
	cgroup_free(cg);
	REQUIRE(cgroup_open(state, &again) == 0);
	json_object_put(state);
	CHECK_EQ(cgroup_pids(again, &pids, &n), 0);
	CHECK_EQ(n, 1);
	CHECK(n == 1 && pids[0] == a);
	free(pids);
	CHECK(!cgroup_is_frozen(again));
	CHECK_EQ(cgroup_freeze(again, true), 0);
	CHECK(cgroup_is_frozen(again));
	CHECK_EQ(cgroup_freeze(again, false), 0);
	CHECK(!cgroup_is_frozen(again));
	CHECK_EQ(cgroup_freeze(again, true), 0);
	/* frozen or not */
	CHECK_EQ(cgroup_kill(again, false), 0);
	CHECK_EQ(waitpid(a, NULL, 0), a);
	CHECK_EQ(waitpid(b, NULL, WNOHANG), 0);
	CHECK_EQ(cgroup_kill(again, true), 0);
	CHECK_EQ(waitpid(b, NULL, 0), b);
	CHECK_EQ(cgroup_oom_kills(again), 0);
	snprintf(path, sizeof(path), "%s", again->dirs[0].path);
	CHECK_EQ(cgroup_destroy(again), 0);
	CHECK_ERR(access(path, F_OK), ENOENT);
	CHECK_EQ(cgroup_destroy(again), 0);
	CHECK_EQ(cgroup_pids(again, &pids, &n), 0);
	CHECK_EQ(n, 0);
	cgroup_free(again);
}

/* In all hierarchies, and the child's children too. A child that was moved would not be there at once. */
TEST(door)
{
	struct cgroup *cg = make("cgroupfs");
	pid_t kids[2], *pids = NULL;
	size_t n;

	for (int i = 0; i < 2; i++) {
		struct cgroup_door d;
		int p[2];
		char c;

		REQUIRE(pipe(p) == 0);
		REQUIRE(cgroup_door_open(cg, i == 1, &d) == 0);
		kids[i] = cgroup_door_fork(&d, 0);
		if (kids[i] == 0) {
			if (fork() != 0)
				(void)!write(p[1], "x", 1);
			for (;;)
				pause();
		}
		cgroup_door_close(&d);
		CHECK_EQ(read(p[0], &c, 1), 1);
		for (size_t k = 0; k < cg->n; k++) {
			CHECK_EQ(cg_is_member(cg->dirs[k].path, kids[i]), i == 0);
			if (cg->dirs[k].runtime)
				CHECK_EQ(cg_is_member(cg->dirs[k].runtime, kids[i]), i == 1);
		}
	}
	CHECK_EQ(cgroup_pids(cg, &pids, &n), 0);
	CHECK_EQ(n, 2);
	free(pids);
	CHECK_EQ(cgroup_kill(cg, true), 0);
	CHECK_EQ(waitpid(kids[0], NULL, 0), kids[0]);
	CHECK_EQ(waitpid(kids[1], NULL, 0), kids[1]);
	CHECK_EQ(cgroup_destroy(cg), 0);
	cgroup_free(cg);
}

TEST(disabled)
{
	struct cgroup *cg = make("disabled");
	pid_t *pids;
	size_t n;

	CHECK_EQ(cg->n, 0);
	CHECK_EQ(cgroup_add_pid(cg, getpid()), 0);
	CHECK_EQ(cgroup_pids(cg, &pids, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(cgroup_kill(cg, true), 0);
	CHECK_EQ(cgroup_destroy(cg), 0);
	log_set_stderr(false);
	log_setup(-1, LOG_TEXT, LOG_ERROR, "test");
	CHECK_EQ(cgroup_freeze(cg, true), -ENOTSUP);
	cgroup_free(cg);
}

TAP_MAIN()
