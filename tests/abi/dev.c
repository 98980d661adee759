/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "../tap.h"

TEST(null_zero_full)
{
	char b[8] = "xxxxxxx";
	int n = open("/dev/null", O_RDWR), z = open("/dev/zero", O_RDWR), f = open("/dev/full", O_RDWR);
	struct stat st;

	CHECK_EQ(read(n, b, 8), 0);
	CHECK_EQ(write(n, b, 8), 8);
	CHECK_EQ(read(z, b, 8), 8);
	CHECK_EQ(b[0], 0);
	CHECK_ERR(write(f, b, 1), ENOSPC);
	CHECK_EQ(fstat(n, &st), 0);
	CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

TEST(entropy)
{
	int r = open("/dev/random", O_RDONLY), n = -1;

	CHECK_EQ(ioctl(r, RNDGETENTCNT, &n), 0);
	CHECK(n > 0);
	CHECK_ERR(ioctl(r, RNDGETENTCNT, NULL), EFAULT);
	CHECK_ERR(ioctl(r, _IO('R', 0x55)), EINVAL);
	REQUIRE(setresuid(1000, 1000, 1000) == 0);
	n = 8;
	CHECK_ERR(ioctl(r, RNDADDTOENTCNT, &n), EPERM);
	CHECK_ERR(ioctl(r, RNDZAPENTCNT), EPERM);
}

TEST(random_differs)
{
	char a[16], b[16];
	int r = open("/dev/urandom", O_RDONLY);

	CHECK_EQ(read(r, a, 16), 16);
	CHECK_EQ(read(r, b, 16), 16);
	CHECK(memcmp(a, b, 16) != 0);
}

TEST(tty_without_terminal)
{
	setsid();
	CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
}

TAP_MAIN()
