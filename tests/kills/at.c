/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killer at TRIGGER VICTIM EXTRA SEED -- COMMAND...: runs nacre under ptrace until a named system call of its set-up or
 * tear-down code, lets EXTRA further calls happen, kills the victim, lets go of all and waits for the command.
 * The trigger is CALL[@TEXT][#N][/in]: the N-th such call (of nacre or of a child that has not yet executed its
 * program) whose path or data holds TEXT, when it has returned, or with /in before it is made. CALL "exec" is the N-th
 * program that a child executes. Nothing is changed in the program that is tested.
 * Last line of stdout: "killed ROLE PID STATUS EXTRA", STATUS as a shell has it.
 */
#include "killer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_TRACEES 64
#define PATIENCE 25 /* seconds for the command to end */

static const struct {
	const char *name;
	int nr, text; /* the argument that is a path or data; -1: none */
} calls[] = {
	{"mkdir", SYS_mkdir, 0},     {"mkdir", SYS_mkdirat, 1},	  {"rename", SYS_rename, 1},
	{"rename", SYS_renameat, 3}, {"rename", SYS_renameat2, 3}, {"rmdir", SYS_rmdir, 0},
	{"unlink", SYS_unlink, 0},   {"unlink", SYS_unlinkat, 1},  {"link", SYS_linkat, 3},
	{"open", SYS_open, 0},	     {"open", SYS_openat, 1},	   {"write", SYS_write, 1},
	{"bind", SYS_bind, -1},	     {"listen", SYS_listen, -1},   {"connect", SYS_connect, -1},
	{"sendmsg", SYS_sendmsg, -1}, {"recvmsg", SYS_recvmsg, -1}, {"clone", SYS_clone, -1},
	{"clone", SYS_fork, -1},     {"clone", SYS_clone3, -1},	   {"unshare", SYS_unshare, -1},
	{"setns", SYS_setns, -1},    {"mount", SYS_mount, 0},	   {"pivot_root", SYS_pivot_root, -1},
	{"wait", SYS_wait4, -1},     {"wait", SYS_waitid, -1},	   {"signal", SYS_pidfd_send_signal, -1},
	{"poll", SYS_poll, -1},	     {"chdir", SYS_chdir, 0},
};

static struct tracee {
	pid_t pid;
	bool inside, match; /* between entry and exit; of a call that is meant */
} tracees[MAX_TRACEES];
static size_t ntracees;

static struct {
	const char *text;
	char call[32], want[128];
	int nth, seen, extra, victim_pid;
	bool at_entry, armed, done;
	enum role victim;
	unsigned seed;
	pid_t main;
} t = {.nth = 1};

static void parse_trigger(const char *s)
{
	const char *p = s + strcspn(s, "@#/");

	t.text = s;
	snprintf(t.call, sizeof(t.call), "%.*s", (int)(p - s), s);
	if (*p == '@') {
		size_t n = strcspn(++p, "#");

		if (strlen(p) > 3 && !strcmp(p + strlen(p) - 3, "/in") && !strchr(p, '#'))
			n -= 3;
		snprintf(t.want, sizeof(t.want), "%.*s", (int)n, p);
		p += n;
	}
	if (*p == '#')
		t.nth = (int)strtol(p + 1, (char **)&p, 10);
	t.at_entry = !strcmp(p, "/in");
}

static struct tracee *tracee(pid_t pid)
{
	for (size_t i = 0; i < ntracees; i++)
		if (tracees[i].pid == pid)
			return &tracees[i];
	if (ntracees == MAX_TRACEES)
		return NULL;
	tracees[ntracees] = (struct tracee){.pid = pid};
	return &tracees[ntracees++];
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < ntracees; i++)
		if (tracees[i].pid == pid)
			tracees[i] = tracees[--ntracees];
}

static bool holds(pid_t pid, unsigned long at, const char *want)
{
	char buf[512] = "";
	struct iovec l = {buf, sizeof(buf) - 1}, r = {(void *)at, sizeof(buf) - 1};

	if (!*want)
		return true;
	/* A page at a time: the string may end just before unmapped memory. */
	if (4096 - at % 4096 < r.iov_len)
		r.iov_len = 4096 - at % 4096;
	return process_vm_readv(pid, &l, 1, &r, 1, 0) > 0 && strstr(buf, want);
}

static bool is_meant(pid_t pid, const struct ptrace_syscall_info *i)
{
	for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
		if ((int)i->entry.nr == calls[c].nr && !strcmp(calls[c].name, t.call))
			return calls[c].text < 0 ? !*t.want : holds(pid, i->entry.args[calls[c].text], t.want);
	return false;
}

/* The processes start side by side: a victim that is not yet there is awaited until the command's last call. A look at all
 * processes costs milliseconds, so only every eighth call looks. */
static void strike(bool last)
{
	if (!last && t.extra % 8 != -1)
		return;
	t.victim_pid = t.victim == ROLE_NACRE ? t.main : proc_pick(trial_root(), t.victim, t.seed, last ? 500 : 0);
	if (t.victim_pid > 0)
		kill(t.victim_pid, SIGKILL);
	else if (!last)
		return;
	t.done = true;
	for (size_t i = 0; i < ntracees; i++)
		ptrace(PTRACE_INTERRUPT, tracees[i].pid, 0, 0);
}

/* One call has happened, or is about to. */
static void count(bool meant)
{
	if (t.done)
		return;
	if (t.armed) {
		if (t.extra-- <= 0)
			strike(false);
	} else if (meant && ++t.seen == t.nth) {
		t.armed = true;
		if (t.extra-- <= 0)
			strike(false);
	}
}

static void on_syscall(pid_t pid, struct tracee *x)
{
	struct ptrace_syscall_info i;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(i), &i) <= 0)
		return;
	if (i.op == PTRACE_SYSCALL_INFO_ENTRY) {
		x->match = is_meant(pid, &i);
		if (t.at_entry && x->match)
			count(true);
		if (t.armed && !t.done && pid == t.main && i.entry.nr == SYS_exit_group)
			strike(true); /* fewer calls were left than asked for */
	} else if (i.op == PTRACE_SYSCALL_INFO_EXIT) {
		count(x->match && !t.at_entry);
	}
}

/* true: this process is let go. */
static bool on_event(pid_t pid, int event)
{
	if (event == PTRACE_EVENT_EXEC && pid != t.main) {
		count(!strcmp(t.call, "exec") && !*t.want);
		return true;
	}
	return false;
}

static void on_stop(pid_t pid, int status)
{
	struct tracee *x = tracee(pid);
	int sig = WSTOPSIG(status), event = status >> 16;
	bool go = false;

	if (event)
		go = on_event(pid, event);
	else if (sig == (SIGTRAP | 0x80) && x)
		on_syscall(pid, x);
	if (event || sig == (SIGTRAP | 0x80))
		sig = 0;
	if (go || t.done || !x) {
		ptrace(PTRACE_DETACH, pid, 0, (long)sig);
		forget(pid);
	} else {
		ptrace(PTRACE_SYSCALL, pid, 0, (long)sig);
	}
}

static void too_long(int sig)
{
	static const char text[] = "hung 97\n";

	char path[64], at[256];
	ssize_t n;
	int fd;

	(void)sig;
	/* The call and its arguments: what it hangs in. */
	snprintf(path, sizeof(path), "/proc/%d/syscall", t.main);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, at, sizeof(at));
	if (n > 0)
		(void)!write(STDOUT_FILENO, at, (size_t)n);
	(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
	kill(t.main, SIGKILL);
	_exit(97);
}

static int finish(int status)
{
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	if (!t.armed)
		printf("unreached %s %d of %d, status %d\n", t.text, t.seen, t.nth, code);
	else if (t.victim_pid <= 0)
		printf("absent %s, status %d\n", role_name(t.victim), code);
	else
		printf("killed %s %d %d\n", role_name(t.victim), t.victim_pid, code);
	fflush(stdout);
	return t.armed && t.victim_pid > 0 ? 0 : 96;
}

int cmd_at(int argc, char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEEXEC;
	int status, result = 1;
	pid_t pid;

	if (argc < 6 || strcmp(argv[4], "--") || role_by_name(argv[1]) < 0)
		return 2;
	parse_trigger(argv[0]);
	t.victim = (enum role)role_by_name(argv[1]);
	t.extra = atoi(argv[2]);
	t.seed = (unsigned)strtoul(argv[3], NULL, 10);
	t.main = fork();
	if (t.main == 0) {
		raise(SIGSTOP);
		execv(argv[5], argv + 5);
		_exit(127);
	}
	waitpid(t.main, &status, WUNTRACED);
	if (ptrace(PTRACE_SEIZE, t.main, 0, options) < 0) {
		perror("ptrace");
		kill(t.main, SIGKILL);
		return 1;
	}
	kill(t.main, SIGCONT);
	signal(SIGALRM, too_long);
	alarm(PATIENCE);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status)) {
			on_stop(pid, status);
			continue;
		}
		forget(pid);
		if (pid == t.main) {
			result = status;
			t.done = true;
			for (size_t i = 0; i < ntracees; i++)
				ptrace(PTRACE_INTERRUPT, tracees[i].pid, 0, 0);
			if (!ntracees)
				break;
		}
	}
	return finish(result);
}
