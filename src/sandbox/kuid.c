/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users of sandboxes. All sandboxes of a host draw from one range, whatever their state directory, so who holds which
 * stands in one place: USERS/N holds "PID START" of the process that keeps user N, the creating nacre at first,
 * then the sandbox's kernel. A dead keeper's user is free. The directory's lock is held while one is chosen.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "base/log.h"
#include "sandbox/kuid.h"

#define USERS "/run/nacre-users"
#define KUID_BASE 0x7a000000U
#define KUID_COUNT 0x01000000U

/* Without root it is a directory of the caller's, beside the state directory. */
static int open_users(const struct runtime_opts *o)
{
	char users[4096];
	int fd;

	if ((size_t)snprintf(users, sizeof(users), "%s", o->rootless ? o->root : USERS) >= sizeof(users) - 8)
		return -ENAMETOOLONG;
	if (o->rootless)
		strcat(users, "-users");
	if (mkdir(users, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(users, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd < 0 ? -errno : fd;
}

static bool keeper_of(int dir, uid_t uid, struct proc_id *ret)
{
	char name[16], text[64] = "";
	_cleanup_close_ int fd = -1;

	snprintf(name, sizeof(name), "%u", uid);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
	       sscanf(text, "%d %llu", &ret->pid, &ret->start) == 2;
}

static int write_keeper(int dir, uid_t uid, const struct proc_id *keeper)
{
	char name[16], text[64];
	_cleanup_close_ int fd = -1;
	int n = snprintf(text, sizeof(text), "%d %llu\n", keeper->pid, keeper->start);

	snprintf(name, sizeof(name), "%u", uid);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)n) == n)
		return 0;
	n = errno ? -errno : -EIO;
	unlinkat(dir, name, 0);
	return n;
}

/* Where to begin: mostly the same for the same id, so that a user's number means something in a log. */
static uint32_t first_choice(const char *id)
{
	uint64_t h = 1469598103934665603ULL;

	for (const char *p = id; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ULL;
	return (uint32_t)(h ^ (h >> 32));
}

int kuid_take(const struct runtime_opts *r, uint32_t ids, const char *id, const struct proc_id *keeper, uid_t *ret)
{
	uint32_t base = KUID_BASE, count = KUID_COUNT, at = first_choice(id);
	_cleanup_close_ int dir = -1;

	*ret = 0;
	if (r->rootless) {
		if (ids < 2)
			return 0;
		base = ids / 2;
		count = ids - base;
	}
	dir = open_users(r);
	if (dir < 0)
		return log_errno(dir, "the users of sandboxes");
	for (uint32_t i = 0; i < count; i++) {
		uid_t uid = base + (at + i) % count;
		struct proc_id other;
		int err;

		if (keeper_of(dir, uid, &other) && proc_alive(&other))
			continue;
		err = write_keeper(dir, uid, keeper);
		if (err < 0)
			return log_errno(err, "the users of sandboxes: %u", uid);
		*ret = uid;
		return 0;
	}
	return log_errno(-EUSERS, "the users of sandboxes");
}

int kuid_pass(const struct runtime_opts *r, uid_t uid, const struct proc_id *keeper)
{
	_cleanup_close_ int dir = -1;
	int err;

	if (!uid)
		return 0;
	dir = open_users(r);
	err = dir < 0 ? dir : write_keeper(dir, uid, keeper);
	return err < 0 ? log_errno(err, "the users of sandboxes: %u", uid) : 0;
}

void kuid_release(const struct runtime_opts *r, uid_t uid, const struct proc_id *keeper)
{
	_cleanup_close_ int dir = -1;
	struct proc_id now;
	char name[16];

	if (!uid)
		return;
	dir = open_users(r);
	if (dir < 0 || !keeper_of(dir, uid, &now))
		return;
	/* By now it may be another sandbox's. */
	if (proc_alive(&now) && (now.pid != keeper->pid || now.start != keeper->start))
		return;
	snprintf(name, sizeof(name), "%u", uid);
	unlinkat(dir, name, 0);
}
