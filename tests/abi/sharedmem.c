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

TEST(across_fork)
{
	volatile int *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	p[0] = 1;
	if (fork() == 0) {
		p[1024] = p[0] + 41;
		_exit(0);
	}
	wait(NULL);
	CHECK_EQ(p[1024], 42);
}

TEST(private_is_private)
{
	volatile int *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p[0] = 1;
	if (fork() == 0) {
		p[0] = 2;
		_exit(0);
	}
	wait(NULL);
	CHECK_EQ(p[0], 1);
}

TEST(memfd_two_mappings)
{
	int fd = memfd_create("two", 0);
	char *a, *b;

	REQUIRE(fd >= 0 && ftruncate(fd, 8192) == 0);
	a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	REQUIRE(a != MAP_FAILED && b != MAP_FAILED);
	b[0] = 'b';
	CHECK_EQ(a[4096], 'b');
}

TEST(atomics_between_processes)
{
	int *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			for (int k = 0; k < 10000; k++)
				__atomic_fetch_add(p, 1, __ATOMIC_RELAXED);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	CHECK_EQ(*p, 40000);
}

TAP_MAIN()
