/* SPDX-License-Identifier: Apache-2.0 */
/* pause and resume */
#include "cli/cli.h"

static int freeze(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv,
		  bool pause)
{
	const struct opt opts[] = {{NULL}};
	int r = command_args(cmd, opts, true, 1, 1, &argc, &argv);

	if (r >= 0)
		return r;
	return check_id(argv[0]) < 0 || container_pause(rt, argv[0], pause) < 0 ? EXIT_FAIL : 0;
}

int cmd_pause(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	return freeze(cmd, rt, argc, argv, true);
}

int cmd_resume(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	return freeze(cmd, rt, argc, argv, false);
}
