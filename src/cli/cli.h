/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: one file per command, one table of commands. */
#ifndef NACRE_CLI_CLI_H
#define NACRE_CLI_CLI_H

#include "cli/opts.h"
#include "sandbox/sandbox.h"

#define EXIT_FAIL 1
#define EXIT_EXEC_FAIL 255 /* exec that could not even try, as runc's */

struct command {
	const char *name;
	const char *args; /* "CONTAINER" */
	const char *summary;
	/* argv[0] is the command's name. Returns the exit status. */
	int (*run)(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv);
	const char *more; /* further paragraphs of the help, may be NULL */
	bool stateless;	  /* it needs no state directory */
};
extern const struct command commands[]; /* ends with a NULL name */

int cmd_create(const struct command *, const struct runtime_opts *, int, char **);
int cmd_delete(const struct command *, const struct runtime_opts *, int, char **);
int cmd_do(const struct command *, const struct runtime_opts *, int, char **);
int cmd_doctor(const struct command *, const struct runtime_opts *, int, char **);
int cmd_events(const struct command *, const struct runtime_opts *, int, char **);
int cmd_exec(const struct command *, const struct runtime_opts *, int, char **);
int cmd_features(const struct command *, const struct runtime_opts *, int, char **);
int cmd_kill(const struct command *, const struct runtime_opts *, int, char **);
int cmd_list(const struct command *, const struct runtime_opts *, int, char **);
int cmd_pause(const struct command *, const struct runtime_opts *, int, char **);
int cmd_ps(const struct command *, const struct runtime_opts *, int, char **);
int cmd_resume(const struct command *, const struct runtime_opts *, int, char **);
int cmd_run(const struct command *, const struct runtime_opts *, int, char **);
int cmd_spec(const struct command *, const struct runtime_opts *, int, char **);
int cmd_start(const struct command *, const struct runtime_opts *, int, char **);
int cmd_state(const struct command *, const struct runtime_opts *, int, char **);
int cmd_update(const struct command *, const struct runtime_opts *, int, char **);
int cmd_unsupported(const struct command *, const struct runtime_opts *, int, char **);

/* Help of one command, or with cmd NULL of nacre itself, to stdout. */
void command_help(const struct command *cmd, const struct opt *opts);
/* opts_parse, then: exactly (max == min), or min..max further arguments, max -1: any number.
 * Returns -1 when the command goes on, else the exit status to end with. */
int command_args(const struct command *cmd, const struct opt *opts, bool permute, int min, int max,
		 int *argc, char ***argv) __must_check;
/* A container id: 1 to 1024 letters, digits and _+-. , neither "." nor "..". Logs what is wrong. */
int check_id(const char *id) __must_check;
/* Exit status of a wait(2) status: 128 + signal. */
int exit_code(int status);
/* LISTEN_FDS of socket activation: how many descriptors from 3 on are meant for the container. */
int listen_fds(void);
/* Adds LISTEN_FDS and LISTEN_PID=1 to an environment. */
int add_listen_env(struct str_list *env, int n) __must_check;
/* Descriptors 3..3+n-1 must be open. */
int check_preserved(int n) __must_check;
/* The global options' defaults and checks that need no table. */
const char *default_root(bool rootless);
/* "9", "KILL", "SIGKILL", "RTMIN+1"; -1 if it is none. */
int signal_by_name(const char *name);

#endif
