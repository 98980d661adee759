/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts array of config.json. */
#include "oci/parse_priv.h"

#include <string.h>
#include <sys/mount.h>
#include "base/log.h"
#include "oci/names.h"

static bool known_type(const char *type)
{
	static const char *const types[] = {"proc",   "tmpfs",	"devpts", "sysfs",
					    "mqueue", "cgroup", "cgroup2"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

/* Prefixes a relative path by a directory; *path is replaced. */
static int make_absolute(char **path, const char *dir)
{
	char *full = NULL;

	if (**path == '/')
		return 0;
	if (asprintf(&full, "%s/%s", dir, *path) < 0)
		return log_errno(-ENOMEM, "mounts");
	free(*path);
	*path = full;
	return 0;
}

static int check_source(const struct jval *v, struct oci_mount *m, const struct oci_spec *s)
{
	struct jval type = jval_get(v, "type"), source = jval_get(v, "source");

	if (!(m->flags & MS_BIND)) {
		if (!m->type || !*m->type)
			return jval_error(&type, "is required for a mount that is no bind");
		if (!known_type(m->type))
			return jval_error(&type, "file system type is not supported");
		return 0;
	}
	if (!m->source || !*m->source)
		return jval_error(&source, "a bind mount needs a source");
	if (make_absolute(&m->source, s->bundle) < 0)
		return -ENOMEM;
	if (access(m->source, F_OK) < 0)
		return jval_error(&source, "%s", strerror(errno));
	return 0;
}

static int parse_mount(const struct jval *v, struct oci_mount *m, const struct oci_spec *s)
{
	static const char *const mappings[] = {"uidMappings", "gidMappings"};
	struct jval f;
	size_t bad;
	int r;

	if (!json_object_is_type(v->o, json_type_object))
		return jval_error(v, "is not an object");
	r = jval_string(v, "destination", true, &m->destination);
	if (r == 0)
		r = make_absolute(&m->destination, "");
	if (r == 0)
		r = jval_string(v, "type", false, &m->type);
	if (r == 0)
		r = jval_string(v, "source", false, &m->source);
	if (r == 0)
		r = jval_strings(v, "options", &m->options);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(mappings); i++) {
		f = jval_get(v, mappings[i]);
		if (f.o)
			return jval_error(&f, "mapped mounts are not supported yet");
	}
	r = oci_mount_options(m, &bad);
	if (r == -ENOTSUP) {
		struct jval options = jval_get(v, "options");

		f = jval_at(&options, bad);
		return jval_error(&f, "not supported yet");
	}
	if (r < 0)
		return log_errno(r, "mounts");
	return check_source(v, m, s);
}

int parse_mounts(const struct jval *root, struct oci_spec *s)
{
	struct jval a;
	int r = jval_array(root, "mounts", false, &a);

	if (r < 0 || !jval_len(&a))
		return r;
	s->mounts = calloc(jval_len(&a), sizeof(*s->mounts));
	if (!s->mounts)
		return log_errno(-ENOMEM, "mounts");
	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i);

		s->nmounts++;
		r = parse_mount(&v, &s->mounts[i], s);
	}
	return r;
}
