/* SPDX-License-Identifier: Apache-2.0 */
/* mincore: which pages are there. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "../tap.h"

#define PAGE 4096UL

TEST(anonymous)
{
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char v[8];

	REQUIRE(p != MAP_FAILED);
	madvise(p, 8 * PAGE, MADV_NOHUGEPAGE);
	p[PAGE] = 1;
	p[5 * PAGE] = 1;
	CHECK_EQ(mincore(p, 8 * PAGE, v), 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(v[i] & 1, i == 1 || i == 5);
	CHECK_EQ(madvise(p, 8 * PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(mincore(p, 8 * PAGE, v), 0);
	CHECK_EQ(v[1] & 1, 0);
}

TEST(shared_with_a_child)
{
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned char v[4];
	int st;
	pid_t c;

	REQUIRE(p != MAP_FAILED);
	c = fork();
	if (c == 0) {
		p[2 * PAGE] = 1;
		_exit(0);
	}
	CHECK_EQ(waitpid(c, &st, 0), c);
	CHECK_EQ(mincore(p, 4 * PAGE, v), 0);
	CHECK_EQ(v[0] & 1, 0);
	CHECK_EQ(v[2] & 1, 1);
}

TEST(memfd_written)
{
	int fd = memfd_create("x", 0);
	unsigned char v[4];
	char *p;

	REQUIRE(fd >= 0 && ftruncate(fd, 4 * PAGE) == 0);
	CHECK_EQ(pwrite(fd, "x", 1, 3 * PAGE), 1);
	p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK_EQ(mincore(p, 4 * PAGE, v), 0);
	CHECK_EQ(v[0] & 1, 0);
	CHECK_EQ(v[3] & 1, 1);
}

TEST(errors)
{
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char v[8];

	CHECK_ERR(mincore(p + 1, PAGE, v), EINVAL);
	CHECK_ERR(mincore(p, PAGE, (unsigned char *)8), EFAULT);
	CHECK_EQ(mincore(p, 0, v), 0);
	CHECK_EQ(munmap(p + PAGE, PAGE), 0);
	CHECK_ERR(mincore(p, 3 * PAGE, v), ENOMEM);
	CHECK_ERR(mincore(p, (size_t)-1, v), ENOMEM);
}

TAP_MAIN()
