/* SPDX-License-Identifier: Apache-2.0 */
/* events */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "cli/cli.h"

/* A duration as Go writes it ("5s", "1m30s", "250ms"), in milliseconds; -1: it is none, or not above 0. */
static int64_t duration_ms(const char *s)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}};
	double sum = 0;

	if (!*s)
		return -1;
	while (*s) {
		char *end;
		double n = strtod(s, &end);
		size_t len = strcspn(end, "0123456789."), i;

		if (end == s || n < 0)
			return -1;
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].unit) == len && !strncmp(end, units[i].unit, len))
				break;
		if (i == ARRAY_SIZE(units))
			return -1;
		sum += n * units[i].ms;
		s = end + len;
	}
	return sum <= 0 || sum > 1e12 ? -1 : sum < 1 ? 1 : (int64_t)sum;
}

static int print(const char *type, const char *id, struct json_object *data)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "type", json_object_new_string(type));
	json_object_object_add(o, "id", json_object_new_string(id));
	if (data)
		json_object_object_add(o, "data", data);
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return fflush(stdout) ? -errno : 0;
}

static int print_stats(struct container_monitor *m, const char *id)
{
	struct json_object *stats = container_monitor_stats(m);

	return stats ? print("stats", id, stats) : -EIO;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int watch(struct container_monitor *m, const char *id, int64_t interval)
{
	int64_t next = now_ms() + interval;
	int r;

	for (;;) {
		int64_t now = now_ms();

		r = container_monitor_wait(m, next > now ? next - now : 0);
		if (r < 0 || r == MONITOR_END)
			return r < 0 ? log_errno(r, "events") : 0;
		if (r == MONITOR_OOM) {
			r = print("oom", id, NULL);
		} else if (now_ms() >= next) {
			r = print_stats(m, id);
			next += interval;
			/* A container that has just ended answers no more. */
			if (r < 0 && container_monitor_wait(m, 0) == MONITOR_END)
				return 0;
		} else {
			r = 0;
		}
		if (r < 0)
			return r;
	}
}

int cmd_events(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	const char *interval = "5s";
	bool once = false;
	const struct opt opts[] = {
		{"interval", 0, OPT_STRING, &interval, "DURATION", "time between two lines (default 5s)"},
		{"stats", 0, OPT_BOOL, &once, NULL, "print what is used now, and end"},
		{NULL},
	};
	struct container_monitor *m = NULL;
	int64_t ms;
	int r = command_args(cmd, opts, true, 1, 1, &argc, &argv);

	if (r >= 0)
		return r;
	ms = duration_ms(interval);
	if (ms < 0) {
		log_error("--interval: \"%s\": duration interval must be greater than 0, such as 5s or 250ms", interval);
		return EXIT_FAIL;
	}
	if (check_id(argv[0]) < 0 || container_monitor_open(rt, argv[0], &m) < 0)
		return EXIT_FAIL;
	r = once ? print_stats(m, argv[0]) : watch(m, argv[0], ms);
	container_monitor_close(m);
	return r < 0 ? EXIT_FAIL : 0;
}
