/* SPDX-License-Identifier: Apache-2.0 */
/* The default /dev, on any file system; devtmpfs is a tmpfs that starts with it. */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include "kernel/fs/devtmpfs/chrdev.h"
#include "kernel/task/task.h"

struct dev_entry {
	const char *name;
	mode_t mode; /* type and permissions */
	unsigned ma, mi;
	const char *target;
};
static const struct dev_entry entries[] = {
	{"null", S_IFCHR | 0666, 1, 3, NULL},
	{"zero", S_IFCHR | 0666, 1, 5, NULL},
	{"full", S_IFCHR | 0666, 1, 7, NULL},
	{"random", S_IFCHR | 0666, 1, 8, NULL},
	{"urandom", S_IFCHR | 0666, 1, 9, NULL},
	{"tty", S_IFCHR | 0666, 5, 0, NULL},
	{"pts", S_IFDIR | 0755, 0, 0, NULL},
	{"shm", S_IFDIR | 01777, 0, 0, NULL},
	{"mqueue", S_IFDIR | 01777, 0, 0, NULL},
	{"ptmx", S_IFLNK | 0777, 0, 0, "pts/ptmx"},
	{"fd", S_IFLNK | 0777, 0, 0, "/proc/self/fd"},
	{"stdin", S_IFLNK | 0777, 0, 0, "/proc/self/fd/0"},
	{"stdout", S_IFLNK | 0777, 0, 0, "/proc/self/fd/1"},
	{"stderr", S_IFLNK | 0777, 0, 0, "/proc/self/fd/2"},
};

static int make_entry(const struct path *root, const struct dev_entry *e)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	struct iattr a = {.valid = ATTR_MODE, .mode = e->mode};
	struct path p;
	int r = dentry_lookup(root->dentry, e->name, strlen(e->name), &d);

	if (r < 0 || d->inode)
		return r;
	if (S_ISLNK(e->mode))
		return vfs_symlink(root, d, e->target);
	r = S_ISDIR(e->mode) ? vfs_mkdir(root, d, e->mode & 07777) :
			       vfs_mknod(root, d, e->mode, makedev(e->ma, e->mi));
	if (r < 0)
		return r;
	p = (struct path){root->mnt, d};
	return vfs_setattr(&p, &a); /* whatever the umask was */
}

int dev_populate(const struct path *root)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		int r = make_entry(root, &entries[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int devtmpfs_get_super(const struct fs_type *t, const struct fs_params *p,
			      struct super **ret)
{
	const struct fs_type *tmpfs = fs_type_find("tmpfs");
	struct fs_params q = *p;
	struct mnt_namespace *ns;
	struct super *sb;
	struct path root;
	int r;

	if (!tmpfs)
		return -ENODEV;
	if (!q.options || !*q.options)
		q.options = "mode=755";
	r = tmpfs->get_super(tmpfs, &q, &sb);
	if (r < 0)
		return r;
	sb->type = &devtmpfs_fs_type;
	/* A namespace for the time of filling gives the mount that the operations by name want. */
	r = mnt_namespace_new(super_get(sb), 0, &ns);
	if (r < 0) {
		super_put(sb);
		return r;
	}
	mnt_namespace_root(ns, &root);
	r = dev_populate(&root);
	path_put(&root);
	mnt_namespace_put(ns);
	if (r < 0)
		super_put(sb);
	else
		*ret = sb;
	return r;
}

const struct fs_type devtmpfs_fs_type = {
	.name = "devtmpfs", .flags = FS_NODEV, .get_super = devtmpfs_get_super};
