/* SPDX-License-Identifier: Apache-2.0 */
/* Birth, membership and death of a container's groups. */
#include "oci/cgroup_priv.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/log.h"
#include "oci/spec.h"
#include "sandbox/sandbox.h"

int cg_write(const char *dir, const char *file, const char *value)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	size_t n = strlen(value);
	ssize_t w;

	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		w = write(fd, value, n);
	while (w < 0 && errno == EINTR);
	return w < 0 ? -errno : (size_t)w == n ? 0 : -EIO;
}

char *cg_read(const char *dir, const char *file)
{
	_cleanup_free_ char *path = NULL;
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return NULL;
	f = fopen(path, "re");
	if (!f)
		return NULL;
	n = getdelim(&text, &cap, '\0', f);
	fclose(f);
	if (n < 0) {
		free(text);
		return strdup("");
	}
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	return text;
}

/* A new cpuset admits no process until it has CPUs and memory nodes: the parent's. */
static int cpuset_inherit(const char *dir)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	_cleanup_free_ char *parent = strdup(dir);
	int r = 0;

	if (!parent)
		return -ENOMEM;
	*strrchr(parent, '/') = '\0';
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *own = cg_read(dir, files[i]), *above = NULL;

		if (!own || *own)
			continue;
		above = cg_read(parent, files[i]);
		r = above && *above ? cg_write(dir, files[i], above) : 0;
	}
	return r;
}

/* Lets the children of a v2 group have controllers: all it has, or those of `wanted` ("" separated
 * by blanks). One that cannot be had is found missing when a limit needs it. */
static void enable_controllers(const char *dir, const char *wanted)
{
	_cleanup_free_ char *have = cg_read(dir, "cgroup.controllers");
	_cleanup_free_ char *on = cg_read(dir, "cgroup.subtree_control");
	char *save = NULL;

	for (char *c = have ? strtok_r(have, " \n", &save) : NULL; c;
	     c = strtok_r(NULL, " \n", &save)) {
		char word[64];
		int r;

		if ((wanted && !cg_list_has(wanted, c)) || (on && cg_list_has(on, c)))
			continue;
		snprintf(word, sizeof(word), "+%s", c);
		r = cg_write(dir, "cgroup.subtree_control", word);
		if (r < 0)
			log_debug("%s/cgroup.subtree_control: %s: %s", dir, word, strerror(-r));
	}
}

/* mkdir -p below the mount point. *ret_made: whether the last directory is new. wanted: see above.
 */
static int make_group(const struct cg_dir *d, const char *path, const char *wanted, bool *ret_made)
{
	_cleanup_free_ char *p = strdup(path);
	bool cpuset = cg_list_has(d->controllers, "cpuset");
	size_t at = strlen(d->point);
	int r;

	*ret_made = false;
	if (!p)
		return -ENOMEM;
	while (p[at] == '/') {
		p[at] = '\0';
		if (d->v2 && (!wanted || *wanted))
			enable_controllers(p, wanted);
		p[at] = '/';
		at += 1 + strcspn(p + at + 1, "/");
		char c = p[at];

		p[at] = '\0';
		r = mkdir(p, 0755) < 0 ? -errno : 0;
		if (r < 0 && r != -EEXIST)
			return r;
		*ret_made = r == 0;
		r = cpuset ? cpuset_inherit(p) : 0;
		if (r < 0)
			return r;
		p[at] = c;
	}
	return 0;
}

static bool has_processes(const char *dir)
{
	_cleanup_free_ char *procs = cg_read(dir, "cgroup.procs");

	return procs && *procs;
}

/* Does a limit of the spec ask for this controller? */
static bool is_wanted(struct json_object *resources, const char *controller)
{
	static const char *const sections[][2] = {
		{"memory", "memory"}, {"cpu", "cpu"},	 {"cpu", "cpuset"},
		{"pids", "pids"},     {"blockIO", "io"}, {"hugepageLimits", "hugetlb"},
		{"rdma", "rdma"},
	};

	for (size_t i = 0; resources && i < ARRAY_SIZE(sections); i++)
		if (!strcmp(sections[i][1], controller) &&
		    json_object_object_get_ex(resources, sections[i][0], NULL))
			return true;
	return resources && json_object_object_get_ex(resources, "unified", NULL);
}

/* Which controllers are switched on in a v2 hierarchy: NULL is all, where v2 stands alone. Beside
 * v1 (hybrid) those that a limit needs; "" is none. */
static char *wanted_on_v2(const struct cg_layout *l, const struct cg_mount *m,
			  struct json_object *resources)
{
	_cleanup_free_ char *have =
		m->v2 && l->n > 1 ? cg_read(m->point, "cgroup.controllers") : NULL;
	char *list, *save = NULL;

	if (!m->v2 || l->n == 1)
		return NULL;
	list = calloc(1, have ? strlen(have) + 2 : 1);
	for (char *c = have && list ? strtok_r(have, " \n", &save) : NULL; c;
	     c = strtok_r(NULL, " \n", &save))
		if (is_wanted(resources, c)) {
			strcat(list, *list ? " " : "");
			strcat(list, c);
		}
	return list;
}

/* A hierarchy for the sibling too? Only where something is charged or limited. */
static bool runtime_belongs(const struct cg_dir *d)
{
	static const char *const names[] = {"memory", "cpu", "cpuacct", "blkio", "pids"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (cg_list_has(d->controllers, names[i]))
			return true;
	return d->v2;
}

static bool may_leave_out(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS;
}

static int refused(int r, const char *path, const char *why)
{
	log_error("linux.cgroupsPath: \"%s\": %s", path, why);
	return r;
}

static void dir_done(struct cg_dir *d)
{
	free(d->controllers);
	free(d->point);
	free(d->path);
	free(d->runtime);
	free(d->wanted);
	*d = (struct cg_dir){0};
}

/* The names of one hierarchy. 1: it has its part; 0: this hierarchy is left out. */
static int plan_dir(const struct cg_layout *l, const struct cg_mount *m, const char *path, const char *id,
		    struct json_object *resources, struct cg_dir *d)
{
	d->wanted = wanted_on_v2(l, m, resources);
	if (d->wanted && !*d->wanted)
		return 0;
	d->controllers = strdup(m->controllers);
	d->point = strdup(m->point);
	d->path = cg_mount_dir(m, path);
	d->v2 = m->v2;
	if (!d->controllers || !d->point || !d->path)
		return log_errno(-ENOMEM, "cgroup");
	if (!strcmp(d->path, d->point))
		return refused(-EINVAL, path, "the root cgroup cannot be a container's");
	if (runtime_belongs(d) &&
	    asprintf(&d->runtime, "%.*s/nacre-%s", (int)(strrchr(d->path, '/') - d->path), d->path, id) < 0)
		return log_errno(-ENOMEM, "cgroup");
	/* Whoever is in there is not ours to kill. */
	if (has_processes(d->path) || (d->runtime && has_processes(d->runtime)))
		return refused(-EBUSY, path, "container's cgroup is not empty");
	return 1;
}

int cgroup_plan_in(const struct cg_layout *l, const char *path, const char *id, bool rootless,
		   struct json_object *resources, struct cgroup **ret)
{
	_cleanup_(cgroup_freep) struct cgroup *cg = calloc(1, sizeof(*cg));

	if (!cg)
		return log_errno(-ENOMEM, "cgroup");
	cg->rootless = rootless;
	cg->id = strdup(id);
	cg->dirs = calloc(l->n + 1, sizeof(*cg->dirs));
	if (!cg->id || !cg->dirs)
		return log_errno(-ENOMEM, "cgroup");
	for (size_t i = 0; i < l->n; i++) {
		int r = plan_dir(l, &l->m[i], path, id, resources, &cg->dirs[cg->n]);

		if (r > 0)
			cg->n++;
		else
			dir_done(&cg->dirs[cg->n]);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(cg);
	return 0;
}

/* A child can be born in the group, and processes can be moved to it, only by who may write to the group above both. */
static int check_writable(const struct cg_dir *d)
{
	char path[4096];

	if (!d->v2)
		return 0;
	snprintf(path, sizeof(path), "%.*s/cgroup.procs", (int)(strrchr(d->path, '/') - d->path), d->path);
	return access(path, W_OK) < 0 ? -errno : 0;
}

int cgroup_make(struct cgroup *cg)
{
	_cleanup_free_ bool *made = NULL;
	size_t n = 0;
	int r;

	if (cg->systemd.used)
		return cg_systemd_make(cg);
	made = calloc(cg->n + 1, sizeof(*made));
	r = made ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < cg->n; i++) {
		struct cg_dir *d = &cg->dirs[i];
		bool new = false;

		r = make_group(d, d->path, d->wanted, &new);
		if (r == 0 && cg->rootless) {
			r = check_writable(d);
			if (r < 0 && new)
				rmdir(d->path);
		}
		if (r == 0) {
			made[n] = new;
			if (n != i) {
				cg->dirs[n] = *d;
				*d = (struct cg_dir){0};
			}
			n++;
			continue;
		}
		if (cg->rootless && may_leave_out(r)) {
			log_debug("cgroup %s: %s: left out", d->path, strerror(-r));
			dir_done(d);
			r = 0;
			continue;
		}
		log_errno(r, "cgroup %s", d->path);
	}
	if (r == 0) {
		if (cg->n && !n)
			log_warning("no cgroup for container %s: user %u may not make one here, so there are no limits, and no pause",
				    cg->id, geteuid());
		cg->left_out = cg->n && !n;
		cg->n = n;
		return 0;
	}
	for (size_t i = 0; made && i < n; i++)
		if (made[i])
			rmdir(cg->dirs[i].path);
	return r;
}

int cgroup_create_in(const struct cg_layout *l, const char *path, const char *id, bool rootless,
		     struct json_object *resources, struct cgroup **ret)
{
	_cleanup_(cgroup_freep) struct cgroup *cg = NULL;
	int r = cgroup_plan_in(l, path, id, rootless, resources, &cg);

	if (r == 0)
		r = cgroup_make(cg);
	if (r == 0)
		*ret = TAKE_PTR(cg);
	return r;
}

int cgroup_check_manager(const struct runtime_opts *opts)
{
	return opts->systemd_cgroup || (opts->cgroup_manager && !strcmp(opts->cgroup_manager, "systemd")) ? cg_systemd_check(opts) : 0;
}

int cgroup_plan(const struct oci_spec *spec, const char *id, const struct runtime_opts *opts, struct cgroup **ret)
{
	const char *path = spec->cgroups_path && *spec->cgroups_path ? spec->cgroups_path : NULL;
	struct cg_layout l = {NULL, 0};
	int r = cgroup_check_manager(opts);

	if (r == 0 && (!opts->cgroup_manager || strcmp(opts->cgroup_manager, "disabled")))
		r = cg_layout_read("/proc/self", &l);
	if (r < 0)
		return r;
	if (cg_systemd_wanted(opts, path))
		r = cg_systemd_plan(&l, path, id, opts->rootless, spec->resources, ret);
	else
		r = cgroup_plan_in(&l, path ?: id, id, opts->rootless, spec->resources, ret);
	cg_layout_done(&l);
	return r;
}

struct json_object *cgroup_save(const struct cgroup *cg)
{
	struct json_object *o = json_object_new_object(), *dirs = json_object_new_array();

	json_object_object_add(o, "id", json_object_new_string(cg->id));
	for (size_t i = 0; i < cg->n; i++) {
		const struct cg_dir *d = &cg->dirs[i];
		struct json_object *e = json_object_new_object();

		json_object_object_add(e, "controllers", json_object_new_string(d->controllers));
		json_object_object_add(e, "mount", json_object_new_string(d->point));
		json_object_object_add(e, "path", json_object_new_string(d->path));
		if (d->runtime)
			json_object_object_add(e, "runtime", json_object_new_string(d->runtime));
		json_object_object_add(e, "v2", json_object_new_boolean(d->v2));
		json_object_array_add(dirs, e);
	}
	json_object_object_add(o, "hierarchies", dirs);
	if (cg->systemd.used) {
		struct json_object *e = json_object_new_object();

		json_object_object_add(e, "unit", json_object_new_string(cg->systemd.unit));
		json_object_object_add(e, "runtime", json_object_new_string(cg->systemd.runtime));
		json_object_object_add(e, "user", json_object_new_boolean(cg->systemd.user));
		json_object_object_add(o, "systemd", e);
	}
	return o;
}

static const char *state_string(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : NULL;
}

static int open_units(struct cgroup *cg, struct json_object *state)
{
	struct json_object *e, *v;
	const char *unit, *runtime;

	if (!json_object_object_get_ex(state, "systemd", &e))
		return 0;
	unit = state_string(e, "unit");
	runtime = state_string(e, "runtime");
	if (!unit || !runtime || cg->n != 1 || !cg->dirs[0].runtime)
		return log_errno(-EINVAL, "cgroup part of the state file");
	cg->systemd = (struct cg_systemd){.used = true, .fd = -1, .unit = strdup(unit), .runtime = strdup(runtime)};
	cg->systemd.user = json_object_object_get_ex(e, "user", &v) && json_object_get_boolean(v);
	return cg->systemd.unit && cg->systemd.runtime ? 0 : log_errno(-ENOMEM, "cgroup");
}

int cgroup_open(struct json_object *state, struct cgroup **ret)
{
	_cleanup_(cgroup_freep) struct cgroup *cg = calloc(1, sizeof(*cg));
	struct json_object *dirs = NULL, *v2;
	const char *id = state_string(state, "id");
	size_t n;
	int r;

	json_object_object_get_ex(state, "hierarchies", &dirs);
	if (!cg || !id || !json_object_is_type(dirs, json_type_array))
		return log_errno(-EINVAL, "cgroup part of the state file");
	n = json_object_array_length(dirs);
	cg->id = strdup(id);
	cg->dirs = calloc(n + 1, sizeof(*cg->dirs));
	if (!cg->id || !cg->dirs)
		return log_errno(-ENOMEM, "cgroup");
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(dirs, i);
		const char *c = state_string(e, "controllers"), *m = state_string(e, "mount");
		const char *p = state_string(e, "path"), *rt = state_string(e, "runtime");
		struct cg_dir *d = &cg->dirs[cg->n++];

		/* These are removed later: nothing outside the hierarchy will do. */
		if (!c || !m || !p || strncmp(p, m, strlen(m)) || p[strlen(m)] != '/' ||
		    strstr(p, "/../"))
			return log_errno(-EINVAL, "cgroup part of the state file");
		d->controllers = strdup(c);
		d->point = strdup(m);
		d->path = strdup(p);
		d->runtime = rt ? strdup(rt) : NULL;
		d->v2 = json_object_object_get_ex(e, "v2", &v2) && json_object_get_boolean(v2);
		if (!d->controllers || !d->point || !d->path)
			return log_errno(-ENOMEM, "cgroup");
	}
	r = open_units(cg, state);
	if (r == 0)
		*ret = TAKE_PTR(cg);
	return r;
}

void cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	cg_systemd_done(cg);
	for (size_t i = 0; cg->dirs && i < cg->n; i++)
		dir_done(&cg->dirs[i]);
	free(cg->dirs);
	free(cg->id);
	free(cg->v2_controllers);
	free(cg);
}

const struct cg_dir *cg_find(struct cgroup *cg, const char *controller)
{
	for (size_t i = 0; i < cg->n; i++)
		if (!cg->dirs[i].v2 && cg_list_has(cg->dirs[i].controllers, controller))
			return &cg->dirs[i];
	for (size_t i = 0; i < cg->n; i++) {
		if (!cg->dirs[i].v2)
			continue;
		if (!*controller)
			return &cg->dirs[i];
		if (!cg->v2_controllers)
			cg->v2_controllers = cg_read(cg->dirs[i].path, "cgroup.controllers");
		if (cg->v2_controllers && cg_list_has(cg->v2_controllers, controller))
			return &cg->dirs[i];
	}
	return NULL;
}

const char *cgroup_dir(const struct cgroup *cg, const char *controller)
{
	const struct cg_dir *d = cg_find((struct cgroup *)cg, controller);

	return d ? d->path : NULL;
}

int cgroup_make_runtime(struct cgroup *cg)
{
	for (size_t i = 0; !cg->runtime_made && i < cg->n; i++) {
		const struct cg_dir *d = &cg->dirs[i];
		bool made;
		int r = d->runtime ? make_group(d, d->runtime, "", &made) : 0;

		if (r < 0)
			return log_errno(r, "cgroup %s", d->runtime);
	}
	cg->runtime_made = true;
	return 0;
}

static int remove_group(const char *dir)
{
	for (int i = 0;; i++) {
		if (rmdir(dir) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY || i == 200)
			return log_errno(-errno, "remove cgroup %s", dir);
		nanosleep(&(struct timespec){.tv_nsec = i < 20 ? 1000000 : 11000000}, NULL);
	}
}

int cgroup_destroy(struct cgroup *cg)
{
	int r = cg->systemd.used ? cg_systemd_stop(cg) : 0, e;

	for (size_t i = 0; i < cg->n; i++) {
		e = remove_group(cg->dirs[i].path);
		if (e < 0)
			r = e;
		e = cg->dirs[i].runtime ? remove_group(cg->dirs[i].runtime) : 0;
		if (e < 0)
			r = e;
	}
	return r;
}
