/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside's view of a sandbox under attack. Static, of no project header.
 *   watch canary DIR   a process, an abstract socket and a TCP port that nobody may touch; what touches them goes to
 *                      DIR/events; DIR/ready: "PID NAME PORT". Ends when DIR/stop appears or its parent dies.
 *   watch check PID    every process in the pid namespace of PID (a gofer's): is it confined as it must be? Prints what is
 *                      wrong and, last, how many there are of each kind.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int wrong;

/* --- canary ------------------------------------------------------------------------------------------------- */

static int events = -1;

static void on_signal(int sig, siginfo_t *si, void *ctx)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "signal %d from %d\n", sig, (int)si->si_pid);

	(void)ctx;
	(void)!write(events, text, (size_t)n);
}

static int status_field(const char *pid, const char *name, char *out, size_t cap)
{
	char path[512], line[512];
	size_t n = strlen(name);
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, n) && line[n] == ':') {
			line[strcspn(line, "\n")] = 0;
			snprintf(out, cap, "%s", line + n + 1 + strspn(line + n + 1, " \t"));
			found = 1;
		}
	if (f)
		fclose(f);
	return found;
}

static int canary(const char *dir)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	socklen_t len = sizeof(in);
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
	char path[4096], tracer[32];
	pid_t parent = getppid();
	FILE *f;

	if (chdir(dir) < 0 || (events = open("events", O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
		return perror(dir), 1;
	for (int s = 1; s < 65; s++)
		if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33)
			sigaction(s, &sa, NULL);
	snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "nacre-escape-%d", (int)getpid());
	p[0].fd = socket(AF_UNIX, SOCK_STREAM, 0);
	p[1].fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(p[0].fd, (void *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(un.sun_path + 1))) < 0 ||
	    listen(p[0].fd, 8) < 0 || bind(p[1].fd, (void *)&in, sizeof(in)) < 0 || listen(p[1].fd, 8) < 0 ||
	    getsockname(p[1].fd, (void *)&in, &len) < 0)
		return perror("canary sockets"), 1;
	f = fopen("ready.new", "w");
	fprintf(f, "%d %s %d\n", (int)getpid(), un.sun_path + 1, ntohs(in.sin_port));
	fclose(f);
	snprintf(path, sizeof(path), "ready");
	rename("ready.new", path);
	while (access("stop", F_OK) < 0 && getppid() == parent) {
		if (poll(p, 2, 100) > 0 && ((p[0].revents | p[1].revents) & POLLIN)) {
			dprintf(events, "connection to the %s port\n", p[0].revents & POLLIN ? "unix" : "TCP");
			close(accept(p[p[0].revents & POLLIN ? 0 : 1].fd, NULL, NULL));
		}
		if (status_field("self", "TracerPid", tracer, sizeof(tracer)) && strcmp(tracer, "0"))
			dprintf(events, "traced by %s\n", tracer);
	}
	return 0;
}

/* --- check -------------------------------------------------------------------------------------------------- */

enum role { KERNEL, FACTORY, STUB, GOFER, OTHER };
static const char *const roles[] = {"kernel", "factory", "stub", "gofer", "other"};
static char stub_ns[7][64];
static const char *const spaces[] = {"pid", "mnt", "net", "ipc", "uts", "user", "cgroup"};

static void bad(const char *pid, enum role r, const char *what, const char *value)
{
	wrong = 1;
	printf("%s %s: %s %s\n", roles[r], pid, what, value);
}

static void link_of(const char *pid, const char *rest, char *out, size_t cap)
{
	char path[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, rest);
	n = readlink(path, out, cap - 1);
	out[n > 0 ? n : 0] = 0;
}

static enum role role_of(const char *pid)
{
	char exe[512], nspid[64] = "", sid[64] = "", own[64];
	const char *base, *inner;

	link_of(pid, "exe", exe, sizeof(exe));
	base = strrchr(exe, '/') ? strrchr(exe, '/') + 1 : exe;
	status_field(pid, "NSpid", nspid, sizeof(nspid));
	inner = strrchr(nspid, '\t') ? strrchr(nspid, '\t') + 1 : nspid;
	if (!strncmp(base, "nacre-kernel", 12) && !strcmp(inner, "1"))
		return KERNEL;
	if (!strncmp(base, "nacre-gofer", 11))
		return GOFER;
	if (strncmp(base, "nacre-stub", 10))
		return OTHER;
	status_field(pid, "NSsid", sid, sizeof(sid));
	snprintf(own, sizeof(own), "%s", inner);
	return !strcmp(strrchr(sid, '\t') ? strrchr(sid, '\t') + 1 : sid, own) ? FACTORY : STUB;
}

static void expect(const char *pid, enum role r, const char *field, const char *want)
{
	char v[128] = "", both[300];

	if (!status_field(pid, field, v, sizeof(v)))
		return; /* it has just ended */
	if (!strcmp(v, want))
		return;
	snprintf(both, sizeof(both), "%s, wanted %s", v, want);
	bad(pid, r, field, both);
}

/* A stub holds what it maps, and nothing that does anything. */
static void check_fds(const char *pid, enum role r)
{
	char path[512], to[512];
	struct dirent *e;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd/%.64s", pid, e->d_name);
		if (stat(path, &st) < 0)
			continue;
		snprintf(path, sizeof(path), "fd/%.64s", e->d_name);
		link_of(pid, path, to, sizeof(to));
		if (r == STUB && !S_ISREG(st.st_mode))
			bad(pid, r, "a descriptor that is no file:", to);
		if (r == FACTORY && (strcmp(e->d_name, "3") || !S_ISSOCK(st.st_mode)))
			bad(pid, r, "a descriptor:", to);
		if (strstr(to, "io_uring") || strstr(to, "bpf") || strstr(to, "userfaultfd") || strstr(to, "perf_event"))
			bad(pid, r, "a descriptor:", to);
	}
	if (d)
		closedir(d);
}

static void check_tasks(const char *pid, enum role r)
{
	char path[512];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/task/%.64s", pid, e->d_name);
		expect(path, r, "Seccomp", r == FACTORY ? "0" : "2");
		expect(path, r, "NoNewPrivs", "1");
		expect(path, r, "CapEff", r == GOFER ? "000000008800001b" : "0000000000000000");
		expect(path, r, "CapPrm", r == GOFER ? "000000008800001b" : "0000000000000000");
		expect(path, r, "TracerPid", "0");
	}
	if (d)
		closedir(d);
}

static void check_spaces(const char *pid, enum role r)
{
	char ns[64], own[64], path[32];

	for (unsigned i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "ns/%s", spaces[i]);
		link_of(pid, path, ns, sizeof(ns));
		if (!ns[0])
			return;
		link_of("self", path, own, sizeof(own));
		if (i < 5 && !strcmp(ns, own))
			bad(pid, r, "in the host's namespace", ns);
		if (r == STUB || r == FACTORY) {
			if (!stub_ns[i][0])
				memcpy(stub_ns[i], ns, sizeof(ns));
			else if (strcmp(stub_ns[i], ns))
				bad(pid, r, "in a namespace that the others are not in:", ns);
		}
	}
}

static int check(const char *gofer)
{
	char want[64], ns[64], state[32];
	unsigned count[5] = {0};
	struct dirent *e;
	DIR *d;

	link_of(gofer, "ns/pid", want, sizeof(want));
	d = opendir("/proc");
	if (!want[0] || !d)
		return printf("no process %s\n", gofer), 1;
	while ((e = readdir(d))) {
		enum role r;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		link_of(e->d_name, "ns/pid", ns, sizeof(ns));
		if (strcmp(ns, want) || !status_field(e->d_name, "State", state, sizeof(state)) || state[0] == 'Z' || state[0] == 'X')
			continue;
		r = role_of(e->d_name);
		if (r == OTHER) {
			link_of(e->d_name, "exe", ns, sizeof(ns));
			if (!ns[0])
				continue; /* ended meanwhile */
		}
		count[r]++;
		if (r == OTHER) { /* nacre-status after a detached exec; nothing detaches here */
			bad(e->d_name, r, "a program of no kind:", ns);
			continue;
		}
		check_tasks(e->d_name, r);
		check_spaces(e->d_name, r);
		check_fds(e->d_name, r);
	}
	closedir(d);
	if (count[KERNEL] != 1 || count[FACTORY] != 1)
		bad(gofer, GOFER, "kernel or factory:", "not exactly one");
	printf("%u kernel, %u factory, %u stub, %u gofer, %u other\n", count[KERNEL], count[FACTORY], count[STUB], count[GOFER],
	       count[OTHER]);
	return wrong;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "canary"))
		return canary(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "check"))
		return check(argv[2]);
	fprintf(stderr, "usage: watch canary DIR | check PID\n");
	return 2;
}
