/* SPDX-License-Identifier: Apache-2.0 */
/* Path arguments of the file families: copied in once, then resolved. */
#ifndef NACRE_KERNEL_SYSCALL_PATH_ARGS_H
#define NACRE_KERNEL_SYSCALL_PATH_ARGS_H

#include "kernel/vfs/vfs.h"

/* Resolves the guest's name at dfd; flags: LOOKUP_*. *ret has references. -errno of copy and walk. */
int user_path_at(struct task *t, int dfd, uaddr_t name, unsigned flags, struct path *ret)
	__must_check;
/* LOOKUP_* for AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
unsigned at_lookup_flags(int at_flags);
/* A last component and its directory: what creating and removing calls work on. */
struct user_name {
	char *text; /* owned */
	struct path dir;
	const char *last; /* in text; NULL for "/" */
	size_t len;	  /* 0: "/", "." or ".." */
	bool slash;	  /* slashes follow */
};
int user_name_at(struct task *t, int dfd, uaddr_t name, struct user_name *ret) __must_check;
void user_name_done(struct user_name *n); /* harmless when empty */

#define NAME_TRIES 16 /* operations whose name moves under their feet are begun again: -ESTALE */

#endif
