/* SPDX-License-Identifier: Apache-2.0 */
/* ustat(2), sysfs(2), statfs(2), statx(2) without a name. */
#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include "scratch.h"

struct ust {
	int tfree;
	unsigned long tinode;
	char fname[6], fpack[6];
};

TEST(ustat_of_a_mount)
{
	struct stat st;
	struct statfs sf;
	struct ust u;

	scratch();
	REQUIRE(stat(".", &st) == 0 && statfs(".", &sf) == 0);
	CHECK_EQ(syscall(SYS_ustat, (unsigned)st.st_dev, &u), 0);
	CHECK(sf.f_files == 0 || (u.tinode > 0 && u.tinode <= sf.f_files));
	CHECK_ERR(syscall(SYS_ustat, 0x7fff, &u), EINVAL);
	CHECK_ERR(syscall(SYS_ustat, (unsigned)st.st_dev, (void *)8), EFAULT);
}

TEST(sysfs_names)
{
	char name[100];
	long n, k;

	n = syscall(SYS_sysfs, 3);
	if (n < 0 && errno == ENOSYS)
		SKIP("no sysfs(2)");
	CHECK(n > 0);
	k = syscall(SYS_sysfs, 1, "proc");
	CHECK(k >= 0 && k < n);
	CHECK_EQ(syscall(SYS_sysfs, 2, k, name), 0);
	CHECK_STR(name, "proc");
	CHECK_ERR(syscall(SYS_sysfs, 1, "nosuchfs"), EINVAL);
	CHECK_ERR(syscall(SYS_sysfs, 2, n, name), EINVAL);
	CHECK_ERR(syscall(SYS_sysfs, 1, (char *)8), EFAULT);
	CHECK_ERR(syscall(SYS_sysfs, 4), EINVAL);
}

TEST(statx_without_a_name)
{
	struct statx sx;
	int fd;

	scratch();
	make_file("f", "abc");
	fd = open("f", O_RDONLY);
	CHECK_EQ(syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS, &sx), 0);
	CHECK_EQ(sx.stx_size, 3);
	CHECK_ERR(syscall(SYS_statx, fd, NULL, 0, STATX_BASIC_STATS, &sx), EFAULT);
	CHECK_ERR(syscall(SYS_statx, 99, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS, &sx), EBADF);
	CHECK_ERR(syscall(SYS_statx, fd, "", AT_EMPTY_PATH | 0x6000, STATX_BASIC_STATS, &sx), EINVAL);
	CHECK_ERR(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x80000000U, &sx), EINVAL);
}

TEST(cachestat_of_a_tmpfs)
{
	uint64_t range[2] = {0, 0}, st[5];
	int fd = open("/dev/shm/nacre-cachestat", O_CREAT | O_TRUNC | O_RDWR, 0600), p[2];
	char b[12288] = "x";

	REQUIRE(fd >= 0 && pipe(p) == 0);
	unlink("/dev/shm/nacre-cachestat");
	CHECK_EQ(write(fd, b, sizeof(b)), sizeof(b));
	if (syscall(451, fd, range, st, 0) < 0 && errno == ENOSYS)
		SKIP("no cachestat");
	CHECK_EQ(syscall(451, fd, range, st, 0), 0);
	CHECK_EQ(st[0], 3);
	range[0] = 4096;
	range[1] = 5000;
	CHECK_EQ(syscall(451, fd, range, st, 0), 0);
	CHECK_EQ(st[0], 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), sizeof(b));
	CHECK_ERR(syscall(451, fd, range, st, 1), EINVAL);
	CHECK_ERR(syscall(451, -1, range, st, 0), EBADF);
	CHECK_ERR(syscall(451, fd, (void *)8, st, 0), EFAULT);
	CHECK_ERR(syscall(451, fd, range, (void *)8, 0), EFAULT);
}

TAP_MAIN()
