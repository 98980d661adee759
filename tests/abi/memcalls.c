/* SPDX-License-Identifier: Apache-2.0 */
/* Memory calls that few programs make: mseal, protection keys, remap_file_pages, growing stacks, advice. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "../tap.h"

#define PAGE 4096UL
#define NR_mseal 462
#define NR_process_madvise 440
#define NR_process_mrelease 448
#define NR_pidfd_open 434

static char *pages(int n, int prot)
{
	char *p = mmap(NULL, (size_t)n * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

TEST(sealed)
{
	char *p = pages(4, PROT_READ | PROT_WRITE), *hole;

	if (syscall(NR_mseal, p, PAGE, 0UL) < 0 && errno == ENOSYS)
		SKIP("an older Linux");
	CHECK_EQ(syscall(NR_mseal, p, 2 * PAGE, 0UL), 0);
	CHECK_ERR(munmap(p, PAGE), EPERM);
	CHECK_ERR(munmap(p, 4 * PAGE), EPERM);
	CHECK_ERR(mprotect(p + PAGE, PAGE, PROT_READ), EPERM);
	CHECK_ERR((long)mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EPERM);
	CHECK_ERR((long)mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM);
	CHECK_EQ(madvise(p, PAGE, MADV_DONTNEED), 0); /* it can be written anyhow */
	CHECK_EQ(munmap(p + 2 * PAGE, 2 * PAGE), 0);
	CHECK_ERR(syscall(NR_mseal, p + 1, PAGE, 0UL), EINVAL);
	CHECK_ERR(syscall(NR_mseal, p, PAGE, 1UL), EINVAL);
	CHECK_EQ(syscall(NR_mseal, p, 0UL, 0UL), 0);
	hole = pages(3, PROT_READ);
	munmap(hole + PAGE, PAGE);
	CHECK_ERR(syscall(NR_mseal, hole, 3 * PAGE, 0UL), ENOMEM);
	CHECK_EQ(munmap(hole, 3 * PAGE), 0); /* nothing was sealed */
	hole = pages(1, PROT_READ);
	CHECK_EQ(syscall(NR_mseal, hole, PAGE, 0UL), 0);
	CHECK_ERR(madvise(hole, PAGE, MADV_DONTNEED), EPERM);
}

TEST(protection_keys)
{
	char *p = pages(1, PROT_READ);
	long k = syscall(SYS_pkey_alloc, 0UL, 0UL);

	if (k >= 0) {
		syscall(SYS_pkey_free, k);
		SKIP("this machine has keys");
	}
	CHECK_EQ(errno, EINVAL);
	CHECK_ERR(syscall(SYS_pkey_alloc, 1UL, 0UL), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_alloc, 0UL, 99UL), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_free, 5), EINVAL);
	CHECK_EQ(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ | PROT_WRITE, -1), 0);
	p[0] = 1;
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, 5), EINVAL);
}

TEST(remapped_file_pages)
{
	int fd = memfd_create("x", 0);
	char *p;

	REQUIRE(fd >= 0 && ftruncate(fd, 4 * PAGE) == 0);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	for (int i = 0; i < 4; i++)
		p[(size_t)i * PAGE] = (char)('a' + i);
	CHECK_EQ(syscall(SYS_remap_file_pages, p, PAGE, 0UL, 3UL, 0), 0);
	CHECK_EQ(p[0], 'd');
	CHECK_EQ(p[PAGE], 'b');
	p[0] = 'z';
	CHECK_EQ(p[3 * PAGE], 'z');
	CHECK_ERR(syscall(SYS_remap_file_pages, p, PAGE, 1UL, 3UL, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, p, 0UL, 0UL, 3UL, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, pages(1, PROT_READ), PAGE, 0UL, 0UL, 0), EINVAL);
}

TEST(grows_down)
{
	/* Room for it, then a mapping at the top that grows. */
	char *room = pages(1024, PROT_NONE), *top;
	int st;
	pid_t p;

	munmap(room, 1024 * PAGE);
	top = mmap(room + 1000 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	REQUIRE(top == room + 1000 * PAGE);
	top[-1] = 7;
	top[-(long)(20 * PAGE)] = 8;
	CHECK_EQ(top[-1], 7);
	CHECK_EQ(mprotect(top, PAGE, PROT_READ | PROT_WRITE | PROT_GROWSDOWN), 0);
	/* Not into what lies near below. */
	p = fork();
	if (p == 0) {
		mmap(top - 200 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		top[-(long)(100 * PAGE)] = 1;
		_exit(0);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
	CHECK_ERR(mprotect(pages(1, PROT_READ), PAGE, PROT_READ | PROT_GROWSDOWN), EINVAL);
}

TEST(advice)
{
	char *a = pages(2, PROT_READ | PROT_WRITE);
	char *s = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/exe", O_RDONLY);
	char *ro = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	s[0] = 1;
	s[PAGE] = 2;
	CHECK_EQ(madvise(s, PAGE, MADV_REMOVE), 0);
	CHECK_EQ(s[0], 0);
	CHECK_EQ(s[PAGE], 2);
	CHECK_ERR(madvise(a, PAGE, MADV_REMOVE), EINVAL);
	CHECK_ERR(madvise(ro, PAGE, MADV_REMOVE), EACCES);
	CHECK_ERR(madvise(s, PAGE, MADV_WIPEONFORK), EINVAL);
	CHECK_EQ(madvise(a, PAGE, MADV_WIPEONFORK), 0);
	CHECK_ERR(madvise(s, PAGE, MADV_FREE), EINVAL);
	CHECK_EQ(madvise(a, PAGE, MADV_COLD), 0);
	CHECK_EQ(madvise(a, PAGE, MADV_PAGEOUT), 0);
	CHECK_EQ(madvise(a, PAGE, 23), 0); /* MADV_POPULATE_WRITE */
	CHECK_EQ(mlock(a, PAGE), 0);
	CHECK_ERR(madvise(a, PAGE, MADV_DONTNEED), EINVAL);
	a[0] = 1;
	CHECK_EQ(madvise(a, PAGE, 24), 0); /* MADV_DONTNEED_LOCKED */
	CHECK_EQ(a[0], 0);
	CHECK_ERR(madvise(a, PAGE, 9999), EINVAL);
}

TEST(advice_by_pidfd)
{
	char *a = pages(2, PROT_READ | PROT_WRITE);
	struct iovec v[2] = {{a, PAGE}, {a + PAGE, PAGE}};
	int fd = (int)syscall(NR_pidfd_open, getpid(), 0);

	if (fd < 0 || (syscall(NR_process_madvise, fd, v, 0UL, MADV_COLD, 0U) < 0 && errno == ENOSYS))
		SKIP("an older Linux");
	CHECK_EQ(syscall(NR_process_madvise, fd, v, 2UL, MADV_COLD, 0U), 2 * PAGE);
	CHECK_ERR(syscall(NR_process_madvise, fd, v, 2UL, MADV_COLD, 1U), EINVAL);
	CHECK_ERR(syscall(NR_process_madvise, -1, v, 2UL, MADV_COLD, 0U), EBADF);
	CHECK_ERR(syscall(NR_process_madvise, fd, v, 2000UL, MADV_COLD, 0U), EINVAL);
	CHECK_ERR(syscall(NR_process_mrelease, fd, 0U), EINVAL);
	CHECK_ERR(syscall(NR_process_mrelease, -1, 0U), EBADF);
	CHECK_ERR(syscall(NR_process_mrelease, fd, 1U), EINVAL);
}

TEST(shadow_stack)
{
	long r = syscall(453, 0UL, PAGE, 0UL);

	if (r >= 0 || errno == ENOSYS)
		SKIP("another machine");
	CHECK_EQ(errno, EOPNOTSUPP);
}

TAP_MAIN()
