/* SPDX-License-Identifier: Apache-2.0 */
/* Which hierarchies the host has, and where a container's group lies in each. */
#include "oci/cgroup_priv.h"

#include <string.h>
#include "base/log.h"

#define MOUNTINFO_FIELDS 10

bool cg_list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; n && (p = strstr(p, word)); p += n)
		if ((p == list || strchr(", \n", p[-1])) && (!p[n] || strchr(", \n", p[n])))
			return true;
	return false;
}

char *cg_clean_path(const char *path)
{
	char *out = malloc(strlen(path) + 2), *w = out;
	bool absolute = path[0] == '/';

	if (!out)
		return NULL;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (w > out && *--w != '/')
				;
		} else if (n && !(n == 1 && p[0] == '.')) {
			*w++ = '/';
			memcpy(w, p, n);
			w += n;
		}
		p += n + (p[n] == '/');
	}
	if (w == out)
		*w++ = '/';
	*w = '\0';
	if (!absolute)
		memmove(out, out + 1, strlen(out));
	return out;
}

char *cg_systemd_path(const char *path, const char *id)
{
	const char *c1 = strchr(path, ':'), *c2 = c1 ? strchr(c1 + 1, ':') : NULL;
	_cleanup_free_ char *slice = NULL, *prefix = NULL;
	const char *name;
	char *out = NULL;
	size_t len;
	FILE *f;

	if (!c2 || strchr(c2 + 1, ':') || strchr(path, '/'))
		return NULL;
	slice = c1 == path ? strdup("system.slice") : strndup(path, (size_t)(c1 - path));
	prefix = strndup(c1 + 1, (size_t)(c2 - c1 - 1));
	name = c2[1] ? c2 + 1 : id;
	len = slice ? strlen(slice) : 0;
	if (!prefix || len < 6 || strcmp(slice + len - 6, ".slice") || slice[0] == '-' ||
	    strstr(slice, "--") || (len > 6 && slice[len - 7] == '-'))
		return NULL;
	f = open_memstream(&out, &(size_t){0});
	if (!f)
		return NULL;
	slice[len - 6] = '\0';
	for (char *dash = slice; *slice; dash++) { /* a-b-c: /a.slice/a-b.slice/a-b-c.slice */
		if (*dash == '-' || !*dash)
			fprintf(f, "/%.*s.slice", (int)(dash - slice), slice);
		if (!*dash)
			break;
	}
	fprintf(f, "/%s%s%s.scope", prefix, *prefix ? "-" : "", name);
	fclose(f);
	return out;
}

/* Octal escapes of mountinfo, in place. */
static void unescape(char *s)
{
	char *w = s;

	for (; *s; s++, w++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*w = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*w = *s;
		}
	}
	*w = '\0';
}

/* The caller's group in a hierarchy: from the line of /proc/self/cgroup with these controllers. */
static char *own_group(FILE *cgroups, const char *controllers, const char *root)
{
	_cleanup_free_ char *line = NULL;
	size_t cap = 0, n = strlen(root);

	rewind(cgroups);
	while (getline(&line, &cap, cgroups) > 0) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (strcmp(list + 1, controllers))
			continue;
		/* A hierarchy may show a part of itself only: its root is a group then. */
		if (n > 1 && !strncmp(path, root, n) && (path[n] == '/' || !path[n]))
			path += n;
		else if (n > 1)
			path = NULL;
		return path && *path ? cg_clean_path(path) : strdup("/");
	}
	return strdup("/");
}

/* The word of a v1 superblock's options that names its controllers, as /proc/self/cgroup does. */
static char *v1_controllers(const char *options)
{
	static const char *const skip[] = {"rw",
					   "ro",
					   "xattr",
					   "noprefix",
					   "clone_children",
					   "none",
					   "cpuset_v2_mode",
					   "favordynmods",
					   "seclabel"};
	char *out = calloc(1, strlen(options) + 1);

	for (const char *p = options; out && *p;) {
		size_t n = strcspn(p, ",");
		bool drop = n >= 14 && !strncmp(p, "release_agent=", 14);

		for (size_t i = 0; i < ARRAY_SIZE(skip); i++)
			drop |= strlen(skip[i]) == n && !strncmp(skip[i], p, n);
		if (!drop && n) {
			if (*out)
				strcat(out, ",");
			strncat(out, p, n);
		}
		p += n + (p[n] == ',');
	}
	return out;
}

static int add_mount(struct cg_layout *l, FILE *cgroups, bool v2, const char *root,
		     const char *point, const char *options)
{
	struct cg_mount *m = reallocarray(l->m, l->n + 1, sizeof(*m));
	char *controllers;

	if (!m)
		return -ENOMEM;
	l->m = m;
	controllers = v2 ? strdup("") : v1_controllers(options);
	if (!controllers)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(m[i].controllers, controllers))
			continue;
		free(controllers); /* mounted twice: the first counts */
		return 0;
	}
	m[l->n] = (struct cg_mount){.controllers = controllers,
				    .point = strdup(point),
				    .v2 = v2,
				    .own = own_group(cgroups, controllers, root)};
	l->n++;
	return m[l->n - 1].point && m[l->n - 1].own ? 0 : -ENOMEM;
}

/* One line of mountinfo: id parent dev root point options [tags] - type source superoptions */
static int layout_line(struct cg_layout *l, FILE *cgroups, char *line)
{
	char *field[5] = {NULL}, *type, *source, *super, *save = NULL, *sep = strstr(line, " - ");

	if (!sep)
		return 0;
	*sep = '\0';
	type = strtok_r(sep + 3, " \n", &save);
	source = strtok_r(NULL, " \n", &save);
	super = strtok_r(NULL, " \n", &save);
	if (!type || !source || !super || (strcmp(type, "cgroup") && strcmp(type, "cgroup2")))
		return 0;
	save = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return 0;
	}
	unescape(field[3]);
	unescape(field[4]);
	return add_mount(l, cgroups, !strcmp(type, "cgroup2"), field[3], field[4], super);
}

int cg_layout_read(const char *dir, struct cg_layout *ret)
{
	_cleanup_free_ char *line = NULL, *mpath = NULL, *cpath = NULL;
	_cleanup_fclose_ FILE *mounts = NULL, *cgroups = NULL;
	struct cg_layout l = {NULL, 0};
	size_t cap = 0;
	int r = 0;

	if (asprintf(&mpath, "%s/mountinfo", dir) < 0 || asprintf(&cpath, "%s/cgroup", dir) < 0)
		return -ENOMEM;
	mounts = fopen(mpath, "re");
	if (!mounts)
		return log_errno(-errno, "open %s", mpath);
	cgroups = fopen(cpath, "re");
	if (!cgroups)
		return log_errno(-errno, "open %s", cpath);
	while (r == 0 && getline(&line, &cap, mounts) > 0)
		r = layout_line(&l, cgroups, line);
	if (r < 0) {
		cg_layout_done(&l);
		return log_errno(r, "cgroup mounts");
	}
	*ret = l;
	return 0;
}

void cg_layout_done(struct cg_layout *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->m[i].controllers);
		free(l->m[i].point);
		free(l->m[i].own);
	}
	free(l->m);
	*l = (struct cg_layout){NULL, 0};
}

char *cg_mount_dir(const struct cg_mount *m, const char *path)
{
	_cleanup_free_ char *clean = cg_clean_path(path), *base = NULL;
	char *dir = NULL;

	if (!clean)
		return NULL;
	if (clean[0] == '/')
		return asprintf(&dir, "%s%s", m->point, clean[1] ? clean : "") < 0 ? NULL : dir;
	base = strdup(m->own);
	if (!base)
		return NULL;
	/* On v2 the caller's own group holds processes, so it can have no children with
	 * controllers. */
	if (m->v2)
		*strrchr(base, '/') = '\0';
	return asprintf(&dir, "%s%s/%s", m->point, strcmp(base, "/") ? base : "", clean) < 0 ? NULL
											     : dir;
}
