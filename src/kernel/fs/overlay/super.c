/* SPDX-License-Identifier: Apache-2.0 */
/* Making an overlay of two supers. */
#include <string.h>
#include <sys/mount.h>
#include "kernel/fs/overlay/ovl_priv.h"
#include "kernel/fs/overlay/overlay.h"

#define OVERLAYFS_MAGIC 0x794c7630U
#define HASH_SIZE 4096U
/* Numbers of files that exist in the upper only start here, far from those of a host's lower. */
#define UPPER_INO_BASE (1ULL << 44)

extern const struct fs_type overlay_fs_type;

static int ovl_statfs(struct super *sb, struct statfs *ret)
{
	struct super *up = OS(sb)->upper->sb;
	int r = up->op->statfs ? up->op->statfs(up, ret) : -ENOSYS;

	if (r == 0)
		ret->f_type = sb->magic;
	return r;
}

static void ovl_kill(struct super *sb)
{
	struct ovl_sb *os = OS(sb);
	struct path p;

	if (!os)
		return;
	dentry_put(os->upper_root);
	dentry_put(os->work);
	p = (struct path){os->upper, NULL};
	path_put(&p);
	p = (struct path){os->lower, NULL};
	path_put(&p);
	mutex_destroy(&os->lock);
	free(os->hash);
	free(os);
}

static const struct super_ops ovl_sops = {
	.evict = ovl_evict,
	.statfs = ovl_statfs,
	.kill = ovl_kill,
};

static int make_dir(struct ovl_sb *os, const char *name, struct dentry **ret)
{
	struct path root = {os->upper, os->upper->root};
	int r = dentry_lookup(root.dentry, name, strlen(name), ret);

	return r < 0 ? r : vfs_mkdir(&root, *ret, 0755);
}

/* The upper's root looks like the lower's. */
static int copy_root(struct ovl_sb *os)
{
	struct path from = {os->lower, os->lower->root}, to = {os->upper, os->upper_root};
	struct kstat st;
	struct iattr a;
	int r;

	r = vfs_getattr(&from, &st);
	if (r < 0)
		return r;
	if (!S_ISDIR(st.mode))
		return -ENOTDIR;
	a = (struct iattr){
		.valid = ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME,
		.mode = st.mode,
		.uid = st.uid,
		.gid = st.gid,
		.atime = st.atime,
		.mtime = st.mtime,
	};
	r = vfs_setattr(&to, &a);
	if (r == 0)
		r = ovl_copy_xattrs(&from, &to);
	os->upper_root->inode->ino = from.dentry->inode->ino;
	return r;
}

static int fill(struct super *sb, struct ovl_sb *os)
{
	struct inode *root;
	int r;

	vfs_kernel_begin();
	os->upper->sb->next_ino = UPPER_INO_BASE;
	r = make_dir(os, "upper", &os->upper_root);
	if (r == 0)
		r = make_dir(os, "work", &os->work);
	if (r == 0)
		r = copy_root(os);
	if (r == 0)
		r = ovl_iget(sb, os->upper_root, os->lower->root, &root);
	vfs_kernel_end();
	if (r < 0)
		return r;
	sb->root = dentry_make_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

int overlay_super_new(struct super *lower, struct super *upper, const char *source,
		      struct super **ret)
{
	struct ovl_sb *os = calloc(1, sizeof(*os));
	struct super *sb = os ? super_new(&overlay_fs_type, &ovl_sops, OVERLAYFS_MAGIC) : NULL;
	int r = -ENOMEM;

	if (!sb) {
		free(os);
		super_put(lower);
		super_put(upper);
		return -ENOMEM;
	}
	mutex_init(&os->lock, RANK_SUPER, "overlay table");
	sb->priv = os;
	super_make_layer(lower);
	super_make_layer(upper);
	os->upper = mount_internal(upper, MNT_RELATIME);
	os->lower = mount_internal(lower, MNT_READONLY | MNT_NOATIME);
	os->hash_size = HASH_SIZE;
	os->hash = calloc(HASH_SIZE, sizeof(struct ovl_inode *));
	sb->source = strdup(source ? source : "overlay");
	if (os->upper && os->lower && os->hash && sb->source)
		r = fill(sb, os);
	if (r < 0)
		super_put(sb);
	else
		*ret = sb;
	return r;
}

/* The guest's mount(2) names directories as layers: not offered. */
static int ovl_get_super(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	return -EPERM;
}

const struct fs_type overlay_fs_type = {
	.name = "overlay", .flags = FS_NODEV | FS_INTERNAL, .get_super = ovl_get_super};
