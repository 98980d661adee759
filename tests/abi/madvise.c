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
	char *p = anon(3 * PG);

	CHECK_ERR(madvise(p + 1, PG, MADV_NORMAL), EINVAL);
	CHECK_ERR(madvise(p, PG, 1234), EINVAL);
	CHECK_ERR(madvise(p, ~0UL, MADV_NORMAL), EINVAL);
	CHECK_EQ(madvise(p, 0, MADV_DONTNEED), 0);
	p[2 * PG] = 1;
	REQUIRE(munmap(p + PG, PG) == 0);
	CHECK_ERR(madvise(p, 3 * PG, MADV_DONTNEED), ENOMEM);
	CHECK_EQ(p[2 * PG], 0); /* what lies behind the hole was done */
}

TEST(dontneed)
{
	char *p = anon(2 * PG);

	memset(p, 'a', 2 * PG);
	CHECK_EQ(madvise(p, PG, MADV_DONTNEED), 0);
	CHECK_EQ(p[0], 0);
	CHECK_EQ(p[PG], 'a');
	CHECK_EQ(mlock(p, PG), 0);
	CHECK_ERR(madvise(p, PG, MADV_DONTNEED), EINVAL);
}

TEST(accepted)
{
	const int a[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_FREE, MADV_DONTDUMP, MADV_DODUMP};
	char *p = anon(PG);

	for (unsigned i = 0; i < sizeof(a) / sizeof(a[0]); i++)
		CHECK_EQ(madvise(p, PG, a[i]), 0);
}

static int child_sees(volatile char *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(*p);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(fork_advice)
{
	char *p = anon(3 * PG);

	p[0] = p[PG] = p[2 * PG] = 7;
	CHECK_EQ(madvise(p, PG, MADV_DONTFORK), 0);
	CHECK_EQ(madvise(p + PG, PG, MADV_WIPEONFORK), 0);
	CHECK_EQ(child_sees(p), -SIGSEGV);
	CHECK_EQ(child_sees(p + PG), 0);
	CHECK_EQ(child_sees(p + 2 * PG), 7);
	CHECK_EQ(madvise(p, PG, MADV_DOFORK), 0);
	CHECK_EQ(madvise(p + PG, PG, MADV_KEEPONFORK), 0);
	CHECK_EQ(child_sees(p), 7);
	CHECK_EQ(child_sees(p + PG), 7);
}

TEST(msync_errors)
{
	char *p = anon(3 * PG);

	CHECK_ERR(msync(p + 1, PG, MS_SYNC), EINVAL);
	CHECK_ERR(msync(p, PG, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERR(msync(p, PG, 64), EINVAL);
	CHECK_EQ(msync(p, PG, 0), 0);
	REQUIRE(munmap(p + PG, PG) == 0);
	CHECK_ERR(msync(p, 3 * PG, MS_SYNC), ENOMEM);
}

TAP_MAIN()
