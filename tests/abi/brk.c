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

static char *brk_raw(void *p)
{
	return (char *)syscall(SYS_brk, p);
}

TEST(grow_and_shrink)
{
	char *b = brk_raw(NULL), *n;

	n = brk_raw(b + 100000);
	CHECK(n == b + 100000);
	memset(b, 'b', 100000);
	CHECK(brk_raw(b + 10) == b + 10);
	CHECK_EQ(b[5], 'b');
	CHECK(brk_raw(b + 100000) == b + 100000);
	CHECK_EQ(b[99999], 0);
	CHECK(brk_raw(b) == b);
}

TEST(refused)
{
	char *b = brk_raw(NULL);
	struct rlimit r = {1 << 20, 1 << 20};

	CHECK(brk_raw((void *)1) == b);
	CHECK(brk_raw((void *)~0UL) == b);
	CHECK(brk_raw(b + (1UL << 46)) == b);
	REQUIRE(setrlimit(RLIMIT_DATA, &r) == 0);
	CHECK(brk_raw(b + (8 << 20)) == b);
}

TEST(in_the_way)
{
	char *b = brk_raw(NULL), *page = (char *)(((uintptr_t)b + 4095) & ~4095UL) + 0x10000;

	REQUIRE(mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page);
	CHECK(brk_raw(page + 4096) == b);
}

TAP_MAIN()
