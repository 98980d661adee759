/* SPDX-License-Identifier: Apache-2.0 */
/* What a group has used, in the JSON form that runc's `events` gives; and a descriptor that tells of the OOM killer. */
#include "oci/cgroup_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include "base/log.h"

#define NSEC_OF_TICK 10000000ULL /* USER_HZ is 100 everywhere */
#define CPUS_MAX 8192

static void add(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static struct json_object *child(struct json_object *o, const char *key)
{
	struct json_object *c = json_object_new_object();

	json_object_object_add(o, key, c);
	return c;
}

/* The number in a file, "max" being the greatest; false when there is no such file. */
static bool number(const struct cg_dir *d, const char *file, uint64_t *ret)
{
	_cleanup_free_ char *text = d ? cg_read(d->path, file) : NULL;

	*ret = 0;
	if (!text)
		return false;
	*ret = !strcmp(text, "max") ? UINT64_MAX : strtoull(text, NULL, 10);
	return true;
}

/* The number behind key in text of lines "key number". */
static uint64_t keyed(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, key, n) && p[n] == ' ')
			return strtoull(p + n + 1, NULL, 10);
	return 0;
}

/* --- CPU --- */

static void percpu(const struct cg_dir *d, const char *file, struct json_object *o, const char *key)
{
	_cleanup_free_ char *text = cg_read(d->path, file);
	struct json_object *a;
	char *end;

	if (!text || !*text)
		return;
	a = json_object_new_array();
	for (char *p = text;; p = end) {
		uint64_t v = strtoull(p, &end, 10);

		if (end == p)
			break;
		json_object_array_add(a, json_object_new_uint64(v));
	}
	json_object_object_add(o, key, a);
}

static void cpu_stats(struct cgroup *cg, struct json_object *o)
{
	struct json_object *cpu = child(o, "cpu"), *usage = child(cpu, "usage"), *throttling = child(cpu, "throttling");
	const struct cg_dir *d = cg_find(cg, "cpu"), *acct = cg_find(cg, "cpuacct");
	_cleanup_free_ char *stat = NULL, *ticks = NULL;
	uint64_t total = 0;

	if (!d && cg_find(cg, ""))
		d = cg_find(cg, ""); /* v2 counts without the controller */
	stat = d ? cg_read(d->path, "cpu.stat") : NULL;
	if (acct && !acct->v2) {
		ticks = cg_read(acct->path, "cpuacct.stat");
		(void)!number(acct, "cpuacct.usage", &total);
		add(usage, "total", total);
		percpu(acct, "cpuacct.usage_percpu", usage, "percpu");
		percpu(acct, "cpuacct.usage_percpu_sys", usage, "percpu_kernel");
		percpu(acct, "cpuacct.usage_percpu_user", usage, "percpu_user");
		add(usage, "kernel", keyed(ticks, "system") * NSEC_OF_TICK);
		add(usage, "user", keyed(ticks, "user") * NSEC_OF_TICK);
	} else {
		add(usage, "total", keyed(stat, "usage_usec") * 1000);
		add(usage, "kernel", keyed(stat, "system_usec") * 1000);
		add(usage, "user", keyed(stat, "user_usec") * 1000);
	}
	add(throttling, "periods", keyed(stat, "nr_periods"));
	add(throttling, "throttledPeriods", keyed(stat, "nr_throttled"));
	add(throttling, "throttledTime",
	    d && d->v2 ? keyed(stat, "throttled_usec") * 1000 : keyed(stat, "throttled_time"));
}

/* "0-2,7" as an array of numbers. */
static void cpu_list(const struct cg_dir *d, const char *file, struct json_object *o, const char *key)
{
	_cleanup_free_ char *text = cg_read(d->path, file);
	struct json_object *a;
	char *end;

	if (!text || !*text)
		return;
	a = json_object_new_array();
	for (char *p = text; *p; p = end + (*end == ',')) {
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (end == p)
			break;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from < CPUS_MAX; from++)
			json_object_array_add(a, json_object_new_uint64(from));
	}
	json_object_object_add(o, key, a);
}

static void cpuset_stats(struct cgroup *cg, struct json_object *o)
{
	static const char *const flags[][2] = {
		{"cpu_exclusive", "cpuset.cpu_exclusive"},
		{"mem_hardwall", "cpuset.mem_hardwall"},
		{"mem_exclusive", "cpuset.mem_exclusive"},
		{"memory_migrate", "cpuset.memory_migrate"},
		{"memory_spread_page", "cpuset.memory_spread_page"},
		{"memory_spread_slab", "cpuset.memory_spread_slab"},
		{"memory_pressure", "cpuset.memory_pressure"},
		{"sched_load_balance", "cpuset.sched_load_balance"},
	};
	const struct cg_dir *d = cg_find(cg, "cpuset");
	struct json_object *s = child(o, "cpuset");
	_cleanup_free_ char *level = NULL;
	uint64_t v;

	if (d) {
		cpu_list(d, d->v2 ? "cpuset.cpus.effective" : "cpuset.cpus", s, "cpus");
		cpu_list(d, d->v2 ? "cpuset.mems.effective" : "cpuset.mems", s, "mems");
	}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		(void)!number(d, flags[i][1], &v);
		add(s, flags[i][0], v);
	}
	level = d ? cg_read(d->path, "cpuset.sched_relax_domain_level") : NULL;
	json_object_object_add(s, "sched_relax_domain_level", json_object_new_int64(level ? strtol(level, NULL, 10) : 0));
}

/* --- memory --- */

/* One kind of memory: what is missing is 0, as runc prints it. */
static void memory_entry(const struct cg_dir *d, struct json_object *m, const char *key, const char *const files[4])
{
	static const char *const keys[] = {"limit", "usage", "max", "failcnt"};
	struct json_object *e = child(m, key);
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		v = 0;
		if (files[i])
			(void)!number(d, files[i], &v);
		if (v || i == 0 || i == 3)
			add(e, keys[i], v);
	}
}

static void memory_stats(struct cgroup *cg, struct json_object *o)
{
	static const char *const v1[][5] = {
		{"usage", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.failcnt"},
		{"swap", "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes", "memory.memsw.max_usage_in_bytes",
		 "memory.memsw.failcnt"},
		{"kernel", "memory.kmem.limit_in_bytes", "memory.kmem.usage_in_bytes", "memory.kmem.max_usage_in_bytes",
		 "memory.kmem.failcnt"},
		{"kernelTCP", "memory.kmem.tcp.limit_in_bytes", "memory.kmem.tcp.usage_in_bytes",
		 "memory.kmem.tcp.max_usage_in_bytes", "memory.kmem.tcp.failcnt"},
	};
	static const char *const v2[][5] = {
		{"usage", "memory.max", "memory.current", "memory.peak", NULL},
		{"swap", "memory.swap.max", "memory.swap.current", "memory.swap.peak", NULL},
		{"kernel", NULL, NULL, NULL, NULL},
		{"kernelTCP", NULL, NULL, NULL, NULL},
	};
	const struct cg_dir *d = cg_find(cg, "memory");
	struct json_object *m = child(o, "memory"), *raw;
	_cleanup_free_ char *stat = d ? cg_read(d->path, "memory.stat") : NULL;
	char *save = NULL;

	if (stat && keyed(stat, d->v2 ? "file" : "cache"))
		add(m, "cache", keyed(stat, d->v2 ? "file" : "cache"));
	for (size_t i = 0; i < ARRAY_SIZE(v1); i++)
		memory_entry(d, m, v1[i][0], d && d->v2 ? v2[i] + 1 : v1[i] + 1);
	raw = child(m, "raw");
	for (char *line = stat ? strtok_r(stat, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');

		if (value) {
			*value = '\0';
			add(raw, line, strtoull(value + 1, NULL, 10));
		}
	}
}

/* --- the rest --- */

static void pids_stats(struct cgroup *cg, struct json_object *o)
{
	const struct cg_dir *d = cg_find(cg, "pids");
	struct json_object *p = child(o, "pids");
	uint64_t v;

	if (number(d, "pids.current", &v) && v)
		add(p, "current", v);
	if (number(d, "pids.max", &v) && v && v != UINT64_MAX)
		add(p, "limit", v);
}

static void blkio_entry(struct json_object *a, unsigned major, unsigned minor, const char *op, uint64_t v)
{
	struct json_object *e = json_object_new_object();

	add(e, "major", major);
	add(e, "minor", minor);
	json_object_object_add(e, "op", json_object_new_string(op));
	add(e, "value", v);
	json_object_array_add(a, e);
}

/* Lines "8:0 Read 4096". */
static void blkio_v1(const struct cg_dir *d, const char *file, struct json_object *a)
{
	_cleanup_free_ char *text = cg_read(d->path, file);
	unsigned major, minor;
	char *save = NULL, op[16];
	uint64_t v;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		if (sscanf(l, "%u:%u %15s %" SCNu64, &major, &minor, op, &v) == 4)
			blkio_entry(a, major, minor, op, v);
}

/* Lines "8:0 rbytes=4096 wbytes=0 rios=1 ...". */
static void blkio_v2(const struct cg_dir *d, struct json_object *bytes, struct json_object *ios)
{
	static const struct {
		const char *key, *op;
		bool bytes;
	} words[] = {{"rbytes", "Read", true}, {"wbytes", "Write", true}, {"dbytes", "Discard", true},
		     {"rios", "Read", false},  {"wios", "Write", false},  {"dios", "Discard", false}};
	_cleanup_free_ char *text = cg_read(d->path, "io.stat");
	unsigned major, minor;
	char *save = NULL;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save)) {
		if (sscanf(l, "%u:%u", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			char key[16];
			const char *p;

			snprintf(key, sizeof(key), " %s=", words[i].key);
			p = strstr(l, key);
			if (p)
				blkio_entry(words[i].bytes ? bytes : ios, major, minor, words[i].op,
					    strtoull(p + strlen(key), NULL, 10));
		}
	}
}

static void blkio_stats(struct cgroup *cg, struct json_object *o)
{
	const struct cg_dir *d = cg_find(cg, "blkio");
	struct json_object *b = child(o, "blkio"), *bytes = json_object_new_array(), *ios = json_object_new_array();

	if (!d)
		d = cg_find(cg, "io");
	if (d && d->v2) {
		blkio_v2(d, bytes, ios);
	} else if (d) {
		blkio_v1(d, "blkio.throttle.io_service_bytes_recursive", bytes);
		blkio_v1(d, "blkio.throttle.io_serviced_recursive", ios);
	}
	if (json_object_array_length(bytes))
		json_object_object_add(b, "ioServiceBytesRecursive", json_object_get(bytes));
	if (json_object_array_length(ios))
		json_object_object_add(b, "ioServicedRecursive", json_object_get(ios));
	json_object_put(bytes);
	json_object_put(ios);
}

/* "hugetlb.2MB.current" or "...usage_in_bytes": its size, NULL for other files. */
static char *hugetlb_size(const char *file, const char *suffix)
{
	const char *p = file + strlen("hugetlb."), *end = strchr(p, '.');

	if (strncmp(file, "hugetlb.", strlen("hugetlb.")) || !end || strcmp(end, suffix))
		return NULL;
	return strndup(p, (size_t)(end - p));
}

static void hugetlb_stats(struct cgroup *cg, struct json_object *o)
{
	const struct cg_dir *d = cg_find(cg, "hugetlb");
	struct json_object *h = child(o, "hugetlb");
	DIR *dir = d ? opendir(d->path) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		_cleanup_free_ char *events = NULL, *size = hugetlb_size(e->d_name, d->v2 ? ".current" : ".usage_in_bytes");
		struct json_object *x;
		char file[300];
		uint64_t v;

		if (!size)
			continue;
		x = child(h, size);
		if (number(d, e->d_name, &v) && v)
			add(x, "usage", v);
		snprintf(file, sizeof(file), "hugetlb.%.64s.max_usage_in_bytes", size);
		if (number(d, file, &v) && v)
			add(x, "max", v);
		snprintf(file, sizeof(file), "hugetlb.%.64s.%s", size, d->v2 ? "events" : "failcnt");
		events = d->v2 ? cg_read(d->path, file) : NULL;
		if (d->v2)
			v = keyed(events, "max");
		else
			(void)!number(d, file, &v);
		add(x, "failcnt", v);
	}
	if (dir)
		closedir(dir);
}

struct json_object *cgroup_stats(struct cgroup *cg)
{
	struct json_object *o = json_object_new_object();

	cpu_stats(cg, o);
	cpuset_stats(cg, o);
	memory_stats(cg, o);
	pids_stats(cg, o);
	blkio_stats(cg, o);
	hugetlb_stats(cg, o);
	json_object_object_add(o, "intel_rdt", json_object_new_object());
	json_object_object_add(o, "network_interfaces", NULL);
	return o;
}

static int watch_v1(const char *dir)
{
	_cleanup_close_ int control = -1, e = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	_cleanup_free_ char *path = NULL;
	char text[32];
	int r;

	if (e < 0 || asprintf(&path, "%s/memory.oom_control", dir) < 0)
		return -ENOMEM;
	control = open(path, O_RDONLY | O_CLOEXEC);
	if (control < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %d", e, control);
	r = cg_write(dir, "cgroup.event_control", text);
	return r < 0 ? r : TAKE_FD(e);
}

static int watch_v2(const char *dir)
{
	_cleanup_close_ int n = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_cleanup_free_ char *path = NULL;

	if (n < 0 || asprintf(&path, "%s/memory.events", dir) < 0)
		return -ENOMEM;
	return inotify_add_watch(n, path, IN_MODIFY) < 0 ? -errno : TAKE_FD(n);
}

int cgroup_oom_watch(struct cgroup *cg)
{
	const struct cg_dir *d = cg_find(cg, "memory");

	if (!d)
		return -ENOTSUP;
	return d->v2 ? watch_v2(d->path) : watch_v1(d->path);
}
