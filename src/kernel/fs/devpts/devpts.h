/* SPDX-License-Identifier: Apache-2.0 */
/* devpts: every mount is an instance of its own. */
#ifndef NACRE_KERNEL_FS_DEVPTS_DEVPTS_H
#define NACRE_KERNEL_FS_DEVPTS_DEVPTS_H

#include "kernel/vfs/vfs.h"

extern const struct fs_type devpts_fs_type;
/* Opens of 5:2 and 136:N: of the devpts that f was opened in, else of the one at pts/ beside it. */
int devpts_open_master(struct file *f) __must_check;
int devpts_open_slave(struct file *f, int index) __must_check;
/* The other end of an open master, under its name in the instance that the master belongs to. */
int devpts_open_peer(struct file *master, int index, unsigned flags, struct file **ret) __must_check;
/* Gives t, a terminal of the host, the next free number in the instance whose root is *pts, and opens it there: *ret is
 * O_RDWR, with one reference. -ENODEV when *pts is no devpts. */
struct tty;
int devpts_add_host(const struct path *pts, struct tty *t, struct file **ret) __must_check;

#endif
