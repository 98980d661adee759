/* SPDX-License-Identifier: Apache-2.0 */
/* Who watches files: marks on inodes that are told what happens to them and to the names in them (inotify). */
#ifndef NACRE_KERNEL_VFS_NOTIFY_H
#define NACRE_KERNEL_VFS_NOTIFY_H

#include <sys/inotify.h>
#include "kernel/vfs/vfs.h"

/* Beside IN_*, in what event() is told: the rename was within one directory; the name is gone already (IN_EXCL_UNLINK). */
#define NOTIFY_SAME_DIR 0x00100000U
#define NOTIFY_UNLINKED 0x00200000U

struct notify_mark {
	struct notify_mark *next; /* of the inode's marks, under the notify lock */
	struct inode *inode;	  /* constant while the mark is on it; NULL when it was taken off */
	/* Under the notify lock; what: IN_*. name: NULL for the inode itself. Takes locks behind RANK_PIPE only. */
	void (*event)(struct notify_mark *m, uint32_t what, uint32_t cookie, const char *name, size_t len);
};

/* Puts m on i, which the owner of m keeps by a reference. */
void notify_add(struct notify_mark *m, struct inode *i);
/* Takes m off; afterwards event does not run. Harmless when it is off. */
void notify_remove(struct notify_mark *m);

extern unsigned notify_count; /* atomic: number of marks */
static inline bool notify_on(void)
{
	return __atomic_load_n(&notify_count, __ATOMIC_RELAXED) != 0;
}
/* What happened to i itself. IN_DELETE_SELF takes its marks off. */
void notify_inode_slow(struct inode *i, uint32_t what);
/* What happened to the name in dir. i: whose name, NULL when it is gone. */
void notify_name_slow(struct inode *dir, const char *name, size_t len, bool is_dir, uint32_t what, uint32_t cookie);
/* What happened to the file behind d: its own marks and its directory's are told. */
void notify_dentry_slow(struct dentry *d, uint32_t what);

static inline void notify_inode(struct inode *i, uint32_t what)
{
	if (notify_on())
		notify_inode_slow(i, what);
}
static inline void notify_dentry(struct dentry *d, uint32_t what)
{
	if (notify_on())
		notify_dentry_slow(d, what);
}
/* A name that the caller keeps from changing (directory locked). */
static inline void notify_child(struct inode *dir, const struct dentry *d, bool is_dir, uint32_t what)
{
	if (notify_on())
		notify_name_slow(dir, d->name, d->name_len, is_dir, what, 0);
}

#endif
