/* SPDX-License-Identifier: Apache-2.0 */
/* The linux object of config.json. */
#include "oci/parse_priv.h"

#include <string.h>
#include "base/log.h"
#include "oci/names.h"

static int parse_namespaces(const struct jval *l, struct oci_spec *s)
{
	struct jval a;
	int r = jval_array(l, "namespaces", false, &a);

	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i), type = jval_get(&v, "type"),
			    path = jval_get(&v, "path");
		const char *name;
		int ns;

		if (!json_object_is_type(v.o, json_type_object))
			return jval_error(&v, "is not an object");
		if (!type.o)
			return jval_error(&type, "is required");
		r = jval_as_string(&type, &name);
		if (r < 0)
			return r;
		ns = ns_by_name(name);
		if (ns < 0)
			return jval_error(&type, "unknown namespace type");
		if (s->ns[ns].present)
			return jval_error(&type, "namespace is given twice");
		s->ns[ns].present = true;
		r = jval_string(&v, "path", false, &s->ns[ns].path);
		if (r == 0 && s->ns[ns].path && !*s->ns[ns].path) {
			free(s->ns[ns].path);
			s->ns[ns].path = NULL;
		}
		if (r == 0 && s->ns[ns].path && s->ns[ns].path[0] != '/')
			return jval_error(&path, "must be an absolute path");
	}
	return r;
}

static int parse_idmaps(const struct jval *l, const char *key, struct oci_idmap **ret,
			size_t *ret_n)
{
	struct jval a;
	int r = jval_array(l, key, false, &a);

	if (r < 0 || !jval_len(&a))
		return r;
	if (jval_len(&a) > 340) /* the kernel's limit */
		return jval_error(&a, "more than 340 mappings");
	*ret = calloc(jval_len(&a), sizeof(**ret));
	if (!*ret)
		return log_errno(-ENOMEM, "%s", key);
	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i);
		uint64_t c = 0, h = 0, n = 0;

		if (!json_object_is_type(v.o, json_type_object))
			return jval_error(&v, "is not an object");
		r = jval_uint(&v, "containerID", UINT32_MAX - 1, true, &c, NULL);
		if (r == 0)
			r = jval_uint(&v, "hostID", UINT32_MAX - 1, true, &h, NULL);
		if (r == 0)
			r = jval_uint(&v, "size", UINT32_MAX, true, &n, NULL);
		if (r == 0 && (n == 0 || c + n > UINT32_MAX || h + n > UINT32_MAX))
			return jval_error(&v, "is an impossible range of ids");
		(*ret)[(*ret_n)++] = (struct oci_idmap){(uint32_t)c, (uint32_t)h, (uint32_t)n};
	}
	return r;
}

static int parse_device(const struct jval *v, struct oci_device *d)
{
	struct jval type = jval_get(v, "type"), path = jval_get(v, "path");
	_cleanup_free_ char *t = NULL;
	uint64_t mode = 0666, uid = 0, gid = 0;
	bool node;
	int r;

	if (!json_object_is_type(v->o, json_type_object))
		return jval_error(v, "is not an object");
	r = jval_string(v, "type", true, &t);
	if (r < 0)
		return r;
	if (strlen(t) != 1 || !strchr("cbup", t[0]))
		return jval_error(&type, "is none of c, b, u, p");
	d->type = t[0];
	r = jval_string(v, "path", true, &d->path);
	if (r == 0 && d->path[0] != '/')
		return jval_error(&path, "must be an absolute path");
	node = d->type != 'p';
	if (r == 0)
		r = jval_int(v, "major", -1, 4095, node, &d->major, NULL);
	if (r == 0)
		r = jval_int(v, "minor", -1, 1048575, node, &d->minor, NULL);
	if (r == 0 && node && (d->major < 0 || d->minor < 0)) {
		type = jval_get(v, d->major < 0 ? "major" : "minor");
		return jval_error(&type, "is not a device number");
	}
	if (r == 0)
		r = jval_uint(v, "fileMode", UINT32_MAX, false, &mode, NULL);
	if (r == 0)
		r = jval_uint(v, "uid", UINT32_MAX - 1, false, &uid, NULL);
	if (r == 0)
		r = jval_uint(v, "gid", UINT32_MAX - 1, false, &gid, NULL);
	d->mode = (mode_t)mode & 07777; /* engines put the type's bits there too */
	d->uid = (uint32_t)uid;
	d->gid = (uint32_t)gid;
	return r;
}

static int parse_devices(const struct jval *l, struct oci_spec *s)
{
	struct jval a;
	int r = jval_array(l, "devices", false, &a);

	if (r < 0 || !jval_len(&a))
		return r;
	s->devices = calloc(jval_len(&a), sizeof(*s->devices));
	if (!s->devices)
		return log_errno(-ENOMEM, "linux.devices");
	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i);

		s->ndevices++;
		r = parse_device(&v, &s->devices[i]);
	}
	return r;
}

int parse_kv(const struct jval *obj, const char *key, struct oci_kv **ret, size_t *ret_n)
{
	struct json_object_iterator it, end;
	struct jval o;
	size_t n;
	int r = jval_object(obj, key, false, &o);

	if (r < 0 || !o.o || !(n = (size_t)json_object_object_length(o.o)))
		return r;
	*ret = calloc(n, sizeof(**ret));
	if (!*ret)
		return log_errno(-ENOMEM, "%s", key);
	end = json_object_iter_end(o.o);
	for (it = json_object_iter_begin(o.o); !json_object_iter_equal(&it, &end);
	     json_object_iter_next(&it)) {
		struct jval v = jval_get(&o, json_object_iter_peek_name(&it));
		struct oci_kv *kv = &(*ret)[*ret_n];
		const char *s;

		if (!*v.key)
			return jval_error(&o, "has an empty key");
		r = jval_as_string(&v, &s);
		if (r < 0)
			return r;
		++*ret_n;
		kv->key = strdup(v.key);
		kv->value = strdup(s);
		if (!kv->key || !kv->value)
			return log_errno(-ENOMEM, "%s", key);
	}
	return 0;
}

static int parse_path_list(const struct jval *l, const char *key, struct str_list *ret)
{
	struct jval a;
	int r = jval_strings(l, key, ret);

	if (r < 0)
		return r;
	a = jval_get(l, key);
	for (size_t i = 0; i < ret->n; i++) {
		struct jval v = jval_at(&a, i);

		if (ret->v[i][0] != '/')
			return jval_error(&v, "must be an absolute path");
	}
	return 0;
}

static int parse_propagation(const struct jval *l, struct oci_spec *s)
{
	static const char *const words[] = {"",	      "private",    "rprivate",
					    "shared", "rshared",    "slave",
					    "rslave", "unbindable", "runbindable"};
	struct jval v = jval_get(l, "rootfsPropagation");
	int r = jval_string(l, "rootfsPropagation", false, &s->rootfs_propagation);

	if (r < 0 || !s->rootfs_propagation)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], s->rootfs_propagation))
			return 0;
	return jval_error(&v, "is no propagation type");
}

static int parse_personality(const struct jval *l)
{
	struct jval p, domain, flags;
	const char *s;
	int r = jval_object(l, "personality", false, &p);

	if (r < 0 || !p.o)
		return r;
	domain = jval_get(&p, "domain");
	if (!domain.o)
		return jval_error(&domain, "is required");
	r = jval_as_string(&domain, &s);
	if (r < 0)
		return r;
	if (!strcmp(s, "LINUX32"))
		return jval_error(&domain, "not supported yet");
	if (strcmp(s, "LINUX"))
		return jval_error(&domain, "is neither LINUX nor LINUX32");
	r = jval_array(&p, "flags", false, &flags);
	if (r == 0 && jval_len(&flags))
		return jval_error(&flags, "no personality flag is known");
	return r;
}

/* What nacre does not do yet and what would be missed if it were silently left out. */
static int refuse_unsupported(const struct jval *l)
{
	static const char *const fields[] = {"intelRdt", "memoryPolicy", "timeOffsets",
					     "netDevices"};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct jval f = jval_get(l, fields[i]);

		if (f.o && !(json_object_is_type(f.o, json_type_object) &&
			     !json_object_object_length(f.o)))
			return jval_error(&f, "not supported yet");
	}
	return 0;
}

int parse_linux(const struct jval *root, struct oci_spec *s)
{
	struct jval l, f;
	_cleanup_free_ char *label = NULL;
	int r = jval_object(root, "linux", false, &l);

	if (r < 0 || !l.o)
		return r;
	r = parse_namespaces(&l, s);
	if (r == 0)
		r = parse_idmaps(&l, "uidMappings", &s->uid_maps, &s->nuid_maps);
	if (r == 0)
		r = parse_idmaps(&l, "gidMappings", &s->gid_maps, &s->ngid_maps);
	if (r == 0)
		r = parse_devices(&l, s);
	if (r == 0)
		r = parse_kv(&l, "sysctl", &s->sysctl, &s->nsysctl);
	if (r == 0)
		r = parse_path_list(&l, "maskedPaths", &s->masked_paths);
	if (r == 0)
		r = parse_path_list(&l, "readonlyPaths", &s->readonly_paths);
	if (r == 0)
		r = jval_string(&l, "cgroupsPath", false, &s->cgroups_path);
	if (r == 0)
		r = parse_propagation(&l, s);
	if (r == 0)
		r = parse_personality(&l);
	if (r == 0)
		r = jval_string(&l, "mountLabel", false, &label);
	if (r == 0)
		r = refuse_unsupported(&l);
	if (r == 0)
		r = jval_object(&l, "resources", false, &f);
	if (r == 0 && f.o) {
		r = check_resources(&f);
		s->resources = f.o;
	}
	if (r == 0)
		r = jval_object(&l, "seccomp", false, &f);
	if (r == 0 && f.o) {
		r = check_seccomp(&f);
		s->has_seccomp = true;
	}
	return r;
}
