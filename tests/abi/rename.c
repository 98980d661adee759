/* SPDX-License-Identifier: Apache-2.0 */
/* rename(2), renameat2(2), link(2), unlink(2), mkdir(2), rmdir(2). */
#include <fcntl.h>
#include <sys/stat.h>
#include "../tap.h"

static void enter(void)
{
	char dir[] = "/tmp/abi_rename.XXXXXX";

	REQUIRE(mkdtemp(dir) && chdir(dir) == 0);
	REQUIRE(mkdir("d", 0755) == 0 && mkdir("d/sub", 0755) == 0 && mkdir("e", 0755) == 0);
	REQUIRE(close(open("f", O_CREAT | O_RDWR, 0644)) == 0);
	REQUIRE(close(open("g", O_CREAT | O_RDWR, 0644)) == 0);
}

TEST(errors)
{
	enter();
	CHECK_ERR(rename("d", "d/sub/x"), EINVAL);
	CHECK_ERR(rename("d/sub", "d"), ENOTEMPTY);
	CHECK_ERR(rename("f", "d"), EISDIR);
	CHECK_ERR(rename("d", "f"), ENOTDIR);
	CHECK_ERR(rename("e", "d"), ENOTEMPTY);
	CHECK_ERR(rename("f/", "h"), ENOTDIR);
	CHECK_ERR(rename("none", "h"), ENOENT);
	CHECK_ERR(rename("d/.", "h"), EBUSY);
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK_ERR(rmdir("e/."), EINVAL);
	CHECK_ERR(rmdir("d/sub/.."), ENOTEMPTY);
	CHECK_ERR(rmdir("f"), ENOTDIR);
	CHECK_ERR(unlink("d"), EISDIR);
	CHECK_ERR(unlink("f/"), ENOTDIR);
	CHECK_ERR(mkdir("f", 0755), EEXIST);
	CHECK_ERR(mkdir(".", 0755), EEXIST);
	CHECK_ERR(link("d", "dl"), EPERM);
	CHECK_ERR(link("f", "g"), EEXIST);
}

TEST(replace_and_exchange)
{
	struct stat a, b;

	enter();
	CHECK_EQ(rename("d", "e"), 0);
	CHECK_EQ(access("e/sub", F_OK), 0);
	CHECK_ERR(renameat2(AT_FDCWD, "f", AT_FDCWD, "g", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(renameat2(AT_FDCWD, "f", AT_FDCWD, "g", 3), EINVAL);
	CHECK_ERR(renameat2(AT_FDCWD, "f", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
	CHECK_EQ(renameat2(AT_FDCWD, "f", AT_FDCWD, "e", RENAME_EXCHANGE), 0);
	CHECK_EQ(stat("f", &a), 0);
	CHECK(S_ISDIR(a.st_mode));
	CHECK_EQ(link("g", "same"), 0);
	CHECK_EQ(rename("g", "same"), 0);
	CHECK_EQ(stat("g", &a), 0);
	CHECK_EQ(stat("same", &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(a.st_nlink, 2);
}

TAP_MAIN()
