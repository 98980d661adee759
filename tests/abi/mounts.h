/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of mounts: a namespace of their own, and what /proc/self/mountinfo says. */
#ifndef NACRE_TESTS_ABI_MOUNTS_H
#define NACRE_TESTS_ABI_MOUNTS_H

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include "scratch.h"

/* A private namespace, and a fresh tmpfs as the working directory. */
static inline void own_mounts(void)
{
	scratch();
	REQUIRE(unshare(CLONE_NEWNS) == 0);
	REQUIRE(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	REQUIRE(mount("scratch", ".", "tmpfs", 0, "mode=755") == 0 && chdir(scratch_dir) == 0);
}

/* The line of mountinfo of the last mount at name (below the scratch directory), or NULL. */
static inline const char *info(const char *name)
{
	static char found[2048];
	char l[2048], want[1024], at[1024];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	int any = 0;

	REQUIRE(f);
	snprintf(want, sizeof(want), "%s%s%s", scratch_dir, *name ? "/" : "", name);
	while (fgets(l, sizeof(l), f))
		if (sscanf(l, "%*d %*d %*s %*s %1023s", at) == 1 && strcmp(at, want) == 0) {
			memcpy(found, l, sizeof(found));
			any = 1;
		}
	fclose(f);
	return any ? found : NULL;
}

static inline int has(const char *name, const char *word)
{
	const char *l = info(name);

	return l && strstr(l, word) != NULL;
}

/* The number behind "shared:" and the like, 0 when it is not there. */
static inline int tag(const char *name, const char *word)
{
	const char *l = info(name), *p = l ? strstr(l, word) : NULL;

	return p ? atoi(p + strlen(word)) : 0;
}

#endif
