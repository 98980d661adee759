/* SPDX-License-Identifier: Apache-2.0 */
/* process_vm_readv and process_vm_writev. */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include "../tap.h"

static char *shared; /* mapped before the fork: the same address in the child, but private there */
static pid_t child;

static void start(void)
{
	int p[2];
	char c;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	shared = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared != MAP_FAILED && pipe(p) == 0);
	munmap(shared + 2 * 4096, 4096);
	child = fork();
	if (child == 0) {
		strcpy(shared, "the child's");
		strcpy(shared + 4096, "second page");
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	REQUIRE(read(p[0], &c, 1) == 1);
}

static void stop(void)
{
	int st;

	kill(child, SIGKILL);
	waitpid(child, &st, 0);
}

TEST(reads_and_writes)
{
	char a[6] = "", b[32] = "";
	struct iovec l[2] = {{a, 5}, {b, 7}}, r[1];

	start();
	r[0] = (struct iovec){shared, 12};
	CHECK_EQ(process_vm_readv(child, l, 2, r, 1, 0), 12);
	CHECK_STR(a, "the c");
	CHECK_STR(b, "hild's");
	l[0] = (struct iovec){"abc", 3};
	r[0] = (struct iovec){shared, 3};
	CHECK_EQ(process_vm_writev(child, l, 1, r, 1, 0), 3);
	CHECK_EQ(shared[0], 0); /* ours is another */
	l[0] = (struct iovec){b, 12};
	r[0] = (struct iovec){shared, 12};
	CHECK_EQ(process_vm_readv(child, l, 1, r, 1, 0), 12);
	CHECK_STR(b, "abc child's");
	stop();
}

TEST(partial)
{
	char b[8192 + 64];
	struct iovec l = {b, sizeof(b)}, r[3];

	start();
	r[0] = (struct iovec){shared + 4096, 8192}; /* its second half is not there */
	CHECK_EQ(process_vm_readv(child, &l, 1, r, 1, 0), 4096);
	CHECK_STR(b, "second page");
	r[0] = (struct iovec){shared, 4};
	r[1] = (struct iovec){shared + 2 * 4096, 4};
	r[2] = (struct iovec){shared, 4};
	CHECK_EQ(process_vm_readv(child, &l, 1, r, 3, 0), 4);
	CHECK_ERR(process_vm_readv(child, &l, 1, r + 1, 1, 0), EFAULT);
	l.iov_len = 2;
	CHECK_EQ(process_vm_readv(child, &l, 1, r, 1, 0), 2);
	stop();
}

TEST(errors)
{
	char b[64];
	struct iovec l = {b, 4}, r, bad = {(void *)8, 4};

	start();
	r = (struct iovec){shared, 4};
	CHECK_ERR(process_vm_readv(child, &l, 1, &r, 1, 1), EINVAL);
	CHECK_ERR(process_vm_readv(0x3ffffff, &l, 1, &r, 1, 0), ESRCH);
	CHECK_ERR(process_vm_readv(child, &bad, 1, &r, 1, 0), EFAULT);
	CHECK_ERR(process_vm_readv(child, &l, 2000, &r, 1, 0), EINVAL);
	CHECK_ERR(process_vm_readv(child, (struct iovec *)8, 1, &r, 1, 0), EFAULT);
	CHECK_EQ(process_vm_readv(child, &l, 0, &r, 1, 0), 0);
	CHECK_EQ(process_vm_readv(child, &l, 1, &r, 0, 0), 0);
	CHECK_EQ(process_vm_readv(getpid(), &l, 1, &r, 1, 0), 4);
	if (getuid() == 0) {
		pid_t p = fork();
		int st;

		if (p == 0) {
			REQUIRE(setgid(4321) == 0 && setuid(4321) == 0);
			CHECK_ERR(process_vm_readv(child, &l, 1, &r, 1, 0), EPERM);
			fflush(stdout);
			_exit(tap_failures);
		}
		CHECK_EQ(waitpid(p, &st, 0), p);
		CHECK_EQ(st, 0);
	}
	stop();
}

TAP_MAIN()
