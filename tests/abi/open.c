/* SPDX-License-Identifier: Apache-2.0 */
/* open(2), openat2(2), creat(2), close(2), close_range(2). */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "../tap.h"

static void enter(void)
{
	char dir[] = "/tmp/abi_open.XXXXXX";

	REQUIRE(mkdtemp(dir) && chdir(dir) == 0);
}

TEST(create_and_exclusive)
{
	int fd;

	enter();
	umask(022);
	CHECK_ERR(open("f", O_RDWR), ENOENT);
	fd = open("f", O_CREAT | O_EXCL | O_RDWR, 0666);
	CHECK(fd >= 0);
	CHECK_ERR(open("f", O_CREAT | O_EXCL | O_RDWR, 0666), EEXIST);
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_EQ(close(fd), 0);
	CHECK_ERR(close(fd), EBADF);
	fd = open("f", O_WRONLY | O_TRUNC);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
	CHECK_ERR(open("f/", O_RDONLY), ENOTDIR);
	CHECK_ERR(open("g/", O_CREAT | O_RDWR, 0600), EISDIR);
	CHECK_ERR(open(".", O_RDWR), EISDIR);
	CHECK_ERR(open("f", O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open((char *)8, O_RDONLY), EFAULT);
	CHECK_ERR(open("", O_RDONLY), ENOENT);
}

TEST(links)
{
	int fd;

	enter();
	CHECK_EQ(symlink("target", "l"), 0);
	CHECK_ERR(open("l", O_RDONLY), ENOENT);
	CHECK_ERR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERR(open("l", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	fd = open("l", O_CREAT | O_RDWR, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(access("target", F_OK), 0);
	fd = open("l", O_PATH | O_NOFOLLOW);
	CHECK(fd >= 0);
	CHECK_ERR(read(fd, "", 0), EBADF);
	CHECK_EQ(symlink("loop", "loop"), 0);
	CHECK_ERR(open("loop", O_RDONLY), ELOOP);
}

TEST(openat2_flags)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	int d;

	enter();
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(symlink("/", "d/abs"), 0);
	CHECK_EQ(symlink("..", "d/up"), 0);
	d = open("d", O_DIRECTORY);
	CHECK(syscall(SYS_openat2, d, ".", &how, sizeof(how)) >= 0);
	CHECK_ERR(syscall(SYS_openat2, d, "..", &how, sizeof(how)), EXDEV);
	CHECK_ERR(syscall(SYS_openat2, d, "abs", &how, sizeof(how)), EXDEV);
	CHECK_ERR(syscall(SYS_openat2, d, "up", &how, sizeof(how)), EXDEV);
	how.resolve = RESOLVE_NO_SYMLINKS;
	CHECK_ERR(syscall(SYS_openat2, d, "up", &how, sizeof(how)), ELOOP);
	how.resolve = RESOLVE_IN_ROOT;
	CHECK(syscall(SYS_openat2, d, "/../..", &how, sizeof(how)) >= 0);
	how.resolve = 1 << 20;
	CHECK_ERR(syscall(SYS_openat2, d, ".", &how, sizeof(how)), EINVAL);
	how.resolve = 0;
	how.mode = 0600;
	CHECK_ERR(syscall(SYS_openat2, d, ".", &how, sizeof(how)), EINVAL);
	CHECK_ERR(syscall(SYS_openat2, d, ".", &how, 8), EINVAL);
}

TEST(close_ranges)
{
	enter();
	CHECK_EQ(dup2(0, 50), 50);
	CHECK_EQ(dup2(0, 60), 60);
	CHECK_EQ(syscall(SYS_close_range, 40, 55, 0), 0);
	CHECK_ERR(fcntl(50, F_GETFD), EBADF);
	CHECK_EQ(syscall(SYS_close_range, 56, ~0U, 4), 0);
	CHECK_EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(syscall(SYS_close_range, 9, 8, 0), EINVAL);
	CHECK_ERR(syscall(SYS_close_range, 9, 10, 64), EINVAL);
}

TAP_MAIN()
