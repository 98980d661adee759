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

#include <asm/prctl.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

TEST(names)
{
	struct utsname u;

	REQUIRE(uname(&u) == 0);
	CHECK_STR(u.sysname, "Linux");
	CHECK_STR(u.machine, "x86_64");
	CHECK(atoi(u.release) >= 4);
	CHECK_ERR(syscall(SYS_uname, 8), EFAULT);
}

TEST(sethostname_rules)
{
	struct utsname u;

	if (unshare(CLONE_NEWUTS) < 0)
		SKIP("no uts namespace of one's own");
	CHECK_EQ(sethostname("abi-host", 8), 0);
	CHECK_EQ(setdomainname("abi-domain", 10), 0);
	REQUIRE(uname(&u) == 0);
	CHECK_STR(u.nodename, "abi-host");
	CHECK_STR(u.domainname, "abi-domain");
	CHECK_ERR(syscall(SYS_sethostname, "x", 65), EINVAL);
	CHECK_ERR(syscall(SYS_sethostname, "x", -1), EINVAL);
	CHECK_ERR(syscall(SYS_sethostname, 8, 4), EFAULT);
	REQUIRE(setuid(65534) == 0);
	CHECK_ERR(sethostname("x", 1), EPERM);
}

TEST(sysinfo_figures)
{
	struct sysinfo s;

	REQUIRE(sysinfo(&s) == 0);
	CHECK(s.uptime >= 0);
	CHECK(s.totalram >= s.freeram && s.totalram > 0);
	CHECK(s.mem_unit >= 1);
	CHECK(s.procs >= 1);
	CHECK_ERR(syscall(SYS_sysinfo, 8), EFAULT);
}

TEST(arch_prctl_rules)
{
	unsigned long fs = 0, gs = 0;

	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
	CHECK(fs != 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x12345000UL), 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs), 0);
	CHECK_EQ(gs, 0x12345000UL);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_GS, ~0UL), EPERM);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x7777, 0), EINVAL);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_GET_FS, 8), EFAULT);
}

TAP_MAIN()
