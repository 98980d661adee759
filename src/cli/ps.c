/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"

/* A process that is just being made or that has just ended has no number on the host. */
static void print_json(const struct container_process *p, size_t n)
{
	const char *comma = "";

	printf("[");
	for (size_t i = 0; i < n; i++) {
		if (!p[i].host_pid)
			continue;
		printf("%s%d", comma, p[i].host_pid);
		comma = ",";
	}
	printf("]\n");
}

/* A command line is the guest's text: nothing that a terminal would obey gets out. */
static void print_command(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < ' ' || *s == 127 ? '?' : *s);
	putchar('\n');
}

static void print_table(const struct container_process *p, size_t n)
{
	printf("%-8s %7s %7s %8s %s\n", "UID", "PID", "PPID", "HOST-PID", "CMD");
	for (size_t i = 0; i < n; i++) {
		printf("%-8d %7d %7d %8d ", p[i].uid, p[i].pid, p[i].ppid, p[i].host_pid);
		print_command(p[i].command ?: "");
	}
}

/* Column of the word PID in a heading, -1 without. */
static int pid_column(const char *line)
{
	int column = 0;

	for (const char *p = line + strspn(line, " \t"); *p && *p != '\n'; column++) {
		size_t n = strcspn(p, " \t\n");

		if (n == 3 && !strncmp(p, "PID", 3))
			return column;
		p += n;
		p += strspn(p, " \t");
	}
	return -1;
}

static int pid_of_line(const char *line, int column)
{
	const char *p = line + strspn(line, " \t");

	for (; column > 0; column--) {
		p += strcspn(p, " \t\n");
		p += strspn(p, " \t");
	}
	return atoi(p);
}

/* Runs the host's ps with the caller's options and keeps the container's lines. */
static int filter_ps(char **args, const struct container_process *procs, size_t n)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	int p[2], column = -1, status;
	size_t cap = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return log_errno(-errno, "ps: pipe");
	pid = fork();
	if (pid < 0)
		return log_errno(-errno, "ps: fork");
	if (pid == 0) {
		dup2(p[1], STDOUT_FILENO);
		args[0] = (char *)"ps"; /* in the place of the container's id */
		execvp("ps", args);
		_exit(127);
	}
	close(p[1]);
	out = fdopen(p[0], "r");
	for (bool head = true; out && getline(&line, &cap, out) > 0; head = false) {
		if (head) {
			column = pid_column(line);
			fputs(line, stdout);
		}
		for (size_t i = 0; !head && column >= 0 && i < n; i++)
			if (procs[i].host_pid == pid_of_line(line, column)) {
				fputs(line, stdout);
				break;
			}
	}
	waitpid(pid, &status, 0);
	if (status != 0) {
		log_error("ps ended with status %d", exit_code(status));
		return -EIO;
	}
	if (column < 0) {
		log_error("the options for ps leave out the column PID");
		return -EINVAL;
	}
	return 0;
}

int cmd_ps(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	const char *format = "table";
	const struct opt opts[] = {
		{"format", 'f', OPT_STRING, &format, "FORMAT", "table (default) or json"},
		{NULL},
	};
	struct container_process *p = NULL;
	size_t n = 0;
	int r = command_args(cmd, opts, false, 1, -1, &argc, &argv);

	if (r >= 0)
		return r;
	if (strcmp(format, "table") && strcmp(format, "json")) {
		log_error("--format: invalid format option \"%s\"", format);
		return EXIT_FAIL;
	}
	if (check_id(argv[0]) < 0 || container_ps(rt, argv[0], &p, &n) < 0)
		return EXIT_FAIL;
	r = 0;
	if (!strcmp(format, "json"))
		print_json(p, n);
	else if (argc > 1)
		r = filter_ps(argv, p, n);
	else
		print_table(p, n);
	for (size_t i = 0; i < n; i++)
		free(p[i].command);
	free(p);
	return r < 0 || fflush(stdout) ? EXIT_FAIL : 0;
}
