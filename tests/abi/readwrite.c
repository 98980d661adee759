/* SPDX-License-Identifier: Apache-2.0 */
/* read(2), write(2) and their forms, lseek(2), truncate(2), stat(2), getdents through readdir(3). */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "../tap.h"

static int temp_file(void)
{
	char dir[] = "/tmp/abi_rw.XXXXXX";

	REQUIRE(mkdtemp(dir) && chdir(dir) == 0);
	return open("f", O_CREAT | O_RDWR, 0644);
}

TEST(positions)
{
	char buf[32];
	struct iovec iov[2] = {{buf, 3}, {buf + 16, 10}};
	int fd = temp_file();

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(pread(fd, buf, 4, 8), 2);
	CHECK_ERR(pread(fd, buf, 4, -1), EINVAL);
	CHECK_EQ(pwrite(fd, "X", 1, 2), 1);
	CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
	CHECK_EQ(readv(fd, iov, 2), 9);
	CHECK(!memcmp(buf, "1X3", 3));
	CHECK_EQ(read(fd, buf, 10), 0);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, 0, 77), EINVAL);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_ERR(syscall(SYS_read, fd, 8, 10), EFAULT);
	CHECK_ERR(syscall(SYS_write, fd, 8, 10), EFAULT);
	CHECK_ERR(syscall(SYS_readv, fd, iov, 2000), EINVAL);
	CHECK_ERR(preadv2(fd, iov, 2, 0, 0x40000000), EOPNOTSUPP);
	CHECK_ERR(read(open(".", O_RDONLY), buf, 1), EISDIR);
	CHECK_ERR(write(open("f", O_RDONLY), buf, 1), EBADF);
}

TEST(truncation)
{
	struct stat st;
	char buf[8] = "xxxxxxx";
	int fd = temp_file();

	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_EQ(ftruncate(fd, 100000), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 100000);
	CHECK_EQ(pread(fd, buf, 4, 2), 4);
	CHECK(!memcmp(buf, "c\0\0\0", 4));
	CHECK_EQ(truncate("f", 1), 0);
	CHECK_EQ(ftruncate(fd, 4), 0);
	CHECK_EQ(pread(fd, buf, 4, 0), 4);
	CHECK(!memcmp(buf, "a\0\0\0", 4));
	CHECK_ERR(truncate("f", -1), EINVAL);
	CHECK_ERR(truncate(".", 0), EISDIR);
	CHECK_ERR(ftruncate(open("f", O_RDONLY), 0), EINVAL);
}

TEST(append_and_sendfile)
{
	int fd = temp_file(), out = open("g", O_CREAT | O_RDWR | O_APPEND, 0644);
	off_t off = 2;
	char buf[16];

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(write(out, "ab", 2), 2);
	CHECK_EQ(lseek(out, 0, SEEK_SET), 0);
	CHECK_EQ(write(out, "cd", 2), 2);
	CHECK_ERR(sendfile(out, fd, &off, 5), EINVAL);
	CHECK_EQ(fcntl(out, F_SETFL, 0), 0);
	CHECK_EQ(sendfile(out, fd, &off, 5), 5);
	CHECK_EQ(off, 7);
	CHECK_EQ(pread(out, buf, 16, 0), 9);
	CHECK(!memcmp(buf, "abcd23456", 9));
}

TEST(listing)
{
	unsigned seen = 0;
	char name[32];
	struct dirent *e;
	DIR *d;

	temp_file();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "entry-%d", i);
		CHECK_EQ(mkdir(name, 0755), 0);
	}
	d = opendir(".");
	REQUIRE(d);
	while ((e = readdir(d)))
		seen++;
	CHECK_EQ(seen, 303);
	rewinddir(d);
	CHECK(readdir(d) != NULL);
}

TAP_MAIN()
