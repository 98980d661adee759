/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NACRE_KERNEL_FS_ANON_MEMFD_H
#define NACRE_KERNEL_FS_ANON_MEMFD_H

#include "kernel/types.h"

/* memfd_create(2). flags: O_* of the new file; may_seal: MFD_ALLOW_SEALING. */
int memfd_new(const char *name, uint32_t flags, bool may_seal, struct file **ret) __must_check;
/* F_ADD_SEALS, F_GET_SEALS; -EINVAL for files that are no memfd. */
int memfd_fcntl(struct file *f, int cmd, uint64_t arg);

#endif
