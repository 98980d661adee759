/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh directory below $TMPDIR for a test of files: so the same program tests whatever is mounted there. */
#ifndef NACRE_TESTS_ABI_SCRATCH_H
#define NACRE_TESTS_ABI_SCRATCH_H

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include "../tap.h"

static char scratch_dir[512];

/* The working directory becomes a new, empty one; its name is in scratch_dir. */
static inline void scratch(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(scratch_dir, sizeof(scratch_dir), "%s/abi.XXXXXX", base ? base : "/tmp");
	REQUIRE(mkdtemp(scratch_dir) && chdir(scratch_dir) == 0);
	REQUIRE(chmod(".", 0755) == 0);
	umask(022);
}

static inline void make_file(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	size_t n = strlen(text);

	REQUIRE(fd >= 0 && write(fd, text, n) == (ssize_t)n && close(fd) == 0);
}

static inline ino_t ino_of(const char *name)
{
	struct stat st;

	REQUIRE(lstat(name, &st) == 0);
	return st.st_ino;
}

/* Becomes an ordinary user for the rest of the test. */
static inline void become_user(uid_t uid, gid_t gid)
{
	REQUIRE(setgid(gid) == 0 && setuid(uid) == 0);
}

#endif
