/* SPDX-License-Identifier: Apache-2.0 */
/* copy_file_range(2). */
#include <sys/resource.h>
#include "scratch.h"

TEST(errors_in_order)
{
	int fd, to, ro, wo, ap, dir, p[2];
	loff_t off = 0, big = INT64_MAX, neg = -1;

	scratch();
	make_file("f", "0123456789");
	fd = open("f", O_RDWR);
	to = open("to", O_CREAT | O_RDWR, 0644);
	ro = open("to", O_RDONLY);
	wo = open("f", O_WRONLY);
	ap = open("to", O_WRONLY | O_APPEND);
	dir = open(".", O_RDONLY);
	REQUIRE(pipe(p) == 0 && fd >= 0 && to >= 0 && ro >= 0 && wo >= 0 && ap >= 0 && dir >= 0);
	CHECK_ERR(copy_file_range(-1, NULL, to, NULL, 1, 0), EBADF);
	CHECK_ERR(copy_file_range(fd, NULL, -1, NULL, 1, 1), EBADF);
	CHECK_ERR(copy_file_range(fd, NULL, to, NULL, 1, 1), EINVAL);
	CHECK_ERR(copy_file_range(fd, (loff_t *)8, to, NULL, 1, 0), EFAULT);
	CHECK_ERR(copy_file_range(dir, NULL, to, NULL, 1, 0), EISDIR);
	CHECK_ERR(copy_file_range(p[0], NULL, to, NULL, 1, 0), EINVAL);
	CHECK_ERR(copy_file_range(fd, NULL, ro, NULL, 1, 0), EBADF);
	CHECK_ERR(copy_file_range(wo, NULL, to, NULL, 1, 0), EBADF);
	CHECK_ERR(copy_file_range(fd, NULL, ap, NULL, 1, 0), EBADF);
	CHECK_EQ(copy_file_range(fd, &big, to, NULL, 10, 0), 0);
	CHECK_ERR(copy_file_range(fd, NULL, to, &big, 10, 0), EFBIG);
	CHECK_ERR(copy_file_range(fd, &neg, to, NULL, 1, 0), EOVERFLOW);
	neg = -2;
	CHECK_ERR(copy_file_range(fd, &neg, to, NULL, 1, 0), EINVAL);
	CHECK_ERR(copy_file_range(fd, &off, fd, NULL, 4, 0), EINVAL);
	off = 8;
	CHECK_EQ(copy_file_range(fd, &off, fd, NULL, 100, 0), 2);
}

TEST(bytes_and_positions)
{
	loff_t in = 2, out = 1;
	char b[20];
	int fd, to;

	scratch();
	make_file("f", "0123456789");
	fd = open("f", O_RDONLY);
	to = open("to", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(copy_file_range(fd, &in, to, &out, 3, 0), 3);
	CHECK_EQ(in, 5);
	CHECK_EQ(out, 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR) + lseek(to, 0, SEEK_CUR), 0);
	CHECK_EQ(pread(to, b, sizeof(b), 0), 4);
	CHECK_EQ(memcmp(b, "\000234", 4), 0);
	CHECK_EQ(copy_file_range(fd, NULL, to, NULL, 100, 0), 10);
	CHECK_EQ(copy_file_range(fd, NULL, to, NULL, 100, 0), 0);
	CHECK_EQ(lseek(to, 0, SEEK_CUR), 10);
	in = 50;
	CHECK_EQ(copy_file_range(fd, &in, to, NULL, 1, 0), 0);
	CHECK_EQ(copy_file_range(fd, NULL, to, NULL, 0, 0), 0);
}

TEST(limit)
{
	struct rlimit rl = {10, 10};
	loff_t in = 0, out = 8;
	int fd, to;

	scratch();
	make_file("f", "0123456789");
	fd = open("f", O_RDONLY);
	to = open("to", O_CREAT | O_RDWR, 0644);
	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &rl) == 0);
	CHECK_EQ(copy_file_range(fd, &in, to, &out, 10, 0), 2);
	in = 0;
	CHECK_ERR(copy_file_range(fd, &in, to, &out, 1, 0), EFBIG);
}

TEST(other_file_system)
{
	int fd, to = open("/dev/shm/nacre-copyrange", O_CREAT | O_RDWR, 0600);
	struct stat a, b;

	scratch();
	make_file("f", "0123456789");
	fd = open("f", O_RDONLY);
	REQUIRE(fd >= 0 && to >= 0 && fstat(fd, &a) == 0 && fstat(to, &b) == 0);
	unlink("/dev/shm/nacre-copyrange");
	if (a.st_dev == b.st_dev)
		SKIP("one file system");
	CHECK_ERR(copy_file_range(fd, NULL, to, NULL, 1, 0), EXDEV);
}

TAP_MAIN()
