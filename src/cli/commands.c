/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands and what they share. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/json.h"

const struct command commands[] = {
	{"create", "CONTAINER", "create a container: everything but its program's start",
	 cmd_create,
	 "The bundle is a directory with config.json and a root file system. Standard input, "
	 "output and error of\n"
	 "this command become the container's."},
	{"delete", "CONTAINER", "remove what a stopped container left", cmd_delete, NULL},
	{"do", "-- COMMAND [ARG...]", "run one command in a throw-away sandbox", cmd_do,
	 "The sandbox shows this machine's root file system (or --rootfs); changes stay in memory "
	 "and are dropped.\n"
	 "/root, /home, /run, /tmp, /var/tmp and /mnt are empty inside; the working directory is "
	 "visible, read-only\n"
	 "unless shared with :rw. Of the environment PATH, TERM, LANG, LC_* and TZ are kept. Its "
	 "network is a loopback of its own."},
	{"doctor", "", "say what this host lacks", cmd_doctor, NULL, true},
	{"events", "CONTAINER", "print what a container uses, and its ends of memory, as JSON lines", cmd_events,
	 "One line every --interval, and one each time that the host's OOM killer strikes, until the container\n"
	 "ends. The numbers are the host's, but for pids, which are the guest's own processes."},
	{"exec", "CONTAINER COMMAND [ARG...]", "run a further command in a running container",
	 cmd_exec,
	 "With --process the whole process object comes from a file and COMMAND is left out."},
	{"features", "", "print what this runtime can do, as JSON", cmd_features, NULL, true},
	{"kill", "CONTAINER [SIGNAL]",
	 "send a signal (default SIGTERM) to a container's first process", cmd_kill, NULL},
	{"list", "", "list the containers below the state directory", cmd_list, NULL},
	{"pause", "CONTAINER", "freeze all processes of a container", cmd_pause, NULL},
	{"ps", "CONTAINER [PS OPTION...]", "list the processes of a container", cmd_ps,
	 "Without options: the guest's own numbers and the host's. With options for ps(1): its "
	 "output, reduced to\n"
	 "the container's host processes. JSON is the list of host process ids."},
	{"resume", "CONTAINER", "thaw a paused container", cmd_resume, NULL},
	{"run", "CONTAINER", "create and start a container and wait for its end", cmd_run,
	 "Ends with the container's exit status (128 + number after a signal). Signals are passed "
	 "on; with\n"
	 "process.terminal this terminal becomes the container's."},
	{"spec", "", "write a config.json to begin with", cmd_spec, NULL, true},
	{"start", "CONTAINER", "start the program of a created container", cmd_start, NULL},
	{"state", "CONTAINER", "print the state of a container, as JSON", cmd_state, NULL},
	{"update", "CONTAINER", "change the limits of a running container", cmd_update,
	 "Sizes may end in k, m, g, t or p. With --resources the limits are a JSON object like linux.resources of\n"
	 "config.json, from a file or, with \"-\", from standard input; the other options are then left out."},
	{"checkpoint", "CONTAINER", "not supported yet", cmd_unsupported, NULL},
	{"restore", "CONTAINER", "not supported yet", cmd_unsupported, NULL},
	{NULL},
};

void command_help(const struct command *cmd, const struct opt *opts)
{
	if (cmd) {
		printf("nacre %s - %s\n\nUsage: nacre [GLOBAL OPTIONS] %s %s%s\n", cmd->name,
		       cmd->summary, cmd->name, opts->name ? "[OPTIONS] " : "", cmd->args);
		if (cmd->more)
			printf("\n%s\n", cmd->more);
		if (opts->name)
			printf("\nOptions:\n");
		opts_print(opts);
		return;
	}
	printf("nacre - secure OCI container runtime\n\nUsage: nacre [GLOBAL OPTIONS] COMMAND "
	       "[OPTIONS] [ARGUMENTS]\n"
	       "\nCommands:\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-12s %s\n", c->name, c->summary);
	printf("  %-12s %s\n\nGlobal options:\n", "help", "help for a command");
	opts_print(opts);
}

int command_args(const struct command *cmd, const struct opt *opts, bool permute, int min, int max,
		 int *argc, char ***argv)
{
	int r = opts_parse(cmd, opts, permute, argc, argv);

	if (r)
		return r == OPTS_HELP ? 0 : EXIT_FAIL;
	if (*argc >= min && (max < 0 || *argc <= max))
		return -1;
	if (min == max)
		log_error("\"%s\" requires exactly %d argument(s)", cmd->name, min);
	else if (*argc < min)
		log_error("\"%s\" requires a minimum of %d arguments", cmd->name, min);
	else
		log_error("\"%s\" requires a maximum of %d arguments", cmd->name, max);
	return EXIT_FAIL;
}

int check_id(const char *id)
{
	size_t n = strlen(id);

	if (n && n <= 1024 && strcmp(id, ".") && strcmp(id, "..") &&
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.") == n)
		return 0;
	log_error("invalid container ID format: \"%.200s\"", id);
	return -EINVAL;
}

int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *default_root(bool rootless)
{
	static char root[4096];
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (!rootless)
		return "/run/nacre";
	if (!xdg || !*xdg)
		return geteuid() == 0 ? "/run/nacre" : NULL;
	return (size_t)snprintf(root, sizeof(root), "%s/nacre", xdg) < sizeof(root) ? root : NULL;
}

int check_preserved(int n)
{
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			int r = -errno;

			log_error("--preserve-fds: descriptor %d (of %d) is not open", fd, n);
			return r;
		}
	return 0;
}

int listen_fds(void)
{
	const char *s = getenv("LISTEN_FDS");
	char *end;
	long n;

	if (!s || !*s)
		return 0;
	n = strtol(s, &end, 10);
	if (*end || n < 0 || n > 4096) {
		log_warning("LISTEN_FDS=\"%s\" is not a number of descriptors: ignored", s);
		return 0;
	}
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			log_warning("LISTEN_FDS=%ld: descriptor %d is not open: ignored", n, fd);
			return 0;
		}
	return (int)n;
}

static void drop_env(struct str_list *env, const char *name)
{
	size_t len = strlen(name), kept = 0;

	for (size_t i = 0; i < env->n; i++) {
		if (!strncmp(env->v[i], name, len) && env->v[i][len] == '=')
			free(env->v[i]);
		else
			env->v[kept++] = env->v[i];
	}
	if (env->v)
		env->v[kept] = NULL;
	env->n = kept;
}

int add_listen_env(struct str_list *env, int n)
{
	struct str_list fresh = {NULL, 0};
	char text[32];
	int r;

	if (!n)
		return 0;
	drop_env(env, "LISTEN_FDS");
	drop_env(env, "LISTEN_PID");
	/* Shrinking broke str_list's rule of growth: copy. */
	r = str_list_copy(&fresh, env);
	snprintf(text, sizeof(text), "LISTEN_FDS=%d", n);
	if (r == 0)
		r = str_list_add(&fresh, text);
	if (r == 0)
		r = str_list_add(&fresh, "LISTEN_PID=1");
	str_list_free(env);
	*env = fresh;
	return r;
}

int signal_by_name(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);
	const char *s = strncasecmp(name, "SIG", 3) ? name : name + 3;

	if (*name && !*end)
		return n >= 0 && n <= 64 ? (int)n : -1;
	for (int i = 1; i < 32; i++) {
		const char *abbrev = sigabbrev_np(i);

		if (abbrev && !strcasecmp(s, abbrev))
			return i;
	}
	if (!strcasecmp(s, "IOT"))
		return SIGABRT;
	if (!strcasecmp(s, "CLD"))
		return SIGCHLD;
	if (strncasecmp(s, "RTMIN", 5) && strncasecmp(s, "RTMAX", 5))
		return -1;
	n = s[5] ? strtol(s + 5, &end, 10) : 0;
	if (s[5] && (*end || (s[5] != '+' && s[5] != '-')))
		return -1;
	n += tolower((unsigned char)s[3]) == 'i' ? 34 : 64; /* as glibc and runc count */
	return n >= 34 && n <= 64 ? (int)n : -1;
}
