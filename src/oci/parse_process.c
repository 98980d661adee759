/* SPDX-License-Identifier: Apache-2.0 */
/* The process object of config.json and of exec --process. */
#include "oci/parse_priv.h"

#include <string.h>
#include <sys/resource.h>
#include "base/log.h"
#include "oci/names.h"
#include "oci/parse.h"

static int parse_user(const struct jval *v, struct oci_process *p)
{
	struct jval user, gids;
	uint64_t n = 0;
	int64_t umask = -1;
	int r;

	p->umask = -1;
	r = jval_object(v, "user", false, &user);
	if (r < 0 || !user.o)
		return r;
	r = jval_uint(&user, "uid", UINT32_MAX - 1, false, &n, NULL);
	p->uid = (uint32_t)n;
	n = 0;
	if (r == 0)
		r = jval_uint(&user, "gid", UINT32_MAX - 1, false, &n, NULL);
	p->gid = (uint32_t)n;
	if (r == 0)
		r = jval_int(&user, "umask", 0, 0777, false, &umask, NULL);
	p->umask = (int)umask;
	if (r == 0)
		r = jval_array(&user, "additionalGids", false, &gids);
	if (r < 0 || !jval_len(&gids))
		return r;
	p->groups = calloc(jval_len(&gids), sizeof(*p->groups));
	if (!p->groups)
		return log_errno(-ENOMEM, "process.user.additionalGids");
	for (size_t i = 0; i < jval_len(&gids); i++) {
		struct jval g = jval_at(&gids, i);
		uint64_t gid;

		if (!json_object_is_type(g.o, json_type_int) || json_object_get_int64(g.o) < 0 ||
		    (gid = json_object_get_uint64(g.o)) > UINT32_MAX - 1)
			return jval_error(&g, "is not a group id");
		p->groups[p->ngroups++] = (uint32_t)gid;
	}
	return 0;
}

static int parse_cap_set(const struct jval *caps, const char *key, uint64_t *ret)
{
	struct jval a;
	int r = jval_array(caps, key, false, &a);

	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i);
		const char *name;
		int cap;

		r = jval_as_string(&v, &name);
		if (r < 0)
			return r;
		cap = cap_by_name(name, false);
		if (cap < 0)
			return jval_error(&v, "unknown capability");
		*ret |= 1ull << cap;
	}
	return r;
}

static int parse_caps(const struct jval *v, struct oci_caps *c)
{
	struct jval caps;
	int r = jval_object(v, "capabilities", false, &caps);

	if (r < 0 || !caps.o)
		return r;
	c->given = true;
	r = parse_cap_set(&caps, "bounding", &c->bounding);
	if (r == 0)
		r = parse_cap_set(&caps, "effective", &c->effective);
	if (r == 0)
		r = parse_cap_set(&caps, "inheritable", &c->inheritable);
	if (r == 0)
		r = parse_cap_set(&caps, "permitted", &c->permitted);
	if (r == 0)
		r = parse_cap_set(&caps, "ambient", &c->ambient);
	if (r == 0 && (c->effective & ~c->permitted)) {
		struct jval e = jval_get(&caps, "effective");

		return jval_error(
			&e, "%s is not in permitted",
			cap_name((unsigned)__builtin_ctzll(c->effective & ~c->permitted)));
	}
	return r;
}

static int parse_rlimits(const struct jval *v, struct oci_process *p)
{
	struct jval a;
	uint64_t seen = 0;
	int r = jval_array(v, "rlimits", false, &a);

	if (r < 0 || !jval_len(&a))
		return r;
	p->rlimits = calloc(jval_len(&a), sizeof(*p->rlimits));
	if (!p->rlimits)
		return log_errno(-ENOMEM, "process.rlimits");
	for (size_t i = 0; i < jval_len(&a); i++) {
		struct jval e = jval_at(&a, i), name = jval_get(&e, "type");
		struct oci_rlimit *l = &p->rlimits[p->nrlimits];
		const char *s;

		if (!json_object_is_type(e.o, json_type_object))
			return jval_error(&e, "is not an object");
		if (!name.o)
			return jval_error(&name, "is required");
		r = jval_as_string(&name, &s);
		if (r < 0)
			return r;
		l->type = rlimit_by_name(s);
		if (l->type < 0)
			return jval_error(&name, "unknown resource limit");
		if (seen & 1ull << l->type)
			return jval_error(&name, "is given twice");
		seen |= 1ull << l->type;
		r = jval_uint(&e, "soft", UINT64_MAX, true, &l->soft, NULL);
		if (r == 0)
			r = jval_uint(&e, "hard", UINT64_MAX, true, &l->hard, NULL);
		if (r < 0)
			return r;
		if (l->soft > l->hard) {
			name = jval_get(&e, "soft");
			return jval_error(&name, "is above the hard limit of %s", s);
		}
		p->nrlimits++;
	}
	return 0;
}

static int parse_terminal(const struct jval *v, struct oci_process *p)
{
	struct jval size;
	uint64_t n = 0;
	int r = jval_bool(v, "terminal", &p->terminal);

	if (r == 0)
		r = jval_object(v, "consoleSize", false, &size);
	if (r < 0 || !size.o)
		return r;
	r = jval_uint(&size, "height", UINT16_MAX, true, &n, NULL);
	p->console_height = (unsigned)n;
	if (r == 0)
		r = jval_uint(&size, "width", UINT16_MAX, true, &n, NULL);
	p->console_width = (unsigned)n;
	return r;
}

static int parse_program(const struct jval *v, struct oci_process *p)
{
	struct jval args, env, cwd;
	int r = jval_array(v, "args", false, &args);

	if (r == 0)
		r = jval_strings(v, "args", &p->args);
	if (r < 0)
		return r;
	if (!p->args.n)
		return jval_error(&args, "args must not be empty");
	if (!p->args.v[0][0])
		return jval_error(&args, "the first argument must not be empty");
	r = jval_strings(v, "env", &p->env);
	if (r < 0)
		return r;
	env = jval_get(v, "env");
	for (size_t i = 0; i < p->env.n; i++) {
		const char *eq = strchr(p->env.v[i], '=');

		if (!eq || eq == p->env.v[i]) {
			struct jval e = jval_at(&env, i);

			return jval_error(&e, "is not of the form NAME=VALUE");
		}
	}
	cwd = jval_get(v, "cwd");
	if (!cwd.o)
		return jval_error(&cwd, "Cwd property must not be empty");
	r = jval_string(v, "cwd", true, &p->cwd);
	if (r == 0 && p->cwd[0] != '/')
		return jval_error(&cwd, "Cwd must be an absolute path");
	return r;
}

/* Settings that change what the program sees and that nacre does not have: refused, not ignored. */
static int refuse_unsupported(const struct jval *v)
{
	static const char *const fields[] = {"scheduler", "ioPriority", "execCPUAffinity"};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct jval f = jval_get(v, fields[i]);

		if (f.o && !(json_object_is_type(f.o, json_type_object) &&
			     !json_object_object_length(f.o)))
			return jval_error(&f, "not supported yet");
	}
	return 0;
}

int parse_process(const struct jval *v, struct oci_process *p)
{
	int64_t oom = 0;
	int r = parse_user(v, p);

	if (r == 0)
		r = parse_terminal(v, p);
	if (r == 0)
		r = parse_program(v, p);
	if (r == 0)
		r = parse_caps(v, &p->caps);
	if (r == 0)
		r = parse_rlimits(v, p);
	if (r == 0)
		r = jval_bool(v, "noNewPrivileges", &p->no_new_privs);
	if (r == 0)
		r = jval_int(v, "oomScoreAdj", -1000, 1000, false, &oom, &p->has_oom_score_adj);
	p->oom_score_adj = (int)oom;
	if (r == 0)
		r = jval_string(v, "apparmorProfile", false, &p->apparmor_profile);
	if (r == 0)
		r = jval_string(v, "selinuxLabel", false, &p->selinux_label);
	if (r == 0)
		r = refuse_unsupported(v);
	return r;
}

void process_clear(struct oci_process *p)
{
	str_list_free(&p->args);
	str_list_free(&p->env);
	free(p->groups);
	free(p->rlimits);
	free(p->cwd);
	free(p->apparmor_profile);
	free(p->selinux_label);
	*p = (struct oci_process){0};
}

void oci_process_free(struct oci_process *p)
{
	if (!p)
		return;
	process_clear(p);
	free(p);
}

/* Takes a document and reads the process object in it: the document itself, or its member. */
static int process_load(const char *path, const char *member, struct oci_process **ret)
{
	_cleanup_(json_object_putp) struct json_object *o = NULL;
	_cleanup_(oci_process_freep) struct oci_process *p = NULL;
	struct jval root, v;
	int r = json_read_file(path, path, &o);

	if (r < 0)
		return r;
	root = JVAL_ROOT(o, path);
	v = member ? jval_get(&root, member) : root;
	if (!json_object_is_type(v.o, json_type_object))
		return jval_error(&v, "is not an object");
	p = calloc(1, sizeof(*p));
	if (!p)
		return log_errno(-ENOMEM, "%s", path);
	r = parse_process(&v, p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

int oci_process_load(const char *file, struct oci_process **ret)
{
	return process_load(file, NULL, ret);
}

int oci_process_of_config(const char *file, struct oci_process **ret)
{
	return process_load(file, "process", ret);
}
