/* SPDX-License-Identifier: Apache-2.0 */
/* update */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/json.h"

enum kind { NUMBER, SIGNED, SIZE, TEXT };
/* An option and where its value stands in linux.resources. */
struct limit {
	const char *option, *group, *key;
	enum kind kind;
	const char *help;
	const char *value; /* given */
};

/* "512m" in bytes, also "1.5g", "64KiB" and "-1". False: it is none. */
static bool parse_size(const char *s, int64_t *ret)
{
	static const char units[] = "kmgtp";
	char *end;
	double n, factor = 1;
	const char *u;

	if (!strcmp(s, "-1")) {
		*ret = -1;
		return true;
	}
	if (!strchr("0123456789", *s) || !*s || strspn(s, "0123456789.") == 0)
		return false;
	n = strtod(s, &end);
	end += *end == ' ';
	u = *end ? strchr(units, *end | 0x20) : NULL;
	if (u) {
		for (const char *p = units; p <= u; p++)
			factor *= 1024;
		end++;
		end += *end == 'i' || *end == 'I';
	}
	end += *end == 'b' || *end == 'B';
	if (*end || n * factor >= 9.2e18)
		return false;
	*ret = (int64_t)(n * factor);
	return true;
}

static struct json_object *parse(const struct limit *l)
{
	int64_t n;
	uint64_t u;
	char *end;

	errno = 0;
	switch (l->kind) {
	case TEXT:
		return json_object_new_string(l->value);
	case SIZE:
		return parse_size(l->value, &n) ? json_object_new_int64(n) : NULL;
	case SIGNED:
		n = strtoll(l->value, &end, 10);
		return *l->value && !*end && !errno ? json_object_new_int64(n) : NULL;
	case NUMBER:
		u = strtoull(l->value, &end, 10);
		return strchr("0123456789", *l->value) && *l->value && !*end && !errno ? json_object_new_uint64(u) : NULL;
	}
	return NULL;
}

/* The options given, as an object like linux.resources. */
static int gather(const struct limit *l, struct json_object **ret)
{
	struct json_object *o = json_object_new_object(), *group, *v;

	*ret = o;
	for (; l->option; l++) {
		if (!l->value || !*l->value)
			continue;
		v = parse(l);
		if (!v) {
			log_error("invalid value for %s: \"%s\"", l->option, l->value);
			return -EINVAL;
		}
		if (!json_object_object_get_ex(o, l->group, &group)) {
			group = json_object_new_object();
			json_object_object_add(o, l->group, group);
		}
		json_object_object_add(group, l->key, v);
	}
	return 0;
}

/* Memory without a limit has swap without one, unless that is given. */
static void pair_swap(struct json_object *o)
{
	struct json_object *m, *limit, *swap;

	if (json_object_object_get_ex(o, "memory", &m) && json_object_object_get_ex(m, "limit", &limit) &&
	    json_object_get_int64(limit) == -1 && !json_object_object_get_ex(m, "swap", &swap))
		json_object_object_add(m, "swap", json_object_new_int64(-1));
}

static int update(const struct runtime_opts *rt, const char *id, const char *file, const struct limit *l)
{
	_cleanup_(json_object_putp) struct json_object *o = NULL;
	int r = file ? json_read_file(file, "resources", &o) : gather(l, &o);

	if (r < 0)
		return r;
	pair_swap(o);
	return container_update(rt, id, o);
}

int cmd_update(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	struct limit limits[] = {
		{"blkio-weight", "blockIO", "weight", NUMBER, "share of disks, 10 to 1000"},
		{"cpu-period", "cpu", "period", NUMBER, "CFS period in microseconds"},
		{"cpu-quota", "cpu", "quota", SIGNED, "CPU time in a period, in microseconds"},
		{"cpu-burst", "cpu", "burst", NUMBER, "CPU time that may be saved up, in microseconds"},
		{"cpu-share", "cpu", "shares", NUMBER, "share of CPUs"},
		{"cpu-rt-period", "cpu", "realtimePeriod", NUMBER, "realtime period in microseconds (v1)"},
		{"cpu-rt-runtime", "cpu", "realtimeRuntime", SIGNED, "realtime CPU time in a period (v1)"},
		{"cpuset-cpus", "cpu", "cpus", TEXT, "CPUs to run on, such as 0-3,7"},
		{"cpuset-mems", "cpu", "mems", TEXT, "memory nodes to use"},
		{"cpu-idle", "cpu", "idle", SIGNED, "1: run only when nobody else would"},
		{"kernel-memory", "memory", "kernel", SIZE, "accepted, without effect"},
		{"kernel-memory-tcp", "memory", "kernelTCP", SIZE, "TCP buffers (v1)"},
		{"memory", "memory", "limit", SIZE, "memory, -1: no limit"},
		{"memory-reservation", "memory", "reservation", SIZE, "memory to be kept when it is short"},
		{"memory-swap", "memory", "swap", SIZE, "memory and swap together, -1: no limit"},
		{"pids-limit", "pids", "limit", SIGNED, "processes and threads, -1: no limit"},
		{NULL},
	};
	const char *file = NULL, *l3 = NULL, *bandwidth = NULL;
	struct opt opts[ARRAY_SIZE(limits) + 3] = {{"resources", 'r', OPT_STRING, &file, "FILE", "all limits as JSON; \"-\": standard input"},
						   {"l3-cache-schema", 0, OPT_STRING, &l3, "SCHEMA", "not supported"},
						   {"mem-bw-schema", 0, OPT_STRING, &bandwidth, "SCHEMA", "not supported"}};
	int r;

	for (size_t i = 0; limits[i].option; i++)
		opts[i + 3] = (struct opt){limits[i].option, 0, OPT_STRING, &limits[i].value, limits[i].kind == SIZE ? "SIZE" : limits[i].kind == TEXT ? "LIST" : "N",
					   limits[i].help};
	r = command_args(cmd, opts, true, 1, 1, &argc, &argv);
	if (r >= 0)
		return r;
	if (l3 || bandwidth) {
		log_error("--%s: Intel RDT is not supported", l3 ? "l3-cache-schema" : "mem-bw-schema");
		return EXIT_FAIL;
	}
	return check_id(argv[0]) < 0 || update(rt, argv[0], file, limits) < 0 ? EXIT_FAIL : 0;
}
