/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources: types and ranges, so that cgroup_apply reads a checked document. */
#include "oci/parse_priv.h"

#include "oci/parse.h"

#include <ctype.h>
#include <string.h>

static int check_ints(const struct jval *v, const char *const *names, int64_t min, int64_t max)
{
	int64_t n;
	int r = 0;

	for (; r == 0 && *names; names++)
		r = jval_int(v, *names, min, max, false, &n, NULL);
	return r;
}

static int check_memory(const struct jval *res)
{
	static const char *const sizes[] = {"limit", "reservation", "kernel", "kernelTCP", NULL};
	struct jval m, f;
	int64_t limit = 0, swap = 0, n;
	bool b;
	int r = jval_object(res, "memory", false, &m);

	if (r < 0 || !m.o)
		return r;
	r = check_ints(&m, sizes, -1, INT64_MAX);
	if (r == 0)
		r = jval_int(&m, "limit", -1, INT64_MAX, false, &limit, NULL);
	if (r == 0)
		r = jval_int(&m, "swap", -1, INT64_MAX, false, &swap, NULL);
	if (r == 0)
		r = jval_int(&m, "swappiness", 0, 200, false, &n, NULL);
	if (r == 0)
		r = jval_bool(&m, "disableOOMKiller", &b);
	if (r == 0)
		r = jval_bool(&m, "useHierarchy", &b);
	if (r == 0)
		r = jval_bool(&m, "checkBeforeUpdate", &b);
	f = jval_get(&m, "swap");
	if (r == 0 && swap > 0 && limit > 0 && swap < limit)
		return jval_error(&f, "memory and swap together are below the memory limit %lld",
				  (long long)limit);
	if (r == 0 && swap > 0 && limit <= 0)
		return jval_error(&f, "is set without a memory limit");
	return r;
}

/* "0-3,7": numbers, commas and hyphens */
static int check_cpu_list(const struct jval *v, const char *key)
{
	struct jval f = jval_get(v, key);
	const char *s;
	int r;

	if (!f.o)
		return 0;
	r = jval_as_string(&f, &s);
	if (r == 0 && s[strspn(s, "0123456789,- \n")])
		return jval_error(&f, "is not a list of numbers");
	return r;
}

static int check_cpu(const struct jval *res)
{
	struct jval c, f;
	uint64_t n, burst = 0;
	int64_t quota = 0, i;
	int r = jval_object(res, "cpu", false, &c);

	if (r < 0 || !c.o)
		return r;
	r = jval_uint(&c, "shares", UINT64_MAX, false, &n, NULL);
	if (r == 0)
		r = jval_int(&c, "quota", INT64_MIN, INT64_MAX, false, &quota, NULL);
	if (r == 0)
		r = jval_uint(&c, "burst", UINT64_MAX, false, &burst, NULL);
	if (r == 0)
		r = jval_uint(&c, "period", UINT64_MAX, false, &n, NULL);
	if (r == 0)
		r = jval_int(&c, "realtimeRuntime", INT64_MIN, INT64_MAX, false, &i, NULL);
	if (r == 0)
		r = jval_uint(&c, "realtimePeriod", UINT64_MAX, false, &n, NULL);
	if (r == 0)
		r = jval_int(&c, "idle", 0, 1, false, &i, NULL);
	if (r == 0)
		r = check_cpu_list(&c, "cpus");
	if (r == 0)
		r = check_cpu_list(&c, "mems");
	if (r == 0 && burst && quota > 0 && burst > (uint64_t)quota) {
		f = jval_get(&c, "burst");
		return jval_error(&f, "is above the quota %lld", (long long)quota);
	}
	return r;
}

static int check_weight_devices(const struct jval *io)
{
	struct jval a;
	int64_t n;
	int r = jval_array(io, "weightDevice", false, &a);

	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i);

		if (!json_object_is_type(v.o, json_type_object))
			return jval_error(&v, "is not an object");
		r = jval_int(&v, "major", 0, UINT32_MAX, true, &n, NULL);
		if (r == 0)
			r = jval_int(&v, "minor", 0, UINT32_MAX, true, &n, NULL);
		if (r == 0)
			r = jval_int(&v, "weight", 0, 1000, false, &n, NULL);
		if (r == 0)
			r = jval_int(&v, "leafWeight", 0, 1000, false, &n, NULL);
	}
	return r;
}

static int check_block_io(const struct jval *res)
{
	static const char *const throttles[] = {"throttleReadBpsDevice", "throttleWriteBpsDevice",
						"throttleReadIOPSDevice",
						"throttleWriteIOPSDevice"};
	static const char *const weights[] = {"weight", "leafWeight", NULL};
	struct jval io;
	int r = jval_object(res, "blockIO", false, &io);

	if (r < 0 || !io.o)
		return r;
	r = check_ints(&io, weights, 0, 1000);
	if (r == 0)
		r = check_weight_devices(&io);
	for (size_t t = 0; r == 0 && t < ARRAY_SIZE(throttles); t++) {
		struct jval a;

		r = jval_array(&io, throttles[t], false, &a);
		for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
			struct jval v = jval_at(&a, i);
			int64_t n;
			uint64_t rate;

			if (!json_object_is_type(v.o, json_type_object))
				return jval_error(&v, "is not an object");
			r = jval_int(&v, "major", 0, UINT32_MAX, true, &n, NULL);
			if (r == 0)
				r = jval_int(&v, "minor", 0, UINT32_MAX, true, &n, NULL);
			if (r == 0)
				r = jval_uint(&v, "rate", UINT64_MAX, true, &rate, NULL);
		}
	}
	return r;
}

static int check_devices(const struct jval *res)
{
	struct jval a;
	int r = jval_array(res, "devices", false, &a);

	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i), allow = jval_get(&v, "allow"), f;
		_cleanup_free_ char *type = NULL, *access = NULL;
		bool b = false;
		int64_t n;

		if (!json_object_is_type(v.o, json_type_object))
			return jval_error(&v, "is not an object");
		if (!allow.o)
			return jval_error(&allow, "is required");
		r = jval_bool(&v, "allow", &b);
		if (r == 0)
			r = jval_string(&v, "type", false, &type);
		if (r == 0)
			r = jval_string(&v, "access", false, &access);
		if (r == 0)
			r = jval_int(&v, "major", -1, UINT32_MAX, false, &n, NULL);
		if (r == 0)
			r = jval_int(&v, "minor", -1, UINT32_MAX, false, &n, NULL);
		f = jval_get(&v, "type");
		if (r == 0 && type && *type && (strlen(type) != 1 || !strchr("abcpu", *type)))
			return jval_error(&f, "is none of a, b, c, p, u");
		f = jval_get(&v, "access");
		if (r == 0 && access && access[strspn(access, "rwm")])
			return jval_error(&f, "has other letters than r, w, m");
	}
	return r;
}

static int check_hugepages(const struct jval *res)
{
	struct jval a;
	int r = jval_array(res, "hugepageLimits", false, &a);

	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i), f = jval_get(&v, "pageSize");
		_cleanup_free_ char *size = NULL;
		uint64_t n;
		size_t digits;

		if (!json_object_is_type(v.o, json_type_object))
			return jval_error(&v, "is not an object");
		r = jval_string(&v, "pageSize", true, &size);
		if (r < 0)
			return r;
		digits = strspn(size, "0123456789");
		if (!digits || digits > 9 || size[0] == '0' ||
		    (strcmp(size + digits, "KB") && strcmp(size + digits, "MB") &&
		     strcmp(size + digits, "GB")))
			return jval_error(&f, "is not a page size like 2MB");
		r = jval_uint(&v, "limit", UINT64_MAX, true, &n, NULL);
	}
	return r;
}

static int check_network(const struct jval *res)
{
	struct jval net, a;
	uint64_t n;
	int r = jval_object(res, "network", false, &net);

	if (r < 0 || !net.o)
		return r;
	r = jval_uint(&net, "classID", UINT32_MAX, false, &n, NULL);
	if (r == 0)
		r = jval_array(&net, "priorities", false, &a);
	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i), f = jval_get(&v, "name");
		_cleanup_free_ char *name = NULL;

		if (!json_object_is_type(v.o, json_type_object))
			return jval_error(&v, "is not an object");
		r = jval_string(&v, "name", true, &name);
		if (r == 0 && (strlen(name) > 15 || strpbrk(name, "/ \t\n")))
			return jval_error(&f, "is not the name of an interface");
		if (r == 0)
			r = jval_uint(&v, "priority", UINT32_MAX, true, &n, NULL);
	}
	return r;
}

static int check_rdma(const struct jval *res)
{
	struct jval rdma;
	int r = jval_object(res, "rdma", false, &rdma);

	if (r < 0 || !rdma.o)
		return r;
	json_object_object_foreach(rdma.o, name, unused)
	{
		struct jval v = jval_get(&rdma, name);
		static const char *const fields[] = {"hcaHandles", "hcaObjects", NULL};

		(void)unused;
		if (!json_object_is_type(v.o, json_type_object))
			return jval_error(&v, "is not an object");
		if (!*name || strpbrk(name, " \t\n"))
			return jval_error(&v, "is not the name of a device");
		r = check_ints(&v, fields, 0, UINT32_MAX);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_unified(const struct jval *res)
{
	struct jval u;
	int r = jval_object(res, "unified", false, &u);

	if (r < 0 || !u.o)
		return r;
	json_object_object_foreach(u.o, name, unused)
	{
		struct jval v = jval_get(&u, name);
		const char *s;

		(void)unused;
		if (!strchr(name, '.') || name[0] == '.' || strchr(name, '/'))
			return jval_error(&v, "is not a cgroup file name");
		/* These move, kill or restructure: no limit is set by them. */
		if (!strncmp(name, "cgroup.", 7) && strcmp(name, "cgroup.max.depth") &&
		    strcmp(name, "cgroup.max.descendants"))
			return jval_error(&v, "may not be set");
		r = jval_as_string(&v, &s);
		if (r < 0)
			return r;
	}
	return 0;
}

int check_resources(const struct jval *v)
{
	struct jval pids;
	int64_t n;
	int r = check_memory(v);

	if (r == 0)
		r = check_cpu(v);
	if (r == 0)
		r = jval_object(v, "pids", false, &pids);
	if (r == 0)
		r = jval_int(&pids, "limit", -1, INT64_MAX, false, &n, NULL);
	if (r == 0)
		r = check_block_io(v);
	if (r == 0)
		r = check_devices(v);
	if (r == 0)
		r = check_hugepages(v);
	if (r == 0)
		r = check_network(v);
	if (r == 0)
		r = check_rdma(v);
	if (r == 0)
		r = check_unified(v);
	return r;
}

int oci_resources_check(struct json_object *res, const char *name)
{
	const struct jval v = JVAL_ROOT(res, name);

	if (!json_object_is_type(res, json_type_object))
		return jval_error(&v, "is not an object");
	return check_resources(&v);
}
