/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper of tests/kills/run.
 *   killer hold -- COMMAND...		runs it as a child subreaper; what it leaves alive is listed (exit 98) and killed
 *   killer at ...			see at.c
 *   killer kill ROLE SEED		SIGKILL to one process of that role; prints its pid
 *   killer list			"PID ROLE STATE NAME" of all processes of the trial
 */
#include "killer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static size_t print_all(const char *prefix)
{
	static struct proc v[MAX_PROCS];
	size_t n = proc_scan(trial_root(), v, MAX_PROCS);

	for (size_t i = 0; i < n; i++)
		printf("%s%d %s %c %s\n", prefix, v[i].pid, role_name(v[i].role), v[i].state, v[i].comm);
	return n;
}

static void kill_all(void)
{
	static struct proc v[MAX_PROCS];

	for (size_t n; (n = proc_scan(getpid(), v, MAX_PROCS)) > 0;)
		for (size_t i = 0; i < n; i++)
			kill(v[i].pid, SIGKILL);
}

/* Everything that the command starts stays below this process, whatever it does to its names, groups and sessions. */
static int cmd_hold(int argc, char **argv)
{
	char self[16];
	int status, code = 1;
	pid_t pid, cmd;

	if (argc < 2 || strcmp(argv[0], "--"))
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(self, sizeof(self), "%d", getpid());
	setenv("KILLER_ROOT", self, 1);
	cmd = fork();
	if (cmd == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while ((pid = waitpid(-1, &status, 0)) != cmd && (pid > 0 || errno == EINTR))
		;
	code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	/* What has been killed needs a moment to be gone. */
	for (int ms = 0; ms < 2000; ms += 5) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return code;
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	if (print_all("left ") == 0)
		return code;
	fflush(stdout);
	kill_all();
	return 98;
}

static int cmd_kill(int argc, char **argv)
{
	int role = argc == 2 ? role_by_name(argv[0]) : -1;
	pid_t pid = role < 0 ? 0 : proc_pick(trial_root(), (enum role)role, (unsigned)strtoul(argv[1], NULL, 10), 500);

	if (pid <= 0 || kill(pid, SIGKILL) < 0) {
		printf("absent %s\n", argc ? argv[0] : "");
		return 96;
	}
	printf("killed %s %d\n", argv[0], pid);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "hold"))
		return cmd_hold(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "at"))
		return cmd_at(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "kill"))
		return cmd_kill(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "list"))
		return print_all("") == 0;
	fprintf(stderr, "usage: killer hold|at|kill|list\n");
	return 2;
}
