/* SPDX-License-Identifier: Apache-2.0 */
/* Which error comes first when a call that changes names has several reasons to fail. */
#include <sys/mount.h>
#include <sys/syscall.h>
#include "scratch.h"

static char toolong[300];

static void enter(void)
{
	scratch();
	memset(toolong, 'n', sizeof(toolong) - 1);
	REQUIRE(mkdir("d", 0755) == 0 && mkdir("d/sub", 0755) == 0 && mkdir("e", 0755) == 0);
	make_file("f", "f");
	make_file("g", "g");
	make_file("d/x", "x");
}

static int ren(const char *a, const char *b, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags);
}

TEST(flags_come_first)
{
	enter();
	CHECK_ERR(ren("none", "x", 8), EINVAL);
	CHECK_ERR(ren("none", "x", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	CHECK_ERR(ren("none", "x", RENAME_EXCHANGE | RENAME_WHITEOUT), EINVAL);
	CHECK_ERR(ren((char *)8, "x", 8), EINVAL);
	CHECK_ERR(ren((char *)8, "x", 0), EFAULT);
	CHECK_ERR(ren("none", (char *)8, 0), EFAULT);
}

TEST(parents_then_last_components)
{
	enter();
	CHECK_ERR(ren("none/x", "f/x", 0), ENOENT);
	CHECK_ERR(ren("f/x", "none/x", 0), ENOTDIR);
	CHECK_ERR(ren("none", "none2/x", 0), ENOENT);
	CHECK_ERR(ren("none", toolong, 0), ENOENT);
	CHECK_ERR(ren("f", toolong, 0), ENAMETOOLONG);
	CHECK_ERR(ren(toolong, toolong, 0), ENAMETOOLONG);
	CHECK_ERR(ren("none", "d/.", 0), EBUSY);
	CHECK_ERR(ren("none", "d/..", 0), EBUSY);
	CHECK_ERR(ren(".", "none", 0), EBUSY);
	CHECK_ERR(ren("d/.", "d/.", RENAME_NOREPLACE), EBUSY);
	CHECK_ERR(ren("f", "d/.", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("none", "d/..", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("f", "d/.", RENAME_EXCHANGE), EBUSY);
	CHECK_ERR(ren("", "f", 0), ENOENT);
	CHECK_ERR(ren("f", "", 0), ENOENT);
}

TEST(noreplace)
{
	enter();
	CHECK_ERR(ren("none", "g", RENAME_NOREPLACE), ENOENT);
	CHECK_ERR(ren("f", "g", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("f", "d", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("d", "f", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("f/", "g", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("f/", "new", RENAME_NOREPLACE), ENOTDIR);
	CHECK_ERR(ren("f", "new/", RENAME_NOREPLACE), ENOTDIR);
	CHECK_ERR(ren("d", "d/sub/new", RENAME_NOREPLACE), EINVAL);
	CHECK_ERR(ren("d", "d/sub", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("d/sub", "d", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("f", "f", RENAME_NOREPLACE), EEXIST);
	CHECK_EQ(link("f", "h"), 0);
	CHECK_ERR(ren("f", "h", RENAME_NOREPLACE), EEXIST);
	CHECK_EQ(ren("f", "new", RENAME_NOREPLACE), 0);
	CHECK_EQ(ren("d", "newd/", RENAME_NOREPLACE), 0);
}

TEST(exchange)
{
	enter();
	CHECK_ERR(ren("none", "f", RENAME_EXCHANGE), ENOENT);
	CHECK_ERR(ren("f", "none", RENAME_EXCHANGE), ENOENT);
	CHECK_ERR(ren("f/", "none", RENAME_EXCHANGE), ENOENT);
	CHECK_ERR(ren("f", "g/", RENAME_EXCHANGE), ENOTDIR);
	CHECK_ERR(ren("f/", "g", RENAME_EXCHANGE), ENOTDIR);
	CHECK_ERR(ren("d", "d/sub", RENAME_EXCHANGE), EINVAL);
	CHECK_ERR(ren("d/sub", "d", RENAME_EXCHANGE), EINVAL);
	CHECK_ERR(ren("d/x", "d", RENAME_EXCHANGE), EINVAL);
	CHECK_ERR(ren("d", "d/x", RENAME_EXCHANGE), EINVAL);
	CHECK_EQ(ren("f", "f", RENAME_EXCHANGE), 0);
	CHECK_EQ(ren("f", "d/", RENAME_EXCHANGE), 0);
	CHECK_EQ(access("f/sub", F_OK), 0);
	CHECK_EQ(ren("f/", "d", RENAME_EXCHANGE), 0);
}

TEST(plain)
{
	enter();
	CHECK_ERR(ren("d/x", "d", 0), ENOTEMPTY);
	CHECK_ERR(ren("d/sub", "d", 0), ENOTEMPTY);
	CHECK_ERR(ren("d", "d/x", 0), EINVAL);
	CHECK_ERR(ren("f", "e", 0), EISDIR);
	CHECK_ERR(ren("f", "e/", 0), ENOTDIR);
	CHECK_ERR(ren("e", "f", 0), ENOTDIR);
	CHECK_ERR(ren("e", "d", 0), ENOTEMPTY);
	CHECK_ERR(ren("f", "new/", 0), ENOTDIR);
	CHECK_EQ(ren("e", "new/", 0), 0);
}

TEST(permission)
{
	enter();
	CHECK_EQ(chmod("e", 0777), 0);
	CHECK_EQ(mkdir("e/own", 0755), 0);
	CHECK_EQ(mkdir("e/mine", 0755), 0);
	CHECK_EQ(chown("e/mine", 1000, 1000), 0);
	CHECK_EQ(mkdir("s", 0777), 0);
	CHECK_EQ(chmod("s", 01777), 0);
	make_file("s/root", "r");
	CHECK_EQ(mkdir("s/rootd", 0755), 0);
	CHECK_EQ(mkdir("closed", 0700), 0);
	become_user(1000, 1000);
	/* Errors of the names come before those of permission. */
	CHECK_ERR(ren("none", "new", 0), ENOENT);
	CHECK_ERR(ren("f", "g", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(ren("f", "none", RENAME_EXCHANGE), ENOENT);
	CHECK_ERR(ren("f/", "new", 0), ENOTDIR);
	CHECK_ERR(ren("d", "d/sub/new", 0), EINVAL);
	CHECK_ERR(ren("d/sub", "d", 0), ENOTEMPTY);
	CHECK_ERR(ren("d/sub", "d", RENAME_EXCHANGE), EINVAL);
	CHECK_EQ(ren("f", "f", 0), 0);
	CHECK_EQ(ren("f", "f", RENAME_EXCHANGE), 0);
	/* Permission comes before the types. */
	CHECK_ERR(ren("f", "d", 0), EACCES);
	CHECK_ERR(ren("d", "f", 0), EACCES);
	CHECK_ERR(ren("f", "e/f", 0), EACCES);
	CHECK_ERR(ren("e/mine", "mine", 0), EACCES);
	CHECK_ERR(ren("closed/x", "y", 0), EACCES);
	CHECK_ERR(ren("s/root", "e/root", 0), EPERM);
	CHECK_ERR(ren("s/root", "f", 0), EPERM);
	CHECK_ERR(ren("e/mine", "s/root", 0), EPERM);
	CHECK_ERR(ren("e/mine", "s/rootd", 0), EPERM);
	/* A directory that changes its parent must be writable itself. */
	CHECK_EQ(ren("e/own", "e/other", 0), 0);
	CHECK_ERR(ren("e/other", "s/other", 0), EACCES);
	CHECK_EQ(ren("e/mine", "s/mine", 0), 0);
	CHECK_ERR(ren("s/mine", "e/other", RENAME_EXCHANGE), EACCES);
}

TEST(other_calls)
{
	enter();
	CHECK_ERR(link("none", "f"), ENOENT);
	CHECK_ERR(link("d", "f"), EEXIST);
	CHECK_ERR(link("f", "new/"), ENOENT);
	CHECK_ERR(link("f", "g/"), EEXIST);
	CHECK_ERR(link("/proc/version", "f"), EEXIST);
	CHECK_ERR(link("/proc/version", "new"), EXDEV);
	CHECK_ERR(link("/proc/self", "none/new"), ENOENT);
	CHECK_ERR(mkdir("none/new", 0755), ENOENT);
	CHECK_ERR(mkdir("f/", 0755), EEXIST);
	CHECK_ERR(mkdir("f/new", 0755), ENOTDIR);
	CHECK_ERR(mkdir("d/..", 0755), EEXIST);
	CHECK_ERR(mkdir("/", 0755), EEXIST);
	CHECK_ERR(symlink("", "f"), ENOENT);
	CHECK_ERR(symlink("x", "f"), EEXIST);
	CHECK_ERR(symlink("x", "new/"), ENOENT);
	CHECK_ERR(mknod("f", S_IFDIR, 0), EPERM);
	CHECK_ERR(mknod("f", S_IFLNK, 0), EINVAL);
	CHECK_ERR(mknod("f", 0, 0), EEXIST);
	CHECK_ERR(unlink("d/"), EISDIR);
	CHECK_ERR(unlink("none/"), ENOENT);
	CHECK_ERR(unlink("f/"), ENOTDIR);
	CHECK_ERR(unlink("d/.."), EISDIR);
	CHECK_ERR(unlink("/"), EISDIR);
	CHECK_ERR(rmdir("f/"), ENOTDIR);
	CHECK_ERR(rmdir("none/"), ENOENT);
	CHECK_ERR(rmdir("/"), EBUSY);
	CHECK_ERR(rmdir("."), EINVAL);
	CHECK_ERR(rmdir(".."), ENOTEMPTY);
	CHECK_ERR(rmdir("/proc"), EBUSY);
	CHECK_ERR(unlinkat(AT_FDCWD, "none", 1), EINVAL);
	CHECK_ERR(linkat(AT_FDCWD, "none", AT_FDCWD, "new", 1), EINVAL);
}

TEST(other_calls_of_a_user)
{
	enter();
	CHECK_EQ(mkdir("s", 0777), 0);
	CHECK_EQ(chmod("s", 01777), 0);
	make_file("s/root", "r");
	CHECK_EQ(mkdir("s/d", 0755), 0);
	CHECK_EQ(chown("d", 1000, 1000), 0);
	become_user(1000, 1000);
	CHECK_ERR(mkdir("f", 0755), EEXIST);
	CHECK_ERR(mkdir("new", 0755), EACCES);
	CHECK_ERR(unlink("none"), ENOENT);
	CHECK_ERR(unlink("f"), EACCES);
	CHECK_ERR(unlink("d"), EACCES);
	CHECK_ERR(unlink("d/x/"), ENOTDIR);
	CHECK_ERR(rmdir("f"), EACCES);
	CHECK_ERR(rmdir("d"), EACCES);
	CHECK_ERR(unlink("s/root"), EPERM);
	CHECK_ERR(unlink("s/d"), EPERM);
	CHECK_ERR(rmdir("s/root"), EPERM);
	CHECK_ERR(mknod("f", S_IFCHR | 0600, 0x103), EEXIST);
	CHECK_ERR(mknod("new", S_IFCHR | 0600, 0x103), EACCES);
	CHECK_ERR(mknod("d/new", S_IFCHR | 0600, 0x103), EPERM);
	CHECK_EQ(mknod("d/new", S_IFIFO | 0600, 0), 0);
	CHECK_ERR(symlink("x", "f"), EEXIST);
	CHECK_ERR(symlink("x", "new"), EACCES);
	CHECK_ERR(link("d", "d/new2"), EPERM);
}

TEST(read_only)
{
	enter();
	if (mount("d", "e", NULL, MS_BIND, NULL) < 0)
		SKIP("no mounts");
	CHECK_EQ(mount(NULL, "e", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	CHECK_ERR(ren("e/none", "e/new", 0), EROFS);
	CHECK_ERR(ren("e/x", "e/.", 0), EBUSY);
	CHECK_ERR(ren("e/x", "f", 0), EXDEV);
	CHECK_ERR(unlink("e/none"), EROFS);
	CHECK_ERR(unlink("e/."), EISDIR);
	CHECK_ERR(rmdir("e/none"), EROFS);
	CHECK_ERR(mkdir("e/x", 0755), EEXIST);
	CHECK_ERR(mkdir("e/new", 0755), EROFS);
	CHECK_ERR(symlink("t", "e/new/"), ENOENT);
	CHECK_ERR(link("f", "e/new"), EROFS);
	CHECK_ERR(link("f", "e/x"), EEXIST);
	CHECK_ERR(open("e/none", O_RDWR), ENOENT);
	CHECK_ERR(open("e/new", O_RDWR | O_CREAT, 0600), EROFS);
	CHECK_ERR(open("e/x", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERR(open("e/x", O_RDWR), EROFS);
	CHECK_ERR(open("e", O_TMPFILE | O_RDWR, 0600), EROFS);
	CHECK_ERR(truncate("e/x", 0), EROFS);
	CHECK_ERR(truncate("e/sub", 0), EISDIR);
	CHECK_ERR(chmod("e/x", 0600), EROFS);
	CHECK_ERR(chmod("e/none", 0600), ENOENT);
	CHECK_ERR(chown("e/x", 1, 1), EROFS);
	CHECK_ERR(utimensat(AT_FDCWD, "e/x", NULL, 0), EROFS);
	CHECK_ERR(access("e/x", W_OK), EROFS);
	CHECK_EQ(umount2("e", 0), 0);
}

TAP_MAIN()
