/* SPDX-License-Identifier: Apache-2.0 */
/* Character devices of the guest, and the default contents of /dev. */
#ifndef NACRE_KERNEL_FS_DEVTMPFS_CHRDEV_H
#define NACRE_KERNEL_FS_DEVTMPFS_CHRDEV_H

#include "kernel/vfs/vfs.h"

/* Opens inode (S_IFCHR) as the device that its number names: sets f->op and f->priv and calls the
 * device's open. -ENXIO when there is none. */
int chrdev_open(struct inode *inode, struct file *f) __must_check;
/* Makes the default nodes, symlinks and mount points of an OCI /dev in the directory root. Existing names are
 * left alone. As the current credentials of the caller allow; 0 or -errno. */
int dev_populate(const struct path *root) __must_check;
extern const struct fs_type devtmpfs_fs_type;

#endif
