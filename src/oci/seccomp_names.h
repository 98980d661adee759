/* SPDX-License-Identifier: Apache-2.0 */
/* The words of linux.seccomp; NULL-terminated. */
#ifndef NACRE_OCI_SECCOMP_NAMES_H
#define NACRE_OCI_SECCOMP_NAMES_H

extern const char *const seccomp_actions[], *const seccomp_operators[],
						    *const seccomp_archs[], *const seccomp_flags[];

#endif
