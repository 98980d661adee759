/* SPDX-License-Identifier: Apache-2.0 */
/* nacre: global options, then one command. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "cli/cli.h"
#include "cli/version.h"
#include "oci/parse.h"

struct globals {
	struct runtime_opts rt;
	const char *log, *log_format, *rootless, *hypervisor;
	bool version;
};

/* A user namespace that maps less than everything, or no root. */
static bool detect_rootless(void)
{
	_cleanup_fclose_ FILE *f = NULL;
	unsigned inside, outside, size;

	if (geteuid() != 0)
		return true;
	f = fopen("/proc/self/uid_map", "re");
	return f && fscanf(f, "%u %u %u", &inside, &outside, &size) == 3 &&
	       !(inside == 0 && outside == 0 && size == UINT32_MAX);
}

static int choose(const char *flag, const char *value, const char *const *known, size_t n_ready)
{
	char list[128] = "";

	for (size_t i = 0; known[i]; i++) {
		if (!strcmp(known[i], value)) {
			if (i < n_ready)
				return 0;
			log_error("%s %s: not supported yet", flag, value);
			return -ENOTSUP;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 known[i]);
	}
	log_error("%s: \"%s\" is none of %s", flag, value, list);
	return -EINVAL;
}

/* In each list what is ready comes first. */
static int check_choices(const struct globals *g)
{
	static const char *const platforms[] = {"trap", "kvm", "vm", NULL};
	static const char *const networks[] = {"host", "none", "off", "sandbox", NULL};
	static const char *const overlays[] = {"none", "memory", NULL};
	static const char *const managers[] = {"auto", "cgroupfs", "systemd", "disabled", NULL};
	static const char *const rootless[] = {"true", "false", "auto", NULL};
	const struct runtime_opts *rt = &g->rt;
	int r = choose("--rootless", g->rootless, rootless, 3);

	if (r == 0)
		r = choose("--platform", rt->platform, platforms, 1);
	if (r == 0 && g->hypervisor) {
		log_error("--hypervisor: \"%s\": only with --platform vm", g->hypervisor);
		r = -EINVAL;
	}
	if (r == 0 && rt->network)
		r = choose("--network", rt->network, networks, 3);
	if (r == 0 && !strncmp(rt->overlay, "dir:", 4)) {
		log_error("--overlay %s: not supported yet", rt->overlay);
		r = -ENOTSUP;
	}
	if (r == 0)
		r = choose("--overlay", rt->overlay, overlays, 2);
	if (r == 0)
		r = choose("--cgroup-manager", rt->cgroup_manager, managers, 4);
	return r;
}

static int setup_log(struct globals *g)
{
	enum log_level max = g->rt.debug ? LOG_DEBUG : LOG_INFO;
	enum log_format format = LOG_TEXT;

	if (!strcmp(g->log_format, "json")) {
		format = LOG_JSON;
		g->rt.log_json = true;
	} else if (strcmp(g->log_format, "text")) {
		log_error("--log-format: \"%s\" is neither text nor json", g->log_format);
		return -EINVAL;
	}
	g->rt.log_fd = -1;
	if (g->log && *g->log) {
		g->rt.log_fd = open(g->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (g->rt.log_fd < 0)
			return log_errno(-errno, "--log %s", g->log);
		/* stderr may be the container's: only what ends the command goes there too. */
		log_set_stderr_level(LOG_ERROR);
	}
	/* Without a log stderr takes its place, but it may be the container's, and end up in the log of an engine: a
	 * warning is for a person, so for a terminal. */
	if (g->rt.log_fd < 0 && !g->rt.debug)
		max = isatty(STDERR_FILENO) ? LOG_WARNING : LOG_ERROR;
	log_setup(g->rt.log_fd, format, max, "nacre");
	return 0;
}

static int setup(struct globals *g)
{
	static char root[PATH_MAX];
	int r = setup_log(g);

	if (r == 0)
		r = check_choices(g);
	if (r < 0)
		return r;
	g->rt.rootless =
		!strcmp(g->rootless, "true") || (!strcmp(g->rootless, "auto") && detect_rootless());
	if (g->rt.systemd_cgroup)
		g->rt.cgroup_manager = "systemd";
	if (!strcmp(g->rt.cgroup_manager, "systemd"))
		g->rt.systemd_cgroup = true;
	if (!g->rt.root)
		g->rt.root = default_root(g->rt.rootless);
	if (g->rt.root && g->rt.root[0] != '/') {
		char cwd[PATH_MAX];

		if (!getcwd(cwd, sizeof(cwd)))
			return log_errno(-errno, "--root %s: working directory", g->rt.root);
		if ((size_t)snprintf(root, sizeof(root), "%s/%s", cwd, g->rt.root) >= sizeof(root))
			return log_errno(-ENAMETOOLONG, "--root %s", g->rt.root);
		g->rt.root = root;
	}
	return 0;
}

static const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int help_for(const char *name, const struct opt *global, const struct runtime_opts *rt)
{
	static char flag[] = "--help";
	const struct command *c = name ? command_find(name) : NULL;

	if (!name) {
		command_help(NULL, global);
		return 0;
	}
	if (!c) {
		log_error("No help topic for '%s'", name);
		return EXIT_FAIL;
	}
	return c->run(c, rt, 2, (char *[]){(char *)c->name, flag, NULL});
}

int main(int argc, char **argv)
{
	struct globals g = {.rt = {.platform = "trap",
				   .overlay = "none",
				   .cgroup_manager = "auto",
				   .log_fd = -1},
			    .log_format = "text",
			    .rootless = "auto"};
	const struct opt global[] = {
		{"root", 0, OPT_STRING, &g.rt.root, "DIR", "state directory (default /run/nacre)"},
		{"log", 0, OPT_STRING, &g.log, "FILE", "append log lines to FILE"},
		{"log-format", 0, OPT_STRING, &g.log_format, "FORMAT", "text (default) or json"},
		{"debug", 0, OPT_BOOL, &g.rt.debug, NULL, "log debug messages too"},
		{"systemd-cgroup", 0, OPT_BOOL, &g.rt.systemd_cgroup, NULL,
		 "let systemd make the cgroups"},
		{"cgroup-manager", 0, OPT_STRING, &g.rt.cgroup_manager, "NAME",
		 "cgroupfs, systemd, disabled, or auto (default): systemd where root is missing, else cgroupfs"},
		{"rootless", 0, OPT_STRING, &g.rootless, "WHEN", "true, false or auto (default)"},
		{"platform", 0, OPT_STRING, &g.rt.platform, "NAME",
		 "trap (default); kvm, vm: not yet"},
		{"network", 0, OPT_STRING, &g.rt.network, "MODE", "host (default), none, off; sandbox: not yet"},
		{"overlay", 0, OPT_STRING, &g.rt.overlay, "MODE",
		 "where changes of the root go: none (to it), memory"},
		{"strace", 0, OPT_OPTIONAL, &g.rt.strace, "CALLS",
		 "log the guest's system calls (comma-separated names)"},
		{"hypervisor", 0, OPT_STRING, &g.hypervisor, "NAME", "for --platform vm"},
		{"criu", 0, OPT_IGNORED, NULL, "PATH", NULL},
		{"version", 'v', OPT_BOOL, &g.version, NULL, "print the version"},
		{NULL},
	};
	const struct command *cmd;
	int r;

	log_setup(-1, LOG_TEXT, LOG_WARNING, "nacre");
	r = opts_parse(NULL, global, false, &argc, &argv);
	if (r)
		return r == OPTS_HELP ? 0 : EXIT_FAIL;
	if (g.version) {
		printf("nacre version " NACRE_VERSION "\nspec: " OCI_VERSION_MAX "\n");
#ifdef NACRE_BREACH
		printf("breach drill: built in; for tests only\n");
#endif
		return 0;
	}
	r = setup(&g);
	if (r < 0)
		return EXIT_FAIL;
	if (!argc || !strcmp(argv[0], "help") || !strcmp(argv[0], "h"))
		return help_for(argc > 1 ? argv[1] : NULL, global, &g.rt);
	log_phase("main");
	cmd = command_find(argv[0]);
	if (!cmd) {
		log_error("No help topic for '%s': no such command", argv[0]);
		return EXIT_FAIL;
	}
	if (!g.rt.root && !cmd->stateless) {
		log_error("--root is needed: XDG_RUNTIME_DIR is not set");
		return EXIT_FAIL;
	}
	return cmd->run(cmd, &g.rt, argc, argv);
}
