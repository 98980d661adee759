/* SPDX-License-Identifier: Apache-2.0 */
/* Names that config.json uses for capabilities, resource limits, namespaces and mount options. */
#ifndef NACRE_OCI_NAMES_H
#define NACRE_OCI_NAMES_H

#include "oci/spec.h"

/* "CAP_CHOWN" -> 0; with or without the prefix, any case when loose. -1: unknown. */
int cap_by_name(const char *name, bool loose);
const char *cap_name(unsigned cap); /* NULL past the last */
/* "RLIMIT_NOFILE" -> RLIMIT_NOFILE; -1: unknown */
int rlimit_by_name(const char *name);
/* "network" -> OCI_NS_NET; -1: unknown */
int ns_by_name(const char *name);
const char *ns_name(enum oci_ns ns);
unsigned long ns_clone_flag(enum oci_ns ns);
/* Name of the namespace type of a CLONE_NEW* flag, "unknown" if there is none. */
const char *ns_name_of_flag(int flag);

/* Decodes m->options into flags, propagation, data and tmpcopyup. Unknown options are the file
 * system's data. 0; -ENOTSUP with *ret_bad = index of an option that nacre does not have; -ENOMEM.
 */
int oci_mount_options(struct oci_mount *m, size_t *ret_bad) __must_check;
/* i-th known option, NULL past the last: for `features`. */
const char *mount_option_name(size_t i);

#endif
