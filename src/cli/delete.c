/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

int cmd_delete(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	bool force = false;
	const struct opt opts[] = {
		{"force", 'f', OPT_BOOL, &force, NULL,
		 "kill the container if it lives; a missing one is no error"},
		{NULL},
	};
	int r = command_args(cmd, opts, true, 1, 1, &argc, &argv);

	if (r >= 0)
		return r;
	return check_id(argv[0]) < 0 || container_delete(rt, argv[0], force) < 0 ? EXIT_FAIL : 0;
}
