/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"

#include <errno.h>
#include "base/log.h"
#include "oci/cgroup.h"
#include "oci/parse.h"

int pass_descriptors(struct create_opts *o, struct oci_process *process)
{
	int n = listen_fds(), r;

	o->preserve_fds += n;
	r = check_preserved(o->preserve_fds);
	return r < 0 ? r : add_listen_env(&process->env, n);
}

int cmd_create(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	struct create_opts o = {.bundle = ".", .tty_fd = -1};
	_cleanup_(oci_spec_freep) struct oci_spec *spec = NULL;
	const char *config = "config.json";
	const struct opt opts[] = {
		{"bundle", 'b', OPT_STRING, &o.bundle, "DIR",
		 "the bundle (default: the working directory)"},
		{"config", 'f', OPT_STRING, &config, "FILE", "instead of the bundle's config.json"},
		{"console-socket", 0, OPT_STRING, &o.console_socket, "PATH",
		 "unix socket that receives the terminal's master"},
		{"pid-file", 0, OPT_STRING, &o.pid_file, "FILE",
		 "write the container's process id to FILE"},
		{"preserve-fds", 0, OPT_INT, &o.preserve_fds, "N",
		 "pass N more descriptors, from 3 on"},
		{"no-pivot", 0, OPT_BOOL, &o.no_pivot, NULL,
		 "accepted: the guest's root is no host root"},
		{"no-new-keyring", 0, OPT_BOOL, &o.no_new_keyring, NULL,
		 "accepted: the guest has no host keyring"},
		{"pidfd-socket", 0, OPT_IGNORED, NULL, "PATH", NULL},
		{NULL},
	};
	int r = command_args(cmd, opts, true, 1, 1, &argc, &argv);

	if (r >= 0)
		return r;
	o.id = argv[0];
	if (check_id(o.id) < 0 || cgroup_check_manager(rt) < 0 ||
	    oci_spec_load_file(o.bundle, config, &spec) < 0)
		return EXIT_FAIL;
	o.bundle = spec->bundle;
	o.rows = spec->process.console_height;
	o.columns = spec->process.console_width;
	if (spec->process.terminal && !o.console_socket) {
		log_error("process.terminal: true: cannot allocate tty if nacre will detach "
			  "without setting console socket");
		return EXIT_FAIL;
	}
	if (!spec->process.terminal && o.console_socket) {
		log_error("--console-socket %s: process.terminal is false: cannot use console "
			  "socket if nacre will not "
			  "detach or allocate tty",
			  o.console_socket);
		return EXIT_FAIL;
	}
	if (pass_descriptors(&o, &spec->process) < 0 || container_create(rt, &o, spec) < 0)
		return EXIT_FAIL;
	return 0;
}
