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

/* What the tests of an overlay find in its lower: written before the sandbox starts (tests/run-abi), or now. */
static inline void make_tree(void)
{
	char big[70000];

	REQUIRE(mkdir("d", 0755) == 0 && mkdir("d/sub", 0755) == 0 && mkdir("empty", 0755) == 0);
	make_file("f", "lower f");
	make_file("d/a", "lower a");
	make_file("d/b", "lower b");
	make_file("d/sub/x", "lower x");
	REQUIRE(symlink("f", "link") == 0);
	make_file("h1", "two names");
	REQUIRE(link("h1", "h2") == 0);
	memset(big, 'B', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	make_file("big", big);
}

/* The working directory becomes tree n of the lower, or a new one like it where there is no overlay. */
static inline void enter_tree(int n)
{
	const char *fs = getenv("ABI_FS");

	if (fs && !strcmp(fs, "overlay")) {
		snprintf(scratch_dir, sizeof(scratch_dir), "/lower/%d", n);
		REQUIRE(chdir(scratch_dir) == 0);
		umask(022);
	} else {
		scratch();
		make_tree();
	}
}

/* For programs with tests of trees: "--make-tree DIR" makes one. */
#define TREE_MAIN()                                                                                	static __attribute__((constructor)) void tree_main(int argc, char **argv)                  	{                                                                                          		if (argc != 3 || strcmp(argv[1], "--make-tree") != 0)                              			return;                                                                    		umask(022);                                                                        		REQUIRE(mkdir(argv[2], 0755) == 0 && chdir(argv[2]) == 0);                         		make_tree();                                                                       		exit(0);                                                                           	}                                                                                          	TAP_MAIN()

/* Becomes an ordinary user for the rest of the test. */
static inline void become_user(uid_t uid, gid_t gid)
{
	REQUIRE(setgid(gid) == 0 && setuid(uid) == 0);
}

#endif
