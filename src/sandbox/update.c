/* SPDX-License-Identifier: Apache-2.0 */
/* update: new limits for a container that runs, on the host and in its guest kernel. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "oci/json.h"
#include "oci/parse.h"
#include "sandbox/request.h"
#include "sandbox/state.h"

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (o && json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &v);
	return v;
}

/* The member key, an object that is made when it is missing. */
static struct json_object *object_at(struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key);

	if (!v || !json_object_is_type(v, json_type_object)) {
		v = json_object_new_object();
		json_object_object_add(o, key, v);
	}
	return v;
}

static struct json_object *copy(struct json_object *o)
{
	struct json_object *c = NULL;

	return o && json_object_deep_copy(o, &c, NULL) == 0 ? c : NULL;
}

/* 0, an empty word and nothing mean that a limit stays as it is; but for two that 0 is a value of. */
static bool says_nothing(const char *key, struct json_object *v)
{
	if (!v)
		return true;
	if (json_object_is_type(v, json_type_string))
		return !*json_object_get_string(v);
	return json_object_is_type(v, json_type_int) && !json_object_get_int64(v) && strcmp(key, "idle") != 0 &&
	       strcmp(key, "burst") != 0;
}

/* new over old, one group (memory, cpu...) deep: what new does not name stays as it is. */
static void merge(struct json_object *into, struct json_object *new)
{
	json_object_object_foreach(new, group, v)
	{
		if (json_object_is_type(v, json_type_object)) {
			struct json_object *o = object_at(into, group);

			json_object_object_foreach(v, key, x)
			{
				if (!says_nothing(key, x))
					json_object_object_add(o, key, copy(x));
			}
		} else {
			json_object_object_add(into, group, copy(v));
		}
	}
}

/* Those groups of from that new names. */
static struct json_object *touched(struct json_object *from, struct json_object *new)
{
	struct json_object *o = json_object_new_object();

	json_object_object_foreach(new, group, v)
	{
		(void)v;
		if (member(from, group))
			json_object_object_add(o, group, json_object_get(member(from, group)));
	}
	return o;
}

/* memory.checkBeforeUpdate: a limit below what is in use would kill. */
static int check_use(struct cgroup *cg, struct json_object *res)
{
	struct json_object *m = member(res, "memory"), *stats;
	int64_t limit = m ? json_object_get_int64(member(m, "limit")) : 0;
	uint64_t usage;

	if (!m || !json_object_get_boolean(member(m, "checkBeforeUpdate")) || limit <= 0)
		return 0;
	stats = cgroup_stats(cg);
	usage = json_object_get_uint64(member(member(member(stats, "memory"), "usage"), "usage"));
	json_object_put(stats);
	if (usage <= (uint64_t)limit)
		return 0;
	log_error("linux.resources.memory.limit: %lld is below the current usage %llu", (long long)limit,
		  (unsigned long long)usage);
	return -EBUSY;
}

/* What the guest kernel holds itself to. */
static int tell_kernel(const struct runtime_opts *r, const struct state *s, struct json_object *res)
{
	Nacre__Sandbox__V1__UpdateRequest q = NACRE__SANDBOX__V1__UPDATE_REQUEST__INIT;
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int fd = -1;
	int64_t memory = json_object_get_int64(member(member(res, "memory"), "limit"));
	int64_t pids = json_object_get_int64(member(member(res, "pids"), "limit"));

	q.id = s->id;
	q.set_memory = memory != 0;
	q.memory_limit = memory > 0 ? (uint64_t)memory : 0;
	q.set_pids = pids != 0;
	q.pids_limit = pids > 0 ? (uint32_t)MIN(pids, (int64_t)INT32_MAX) : 0;
	if (!q.set_memory && !q.set_pids)
		return 0;
	if (state_dir(r, s->sandbox_id ? s->sandbox_id : s->id, &dir) < 0)
		return -ENOMEM;
	fd = control_connect(dir);
	if (fd < 0)
		return log_errno(fd, "container %s: its sandbox cannot be reached", s->id);
	return control_call(fd, "Update", &q.base, NULL, 0, NULL, NULL);
}

/* The document to the place of the container's config.json, whole or not at all. */
static int keep(const char *file, struct json_object *doc)
{
	_cleanup_free_ char *fresh = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&fresh, "%s.new", file) < 0)
		return -ENOMEM;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return log_errno(-errno, "%s", fresh);
	if (json_object_to_fd(fd, doc, JSON_C_TO_STRING_PLAIN) < 0 || fsync(fd) < 0 || rename(fresh, file) < 0) {
		int r = -errno;

		unlink(fresh);
		return log_errno(r, "%s", fresh);
	}
	return 0;
}

static int load(const struct runtime_opts *r, const char *id, struct state **ret)
{
	int err = state_find(r, id, ret);

	if (err < 0)
		return err;
	if (!(*ret)->ready || !proc_alive(&(*ret)->gofer)) {
		log_error("container not running: %s", id);
		return -ESRCH;
	}
	return 0;
}

static int apply(const struct runtime_opts *r, const struct state *s, struct json_object *now, struct json_object *before)
{
	int err = check_use(s->cgroup, now);

	if (err < 0)
		return err;
	err = cgroup_apply(s->cgroup, now);
	if (err == 0)
		err = tell_kernel(r, s, now);
	if (err < 0 && cgroup_apply(s->cgroup, before) < 0)
		log_error("container %s: its limits are partly the old ones, partly the new", s->id);
	return err;
}

int container_update(const struct runtime_opts *r, const char *id, struct json_object *resources)
{
	_cleanup_(json_object_putp) struct json_object *doc = NULL, *old = NULL, *now = NULL, *before = NULL;
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_free_ char *dir = NULL, *file = NULL;
	struct json_object *all;
	int err = oci_resources_check(resources, "resources");

	if (err == 0)
		err = load(r, id, &s);
	if (err < 0)
		return err;
	if (!s->cgroup) {
		log_error("container %s has no cgroup: its limits cannot be changed", id);
		return -ENOTSUP;
	}
	if (state_dir(r, s->id, &dir) < 0 || asprintf(&file, "%s/config.json", dir) < 0)
		return -ENOMEM;
	err = json_read_file(file, "config.json", &doc);
	if (err < 0)
		return err;
	all = object_at(object_at(doc, "linux"), "resources");
	old = copy(all);
	merge(all, resources);
	err = oci_resources_check(all, "resources");
	if (err < 0)
		return err;
	now = touched(all, resources);
	before = touched(old, resources);
	if (!old || !now || !before)
		return -ENOMEM;
	err = apply(r, s, now, before);
	return err < 0 ? err : keep(file, doc);
}
