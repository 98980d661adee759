/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that name a directory: mkdirat, mknodat, newfstatat, unlinkat, renameat, linkat, symlinkat, readlinkat, faccessat,
 * faccessat2, fchownat, fchmodat, futimesat, statx; chdir, fchdir, chroot, getcwd. */
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include "scratch.h"

/* Not mapped; the compiler need not know. */
static void *volatile nowhere = (void *)8;

static int dir, file, gone;

static void enter(void)
{
	scratch();
	REQUIRE(mkdir("d", 0755) == 0);
	make_file("d/f", "text");
	make_file("f", "other");
	REQUIRE(mkdir("gone", 0755) == 0);
	dir = open("d", O_RDONLY | O_DIRECTORY);
	file = open("f", O_RDONLY);
	gone = open("gone", O_RDONLY | O_DIRECTORY);
	REQUIRE(dir >= 0 && file >= 0 && gone >= 0 && rmdir("gone") == 0);
}

TEST(names_are_relative_to_the_descriptor)
{
	struct stat st;
	char b[16];

	enter();
	CHECK_EQ(mkdirat(dir, "sub", 0700), 0);
	CHECK_EQ(stat("d/sub", &st), 0);
	CHECK_EQ(st.st_mode, S_IFDIR | 0700);
	CHECK_EQ(mknodat(dir, "fifo", S_IFIFO | 0640, 0), 0);
	CHECK_EQ(fstatat(dir, "fifo", &st, 0), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0640);
	CHECK_EQ(mknodat(dir, "plain", 0600, 0), 0);
	CHECK_EQ(fstatat(dir, "plain", &st, 0), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0600);
	CHECK_EQ(symlinkat("f", dir, "l"), 0);
	CHECK_EQ(readlinkat(dir, "l", b, 16), 1);
	CHECK_EQ(b[0], 'f');
	CHECK_EQ(linkat(dir, "f", dir, "g", 0), 0);
	CHECK_EQ(ino_of("d/f"), ino_of("d/g"));
	CHECK_EQ(renameat(dir, "g", AT_FDCWD, "h"), 0);
	CHECK_EQ(ino_of("d/f"), ino_of("h"));
	CHECK_EQ(unlinkat(dir, "l", 0), 0);
	CHECK_EQ(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
	CHECK_ERR(unlinkat(dir, "f", AT_REMOVEDIR), ENOTDIR);
	CHECK_ERR(unlinkat(AT_FDCWD, "d", 0), EISDIR);
	CHECK_EQ(faccessat(dir, "f", R_OK, 0), 0);
	CHECK_EQ(fchmodat(dir, "f", 0604, 0), 0);
	CHECK_EQ(stat("d/f", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0604);
	CHECK_EQ(fchownat(dir, "f", 12, 34, 0), 0);
	CHECK_EQ(stat("d/f", &st), 0);
	CHECK(st.st_uid == 12 && st.st_gid == 34);
	/* An absolute name needs no directory. */
	strcat(scratch_dir, "/f");
	CHECK_EQ(fstatat(-5, scratch_dir, &st, 0), 0);
	CHECK_EQ(st.st_size, 5);
}

TEST(bad_directories)
{
	struct stat st;
	char b[8];

	enter();
	CHECK_ERR(mkdirat(file, "x", 0700), ENOTDIR);
	CHECK_ERR(mkdirat(99, "x", 0700), EBADF);
	CHECK_ERR(mkdirat(gone, "x", 0700), ENOENT);
	CHECK_ERR(mknodat(file, "x", S_IFIFO, 0), ENOTDIR);
	CHECK_ERR(mknodat(gone, "x", S_IFIFO, 0), ENOENT);
	CHECK_ERR(mknodat(dir, "x", S_IFDIR, 0), EPERM);
	CHECK_ERR(mknodat(dir, "x", S_IFLNK, 0), EINVAL);
	CHECK_ERR(mknodat(dir, "f", S_IFIFO, 0), EEXIST);
	CHECK_ERR(fstatat(file, "x", &st, 0), ENOTDIR);
	CHECK_ERR(fstatat(99, "x", &st, 0), EBADF);
	CHECK_ERR(fstatat(gone, "x", &st, 0), ENOENT);
	CHECK_ERR(fstatat(dir, "f", nowhere, 0), EFAULT);
	CHECK_ERR(fstatat(dir, nowhere, &st, 0), EFAULT);
	CHECK_ERR(fstatat(dir, "f", &st, 0x8000), EINVAL);
	CHECK_ERR(symlinkat("a", file, "x"), ENOTDIR);
	CHECK_ERR(symlinkat("", dir, "x"), ENOENT);
	CHECK_ERR(symlinkat("a", dir, "f"), EEXIST);
	CHECK_ERR(readlinkat(dir, "f", b, 8), EINVAL);
	CHECK_ERR(readlinkat(dir, "f", b, 0), EINVAL);
	CHECK_ERR(readlinkat(file, "x", b, 8), ENOTDIR);
	CHECK_ERR(renameat(file, "x", dir, "y"), ENOTDIR);
	CHECK_ERR(renameat(dir, "f", gone, "y"), ENOENT);
	CHECK_ERR(renameat(dir, "f", 99, "y"), EBADF);
	CHECK_ERR(unlinkat(file, "x", 0), ENOTDIR);
	CHECK_ERR(unlinkat(dir, "f", 1), EINVAL);
	CHECK_ERR(linkat(dir, "f", dir, "x", 1), EINVAL);
	CHECK_ERR(linkat(gone, "f", dir, "x", 0), ENOENT);
	CHECK_ERR(faccessat(file, "x", F_OK, 0), ENOTDIR);
	CHECK_ERR(fchownat(dir, "f", 1, 1, 1), EINVAL);
	CHECK_ERR(fchownat(file, "f", 1, 1, 0), ENOTDIR);
}

TEST(empty_names)
{
	struct stat st;
	char b[8];
	int l;

	enter();
	CHECK_ERR(fstatat(file, "", &st, 0), ENOENT);
	CHECK_EQ(fstatat(file, "", &st, AT_EMPTY_PATH), 0);
	CHECK_EQ(st.st_size, 5);
	CHECK_EQ(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(fchownat(file, "", 5, 6, AT_EMPTY_PATH), 0);
	CHECK_EQ(fstat(file, &st), 0);
	CHECK(st.st_uid == 5 && st.st_gid == 6);
	CHECK_EQ(linkat(file, "", dir, "again", AT_EMPTY_PATH), 0);
	CHECK_EQ(ino_of("f"), ino_of("d/again"));
	REQUIRE(symlink("f", "l") == 0);
	l = open("l", O_PATH | O_NOFOLLOW);
	CHECK_EQ(readlinkat(l, "", b, 8), 1);
	CHECK_EQ(fstatat(l, "", &st, AT_EMPTY_PATH), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_ERR(readlinkat(file, "", b, 8), ENOENT);
}

TEST(links_followed_or_not)
{
	struct stat st;

	enter();
	REQUIRE(symlink("f", "l") == 0 && symlink("none", "dangling") == 0 && symlink("loop", "loop") == 0);
	CHECK_EQ(fstatat(AT_FDCWD, "l", &st, 0), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(fstatat(AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_ERR(fstatat(AT_FDCWD, "dangling", &st, 0), ENOENT);
	CHECK_ERR(fstatat(AT_FDCWD, "loop", &st, 0), ELOOP);
	CHECK_ERR(fstatat(AT_FDCWD, "f/", &st, 0), ENOTDIR);
	CHECK_EQ(linkat(AT_FDCWD, "l", AT_FDCWD, "hard", 0), 0);
	CHECK_EQ(ino_of("l"), ino_of("hard"));
	CHECK_EQ(linkat(AT_FDCWD, "l", AT_FDCWD, "hard2", AT_SYMLINK_FOLLOW), 0);
	CHECK_EQ(ino_of("f"), ino_of("hard2"));
	CHECK_EQ(fchownat(AT_FDCWD, "l", 77, 88, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_EQ(lstat("l", &st), 0);
	CHECK_EQ(st.st_uid, 77);
	CHECK_EQ(stat("l", &st), 0);
	CHECK_EQ(st.st_uid, 0);
}

TEST(access_of_users)
{
	enter();
	REQUIRE(chmod("f", 0600) == 0 && chmod("d/f", 0100) == 0);
	CHECK_EQ(access("f", R_OK | W_OK), 0);
	CHECK_ERR(access("f", X_OK), EACCES);
	CHECK_EQ(access("d/f", R_OK | W_OK | X_OK), 0);
	CHECK_ERR(access("f", 8), EINVAL);
	CHECK_ERR(access("none", F_OK), ENOENT);
	CHECK_ERR(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 1), EINVAL);
	CHECK_EQ(syscall(SYS_faccessat2, file, "", R_OK, AT_EMPTY_PATH), 0);
	/* The real user asks, unless AT_EACCESS says the effective one. */
	REQUIRE(setresuid(1000, 0, 0) == 0);
	CHECK_ERR(access("f", R_OK), EACCES);
	CHECK_ERR(syscall(SYS_faccessat, AT_FDCWD, "f", R_OK), EACCES);
	CHECK_EQ(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
	CHECK_ERR(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 0), EACCES);
}

TEST(times_by_name)
{
	struct timeval tv[2] = {{1000, 250000}, {2000, 500000}}, bad[2] = {{1, 1000000}, {1, 0}};
	struct stat st;

	enter();
	CHECK_EQ(syscall(SYS_futimesat, dir, "f", tv), 0);
	CHECK_EQ(stat("d/f", &st), 0);
	CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 250000000);
	CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 500000000);
	CHECK_EQ(syscall(SYS_futimesat, file, NULL, tv), 0);
	CHECK_EQ(fstat(file, &st), 0);
	CHECK_EQ(st.st_mtim.tv_sec, 2000);
	CHECK_ERR(syscall(SYS_futimesat, dir, "f", bad), EINVAL);
	CHECK_ERR(syscall(SYS_futimesat, dir, "none", tv), ENOENT);
	CHECK_ERR(syscall(SYS_futimesat, file, "x", tv), ENOTDIR);
}

TEST(statx_says_the_same)
{
	struct statx x;
	struct stat st;

	enter();
	REQUIRE(fstat(file, &st) == 0);
	CHECK_EQ(statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x), 0);
	CHECK_EQ(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	CHECK_EQ(x.stx_ino, st.st_ino);
	CHECK_EQ(x.stx_size, st.st_size);
	CHECK_EQ(x.stx_mode, st.st_mode);
	CHECK_EQ(x.stx_nlink, st.st_nlink);
	CHECK_EQ(x.stx_blocks, st.st_blocks);
	CHECK_EQ(x.stx_mtime.tv_sec, st.st_mtim.tv_sec);
	CHECK_EQ(x.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
	CHECK_EQ(makedev(x.stx_dev_major, x.stx_dev_minor), st.st_dev);
	CHECK_EQ(statx(dir, "f", AT_STATX_DONT_SYNC, STATX_SIZE, &x), 0);
	CHECK_EQ(x.stx_size, 4);
	CHECK_EQ(statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &x), 0);
	CHECK(x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT);
	CHECK(x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	CHECK_ERR(statx(dir, "f", 0x8000, STATX_SIZE, &x), EINVAL);
	CHECK_ERR(statx(dir, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_SIZE, &x), EINVAL);
	CHECK_ERR(statx(dir, "f", 0, STATX__RESERVED, &x), EINVAL);
	CHECK_ERR(statx(dir, "none", 0, STATX_SIZE, &x), ENOENT);
	CHECK_ERR(statx(dir, "f", 0, STATX_SIZE, nowhere), EFAULT);
}

TEST(working_directory)
{
	char b[600], want[600];
	int pathfd;

	enter();
	CHECK_EQ(chdir("d"), 0);
	snprintf(want, sizeof(want), "%s/d", scratch_dir);
	CHECK(getcwd(b, sizeof(b)) == b);
	CHECK_STR(b, want);
	CHECK_EQ(syscall(SYS_getcwd, b, sizeof(b)), (long)strlen(want) + 1);
	CHECK_ERR(syscall(SYS_getcwd, b, 3), ERANGE);
	CHECK_ERR(syscall(SYS_getcwd, nowhere, sizeof(b)), EFAULT);
	CHECK_EQ(fchdir(dir), 0);
	pathfd = open("..", O_PATH);
	CHECK_EQ(fchdir(pathfd), 0);
	CHECK(getcwd(b, sizeof(b)) == b);
	CHECK_STR(b, scratch_dir);
	CHECK_ERR(fchdir(file), ENOTDIR);
	CHECK_ERR(fchdir(99), EBADF);
	CHECK_ERR(chdir("f"), ENOTDIR);
	CHECK_ERR(chdir("none"), ENOENT);
	CHECK_EQ(fchdir(gone), 0);
	CHECK_ERR(syscall(SYS_getcwd, b, sizeof(b)), ENOENT);
	CHECK_ERR(open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
}

TEST(another_root)
{
	char b[64];
	struct stat st, up;

	enter();
	CHECK_ERR(chroot("f"), ENOTDIR);
	CHECK_ERR(chroot("none"), ENOENT);
	CHECK_EQ(chroot("d"), 0);
	/* The working directory stays where it was: outside. */
	CHECK_EQ(syscall(SYS_getcwd, b, sizeof(b)) > 0 && !strncmp(b, "(unreachable)", 13), 1);
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(stat("/f", &st), 0);
	CHECK_EQ(st.st_size, 4);
	CHECK_EQ(stat("/", &st), 0);
	CHECK_EQ(stat("/../..", &up), 0);
	CHECK_EQ(st.st_ino, up.st_ino);
	REQUIRE(setresuid(1000, 1000, 1000) == 0);
	CHECK_ERR(chroot("/"), EPERM);
}

TAP_MAIN()
