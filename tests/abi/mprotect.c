/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
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

#define PG 4096UL
static char *anon(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

TEST(errors)
{
	char *p = anon(4 * PG);

	CHECK_ERR(mprotect(p + 1, PG, PROT_READ), EINVAL);
	CHECK_ERR(mprotect(p, PG, 0x40), EINVAL);
	CHECK_ERR(mprotect(p, PG, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
	CHECK_EQ(mprotect(p, 0, PROT_READ), 0);
	CHECK_ERR(mprotect(p, ~0UL, PROT_READ), ENOMEM);
	REQUIRE(munmap(p + 2 * PG, PG) == 0);
	CHECK_ERR(mprotect(p, 4 * PG, PROT_NONE), ENOMEM);
	REQUIRE(mprotect(p + 3 * PG, PG, PROT_READ) == 0);
	CHECK_ERR(mprotect(p + 2 * PG, PG, PROT_READ), ENOMEM);
}

TEST(file_write_rights)
{
	char name[] = "/tmp/abi-mprotect-XXXXXX", path[64];
	int fd = mkstemp(name), ro;
	char *p, c = 0;

	REQUIRE(fd >= 0 && ftruncate(fd, PG) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY);
	unlink(name);
	p = mmap(NULL, PG, PROT_READ, MAP_SHARED, ro, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_ERR(mprotect(p, PG, PROT_READ | PROT_WRITE), EACCES);
	p = mmap(NULL, PG, PROT_READ, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_EQ(mprotect(p, PG, PROT_READ | PROT_WRITE), 0);
	p[7] = 'w';
	CHECK_EQ(pread(fd, &c, 1, 7), 1);
	CHECK_EQ(c, 'w');
	p = mmap(NULL, PG, PROT_READ, MAP_PRIVATE, ro, 0);
	CHECK_EQ(mprotect(p, PG, PROT_READ | PROT_WRITE), 0);
	p[8] = 'v';
	CHECK_EQ(pread(fd, &c, 1, 8), 1);
	CHECK_EQ(c, 0);
}

TEST(split_and_join)
{
	char *p = anon(8 * PG);

	for (int round = 0; round < 50; round++)
		for (unsigned i = 0; i < 8; i++)
			REQUIRE(mprotect(p + i * PG, PG, (round + i) % 2 ? PROT_READ : PROT_READ | PROT_WRITE) == 0);
	CHECK_EQ(mprotect(p, 8 * PG, PROT_READ | PROT_WRITE), 0);
	memset(p, 1, 8 * PG);
	CHECK_EQ(p[8 * PG - 1], 1);
}

TAP_MAIN()
