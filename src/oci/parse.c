/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as a whole: version, root, hooks, and the order in which the parts are read. */
#include "oci/parse.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "oci/hooks.h"
#include "oci/parse_priv.h"

/* "1.M.P", M <= 3, perhaps with a suffix -dev, -rc.1 or +meta. */
static bool version_supported(const char *v)
{
	char *end;
	unsigned long minor;

	if (strncmp(v, "1.", 2) || !isdigit((unsigned char)v[2]))
		return false;
	minor = strtoul(v + 2, &end, 10);
	if (minor > 3 || *end != '.' || !isdigit((unsigned char)end[1]))
		return false;
	strtoul(end + 1, &end, 10);
	return *end == '\0' || *end == '-' || *end == '+';
}

static int parse_version(const struct jval *root, struct oci_spec *s)
{
	struct jval v = jval_get(root, "ociVersion");
	int r = jval_string(root, "ociVersion", true, &s->oci_version);

	if (r == 0 && !version_supported(s->oci_version))
		return jval_error(&v,
				  "unsupported version: not within " OCI_VERSION_MIN " to 1.3.x");
	return r;
}

static int parse_root(const struct jval *root, struct oci_spec *s)
{
	_cleanup_free_ char *full = NULL;
	struct jval o, path;
	struct stat st;
	char *p = NULL;
	int r = jval_object(root, "root", true, &o);

	if (r == 0)
		r = jval_bool(&o, "readonly", &s->root_readonly);
	if (r == 0)
		r = jval_string(&o, "path", true, &p);
	if (r < 0)
		return r;
	path = jval_get(&o, "path");
	r = asprintf(&full, "%s%s%s", p[0] == '/' ? "" : s->bundle, p[0] == '/' ? "" : "/", p);
	free(p);
	if (r < 0)
		return log_errno(-ENOMEM, "root.path");
	s->rootfs = realpath(full, NULL);
	if (!s->rootfs || stat(s->rootfs, &st) < 0) {
		r = -errno;
		(void)!jval_error(&path, "%s: %s", full, strerror(errno));
		return r;
	}
	if (!S_ISDIR(st.st_mode))
		return jval_error(&path, "%s is not a directory", s->rootfs);
	return 0;
}

static int parse_hook(const struct jval *v, struct oci_hook *h)
{
	struct jval path = jval_get(v, "path"), timeout = jval_get(v, "timeout");
	int64_t n = 0;
	bool found;
	int r;

	if (!json_object_is_type(v->o, json_type_object))
		return jval_error(v, "is not an object");
	r = jval_string(v, "path", true, &h->path);
	if (r == 0 && h->path[0] != '/')
		return jval_error(&path, "must be an absolute path");
	if (r == 0)
		r = jval_strings(v, "args", &h->args);
	if (r == 0)
		r = jval_strings(v, "env", &h->env);
	if (r == 0)
		r = jval_int(v, "timeout", INT_MIN, INT_MAX, false, &n, &found);
	if (r == 0 && found && n <= 0)
		return jval_error(&timeout, "must be greater than zero");
	h->timeout = (int)n;
	return r;
}

static int parse_hooks(const struct jval *root, struct oci_spec *s)
{
	struct jval hooks, a;
	int r = jval_object(root, "hooks", false, &hooks);

	for (unsigned k = 0; r == 0 && k < OCI_HOOK_MAX; k++) {
		r = jval_array(&hooks, oci_hook_kind_name(k), false, &a);
		if (r < 0 || !jval_len(&a))
			continue;
		s->hooks[k] = calloc(jval_len(&a), sizeof(*s->hooks[k]));
		if (!s->hooks[k])
			return log_errno(-ENOMEM, "hooks");
		for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
			struct jval v = jval_at(&a, i);

			s->nhooks[k]++;
			r = parse_hook(&v, &s->hooks[k][i]);
		}
	}
	return r;
}

static int parse_host_name(const struct jval *root, const char *key, char **ret)
{
	struct jval v = jval_get(root, key);
	int r = jval_string(root, key, false, ret);

	if (r == 0 && *ret && strlen(*ret) > 64)
		return jval_error(&v, "is longer than 64 bytes");
	return r;
}

static int parse_document(const struct jval *root, struct oci_spec *s)
{
	struct jval process;
	int r;

	if (!json_object_is_type(root->o, json_type_object))
		return jval_error(root, "is not an object");
	r = parse_version(root, s);
	if (r == 0)
		r = jval_object(root, "process", true, &process);
	if (r == 0) {
		s->has_process = true;
		r = parse_process(&process, &s->process);
	}
	if (r == 0)
		r = parse_root(root, s);
	if (r == 0)
		r = parse_host_name(root, "hostname", &s->hostname);
	if (r == 0)
		r = parse_host_name(root, "domainname", &s->domainname);
	if (r == 0)
		r = parse_mounts(root, s);
	if (r == 0)
		r = parse_hooks(root, s);
	if (r == 0)
		r = parse_kv(root, "annotations", &s->annotations, &s->nannotations);
	if (r == 0)
		r = parse_linux(root, s);
	if (r == 0)
		r = validate_spec(root, s);
	return r;
}

int oci_spec_parse(struct json_object *doc, const char *bundle, const char *name,
		   struct oci_spec **ret)
{
	struct jval root = JVAL_ROOT(doc, name);
	struct oci_spec *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		json_object_put(doc);
		return log_errno(-ENOMEM, "%s", name);
	}
	s->json = doc;
	s->process.umask = -1;
	s->bundle = realpath(bundle, NULL);
	r = s->bundle ? parse_document(&root, s) : log_errno(-errno, "bundle %s", bundle);
	if (r < 0) {
		oci_spec_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int config_path(const char *bundle, const char *file, char **ret)
{
	bool absolute = file[0] == '/';

	return asprintf(ret, "%s%s%s", absolute ? "" : bundle, absolute ? "" : "/", file) < 0
		       ? log_errno(-ENOMEM, "bundle %s", bundle)
		       : 0;
}

int oci_spec_load_file(const char *bundle, const char *file, struct oci_spec **ret)
{
	_cleanup_free_ char *path = NULL;
	struct json_object *doc = NULL;
	struct stat st;
	int r;

	if (stat(bundle, &st) < 0)
		return log_errno(-errno, "bundle %s", bundle);
	r = config_path(bundle, file, &path);
	if (r == 0)
		r = json_read_file(path, file, &doc);
	return r < 0 ? r : oci_spec_parse(doc, bundle, file, ret);
}

int oci_spec_load_kept(const char *bundle, const char *file, struct oci_spec **ret)
{
	_cleanup_(oci_spec_freep) struct oci_spec *s = calloc(1, sizeof(*s));
	_cleanup_free_ char *path = NULL;
	struct jval root;
	int r = s ? config_path(bundle, file, &path) : log_errno(-ENOMEM, "%s", file);

	if (r == 0)
		r = json_read_file(path, file, &s->json);
	if (r < 0)
		return r;
	root = JVAL_ROOT(s->json, file);
	s->process.umask = -1;
	s->bundle = strdup(bundle);
	if (!s->bundle)
		return log_errno(-ENOMEM, "%s", file);
	if (!json_object_is_type(s->json, json_type_object))
		return jval_error(&root, "is not an object");
	r = parse_version(&root, s);
	if (r == 0)
		r = parse_hooks(&root, s);
	if (r == 0)
		r = parse_kv(&root, "annotations", &s->annotations, &s->nannotations);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

int oci_spec_load(const char *bundle, struct oci_spec **ret)
{
	return oci_spec_load_file(bundle, "config.json", ret);
}

const char *oci_annotation(const struct oci_spec *s, const char *key)
{
	for (size_t i = 0; i < s->nannotations; i++)
		if (!strcmp(s->annotations[i].key, key))
			return s->annotations[i].value;
	return NULL;
}

int64_t oci_resource(const struct oci_spec *s, const char *group, const char *key)
{
	struct json_object *g, *v;
	int64_t n;

	if (!s->resources || !json_object_object_get_ex(s->resources, group, &g) ||
	    !json_object_object_get_ex(g, key, &v))
		return 0;
	n = json_object_get_int64(v);
	return MAX(n, (int64_t)0);
}

static void kv_free(struct oci_kv *kv, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(kv[i].key);
		free(kv[i].value);
	}
	free(kv);
}

void oci_spec_free(struct oci_spec *s)
{
	if (!s)
		return;
	process_clear(&s->process);
	for (size_t i = 0; i < s->nmounts; i++) {
		free(s->mounts[i].destination);
		free(s->mounts[i].type);
		free(s->mounts[i].source);
		free(s->mounts[i].data);
		str_list_free(&s->mounts[i].options);
	}
	free(s->mounts);
	for (size_t k = 0; k < OCI_HOOK_MAX; k++) {
		for (size_t i = 0; i < s->nhooks[k]; i++) {
			free(s->hooks[k][i].path);
			str_list_free(&s->hooks[k][i].args);
			str_list_free(&s->hooks[k][i].env);
		}
		free(s->hooks[k]);
	}
	for (size_t i = 0; i < s->ndevices; i++)
		free(s->devices[i].path);
	free(s->devices);
	for (size_t i = 0; i < OCI_NS_MAX; i++)
		free(s->ns[i].path);
	kv_free(s->annotations, s->nannotations);
	kv_free(s->sysctl, s->nsysctl);
	str_list_free(&s->masked_paths);
	str_list_free(&s->readonly_paths);
	free(s->uid_maps);
	free(s->gid_maps);
	free(s->oci_version);
	free(s->bundle);
	free(s->rootfs);
	free(s->hostname);
	free(s->domainname);
	free(s->cgroups_path);
	free(s->rootfs_propagation);
	json_object_put(s->json);
	free(s);
}
