/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that make up oci_spec_load. */
#ifndef NACRE_OCI_PARSE_PRIV_H
#define NACRE_OCI_PARSE_PRIV_H

#include "oci/json.h"

/* parse_process.c: p was zeroed; umask etc. get their defaults here. */
int parse_process(const struct jval *v, struct oci_process *p) __must_check;
void process_clear(struct oci_process *p);
/* parse_mounts.c */
int parse_mounts(const struct jval *root, struct oci_spec *s) __must_check;
/* parse_linux.c: namespaces, devices, sysctl, ... */
int parse_linux(const struct jval *root, struct oci_spec *s) __must_check;
int parse_kv(const struct jval *obj, const char *key, struct oci_kv **ret,
	     size_t *ret_n) __must_check;
/* resources.c, seccomp.c: check only. */
int check_resources(const struct jval *v) __must_check;
int check_seccomp(const struct jval *v) __must_check;
/* validate.c: what one field alone cannot tell. */
int validate_spec(const struct jval *root, const struct oci_spec *s) __must_check;

#endif
