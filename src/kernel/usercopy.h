/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory of the current task, and nothing else in the kernel above the platform, is reached
 * through these. Copy once, check, act: never read the same guest field twice.
 * All return 0 or -EFAULT unless stated.
 */
#ifndef NACRE_KERNEL_USERCOPY_H
#define NACRE_KERNEL_USERCOPY_H

#include <limits.h>
#include <sys/uio.h>
#include "base/cleanup.h"
#include "kernel/types.h"

int copy_in(struct task *t, void *to, uaddr_t from, size_t n) __must_check;
int copy_out(struct task *t, uaddr_t to, const void *from, size_t n) __must_check;
int clear_user(struct task *t, uaddr_t to, size_t n) __must_check;
/* Length without NUL, -ENAMETOOLONG when no NUL within n, -EFAULT. */
ssize_t copy_in_str(struct task *t, char *to, uaddr_t from, size_t n) __must_check;
/* A path argument: at most PATH_MAX with NUL; *ret is malloc'd. -ENAMETOOLONG, -EFAULT, -ENOMEM. */
int copy_in_path(struct task *t, uaddr_t from, char **ret) __must_check;
/* copy_struct_from_user of Linux: extensible structs (clone3, openat2). -E2BIG when the tail that we
 * do not know is not zero. */
int copy_in_struct(struct task *t, void *to, size_t know, uaddr_t from, size_t given) __must_check;

static inline __must_check int put_u32(struct task *t, uaddr_t to, uint32_t v)
{
	return copy_out(t, to, &v, sizeof(v));
}
static inline __must_check int put_u64(struct task *t, uaddr_t to, uint64_t v)
{
	return copy_out(t, to, &v, sizeof(v));
}

/*
 * A sequence of buffers being read or written: guest memory, or kernel memory for calls the kernel
 * makes itself (exec reading an ELF header). Data moves through uio_copy_to (towards the
 * reader: read(2)) and uio_copy_from (from the writer: write(2)).
 */
struct uio_seg {
	uint64_t base; /* guest address, or kernel pointer when kernel is set */
	size_t len;
};
struct uio {
	struct task *t; /* NULL when kernel */
	bool kernel;
	const struct uio_seg *seg;
	unsigned nseg;
	size_t seg_off; /* within seg[0] */
	size_t resid;	/* bytes left over all segments */
	struct uio_seg one;
};

void uio_init_user(struct uio *u, struct task *t, uaddr_t base, size_t len);
void uio_init_kernel(struct uio *u, void *base, size_t len);
/* Reads and checks a guest iovec array (n ≤ UIO_MAXIOV, total ≤ MAX_RW_COUNT as Linux does).
 * *ret_seg is malloc'd and must outlive u. -EINVAL, -EFAULT, -ENOMEM. */
int uio_init_iovec(struct uio *u, struct task *t, uaddr_t iov, unsigned n,
		   struct uio_seg **ret_seg) __must_check;
/* Move up to len bytes and advance. Return bytes moved (short only at a fault or the end), -EFAULT
 * when the first byte faults. */
ssize_t uio_copy_to(struct uio *u, const void *from, size_t len) __must_check;
ssize_t uio_copy_from(struct uio *u, void *to, size_t len) __must_check;
ssize_t uio_zero(struct uio *u, size_t len) __must_check;
/* Rolls the last n bytes back (data was copied in but could not be used). */
void uio_revert(struct uio *u, size_t n);

#define MAX_RW_COUNT (INT_MAX & ~4095)

#endif
