/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nacre-gofer: opens a container's files for nacre-kernel. It starts in a mount namespace whose root
 * holds the exports as /0, /1, ..., drops what it does not need, and serves until the kernel tells it
 * with which status to end: its pid is the container's pid for engines.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "base/log.h"
#include "confine/gofer_filter.h"
#include "confine/sanitizer.h"
#include "gofer/server.h"

struct options {
	int socket_fd, log_fd;
	unsigned exports;
	unsigned flags[FW_EXPORT_MAX];
	bool log_json;
};

static int parse_number(const char *s, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || end == s || *end || v > max || *s == '-')
		return -EINVAL;
	*ret = (unsigned)v;
	return 0;
}

/* "0:ro,3:ro+xdev" */
static int parse_flags(char *s, struct options *o)
{
	for (char *save, *item = strtok_r(s, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(item, ':'), *save2;
		unsigned i;

		if (!colon)
			return -EINVAL;
		*colon = 0;
		if (parse_number(item, FW_EXPORT_MAX - 1, &i) < 0)
			return -EINVAL;
		for (char *f = strtok_r(colon + 1, "+", &save2); f; f = strtok_r(NULL, "+", &save2)) {
			if (strcmp(f, "ro") == 0)
				o->flags[i] |= EXPORT_RO;
			else if (strcmp(f, "xdev") == 0)
				o->flags[i] |= EXPORT_XDEV;
			else
				return -EINVAL;
		}
	}
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"socket-fd", required_argument, NULL, 's'},
		{"log-fd", required_argument, NULL, 'l'},
		{"exports", required_argument, NULL, 'e'},
		{"export-flags", required_argument, NULL, 'f'},
		{"log-json", no_argument, NULL, 'j'},
		{0},
	};
	unsigned v;
	int c;

	*o = (struct options){.socket_fd = -1, .log_fd = -1};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'f') {
			if (parse_flags(optarg, o) < 0)
				return -EINVAL;
			continue;
		}
		if (c == 'j') {
			o->log_json = true;
			continue;
		}
		if (c == '?' || parse_number(optarg, c == 'e' ? FW_EXPORT_MAX : INT32_MAX, &v) < 0)
			return -EINVAL;
		if (c == 's')
			o->socket_fd = (int)v;
		else if (c == 'l')
			o->log_fd = (int)v;
		else
			o->exports = v;
	}
	return o->socket_fd >= 0 && o->exports > 0 && optind == argc ? 0 : -EINVAL;
}

/* --- giving up rights ----------------------------------------------------------------------------------- */

#define KEPT                                                                                       \
	(1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_CHOWN | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID |  \
	 1ULL << CAP_MKNOD | 1ULL << CAP_SETFCAP)

static int drop_capabilities(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];
	int r;

	for (int cap = 0; cap < 64; cap++) {
		if (KEPT >> cap & 1)
			continue;
		r = RET_NERRNO(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
		if (r == -EINVAL) /* past the last one of this host */
			break;
		if (r < 0 && r != -EPERM) /* without CAP_SETPCAP there is nothing to gain either */
			return r;
	}
	(void)!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	r = RET_NERRNO((int)syscall(SYS_capget, &h, d));
	if (r < 0)
		return r;
	for (unsigned i = 0; i < 2; i++) {
		d[i].permitted &= (uint32_t)(KEPT >> (32 * i));
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	return RET_NERRNO((int)syscall(SYS_capset, &h, d));
}

static int confine(const struct options *o)
{
	struct rlimit none = {0};
	int r;

	r = drop_capabilities();
	if (r < 0)
		return log_errno(r, "capabilities");
	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return log_errno(-errno, "process attributes");
	r = gofer_filter_install(o->log_fd);
	return r < 0 ? log_errno(r, "seccomp filter") : 0;
}

/* --- start and end ---------------------------------------------------------------------------------------- */

static int keep_self_fd(void)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		return -errno;
	return RET_NERRNO(dup3(fd, GOFER_SELF_FD, O_CLOEXEC)) < 0 ? -errno : 0;
}

/* As many descriptors as we may have; half of them at most for the cache. */
static unsigned raise_nofile(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return 64;
	l.rlim_cur = l.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &l);
	(void)!getrlimit(RLIMIT_NOFILE, &l);
	return (unsigned)MIN(l.rlim_cur / 2, (rlim_t)16384);
}

static void end(struct gofer *g __unused, int status)
{
	sigset_t all;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	(void)!syscall(SYS_pidfd_send_signal, GOFER_SELF_FD, WTERMSIG(status), NULL, 0);
	_exit(128 + WTERMSIG(status)); /* that signal does not kill */
}

static int add_exports(struct gofer *g, const struct options *o)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return log_errno(-errno, "/");
	for (unsigned i = 0; i < o->exports; i++) {
		char name[12];
		int r;

		snprintf(name, sizeof(name), "%u", i);
		r = node_table_export(&g->nodes, root, name, o->flags[i]);
		if (r < 0)
			return log_errno(r, "export /%s", name);
	}
	return 0;
}

SANITIZER_OPTIONS

int main(int argc, char **argv)
{
	static struct gofer g;
	struct options o;
	unsigned open_max;

	if (parse_options(argc, argv, &o) < 0) {
		fprintf(stderr, "usage: nacre-gofer --socket-fd N [--log-fd N] --exports K "
				"[--export-flags I:ro[+xdev],...]\n");
		return 1;
	}
	log_setup(o.log_fd, o.log_json ? LOG_JSON : LOG_TEXT, LOG_WARNING, "nacre-gofer");
	log_set_stderr(o.log_fd < 0);
	sanitizer_report_to(o.log_fd < 0 ? STDERR_FILENO : o.log_fd);
	umask(0);
	tzset(); /* looks for a file: not when the log needs it */
	(void)!setsid(); /* already a session leader when started by nacre with a terminal */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* One heap: threads are few and short of memory, not of locks. */
	mallopt(M_ARENA_MAX, 1);
	fcntl(o.socket_fd, F_SETFD, FD_CLOEXEC);
	open_max = raise_nofile();
	if (keep_self_fd() < 0)
		return log_errno(-errno, "pidfd"), 1;
	if (gofer_init(&g, open_max) < 0 || add_exports(&g, &o) < 0)
		return 1;
	g.on_exit = end;
	if (confine(&o) < 0)
		return 1;
	gofer_serve(&g, o.socket_fd, true);
	return 1;
}
