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

#include <sys/random.h>

TEST(bytes)
{
	unsigned char a[64] = {0}, b[64] = {0}, big[9000] = {0};

	CHECK_EQ(getrandom(a, 64, 0), 64);
	CHECK_EQ(getrandom(b, 64, GRND_NONBLOCK), 64);
	CHECK(memcmp(a, b, 64) != 0);
	CHECK_EQ(getrandom(big, sizeof(big), 0), sizeof(big));
	CHECK(memcmp(big + 8900, a, 64) != 0);
	CHECK_EQ(getrandom(a, 0, 0), 0);
}

TEST(errors)
{
	char a[8];

	CHECK_ERR(getrandom(a, 8, 0x100), EINVAL);
	CHECK_ERR(getrandom(a, 8, GRND_RANDOM | 4), EINVAL);
	CHECK_ERR(syscall(SYS_getrandom, 8, 8, 0), EFAULT);
}

TAP_MAIN()
