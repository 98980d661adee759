/* SPDX-License-Identifier: Apache-2.0 */
/* The table made from table.def. */
#include "kernel/syscall/syscall.h"

#include <errno.h>

#define SYS(nr, name, kinds, status, remark, tests) [nr] = SYS_DESC_##status(name, kinds),
#define SYS_DESC_FULL(name, kinds) {#name, kinds, sys_##name, -ENOSYS}
#define SYS_DESC_PARTIAL(name, kinds) SYS_DESC_FULL(name, kinds)
#define SYS_DESC_NONE(name, kinds) {#name, kinds, NULL, -ENOSYS}
#define SYS_DESC_EPERM(name, kinds) {#name, kinds, NULL, -EPERM}

const struct syscall_desc syscall_table[NR_SYSCALLS] = {
#include "kernel/syscall/table.def"
};
