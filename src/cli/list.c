/* SPDX-License-Identifier: Apache-2.0 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/json.h"

/* The owner's name from /etc/passwd itself (a static program has no name services), else "#UID". */
static void owner_name(uid_t uid, char *out, size_t cap)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	while (f && (p = fgetpwent(f)))
		if (p->pw_uid == uid) {
			snprintf(out, cap, "%s", p->pw_name);
			return;
		}
	snprintf(out, cap, "#%u", uid);
}

/* Columns as wide as their widest cell, three blanks apart. */
static void print_table(struct container_info **v, size_t n)
{
	static const char *const heads[] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};
	char pid[16], owner[64];
	size_t width[6];

	for (size_t c = 0; c < 6; c++)
		width[c] = MAX(strlen(heads[c]), 9ul);
	for (int print = 0; print < 2; print++) {
		for (size_t i = 0; i < n + (size_t)print; i++) {
			const char *cell[6];
			struct container_info *e = print ? (i ? v[i - 1] : NULL) : v[i];

			if (e) {
				snprintf(pid, sizeof(pid), "%d", e->pid);
				owner_name(e->owner, owner, sizeof(owner));
				memcpy(cell,
				       (const char *[]){e->id, pid, e->status, e->bundle,
							e->created, owner},
				       sizeof(cell));
			} else {
				memcpy(cell, heads, sizeof(cell));
			}
			for (size_t c = 0; c < 6; c++) {
				if (print)
					printf("%-*s%s", c < 5 ? (int)width[c] : 0, cell[c],
					       c < 5 ? "   " : "\n");
				else
					width[c] = MAX(width[c], strlen(cell[c]));
			}
		}
	}
}

static void print_json(struct container_info **v, size_t n)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_tokener_parse(v[i]->state_json);

		if (o)
			json_object_array_add(a, o);
	}
	/* an empty list is null, as runc prints it and its callers expect */
	printf("%s\n",
	       n ? json_object_to_json_string_ext(a, JSON_C_TO_STRING_NOSLASHESCAPE) : "null");
	json_object_put(a);
}

int cmd_list(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	const char *format = "table";
	bool quiet = false;
	const struct opt opts[] = {
		{"format", 'f', OPT_STRING, &format, "FORMAT", "table (default) or json"},
		{"quiet", 'q', OPT_BOOL, &quiet, NULL, "ids only"},
		{NULL},
	};
	struct container_info **v = NULL;
	size_t n = 0;
	int r = command_args(cmd, opts, true, 0, 0, &argc, &argv);

	if (r >= 0)
		return r;
	if (strcmp(format, "table") && strcmp(format, "json")) {
		log_error("--format: invalid format option \"%s\"", format);
		return EXIT_FAIL;
	}
	if (container_list(rt, &v, &n) < 0)
		return EXIT_FAIL;
	if (quiet)
		for (size_t i = 0; i < n; i++)
			printf("%s\n", v[i]->id);
	else if (!strcmp(format, "json"))
		print_json(v, n);
	else
		print_table(v, n);
	for (size_t i = 0; i < n; i++)
		container_info_free(v[i]);
	free(v);
	return fflush(stdout) ? EXIT_FAIL : 0;
}
