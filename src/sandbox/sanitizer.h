/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds with a sanitizer (tests only) are linked dynamically: their kernel and gofer must find the loader and its
 * libraries in a root that is empty otherwise. In all other builds this header is nothing.
 */
#pragma once

#ifdef NACRE_SANITIZE
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SANITIZER_ROOT_SIZE "size=1m,nr_inodes=64,mode=555"

/* Shows the host's libraries beneath the working directory. Returns 0, or -errno. */
static inline int sanitizer_libraries(void)
{
	static const char *const dirs[] = {"usr", "usr/lib", "usr/lib64"};

	for (unsigned i = 0; i < 3; i++)
		if (mkdir(dirs[i], 0755) < 0)
			return -errno;
	if (symlink("usr/lib", "lib") < 0 || symlink("usr/lib64", "lib64") < 0 ||
	    mount("/usr/lib", "usr/lib", NULL, MS_BIND, NULL) < 0 ||
	    mount("/usr/lib64", "usr/lib64", NULL, MS_BIND, NULL) < 0)
		return -errno;
	return 0;
}
#else
#define SANITIZER_ROOT_SIZE "size=4k,nr_inodes=2,mode=555"
static inline int sanitizer_libraries(void)
{
	return 0;
}
#endif
