/* SPDX-License-Identifier: Apache-2.0 */
/* File calls on a tmpfs: path walk, rename, permissions, descriptors, locks, mounts. */
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/mount.h>
#include "../tap.h"
#include "vfs_fake.h"

static long make_file(const char *name, mode_t mode)
{
	long fd = K(open, name, O_CREAT | O_RDWR, mode);

	return fd < 0 ? fd : K(close, fd);
}

TEST(walk)
{
	char buf[64] = "", deep[41 * 4] = "";
	struct stat st;

	fake_boot();
	CHECK_EQ(K(mkdir, "/d", 0755), 0);
	CHECK_EQ(make_file("/d/f", 0644), 0);
	CHECK_EQ(K(symlink, "f", "/d/l"), 0);
	CHECK_EQ(K(symlink, "loop", "/loop"), 0);
	CHECK_EQ(K(symlink, "/d", "/dl"), 0);
	CHECK_EQ(K(stat, "/d/../d/./l", &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(K(stat, "/../../d/", &st), 0);
	CHECK_EQ(K(stat, "/d/f/", &st), -ENOTDIR);
	CHECK_EQ(K(stat, "/d/f/x", &st), -ENOTDIR);
	CHECK_EQ(K(stat, "/d/l/", &st), -ENOTDIR);
	CHECK_EQ(K(stat, "/loop", &st), -ELOOP);
	CHECK_EQ(K(lstat, "/loop", &st), 0);
	CHECK_EQ(K(lstat, "/dl", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(K(lstat, "/dl/", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(K(stat, "", &st), -ENOENT);
	CHECK_EQ(K(stat, "/nothing/x", &st), -ENOENT);
	CHECK_EQ(K(stat, 8, &st), -EFAULT);
	CHECK_EQ(K(chdir, "/dl"), 0);
	CHECK_EQ(K(getcwd, buf, sizeof(buf)), 3);
	CHECK_STR(buf, "/d");
	CHECK_EQ(K(getcwd, buf, 2), -ERANGE);
	CHECK_EQ(K(readlink, "l", buf, sizeof(buf)), 1);
	for (int i = 0; i < 41; i++)
		strcat(deep, "./");
	strcat(deep, "f");
	CHECK_EQ(K(stat, deep, &st), 0);
}

TEST(links_forty)
{
	char name[16], to[16];
	struct stat st;

	fake_boot();
	CHECK_EQ(make_file("/s0", 0644), 0);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "/s%d", i);
		snprintf(to, sizeof(to), "s%d", i - 1);
		CHECK_EQ(K(symlink, to, name), 0);
	}
	CHECK_EQ(K(stat, "/s40", &st), 0);
	CHECK_EQ(K(stat, "/s41", &st), -ELOOP);
}

TEST(open_flags)
{
	long fd;

	fake_boot();
	CHECK_EQ(K(open, "/f", O_RDWR, 0), -ENOENT);
	CHECK_EQ(K(open, "/f", O_CREAT | O_EXCL | O_RDWR, 0600), 0);
	CHECK_EQ(K(open, "/f", O_CREAT | O_EXCL | O_RDWR, 0600), -EEXIST);
	CHECK_EQ(K(write, 0, "hello", 5), 5);
	CHECK_EQ(K(open, "/f", O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
	CHECK_EQ(K(open, "/", O_RDWR, 0), -EISDIR);
	CHECK_EQ(K(open, "/", O_CREAT, 0), -EISDIR);
	CHECK_EQ(K(open, "/new/", O_CREAT | O_RDWR, 0600), -EISDIR);
	CHECK_EQ(K(symlink, "f", "/l"), 0);
	CHECK_EQ(K(open, "/l", O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
	fd = K(open, "/l", O_PATH | O_NOFOLLOW, 0);
	CHECK_EQ(fd, 1);
	CHECK_EQ(K(read, fd, "", 0), -EBADF);
	CHECK_EQ(K(close, fd), 0);
	fd = K(open, "/f", O_WRONLY | O_TRUNC, 0);
	CHECK_EQ(fd, 1);
	CHECK_EQ(K(lseek, 0, 0, SEEK_END), 0);
	CHECK_EQ(K(close, fd), 0);
	fd = K(open, "/", O_TMPFILE | O_RDWR, 0600);
	CHECK_EQ(fd, 1);
	CHECK_EQ(K(linkat, fd, "", AT_FDCWD, "/t", AT_EMPTY_PATH), 0);
	CHECK_EQ(K(close, fd), 0);
	CHECK_EQ(K(unlink, "/t"), 0);
	CHECK_EQ(K(symlink, "made", "/dangling"), 0);
	CHECK_EQ(make_file("/dangling", 0600), 0);
	CHECK_EQ(K(access, "/made", F_OK), 0);
}

TEST(openat2_resolve)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	long d;

	fake_boot();
	CHECK_EQ(K(mkdir, "/d", 0755), 0);
	CHECK_EQ(make_file("/d/f", 0644), 0);
	CHECK_EQ(make_file("/top", 0644), 0);
	CHECK_EQ(K(symlink, "/top", "/d/abs"), 0);
	d = K(open, "/d", O_RDONLY | O_DIRECTORY, 0);
	CHECK_EQ(d, 0);
	CHECK_EQ(K(openat2, d, "f", &how, sizeof(how)), 1);
	CHECK_EQ(K(openat2, d, "../top", &how, sizeof(how)), -EXDEV);
	CHECK_EQ(K(openat2, d, "abs", &how, sizeof(how)), -EXDEV);
	CHECK_EQ(K(openat2, d, "/top", &how, sizeof(how)), -EXDEV);
	how.resolve = RESOLVE_IN_ROOT;
	CHECK_EQ(K(openat2, d, "../../f", &how, sizeof(how)), 2);
	CHECK_EQ(K(openat2, d, "abs", &how, sizeof(how)), -ENOENT);
	how.resolve = RESOLVE_NO_SYMLINKS;
	CHECK_EQ(K(openat2, d, "abs", &how, sizeof(how)), -ELOOP);
	how.resolve = 0x1000;
	CHECK_EQ(K(openat2, d, "f", &how, sizeof(how)), -EINVAL);
	CHECK_EQ(K(openat2, d, "f", &how, 8), -EINVAL);
}

TEST(rename_matrix)
{
	fake_boot();
	CHECK_EQ(K(mkdir, "/d", 0755), 0);
	CHECK_EQ(K(mkdir, "/d/sub", 0755), 0);
	CHECK_EQ(K(mkdir, "/e", 0755), 0);
	CHECK_EQ(make_file("/f", 0644), 0);
	CHECK_EQ(make_file("/g", 0644), 0);
	CHECK_EQ(K(rename, "/d", "/d/sub/x"), -EINVAL);
	CHECK_EQ(K(rename, "/d/sub", "/d"), -ENOTEMPTY);
	CHECK_EQ(K(rename, "/f", "/d"), -EISDIR);
	CHECK_EQ(K(rename, "/d", "/f"), -ENOTDIR);
	CHECK_EQ(K(rename, "/e", "/d"), -ENOTEMPTY);
	CHECK_EQ(K(rename, "/f/", "/h"), -ENOTDIR);
	CHECK_EQ(K(rename, "/none", "/h"), -ENOENT);
	CHECK_EQ(K(rename, "/d/.", "/h"), -EBUSY);
	CHECK_EQ(K(renameat2, AT_FDCWD, "/f", AT_FDCWD, "/g", 1), -EEXIST);
	CHECK_EQ(K(renameat2, AT_FDCWD, "/f", AT_FDCWD, "/d", 2), 0);
	CHECK_EQ(K(access, "/f/sub", F_OK), 0);
	CHECK_EQ(K(renameat2, AT_FDCWD, "/f", AT_FDCWD, "/d", 3), -EINVAL);
	CHECK_EQ(K(rename, "/f/", "/d2"), 0);
	CHECK_EQ(K(rename, "/d2", "/e"), 0);
	CHECK_EQ(K(access, "/e/sub", F_OK), 0);
	CHECK_EQ(K(link, "/d", "/same"), 0);
	CHECK_EQ(K(rename, "/d", "/same"), 0);
	CHECK_EQ(K(access, "/d", F_OK), 0);
	CHECK_EQ(K(rmdir, "/e"), -ENOTEMPTY);
	CHECK_EQ(K(rmdir, "/e/sub/."), -EINVAL);
	CHECK_EQ(K(rmdir, "/e/sub/.."), -ENOTEMPTY);
	CHECK_EQ(K(rmdir, "/"), -EBUSY);
	CHECK_EQ(K(unlink, "/e"), -EISDIR);
	CHECK_EQ(K(rmdir, "/d"), -ENOTDIR);
}

TEST(permissions)
{
	struct stat st;

	fake_boot();
	CHECK_EQ(K(chmod, "/", 0755), 0);
	CHECK_EQ(K(umask, 0), 022);
	CHECK_EQ(K(mkdir, "/t", 0777), 0);
	CHECK_EQ(K(chmod, "/t", 01777), 0);
	CHECK_EQ(make_file("/t/root", 0600), 0);
	CHECK_EQ(make_file("/x", 0711), 0);
	fake_become(1000, 100);
	CHECK_EQ(K(unlink, "/t/root"), -EPERM);
	CHECK_EQ(K(open, "/t/root", O_RDONLY, 0), -EACCES);
	CHECK_EQ(K(mkdir, "/u", 0755), -EACCES);
	CHECK_EQ(make_file("/t/mine", 06777), 0);
	CHECK_EQ(K(chown, "/t/mine", 0, -1), -EPERM);
	CHECK_EQ(K(chmod, "/t/root", 0666), -EPERM);
	CHECK_EQ(K(mknod, "/t/dev", S_IFCHR | 0600, 0x103), -EPERM);
	CHECK_EQ(K(mknod, "/t/fifo", S_IFIFO | 0600, 0), 0);
	fake_become(1001, 101);
	CHECK_EQ(K(rename, "/t/mine", "/t/other"), -EPERM);
	CHECK_EQ(K(utimensat, AT_FDCWD, "/t/mine", NULL, 0), 0);
	CHECK_EQ(K(utimensat, AT_FDCWD, "/t/root", NULL, 0), -EACCES);
	CHECK_EQ(K(open, "/t/mine", O_WRONLY, 0), 0);
	CHECK_EQ(K(write, 0, "x", 1), 1);
	CHECK_EQ(K(stat, "/t/mine", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0777); /* the write of another user cleared both */
	fake_become(0, 0);
	CHECK_EQ(K(mkdir, "/g", 0777), 0);
	CHECK_EQ(K(chown, "/g", 0, 55), 0);
	CHECK_EQ(K(chmod, "/g", 02777), 0);
	CHECK_EQ(K(mkdir, "/g/d", 0755), 0);
	CHECK_EQ(K(stat, "/g/d", &st), 0);
	CHECK_EQ(st.st_gid, 55);
	CHECK_EQ(st.st_mode & 07777, 02755);
}

TEST(descriptors)
{
	fake_boot();
	for (int i = 0; i < 200; i++)
		CHECK_EQ(K(open, "/", O_RDONLY, 0), i);
	for (int i = 0; i < 200; i += 3)
		CHECK_EQ(K(close, i), 0);
	for (int i = 0; i < 200; i += 3)
		CHECK_EQ(K(dup, 1), i);
	CHECK_EQ(K(close, 500), -EBADF);
	CHECK_EQ(K(close, -1), -EBADF);
	CHECK_EQ(K(dup2, 1, 1), 1);
	CHECK_EQ(K(dup2, 1, 1023), 1023);
	CHECK_EQ(K(dup2, 1, 1024), -EBADF);
	CHECK_EQ(K(dup3, 1, 1, 0), -EINVAL);
	CHECK_EQ(K(dup3, 1, 300, O_CLOEXEC), 300);
	CHECK_EQ(K(fcntl, 300, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(K(fcntl, 1, F_DUPFD, 1024), -EINVAL);
	CHECK_EQ(K(fcntl, 1, F_DUPFD_CLOEXEC, 300), 301);
	files_close_on_exec(current);
	CHECK_EQ(K(fcntl, 300, F_GETFD), -EBADF);
	CHECK_EQ(K(fcntl, 1023, F_GETFD), 0);
	CHECK_EQ(K(close_range, 10, 5, 0), -EINVAL);
	CHECK_EQ(K(close_range, 3, ~0U, 0), 0);
	CHECK_EQ(files_next(current->files, 3), -1);
	fake_nofile = 4;
	CHECK_EQ(K(dup, 1), 3);
	CHECK_EQ(K(dup, 1), -EMFILE);
	CHECK_EQ(K(open, "/made-not", O_CREAT, 0600), -EMFILE);
	CHECK_EQ(K(access, "/made-not", F_OK), -ENOENT);
}

TEST(bytes)
{
	char buf[64];
	struct iovec iov[2] = {{buf, 3}, {buf + 32, 10}};

	fake_boot();
	CHECK_EQ(K(open, "/f", O_CREAT | O_RDWR, 0644), 0);
	CHECK_EQ(K(write, 0, "0123456789", 10), 10);
	CHECK_EQ(K(pread64, 0, buf, 4, 8), 2);
	CHECK_EQ(K(pread64, 0, buf, 4, -1), -EINVAL);
	CHECK_EQ(K(pwrite64, 0, "X", 1, 2), 1);
	CHECK_EQ(K(lseek, 0, 1, SEEK_SET), 1);
	CHECK_EQ(K(readv, 0, iov, 2), 9);
	CHECK(!memcmp(buf, "1X3", 3) && !memcmp(buf + 32, "456789", 6));
	CHECK_EQ(K(read, 0, buf, 10), 0);
	CHECK_EQ(K(lseek, 0, 0, SEEK_SET), 0);
	CHECK_EQ(K(read, 0, 8, 10), -EFAULT);
	CHECK_EQ(K(write, 0, 8, 10), -EFAULT);
	CHECK_EQ(K(lseek, 0, -1, SEEK_SET), -EINVAL);
	CHECK_EQ(K(lseek, 0, 0, 9), -EINVAL);
	CHECK_EQ(K(ftruncate, 0, 100000), 0);
	CHECK_EQ(K(pread64, 0, buf, 4, 99998), 2);
	CHECK_EQ(K(lseek, 0, 0, SEEK_HOLE) > 0, 1);
	CHECK_EQ(K(open, "/g", O_CREAT | O_RDWR | O_APPEND, 0644), 1);
	CHECK_EQ(K(sendfile, 1, 0, 0, 10), -EINVAL);
	CHECK_EQ(K(fcntl, 1, F_SETFL, 0), 0);
	CHECK_EQ(K(lseek, 0, 0, SEEK_SET), 0);
	CHECK_EQ(K(sendfile, 1, 0, 0, 10), 10);
	CHECK_EQ(K(pread64, 1, buf, 20, 0), 10);
	CHECK(!memcmp(buf, "01X3456789", 10));
	CHECK_EQ(K(lseek, 0, 0, SEEK_CUR), 10);
	fake_fsize = 50;
	CHECK_EQ(K(pwrite64, 1, buf, 20, 40), 10);
	CHECK_EQ(K(pwrite64, 1, buf, 20, 50), -EFBIG);
	CHECK_EQ(fake_signal, SIGXFSZ);
}

TEST(locks)
{
	struct flock fl = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
	struct files *first;

	fake_boot();
	CHECK_EQ(K(open, "/f", O_CREAT | O_RDWR, 0644), 0);
	CHECK_EQ(K(fcntl, 0, F_SETLK, &fl), 0);
	first = current->files;
	current->files = files_new();
	CHECK_EQ(K(open, "/f", O_RDWR, 0), 0);
	CHECK_EQ(K(fcntl, 0, F_SETLK, &fl), -EAGAIN);
	CHECK_EQ(K(fcntl, 0, F_SETLKW, &fl), -ERESTARTSYS);
	fl.l_start = 0;
	CHECK_EQ(K(fcntl, 0, F_SETLK, &fl), 0);
	fl.l_len = 0;
	CHECK_EQ(K(fcntl, 0, F_GETLK, &fl), 0);
	CHECK_EQ(fl.l_type, F_WRLCK);
	CHECK_EQ(fl.l_start, 10);
	CHECK_EQ(fl.l_len, 10);
	files_put(first); /* closes: the lock goes */
	fl = (struct flock){.l_type = F_WRLCK};
	CHECK_EQ(K(fcntl, 0, F_GETLK, &fl), 0);
	CHECK_EQ(fl.l_type, F_UNLCK);
	fl = (struct flock){.l_type = F_WRLCK, .l_len = -1};
	CHECK_EQ(K(fcntl, 0, F_SETLK, &fl), -EINVAL);
	CHECK_EQ(K(flock, 0, LOCK_EX), 0);
	CHECK_EQ(K(open, "/f", O_RDWR, 0), 1);
	CHECK_EQ(K(flock, 1, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
	CHECK_EQ(K(close, 0), 0);
	CHECK_EQ(K(flock, 1, LOCK_SH | LOCK_NB), 0);
}

TEST(mounts)
{
	struct stat st;

	fake_boot();
	CHECK_EQ(K(mkdir, "/m", 0755), 0);
	CHECK_EQ(make_file("/m/hidden", 0644), 0);
	CHECK_EQ(K(mount, "none", "/m", "tmpfs", 0, "size=64k"), 0);
	CHECK_EQ(K(access, "/m/hidden", F_OK), -ENOENT);
	CHECK_EQ(K(mkdir, "/m/sub", 0755), 0);
	CHECK_EQ(K(rename, "/m/sub", "/sub"), -EXDEV);
	CHECK_EQ(K(rmdir, "/m"), -EBUSY);
	CHECK_EQ(K(stat, "/m/..", &st), 0);
	CHECK_EQ(K(access, "/m/../m/sub", F_OK), 0);
	CHECK_EQ(K(mkdir, "/b", 0755), 0);
	CHECK_EQ(K(mount, "/m/sub", "/b", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(make_file("/b/x", 0644), 0);
	CHECK_EQ(K(access, "/m/sub/x", F_OK), 0);
	CHECK_EQ(K(mount, NULL, "/b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	CHECK_EQ(K(open, "/b/x", O_RDWR, 0), -EROFS);
	CHECK_EQ(K(open, "/b/y", O_RDWR | O_CREAT, 0600), -EROFS);
	CHECK_EQ(make_file("/m/sub/y", 0600), 0);
	CHECK_EQ(K(umount2, "/m", 0), 0); /* the bind keeps the file system */
	CHECK_EQ(K(access, "/b/x", F_OK), 0);
	CHECK_EQ(K(chdir, "/b"), 0);
	CHECK_EQ(K(umount2, "/b", 0), -EBUSY);
	CHECK_EQ(K(umount2, "/b", MNT_DETACH), 0);
	CHECK_EQ(K(umount2, "/b", 0), -EINVAL);
	CHECK_EQ(K(access, "/m/hidden", F_OK), 0);
	CHECK_EQ(K(mount, "none", "/m", "nosuchfs", 0, NULL), -ENODEV);
	fake_become(1000, 100);
	CHECK_EQ(K(mount, "none", "/m", "tmpfs", 0, NULL), -EPERM);
}

TEST(xattrs)
{
	char buf[64];

	fake_boot();
	CHECK_EQ(make_file("/f", 0644), 0);
	CHECK_EQ(K(setxattr, "/f", "user.a", "v1", 2, 0), 0);
	CHECK_EQ(K(setxattr, "/f", "user.a", "v1", 2, 1), -EEXIST);
	CHECK_EQ(K(setxattr, "/f", "user.b", "v1", 2, 2), -ENODATA);
	CHECK_EQ(K(getxattr, "/f", "user.a", buf, 64), 2);
	CHECK_EQ(K(getxattr, "/f", "user.a", buf, 1), -ERANGE);
	CHECK_EQ(K(getxattr, "/f", "user.a", NULL, 0), 2);
	CHECK_EQ(K(listxattr, "/f", buf, 64), 7);
	CHECK_EQ(K(removexattr, "/f", "user.a"), 0);
	CHECK_EQ(K(removexattr, "/f", "user.a"), -ENODATA);
	CHECK_EQ(K(setxattr, "/f", "bad", "v1", 2, 0), -EOPNOTSUPP);
	CHECK_EQ(K(setxattr, "/f", "", "v1", 2, 0), -ERANGE);
	CHECK_EQ(K(setxattr, "/f", "user.a", "", 70000, 0), -E2BIG);
}

TAP_MAIN()
