/* SPDX-License-Identifier: Apache-2.0 */
/* setxattr, getxattr, listxattr, removexattr and their l and f forms. */
#include <sys/xattr.h>
#include "scratch.h"

/* Not mapped; the compiler need not know. */
static void *volatile nowhere = (void *)8;

static int fd;

static void enter(void)
{
	scratch();
	make_file("f", "x");
	REQUIRE(symlink("f", "l") == 0 && mkdir("d", 0755) == 0);
	fd = open("f", O_RDONLY);
	if (setxattr("f", "user.probe", "1", 1, 0) < 0 && errno == EOPNOTSUPP)
		SKIP("no user attributes here");
	REQUIRE(removexattr("f", "user.probe") == 0);
}

/* Is name in the list of n bytes? */
static int listed(const char *list, ssize_t n, const char *name)
{
	for (const char *p = list; p < list + n; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return 1;
	return 0;
}

TEST(values)
{
	char b[64];

	enter();
	CHECK_EQ(setxattr("f", "user.a", "one", 3, 0), 0);
	CHECK_EQ(getxattr("f", "user.a", b, 64), 3);
	CHECK(!memcmp(b, "one", 3));
	CHECK_EQ(getxattr("l", "user.a", b, 64), 3);
	CHECK_EQ(fgetxattr(fd, "user.a", b, 64), 3);
	CHECK_EQ(lgetxattr("f", "user.a", b, 64), 3);
	CHECK_EQ(getxattr("f", "user.a", NULL, 0), 3);
	CHECK_ERR(getxattr("f", "user.a", b, 2), ERANGE);
	CHECK_EQ(fsetxattr(fd, "user.a", "", 0, 0), 0);
	CHECK_EQ(getxattr("f", "user.a", b, 64), 0);
	CHECK_EQ(lsetxattr("f", "user.b", "bb", 2, 0), 0);
	CHECK_EQ(getxattr("f", "user.b", b, 64), 2);
	CHECK_EQ(setxattr("d", "user.dir", "d", 1, 0), 0);
	CHECK_EQ(getxattr("d", "user.dir", b, 64), 1);
}

TEST(create_and_replace)
{
	enter();
	CHECK_ERR(setxattr("f", "user.a", "1", 1, XATTR_REPLACE), ENODATA);
	CHECK_EQ(setxattr("f", "user.a", "1", 1, XATTR_CREATE), 0);
	CHECK_ERR(setxattr("f", "user.a", "1", 1, XATTR_CREATE), EEXIST);
	CHECK_EQ(setxattr("f", "user.a", "22", 2, XATTR_REPLACE), 0);
	CHECK_ERR(setxattr("f", "user.a", "1", 1, 4), EINVAL);
}

TEST(lists_and_removal)
{
	char b[256];
	ssize_t n, m;

	enter();
	REQUIRE(setxattr("f", "user.a", "1", 1, 0) == 0 && setxattr("f", "user.bc", "1", 1, 0) == 0);
	n = listxattr("f", b, sizeof(b));
	CHECK(n >= 15 && listed(b, n, "user.a") && listed(b, n, "user.bc"));
	m = listxattr("f", NULL, 0);
	CHECK_EQ(m, n);
	CHECK_EQ(flistxattr(fd, b, sizeof(b)), n);
	CHECK_EQ(llistxattr("f", b, sizeof(b)), n);
	CHECK_ERR(listxattr("f", b, (size_t)n - 1), ERANGE);
	CHECK_EQ(removexattr("l", "user.a"), 0);
	CHECK_ERR(removexattr("f", "user.a"), ENODATA);
	CHECK_ERR(getxattr("f", "user.a", b, 1), ENODATA);
	CHECK_EQ(fremovexattr(fd, "user.bc"), 0);
	n = listxattr("f", b, sizeof(b));
	CHECK(!listed(b, n, "user.a") && !listed(b, n, "user.bc"));
	REQUIRE(setxattr("f", "user.c", "1", 1, 0) == 0);
	CHECK_EQ(lremovexattr("f", "user.c"), 0);
}

TEST(errors)
{
	char long_name[300], b[8];

	enter();
	memset(long_name, 'x', sizeof(long_name));
	memcpy(long_name, "user.", 5);
	long_name[256] = 0;
	CHECK_ERR(setxattr("f", long_name, "1", 1, 0), ERANGE);
	long_name[255] = 0;
	CHECK_EQ(setxattr("f", "", "1", 1, 0) < 0 ? errno : 0, ERANGE);
	CHECK_ERR(setxattr("f", "nonsense.a", "1", 1, 0), EOPNOTSUPP);
	CHECK_ERR(setxattr("f", "user.", "1", 1, 0), EINVAL);
	CHECK_ERR(setxattr("f", "user.a", nowhere, 65537, 0), E2BIG);
	CHECK_ERR(setxattr("none", "user.a", "1", 1, 0), ENOENT);
	CHECK_ERR(setxattr("f", "user.a", nowhere, 4, 0), EFAULT);
	CHECK_ERR(getxattr("none", "user.a", b, 8), ENOENT);
	CHECK_ERR(fgetxattr(99, "user.a", b, 8), EBADF);
	CHECK_ERR(fsetxattr(99, "user.a", "1", 1, 0), EBADF);
	CHECK_ERR(fremovexattr(99, "user.a"), EBADF);
	CHECK_ERR(flistxattr(99, b, 8), EBADF);
	CHECK_ERR(fgetxattr(open("f", O_PATH), "user.a", b, 8), EBADF);
	/* Links and devices have no attributes of users. */
	CHECK_ERR(lsetxattr("l", "user.a", "1", 1, 0), EPERM);
	CHECK_ERR(lgetxattr("l", "user.a", b, 8), ENODATA);
	REQUIRE(mkfifo("p", 0644) == 0);
	CHECK_ERR(setxattr("p", "user.a", "1", 1, 0), EPERM);
}

TEST(permissions)
{
	char b[8];
	ssize_t n;

	enter();
	REQUIRE(setxattr("f", "user.a", "1", 1, 0) == 0 && chmod("f", 0600) == 0 && chmod(".", 0777) == 0);
	if (setxattr("f", "trusted.a", "1", 1, 0) < 0 && (errno == EPERM || errno == EOPNOTSUPP))
		SKIP("no trusted attributes here");
	CHECK_EQ(getxattr("f", "trusted.a", b, 8), 1);
	REQUIRE(setresuid(1000, 1000, 1000) == 0);
	CHECK_ERR(getxattr("f", "user.a", b, 8), EACCES);
	CHECK_ERR(setxattr("f", "user.a", "1", 1, 0), EACCES);
	CHECK_ERR(removexattr("f", "user.a"), EACCES);
	CHECK_ERR(getxattr("f", "trusted.a", b, 8), ENODATA);
	CHECK_ERR(setxattr("f", "trusted.a", "1", 1, 0), EPERM);
	n = listxattr("f", NULL, 0);
	CHECK(n >= 7);
}

TAP_MAIN()
