/* SPDX-License-Identifier: Apache-2.0 */
/* name_to_handle_at(2), open_by_handle_at(2). */
#include "scratch.h"

struct fh {
	unsigned bytes;
	int type;
	unsigned char b[128];
};

static int name(int dfd, const char *n, struct fh *h, int *id, int flags)
{
	return name_to_handle_at(dfd, n, (struct file_handle *)(void *)h, id, flags);
}

static int open_fh(int dfd, struct fh *h, int flags)
{
	return open_by_handle_at(dfd, (struct file_handle *)(void *)h, flags);
}

static void need(void)
{
	struct fh h = {.bytes = 128};
	int id;

	scratch();
	make_file("f", "text");
	if (name(AT_FDCWD, "f", &h, &id, 0) < 0 && errno == EOPNOTSUPP)
		SKIP("this file system has no handles");
}

TEST(there_and_back)
{
	struct fh h = {.bytes = 128};
	char b[8];
	int id, fd, dir;

	need();
	REQUIRE(name(AT_FDCWD, "f", &h, &id, 0) == 0);
	CHECK(h.bytes > 0 && h.bytes <= 128);
	dir = open(".", O_RDONLY);
	CHECK_EQ(rename("f", "other"), 0);
	fd = open_fh(dir, &h, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, b, sizeof(b)), 4);
	CHECK_EQ(memcmp(b, "text", 4), 0);
	close(fd);
	fd = open_fh(AT_FDCWD, &h, O_PATH);
	CHECK(fd >= 0);
	CHECK_ERR(read(fd, b, 1), EBADF);
	close(fd);
	CHECK_EQ(unlink("other"), 0);
	CHECK_ERR(open_fh(dir, &h, O_RDONLY), ESTALE);
}

TEST(directories_and_links)
{
	struct fh h = {.bytes = 128}, l = {.bytes = 128}, t = {.bytes = 128};
	struct stat a, b;
	int id, fd;

	need();
	REQUIRE(mkdir("d", 0755) == 0 && symlink("f", "l") == 0);
	make_file("d/in", "");
	REQUIRE(name(AT_FDCWD, "d", &h, &id, 0) == 0);
	fd = open_fh(AT_FDCWD, &h, O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	CHECK_EQ(faccessat(fd, "in", F_OK, 0), 0);
	REQUIRE(name(AT_FDCWD, "l", &l, &id, 0) == 0);
	REQUIRE(name(AT_FDCWD, "l", &t, &id, AT_SYMLINK_FOLLOW) == 0);
	CHECK(memcmp(l.b, t.b, l.bytes) != 0);
	CHECK_ERR(open_fh(AT_FDCWD, &l, O_RDONLY), ELOOP);
	fd = open_fh(AT_FDCWD, &t, O_RDONLY);
	REQUIRE(fstat(fd, &a) == 0 && stat("f", &b) == 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	fd = open("d", O_PATH);
	t.bytes = 128;
	CHECK_EQ(name(fd, "", &t, &id, AT_EMPTY_PATH), 0);
	CHECK_EQ(memcmp(h.b, t.b, h.bytes), 0);
}

TEST(name_errors)
{
	struct fh h = {.bytes = 0};
	int id;

	need();
	CHECK_ERR(name(AT_FDCWD, "f", &h, &id, 0), EOVERFLOW);
	CHECK(h.bytes > 0);
	CHECK_EQ(name(AT_FDCWD, "f", &h, &id, 0), 0);
	h.bytes = 129;
	CHECK_ERR(name(AT_FDCWD, "f", &h, &id, 0), EINVAL);
	h.bytes = 128;
	CHECK_ERR(name(AT_FDCWD, "f", &h, &id, 0x10000), EINVAL);
	CHECK_ERR(name(AT_FDCWD, "none", &h, &id, 0), ENOENT);
	CHECK_ERR(name(AT_FDCWD, "", &h, &id, 0), ENOENT);
	CHECK_ERR(name(99, "f", &h, &id, 0), EBADF);
	CHECK_ERR(name(AT_FDCWD, "f", (struct fh *)8, &id, 0), EFAULT);
	CHECK_ERR(name(AT_FDCWD, "f", &h, (int *)8, 0), EFAULT);
	CHECK_ERR(name(AT_FDCWD, "/proc/self/status", &h, &id, 0), EOPNOTSUPP);
}

TEST(open_errors)
{
	struct fh h = {.bytes = 128}, bad;
	int id;

	need();
	REQUIRE(name(AT_FDCWD, "f", &h, &id, 0) == 0);
	CHECK_ERR(open_fh(99, &h, O_RDONLY), EBADF);
	CHECK_ERR(open_fh(AT_FDCWD, (struct fh *)8, O_RDONLY), EFAULT);
	bad = h;
	bad.bytes = 0;
	CHECK_ERR(open_fh(AT_FDCWD, &bad, O_RDONLY), EINVAL);
	bad.bytes = 129;
	CHECK_ERR(open_fh(AT_FDCWD, &bad, O_RDONLY), EINVAL);
	bad = h;
	memset(bad.b, 0x5a, bad.bytes);
	CHECK_ERR(open_fh(AT_FDCWD, &bad, O_RDONLY), ESTALE);
	become_user(1000, 1000);
	CHECK_ERR(open_fh(AT_FDCWD, &h, O_RDONLY), EPERM);
}

TAP_MAIN()
