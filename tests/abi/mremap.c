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

	CHECK_ERR((long)mremap(p + 1, PG, PG, 0), EINVAL);
	CHECK_ERR((long)mremap(p, PG, 0, 0), EINVAL);
	CHECK_ERR((long)mremap(p, PG, PG, 0x100), EINVAL);
	CHECK_ERR((long)mremap(p, PG, PG, MREMAP_FIXED, p), EINVAL);
	CHECK_ERR((long)mremap(p, 2 * PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, p + PG), EINVAL);
	CHECK_ERR((long)mremap(p, 0, PG, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERR((long)mremap(p, PG, 2 * PG, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
	CHECK_ERR((long)mremap(p, PG, PG, MREMAP_DONTUNMAP), EINVAL);
	REQUIRE(munmap(p + 2 * PG, PG) == 0);
	CHECK_ERR((long)mremap(p + 2 * PG, PG, 2 * PG, MREMAP_MAYMOVE), EFAULT);
	CHECK_ERR((long)mremap(p + PG, PG, 3 * PG, 0), ENOMEM);
}

TEST(shrink_and_grow)
{
	char *p = anon(8 * PG), *q;

	memset(p, 'a', 8 * PG);
	CHECK(mremap(p, 8 * PG, 4 * PG, 0) == p);
	CHECK(mremap(p, 4 * PG, 6 * PG, 0) == p);
	CHECK_EQ(p[3 * PG], 'a');
	CHECK_EQ(p[5 * PG], 0);
	REQUIRE(mmap(p + 6 * PG, PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 6 * PG);
	CHECK_ERR((long)mremap(p, 6 * PG, 64 * PG, 0), ENOMEM);
	q = mremap(p, 6 * PG, 64 * PG, MREMAP_MAYMOVE);
	REQUIRE(q != MAP_FAILED && q != p);
	CHECK_EQ(q[0], 'a');
	CHECK_EQ(q[63 * PG], 0);
}

TEST(fixed)
{
	char *p = anon(2 * PG), *q = anon(4 * PG);

	p[0] = 'p';
	p[PG] = 'r';
	q[0] = q[PG] = q[2 * PG] = 'q';
	CHECK(mremap(p, 2 * PG, 2 * PG, MREMAP_MAYMOVE | MREMAP_FIXED, q + PG) == q + PG);
	CHECK_EQ(q[0], 'q');
	CHECK_EQ(q[PG], 'p');
	CHECK_EQ(q[2 * PG], 'r');
	CHECK(mremap(q, 4 * PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	CHECK_EQ(p[0], 'q');
}

TEST(dontunmap)
{
	char *p = anon(2 * PG), *q;

	p[PG] = 'p';
	q = mremap(p, 2 * PG, 2 * PG, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	REQUIRE(q != MAP_FAILED);
	CHECK(q != p);
	CHECK_EQ(q[PG], 'p');
	CHECK_EQ(p[PG], 0);
}

TEST(second_mapping)
{
	char *p = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;

	REQUIRE(p != MAP_FAILED);
	q = mremap(p, 0, 2 * PG, MREMAP_MAYMOVE);
	REQUIRE(q != MAP_FAILED);
	q[PG] = 'q';
	CHECK_EQ(p[PG], 'q');
	CHECK_ERR((long)mremap(p, 0, PG, 0), ENOMEM);
}

TAP_MAIN()
