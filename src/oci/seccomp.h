/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp compiled. */
#ifndef NACRE_OCI_SECCOMP_H
#define NACRE_OCI_SECCOMP_H

#include "oci/spec.h"

struct sock_filter;
struct oci_seccomp {
	struct sock_filter *filter; /* malloc'd */
	size_t n;		    /* instructions */
	uint32_t flags;		    /* SECCOMP_FILTER_FLAG_* */
};

/* The filter of spec, which has one (has_seccomp). Logs what is wrong. 0, -EINVAL, -E2BIG, -ENOMEM... */
int oci_seccomp_compile(const struct oci_spec *spec, struct oci_seccomp *ret) __must_check;

#endif
