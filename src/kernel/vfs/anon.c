/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name: pipes, sockets, eventfds, memfds. One super and one mount for all of them. */
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include "kernel/task/task.h"
#include "kernel/vfs/file_priv.h"

static struct super *anon_sb;	    /* constant after vfs_init */
static struct mount *anon_mnt;	    /* dito */

static int anon_setattr(struct inode *i, const struct iattr *a)
{
	if (!(i->mode & S_IFMT))
		return -EOPNOTSUPP;
	generic_setattr(i, a);
	return 0;
}

static int anon_statfs(struct super *sb, struct statfs *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->f_type = sb->magic;
	ret->f_bsize = ret->f_frsize = 4096;
	ret->f_namelen = 255;
	return 0;
}

static const struct inode_ops anon_iops = {.setattr = anon_setattr};
static const struct super_ops anon_super_ops = {.statfs = anon_statfs};
static const struct fs_type anon_type = {.name = "anon_inodefs", .flags = FS_NODEV | FS_INTERNAL};

struct super *anon_super(void)
{
	return anon_sb;
}

static struct inode *anon_inode(mode_t mode)
{
	struct inode *i = inode_new(anon_sb, mode);
	const struct cred *c = current ? current->cred : NULL;

	if (!i)
		return NULL;
	i->op = &anon_iops;
	if (c) {
		i->uid = c->fsuid;
		i->gid = c->fsgid;
	}
	return i;
}

int anon_file_new(const char *name, const struct file_ops *op, void *priv, uint32_t flags,
		  mode_t mode, struct file **ret)
{
	struct inode *i = anon_inode(mode ? mode : 0600);
	struct dentry *d = i ? dentry_new(anon_sb, NULL, name, strlen(name)) : NULL;
	struct path p = {anon_mnt, d};
	struct file *f;

	if (!d) {
		inode_put(i);
		return -ENOMEM;
	}
	dentry_instantiate(d, i);
	f = file_alloc(&p, i, flags & ~(uint32_t)O_CLOEXEC, current ? current->cred : NULL);
	dentry_put(d);
	if (!f)
		return -ENOMEM;
	f->op = op;
	f->priv = priv;
	/* For a regular file the count of its openers is dropped at the end. */
	if (S_ISREG(i->mode) && inode_count(i, f->can_write) < 0)
		f->can_write = false;
	if (f->can_write && S_ISREG(i->mode))
		mnt_writer(f->path.mnt, 1);
	*ret = f;
	return 0;
}

int vfs_init(void)
{
	struct inode *root;

	anon_sb = super_new(&anon_type, &anon_super_ops, ANON_INODE_FS_MAGIC);
	if (!anon_sb)
		return -ENOMEM;
	root = inode_new(anon_sb, S_IFDIR | 0555);
	if (!root)
		return -ENOMEM;
	root->op = &anon_iops;
	anon_sb->root = dentry_make_root(anon_sb, root);
	if (!anon_sb->root)
		return -ENOMEM;
	anon_sb->nameless = true;
	anon_mnt = mount_internal(super_get(anon_sb), 0);
	return anon_mnt ? nsfs_init() : -ENOMEM;
}
