/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup2: the tree of control groups as files. */
#ifndef NACRE_KERNEL_FS_CGROUP_CGROUP_H
#define NACRE_KERNEL_FS_CGROUP_CGROUP_H

#include "kernel/vfs/synth.h"

extern const struct fs_type cgroup2_fs_type;
/* The group whose directory f is, borrowed; NULL when f is none. */
struct cgroup *cgroup_of_file(struct file *f);

#endif
