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

static int temp(size_t n)
{
	char name[] = "/tmp/abi-mmap-XXXXXX";
	int fd = mkstemp(name);

	REQUIRE(fd >= 0);
	unlink(name);
	REQUIRE(ftruncate(fd, (off_t)n) == 0);
	return fd;
}

/* The signal that reading or writing at p ends a child with, 0 if none. */
static int touch(volatile char *p, int write)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (write)
			*p = 1;
		else
			(void)*p;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(errors)
{
	const int pa = MAP_PRIVATE | MAP_ANONYMOUS;

	CHECK_ERR((long)mmap(NULL, 0, PROT_READ, pa, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, PG, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, PG, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERR(syscall(SYS_mmap, NULL, PG, PROT_READ, pa, -1, 1), EINVAL);
	CHECK_ERR((long)mmap(NULL, ~0UL, PROT_READ, pa, -1, 0), ENOMEM);
	CHECK_ERR((long)mmap(NULL, 1UL << 60, PROT_READ, pa, -1, 0), ENOMEM);
	CHECK_ERR((long)mmap((void *)1, PG, PROT_READ, pa | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERR((long)mmap((void *)-PG, PG, PROT_READ, pa | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERR((long)mmap(NULL, PG, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR(munmap((void *)1, PG), EINVAL);
	CHECK_ERR(munmap(NULL, 0), EINVAL);
	CHECK_ERR(munmap((void *)PG, ~0UL), EINVAL);
	CHECK_EQ(munmap((void *)0x100000, PG), 0);
}

TEST(file_rules)
{
	int rw = temp(2 * PG), ro, wo, p[2];
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", rw);
	ro = open(name, O_RDONLY);
	wo = open(name, O_WRONLY);
	REQUIRE(ro >= 0 && wo >= 0 && pipe(p) == 0);
	CHECK_ERR((long)mmap(NULL, PG, PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
	CHECK_ERR((long)mmap(NULL, PG, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	CHECK_ERR((long)mmap(NULL, PG, PROT_READ, MAP_PRIVATE, p[0], 0), ENODEV);
	CHECK_ERR((long)mmap(NULL, PG, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, rw, 0), EOPNOTSUPP);
	CHECK(mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0) != MAP_FAILED);
	CHECK_ERR((long)mmap(NULL, PG, PROT_READ, MAP_SHARED, open("/", O_PATH), 0), EBADF);
}

TEST(shared_is_the_file)
{
	int fd = temp(2 * PG);
	char c = 0, *s = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *q;

	REQUIRE(s != MAP_FAILED);
	s[PG] = 'x';
	CHECK_EQ(pread(fd, &c, 1, PG), 1);
	CHECK_EQ(c, 'x');
	CHECK_EQ(pwrite(fd, "y", 1, 5), 1);
	CHECK_EQ(s[5], 'y');
	q = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	REQUIRE(q != MAP_FAILED);
	q[PG] = 'z';
	CHECK_EQ(s[PG], 'x');
	CHECK_EQ(msync(s, 2 * PG, MS_SYNC), 0);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(s[5], 'y');
}

TEST(beyond_the_end)
{
	int fd = temp(100);
	char *s = mmap(NULL, 2 * PG, PROT_READ, MAP_SHARED, fd, 0);

	CHECK_EQ(touch(s + 200, 0), 0);
	CHECK_EQ(touch(s + PG, 0), SIGBUS);
}

TEST(faults)
{
	char *p = anon(2 * PG);

	CHECK_EQ(mprotect(p, PG, PROT_NONE), 0);
	CHECK_EQ(touch(p, 0), SIGSEGV);
	CHECK_EQ(mprotect(p, PG, PROT_READ), 0);
	CHECK_EQ(touch(p, 0), 0);
	CHECK_EQ(touch(p, 1), SIGSEGV);
	CHECK_EQ(munmap(p, PG), 0);
	CHECK_EQ(touch(p, 0), SIGSEGV);
	CHECK_EQ(touch(p + PG, 1), 0);
}

TEST(fixed)
{
	char *p = anon(4 * PG), *q;
	const int f = MAP_PRIVATE | MAP_ANONYMOUS;

	memset(p, 'a', 4 * PG);
	CHECK_ERR((long)mmap(p + PG, PG, PROT_READ, f | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_EQ(p[PG], 'a');
	CHECK(mmap(p + PG, PG, PROT_READ | PROT_WRITE, f | MAP_FIXED, -1, 0) == p + PG);
	CHECK_EQ(p[PG], 0);
	CHECK_EQ(p[2 * PG], 'a');
	CHECK_EQ(munmap(p + PG, PG), 0);
	q = mmap(p + PG, PG, PROT_READ, f | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(q == p + PG);
	CHECK_EQ(munmap(p, 4 * PG), 0);
	q = mmap(p, PG, PROT_READ, f, -1, 0); /* a free hint is taken */
	CHECK(q == p);
}

TEST(flags)
{
	const int f[] = {MAP_NORESERVE, MAP_POPULATE, MAP_STACK, MAP_32BIT, MAP_NONBLOCK | MAP_POPULATE};

	for (unsigned i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		char *p = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | f[i], -1, 0);

		REQUIRE(p != MAP_FAILED);
		p[3 * PG] = 1;
		if (f[i] == MAP_32BIT)
			CHECK((uintptr_t)p < 0x80000000UL);
	}
}

TEST(limit_as)
{
	struct rlimit r = {256UL << 20, 256UL << 20};

	REQUIRE(setrlimit(RLIMIT_AS, &r) == 0);
	CHECK_ERR((long)mmap(NULL, 512UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK(mmap(NULL, 1UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

TEST(many)
{
	char *p = mmap(NULL, 4000 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	REQUIRE(p != MAP_FAILED);
	for (unsigned i = 0; i < 4000; i += 2)
		REQUIRE(mprotect(p + i * PG, PG, PROT_READ) == 0);
	for (unsigned i = 1; i < 4000; i += 2)
		p[i * PG] = (char)i;
	for (unsigned i = 0; i < 4000; i += 2)
		REQUIRE(munmap(p + i * PG, PG) == 0);
	CHECK_EQ(p[3999 * PG], (char)3999);
}

TEST(execute)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	char *p = anon(PG);
	int (*fn)(void) = (int (*)(void))p;

	memcpy(p, code, sizeof(code));
	REQUIRE(mprotect(p, PG, PROT_READ | PROT_EXEC) == 0);
	CHECK_EQ(fn(), 42);
}

TEST(dev_zero)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *s = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	REQUIRE(p != MAP_FAILED && s != MAP_FAILED);
	p[0] = 1;
	if (fork() == 0) {
		p[0] = 2;
		s[0] = 2;
		_exit(0);
	}
	wait(NULL);
	CHECK_EQ(p[0], 1);
	CHECK_EQ(s[0], 2);
}

TEST(mincore_and_locks)
{
	unsigned char v[4] = {0};
	char *p = anon(4 * PG);

	p[0] = 1;
	CHECK_EQ(mincore(p, 4 * PG, v), 0);
	CHECK_EQ(v[0] & 1, 1);
	CHECK_ERR(mincore(p + 1, PG, v), EINVAL);
	CHECK_ERR(mincore(p, PG, (void *)8), EFAULT);
	CHECK_EQ(mlock(p, 2 * PG), 0);
	CHECK_EQ(mlock(p + PG, 2 * PG), 0);
	CHECK_EQ(munlock(p, 4 * PG), 0);
	CHECK_EQ(munmap(p + PG, PG), 0);
	CHECK_ERR(mincore(p, 4 * PG, v), ENOMEM);
	CHECK_ERR(mlock(p, 4 * PG), ENOMEM);
	CHECK_ERR(mlockall(0), EINVAL);
	CHECK_ERR(mlockall(1024), EINVAL);
	CHECK_EQ(munlockall(), 0);
}

TAP_MAIN()
