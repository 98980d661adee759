/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "cli/cli.h"
#include "cli/version.h"
#include "oci/template.h"

int cmd_features(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	_cleanup_(json_object_putp) struct json_object *doc = NULL;
	const struct opt opts[] = {{NULL}};
	int r = command_args(cmd, opts, true, 0, 0, &argc, &argv);

	if (r >= 0)
		return r;
	doc = oci_features(NACRE_VERSION);
	printf("%s\n", json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	return fflush(stdout) ? EXIT_FAIL : 0;
}
