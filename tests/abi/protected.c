/* SPDX-License-Identifier: Apache-2.0 */
/* Sticky directories: what others may remove, follow, link and open there. */
#include "scratch.h"

static int setting(const char *name)
{
	char path[100], b[16] = "0";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_RDONLY);
	REQUIRE(fd >= 0 && read(fd, b, sizeof(b) - 1) > 0);
	close(fd);
	return atoi(b);
}

/* A directory as /tmp is, with things in it of root's and of user 1000's. */
static void enter(void)
{
	scratch();
	REQUIRE(mkdir("t", 0755) == 0 && chown("t", 50, 50) == 0 && chmod("t", 01777) == 0);
	make_file("target", "x");
	REQUIRE(chmod("target", 0666) == 0);
	REQUIRE(symlink("../target", "t/link") == 0 && lchown("t/link", 1000, 1000) == 0);
	make_file("t/file", "x");
	REQUIRE(chown("t/file", 1000, 1000) == 0 && chmod("t/file", 0666) == 0);
	REQUIRE(mkfifo("t/fifo", 0666) == 0 && chown("t/fifo", 1000, 1000) == 0 && chmod("t/fifo", 0666) == 0);
}

TEST(removing_needs_the_owner)
{
	enter();
	become_user(1001, 1001);
	CHECK_ERR(unlink("t/file"), EPERM);
	CHECK_ERR(rename("t/file", "t/else"), EPERM);
	make_file("t/own", "");
	CHECK_ERR(rename("t/own", "t/file"), EPERM);
	CHECK_EQ(unlink("t/own"), 0);
}

TEST(links_of_others)
{
	int on = setting("protected_symlinks"), fd;

	enter();
	fd = open("t/link", O_RDONLY);
	CHECK_EQ(fd >= 0, !on);
	fd = open("t/link/", O_RDONLY);
	CHECK_EQ(errno, on ? EACCES : ENOTDIR);
	become_user(1000, 1000);
	fd = open("t/link", O_RDONLY); /* one's own */
	CHECK(fd >= 0);
}

TEST(links_of_the_directory_owner)
{
	enter();
	REQUIRE(lchown("t/link", 50, 50) == 0);
	become_user(1001, 1001);
	CHECK(open("t/link", O_RDONLY) >= 0);
}

TEST(hard_links_to_others)
{
	int on = setting("protected_hardlinks");

	enter();
	make_file("secret", "");
	REQUIRE(chmod("secret", 0600) == 0);
	make_file("suid", "");
	REQUIRE(chmod("suid", 04777) == 0 && chmod(".", 0777) == 0);
	become_user(1001, 1001);
	CHECK_EQ(link("target", "t/a"), 0); /* may be read and written anyway */
	CHECK_EQ(link("secret", "t/b"), on ? -1 : 0);
	CHECK_EQ(link("suid", "t/c"), on ? -1 : 0);
	if (on)
		CHECK_EQ(errno, EPERM);
	CHECK_EQ(link("t/fifo", "t/d"), on ? -1 : 0);
}

TEST(creating_what_is_there)
{
	int regular = setting("protected_regular"), fifos = setting("protected_fifos"), fd;

	enter();
	fd = open("t/file", O_CREAT | O_WRONLY, 0600);
	CHECK_EQ(fd >= 0, regular == 0);
	fd = open("t/file", O_WRONLY);
	CHECK(fd >= 0);
	fd = open("t/fifo", O_CREAT | O_RDWR, 0600);
	CHECK_EQ(fd >= 0, fifos == 0);
	REQUIRE(chmod("t", 01770) == 0);
	fd = open("t/file", O_CREAT | O_WRONLY, 0600);
	CHECK_EQ(fd >= 0, regular < 2);
	become_user(1000, 50);
	fd = open("t/file", O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0);
}

TAP_MAIN()
