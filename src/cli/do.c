/* SPDX-License-Identifier: Apache-2.0 */
/* nacre do: one command in a throw-away sandbox. A config.json is made in memory and read like any
 * other. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include "base/log.h"
#include "cli/create.h"
#include "oci/cgroup.h"
#include "oci/names.h"
#include "oci/parse.h"
#include "oci/template.h"

extern char **environ;

struct do_flags {
	const char *rootfs, *workdir, *hostname, *user;
	struct str_list share, env;
	char cwd[PATH_MAX];
};

/* Empty inside when the root is this machine's: where people keep what a stranger's program must
 * not see. */
static const struct {
	const char *path, *mode;
} private_dirs[] = {{"/root", "mode=700"}, {"/home", "mode=755"},     {"/run", "mode=755"},
		    {"/tmp", "mode=1777"}, {"/var/tmp", "mode=1777"}, {"/mnt", "mode=755"}};

static struct json_object *string(const char *s)
{
	return json_object_new_string(s);
}

static struct json_object *strings(const char *const *v)
{
	struct json_object *a = json_object_new_array();

	for (; *v; v++)
		json_object_array_add(a, string(*v));
	return a;
}

static void add_mount(struct json_object *mounts, const char *destination, const char *type,
		      const char *source, const char *const *options)
{
	struct json_object *m = json_object_new_object();

	json_object_object_add(m, "destination", string(destination));
	json_object_object_add(m, "type", string(type));
	json_object_object_add(m, "source", string(source));
	json_object_object_add(m, "options", strings(options));
	json_object_array_add(mounts, m);
}

static void add_bind(struct json_object *mounts, const char *path, const char *source, bool rw)
{
	add_mount(mounts, path, "bind", source,
		  (const char *[]){"rbind", rw ? "rw" : "ro", "nosuid", "nodev", NULL});
}

/* Is path the directory or below it? */
static bool within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strcmp(dir, "/") || (!strncmp(path, dir, n) && (!path[n] || path[n] == '/'));
}

/* Showing the working directory must not undo the hiding: not if a private directory is it, or in
 * it. */
static bool shows_private(const struct do_flags *f, const char *dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(private_dirs); i++)
		if (within(private_dirs[i].path, dir))
			return !f->rootfs;
	return !strcmp(dir, "/");
}

static int add_share(struct json_object *mounts, const char *arg)
{
	_cleanup_free_ char *path = strdup(arg), *real = NULL;
	size_t n = strlen(arg);
	bool rw = false;

	if (!path)
		return log_errno(-ENOMEM, "--share %s", arg);
	if (n > 3 && (!strcmp(arg + n - 3, ":rw") || !strcmp(arg + n - 3, ":ro"))) {
		rw = arg[n - 2] == 'r' && arg[n - 1] == 'w';
		path[n - 3] = '\0';
	}
	real = realpath(path, NULL);
	if (!real)
		return log_errno(-errno, "--share %s", path);
	/* Inside it has the name that the caller used, so that both names work if that was a link.
	 */
	if (path[0] == '/' && strcmp(path, real) && !strstr(path, "/.."))
		add_bind(mounts, path, real, rw);
	add_bind(mounts, real, real, rw);
	return 0;
}

/* The working directory inside: given, or the caller's if it can be shown. */
static int workdir(const struct do_flags *f, struct json_object *mounts, char **ret)
{
	bool shown = !shows_private(f, f->cwd), shared = false;
	char *dir = NULL;

	for (size_t i = 0; i < f->share.n; i++) {
		_cleanup_free_ char *real = realpath(f->share.v[i], NULL);
		size_t n = strcspn(f->share.v[i], ":");
		_cleanup_free_ char *bare = strndup(f->share.v[i], n);

		if (!real && bare)
			real = realpath(bare, NULL);
		shared |= real && within(f->cwd, real);
	}
	if (f->workdir && f->workdir[0] == '/')
		dir = strdup(f->workdir);
	else if (asprintf(&dir, "%s%s%s", f->cwd, f->workdir ? "/" : "", f->workdir ?: "") < 0)
		dir = NULL;
	if (!dir)
		return log_errno(-ENOMEM, "--workdir");
	if (shown && !shared && (!f->workdir || within(dir, f->cwd)))
		add_bind(mounts, f->cwd, f->cwd, false);
	if (!shown && !shared && !f->workdir && strcmp(f->cwd, "/"))
		log_warning("%s is not shown inside: name what you need with --share", f->cwd);
	*ret = dir;
	return 0;
}

static int add_mounts(const struct do_flags *f, struct json_object *doc, char **ret_dir)
{
	struct json_object *mounts;
	int r = 0;

	json_object_object_get_ex(doc, "mounts", &mounts);
	for (size_t i = 0; !f->rootfs && i < ARRAY_SIZE(private_dirs); i++)
		add_mount(mounts, private_dirs[i].path, "tmpfs", "tmpfs",
			  (const char *[]){"nosuid", "nodev", private_dirs[i].mode, NULL});
	r = workdir(f, mounts, ret_dir);
	for (size_t i = 0; r == 0 && i < f->share.n; i++)
		r = add_share(mounts, f->share.v[i]);
	return r;
}

static int add_env(const struct do_flags *f, struct json_object *process, const char *home)
{
	static const char *const keep[] = {"PATH=", "TERM=", "LANG=", "LC_", "TZ=", "COLORTERM="};
	struct json_object *env = json_object_new_array();
	char text[PATH_MAX + 8];
	bool path = false;

	json_object_object_add(process, "env", env);
	for (char **e = environ; *e; e++)
		for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
			if (!strncmp(*e, keep[i], strlen(keep[i])) && strchr(*e, '=')) {
				json_object_array_add(env, string(*e));
				path |= i == 0;
			}
	if (!path)
		json_object_array_add(env, string("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/"
						  "usr/bin:/sbin:/bin"));
	snprintf(text, sizeof(text), "HOME=%s", home);
	json_object_array_add(env, string(text));
	for (size_t i = 0; i < f->env.n; i++) {
		const char *e = f->env.v[i], *value = strchr(e, '=') ? NULL : getenv(e);

		if (strchr(e, '=')) {
			json_object_array_add(env, string(e));
		} else if (value) { /* --env NAME: the caller's own value */
			if ((size_t)snprintf(text, sizeof(text), "%s=%s", e, value) >= sizeof(text))
				return log_errno(-E2BIG, "--env %s", e);
			json_object_array_add(env, string(text));
		} else {
			log_error("--env: \"%s\" is not of the form NAME=VALUE and not in the "
				  "environment",
				  e);
			return -EINVAL;
		}
	}
	return 0;
}

/* UID[:GID] or a name of the root's /etc/passwd. */
static int find_user(const struct do_flags *f, uint32_t *uid, uint32_t *gid, char *home, size_t cap)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *file = NULL;
	unsigned long long u, g;
	struct passwd *p;
	char *end;

	snprintf(home, cap, "/root");
	*uid = *gid = 0;
	if (!f->user)
		return 0;
	if (asprintf(&path, "%s/etc/passwd", f->rootfs ?: "") < 0)
		return log_errno(-ENOMEM, "--user");
	u = strtoull(f->user, &end, 10);
	file = fopen(path, "re");
	while (file && (p = fgetpwent(file)))
		if (!strcmp(p->pw_name, f->user) || (end != f->user && !*end && p->pw_uid == u)) {
			*uid = p->pw_uid;
			*gid = p->pw_gid;
			snprintf(home, cap, "%s", p->pw_dir);
			return 0;
		}
	g = 0;
	if (end != f->user && *end == ':' && end[1])
		g = strtoull(end + 1, &end, 10);
	if (end == f->user || *end || f->user[0] == '-' || u >= UINT32_MAX || g >= UINT32_MAX) {
		log_error("--user: \"%s\" is neither UID[:GID] nor a name in %s", f->user, path);
		return -EINVAL;
	}
	*uid = (uint32_t)u;
	*gid = (uint32_t)g;
	snprintf(home, cap, "/");
	return 0;
}

/* All capabilities, of the guest kernel, that is: they are none on the host. */
static void add_caps(struct json_object *process, bool root)
{
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	struct json_object *caps = json_object_new_object();

	for (size_t i = 0; i < (root ? ARRAY_SIZE(sets) : 1); i++) {
		struct json_object *a = json_object_new_array();

		for (unsigned c = 0; cap_name(c); c++)
			json_object_array_add(a, string(cap_name(c)));
		json_object_object_add(caps, sets[i], a);
	}
	json_object_object_add(process, "capabilities", caps);
}

static void add_rlimits(struct json_object *process)
{
	struct json_object *l, *e;
	struct rlimit nofile;

	json_object_object_get_ex(process, "rlimits", &l);
	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		return;
	e = json_object_array_get_idx(l, 0);
	json_object_object_add(e, "soft", json_object_new_uint64(nofile.rlim_cur));
	json_object_object_add(e, "hard", json_object_new_uint64(nofile.rlim_max));
}

static int build_process(const struct do_flags *f, struct json_object *process, char **args,
			 const char *dir)
{
	struct json_object *user = json_object_new_object();
	char home[PATH_MAX];
	uint32_t uid, gid;
	int r = find_user(f, &uid, &gid, home, sizeof(home));

	json_object_object_add(user, "uid", json_object_new_int64(uid));
	json_object_object_add(user, "gid", json_object_new_int64(gid));
	json_object_object_add(process, "user", user);
	json_object_object_add(process, "terminal",
			       json_object_new_boolean(isatty(0) && isatty(1)));
	json_object_object_add(process, "args", strings((const char *const *)args));
	json_object_object_add(process, "cwd", string(dir));
	json_object_object_add(process, "noNewPrivileges", json_object_new_boolean(false));
	add_caps(process, uid == 0);
	add_rlimits(process);
	return r < 0 ? r : add_env(f, process, home);
}

/* The template with everything replaced that makes it this command. */
static int build(const struct do_flags *f, char **args, struct oci_spec **ret)
{
	_cleanup_(json_object_putp) struct json_object *doc = oci_spec_template(false);
	struct json_object *process, *root = json_object_new_object(), *lin, *mounts;
	_cleanup_free_ char *dir = NULL;
	int r;

	if (!doc)
		return -ENOMEM;
	json_object_object_get_ex(doc, "process", &process);
	json_object_object_get_ex(doc, "linux", &lin);
	json_object_object_get_ex(doc, "mounts", &mounts);
	json_object_object_add(root, "path", string(f->rootfs ?: "/"));
	json_object_object_add(root, "readonly", json_object_new_boolean(false));
	json_object_object_add(doc, "root", root);
	json_object_object_add(doc, "hostname", string(f->hostname));
	json_object_object_del(lin, "resources");
	json_object_object_del(lin,
			       "maskedPaths"); /* they hide the host's, these are the guest's */
	json_object_object_del(lin, "readonlyPaths");
	json_object_array_del_idx(mounts, 6, 1); /* /sys/fs/cgroup */
	r = add_mounts(f, doc, &dir);
	if (r == 0)
		r = build_process(f, process, args, dir);
	return r < 0 ? r : oci_spec_parse(TAKE_PTR(doc), "/", "do", ret);
}

static int do_run(const struct runtime_opts *rt, const struct do_flags *f, char **args)
{
	_cleanup_(oci_spec_freep) struct oci_spec *spec = NULL;
	struct create_opts o = {.bundle = "/", .tty_fd = -1};
	struct runtime_opts mine = *rt;
	uint64_t n;
	char id[24];

	if (getrandom(&n, sizeof(n), 0) != sizeof(n)) {
		(void)!log_errno(-errno, "random number");
		return EXIT_FAIL;
	}
	snprintf(id, sizeof(id), "do-%016" PRIx64, n);
	o.id = id;
	mine.overlay = "memory";
	return cgroup_check_manager(rt) < 0 || build(f, args, &spec) < 0
		       ? EXIT_FAIL
		       : run_foreground(&mine, &o, spec, false);
}

int cmd_do(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	_cleanup_free_ char *rootfs = NULL;
	struct do_flags f = {.hostname = "nacre"};
	const struct opt opts[] = {
		{"share", 0, OPT_LIST, &f.share, "PATH[:rw]",
		 "show PATH inside, read-only or writable"},
		{"env", 'e', OPT_LIST, &f.env, "NAME[=VALUE]",
		 "set a variable, or keep the caller's"},
		{"rootfs", 0, OPT_STRING, &f.rootfs, "DIR",
		 "root file system instead of this machine's"},
		{"workdir", 'w', OPT_STRING, &f.workdir, "DIR", "working directory inside"},
		{"hostname", 0, OPT_STRING, &f.hostname, "NAME",
		 "host name inside (default nacre)"},
		{"user", 'u', OPT_STRING, &f.user, "USER",
		 "UID[:GID], or a name, inside (default root)"},
		{NULL},
	};
	int r = command_args(cmd, opts, false, 1, -1, &argc, &argv);

	if (r < 0 && !getcwd(f.cwd, sizeof(f.cwd))) {
		(void)!log_errno(-errno, "working directory");
		r = EXIT_FAIL;
	}
	if (r < 0 && f.rootfs) {
		rootfs = realpath(f.rootfs, NULL);
		if (!rootfs) {
			(void)!log_errno(-errno, "--rootfs %s", f.rootfs);
			r = EXIT_FAIL;
		}
		f.rootfs = rootfs && strcmp(rootfs, "/") ? rootfs : NULL;
	}
	if (r < 0)
		r = do_run(rt, &f, argv);
	str_list_free(&f.share);
	str_list_free(&f.env);
	return r;
}
