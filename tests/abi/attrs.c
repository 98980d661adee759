/* SPDX-License-Identifier: Apache-2.0 */
/* chmod(2), chown(2), utimensat(2) and their kin: results, set-id bits, who may, and which error comes first. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <utime.h>
#include "scratch.h"

static mode_t mode_of(const char *p)
{
	struct stat st;

	REQUIRE(lstat(p, &st) == 0);
	return st.st_mode & 07777;
}

static void enter(void)
{
	scratch();
	make_file("f", "f");
	REQUIRE(mkdir("d", 0755) == 0 && symlink("f", "l") == 0 && symlink("none", "dangling") == 0);
}

static int fchmodat2_(int dfd, const char *p, mode_t m, int flags)
{
	return (int)syscall(452, dfd, p, m, flags);
}

TEST(chmod_of_names)
{
	int fd, pfd;

	enter();
	CHECK_EQ(chmod("l", 0601), 0);
	CHECK_EQ(mode_of("f"), 0601);
	CHECK_EQ(chmod("f", 0107777), 0);
	CHECK_EQ(mode_of("f"), 07777);
	CHECK_ERR(chmod("dangling", 0600), ENOENT);
	CHECK_ERR(chmod("", 0600), ENOENT);
	CHECK_ERR(chmod("f/", 0600), ENOTDIR);
	CHECK_EQ(chmod("d/", 01777), 0);
	CHECK_EQ(mode_of("d"), 01777);
	fd = open("f", O_RDONLY);
	CHECK_EQ(fchmod(fd, 0), 0);
	CHECK_EQ(mode_of("f"), 0);
	pfd = open("f", O_PATH);
	CHECK_ERR(fchmod(pfd, 0600), EBADF);
	CHECK_ERR(fchmod(-1, 0600), EBADF);
	CHECK_ERR(fchmodat(fd, "x", 0600, 0), ENOTDIR);
	CHECK_ERR(fchmodat(99, "x", 0600, 0), EBADF);
}

TEST(fchmodat2)
{
	int pfd, lfd;

	enter();
	if (fchmodat2_(AT_FDCWD, "f", 0600, 0) < 0 && errno == ENOSYS)
		SKIP("no fchmodat2 here");
	CHECK_ERR(fchmodat2_(AT_FDCWD, "none", 0600, 0x800), EINVAL);
	CHECK_ERR(fchmodat2_(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
	CHECK_EQ(fchmodat2_(AT_FDCWD, "f", 0604, AT_SYMLINK_NOFOLLOW), 0);
	pfd = open("f", O_PATH);
	CHECK_EQ(fchmodat2_(pfd, "", 0640, AT_EMPTY_PATH), 0);
	CHECK_EQ(mode_of("f"), 0640);
	CHECK_ERR(fchmodat2_(pfd, "", 0640, 0), ENOENT);
	lfd = open("l", O_PATH | O_NOFOLLOW);
	CHECK_ERR(fchmodat2_(lfd, "", 0640, AT_EMPTY_PATH), EOPNOTSUPP);
	become_user(1000, 1000);
	CHECK_ERR(fchmodat2_(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
}

TEST(chown_of_names)
{
	struct stat st;
	int fd, pfd;

	enter();
	CHECK_EQ(chown("l", 10, 20), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK(st.st_uid == 10 && st.st_gid == 20);
	CHECK_EQ(lchown("l", 11, 21), 0);
	CHECK_EQ(lstat("l", &st), 0);
	CHECK(st.st_uid == 11 && st.st_gid == 21);
	CHECK_EQ(chown("f", -1, 22), 0);
	CHECK_EQ(chown("f", 12, -1), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK(st.st_uid == 12 && st.st_gid == 22);
	fd = open("f", O_RDONLY);
	CHECK_EQ(fchown(fd, 1, 2), 0);
	pfd = open("f", O_PATH);
	CHECK_ERR(fchown(pfd, 1, 2), EBADF);
	CHECK_EQ(fchownat(pfd, "", 3, 4, AT_EMPTY_PATH), 0);
	CHECK_EQ(fchownat(AT_FDCWD, "l", 5, 6, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_EQ(fchownat(AT_FDCWD, "", -1, -1, AT_EMPTY_PATH), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK(st.st_uid == 3 && st.st_gid == 4);
	CHECK_ERR(fchownat(AT_FDCWD, "none", 1, 1, 0x800), EINVAL);
	CHECK_ERR(chown("dangling", 1, 1), ENOENT);
}

TEST(set_id_bits)
{
	int fd;

	enter();
	CHECK_EQ(chmod("f", 06755), 0);
	CHECK_EQ(chown("f", -1, -1), 0);
	CHECK_EQ(mode_of("f"), 0755);
	CHECK_EQ(chmod("f", 06755), 0);
	CHECK_EQ(chown("f", 1000, 1000), 0);
	CHECK_EQ(mode_of("f"), 0755);
	CHECK_EQ(chmod("f", 02745), 0); /* set-gid without group execution */
	CHECK_EQ(chown("f", 1000, 1000), 0);
	CHECK_EQ(mode_of("f"), 02745);
	CHECK_EQ(chmod("d", 06755), 0);
	CHECK_EQ(chown("d", 1000, 50), 0);
	CHECK_EQ(mode_of("d"), 06755);
	CHECK_EQ(chmod("f", 06777), 0);
	fd = open("f", O_WRONLY);
	CHECK_EQ(write(fd, "x", 1), 1); /* of root: they stay */
	CHECK_EQ(mode_of("f"), 06777);
	become_user(1000, 1000);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(mode_of("f"), 0777);
	CHECK_EQ(chmod("f", 06777), 0);
	CHECK_EQ(mode_of("f"), 06777);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(mode_of("f"), 0777);
	CHECK_EQ(chmod("f", 06777), 0);
	CHECK_EQ(truncate("f", 1), 0);
	CHECK_EQ(mode_of("f"), 0777);
	CHECK_EQ(chmod("d", 02777), 0); /* not of that group: set-gid is dropped */
	CHECK_EQ(mode_of("d"), 0777);
}

TEST(set_gid_directories)
{
	struct stat st;

	enter();
	CHECK_EQ(chown("d", 0, 77), 0);
	CHECK_EQ(chmod("d", 02777), 0);
	CHECK_EQ(mkdir("d/sub", 0700), 0);
	CHECK_EQ(stat("d/sub", &st), 0);
	CHECK_EQ(st.st_gid, 77);
	CHECK_EQ(st.st_mode & 07777, 02700);
	become_user(1000, 1000);
	CHECK_EQ(close(open("d/f", O_CREAT | O_RDWR, 0600)), 0);
	CHECK_EQ(stat("d/f", &st), 0);
	CHECK_EQ(st.st_gid, 77);
	umask(0);
	CHECK_EQ(mknod("d/g", S_IFREG | 02770, 0), 0);
	CHECK_EQ(mode_of("d/g"), 0770);
}

TEST(rules_for_users)
{
	enter();
	CHECK_EQ(chmod("d", 0777), 0);
	make_file("d/mine", "m");
	CHECK_EQ(chown("d/mine", 1000, 1000), 0);
	make_file("d/suid", "s");
	CHECK_EQ(chmod("d/suid", 04755), 0);
	become_user(1000, 1000);
	CHECK_ERR(chmod("f", 0600), EPERM);
	CHECK_ERR(chmod("none", 0600), ENOENT);
	CHECK_ERR(chown("f", 1000, 1000), EPERM);
	CHECK_ERR(chown("f", 0, 0), EPERM);
	CHECK_EQ(chown("f", -1, -1), 0);
	CHECK_ERR(chown("d/suid", -1, -1), EPERM);
	CHECK_ERR(chown("d/mine", 0, -1), EPERM);
	CHECK_ERR(chown("d/mine", -1, 5), EPERM);
	CHECK_EQ(chown("d/mine", 1000, 1000), 0);
	CHECK_EQ(chown("d/mine", 1000, -1), 0);
	CHECK_EQ(chmod("d/mine", 0), 0);
	CHECK_ERR(open("d/mine", O_RDONLY), EACCES);
	CHECK_EQ(chmod("d/mine", 0600), 0);
}

static void check_times(const char *p, time_t a, long an, time_t m, long mn)
{
	struct stat st;

	REQUIRE(lstat(p, &st) == 0);
	CHECK_EQ(st.st_atim.tv_sec, a);
	CHECK_EQ(st.st_atim.tv_nsec, an);
	CHECK_EQ(st.st_mtim.tv_sec, m);
	CHECK_EQ(st.st_mtim.tv_nsec, mn);
}

TEST(times)
{
	struct timespec ts[2] = {{1000, 5}, {2000, 6}}, omit[2] = {{0, UTIME_OMIT}, {3000, 7}};
	struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}}, both[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	struct timeval tv[2] = {{10, 20}, {30, 40}};
	struct utimbuf ub = {50, 60};
	struct stat st;
	int fd;

	enter();
	CHECK_EQ(utimensat(AT_FDCWD, "l", ts, 0), 0);
	check_times("f", 1000, 5, 2000, 6);
	CHECK_EQ(utimensat(AT_FDCWD, "f", omit, 0), 0);
	check_times("f", 1000, 5, 3000, 7);
	CHECK_EQ(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW), 0);
	check_times("l", 1000, 5, 2000, 6);
	CHECK_EQ(utimensat(AT_FDCWD, "f", now, 0), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_OP(st.st_atim.tv_sec, >, 100000);
	CHECK_EQ(st.st_mtim.tv_sec, 3000);
	fd = open("f", O_RDONLY);
	CHECK_EQ(futimens(fd, ts), 0);
	check_times("f", 1000, 5, 2000, 6);
	CHECK_EQ(utimes("f", tv), 0);
	check_times("f", 10, 20000, 30, 40000);
	CHECK_EQ(utime("f", &ub), 0);
	check_times("f", 50, 0, 60, 0);
	CHECK_EQ(utimensat(AT_FDCWD, "none", both, 0), 0); /* nothing to do, nothing looked at */
	ts[0].tv_sec = -5;
	CHECK_EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
	check_times("f", -5, 5, 2000, 6);
}

TEST(times_errors)
{
	struct timespec bad[2] = {{0, 1000000000}, {0, 0}}, ts[2] = {{1, 1}, {2, 2}};
	struct timeval tv[2] = {{0, 1000000}, {0, 0}};
	int fd, pfd;

	enter();
	fd = open("f", O_RDONLY);
	pfd = open("f", O_PATH);
	CHECK_ERR(utimensat(AT_FDCWD, "none", bad, 0), ENOENT);
	CHECK_ERR(utimensat(AT_FDCWD, "f", bad, 0), EINVAL);
	CHECK_ERR(utimensat(AT_FDCWD, "none", ts, 0x800), EINVAL);
	CHECK_ERR(syscall(SYS_utimensat, fd, NULL, bad, 0), EINVAL);
	CHECK_ERR(syscall(SYS_utimensat, 99, NULL, bad, 0), EBADF);
	CHECK_ERR(syscall(SYS_utimensat, pfd, NULL, ts, 0), EBADF);
	CHECK_ERR(syscall(SYS_utimensat, fd, NULL, ts, AT_SYMLINK_NOFOLLOW), EINVAL);
	CHECK_ERR(syscall(SYS_utimensat, AT_FDCWD, NULL, ts, 0), EFAULT);
	CHECK_ERR(syscall(SYS_utimensat, AT_FDCWD, "f", 8, 0), EFAULT);
	CHECK_ERR(syscall(SYS_utimes, "none", tv), EINVAL);
	CHECK_EQ(syscall(SYS_utimensat, pfd, "", ts, AT_EMPTY_PATH), 0);
	check_times("f", 1, 1, 2, 2);
}

TEST(times_of_others)
{
	struct timespec ts[2] = {{1, 1}, {2, 2}}, both_now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	struct timespec one[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};

	enter();
	make_file("w", "w");
	CHECK_EQ(chmod("w", 0666), 0);
	become_user(1000, 1000);
	CHECK_ERR(utimensat(AT_FDCWD, "f", NULL, 0), EACCES);
	CHECK_ERR(utimensat(AT_FDCWD, "f", both_now, 0), EACCES);
	CHECK_ERR(utimensat(AT_FDCWD, "f", ts, 0), EPERM);
	CHECK_ERR(utimensat(AT_FDCWD, "f", one, 0), EPERM);
	CHECK_EQ(utimensat(AT_FDCWD, "w", NULL, 0), 0);
	CHECK_EQ(utimensat(AT_FDCWD, "w", both_now, 0), 0);
	CHECK_ERR(utimensat(AT_FDCWD, "w", ts, 0), EPERM);
	CHECK_ERR(utimensat(AT_FDCWD, "w", one, 0), EPERM);
}

TEST(ctime_moves)
{
	struct timespec ts[2] = {{1, 1}, {2, 2}};
	struct stat a, b;

	enter();
	CHECK_EQ(stat("f", &a), 0);
	usleep(20000);
	CHECK_EQ(chown("f", -1, -1), 0);
	CHECK_EQ(stat("f", &b), 0);
	CHECK(a.st_ctim.tv_sec != b.st_ctim.tv_sec || a.st_ctim.tv_nsec != b.st_ctim.tv_nsec);
	CHECK_EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
	usleep(20000);
	CHECK_EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
	CHECK_EQ(stat("f", &a), 0);
	CHECK(a.st_ctim.tv_sec != b.st_ctim.tv_sec || a.st_ctim.tv_nsec != b.st_ctim.tv_nsec);
	usleep(20000);
	CHECK_EQ(link("f", "g"), 0);
	CHECK_EQ(stat("f", &b), 0);
	CHECK(a.st_ctim.tv_sec != b.st_ctim.tv_sec || a.st_ctim.tv_nsec != b.st_ctim.tv_nsec);
}

TAP_MAIN()
