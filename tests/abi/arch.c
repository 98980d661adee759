/* SPDX-License-Identifier: Apache-2.0 */
/* arch_prctl, personality, getcpu, uname of the machine. */
#include <asm/prctl.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include "../tap.h"

static void *volatile nowhere = (void *)8;

TEST(segment_bases)
{
	static char area[4096];
	unsigned long fs, gs, v;

	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
	CHECK(fs != 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, area), 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs), 0);
	CHECK_EQ(gs, (unsigned long)area);
	*(unsigned long *)(area + 16) = 0x1234;
	__asm__("mov %%gs:16, %0" : "=r"(v));
	CHECK_EQ(v, 0x1234);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_GS, -4096L), EPERM);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_GET_GS, nowhere), EFAULT);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
}

TEST(values_of_personality)
{
	CHECK_EQ(personality(0xffffffff), 0);
	CHECK_EQ(personality(ADDR_NO_RANDOMIZE), 0);
	CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
	if (!fork())
		_exit(personality(0xffffffff) == ADDR_NO_RANDOMIZE ? 0 : 1);
	else {
		int st;

		CHECK(wait(&st) > 0);
		CHECK_EQ(st, 0);
	}
}

TEST(which_cpu)
{
	unsigned cpu = 99999, node = 99999;

	CHECK_EQ(syscall(SYS_getcpu, &cpu, &node, NULL), 0);
	CHECK(cpu < (unsigned)sysconf(_SC_NPROCESSORS_CONF));
	CHECK_EQ(node, 0);
	CHECK_EQ(syscall(SYS_getcpu, NULL, NULL, NULL), 0);
	CHECK_ERR(syscall(SYS_getcpu, nowhere, NULL, NULL), EFAULT);
}

TAP_MAIN()
