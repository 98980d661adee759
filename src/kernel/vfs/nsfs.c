/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces as files: what /proc/PID/ns links to, and the questions that ioctl_ns(2) answers. */
#include <fcntl.h>
#include <string.h>
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs_priv.h"

#define NSFS_MAGIC_ 0x6e736673
#define NS_GET_USERNS 0xb701U
#define NS_GET_PARENT 0xb702U
#define NS_GET_NSTYPE 0xb703U
#define NS_GET_OWNER_UID 0xb704U

static struct super *nsfs_sb;  /* constant after nsfs_init */
static struct mount *nsfs_mnt; /* dito */

static int open_ns(struct task *t, struct ns_common *ns)
{
	_cleanup_(path_put) struct path p = {0};
	struct file *f;
	int r = ns_path(ns, &p);

	if (r == 0)
		r = file_open_path(&p, O_RDONLY, t->cred, &f);
	if (r < 0)
		return r;
	return fd_install(t, f, 0, true);
}

static long get_owner(struct task *t, struct ns_common *ns)
{
	struct user_namespace *o = ns->type == NS_USER ? ns->owner : ns_owner(ns);

	if (!o || !user_ns_is_ancestor(t->cred->user_ns, o))
		return -EPERM;
	return open_ns(t, ns_get(&o->ns));
}

static long get_parent(struct task *t, struct ns_common *ns)
{
	struct pid_namespace *p, *x, *own = task_pid_ns(t);

	if (ns->type == NS_USER)
		return get_owner(t, ns);
	if (ns->type != NS_PID)
		return -EINVAL;
	p = pid_namespace_parent(pid_namespace_of(ns));
	for (x = p; x && x != own; x = pid_namespace_parent(x))
		;
	return x ? open_ns(t, ns_get(pid_namespace_ns(p))) : -EPERM;
}

static long nsfs_ioctl(struct file *f, struct task *t, unsigned cmd, uint64_t arg)
{
	struct ns_common *ns = f->inode->priv;

	switch (cmd) {
	case NS_GET_USERNS:
		return get_owner(t, ns);
	case NS_GET_PARENT:
		return get_parent(t, ns);
	case NS_GET_NSTYPE:
		return (long)ns_clone_flag(ns->type);
	case NS_GET_OWNER_UID:
		if (ns->type != NS_USER)
			return -EINVAL;
		return put_u32(t, uaddr(arg),
			       from_kuid(t->cred->user_ns, container_of(ns, struct user_namespace, ns)->owner));
	}
	return -ENOTTY;
}

static const struct file_ops nsfs_fops = {.ioctl = nsfs_ioctl};
static const struct inode_ops nsfs_iops = {0};
static const struct fs_type nsfs_type = {.name = "nsfs", .flags = FS_NODEV | FS_INTERNAL};

static void nsfs_evict(struct inode *i)
{
	ns_put(i->priv);
}

static int nsfs_statfs(struct super *sb, struct statfs *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->f_type = sb->magic;
	ret->f_bsize = ret->f_frsize = 4096;
	ret->f_namelen = 255;
	return 0;
}

static const struct super_ops nsfs_sops = {.evict = nsfs_evict, .statfs = nsfs_statfs};

int ns_path(struct ns_common *ns, struct path *ret)
{
	struct inode *i = inode_new(nsfs_sb, S_IFREG | 0444);
	struct dentry *d;
	char name[48];

	if (!i) {
		ns_put(ns);
		return -ENOMEM;
	}
	i->priv = ns; /* from here on evict puts it */
	i->ino = ns->inum;
	i->op = &nsfs_iops;
	i->fop = &nsfs_fops;
	snprintf(name, sizeof(name), "%s:[%lu]", ns_name(ns->type), ns->inum);
	d = dentry_new(nsfs_sb, NULL, name, strlen(name));
	if (!d) {
		inode_put(i);
		return -ENOMEM;
	}
	dentry_instantiate(d, i);
	*ret = (struct path){mount_get(nsfs_mnt), d};
	return 0;
}

struct ns_common *ns_of_file(struct file *f)
{
	return f->inode->sb == nsfs_sb && f->inode->fop == &nsfs_fops ? f->inode->priv : NULL;
}

int nsfs_init(void)
{
	struct inode *root;

	nsfs_sb = super_new(&nsfs_type, &nsfs_sops, NSFS_MAGIC_);
	root = nsfs_sb ? inode_new(nsfs_sb, S_IFDIR | 0555) : NULL;
	if (!root)
		return -ENOMEM;
	nsfs_sb->nameless = true;
	root->op = &nsfs_iops;
	nsfs_sb->root = dentry_make_root(nsfs_sb, root);
	if (!nsfs_sb->root)
		return -ENOMEM;
	nsfs_mnt = mount_internal(super_get(nsfs_sb), 0);
	return nsfs_mnt ? 0 : -ENOMEM;
}
