/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the overlay. Locks: the overlay's own inode locks are outer, then ovl_inode.copyup, then everything
 * of the layers. Operations on layers run as the kernel (vfs_kernel_begin): the overlay's inodes have been
 * checked already.
 */
#ifndef NACRE_KERNEL_FS_OVERLAY_OVL_PRIV_H
#define NACRE_KERNEL_FS_OVERLAY_OVL_PRIV_H

#include "kernel/vfs/vfs.h"

struct ovl_sb {
	struct mount *upper, *lower; /* internal mounts; constant */
	struct dentry *upper_root, *work; /* in upper: what is visible, and where things are prepared */
	unsigned serial;		  /* atomic: names in work */
	struct mutex lock;		  /* RANK_SUPER: the table below */
	struct ovl_inode **hash;
	unsigned hash_size;
};

struct ovl_inode {
	struct inode *inode;
	struct dentry *upper; /* atomic: set once, from NULL; own reference */
	struct dentry *lower; /* constant; own reference, or NULL */
	struct mutex copyup;  /* RANK_OVL_COPYUP: copy-up against removal of the name */
	bool gone GUARDED_BY(copyup); /* its name was removed: a copy gets none */
	const struct inode *key GUARDED_BY(ovl_sb.lock); /* real inode it is found by, or NULL */
	struct ovl_inode *hash_next GUARDED_BY(ovl_sb.lock);
};

static inline struct ovl_sb *OS(const struct super *sb)
{
	return sb->priv;
}
static inline struct ovl_inode *OI(const struct inode *i)
{
	return i->priv;
}
static inline struct dentry *ovl_upper(const struct inode *i)
{
	return __atomic_load_n(&OI(i)->upper, __ATOMIC_ACQUIRE);
}
/* What holds the data and attributes of i now. */
static inline struct path ovl_real_path(const struct inode *i)
{
	struct dentry *u = ovl_upper(i);

	return u ? (struct path){OS(i->sb)->upper, u} :
		   (struct path){OS(i->sb)->lower, OI(i)->lower};
}
static inline struct inode *ovl_real(const struct inode *i)
{
	return ovl_real_path(i).dentry->inode;
}
static inline struct path ovl_upper_path(const struct inode *i)
{
	return (struct path){OS(i->sb)->upper, ovl_upper(i)};
}
static inline bool ovl_is_whiteout(const struct inode *i)
{
	return i && S_ISCHR(i->mode) && i->rdev == 0;
}

/* inode.c */
extern const struct inode_ops ovl_dir_iops, ovl_file_iops, ovl_link_iops, ovl_special_iops;
/* The inode for an upper or lower dentry or both (borrowed). */
int ovl_iget(struct super *sb, struct dentry *upper, struct dentry *lower, struct inode **ret)
	__must_check;
void ovl_evict(struct inode *i);
/* upper has just been made for oi (reference moves in). */
void ovl_set_upper(struct ovl_inode *oi, struct dentry *upper);
/* Takes attributes over from the real inode; i's lock is held, or i is not visible yet. */
void ovl_copyattr(struct inode *i);
int ovl_lookup(struct inode *dir, struct dentry *d, struct inode **ret);
bool ovl_is_opaque(struct dentry *upper);

/* copy_up.c */
/* Makes sure that d has an upper. data false: its contents will be truncated. */
int ovl_copy_up(struct dentry *d, bool data) __must_check;
int ovl_copy_up_inode(struct inode *i, bool data) __must_check;
int ovl_copy_xattrs(const struct path *from, const struct path *to) __must_check;
/* An unused name in work: its negative dentry. */
int ovl_work_name(struct ovl_sb *os, struct dentry **ret) __must_check;

/* dir.c */
int ovl_create(struct inode *dir, struct dentry *d, mode_t mode);
int ovl_mkdir(struct inode *dir, struct dentry *d, mode_t mode);
int ovl_mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev);
int ovl_symlink(struct inode *dir, struct dentry *d, const char *target);
int ovl_link(struct dentry *old, struct inode *dir, struct dentry *d);
int ovl_tmpfile(struct inode *dir, struct dentry *d, mode_t mode);
int ovl_unlink(struct inode *dir, struct dentry *d);
int ovl_rmdir(struct inode *dir, struct dentry *d);
int ovl_set_opaque(const struct path *upper_dir);
/* Is there a lower object under this name of dir? 1, 0, -errno. */
int ovl_lower_has(struct inode *dir, const struct dentry *d);
/* The names that are left in an empty directory's upper are whiteouts: removes them. */
int ovl_clear_whiteouts(const struct path *upper_dir) __must_check;
/* Child d's name in the upper of dir, positive or negative. */
int ovl_upper_child(struct inode *dir, const struct dentry *d, struct dentry **ret) __must_check;

/* rename.c */
int ovl_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
	       unsigned flags);

/* readdir.c */
extern const struct file_ops ovl_dir_fops;
/* 0 when dir shows no name, -ENOTEMPTY. Its lock is held. */
int ovl_check_empty(struct inode *dir) __must_check;

/* file.c */
extern const struct file_ops ovl_file_fops;

#endif
