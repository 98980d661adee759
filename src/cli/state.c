/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "cli/cli.h"

int cmd_state(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	const struct opt opts[] = {{NULL}};
	struct container_info *info = NULL;
	int r = command_args(cmd, opts, true, 1, 1, &argc, &argv);

	if (r >= 0)
		return r;
	if (check_id(argv[0]) < 0 || container_state(rt, argv[0], &info) < 0)
		return EXIT_FAIL;
	r = printf("%s\n", info->state_json) < 0 || fflush(stdout) ? EXIT_FAIL : 0;
	container_info_free(info);
	return r;
}
