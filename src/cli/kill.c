/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include "base/log.h"
#include "cli/cli.h"

int cmd_kill(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	bool all = false;
	const struct opt opts[] = {
		{"all", 'a', OPT_BOOL, &all, NULL, "send it to all processes of the container"},
		{NULL},
	};
	int r = command_args(cmd, opts, true, 1, 2, &argc, &argv), sig = SIGTERM;

	if (r >= 0)
		return r;
	if (check_id(argv[0]) < 0)
		return EXIT_FAIL;
	if (argc > 1)
		sig = signal_by_name(argv[1]);
	if (sig < 0) {
		log_error("unknown signal \"%s\"", argv[1]);
		return EXIT_FAIL;
	}
	return container_signal(rt, argv[0], sig, all) < 0 ? EXIT_FAIL : 0;
}
