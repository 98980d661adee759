/* SPDX-License-Identifier: Apache-2.0 */
/* pread64, pwrite64, readv, writev, preadv, pwritev, preadv2, pwritev2. */
#include <limits.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "scratch.h"

/* Not mapped; the compiler need not know. */
static void *volatile nowhere = (void *)8;
static volatile int minus_one = -1;

static int file_of(const char *text)
{
	scratch();
	make_file("f", text);
	return open("f", O_RDWR);
}

TEST(positioned)
{
	int fd = file_of("0123456789"), p[2], d, ro;
	char b[16];

	CHECK_EQ(pread(fd, b, 3, 4), 3);
	CHECK(!memcmp(b, "456", 3));
	CHECK_EQ(pread(fd, b, 16, 8), 2);
	CHECK_EQ(pread(fd, b, 16, 10), 0);
	CHECK_EQ(pread(fd, b, 16, 1000), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(pwrite(fd, "xy", 2, 12), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(pread(fd, b, 4, 10), 4);
	CHECK(!memcmp(b, "\0\0xy", 4));
	CHECK_ERR(pread(fd, b, 1, -1), EINVAL);
	CHECK_ERR(pwrite(fd, b, 1, -1), EINVAL);
	CHECK_ERR(pread(99, b, 1, 0), EBADF);
	CHECK_ERR(pread(fd, nowhere, 1, 0), EFAULT);
	CHECK_ERR(pwrite(fd, nowhere, 1, 0), EFAULT);
	REQUIRE(pipe(p) == 0);
	CHECK_ERR(pread(p[0], b, 1, 0), ESPIPE);
	CHECK_ERR(pwrite(p[1], b, 1, 0), ESPIPE);
	d = open(".", O_RDONLY);
	CHECK_ERR(pread(d, b, 1, 0), EISDIR);
	ro = open("f", O_RDONLY);
	CHECK_ERR(pwrite(ro, b, 1, 0), EBADF);
	CHECK_ERR(pread(open("f", O_WRONLY), b, 1, 0), EBADF);
	/* With O_APPEND Linux appends whatever the offset says. */
	CHECK_EQ(pwrite(open("f", O_WRONLY | O_APPEND), "z", 1, 0), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 15);
}

TEST(vectors)
{
	int fd = file_of("");
	char a[4], b[8];
	struct iovec w[3] = {{"ab", 2}, {NULL, 0}, {"cdef", 4}}, r[2] = {{a, 4}, {b, 8}};

	CHECK_EQ(writev(fd, w, 3), 6);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(readv(fd, r, 2), 6);
	CHECK(!memcmp(a, "abcd", 4) && !memcmp(b, "ef", 2));
	CHECK_EQ(readv(fd, r, 2), 0);
	CHECK_EQ(pwritev(fd, w, 3, 1), 6);
	CHECK_EQ(preadv(fd, r, 2, 0), 7);
	CHECK(!memcmp(a, "aabc", 4) && !memcmp(b, "def", 3));
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
	CHECK_EQ(writev(fd, w, 0), 0);
	CHECK_EQ(readv(fd, NULL, 0), 0);
}

TEST(vector_errors)
{
	int fd = file_of("0123456789"), p[2];
	char b[8];
	struct iovec v[2] = {{b, 8}, {b, (size_t)SSIZE_MAX}}, many[IOV_MAX + 1], bad[2] = {{b, 2}, {nowhere, 4}};

	for (int i = 0; i <= IOV_MAX; i++)
		many[i] = (struct iovec){b, 0};
	CHECK_ERR(readv(fd, v, minus_one), EINVAL);
	CHECK_ERR(readv(fd, many, IOV_MAX + 1), EINVAL);
	CHECK_EQ(readv(fd, many, IOV_MAX), 0);
	CHECK_ERR(readv(fd, nowhere, 1), EFAULT);
	v[0].iov_len = (size_t)-1;
	CHECK_ERR(writev(fd, v, 1), EINVAL);
	CHECK_ERR(readv(99, bad, 1), EBADF);
	CHECK_ERR(readv(fd, bad + 1, 1), EFAULT);
	/* A later bad part gives what came before. */
	CHECK_EQ(readv(fd, bad, 2), 2);
	CHECK_ERR(preadv(fd, bad, 1, -1), EINVAL);
	CHECK_ERR(pwritev(fd, bad, 1, -1), EINVAL);
	REQUIRE(pipe(p) == 0);
	CHECK_ERR(preadv(p[0], bad, 1, 0), ESPIPE);
	CHECK_ERR(pwritev(p[1], bad, 1, 0), ESPIPE);
}

TEST(version_two)
{
	int fd = file_of("0123456789"), p[2];
	char b[8];
	struct iovec v = {b, 4};

	CHECK_EQ(preadv2(fd, &v, 1, 2, 0), 4);
	CHECK(!memcmp(b, "2345", 4));
	CHECK_EQ(preadv2(fd, &v, 1, -1, 0), 4);
	CHECK(!memcmp(b, "0123", 4));
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(pwritev2(fd, &v, 1, -1, 0), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);
	CHECK_EQ(pwritev2(fd, &v, 1, 0, RWF_DSYNC), 4);
	CHECK_EQ(pwritev2(fd, &v, 1, 0, RWF_SYNC), 4);
	CHECK_EQ(pwritev2(fd, &v, 1, 0, RWF_APPEND), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 14);
	CHECK_ERR(preadv2(fd, &v, 1, 0, 0x1000000), EOPNOTSUPP);
	CHECK_ERR(preadv2(fd, &v, 1, -2, 0), EINVAL);
	/* Position -1 is the file's own: allowed where there is none. */
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(pwritev2(p[1], &v, 1, -1, 0), 4);
	CHECK_EQ(preadv2(p[0], &v, 1, -1, 0), 4);
	CHECK_ERR(preadv2(p[0], &v, 1, -1, RWF_NOWAIT), EAGAIN);
	CHECK_ERR(preadv2(p[0], &v, 1, 0, 0), ESPIPE);
}

TEST(limits_of_size)
{
	int fd = file_of("x");
	struct rlimit {
		unsigned long cur, max;
	} l = {8, 8};

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(syscall(SYS_setrlimit, 1 /* RLIMIT_FSIZE */, &l) == 0);
	CHECK_EQ(pwrite(fd, "0123456789", 10, 0), 8);
	CHECK_ERR(pwrite(fd, "0", 1, 8), EFBIG);
	CHECK_ERR(ftruncate(fd, 9), EFBIG);
	CHECK_EQ(pwrite(fd, "9", 1, 7), 1);
}

TEST(an_offset_may_be_large)
{
	int fd = file_of("x");

	CHECK_EQ(pwrite(fd, "y", 1, 5LL << 30), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_END), (5LL << 30) + 1);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, 0, 17), EINVAL);
	CHECK_ERR(lseek(fd, LLONG_MAX, SEEK_END), EINVAL);
	CHECK_EQ(ftruncate(fd, 0), 0);
}

TAP_MAIN()
