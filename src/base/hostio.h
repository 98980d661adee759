/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls in the one form that nacre-kernel's filter lets pass (confine/kernel_filter_gen.c), where the C library
 * would choose another number for the same thing. They return what their namesakes do.
 */
#ifndef NACRE_BASE_HOSTIO_H
#define NACRE_BASE_HOSTIO_H

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Of a descriptor only: newfstatat would take names too. */
static inline int hio_fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

static inline ssize_t hio_pread(int fd, void *buf, size_t n, off_t off)
{
	struct iovec v = {buf, n};

	if (off < 0) { /* preadv2 takes -1 for "where the file is" */
		errno = EINVAL;
		return -1;
	}
	return preadv2(fd, &v, 1, off, 0);
}

static inline ssize_t hio_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	struct iovec v = {(void *)(uintptr_t)buf, n};

	if (off < 0) {
		errno = EINVAL;
		return -1;
	}
	return pwritev2(fd, &v, 1, off, 0);
}

static inline ssize_t hio_send(int fd, const void *buf, size_t n, int flags)
{
	struct iovec v = {(void *)(uintptr_t)buf, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	return sendmsg(fd, &m, flags);
}

static inline ssize_t hio_recv(int fd, void *buf, size_t n, int flags)
{
	struct iovec v = {buf, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	return recvmsg(fd, &m, flags);
}

/* What is ready of events on fd within ms milliseconds; 0: nothing, or the call failed. */
static inline short hio_poll(int fd, short events, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	struct pollfd p = {fd, events, 0};

	return ppoll(&p, 1, &ts, NULL) > 0 ? p.revents : 0;
}

#endif
