/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/opts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/json.h"

static bool takes_value(const struct opt *o)
{
	return o->kind == OPT_STRING || o->kind == OPT_INT || o->kind == OPT_LIST ||
	       o->kind == OPT_IGNORED;
}

/* By long name or, for one letter, by that. */
static const struct opt *find(const struct opt *opts, const char *name, size_t n)
{
	for (; opts->name; opts++)
		if ((strlen(opts->name) == n && !strncmp(opts->name, name, n)) ||
		    (n == 1 && opts->letter == *name))
			return opts;
	return NULL;
}

static int set_bool(const struct opt *o, const char *value)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!value || !strcmp(value, yes[i]) || !strcmp(value, no[i])) {
			if (o->value)
				*(bool *)o->value = !value || !strcmp(value, yes[i]);
			return 0;
		}
	}
	log_error("--%s: \"%s\" is neither true nor false", o->name, value);
	return -EINVAL;
}

static int set_int(const struct opt *o, const char *value)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (end == value || *end || errno || n < 0 || n > INT_MAX) {
		log_error("--%s: \"%s\" is not a number from 0 to %d", o->name, value, INT_MAX);
		return -EINVAL;
	}
	*(int *)o->value = (int)n;
	return 0;
}

static int set(const struct opt *o, const char *value)
{
	switch (o->kind) {
	case OPT_BOOL:
	case OPT_IGNORED_BOOL:
		return set_bool(o, value);
	case OPT_INT:
		return set_int(o, value);
	case OPT_LIST:
		return str_list_add(o->value, value);
	case OPT_STRING:
		*(const char **)o->value = value;
		return 0;
	case OPT_OPTIONAL:
		*(const char **)o->value = value ?: "";
		return 0;
	case OPT_IGNORED:
		return 0;
	}
	return -EINVAL;
}

/* -it: short booleans joined. */
static int set_joined(const struct opt *opts, const char *letters)
{
	for (const char *p = letters; *p; p++) {
		const struct opt *o = find(opts, p, 1);

		if (!o || takes_value(o))
			return -ENOENT;
	}
	for (; *letters; letters++)
		if (set(find(opts, letters, 1), NULL) < 0)
			return -EINVAL;
	return 0;
}

/* One argument that begins with '-'; next: the one after it, used_next: whether it was the value.
 */
static int parse_one(const struct command *cmd, const struct opt *opts, const char *arg,
		     const char *next, bool *used_next)
{
	const char *name = arg + 1 + (arg[1] == '-'), *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const struct opt *o = find(opts, name, n);
	int r;

	*used_next = false;
	if (!o && !eq && arg[1] != '-' && n > 1) {
		r = set_joined(opts, name);
		if (r != -ENOENT)
			return r;
	}
	if (!o && ((n == 4 && !strncmp(name, "help", n)) || (n == 1 && *name == 'h'))) {
		command_help(cmd, opts);
		return OPTS_HELP;
	}
	if (!o) {
		log_error("flag provided but not defined: %.*s (see nacre %s%s--help)",
			  (int)(n + (size_t)(name - arg)), arg, cmd ? cmd->name : "",
			  cmd ? " " : "");
		return -EINVAL;
	}
	if (!takes_value(o))
		return set(o, eq ? eq + 1 : NULL);
	if (!eq && !next) {
		log_error("flag needs an argument: --%s", o->name);
		return -EINVAL;
	}
	*used_next = !eq;
	return set(o, eq ? eq + 1 : next);
}

int opts_parse(const struct command *cmd, const struct opt *opts, bool permute, int *argc,
	       char ***argv)
{
	char **v = *argv;
	int n = *argc, others = 1, i;

	for (i = 1; i < n; i++) {
		bool used_next;
		int r;

		if (v[i][0] != '-' || !v[i][1]) {
			if (!permute)
				break;
			v[others++] = v[i];
			continue;
		}
		if (!strcmp(v[i], "--")) {
			i++;
			break;
		}
		r = parse_one(cmd, opts, v[i], i + 1 < n ? v[i + 1] : NULL, &used_next);
		if (r)
			return r;
		i += used_next;
	}
	while (i < n)
		v[others++] = v[i++];
	v[others] = NULL;
	*argc = others - 1;
	*argv = v + 1;
	return 0;
}

void opts_print(const struct opt *opts)
{
	for (; opts->name; opts++) {
		char left[80];
		int n;

		n = snprintf(left, sizeof(left), "  %c%c%c --%s", opts->letter ? '-' : ' ',
			     opts->letter ?: ' ', opts->letter ? ',' : ' ', opts->name);
		if (opts->kind == OPT_OPTIONAL)
			snprintf(left + n, sizeof(left) - (size_t)n, "[=%s]", opts->arg ?: "VALUE");
		else if (takes_value(opts))
			snprintf(left + n, sizeof(left) - (size_t)n, " %s", opts->arg ?: "VALUE");
		printf("%-34s %s\n", left, opts->help ?: "accepted, without effect");
	}
}
