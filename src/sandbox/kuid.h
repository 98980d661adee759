/* SPDX-License-Identifier: Apache-2.0 */
/* A host user of its own for each sandbox, so that sandboxes share no limits and cannot signal each other. */
#ifndef NACRE_SANDBOX_KUID_H
#define NACRE_SANDBOX_KUID_H

#include "sandbox/state.h"

/* Takes a user that no living sandbox has: of root one of the host's, of others one of the upper half of the ids (from 0 on)
 * that the sandbox's user namespace has; of a single one 0. It is taken as long as keeper lives. Logs what fails. */
int kuid_take(const struct runtime_opts *r, uint32_t ids, const char *id, const struct proc_id *keeper, uid_t *ret) __must_check;
/* From now on keeper holds it. */
int kuid_pass(const struct runtime_opts *r, uid_t uid, const struct proc_id *keeper) __must_check;
/* Gives it back, if it is still keeper's; a 0 is none. */
void kuid_release(const struct runtime_opts *r, uid_t uid, const struct proc_id *keeper);

#endif
