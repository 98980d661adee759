/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd as the maker of a container's groups: a transient scope for the container and one for the runtime, both delegated. What
 * is known of a limit as a property of the unit is given to systemd, which keeps it over a reload; cgroup_apply then writes
 * the exact files. The bus is nacre-systemd's business, a program that lives as long as the creation does.
 */
#include "oci/cgroup_priv.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "base/log.h"
#include "oci/spec.h"
#include "sandbox/sandbox.h"

static bool helper_path(char *out, size_t cap)
{
	static const char *const places[] = {"", "/../libexec/nacre"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if ((size_t)snprintf(out, cap, "%s%s/nacre-systemd", self, places[i]) < cap && access(out, X_OK) == 0)
			return true;
	return false;
}

bool cgroup_has_systemd(void)
{
	char path[PATH_MAX];

	return helper_path(path, sizeof(path));
}

/* The user's own manager, without root. */
bool cgroup_has_user_manager(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX];

	return dir && *dir && (size_t)snprintf(path, sizeof(path), "%s/bus", dir) < sizeof(path) && access(path, W_OK) == 0;
}

static bool is_v2_alone(void)
{
	return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

bool cg_systemd_wanted(const struct runtime_opts *o, const char *cgroups_path)
{
	char path[PATH_MAX];

	if (o->systemd_cgroup || (o->cgroup_manager && !strcmp(o->cgroup_manager, "systemd")))
		return true;
	/* Only systemd can give cgroups to a user. */
	return o->rootless && geteuid() != 0 && o->cgroup_manager && !strcmp(o->cgroup_manager, "auto") && cgroup_has_user_manager() &&
	       is_v2_alone() && helper_path(path, sizeof(path)) && (!cgroups_path || !*cgroups_path || strchr(cgroups_path, ':'));
}

int cg_systemd_check(const struct runtime_opts *o)
{
	char path[PATH_MAX];

	if (access("/run/systemd/system", F_OK) < 0)
		log_error("--systemd-cgroup: systemd is not running on this host, cannot use systemd cgroups manager");
	else if (!is_v2_alone())
		log_error("--systemd-cgroup: only where cgroup v2 stands alone; use --cgroup-manager cgroupfs");
	else if (o->rootless && !cgroup_has_user_manager())
		log_error("--systemd-cgroup: systemd's user manager cannot be reached: $XDG_RUNTIME_DIR/bus is not there");
	else if (!helper_path(path, sizeof(path)))
		log_error("--systemd-cgroup: nacre-systemd is neither beside nacre nor in ../libexec/nacre (it was built without libsystemd)");
	else
		return 0;
	return -ENOTSUP;
}

static int helper_start(struct cg_systemd *s)
{
	char path[PATH_MAX];
	int sv[2];

	if (s->fd >= 0)
		return 0;
	if (!helper_path(path, sizeof(path)))
		return log_errno(-ENOENT, "nacre-systemd");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return log_errno(-errno, "socketpair");
	fflush(NULL);
	s->pid = fork();
	if (s->pid == 0) {
		/* Ctrl-C is the container's. */
		setsid();
		if (dup2(sv[1], 0) >= 0 && dup2(sv[1], 1) >= 0)
			execl(path, "nacre-systemd", s->user ? "--user" : NULL, NULL);
		_exit(127);
	}
	close(sv[1]);
	if (s->pid < 0) {
		close(sv[0]);
		return log_errno(-errno, "nacre-systemd");
	}
	s->fd = sv[0];
	return 0;
}

static void helper_end(struct cg_systemd *s)
{
	if (s->fd < 0)
		return;
	close(TAKE_FD(s->fd));
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* One request, one line of reply. ret (or NULL): what follows "ok ". Logs one line. */
static int ask(struct cg_systemd *s, const char *request, char *ret, size_t cap)
{
	char line[4096];
	size_t n = strlen(request), got = 0;
	int r = helper_start(s);

	if (r < 0)
		return r;
	if (send(s->fd, request, n, MSG_NOSIGNAL) != (ssize_t)n)
		return log_errno(-EPIPE, "nacre-systemd ended");
	while (got < sizeof(line) - 1 && (!got || line[got - 1] != '\n')) {
		ssize_t k = read(s->fd, line + got, sizeof(line) - 1 - got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return log_errno(-EPIPE, "nacre-systemd ended (is libsystemd installed?)");
		got += (size_t)k;
	}
	line[got - 1] = '\0';
	if (strncmp(line, "ok", 2)) {
		log_error("systemd: %s", strncmp(line, "error ", 6) ? line : line + 6);
		return -EIO;
	}
	if (ret && (size_t)snprintf(ret, cap, "%s", line[2] ? line + 3 : "") >= cap)
		return log_errno(-ENAMETOOLONG, "nacre-systemd");
	return 0;
}

/* --- properties --------------------------------------------------------------------------------------------- */

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (o)
		json_object_object_get_ex(o, key, &v);
	return v;
}

static void put_limit(FILE *f, const char *name, int64_t value)
{
	fprintf(f, " %s=%" PRIu64, name, value < 0 ? UINT64_MAX : (uint64_t)value);
}

/* "0-2,5" as bytes, the first of which holds 0 to 7. */
static void put_set(FILE *f, const char *name, const char *list)
{
	uint8_t set[128] = {0};
	size_t bytes = 0;

	for (const char *p = list; *p;) {
		char *end;
		unsigned long a = strtoul(p, &end, 10), b = a;

		if (end == p)
			return;
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		if (b >= sizeof(set) * 8)
			return;
		for (; a <= b; a++) {
			set[a / 8] |= (uint8_t)(1U << (a % 8));
			bytes = MAX(bytes, a / 8 + 1);
		}
		p = end + (*end == ',');
	}
	if (!bytes)
		return;
	fprintf(f, " %s=", name);
	for (size_t i = 0; i < bytes; i++)
		fprintf(f, "%02x", set[i]);
}

static void put_cpu(FILE *f, struct json_object *cpu)
{
	struct json_object *shares = get(cpu, "shares"), *quota = get(cpu, "quota"), *period = get(cpu, "period");
	uint64_t p = period ? json_object_get_uint64(period) : 100000, per_second;

	if (shares && json_object_get_uint64(shares))
		fprintf(f, " CPUWeight=%" PRIu64, cg_weight_of_shares(json_object_get_uint64(shares)));
	if (period && p)
		fprintf(f, " CPUQuotaPeriodUSec=%" PRIu64, p);
	if (quota && json_object_get_int64(quota) > 0 && p) {
		/* systemd keeps hundredths of a CPU. */
		per_second = (uint64_t)json_object_get_int64(quota) * 1000000 / p;
		fprintf(f, " CPUQuotaPerSecUSec=%" PRIu64, (per_second + 9999) / 10000 * 10000);
	}
	if (get(cpu, "cpus"))
		put_set(f, "AllowedCPUs", json_object_get_string(get(cpu, "cpus")));
	if (get(cpu, "mems"))
		put_set(f, "AllowedMemoryNodes", json_object_get_string(get(cpu, "mems")));
}

static void put_properties(FILE *f, struct json_object *res)
{
	struct json_object *memory = get(res, "memory"), *limit = get(memory, "limit"), *low = get(memory, "reservation");
	struct json_object *swap = get(memory, "swap"), *pids = get(get(res, "pids"), "limit");

	if (limit)
		put_limit(f, "MemoryMax", json_object_get_int64(limit));
	if (low)
		put_limit(f, "MemoryLow", json_object_get_int64(low));
	if (swap && limit && json_object_get_int64(swap) >= json_object_get_int64(limit) && json_object_get_int64(limit) >= 0)
		put_limit(f, "MemorySwapMax", json_object_get_int64(swap) - json_object_get_int64(limit));
	if (pids && json_object_get_int64(pids) > 0)
		put_limit(f, "TasksMax", cg_host_pids(json_object_get_int64(pids)));
	if (get(res, "cpu"))
		put_cpu(f, get(res, "cpu"));
}

/* --- the groups ------------------------------------------------------------------------------------------------- */

int cg_systemd_plan(const struct cg_layout *l, const char *path, const char *id, bool user, struct json_object *resources,
		    struct cgroup **ret)
{
	_cleanup_free_ char *full = NULL, *spelled = NULL, *own = NULL, *below = NULL;
	_cleanup_(cgroup_freep) struct cgroup *cg = calloc(1, sizeof(*cg));
	char group[2048], *slash;
	struct cg_dir *d;
	int r;

	if (!cg)
		return log_errno(-ENOMEM, "cgroup");
	cg->systemd = (struct cg_systemd){.fd = -1, .used = true, .user = user};
	if (l->n != 1 || !l->m[0].v2)
		return log_errno(-ENOTSUP, "--systemd-cgroup: cgroup v2 does not stand alone");
	if (asprintf(&own, "%s:nacre:%s", user ? "user.slice" : "system.slice", id) < 0)
		return log_errno(-ENOMEM, "cgroup");
	if (!path)
		path = own;
	else if (user && path[0] == ':' && asprintf(&spelled, "user.slice%s", path) > 0)
		path = spelled;
	below = cg_systemd_path(path, id);
	if (!below) {
		log_error("linux.cgroupsPath: \"%s\": expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups", path);
		return -EINVAL;
	}
	r = ask(&cg->systemd, "hello\n", group, sizeof(group));
	if (r < 0)
		return r;
	if (asprintf(&full, "%s%s", group, below) < 0)
		return log_errno(-ENOMEM, "cgroup");
	slash = strrchr(below, '/');
	cg->systemd.unit = strdup(slash + 1);
	*slash = '\0';
	cg->systemd.slice = strdup(*below ? strrchr(below, '/') + 1 : "-.slice");
	if (asprintf(&cg->systemd.runtime, "nacre-kernel-%s.scope", id) < 0)
		cg->systemd.runtime = NULL;
	cg->id = strdup(id);
	cg->dirs = calloc(1, sizeof(*cg->dirs));
	if (!cg->id || !cg->dirs || !cg->systemd.unit || !cg->systemd.slice || !cg->systemd.runtime)
		return log_errno(-ENOMEM, "cgroup");
	d = &cg->dirs[cg->n++];
	d->v2 = true;
	d->controllers = strdup("");
	d->point = strdup(l->m[0].point);
	d->path = cg_mount_dir(&l->m[0], full);
	if (!d->controllers || !d->point || !d->path ||
	    asprintf(&d->runtime, "%.*s/%s", (int)(strrchr(d->path, '/') - d->path), d->path, cg->systemd.runtime) < 0)
		return log_errno(-ENOMEM, "cgroup");
	if (resources) {
		size_t size;
		FILE *f = open_memstream(&cg->systemd.properties, &size);

		if (!f)
			return log_errno(-ENOMEM, "cgroup");
		put_properties(f, resources);
		fclose(f);
	}
	*ret = TAKE_PTR(cg);
	return 0;
}

static int start_scope(struct cgroup *cg, const char *unit, const char *properties, const char *expected)
{
	_cleanup_free_ char *request = NULL;
	char group[2048];
	size_t n;
	int r;

	if (strpbrk(unit, " \n") || strpbrk(cg->systemd.slice, " \n")) {
		log_error("linux.cgroupsPath: \"%s\": not a unit's name", unit);
		return -EINVAL;
	}
	if (asprintf(&request, "start %s %s Description=nacre-container-%s%s\n", unit, cg->systemd.slice, cg->id, properties) < 0)
		return log_errno(-ENOMEM, "cgroup");
	r = ask(&cg->systemd, request, group, sizeof(group));
	if (r < 0)
		return r;
	n = strlen(group);
	if (strlen(expected) >= n && !strcmp(expected + strlen(expected) - n, group))
		return 0;
	log_error("systemd put %s at %s, not at %s", unit, group, expected);
	return -EIO;
}

int cg_systemd_make(struct cgroup *cg)
{
	int r = start_scope(cg, cg->systemd.unit, cg->systemd.properties ?: "", cg->dirs[0].path);

	if (r == 0) {
		r = start_scope(cg, cg->systemd.runtime, "", cg->dirs[0].runtime);
		cg->runtime_made = r == 0;
	}
	return r;
}

int cg_systemd_attach(struct cgroup *cg, const char *unit, pid_t pid)
{
	char request[512];

	if ((size_t)snprintf(request, sizeof(request), "attach %s %d\n", unit, (int)pid) >= sizeof(request))
		return -ENAMETOOLONG;
	return ask(&cg->systemd, request, NULL, 0);
}

int cg_systemd_stop(struct cgroup *cg)
{
	const char *units[] = {cg->systemd.unit, cg->systemd.runtime};
	const char *dirs[] = {cg->dirs[0].path, cg->dirs[0].runtime};
	char request[512];
	int r = 0;

	/* A scope ends by itself with its last process, and systemd removes its group. */
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int e = 0;

		if (access(dirs[i], F_OK) < 0)
			continue;
		if ((size_t)snprintf(request, sizeof(request), "stop %s\n", units[i]) < sizeof(request))
			e = ask(&cg->systemd, request, NULL, 0);
		r = e < 0 ? e : r;
	}
	helper_end(&cg->systemd);
	return r;
}

void cg_systemd_done(struct cgroup *cg)
{
	if (!cg->systemd.used)
		return;
	helper_end(&cg->systemd);
	free(cg->systemd.unit);
	free(cg->systemd.runtime);
	free(cg->systemd.slice);
	free(cg->systemd.properties);
}
