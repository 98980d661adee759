/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies between kernel and guest memory: process_vm_readv and process_vm_writev, which fault pages in, stop at
 * the first bad one and need no trip; where the host refuses them (Yama, another user), the stub copies through
 * its slot.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "platform/trap/trap.h"

/* Clips [u, u + n) to the guest's addresses. */
static size_t clip(uaddr_t u, size_t n)
{
	if (u.a >= PT_GUEST_END)
		return 0;
	return MIN(n, PT_GUEST_END - u.a);
}

/* One host call moves at most what lies in the iovec; a fault shortens the result to whole pages, so the rest is
 * tried page by page to find the exact end. Returns bytes moved or -errno when nothing could be tried. */
static ssize_t vm_move(struct pt_as *as, void *local, uaddr_t remote, size_t n, bool write)
{
	size_t done = 0;

	while (done < n) {
		size_t chunk = MIN(n - done, (size_t)1 << 20);
		struct iovec l = {(char *)local + done, chunk}, r = {(void *)(remote.a + done), chunk};
		ssize_t k;

		if (__atomic_load_n(&as->dead, __ATOMIC_ACQUIRE))
			return done ? (ssize_t)done : -ESRCH;
		k = write ? process_vm_writev(as->pid, &l, 1, &r, 1, 0)
			  : process_vm_readv(as->pid, &l, 1, &r, 1, 0);
		if (k < 0)
			return done || errno == EFAULT ? (ssize_t)done : -errno;
		done += (size_t)k;
		if ((size_t)k < chunk)
			break;
	}
	return (ssize_t)done;
}

static size_t slot_move(struct pt_thread *pt, void *local, uaddr_t remote, size_t n, bool write)
{
	char *data = (char *)pt->slot + SLOT_DATA_OFFSET;
	size_t done = 0;

	while (done < n) {
		size_t chunk = MIN(n - done, (size_t)SLOT_DATA_SIZE), got;
		struct slot_op op = {.kind = write ? SLOT_OP_COPY_OUT : SLOT_OP_COPY_IN,
				     .a = {remote.a + done, chunk}};

		if (write)
			memcpy(data, (char *)local + done, chunk);
		if (run_slot_ops(pt, &op, 1) < 0 || op.result < 0)
			break;
		got = MIN((size_t)op.result, chunk);
		if (!write)
			memcpy((char *)local + done, data, got);
		done += got;
		if (got < chunk)
			break;
	}
	return done;
}

static size_t move(struct pt_thread *pt, void *local, uaddr_t remote, size_t n, bool write)
{
	ssize_t r = -EPERM;

	n = clip(remote, n);
	if (!n)
		return 0;
	if (!trap.no_process_vm)
		r = vm_move(pt->as, local, remote, n, write);
	/* ESRCH: dead, which the slot finds too, or guest code ended the process's first thread. */
	if (r == -EPERM || r == -ENOSYS || r == -ESRCH)
		return slot_move(pt, local, remote, n, write);
	return r < 0 ? 0 : (size_t)r;
}

size_t pt_copy_in(struct pt_thread *pt, void *to, uaddr_t from, size_t n)
{
	return move(pt, to, from, n, false);
}

size_t pt_copy_out(struct pt_thread *pt, uaddr_t to, const void *from, size_t n)
{
	return move(pt, (void *)(uintptr_t)from, to, n, true);
}

ssize_t pt_copy_in_str(struct pt_thread *pt, char *to, uaddr_t from, size_t n)
{
	size_t done = 0;

	while (done < n) {
		/* To the end of a page at a time: what follows may not be mapped. Few strings are long. */
		size_t page = 4096 - ((from.a + done) & 4095), chunk = MIN(n - done, done ? page : MIN(page, 256U)), got;
		char *end;

		got = pt_copy_in(pt, to + done, uaddr_add(from, done), chunk);
		end = memchr(to + done, 0, got);
		if (end)
			return end - to;
		if (got < chunk)
			return -EFAULT;
		done += got;
	}
	return -ENAMETOOLONG;
}

size_t pt_as_read(struct pt_as *as, void *to, uaddr_t from, size_t n)
{
	ssize_t r = vm_move(as, to, from, clip(from, n), false);

	return r < 0 ? 0 : (size_t)r;
}

size_t pt_as_write(struct pt_as *as, uaddr_t to, const void *from, size_t n)
{
	ssize_t r = vm_move(as, (void *)(uintptr_t)from, to, clip(to, n), true);

	return r < 0 ? 0 : (size_t)r;
}

void *pt_staging(struct pt_thread *pt, size_t *len)
{
	*len = SLOT_DATA_SIZE;
	return (char *)pt->slot + SLOT_DATA_OFFSET;
}

void pt_set_title(struct pt_thread *pt, char *const *argv)
{
	char text[STUB_TITLE] = "";
	size_t n = 0;

	for (; *argv && n + 1 < sizeof(text); argv++) {
		size_t len = MIN(strlen(*argv), sizeof(text) - 1 - n);

		memcpy(text + n, *argv, len);
		n += len + 1;
	}
	(void)!vm_move(pt->as, text, uaddr(__atomic_load_n(&trap.title, __ATOMIC_RELAXED)), sizeof(text), true);
}
