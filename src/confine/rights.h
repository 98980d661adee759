/* SPDX-License-Identifier: Apache-2.0 */
/* What a process of the sandbox gives up for good before it touches anything of a guest. */
#ifndef NACRE_CONFINE_RIGHTS_H
#define NACRE_CONFINE_RIGHTS_H

#include <sys/types.h>
#include "base/compiler.h"

/* No capability in any set, no_new_privs, no core dump, not dumpable (so that no other process of the same user may
 * trace it). Capabilities that the process does not have are fine. Affects the calling thread and those it makes:
 * call it before the first. Checks the result: 0, or -EPERM when something could not be given up, or -errno. */
int rights_drop(void) __must_check;

/* Becomes that user and its group, alone; as root the bounding set and all capabilities go with it. Without privilege
 * there is one user, who stays. no_new_privs and no core dump besides. Same rules. Returns 0 or -errno. */
int rights_become(uid_t uid) __must_check;

#endif
