/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

int cmd_start(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	const struct opt opts[] = {{NULL}};
	int r = command_args(cmd, opts, true, 1, 1, &argc, &argv);

	if (r >= 0)
		return r;
	return check_id(argv[0]) < 0 || container_start(rt, argv[0]) < 0 ? EXIT_FAIL : 0;
}
