/* SPDX-License-Identifier: Apache-2.0 */
/* open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2), fspick(2), mount_setattr(2). */
#include "mounts.h"

#define SET_FLAG 0
#define SET_STRING 1
#define SET_BINARY 2
#define SET_PATH 3
#define SET_FD 5
#define CMD_CREATE 6
#define CMD_RECONFIGURE 7
#define TREE_CLONE 1
#define F_EMPTY 4
#define T_EMPTY 0x40
#define SET_GROUP 0x100
#define BENEATH 0x200
#define ATTR_RDONLY 1
#define ATTR_NOSUID 2
#define ATTR_NOEXEC 8
#define ATTR_NOATIME 0x10
#define ATTR_STRICT 0x20
#define ATTR_ATIME 0x70

struct attr {
	uint64_t set, clr, propagation, userns_fd;
};

static int fsopen_(const char *name, unsigned fl)
{
	return (int)syscall(SYS_fsopen, name, fl);
}

static int fsconfig_(int fd, unsigned cmd, const char *k, const void *v, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, k, v, aux);
}

static int fsmount_(int fd, unsigned fl, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fd, fl, attr);
}

static int move(int fd, const char *from, int td, const char *to, unsigned fl)
{
	return (int)syscall(SYS_move_mount, fd, from, td, to, fl);
}

static int tree(const char *name, unsigned fl)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, name, fl);
}

static int setattr(const char *name, unsigned fl, uint64_t set, uint64_t clr, uint64_t prop)
{
	struct attr a = {set, clr, prop, 0};

	return (int)syscall(SYS_mount_setattr, AT_FDCWD, name, fl, &a, sizeof(a));
}

/* A tmpfs that is mounted nowhere yet. */
static int new_tmpfs(unsigned attr)
{
	int fd = fsopen_("tmpfs", 0), m;

	REQUIRE(fd >= 0 && fsconfig_(fd, SET_STRING, "source", "mine", 0) == 0);
	REQUIRE(fsconfig_(fd, SET_STRING, "size", "1m", 0) == 0 && fsconfig_(fd, CMD_CREATE, NULL, NULL, 0) == 0);
	m = fsmount_(fd, 1, attr);
	close(fd);
	REQUIRE(m >= 0);
	return m;
}

TEST(making_and_attaching)
{
	int m;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	m = new_tmpfs(ATTR_NOSUID | ATTR_NOATIME);
	CHECK_EQ(mkdirat(m, "inside", 0755), 0);
	CHECK_EQ(move(m, "", AT_FDCWD, "a", F_EMPTY), 0);
	CHECK_EQ(access("a/inside", F_OK), 0);
	CHECK(has("a", " rw,nosuid,noatime ") && has("a", " - tmpfs mine rw,size=1024k"));
	CHECK_EQ(close(m), 0);
	CHECK_EQ(access("a/inside", F_OK), 0);
}

TEST(closing_dissolves)
{
	int m, d;

	own_mounts();
	m = new_tmpfs(0);
	CHECK_EQ(mkdirat(m, "sub", 0755), 0);
	d = openat(m, "sub", O_RDONLY);
	CHECK_EQ(close(m), 0);
	CHECK(d >= 0);
	CHECK_EQ(close(d), 0);
}

TEST(fsopen_errors)
{
	own_mounts();
	CHECK_ERR(fsopen_("nosuchfs", 0), ENODEV);
	CHECK_ERR(fsopen_("tmpfs", 2), EINVAL);
	CHECK_ERR(fsopen_((char *)8, 0), EFAULT);
}

TEST(fsconfig_errors)
{
	int fd, p[2];

	own_mounts();
	fd = fsopen_("tmpfs", 1);
	REQUIRE(fd >= 0 && pipe(p) == 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(fsconfig_(-1, SET_FLAG, "rw", NULL, 0), EINVAL);
	CHECK_ERR(fsconfig_(99, SET_FLAG, "rw", NULL, 0), EBADF);
	CHECK_ERR(fsconfig_(p[0], SET_FLAG, "rw", NULL, 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, 100, "rw", NULL, 0), EOPNOTSUPP);
	CHECK_ERR(fsconfig_(fd, SET_FLAG, NULL, NULL, 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_FLAG, "rw", "x", 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_FLAG, "rw", NULL, 1), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_STRING, "size", NULL, 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_STRING, "nonsense", "1", 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_STRING, "size", "lots", 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_BINARY, "size", "1", 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_PATH, "size", "/", -1), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_FD, "size", NULL, -1), EINVAL);
	CHECK_ERR(fsconfig_(fd, SET_STRING, (char *)8, "1", 0), EFAULT);
	CHECK_ERR(fsconfig_(fd, CMD_CREATE, "x", NULL, 0), EINVAL);
	CHECK_ERR(fsconfig_(fd, CMD_RECONFIGURE, NULL, NULL, 0), EBUSY);
	CHECK_ERR(fsmount_(fd, 0, 0), EINVAL); /* nothing was made yet */
	CHECK_EQ(fsconfig_(fd, CMD_CREATE, NULL, NULL, 0), 0);
	CHECK_ERR(fsconfig_(fd, CMD_CREATE, NULL, NULL, 0), EBUSY);
	CHECK_ERR(fsconfig_(fd, SET_STRING, "size", "1", 0), EBUSY);
	CHECK_ERR(fsmount_(fd, 2, 0), EINVAL);
	CHECK_ERR(fsmount_(fd, 0, 0x40000000), EINVAL);
	CHECK_ERR(fsmount_(fd, 0, 0x30), EINVAL);
	CHECK_ERR(fsmount_(p[0], 0, 0), EINVAL);
	CHECK_ERR(fsmount_(-1, 0, 0), EBADF);
	CHECK(fsmount_(fd, 0, 0) >= 0);
}

TEST(cloning_a_tree)
{
	int t;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("c", 0755) == 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, NULL), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(mount("t", "a/x", "tmpfs", 0, NULL), 0);
	t = tree("a", TREE_CLONE);
	CHECK(t >= 0);
	CHECK_EQ(move(t, "", AT_FDCWD, "b", F_EMPTY), 0);
	CHECK(info("b") && !info("b/x"));
	t = tree("a", TREE_CLONE | AT_RECURSIVE);
	CHECK_EQ(move(t, "", AT_FDCWD, "c", F_EMPTY), 0);
	CHECK(info("c/x"));
	CHECK_ERR(tree("a", AT_RECURSIVE), EINVAL);
	CHECK_ERR(tree("a", 0x40), EINVAL);
	CHECK_ERR(tree("none", 0), ENOENT);
	t = tree("a/x", 0);
	CHECK(t >= 0);
	CHECK_EQ(fcntl(t, F_GETFL) & O_PATH, O_PATH);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(move(t, "", AT_FDCWD, "d", F_EMPTY), 0); /* moves what is attached, too */
	CHECK(info("d") && !info("a/x"));
}

TEST(moving_errors)
{
	int m;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
	make_file("f", "");
	m = new_tmpfs(0);
	CHECK_ERR(move(m, "", AT_FDCWD, "none", F_EMPTY), ENOENT);
	CHECK_ERR(move(m, "", AT_FDCWD, "f", F_EMPTY), EINVAL);
	CHECK_ERR(move(m, "", AT_FDCWD, "a", 0), ENOENT);
	CHECK_ERR(move(m, "", AT_FDCWD, "a", F_EMPTY | 0x1000), EINVAL);
	CHECK_ERR(move(m, "", AT_FDCWD, "a", F_EMPTY | SET_GROUP | BENEATH), EINVAL);
	CHECK_ERR(move(AT_FDCWD, "a", AT_FDCWD, "b", 0), EINVAL);
	CHECK_ERR(move(99, "", AT_FDCWD, "b", F_EMPTY), EBADF);
	CHECK_EQ(move(m, "", AT_FDCWD, "a", F_EMPTY), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_ERR(move(m, "", AT_FDCWD, "a/x", F_EMPTY), ELOOP);
}

TEST(beneath)
{
	int m;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	CHECK_EQ(mount("top", "a", "tmpfs", 0, NULL), 0);
	make_file("a/top", "");
	m = new_tmpfs(0);
	CHECK_EQ(mkdirat(m, "below", 0755), 0);
	CHECK_EQ(move(m, "", AT_FDCWD, "a", F_EMPTY | BENEATH), 0);
	CHECK_EQ(access("a/top", F_OK), 0);
	CHECK_EQ(umount("a"), 0);
	CHECK_EQ(access("a/below", F_OK), 0);
}

TEST(set_group)
{
	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, NULL), 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_ERR(move(AT_FDCWD, "a", AT_FDCWD, "b", SET_GROUP), EINVAL);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(move(AT_FDCWD, "a", AT_FDCWD, "b", SET_GROUP), 0);
	CHECK_EQ(tag("a", "shared:"), tag("b", "shared:"));
	CHECK_ERR(move(AT_FDCWD, "a", AT_FDCWD, "b", SET_GROUP), EINVAL);
}

TEST(picking_and_reconfiguring)
{
	int fd;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, "size=1m"), 0);
	CHECK_EQ(mkdir("a/d", 0755), 0);
	CHECK_ERR(syscall(SYS_fspick, AT_FDCWD, "a/d", 0), EINVAL);
	CHECK_ERR(syscall(SYS_fspick, AT_FDCWD, "a", 0x100), EINVAL);
	CHECK_ERR(syscall(SYS_fspick, AT_FDCWD, "none", 0), ENOENT);
	fd = (int)syscall(SYS_fspick, AT_FDCWD, "a", 1);
	CHECK(fd >= 0);
	CHECK_EQ(fsconfig_(fd, SET_STRING, "size", "4m", 0), 0);
	CHECK_EQ(fsconfig_(fd, SET_FLAG, "ro", NULL, 0), 0);
	CHECK_ERR(fsconfig_(fd, CMD_CREATE, NULL, NULL, 0), EBUSY);
	CHECK_EQ(fsconfig_(fd, CMD_RECONFIGURE, NULL, NULL, 0), 0);
	CHECK(has("a", " - tmpfs t ro,size=4096k"));
}

TEST(changing_attributes)
{
	struct attr big[2] = {{.set = ATTR_RDONLY}, {.set = 1}};
	int fd;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, NULL), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(mount("t", "a/x", "tmpfs", MS_NOSUID, NULL), 0);
	CHECK_EQ(setattr("a", 0, ATTR_NOEXEC, 0, 0), 0);
	CHECK(has("a", ",noexec,") && !has("a/x", ",noexec,"));
	CHECK_EQ(setattr("a", AT_RECURSIVE, ATTR_RDONLY, ATTR_NOEXEC | ATTR_NOSUID, MS_SHARED), 0);
	CHECK(has("a", " ro,relatime shared:") && has("a/x", " ro,relatime shared:"));
	CHECK_EQ(setattr("a", AT_RECURSIVE, 0, ATTR_RDONLY, 0), 0);
	fd = open("a/x/f", O_CREAT | O_WRONLY, 0644);
	CHECK_ERR(setattr("a", AT_RECURSIVE, ATTR_RDONLY, 0, 0), EBUSY);
	CHECK(has("a", " rw,relatime "));
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(setattr("a", 0, ATTR_NOATIME, ATTR_ATIME, 0), 0);
	CHECK(has("a", " rw,noatime "));
	CHECK_EQ(setattr("a", 0, ATTR_STRICT, ATTR_ATIME, 0), 0);
	CHECK(has("a", " rw shared:"));
	CHECK_ERR(setattr("a", 0, ATTR_NOATIME, 0, 0), EINVAL);
	CHECK_ERR(setattr("a", 0, 0, ATTR_NOATIME, 0), EINVAL);
	CHECK_ERR(setattr("a", 0, 0x40000000, 0, 0), EINVAL);
	CHECK_ERR(setattr("a", 0, 0, 0, MS_SHARED | MS_PRIVATE), EINVAL);
	CHECK_ERR(setattr("a", 0, 0, 0, MS_RDONLY), EINVAL);
	CHECK_ERR(setattr("a", 0x1, ATTR_RDONLY, 0, 0), EINVAL);
	CHECK_EQ(setattr("none", 0, 0, 0, 0), 0); /* nothing to do, not even to look */
	CHECK_ERR(setattr("none", 0, ATTR_RDONLY, 0, 0), ENOENT);
	CHECK_EQ(mkdir("b", 0755), 0);
	CHECK_ERR(setattr("b", 0, ATTR_RDONLY, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, big, 8), EINVAL);
	CHECK_ERR(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, big, sizeof(big)), E2BIG);
	CHECK_ERR(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, big, 8192), E2BIG);
	big[1].set = 0;
	CHECK_EQ(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, big, sizeof(big)), 0);
}

TEST(without_rights)
{
	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	become_user(1000, 1000);
	CHECK_ERR(fsopen_("tmpfs", 0), EPERM);
	CHECK_ERR(tree("a", TREE_CLONE), EPERM);
	CHECK(tree("a", 0) >= 0);
	CHECK_ERR(move(AT_FDCWD, "a", AT_FDCWD, "a", 0), EPERM);
	CHECK_ERR(syscall(SYS_fspick, AT_FDCWD, "a", 0), EPERM);
	CHECK_ERR(setattr("a", 0, ATTR_RDONLY, 0, 0), EPERM);
	CHECK_ERR(mount("t", "a", "tmpfs", 0, NULL), EPERM);
	CHECK_ERR(umount2("a", 0), EPERM);
}

TAP_MAIN()
