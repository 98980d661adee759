/* SPDX-License-Identifier: Apache-2.0 */
/* open(2) with O_TMPFILE, and linkat(2) that gives such a file its name. */
#include <sys/syscall.h>
#include "scratch.h"

static int tmpfile_in(const char *dir, int flags)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | flags, 0640);

	REQUIRE(fd >= 0 && write(fd, "text", 4) == 4);
	return fd;
}

static const char *proc_name(int fd)
{
	static char s[64];

	snprintf(s, sizeof(s), "/proc/self/fd/%d", fd);
	return s;
}

TEST(has_no_name)
{
	char text[PATH_MAX + 20] = "", want[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd;

	scratch();
	fd = tmpfile_in(".", 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0640);
	CHECK_EQ(st.st_size, 4);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	n = readlink(proc_name(fd), text, sizeof(text) - 1);
	snprintf(want, sizeof(want), "%s/#%llu (deleted)", scratch_dir, (unsigned long long)st.st_ino);
	REQUIRE(n > 0);
	CHECK_STR(text, want);
	CHECK_EQ(rmdir(scratch_dir), 0);
	CHECK_EQ(pread(fd, text, 4, 0), 4);
}

TEST(link_through_proc)
{
	struct stat a, b;
	int fd, again;

	scratch();
	CHECK_EQ(mkdir("d", 0755), 0);
	fd = tmpfile_in("d", 0);
	CHECK_EQ(linkat(AT_FDCWD, proc_name(fd), AT_FDCWD, "f", AT_SYMLINK_FOLLOW), 0);
	CHECK_EQ(fstat(fd, &a), 0);
	CHECK_EQ(stat("f", &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(b.st_nlink, 1);
	CHECK_EQ(b.st_size, 4);
	CHECK_ERR(linkat(AT_FDCWD, proc_name(fd), AT_FDCWD, "f", AT_SYMLINK_FOLLOW), EEXIST);
	CHECK_EQ(linkat(AT_FDCWD, proc_name(fd), AT_FDCWD, "d/g", AT_SYMLINK_FOLLOW), 0);
	CHECK_EQ(fstat(fd, &a), 0);
	CHECK_EQ(a.st_nlink, 2);
	CHECK_EQ(write(fd, "more", 4), 4);
	CHECK_EQ(stat("d/g", &b), 0);
	CHECK_EQ(b.st_size, 8);
	again = open("f", O_RDWR);
	CHECK(again >= 0);
	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(unlink("d/g"), 0);
	CHECK_EQ(fstat(again, &a), 0);
	CHECK_EQ(a.st_nlink, 0);
	/* It had names: it gets no other. */
	CHECK_ERR(linkat(AT_FDCWD, proc_name(fd), AT_FDCWD, "f", AT_SYMLINK_FOLLOW), ENOENT);
	CHECK_ERR(linkat(AT_FDCWD, proc_name(again), AT_FDCWD, "f", AT_SYMLINK_FOLLOW), ENOENT);
}

TEST(link_by_empty_path)
{
	struct stat st;
	int fd;

	scratch();
	fd = tmpfile_in(".", 0);
	CHECK_ERR(linkat(fd, "", AT_FDCWD, "f", 0), ENOENT);
	CHECK_EQ(linkat(fd, "", AT_FDCWD, "f", AT_EMPTY_PATH), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_nlink, 1);
}

TEST(link_without_following_is_of_the_link)
{
	int fd;

	scratch();
	fd = tmpfile_in(".", 0);
	CHECK_ERR(linkat(AT_FDCWD, proc_name(fd), AT_FDCWD, "f", 0), EXDEV);
}

TEST(exclusive_gets_no_name)
{
	int fd;

	scratch();
	fd = tmpfile_in(".", O_EXCL);
	CHECK_ERR(linkat(AT_FDCWD, proc_name(fd), AT_FDCWD, "f", AT_SYMLINK_FOLLOW), ENOENT);
	CHECK_ERR(linkat(fd, "", AT_FDCWD, "f", AT_EMPTY_PATH), ENOENT);
}

TEST(a_removed_file_gets_no_name)
{
	int fd;

	scratch();
	make_file("#tmpfile", "x");
	fd = open("#tmpfile", O_RDWR);
	REQUIRE(fd >= 0);
	CHECK_EQ(unlink("#tmpfile"), 0);
	CHECK_ERR(linkat(AT_FDCWD, proc_name(fd), AT_FDCWD, "f", AT_SYMLINK_FOLLOW), ENOENT);
	CHECK_ERR(linkat(fd, "", AT_FDCWD, "f", AT_EMPTY_PATH), ENOENT);
}

TEST(open_again)
{
	char buf[8] = "";
	int fd, again;

	scratch();
	fd = tmpfile_in(".", 0);
	again = open(proc_name(fd), O_RDWR);
	CHECK(again >= 0);
	CHECK_EQ(read(again, buf, 8), 4);
	CHECK_EQ(ftruncate(again, 2), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 2);
	CHECK_EQ(fchmod(fd, 0600), 0);
	CHECK_EQ(fchown(fd, 12, 34), 0);
}

TEST(errors)
{
	scratch();
	make_file("f", "x");
	CHECK_ERR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	CHECK_ERR(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	CHECK_ERR(open("none", O_TMPFILE | O_RDWR, 0600), ENOENT);
	CHECK_ERR(syscall(SYS_openat, AT_FDCWD, ".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600), EINVAL);
	CHECK_EQ(mkdir("d", 0555), 0);
	become_user(1000, 1000);
	CHECK_ERR(open("d", O_TMPFILE | O_RDWR, 0600), EACCES);
}

TEST(empty_path_needs_a_capability)
{
	int fd;

	scratch();
	CHECK_EQ(chmod(".", 0777), 0);
	fd = tmpfile_in(".", 0);
	become_user(1000, 1000);
	CHECK_ERR(linkat(fd, "", AT_FDCWD, "f", AT_EMPTY_PATH), ENOENT);
}

TAP_MAIN()
