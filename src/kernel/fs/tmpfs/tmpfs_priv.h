/* SPDX-License-Identifier: Apache-2.0 */
/* Inside tmpfs. */
#ifndef NACRE_KERNEL_FS_TMPFS_PRIV_H
#define NACRE_KERNEL_FS_TMPFS_PRIV_H

#include "kernel/hostfd.h"
#include "kernel/vfs/vfs.h"

struct tmpfs_sb {
	struct container *ct; /* pays; NULL: nobody */
	uint64_t max_pages, max_inodes;
	uint64_t default_pages; /* constant: what is not shown as an option */ /* atomic; 0: no limit */
	uint64_t used_pages, used_inodes; /* atomic */
	mode_t mode;
	kuid_t uid;
	kgid_t gid;
	/* Inodes whose last reference went while a directory was being taken apart: see tmpfs_evict. */
	struct mutex reap_lock; /* RANK_SUPER */
	struct tmpfs_dirent *reap;
	bool reaping;
};

struct tmpfs_dirent {
	struct tmpfs_dirent *next; /* in its hash chain; in sb->reap */
	struct inode *inode;	   /* one reference */
	uint32_t hash, slot;
	uint16_t len;
	char name[];
};
/* A directory: entries by name (hash, once there are many) and by slot. A slot number is a position for
 * readers: an entry keeps it for life, and a free one is used again, so the vector stays small. */
struct tmpfs_dir {
	struct inode *parent; /* for ".."; not a reference: a child is evicted before its parent */
	struct tmpfs_dirent **slot;
	uint32_t nslots, cap, live, lowest_free;
	struct tmpfs_dirent **hash;
	uint32_t hash_size; /* 0: none yet */
};

/* Contents of a file: a piece of the arena up to TMPFS_SMALL bytes, with a bit for each page that holds
 * data; or a memfd (host), once it is larger or was mapped. */
#define TMPFS_SMALL 65536U
struct tmpfs_data {
	char *buf;
	uint32_t cap;
	uint16_t pages;
	struct hostfd *host;
	uint64_t charged; /* pages charged to the super */
};

struct tmpfs_xattr {
	struct tmpfs_xattr *next;
	size_t len;
	char *value; /* owned, behind the name */
	char name[];
};

/* All guarded by the inode's lock. */
struct tmpfs_inode {
	struct tmpfs_xattr *xattrs;
	size_t xattr_bytes;
	union {
		struct tmpfs_dir dir;
		struct tmpfs_data data;
		char *target;
	};
};

static inline struct tmpfs_inode *TI(const struct inode *i)
{
	return i->priv;
}
static inline struct tmpfs_sb *TS(const struct super *sb)
{
	return sb->priv;
}

extern const struct inode_ops tmpfs_dir_iops, tmpfs_file_iops, tmpfs_link_iops, tmpfs_special_iops;
extern const struct file_ops tmpfs_dir_fops, tmpfs_file_fops;

/* super.c */
int tmpfs_charge_pages(struct super *sb, uint64_t n) __must_check; /* -ENOSPC */
void tmpfs_uncharge_pages(struct super *sb, uint64_t n);
int tmpfs_charge_bytes(struct super *sb, uint64_t n) __must_check; /* kernel memory: -ENOSPC */
void tmpfs_uncharge_bytes(struct super *sb, uint64_t n);
/* A new inode owned as inode_init_owner says (dir NULL: by the mount options). */
int tmpfs_inode_new(struct super *sb, struct inode *dir, mode_t mode, struct inode **ret) __must_check;

/* dir.c */
void tmpfs_dir_clear(struct inode *dir); /* evict: its entries go */

/* file.c: the inode's lock is held. */
int tmpfs_resize(struct inode *i, uint64_t size) __must_check;
void tmpfs_data_free(struct inode *i);
uint64_t tmpfs_data_pages(const struct inode *i);

/* xattr.c */
ssize_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t cap);
int tmpfs_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags);
int tmpfs_removexattr(struct inode *i, const char *name);
ssize_t tmpfs_listxattr(struct inode *i, char *buf, size_t cap);
void tmpfs_xattr_clear(struct inode *i);
void tmpfs_xattr_written(struct inode *i); /* a write: file capabilities go; lock held */

#endif
