/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/template.h"

static int write_spec(const char *dir, struct json_object *doc)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	FILE *f;
	int r;

	if (asprintf(&path, "%s/config.json", dir) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST) {
		log_error("File %s exists. Remove it first", path);
		return -EEXIST;
	}
	if (fd < 0)
		return log_errno(-errno, "%s", path);
	f = fdopen(fd, "w");
	if (!f)
		return log_errno(-errno, "%s", path);
	TAKE_FD(fd);
	r = fprintf(f, "%s\n",
		    json_object_to_json_string_ext(
			    doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)) < 0;
	if ((fclose(f) != 0) | r) {
		r = -errno;
		unlink(path); /* half a document is worse than none */
		return log_errno(r, "%s", path);
	}
	return 0;
}

int cmd_spec(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	_cleanup_(json_object_putp) struct json_object *doc = NULL;
	const char *bundle = ".";
	bool rootless = false;
	const struct opt opts[] = {
		{"bundle", 'b', OPT_STRING, &bundle, "DIR",
		 "where to write it (default: the working directory)"},
		{"rootless", 0, OPT_BOOL, &rootless, NULL, "for a caller without root"},
		{NULL},
	};
	int r = command_args(cmd, opts, true, 0, 0, &argc, &argv);

	if (r >= 0)
		return r;
	doc = oci_spec_template(rootless);
	return !doc || write_spec(bundle, doc) < 0 ? EXIT_FAIL : 0;
}
