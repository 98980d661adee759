/* SPDX-License-Identifier: Apache-2.0 */
/* Making open files: file.c, open.c, anon.c. */
#ifndef NACRE_KERNEL_VFS_FILE_PRIV_H
#define NACRE_KERNEL_VFS_FILE_PRIV_H

#include "kernel/vfs/vfs_priv.h"

/* An open file of inode i at p, without operations yet. NULL: out of memory. */
struct file *file_alloc(const struct path *p, struct inode *i, uint32_t flags,
			const struct cred *cred);
/* Undoes file_alloc: nothing was opened. */
void file_free(struct file *f);

#endif
