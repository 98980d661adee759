/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"

#define MAP_TEXT_MAX (USERNS_EXTENTS_MAX * 36)

static const char *const helper_dirs[] = {"/usr/bin", "/bin", "/usr/local/bin"};

static bool find_helper(const char *name, char *path, size_t cap)
{
	for (size_t i = 0; i < ARRAY_SIZE(helper_dirs); i++) {
		snprintf(path, cap, "%s/%s", helper_dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* From /etc/passwd itself: a static program has no name services. */
static bool user_name(uid_t uid, char *name, size_t cap)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	while (f && (p = fgetpwent(f)))
		if (p->pw_uid == uid)
			return (size_t)snprintf(name, cap, "%s", p->pw_name) < cap;
	return false;
}

/* The first range that the file gives the user, by name or by number. */
static bool sub_range(const char *file, uid_t uid, struct oci_idmap *ret)
{
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	char line[512], name[256] = "", number[16];

	(void)user_name(uid, name, sizeof(name));
	snprintf(number, sizeof(number), "%u", uid);
	while (f && fgets(line, sizeof(line), f)) {
		char *start = strchr(line, ':'), *count = start ? strchr(start + 1, ':') : NULL, *end;
		unsigned long long first, n;

		if (!count)
			continue;
		*start++ = *count++ = '\0';
		if ((!*name || strcmp(line, name)) && strcmp(line, number))
			continue;
		first = strtoull(start, &end, 10);
		if (end == start || *end)
			continue;
		n = strtoull(count, &end, 10);
		if (end == count || !n || first >= UINT32_MAX || n >= UINT32_MAX - first)
			continue;
		*ret = (struct oci_idmap){1, (uint32_t)first, (uint32_t)n};
		return true;
	}
	return false;
}

static long sysctl_value(const char *path, long otherwise)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	long v;

	return f && fscanf(f, "%ld", &v) == 1 ? v : otherwise;
}

void userns_explain(int err)
{
	if (!sysctl_value("/proc/sys/kernel/unprivileged_userns_clone", 1))
		log_error("user %u may not make user namespaces (kernel.unprivileged_userns_clone is 0): run nacre as root", geteuid());
	else if (!sysctl_value("/proc/sys/user/max_user_namespaces", 1))
		log_error("user %u may not make user namespaces (user.max_user_namespaces is 0): run nacre as root", geteuid());
	else if (sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0))
		log_error("user %u may not use user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1): run nacre as root",
			  geteuid());
	else
		log_error("user %u may not make user namespaces (%s): run nacre as root", geteuid(), strerror(-err));
}

static int copy_maps(const char *field, const struct oci_idmap *from, size_t n, struct oci_idmap *to, size_t *ret_n)
{
	if (n > USERNS_EXTENTS_MAX) {
		log_error("linux.%s: %zu mappings: too many", field, n);
		return -E2BIG;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = from[i];
	*ret_n = n;
	return 0;
}

static bool find_ranges(struct oci_idmap *uid, struct oci_idmap *gid)
{
	char path[64];

	return find_helper("newuidmap", path, sizeof(path)) && find_helper("newgidmap", path, sizeof(path)) &&
	       sub_range("/etc/subuid", geteuid(), uid) && sub_range("/etc/subgid", geteuid(), gid);
}

bool userns_has_range(void)
{
	struct oci_idmap uid, gid;

	return find_ranges(&uid, &gid);
}

int userns_plan(const struct oci_spec *spec, struct userns_maps *ret)
{
	int r;

	*ret = (struct userns_maps){.nuid = 0};
	if (geteuid() == 0)
		return 0;
	if (!sysctl_value("/proc/sys/kernel/unprivileged_userns_clone", 1) ||
	    !sysctl_value("/proc/sys/user/max_user_namespaces", 1)) {
		userns_explain(-EPERM);
		return -EPERM;
	}
	if (spec->nuid_maps) {
		r = copy_maps("uidMappings", spec->uid_maps, spec->nuid_maps, ret->uid, &ret->nuid);
		return r < 0 ? r : copy_maps("gidMappings", spec->gid_maps, spec->ngid_maps, ret->gid, &ret->ngid);
	}
	ret->uid[0] = (struct oci_idmap){0, geteuid(), 1};
	ret->gid[0] = (struct oci_idmap){0, getegid(), 1};
	ret->nuid = ret->ngid = 1;
	if (find_ranges(&ret->uid[1], &ret->gid[1]))
		ret->nuid = ret->ngid = 2;
	return 0;
}

static int write_proc(pid_t pid, const char *name, const char *text)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	size_t n = strlen(text);

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		return log_errno(errno ? -errno : -EIO, "%s", path);
	return 0;
}

/* Runs newuidmap or newgidmap, which are setuid and look into /etc/subuid and /etc/subgid. */
static int run_helper(const char *name, pid_t pid, const struct oci_idmap *m, size_t n)
{
	char path[64], number[USERNS_EXTENTS_MAX * 3 + 1][16];
	char *argv[USERNS_EXTENTS_MAX * 3 + 3];
	unsigned k = 0;
	int status;
	pid_t child;

	if (!find_helper(name, path, sizeof(path))) {
		log_error("%s is missing: install uidmap, or map the caller's own id alone", name);
		return -ENOENT;
	}
	argv[0] = path;
	snprintf(number[0], sizeof(number[0]), "%d", pid);
	for (size_t i = 0; i < n; i++) {
		snprintf(number[3 * i + 1], sizeof(number[0]), "%u", m[i].container);
		snprintf(number[3 * i + 2], sizeof(number[0]), "%u", m[i].host);
		snprintf(number[3 * i + 3], sizeof(number[0]), "%u", m[i].size);
	}
	for (k = 0; k <= 3 * n; k++)
		argv[k + 1] = number[k];
	argv[k + 1] = NULL;
	fflush(NULL);
	child = fork();
	if (child < 0)
		return log_errno(-errno, "%s", name);
	if (child == 0) {
		execv(path, argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return log_errno(-errno, "%s", name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	log_error("%s failed (status %d): are the ids of the mapping the caller's in /etc/sub%s?", name, status,
		  !strcmp(name, "newuidmap") ? "uid" : "gid");
	return -EPERM;
}

static bool is_own_id(const struct oci_idmap *m, size_t n, uint32_t id)
{
	return n == 1 && m->host == id && m->size == 1;
}

static int write_one(const struct oci_idmap *m, size_t n, uint32_t own, pid_t pid, const char *file, const char *helper)
{
	char text[40];

	if (!is_own_id(m, n, own))
		return run_helper(helper, pid, m, n);
	snprintf(text, sizeof(text), "%u %u 1", m->container, m->host);
	return write_proc(pid, file, text);
}

int userns_write(const struct userns_maps *m, pid_t pid)
{
	int r = write_one(m->uid, m->nuid, geteuid(), pid, "uid_map", "newuidmap");

	/* Who maps his own group himself must give up to change groups. */
	if (r == 0 && is_own_id(m->gid, m->ngid, getegid()))
		r = write_proc(pid, "setgroups", "deny");
	return r < 0 ? r : write_one(m->gid, m->ngid, getegid(), pid, "gid_map", "newgidmap");
}

static uint32_t ids_from_0(const struct oci_idmap *m, size_t n)
{
	uint64_t end = 0;

	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < n; i++)
			if (m[i].container <= end && (uint64_t)m[i].container + m[i].size > end) {
				end = (uint64_t)m[i].container + m[i].size;
				more = true;
			}
	}
	return (uint32_t)MIN(end, (uint64_t)UINT32_MAX);
}

static size_t read_map(const char *path, struct oci_idmap *m)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	size_t n = 0;

	while (f && n < USERNS_EXTENTS_MAX && fscanf(f, "%u %u %u", &m[n].container, &m[n].host, &m[n].size) == 3)
		n++;
	return n;
}

uint32_t userns_ids(const struct userns_maps *maps)
{
	struct userns_maps own;

	if (!maps->nuid) {
		own.nuid = read_map("/proc/self/uid_map", own.uid);
		own.ngid = read_map("/proc/self/gid_map", own.gid);
		maps = &own;
	}
	return MIN(ids_from_0(maps->uid, maps->nuid), ids_from_0(maps->gid, maps->ngid));
}
