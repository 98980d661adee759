/* SPDX-License-Identifier: Apache-2.0 */
/* fallocate(2), and holes as lseek(2) shows them. */
#include <linux/falloc.h>
#include <sys/resource.h>
#include "scratch.h"

TEST(errors_in_order)
{
	int fd, ro, dir, p[2];

	scratch();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	ro = open("f", O_RDONLY);
	dir = open(".", O_RDONLY);
	REQUIRE(pipe(p) == 0);
	CHECK_ERR(fallocate(-1, 0, 0, 1), EBADF);
	CHECK_ERR(fallocate(fd, 0, -1, 1), EINVAL);
	CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERR(fallocate(fd, 0x4000, 0, 1), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1), EOPNOTSUPP);
	CHECK_ERR(fallocate(ro, 0, 0, 1), EBADF);
	CHECK_ERR(fallocate(p[1], 0, 0, 1), ESPIPE);
	CHECK_ERR(fallocate(dir, 0, 0, 1), EBADF);
	CHECK_ERR(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
}

TEST(sizes)
{
	struct stat st;
	int fd;

	scratch();
	fd = open("f", O_CREAT | O_RDWR | O_APPEND, 0644);
	CHECK_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000), 0);
	REQUIRE(fstat(fd, &st) == 0);
	CHECK_EQ(st.st_size, 0);
	CHECK(st.st_blocks * 512 >= 20000);
	CHECK_EQ(fallocate(fd, 0, 5000, 1), 0);
	REQUIRE(fstat(fd, &st) == 0);
	CHECK_EQ(st.st_size, 5001);
}

TEST(holes)
{
	char b[100000];
	int fd;

	scratch();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	memset(b, 'x', sizeof(b));
	CHECK_EQ(write(fd, b, 16384), 16384);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_DATA), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 4096);
	CHECK_EQ(lseek(fd, 5000, SEEK_DATA), 12288);
	CHECK_EQ(lseek(fd, 12288, SEEK_HOLE), 16384);
	CHECK_ERR(lseek(fd, 16384, SEEK_DATA), ENXIO);
	CHECK_ERR(lseek(fd, 16384, SEEK_HOLE), ENXIO);
	CHECK_ERR(lseek(fd, -1, SEEK_DATA), ENXIO);
	CHECK_EQ(pread(fd, b, 8192, 4096), 8192);
	CHECK_EQ(b[0] | b[8191], 0);
	CHECK_EQ(pwrite(fd, "y", 1, 90000), 1);
	CHECK_EQ(lseek(fd, 16384, SEEK_DATA), 90000 / 4096 * 4096);
}

TEST(punch_a_part_of_a_page)
{
	char b[4096];
	int fd;

	scratch();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	memset(b, 'x', sizeof(b));
	CHECK_EQ(write(fd, b, sizeof(b)), 4096);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10, 20), 0);
	CHECK_EQ(pread(fd, b, sizeof(b), 0), 4096);
	CHECK_EQ(b[9], 'x');
	CHECK_EQ(b[10] | b[29], 0);
	CHECK_EQ(b[30], 'x');
}

TEST(limit)
{
	struct rlimit rl = {4096, 4096};
	int fd;

	scratch();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &rl) == 0);
	CHECK_ERR(fallocate(fd, 0, 0, 8192), EFBIG);
	CHECK_EQ(fallocate(fd, 0, 0, 4096), 0);
}

TAP_MAIN()
