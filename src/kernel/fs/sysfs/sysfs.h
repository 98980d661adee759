/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NACRE_KERNEL_FS_SYSFS_SYSFS_H
#define NACRE_KERNEL_FS_SYSFS_SYSFS_H

#include "kernel/vfs/synth.h"

/* The directory class/net: interfaces by name (class_net.c). */
int class_net_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child);
bool class_net_list(struct synth_inode *dir, long *n, char name[32]);

#endif
