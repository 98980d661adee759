/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/log.h"
#include "cli/console.h"
#include "cli/create.h"
#include "oci/cgroup.h"
#include "oci/parse.h"

int run_foreground(const struct runtime_opts *rt, struct create_opts *o,
		   const struct oci_spec *spec, bool keep)
{
	const struct oci_process *p = &spec->process;
	int status = 0, program_error = 0, code = EXIT_FAIL, r;
	struct console console;

	if (console_init(&console, rt, o->id, NULL, p->terminal && !o->console_socket,
			 p->console_height, p->console_width) < 0)
		return EXIT_FAIL;
	o->foreground = true;
	o->tty_fd = console.slave;
	o->rows = console.rows;
	o->columns = console.columns;
	o->ret_program_error = &program_error;
	r = container_create(rt, o, spec);
	if (r < 0) {
		console_done(&console);
		return program_error ?: EXIT_FAIL;
	}
	console_hold_signals(&console);
	r = console_start(&console);
	if (r == 0)
		r = container_start(rt, o->id);
	log_phase("started");
	if (r == 0)
		r = container_wait(rt, o->id, &status);
	log_phase("ended");
	if (r == 0)
		code = exit_code(status);
	console_done(&console);
	if (!keep && container_delete(rt, o->id, true) < 0 && code == 0)
		code = EXIT_FAIL;
	log_phase("deleted");
	return code;
}

static int run_detached(const struct runtime_opts *rt, struct create_opts *o,
			const struct oci_spec *spec)
{
	int program_error = 0;

	o->ret_program_error = &program_error;
	if (container_create(rt, o, spec) < 0)
		return program_error ?: EXIT_FAIL;
	if (container_start(rt, o->id) == 0)
		return 0;
	(void)!container_delete(rt, o->id, true);
	return EXIT_FAIL;
}

int cmd_run(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	struct create_opts o = {.bundle = ".", .tty_fd = -1};
	_cleanup_(oci_spec_freep) struct oci_spec *spec = NULL;
	const char *config = "config.json";
	bool detach = false, keep = false;
	const struct opt opts[] = {
		{"bundle", 'b', OPT_STRING, &o.bundle, "DIR",
		 "the bundle (default: the working directory)"},
		{"config", 'f', OPT_STRING, &config, "FILE", "instead of the bundle's config.json"},
		{"console-socket", 0, OPT_STRING, &o.console_socket, "PATH",
		 "unix socket that receives the terminal's master"},
		{"detach", 'd', OPT_BOOL, &detach, NULL, "do not wait for the container"},
		{"keep", 0, OPT_BOOL, &keep, NULL,
		 "do not delete the container after it has ended"},
		{"pid-file", 0, OPT_STRING, &o.pid_file, "FILE",
		 "write the container's process id to FILE"},
		{"preserve-fds", 0, OPT_INT, &o.preserve_fds, "N",
		 "pass N more descriptors, from 3 on"},
		{"no-subreaper", 0, OPT_IGNORED_BOOL, NULL, NULL, NULL},
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
	if (detach && spec->process.terminal && !o.console_socket) {
		log_error("process.terminal: true: cannot allocate tty if nacre will detach "
			  "without setting console socket");
		return EXIT_FAIL;
	}
	if (o.console_socket && !spec->process.terminal) {
		log_error("--console-socket %s: process.terminal is false: cannot use console "
			  "socket if nacre will not "
			  "detach or allocate tty",
			  o.console_socket);
		return EXIT_FAIL;
	}
	if (pass_descriptors(&o, &spec->process) < 0)
		return EXIT_FAIL;
	return detach ? run_detached(rt, &o, spec) : run_foreground(rt, &o, spec, keep);
}
