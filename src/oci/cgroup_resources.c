/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources into the files of a group. The document was checked by check_resources: here only
 * presence is tested. v1 and v2 differ in names and in some units; each limit goes to the hierarchy
 * that has its controller. */
#include "oci/cgroup_priv.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (o)
		json_object_object_get_ex(o, key, &v);
	return v;
}

static bool get_i64(struct json_object *o, const char *key, int64_t *ret)
{
	struct json_object *v = get(o, key);

	if (v)
		*ret = json_object_get_int64(v);
	return v != NULL;
}

static bool get_u64(struct json_object *o, const char *key, uint64_t *ret)
{
	struct json_object *v = get(o, key);

	if (v)
		*ret = json_object_get_uint64(v);
	return v != NULL;
}

/* The directory of a controller that a field needs; logs what is missing. */
static int need(struct cgroup *cg, const char *controller, const char *v2_controller,
		const char *field, const struct cg_dir **ret)
{
	const struct cg_dir *d = cg_find(cg, controller);

	if (!d && v2_controller)
		d = cg_find(cg, v2_controller);
	if (!d) {
		log_error("linux.resources.%s: cannot set limit: no cgroup controller %s", field,
			  controller);
		return -ENOTSUP;
	}
	*ret = d;
	return 0;
}

static int put(const struct cg_dir *d, const char *file, const char *value, const char *field)
{
	int r = cg_write(d->path, file, value);

	if (r == -ENOENT) {
		log_error("linux.resources.%s: %s: this kernel has no %s", field, value, file);
		return -ENOTSUP;
	}
	return r < 0 ? log_errno(r, "linux.resources.%s: write %s to %s/%s", field, value, d->path,
				 file)
		     : 0;
}

static int put_i64(const struct cg_dir *d, const char *file, int64_t value, const char *field)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return put(d, file, text, field);
}

/* v2 spells "no limit" max. */
static int put_max(const struct cg_dir *d, const char *file, int64_t value, const char *field)
{
	return value < 0 ? put(d, file, d->v2 ? "max" : "-1", field)
			 : put_i64(d, file, value, field);
}

static bool has_file(const struct cg_dir *d, const char *file)
{
	char path[4096];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", d->path, file) < sizeof(path) &&
	       access(path, F_OK) == 0;
}

static int memory_v1(const struct cg_dir *d, bool has_limit, int64_t limit, bool has_swap,
		     int64_t swap)
{
	_cleanup_free_ char *now = NULL;
	bool swap_first;
	int r = 0;

	if (has_limit && limit == -1 && !has_swap) {
		/* an unlimited group has unlimited swap, where swap is accounted */
		now = cg_read(d->path, "memory.memsw.limit_in_bytes");
		has_swap = now != NULL;
		swap = -1;
	}
	/* The kernel keeps memory <= memory + swap at each step. */
	if (has_swap && !now)
		now = cg_read(d->path, "memory.memsw.limit_in_bytes");
	swap_first = has_swap && has_limit && now &&
		     (swap == -1 || (uint64_t)swap > strtoull(now, NULL, 10));
	if (swap_first)
		r = put_max(d, "memory.memsw.limit_in_bytes", swap, "memory.swap");
	if (r == 0 && has_limit)
		r = put_max(d, "memory.limit_in_bytes", limit, "memory.limit");
	if (r == 0 && has_swap && !swap_first)
		r = put_max(d, "memory.memsw.limit_in_bytes", swap, "memory.swap");
	return r;
}

static int memory_v2(const struct cg_dir *d, bool has_limit, int64_t limit, bool has_swap,
		     int64_t swap)
{
	int r = 0;

	/* config.json's swap is memory + swap, v2's is swap alone */
	if (has_swap && swap >= 0)
		swap = swap >= limit ? swap - limit : 0;
	if (has_limit && limit == -1 && !has_swap) {
		has_swap = true;
		swap = -1;
	}
	/* a host without swap accounting needs no "no limit" */
	if (has_swap && (swap >= 0 || has_file(d, "memory.swap.max")))
		r = put_max(d, "memory.swap.max", swap, "memory.swap");
	if (r == 0 && has_limit)
		r = put_max(d, "memory.max", limit, "memory.limit");
	return r;
}

static int apply_memory(struct cgroup *cg, struct json_object *m)
{
	int64_t limit = 0, swap = 0, n;
	bool has_limit, has_swap, b;
	const struct cg_dir *d;
	int r = 0;

	if (!m || !json_object_object_length(m))
		return 0;
	has_limit = get_i64(m, "limit", &limit) && limit != 0;
	has_swap = get_i64(m, "swap", &swap) && swap != 0;
	b = get(m, "disableOOMKiller") && json_object_get_boolean(get(m, "disableOOMKiller"));
	if (!has_limit && !has_swap && !b && !get(m, "reservation") && !get(m, "swappiness") &&
	    !get(m, "kernelTCP"))
		return 0;
	r = need(cg, "memory", NULL, "memory", &d);
	if (r == 0)
		r = d->v2 ? memory_v2(d, has_limit, limit, has_swap, swap)
			  : memory_v1(d, has_limit, limit, has_swap, swap);
	if (r == 0 && get_i64(m, "reservation", &n) && n != 0)
		r = put_max(d, d->v2 ? "memory.low" : "memory.soft_limit_in_bytes", n,
			    "memory.reservation");
	/* v2 has no counterpart of these three: they are left, as other runtimes do */
	if (r == 0 && !d->v2 && get_i64(m, "kernelTCP", &n) && n != 0)
		r = put_max(d, "memory.kmem.tcp.limit_in_bytes", n, "memory.kernelTCP");
	if (r == 0 && !d->v2 && get_i64(m, "swappiness", &n))
		r = put_i64(d, "memory.swappiness", n, "memory.swappiness");
	if (r == 0 && !d->v2 && b)
		r = put(d, "memory.oom_control", "1", "memory.disableOOMKiller");
	return r;
}

/* v1 shares 2..262144 -> v2 weight 1..10000 */
uint64_t cg_weight_of_shares(uint64_t shares)
{
	shares = MIN(MAX(shares, 2ul), 262144ul);
	return 1 + (int64_t)((shares - 2) * 9999 / 262142);
}

static int cpu_bandwidth(const struct cg_dir *d, struct json_object *c)
{
	int64_t quota = 0, n;
	uint64_t period = 0, burst;
	bool has_quota = get_i64(c, "quota", &quota) && quota != 0;
	bool has_period = get_u64(c, "period", &period) && period != 0;
	char text[64];
	int r = 0;

	if (d->v2 && (has_quota || has_period)) {
		if (!has_period)
			period = 100000;
		if (has_quota && quota > 0)
			snprintf(text, sizeof(text), "%" PRId64 " %" PRIu64, quota, period);
		else
			snprintf(text, sizeof(text), "max %" PRIu64, period);
		r = put(d, "cpu.max", text, has_quota ? "cpu.quota" : "cpu.period");
	} else {
		if (has_period)
			r = put_i64(d, "cpu.cfs_period_us", (int64_t)period, "cpu.period");
		if (r == 0 && has_quota)
			r = put_i64(d, "cpu.cfs_quota_us", quota, "cpu.quota");
	}
	if (r == 0 && get_u64(c, "burst", &burst))
		r = put_i64(d, d->v2 ? "cpu.max.burst" : "cpu.cfs_burst_us", (int64_t)burst,
			    "cpu.burst");
	if (r == 0 && get_i64(c, "idle", &n))
		r = put_i64(d, "cpu.idle", n, "cpu.idle");
	return r;
}

static int cpu_realtime(const struct cg_dir *d, struct json_object *c)
{
	int64_t n;
	uint64_t u;
	int r = 0;

	if (d->v2)
		return 0; /* no counterpart */
	if (get_u64(c, "realtimePeriod", &u) && u)
		r = put_i64(d, "cpu.rt_period_us", (int64_t)u, "cpu.realtimePeriod");
	if (r == 0 && get_i64(c, "realtimeRuntime", &n) && n)
		r = put_i64(d, "cpu.rt_runtime_us", n, "cpu.realtimeRuntime");
	return r;
}

static int apply_cpu(struct cgroup *cg, struct json_object *c)
{
	static const char *const fields[] = {"shares", "quota",		  "period",	   "burst",
					     "idle",   "realtimeRuntime", "realtimePeriod"};
	static const char *const sets[][2] = {{"cpus", "cpuset.cpus"}, {"mems", "cpuset.mems"}};
	const struct cg_dir *d;
	uint64_t shares = 0;
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		any |= get(c, fields[i]) && json_object_get_int64(get(c, fields[i])) != 0;
	if (any) {
		r = need(cg, "cpu", NULL, "cpu", &d);
		if (r == 0 && get_u64(c, "shares", &shares) && shares)
			r = put_i64(d, d->v2 ? "cpu.weight" : "cpu.shares",
				    d->v2 ? (int64_t)cg_weight_of_shares(shares)
					  : (int64_t)MIN(shares, (uint64_t)INT64_MAX),
				    "cpu.shares");
		if (r == 0)
			r = cpu_bandwidth(d, c);
		if (r == 0)
			r = cpu_realtime(d, c);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sets); i++) {
		struct json_object *v = get(c, sets[i][0]);
		const char *s = v ? json_object_get_string(v) : "";
		char field[32];

		if (!*s)
			continue;
		snprintf(field, sizeof(field), "cpu.%s", sets[i][0]);
		r = need(cg, "cpuset", NULL, field, &d);
		if (r == 0)
			r = put(d, sets[i][1], s, field);
	}
	return r;
}

static int apply_pids(struct cgroup *cg, struct json_object *p)
{
	const struct cg_dir *d;
	int64_t limit;
	int r;

	if (!get_i64(p, "limit", &limit) || limit == 0)
		return 0;
	r = need(cg, "pids", NULL, "pids.limit", &d);
	if (r < 0)
		return r;
	/* max is no number on v1 either; a limit beyond the host's pid space is none */
	return limit < 0 || limit > (1 << 22)
		       ? put(d, "pids.max", "max", "pids.limit")
		       : put_i64(d, "pids.max", cg_host_pids(limit), "pids.limit");
}

/* 10..1000 of v1 -> 1..10000 */
static int64_t io_weight(int64_t weight)
{
	return 1 + (MAX(weight, 10) - 10) * 9999 / 990;
}

static int put_weights(const struct cg_dir *d, struct json_object *io)
{
	bool bfq = has_file(d, d->v2 ? "io.bfq.weight" : "blkio.bfq.weight");
	const char *file = d->v2 ? (bfq ? "io.bfq.weight" : "io.weight")
			   : bfq ? "blkio.bfq.weight"
				 : "blkio.weight";
	struct json_object *list = get(io, "weightDevice");
	int64_t n;
	char text[64], name[64];
	int r = 0;

	if (get_i64(io, "weight", &n) && n)
		r = put_i64(d, file, d->v2 && !bfq ? io_weight(n) : n, "blockIO.weight");
	if (r == 0 && !d->v2 && get_i64(io, "leafWeight", &n) && n)
		r = put_i64(d, "blkio.leaf_weight", n, "blockIO.leafWeight");
	for (size_t i = 0; r == 0 && list && i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		int64_t major = 0, minor = 0;

		get_i64(e, "major", &major);
		get_i64(e, "minor", &minor);
		snprintf(name, sizeof(name), "%s%s", file, d->v2 ? "" : "_device");
		if (get_i64(e, "weight", &n) && n) {
			snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %" PRId64, major,
				 minor, d->v2 && !bfq ? io_weight(n) : n);
			r = put(d, name, text, "blockIO.weightDevice");
		}
		if (r == 0 && !d->v2 && get_i64(e, "leafWeight", &n) && n) {
			snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %" PRId64, major,
				 minor, n);
			r = put(d, "blkio.leaf_weight_device", text, "blockIO.weightDevice");
		}
	}
	return r;
}

static int apply_block_io(struct cgroup *cg, struct json_object *io)
{
	static const char *const throttle[][3] = {
		{"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"},
		{"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"},
		{"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"},
		{"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"},
	};
	const struct cg_dir *d;
	char text[96], field[64];
	int64_t n;
	bool any = (get_i64(io, "weight", &n) && n) || (get_i64(io, "leafWeight", &n) && n) ||
		   (get(io, "weightDevice") && json_object_array_length(get(io, "weightDevice")));
	int r;

	for (size_t t = 0; t < ARRAY_SIZE(throttle); t++)
		any |= get(io, throttle[t][0]) && json_object_array_length(get(io, throttle[t][0]));
	if (!any)
		return 0;
	r = need(cg, "blkio", "io", "blockIO", &d);
	if (r == 0)
		r = put_weights(d, io);
	for (size_t t = 0; r == 0 && t < ARRAY_SIZE(throttle); t++) {
		struct json_object *list = get(io, throttle[t][0]);

		snprintf(field, sizeof(field), "blockIO.%s", throttle[t][0]);
		for (size_t i = 0; r == 0 && list && i < json_object_array_length(list); i++) {
			struct json_object *e = json_object_array_get_idx(list, i);
			int64_t major = 0, minor = 0;
			uint64_t rate = 0;

			get_i64(e, "major", &major);
			get_i64(e, "minor", &minor);
			get_u64(e, "rate", &rate);
			if (!d->v2)
				snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %" PRIu64,
					 major, minor, rate);
			else if (rate)
				snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %s=%" PRIu64,
					 major, minor, throttle[t][2], rate);
			else
				snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %s=max",
					 major, minor, throttle[t][2]);
			r = put(d, d->v2 ? "io.max" : throttle[t][1], text, field);
		}
	}
	return r;
}

static int apply_hugepages(struct cgroup *cg, struct json_object *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && list && i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		const char *size = json_object_get_string(get(e, "pageSize"));
		const struct cg_dir *d;
		uint64_t limit = 0;
		char file[64], text[32];

		get_u64(e, "limit", &limit);
		r = need(cg, "hugetlb", NULL, "hugepageLimits", &d);
		if (r < 0)
			return r;
		snprintf(file, sizeof(file),
			 d->v2 ? "hugetlb.%.16s.max" : "hugetlb.%.16s.limit_in_bytes", size);
		snprintf(text, sizeof(text), "%" PRIu64, limit);
		r = put(d, file, text, "hugepageLimits");
	}
	return r;
}

/* What every container may use, whatever the list says: the standard devices and making nodes. */
static const char *const default_devices[] = {
	"c *:* m",   "b *:* m",	  "c 1:3 rwm", "c 1:5 rwm",   "c 1:7 rwm", "c 1:8 rwm",
	"c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm", NULL,
};

static void device_number(char *out, size_t cap, struct json_object *e, const char *key)
{
	int64_t n = -1;

	if (get_i64(e, key, &n) && n >= 0)
		snprintf(out, cap, "%" PRId64, n);
	else
		snprintf(out, cap, "*");
}

static int apply_devices(struct cgroup *cg, struct json_object *list)
{
	const struct cg_dir *d = cg_find(cg, "devices");
	size_t n = list ? json_object_array_length(list) : 0;
	int r = 0;

	/* v2 would need a BPF program. No process of a sandbox can open a device on the host but
	 * the gofer, and it does so only for devices that were listed: the list is kept inside. */
	if (!n || !d)
		return 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		const char *type = get(e, "type") ? json_object_get_string(get(e, "type")) : "a";
		const char *access =
			get(e, "access") ? json_object_get_string(get(e, "access")) : "rwm";
		bool allow = json_object_get_boolean(get(e, "allow"));
		char major[24], minor[24], rule[96];

		if (*type == 'p')
			continue; /* a FIFO is no device */
		device_number(major, sizeof(major), e, "major");
		device_number(minor, sizeof(minor), e, "minor");
		snprintf(rule, sizeof(rule), "%c %s:%s %.3s",
			 *type == 'u' ? 'c'
			 : *type      ? *type
				      : 'a',
			 major, minor, *access ? access : "rwm");
		r = put(d, allow ? "devices.allow" : "devices.deny", rule[0] == 'a' ? "a" : rule,
			"devices");
	}
	for (const char *const *rule = default_devices; r == 0 && *rule; rule++)
		r = put(d, "devices.allow", *rule, "devices");
	return r;
}

static int apply_network(struct cgroup *cg, struct json_object *net)
{
	struct json_object *list = get(net, "priorities");
	const struct cg_dir *d;
	uint64_t n = 0;
	char text[64];
	int r = 0;

	if (get_u64(net, "classID", &n) && n) {
		r = need(cg, "net_cls", NULL, "network.classID", &d);
		snprintf(text, sizeof(text), "%" PRIu64, n);
		if (r == 0)
			r = put(d, "net_cls.classid", text, "network.classID");
	}
	for (size_t i = 0; r == 0 && list && i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);

		r = need(cg, "net_prio", NULL, "network.priorities", &d);
		get_u64(e, "priority", &n);
		snprintf(text, sizeof(text), "%.15s %" PRIu64,
			 json_object_get_string(get(e, "name")), n);
		if (r == 0)
			r = put(d, "net_prio.ifpriomap", text, "network.priorities");
	}
	return r;
}

static int apply_rdma(struct cgroup *cg, struct json_object *rdma)
{
	const struct cg_dir *d;
	char text[256];

	if (!rdma)
		return 0;
	json_object_object_foreach(rdma, name, e)
	{
		uint64_t handles, objects;
		int n = snprintf(text, sizeof(text), "%.128s", name),
		    r = need(cg, "rdma", NULL, "rdma", &d);

		if (r == 0 && get_u64(e, "hcaHandles", &handles))
			n += snprintf(text + n, sizeof(text) - (size_t)n, " hca_handle=%" PRIu64,
				      handles);
		if (r == 0 && get_u64(e, "hcaObjects", &objects))
			snprintf(text + n, sizeof(text) - (size_t)n, " hca_object=%" PRIu64,
				 objects);
		if (r == 0)
			r = put(d, "rdma.max", text, "rdma");
		if (r < 0)
			return r;
	}
	return 0;
}

static int apply_unified(struct cgroup *cg, struct json_object *unified)
{
	const struct cg_dir *d = cg_find(cg, "");

	if (!unified || !json_object_object_length(unified))
		return 0;
	json_object_object_foreach(unified, file, value)
	{
		char field[128], controller[64];
		int r;

		snprintf(field, sizeof(field), "unified[\"%.100s\"]", file);
		snprintf(controller, sizeof(controller), "%.*s", (int)MIN(strcspn(file, "."), 60ul),
			 file);
		if (!d || (strcmp(controller, "cgroup") && cg_find(cg, controller) != d)) {
			log_error("linux.resources.%s: cannot set: no cgroup v2 controller %s",
				  field, controller);
			return -ENOTSUP;
		}
		r = put(d, file, json_object_get_string(value), field);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_apply(struct cgroup *cg, struct json_object *res)
{
	int r;

	if (!res || (!cg->n && !cg->left_out))
		return 0;
	r = apply_devices(cg, get(res, "devices"));
	if (r == 0)
		r = apply_memory(cg, get(res, "memory"));
	if (r == 0)
		r = apply_cpu(cg, get(res, "cpu"));
	if (r == 0)
		r = apply_pids(cg, get(res, "pids"));
	if (r == 0)
		r = apply_block_io(cg, get(res, "blockIO"));
	if (r == 0)
		r = apply_hugepages(cg, get(res, "hugepageLimits"));
	if (r == 0)
		r = apply_network(cg, get(res, "network"));
	if (r == 0)
		r = apply_rdma(cg, get(res, "rdma"));
	if (r == 0)
		r = apply_unified(cg, get(res, "unified"));
	return r;
}
