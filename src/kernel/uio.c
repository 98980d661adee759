/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences of buffers: see usercopy.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

void uio_init_user(struct uio *u, struct task *t, uaddr_t base, size_t len)
{
	*u = (struct uio){.t = t, .nseg = 1, .resid = MIN(len, (size_t)MAX_RW_COUNT)};
	u->one = (struct uio_seg){base.a, u->resid};
	u->seg = &u->one;
}

void uio_init_kernel(struct uio *u, void *base, size_t len)
{
	*u = (struct uio){.kernel = true, .nseg = 1, .resid = len};
	u->one = (struct uio_seg){(uint64_t)(uintptr_t)base, len};
	u->seg = &u->one;
}

int uio_init_iovec(struct uio *u, struct task *t, uaddr_t iov, unsigned n, struct uio_seg **ret_seg)
{
	_cleanup_free_ struct iovec *v = NULL;
	_cleanup_free_ struct uio_seg *seg = NULL;
	size_t total = 0;

	if (n > UIO_MAXIOV)
		return -EINVAL;
	v = calloc(n ? n : 1, sizeof(*v));
	seg = calloc(n ? n : 1, sizeof(*seg));
	if (!v || !seg)
		return -ENOMEM;
	if (n && copy_in(t, v, iov, n * sizeof(*v)) < 0)
		return -EFAULT;
	for (unsigned i = 0; i < n; i++) {
		if ((ssize_t)v[i].iov_len < 0)
			return -EINVAL;
		seg[i].base = (uint64_t)(uintptr_t)v[i].iov_base;
		seg[i].len = MIN(v[i].iov_len, (size_t)MAX_RW_COUNT - total);
		total += seg[i].len;
	}
	*u = (struct uio){.t = t, .seg = seg, .nseg = n, .resid = total};
	*ret_seg = TAKE_PTR(seg);
	return 0;
}

static void advance(struct uio *u, size_t n)
{
	u->resid -= n;
	u->seg_off += n;
}

/* The current piece: up to n bytes of one segment. */
static size_t piece(struct uio *u, uint64_t *base, size_t n)
{
	while (u->nseg && u->seg_off == u->seg->len) {
		u->seg++;
		u->nseg--;
		u->seg_off = 0;
	}
	if (!u->nseg || !u->resid)
		return 0;
	*base = u->seg->base + u->seg_off;
	return MIN(MIN(n, u->resid), u->seg->len - u->seg_off);
}

static ssize_t transfer(struct uio *u, void *buf, size_t len, bool to)
{
	size_t done = 0, n, k;
	uint64_t base;

	while (done < len && (n = piece(u, &base, len - done)) > 0) {
		char *p = (char *)buf + done;

		if (u->kernel) {
			if (to)
				memcpy((void *)(uintptr_t)base, p, n);
			else
				memcpy(p, (void *)(uintptr_t)base, n);
			k = n;
		} else if (to) {
			k = pt_copy_out(u->t->pt, uaddr(base), p, n);
		} else {
			k = pt_copy_in(u->t->pt, p, uaddr(base), n);
		}
		advance(u, k);
		done += k;
		if (k < n)
			return done ? (ssize_t)done : -EFAULT;
	}
	return (ssize_t)done;
}

ssize_t uio_copy_to(struct uio *u, const void *from, size_t len)
{
	return transfer(u, (void *)(uintptr_t)from, len, true);
}

ssize_t uio_copy_from(struct uio *u, void *to, size_t len)
{
	return transfer(u, to, len, false);
}

ssize_t uio_zero(struct uio *u, size_t len)
{
	static const char zeros[16384];
	size_t done = 0;

	while (done < len && u->resid) {
		ssize_t k = uio_copy_to(u, zeros, MIN(len - done, sizeof(zeros)));

		if (k < 0)
			return done ? (ssize_t)done : k;
		done += (size_t)k;
		if (!k)
			break;
	}
	return (ssize_t)done;
}

void uio_revert(struct uio *u, size_t n)
{
	u->resid += n;
	while (n > u->seg_off) {
		n -= u->seg_off;
		u->seg--;
		u->nseg++;
		u->seg_off = u->seg->len;
	}
	u->seg_off -= n;
}
