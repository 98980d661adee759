/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An overlay: an upper file system that takes all changes in front of a lower one that nobody changes. Rules as
 * Linux's overlayfs without redirect_dir and index: whiteouts are character devices 0:0, opaque directories
 * carry trusted.overlay.opaque, renaming a directory that has a lower part is EXDEV, hard links of lower files
 * are broken by the first change.
 */
#ifndef NACRE_KERNEL_FS_OVERLAY_H
#define NACRE_KERNEL_FS_OVERLAY_H

#include "kernel/types.h"

/* An overlay of upper (a new, empty tmpfs) over lower. The references of both move in, on failure too.
 * source: text for /proc/mounts, copied. Neither layer is in use otherwise: both become layers here. */
int overlay_super_new(struct super *lower, struct super *upper, const char *source,
		      struct super **ret) __must_check;

#endif
