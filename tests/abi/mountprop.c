/* SPDX-License-Identifier: Apache-2.0 */
/* mount(2): propagation between peers, masters and slaves; moving; what may be bound. */
#include "mounts.h"

static void dirs(const char *a, const char *b, const char *c)
{
	REQUIRE(mkdir(a, 0755) == 0);
	REQUIRE(!b || mkdir(b, 0755) == 0);
	REQUIRE(!c || mkdir(c, 0755) == 0);
}

static int tmpfs(const char *at)
{
	return mount("t", at, "tmpfs", 0, NULL);
}

TEST(types_in_mountinfo)
{
	own_mounts();
	dirs("a", "b", NULL);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK(!has("a", "shared:") && !has("a", "master:") && !has("a", "unbindable"));
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	CHECK(tag("a", "shared:") > 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(tag("a", "shared:"), tag("b", "shared:"));
	CHECK_EQ(mount("", "b", NULL, MS_SLAVE, NULL), 0);
	CHECK_EQ(tag("b", "master:"), tag("a", "shared:"));
	CHECK_EQ(tag("b", "shared:"), 0);
	CHECK_EQ(mount("", "b", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(tag("b", "master:"), tag("a", "shared:"));
	CHECK(tag("b", "shared:") > 0 && tag("b", "shared:") != tag("a", "shared:"));
	CHECK_EQ(mount("", "b", NULL, MS_PRIVATE, NULL), 0);
	CHECK(!has("b", "shared:") && !has("b", "master:"));
	CHECK_EQ(mount("", "b", NULL, MS_UNBINDABLE, NULL), 0);
	CHECK(has("b", " unbindable "));
	CHECK_EQ(mount("", "a", NULL, MS_SLAVE, NULL), 0); /* nobody is left to be its master */
	CHECK(!has("a", "shared:") && !has("a", "master:"));
}

TEST(errors)
{
	own_mounts();
	dirs("a", "a/d", "b");
	CHECK_ERR(mount("", "a", NULL, MS_SHARED, NULL), EINVAL);
	CHECK_ERR(mount("", ".", NULL, MS_SHARED | MS_PRIVATE, NULL), EINVAL);
	CHECK_ERR(mount("", ".", NULL, MS_SHARED | MS_RDONLY, NULL), EINVAL);
	CHECK_EQ(mount("", ".", NULL, MS_UNBINDABLE, NULL), 0);
	CHECK_ERR(mount(".", "b", NULL, MS_BIND, NULL), EINVAL);
	CHECK_ERR(mount("a", "b", NULL, MS_BIND, NULL), EINVAL);
	CHECK_EQ(mount("", ".", NULL, MS_PRIVATE, NULL), 0);
	CHECK_ERR(mount("a", "b", NULL, MS_MOVE, NULL), EINVAL);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_ERR(mount("t", "none", "tmpfs", 0, NULL), ENOENT);
	CHECK_ERR(mount("t", "b", "nosuchfs", 0, NULL), ENODEV);
	CHECK_ERR(mount("t", "b", NULL, 0, NULL), EINVAL);
	CHECK_ERR(mount("t", "b", "tmpfs", 0, "nonsense=1"), EINVAL);
	CHECK_ERR(mount("", "b", NULL, MS_BIND, NULL), EINVAL);
	CHECK_ERR(mount("none", "b", NULL, MS_BIND, NULL), ENOENT);
	make_file("f", "");
	CHECK_ERR(mount("f", "b", NULL, MS_BIND, NULL), ENOTDIR);
	CHECK_ERR(mount("b", "f", NULL, MS_BIND, NULL), ENOTDIR);
	CHECK_ERR(mount("a", "f", NULL, MS_MOVE, NULL), EINVAL);
	CHECK_ERR(mount("t", "f", "tmpfs", 0, NULL), ENOTDIR);
	CHECK_ERR(mount("t", "b", "tmpfs", 1UL << 31, NULL), EINVAL);
	CHECK_EQ(mkdir("a/below", 0755), 0);
	CHECK_ERR(mount("a", "a/below", NULL, MS_MOVE, NULL), ELOOP);
}

TEST(peers_get_what_is_mounted)
{
	own_mounts();
	dirs("a", "b", NULL);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(tmpfs("b/x"), 0);
	CHECK(info("a/x"));
	CHECK(tag("a/x", "shared:") > 0);
	CHECK_EQ(tag("a/x", "shared:"), tag("b/x", "shared:"));
	make_file("b/x/f", "f");
	CHECK_EQ(access("a/x/f", F_OK), 0);
	CHECK_EQ(umount("a/x"), 0);
	CHECK(!info("b/x"));
}

TEST(slaves_receive_and_do_not_send)
{
	own_mounts();
	dirs("a", "b", NULL);
	CHECK_EQ(tmpfs("a"), 0);
	dirs("a/x", "a/y", NULL);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(mount("", "b", NULL, MS_SLAVE, NULL), 0);
	CHECK_EQ(tmpfs("a/x"), 0);
	CHECK(info("b/x"));
	CHECK_EQ(tag("b/x", "master:"), tag("a/x", "shared:"));
	CHECK_EQ(tag("b/x", "shared:"), 0);
	CHECK_EQ(tmpfs("b/y"), 0);
	CHECK(!info("a/y"));
	CHECK_EQ(umount("a/x"), 0);
	CHECK(!info("b/x"));
}

TEST(slave_that_is_shared_passes_on)
{
	own_mounts();
	dirs("a", "b", "c");
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(mount("", "b", NULL, MS_SLAVE, NULL), 0);
	CHECK_EQ(mount("", "b", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(mount("b", "c", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(tag("c", "master:"), tag("a", "shared:"));
	CHECK_EQ(tag("c", "shared:"), tag("b", "shared:"));
	CHECK_EQ(tmpfs("a/x"), 0);
	CHECK(info("b/x") && info("c/x"));
	CHECK_EQ(tag("b/x", "shared:"), tag("c/x", "shared:"));
	CHECK_EQ(tag("b/x", "master:"), tag("a/x", "shared:"));
	CHECK_EQ(umount2("a/x", MNT_DETACH), 0);
	CHECK(!info("b/x") && !info("c/x"));
}

TEST(trees_are_carried_over)
{
	own_mounts();
	dirs("a", "b", "src");
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(tmpfs("src"), 0);
	CHECK_EQ(mkdir("src/deep", 0755), 0);
	CHECK_EQ(tmpfs("src/deep"), 0);
	CHECK_EQ(mount("src", "a/x", NULL, MS_BIND | MS_REC, NULL), 0);
	CHECK(info("a/x/deep") && info("b/x/deep"));
	CHECK_ERR(umount("a/x"), EBUSY);
	CHECK_EQ(umount2("b/x", MNT_DETACH), 0);
	CHECK(!info("a/x/deep") && !info("a/x") && !info("b/x"));
	CHECK(info("src/deep"));
}

TEST(busy_copies_keep_the_mount)
{
	int fd;

	own_mounts();
	dirs("a", "b", NULL);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(tmpfs("a/x"), 0);
	fd = open("b/x", O_RDONLY);
	CHECK_ERR(umount("a/x"), EBUSY);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(umount("a/x"), 0);
}

TEST(other_namespaces_are_peers)
{
	int to[2], from[2], status;
	char c;
	pid_t pid;

	own_mounts();
	dirs("a", "s", NULL);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	REQUIRE(pipe(to) == 0 && pipe(from) == 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) != 0)
			_exit(1);
		if (write(from[1], "r", 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(2);
		if (!info("a/x"))
			_exit(3);
		_exit(umount("a/x") != 0);
	}
	CHECK_EQ(read(from[0], &c, 1), 1);
	CHECK_EQ(tmpfs("a/x"), 0);
	CHECK_EQ(write(to[1], "g", 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK(!info("a/x"));
}

TEST(moving)
{
	own_mounts();
	dirs("a", "b", "p");
	CHECK_EQ(tmpfs("a"), 0);
	make_file("a/f", "f");
	CHECK_EQ(mount("a", "b", NULL, MS_MOVE, NULL), 0);
	CHECK_EQ(access("b/f", F_OK), 0);
	CHECK(!info("a"));
	CHECK_EQ(tmpfs("p"), 0);
	CHECK_EQ(mkdir("p/x", 0755), 0);
	CHECK_EQ(mount("", "p", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(tmpfs("p/x"), 0);
	CHECK_ERR(mount("p/x", "a", NULL, MS_MOVE, NULL), EINVAL); /* its parent is shared */
	CHECK_EQ(mount("", "b", NULL, MS_UNBINDABLE, NULL), 0);
	CHECK_ERR(mount("b", "p/x", NULL, MS_MOVE, NULL), EINVAL);
	CHECK_EQ(mount("b", "a", NULL, MS_MOVE, NULL), 0);
}

TEST(recursive_types)
{
	own_mounts();
	dirs("a", NULL, NULL);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_EQ(mkdir("a/x", 0755), 0);
	CHECK_EQ(tmpfs("a/x"), 0);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED | MS_REC, NULL), 0);
	CHECK(tag("a", "shared:") > 0 && tag("a/x", "shared:") > 0);
	CHECK_EQ(mount("", "a", NULL, MS_PRIVATE, NULL), 0);
	CHECK(tag("a", "shared:") == 0 && tag("a/x", "shared:") > 0);
}

TEST(unbindable_parts_are_left_out)
{
	own_mounts();
	dirs("a", "b", NULL);
	CHECK_EQ(tmpfs("a"), 0);
	dirs("a/x", "a/y", NULL);
	CHECK_EQ(tmpfs("a/x"), 0);
	CHECK_EQ(tmpfs("a/y"), 0);
	CHECK_EQ(mount("", "a/x", NULL, MS_UNBINDABLE, NULL), 0);
	CHECK_EQ(mount("a", "b", NULL, MS_BIND | MS_REC, NULL), 0);
	CHECK(!info("b/x") && info("b/y"));
}

TEST(umount_flags)
{
	int fd;

	own_mounts();
	dirs("a", "b", NULL);
	CHECK_ERR(umount2("a", 64), EINVAL);
	CHECK_ERR(umount2("a", 0), EINVAL);
	CHECK_ERR(umount2("none", 0), ENOENT);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_EQ(symlink("a", "l"), 0);
	CHECK_ERR(umount2("l", UMOUNT_NOFOLLOW), EINVAL);
	CHECK_ERR(umount2("a", MNT_EXPIRE | MNT_DETACH), EINVAL);
	CHECK_ERR(umount2("a", MNT_EXPIRE), EAGAIN);
	fd = open("a", O_RDONLY); /* looked at: the mark is gone */
	CHECK_ERR(umount2("a", MNT_EXPIRE), EBUSY);
	CHECK_ERR(umount2("a", 0), EBUSY);
	CHECK_EQ(umount2("a", MNT_DETACH), 0);
	CHECK_ERR(openat(fd, "../b", O_RDONLY), ENOENT);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(tmpfs("a"), 0);
	CHECK_ERR(umount2("a", MNT_EXPIRE), EAGAIN);
	CHECK_EQ(umount2("a", MNT_EXPIRE), 0);
}

TEST(flags_of_one_mount)
{
	int fd;

	own_mounts();
	dirs("a", "b", NULL);
	CHECK_EQ(mount("t", "a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, "size=1m"), 0);
	CHECK(has("a", " rw,nosuid,nodev,noexec,noatime ") && has("a", " - tmpfs t rw,size=1024k"));
	CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(mount("", "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	CHECK(has("b", " ro,noatime ") && has("b", " - tmpfs t rw"));
	CHECK_ERR(open("b/f", O_CREAT | O_WRONLY, 0644), EROFS);
	fd = open("a/f", O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0);
	CHECK_ERR(mount("", "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EBUSY);
	CHECK_ERR(mount("", "a", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(mount("", "a", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	CHECK(has("a", " - tmpfs t ro"));
	CHECK_ERR(mkdir("a/d", 0755), EROFS);
	CHECK_EQ(mount("", "a", NULL, MS_REMOUNT, "size=2m"), 0);
	CHECK(has("a", " - tmpfs t rw,size=2048k"));
	CHECK_EQ(mkdir("a/d", 0755), 0);
	CHECK_ERR(mount("", "a/d", NULL, MS_REMOUNT, NULL), EINVAL);
	CHECK_ERR(mount("", "a", NULL, MS_REMOUNT, "bad"), EINVAL);
}

TEST(covered_mounts_and_stacking)
{
	own_mounts();
	dirs("a", NULL, NULL);
	CHECK_EQ(tmpfs("a"), 0);
	make_file("a/one", "");
	CHECK_EQ(tmpfs("a"), 0);
	make_file("a/two", "");
	CHECK_ERR(access("a/one", F_OK), ENOENT);
	CHECK_EQ(umount("a"), 0);
	CHECK_EQ(access("a/one", F_OK), 0);
	CHECK_EQ(umount("a"), 0);
	CHECK_ERR(umount("a"), EINVAL);
}

TEST(pivoting)
{
	own_mounts();
	dirs("a", "a/old", NULL);
	CHECK_ERR(syscall(SYS_pivot_root, "a", "a/old"), EINVAL); /* not a mount */
	CHECK_ERR(syscall(SYS_pivot_root, ".", "none"), ENOENT);
	CHECK_ERR(syscall(SYS_pivot_root, ".", "/"), EBUSY);
	CHECK_EQ(syscall(SYS_pivot_root, ".", "."), 0);
	CHECK_EQ(umount2(".", MNT_DETACH), 0);
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(access("/a/old", F_OK), 0);
}

TEST(pivoting_shared)
{
	own_mounts();
	dirs("new", "new/old", NULL);
	CHECK_EQ(mount("", ".", NULL, MS_SHARED, NULL), 0);
	CHECK_EQ(tmpfs("new"), 0);
	CHECK_EQ(mkdir("new/old", 0755), 0);
	CHECK_ERR(syscall(SYS_pivot_root, "new", "new/old"), EINVAL);
	CHECK_EQ(mount("", ".", NULL, MS_PRIVATE, NULL), 0);
	CHECK_ERR(syscall(SYS_pivot_root, "new", "new/old"), EINVAL); /* new itself became shared */
	CHECK_EQ(mount("", "new", NULL, MS_PRIVATE, NULL), 0);
	CHECK_EQ(syscall(SYS_pivot_root, "new", "new/old"), 0);
	CHECK_EQ(access("/old", F_OK), 0);
}

TAP_MAIN()
