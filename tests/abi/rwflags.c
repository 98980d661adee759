/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of preadv2(2) and pwritev2(2). */
#include <sys/uio.h>
#include "scratch.h"

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

TEST(unknown_flags)
{
	static struct iovec v[1025] = {{"x", 1}};
	int fd;

	scratch();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	CHECK_ERR(pwritev2(fd, v, 1, 0, 0x40000000), EOPNOTSUPP);
	CHECK_ERR(preadv2(fd, v, 1, 0, 0x40000000), EOPNOTSUPP);
	CHECK_ERR(pwritev2(fd, v, 1, 0, RWF_APPEND | RWF_NOAPPEND), EINVAL);
	CHECK_ERR(preadv2(-1, v, 1, 0, 0x40000000), EBADF);
	CHECK_ERR(preadv2(fd, v, 1, -2, 0), EINVAL);
	CHECK_ERR(preadv2(fd, v, 1025, 0, 0), EINVAL);
}

TEST(position_of_the_file)
{
	char b[8];
	struct iovec w = {"abcd", 4}, r = {b, 2};
	int fd, p[2];

	scratch();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(pwritev2(fd, &w, 1, -1, 0), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
	CHECK_EQ(preadv2(fd, &r, 1, -1, RWF_HIPRI), 2);
	CHECK_EQ(memcmp(b, "bc", 2), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	CHECK_EQ(preadv2(fd, &r, 1, 0, 0), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(pwritev2(p[1], &w, 1, -1, 0), 4);
	CHECK_EQ(preadv2(p[0], &r, 1, -1, 0), 2);
	CHECK_ERR(preadv2(p[0], &r, 1, 0, 0), ESPIPE);
}

TEST(append_and_not)
{
	struct iovec v = {"ab", 2};
	char b[16];
	int fd, ap;

	scratch();
	make_file("f", "0123");
	fd = open("f", O_RDWR);
	ap = open("f", O_WRONLY | O_APPEND);
	CHECK_EQ(pwritev2(fd, &v, 1, 0, RWF_APPEND), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(pwritev2(ap, &v, 1, 1, RWF_NOAPPEND), 2);
	CHECK_EQ(pread(fd, b, sizeof(b), 0), 6);
	CHECK_EQ(memcmp(b, "0ab3ab", 6), 0);
	CHECK_EQ(pwritev2(fd, &v, 1, 0, RWF_DSYNC), 2);
	CHECK_EQ(pwritev2(fd, &v, 1, 2, RWF_SYNC), 2);
	CHECK_EQ(pread(fd, b, sizeof(b), 0), 6);
	CHECK_EQ(memcmp(b, "ababab", 6), 0);
}

TEST(nowait_pipes)
{
	char b[4];
	struct iovec r = {b, 4}, w = {b, 4};
	int p[2];

	REQUIRE(pipe(p) == 0);
	CHECK_ERR(preadv2(p[0], &r, 1, -1, RWF_NOWAIT), EAGAIN);
	CHECK_EQ(pwritev2(p[1], &w, 1, -1, RWF_NOWAIT), 4);
	CHECK_EQ(preadv2(p[0], &r, 1, -1, RWF_NOWAIT), 4);
}

TAP_MAIN()
