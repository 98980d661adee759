/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "base/log.h"
#include "cli/console.h"
#include "cli/create.h"
#include "oci/names.h"
#include "oci/parse.h"

struct exec_flags {
	const char *process, *cwd, *user, *apparmor, *label, *cgroup;
	struct str_list env, gids, caps;
	bool tty, no_new_privs;
};

/* "1000" or "1000:1000" */
static int set_user(struct oci_process *p, const char *user)
{
	unsigned long long uid, gid = p->gid;
	char *end;

	errno = 0;
	uid = strtoull(user, &end, 10);
	if (end != user && *end == ':' && end[1]) {
		const char *g = end + 1;

		gid = strtoull(g, &end, 10);
		if (end == g)
			end = (char *)g;
	}
	if (end == user || *end || errno || *user == '-' || uid >= UINT32_MAX ||
	    gid >= UINT32_MAX) {
		log_error("--user: \"%s\" is not of the form UID[:GID] in numbers", user);
		return -EINVAL;
	}
	p->uid = (uint32_t)uid;
	p->gid = (uint32_t)gid;
	return 0;
}

static int add_gids(struct oci_process *p, const struct str_list *gids)
{
	uint32_t *all;

	if (!gids->n)
		return 0;
	all = reallocarray(p->groups, p->ngroups + gids->n, sizeof(*all));
	if (!all)
		return log_errno(-ENOMEM, "--additional-gids");
	p->groups = all;
	for (size_t i = 0; i < gids->n; i++) {
		char *end;
		unsigned long long gid = strtoull(gids->v[i], &end, 10);

		if (!*gids->v[i] || *end || gids->v[i][0] == '-' || gid >= UINT32_MAX) {
			log_error("--additional-gids: \"%s\" is not a group id", gids->v[i]);
			return -EINVAL;
		}
		p->groups[p->ngroups++] = (uint32_t)gid;
	}
	return 0;
}

static int add_caps(struct oci_process *p, const struct str_list *caps)
{
	for (size_t i = 0; i < caps->n; i++) {
		int cap = cap_by_name(caps->v[i], true);

		if (cap < 0) {
			log_error("--cap: \"%s\": unknown capability", caps->v[i]);
			return -EINVAL;
		}
		p->caps.given = true;
		p->caps.bounding |= 1ull << cap;
		p->caps.effective |= 1ull << cap;
		p->caps.permitted |= 1ull << cap;
	}
	return 0;
}

/* A later NAME=VALUE replaces an earlier one. */
static int add_env(struct oci_process *p, const struct str_list *env)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < env->n; i++) {
		const char *eq = strchr(env->v[i], '=');
		size_t n = eq ? (size_t)(eq - env->v[i]) + 1 : 0, j;

		if (n < 2) {
			log_error("--env: \"%s\" is not of the form NAME=VALUE", env->v[i]);
			return -EINVAL;
		}
		for (j = 0; j < p->env.n && strncmp(p->env.v[j], env->v[i], n); j++)
			;
		if (j == p->env.n) {
			r = str_list_add(&p->env, env->v[i]);
			continue;
		}
		free(p->env.v[j]);
		p->env.v[j] = strdup(env->v[i]);
		r = p->env.v[j] ? 0 : log_errno(-ENOMEM, "--env");
	}
	return r;
}

/* The container's own process object with another program and what the flags change. */
static int build_process(const struct runtime_opts *rt, const char *id, const struct exec_flags *f,
			 char **args, struct oci_process **ret)
{
	_cleanup_(oci_process_freep) struct oci_process *p = NULL;
	_cleanup_free_ char *path = NULL;
	struct container_info *info = NULL;
	int r = container_state(rt, id, &info);

	if (r < 0)
		return r;
	if (info->config)
		path = strdup(info->config);
	else if (asprintf(&path, "%s/config.json", info->bundle) < 0)
		path = NULL;
	r = path ? oci_process_of_config(path, &p) : log_errno(-ENOMEM, "exec");
	container_info_free(info);
	if (r < 0)
		return r;
	str_list_free(&p->args);
	for (; r == 0 && *args; args++)
		r = str_list_add(&p->args, *args);
	p->terminal = f->tty;
	p->console_height = p->console_width = 0;
	if (r == 0 && f->cwd && f->cwd[0] != '/') {
		log_error("--cwd: \"%s\" is not an absolute path", f->cwd);
		return -EINVAL;
	}
	if (r == 0 && f->cwd) {
		free(p->cwd);
		p->cwd = strdup(f->cwd);
		r = p->cwd ? 0 : log_errno(-ENOMEM, "--cwd");
	}
	if (r == 0 && f->user)
		r = set_user(p, f->user);
	if (r == 0)
		r = add_gids(p, &f->gids);
	if (r == 0)
		r = add_caps(p, &f->caps);
	if (r == 0)
		r = add_env(p, &f->env);
	if (f->no_new_privs)
		p->no_new_privs = true;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

static int run_exec(const struct runtime_opts *rt, struct exec_opts *o)
{
	bool relayed = o->process->terminal && !o->console_socket;
	int status = 0, program_error = 0, r;
	struct console console;

	o->ret_program_error = &program_error;
	if (o->detach) {
		r = container_exec(rt, o, &status);
		return r < 0 ? program_error ?: EXIT_EXEC_FAIL : 0;
	}
	if (console_init(&console, rt, o->id, o->exec_id, relayed, o->process->console_height,
			 o->process->console_width) < 0)
		return EXIT_EXEC_FAIL;
	o->rows = console.rows;
	o->columns = console.columns;
	if (console.slave >= 0) { /* console_start closes its own */
		o->tty_fd = fcntl(console.slave, F_DUPFD_CLOEXEC, 3);
		if (o->tty_fd < 0) {
			console_done(&console);
			return EXIT_EXEC_FAIL;
		}
	}
	r = console_start(&console);
	if (r == 0)
		r = container_exec(rt, o, &status);
	if (o->tty_fd >= 0)
		close(o->tty_fd);
	console_done(&console);
	return r < 0 ? program_error ?: EXIT_EXEC_FAIL : exit_code(status);
}

static int random_id(char out[static 17])
{
	uint64_t n;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		return log_errno(-errno, "random number");
	snprintf(out, 17, "%016" PRIx64, n);
	return 0;
}

static int exec_in(const struct runtime_opts *rt, struct exec_opts *o, const struct exec_flags *f,
		   char **args)
{
	_cleanup_(oci_process_freep) struct oci_process *p = NULL;
	int listen = listen_fds(), r;
	char exec_id[17];

	r = f->process ? oci_process_load(f->process, &p) : build_process(rt, o->id, f, args, &p);
	if (r < 0)
		return EXIT_EXEC_FAIL;
	if (f->process && f->tty)
		p->terminal = true;
	if (o->detach && p->terminal && !o->console_socket) {
		log_error("--detach: cannot allocate tty if nacre will detach without setting "
			  "console socket");
		return EXIT_EXEC_FAIL;
	}
	if (o->console_socket && !p->terminal) {
		log_error("--console-socket %s: the process has no terminal: cannot use console "
			  "socket if nacre will not "
			  "detach or allocate tty",
			  o->console_socket);
		return EXIT_EXEC_FAIL;
	}
	o->preserve_fds += listen;
	if (check_preserved(o->preserve_fds) < 0 || add_listen_env(&p->env, listen) < 0 ||
	    random_id(exec_id) < 0)
		return EXIT_EXEC_FAIL;
	o->exec_id = exec_id;
	o->process = p;
	return run_exec(rt, o);
}

int cmd_exec(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	struct exec_opts o = {.tty_fd = -1};
	struct exec_flags f = {0};
	const struct opt opts[] = {
		{"process", 'p', OPT_STRING, &f.process, "FILE", "the process object as JSON"},
		{"detach", 'd', OPT_BOOL, &o.detach, NULL, "do not wait for the command"},
		{"tty", 't', OPT_BOOL, &f.tty, NULL, "with a terminal"},
		{"console-socket", 0, OPT_STRING, &o.console_socket, "PATH",
		 "unix socket that receives the terminal's master"},
		{"pid-file", 0, OPT_STRING, &o.pid_file, "FILE",
		 "write the command's process id to FILE"},
		{"cwd", 0, OPT_STRING, &f.cwd, "DIR", "working directory inside"},
		{"env", 'e', OPT_LIST, &f.env, "NAME=VALUE", "set a variable"},
		{"user", 'u', OPT_STRING, &f.user, "UID[:GID]", "ids inside"},
		{"additional-gids", 'g', OPT_LIST, &f.gids, "GID", "a further group"},
		{"cap", 'c', OPT_LIST, &f.caps, "NAME", "add a capability"},
		{"no-new-privs", 0, OPT_BOOL, &f.no_new_privs, NULL, "set no_new_privs"},
		{"preserve-fds", 0, OPT_INT, &o.preserve_fds, "N",
		 "pass N more descriptors, from 3 on"},
		{"cgroup", 0, OPT_STRING, &f.cgroup, "PATH",
		 "accepted, without effect: the container's cgroup holds all"},
		{"ignore-paused", 0, OPT_BOOL, &o.ignore_paused, NULL,
		 "also in a paused container"},
		{"apparmor", 0, OPT_STRING, &f.apparmor, "PROFILE", "accepted, not applied"},
		{"process-label", 0, OPT_STRING, &f.label, "LABEL", "accepted, not applied"},
		{"pidfd-socket", 0, OPT_IGNORED, NULL, "PATH", NULL},
		{NULL},
	};
	int r = command_args(cmd, opts, false, 1, -1, &argc, &argv);

	if (r >= 0)
		return r;
	o.id = argv[0];
	if (check_id(o.id) < 0) {
		r = EXIT_EXEC_FAIL;
	} else if (!f.process && argc < 2) {
		log_error("\"exec\" requires a minimum of 2 arguments, or --process");
		r = EXIT_FAIL;
	} else {
		if (f.cgroup)
			log_warning("--cgroup %s: not supported yet: the command runs in the container's "
				    "cgroup", f.cgroup);
		r = exec_in(rt, &o, &f, argv + 1);
	}
	str_list_free(&f.env);
	str_list_free(&f.gids);
	str_list_free(&f.caps);
	return r;
}
