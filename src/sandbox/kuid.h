/* SPDX-License-Identifier: Apache-2.0 */
/* A host user of its own for each sandbox, so that sandboxes share no limits and cannot signal each other. */
#ifndef NACRE_SANDBOX_KUID_H
#define NACRE_SANDBOX_KUID_H

#include "sandbox/state.h"

/* Takes a user that no living sandbox of this host has; without root the caller's own. It is taken as long as
 * keeper lives. Logs what fails. */
int kuid_take(const char *id, const struct proc_id *keeper, uid_t *ret) __must_check;
/* From now on keeper holds it. */
int kuid_pass(uid_t uid, const struct proc_id *keeper) __must_check;
/* Gives it back, if it is still keeper's; a 0 is none. */
void kuid_release(uid_t uid, const struct proc_id *keeper);

#endif
