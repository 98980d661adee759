/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../tap.h"

TEST(errors)
{
	char name[251];

	memset(name, 'n', 250);
	name[250] = 0;
	CHECK_ERR(memfd_create(name, 0), EINVAL);
	CHECK_ERR(memfd_create("x", 0x8000), EINVAL);
	CHECK_ERR(memfd_create((void *)8, 0), EFAULT);
	name[249] = 0;
	CHECK(memfd_create(name, 0) >= 0);
}

TEST(a_file)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	char buf[8] = "";

	REQUIRE(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(fd, "hello", 5), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 5);
	CHECK_EQ(pread(fd, buf, 8, 1), 4);
	CHECK_STR(buf, "ello");
	CHECK_EQ(ftruncate(fd, 2), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 2);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
}

TEST(size_seals)
{
	int fd = memfd_create("seals", MFD_ALLOW_SEALING);

	REQUIRE(fd >= 0 && ftruncate(fd, 100) == 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	CHECK_ERR(ftruncate(fd, 50), EPERM);
	CHECK_EQ(ftruncate(fd, 200), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	CHECK_ERR(ftruncate(fd, 300), EPERM);
	CHECK_ERR(pwrite(fd, "x", 1, 200), EPERM);
	CHECK_EQ(pwrite(fd, "x", 1, 199), 1);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
}

TEST(write_seal)
{
	int fd = memfd_create("seals", MFD_ALLOW_SEALING);
	char *p;

	REQUIRE(fd >= 0 && ftruncate(fd, 4096) == 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	p[0] = 'p';
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_EQ(munmap(p, 4096), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERR((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_EQ(p[0], 'p');
	p[0] = 'q';
}

TEST(future_write_seal)
{
	int fd = memfd_create("seals", MFD_ALLOW_SEALING);
	char *p;

	REQUIRE(fd >= 0 && ftruncate(fd, 4096) == 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	p[0] = 'x'; /* what is mapped stays writable */
	CHECK_ERR(write(fd, "y", 1), EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}

TEST(exec_seal)
{
	int fd = memfd_create("seals", MFD_ALLOW_SEALING | 16 /* MFD_EXEC */), g;

	if (fd < 0 && errno == EINVAL)
		SKIP("an older Linux");
	REQUIRE(fd >= 0);
	CHECK_EQ(fchmod(fd, 0700), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, 0x20 /* F_SEAL_EXEC */), 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0x20 | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
	CHECK_ERR(fchmod(fd, 0600), EPERM);
	g = memfd_create("seals", 8 /* MFD_NOEXEC_SEAL */);
	CHECK_EQ(fcntl(g, F_GET_SEALS), 0x20);
	CHECK_ERR(fchmod(g, 0700), EPERM);
	CHECK_EQ(fchmod(g, 0600), 0);
	CHECK_EQ(write(g, "x", 1), 1);
	CHECK_ERR(memfd_create("x", 8 | 16), EINVAL);
}

TEST(other_files)
{
	int p[2];

	REQUIRE(pipe(p) == 0);
	CHECK_ERR(fcntl(p[0], F_GET_SEALS), EINVAL);
	CHECK_ERR(fcntl(p[1], F_ADD_SEALS, F_SEAL_WRITE), EINVAL);
}

TAP_MAIN()
