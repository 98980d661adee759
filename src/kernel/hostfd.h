/* SPDX-License-Identifier: Apache-2.0 */
/* A reference-counted host descriptor. The last put closes it. Host descriptors are an accounted
 * resource: creation fails with -ENFILE past the process's limit, it never crashes. */
#ifndef NACRE_KERNEL_HOSTFD_H
#define NACRE_KERNEL_HOSTFD_H

#include "base/ref.h"
#include "base/cleanup.h"
#include "kernel/types.h"

struct hostfd {
	struct ref ref;
	int fd;
	uint64_t id;	   /* unique over the life of the kernel: key of the platform's mapping table */
	bool writable;	   /* opened O_RDWR */
};

/* Takes ownership of fd in every case (closes it on failure). */
int hostfd_new(int fd, bool writable, struct hostfd **ret) __must_check;
struct hostfd *hostfd_get(struct hostfd *h);
void hostfd_put(struct hostfd *h); /* NULL is fine */
DEFINE_CLEANUP(struct hostfd *, hostfd_put)

/* A new memfd of size bytes (sealed against exec where the host can): backing of shared anonymous
 * memory and of mapped in-memory files. */
int hostfd_memfd(const char *name, uint64_t size, struct hostfd **ret) __must_check;

#endif
