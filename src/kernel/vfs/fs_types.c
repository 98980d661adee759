/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of file systems that mount(2) and the container's spec can name. */
#include <errno.h>
#include <string.h>
#include "kernel/vfs/vfs_priv.h"

extern const struct fs_type tmpfs_fs_type, overlay_fs_type, proc_fs_type, sysfs_fs_type,
	devtmpfs_fs_type, devpts_fs_type, mqueue_fs_type, cgroup2_fs_type;

/* A kernel linked without one of these (a unit test) has NULL there: fs_type_find() steps over it. */
#pragma weak overlay_fs_type
#pragma weak proc_fs_type
#pragma weak sysfs_fs_type
#pragma weak devtmpfs_fs_type
#pragma weak devpts_fs_type
#pragma weak mqueue_fs_type
#pragma weak cgroup2_fs_type

const struct fs_type *const fs_types[] = {
	&tmpfs_fs_type,	 &proc_fs_type,	  &sysfs_fs_type,   &devtmpfs_fs_type,
	&devpts_fs_type, &mqueue_fs_type, &cgroup2_fs_type, &overlay_fs_type,
	NULL,
};

const struct fs_type *fs_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_types); i++)
		if (fs_types[i] && !strcmp(fs_types[i]->name, name))
			return fs_types[i];
	return NULL;
}

int fs_parse_options(const char *options, bool (*one)(void *ctx, const char *key, const char *value), void *ctx)
{
	_cleanup_free_ char *copy = strdup(options ? options : "");
	char *save = NULL;

	if (!copy)
		return -ENOMEM;
	for (char *o = strtok_r(copy, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		char *v = strchr(o, '=');

		if (v)
			*v++ = '\0';
		if (!one(ctx, o, v))
			return -EINVAL;
	}
	return 0;
}
