/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that engines know and that nacre does not have yet. */
#include "base/log.h"
#include "cli/cli.h"

int cmd_unsupported(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	const struct opt opts[] = {{NULL}};

	if (argc > 1 && (argv[1][0] == '-' &&
			 (argv[1][1] == 'h' || (argv[1][1] == '-' && argv[1][2] == 'h')))) {
		command_help(cmd, opts);
		return 0;
	}
	log_error("%s: not supported yet", cmd->name);
	return EXIT_FAIL;
}
