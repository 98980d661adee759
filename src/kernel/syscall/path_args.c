/* SPDX-License-Identifier: Apache-2.0 */
/* Path arguments; see path_args.h. */
#include <fcntl.h>
#include "kernel/syscall/path_args.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

int user_path_at(struct task *t, int dfd, uaddr_t uname, unsigned flags, struct path *ret)
{
	_cleanup_free_ char *name = NULL;
	int r;

	r = copy_in_path(t, uname, &name);
	return r < 0 ? r : path_lookup_at(t, dfd, name, flags, ret);
}

unsigned at_lookup_flags(int at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

int user_name_at(struct task *t, int dfd, uaddr_t uname, struct user_name *ret)
{
	int r;

	*ret = (struct user_name){0};
	r = copy_in_path(t, uname, &ret->text);
	if (r < 0)
		return r;
	return path_parent_at(t, dfd, ret->text, 0, &ret->dir, &ret->last, &ret->len, &ret->slash);
}

void user_name_done(struct user_name *n)
{
	if (n->dir.dentry)
		path_put(&n->dir);
	free(n->text);
	n->text = NULL;
}
