/* SPDX-License-Identifier: Apache-2.0 */
/* fsync, fdatasync, sync, syncfs, sync_file_range, readahead, fadvise64, fallocate, statfs, fstatfs, flock, truncate. */
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include "scratch.h"

/* Not mapped; the compiler need not know. */
static void *volatile nowhere = (void *)8;

TEST(to_the_disk)
{
	int fd, p[2], d, pathfd;

	scratch();
	make_file("f", "text");
	fd = open("f", O_RDWR);
	d = open(".", O_RDONLY);
	pathfd = open("f", O_PATH);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(fdatasync(fd), 0);
	CHECK_EQ(fsync(d), 0);
	CHECK_EQ(syncfs(fd), 0);
	CHECK_EQ(syncfs(d), 0);
	sync();
	CHECK_ERR(fsync(p[0]), EINVAL);
	CHECK_ERR(fdatasync(p[1]), EINVAL);
	CHECK_ERR(fsync(99), EBADF);
	CHECK_ERR(fsync(pathfd), EBADF);
	CHECK_ERR(syncfs(99), EBADF);
	CHECK_ERR(syncfs(pathfd), EBADF);
}

TEST(ranges_and_advice)
{
	int fd, p[2];

	scratch();
	make_file("f", "text");
	fd = open("f", O_RDWR);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(sync_file_range(fd, 0, 4, SYNC_FILE_RANGE_WRITE), 0);
	CHECK_ERR(sync_file_range(fd, 0, 4, 8), EINVAL);
	CHECK_ERR(sync_file_range(fd, -1, 4, SYNC_FILE_RANGE_WRITE), EINVAL);
	CHECK_ERR(sync_file_range(p[0], 0, 4, SYNC_FILE_RANGE_WRITE), ESPIPE);
	CHECK_ERR(sync_file_range(99, 0, 4, 0), EBADF);
	CHECK_EQ(readahead(fd, 0, 4), 0);
	CHECK_ERR(readahead(99, 0, 4), EBADF);
	CHECK_ERR(readahead(p[0], 0, 4), EINVAL);
	CHECK_ERR(readahead(open("f", O_WRONLY), 0, 4), EBADF);
	for (int i = POSIX_FADV_NORMAL; i <= POSIX_FADV_NOREUSE; i++)
		CHECK_EQ(syscall(SYS_fadvise64, fd, 0, 4, i), 0);
	CHECK_ERR(syscall(SYS_fadvise64, fd, 0, 4, 99), EINVAL);
	CHECK_ERR(syscall(SYS_fadvise64, p[0], 0, 4, 0), ESPIPE);
	CHECK_ERR(syscall(SYS_fadvise64, 99, 0, 4, 0), EBADF);
}

TEST(space)
{
	int fd, p[2], ro;
	struct stat st;

	scratch();
	make_file("f", "text");
	fd = open("f", O_RDWR);
	ro = open("f", O_RDONLY);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(fallocate(fd, 0, 0, 100), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 100);
	CHECK_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 9000), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 100);
	CHECK_ERR(fallocate(fd, 0, -1, 4), EINVAL);
	CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERR(fallocate(fd, 0x100000, 0, 4), EOPNOTSUPP);
	CHECK_ERR(fallocate(ro, 0, 0, 4), EBADF);
	CHECK_ERR(fallocate(p[1], 0, 0, 4), ESPIPE);
	CHECK_ERR(fallocate(99, 0, 0, 4), EBADF);
	CHECK_ERR(fallocate(fd, 0, 0x7fffffffffffffff, 4), EFBIG);
}

TEST(file_systems)
{
	struct statfs a, b;
	int fd;

	scratch();
	make_file("f", "text");
	fd = open("f", O_RDONLY);
	CHECK_EQ(statfs("f", &a), 0);
	CHECK_EQ(fstatfs(fd, &b), 0);
	CHECK_EQ(a.f_type, b.f_type);
	CHECK_EQ(a.f_bsize, b.f_bsize);
	CHECK_EQ(a.f_namelen, 255);
	CHECK(a.f_bsize > 0 && a.f_blocks >= a.f_bfree && a.f_bfree >= a.f_bavail);
	CHECK_EQ(statfs("/proc", &a), 0);
	CHECK_EQ(a.f_type, 0x9fa0);
	CHECK_EQ(fstatfs(open("f", O_PATH), &b), 0);
	CHECK_ERR(statfs("none", &a), ENOENT);
	CHECK_ERR(statfs("f/x", &a), ENOTDIR);
	CHECK_ERR(statfs("f", nowhere), EFAULT);
	CHECK_ERR(fstatfs(99, &b), EBADF);
}

TEST(lengths)
{
	char b[8];
	int fd, ro, p[2];

	scratch();
	make_file("f", "texttext");
	fd = open("f", O_RDWR);
	ro = open("f", O_RDONLY);
	REQUIRE(pipe(p) == 0);
	CHECK_EQ(truncate("f", 4), 0);
	CHECK_EQ(ftruncate(fd, 6), 0);
	CHECK_EQ(pread(fd, b, 8, 0), 6);
	CHECK(!memcmp(b, "text\0\0", 6));
	CHECK_ERR(ftruncate(ro, 1), EINVAL);
	CHECK_ERR(ftruncate(p[1], 1), EINVAL);
	CHECK_ERR(ftruncate(fd, -1), EINVAL);
	CHECK_ERR(ftruncate(99, 1), EBADF);
	CHECK_ERR(truncate("f", -1), EINVAL);
	CHECK_ERR(truncate(".", 1), EISDIR);
	CHECK_ERR(truncate("none", 1), ENOENT);
	REQUIRE(chmod("f", 0444) == 0 && chmod(".", 0755) == 0 && setresuid(1000, 1000, 1000) == 0);
	CHECK_ERR(truncate("f", 1), EACCES);
}

TEST(whole_file_locks)
{
	int a, b, p[2];
	pid_t child;
	int st;

	scratch();
	make_file("f", "");
	a = open("f", O_RDWR);
	b = open("f", O_RDONLY);
	CHECK_EQ(flock(a, LOCK_EX), 0);
	CHECK_ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(flock(a, LOCK_SH), 0);
	CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
	CHECK_ERR(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(flock(b, LOCK_UN), 0);
	CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
	/* It belongs to the open file: a child's copy shares it, and the last close ends it. */
	REQUIRE(pipe(p) == 0);
	child = fork();
	if (!child) {
		char c;

		_exit(flock(a, LOCK_EX | LOCK_NB) == 0 && read(p[0], &c, 1) == 1 ? 0 : 1);
	}
	close(a);
	CHECK_ERR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(waitpid(child, &st, 0), child);
	CHECK_EQ(st, 0);
	CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
	CHECK_ERR(flock(b, 0), EINVAL);
	CHECK_ERR(flock(99, LOCK_EX), EBADF);
}

TAP_MAIN()
