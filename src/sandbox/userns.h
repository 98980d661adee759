/* SPDX-License-Identifier: Apache-2.0 */
/* The user namespace of a sandbox that somebody without root makes, and what it maps. */
#ifndef NACRE_SANDBOX_USERNS_H
#define NACRE_SANDBOX_USERNS_H

#include "base/cleanup.h"
#include "base/compiler.h"
#include "oci/spec.h"

#define USERNS_EXTENTS_MAX 16

struct userns_maps {
	struct oci_idmap uid[USERNS_EXTENTS_MAX], gid[USERNS_EXTENTS_MAX];
	size_t nuid, ngid; /* 0: no user namespace of its own */
};

/* Nothing for root (a root of a user namespace too: that one is shared). For others the mappings of the spec; without any,
 * 0 inside is the caller, and from 1 on follow the ids that /etc/subuid and /etc/subgid give him, if both do and
 * newuidmap is there. Logs one line when this host lets him make none at all. */
int userns_plan(const struct oci_spec *spec, struct userns_maps *ret) __must_check;
/* Writes them for a process that was born in the new namespace. Logs one line. */
int userns_write(const struct userns_maps *maps, pid_t pid) __must_check;
/* How many ids from 0 on, users and groups both, there are in the namespace that maps (or, if they are empty, that of the
 * caller) describe. UINT32_MAX: all. */
uint32_t userns_ids(const struct userns_maps *maps);
/* Has the caller ids beside its own to map, and the programs for it? */
bool userns_has_range(void);
/* Says in one line why a user namespace was not to be had. */
void userns_explain(int err);

#endif
