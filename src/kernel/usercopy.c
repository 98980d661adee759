/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/usercopy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/task/task.h"
#include "platform/platform.h"

int copy_in(struct task *t, void *to, uaddr_t from, size_t n)
{
	return pt_copy_in(t->pt, to, from, n) == n ? 0 : -EFAULT;
}

int copy_out(struct task *t, uaddr_t to, const void *from, size_t n)
{
	return pt_copy_out(t->pt, to, from, n) == n ? 0 : -EFAULT;
}

int clear_user(struct task *t, uaddr_t to, size_t n)
{
	static const char zeros[16384];

	while (n) {
		size_t chunk = MIN(n, sizeof(zeros));

		if (pt_copy_out(t->pt, to, zeros, chunk) != chunk)
			return -EFAULT;
		to = uaddr_add(to, chunk);
		n -= chunk;
	}
	return 0;
}

ssize_t copy_in_str(struct task *t, char *to, uaddr_t from, size_t n)
{
	return pt_copy_in_str(t->pt, to, from, n);
}

int copy_in_path(struct task *t, uaddr_t from, char **ret)
{
	char buf[PATH_MAX];
	ssize_t n = copy_in_str(t, buf, from, sizeof(buf));

	if (n < 0)
		return (int)n;
	*ret = strdup(buf);
	return *ret ? 0 : -ENOMEM;
}

int copy_in_struct(struct task *t, void *to, size_t know, uaddr_t from, size_t given)
{
	char rest[256];

	if (copy_in(t, to, from, MIN(know, given)) < 0)
		return -EFAULT;
	if (given < know)
		memset((char *)to + given, 0, know - given);
	for (size_t at = know; at < given;) {
		size_t chunk = MIN(given - at, sizeof(rest));

		if (copy_in(t, rest, uaddr_add(from, at), chunk) < 0)
			return -EFAULT;
		for (size_t i = 0; i < chunk; i++)
			if (rest[i])
				return -E2BIG;
		at += chunk;
	}
	return 0;
}
