/* SPDX-License-Identifier: Apache-2.0 */
/* User and group ids, groups, capabilities over the changes. Most of it needs root to begin with. */
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "../tap.h"

struct caps {
	uint64_t e, p, i;
};

static struct caps caps(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	memset(d, 0, sizeof(d));
	CHECK_EQ(syscall(SYS_capget, &h, d), 0);
	return (struct caps){d[0].effective | (uint64_t)d[1].effective << 32,
			     d[0].permitted | (uint64_t)d[1].permitted << 32,
			     d[0].inheritable | (uint64_t)d[1].inheritable << 32};
}

static long set_caps(struct caps c)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {
		{(uint32_t)c.e, (uint32_t)c.p, (uint32_t)c.i},
		{(uint32_t)(c.e >> 32), (uint32_t)(c.p >> 32), (uint32_t)(c.i >> 32)},
	};

	return syscall(SYS_capset, &h, d);
}

#define NEED_ROOT()                                                                                \
	do {                                                                                       \
		if (getuid() != 0 || !(caps().e & (1 << CAP_SETUID)))                              \
			SKIP("needs root with CAP_SETUID");                                        \
	} while (0)

TEST(getters)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	CHECK_EQ(getresuid(&r, &e, &s), 0);
	CHECK_EQ(r, getuid());
	CHECK_EQ(e, geteuid());
	CHECK_EQ(getresgid(&rg, &eg, &sg), 0);
	CHECK_EQ(rg, getgid());
	CHECK_EQ(eg, getegid());
	CHECK_ERR(syscall(SYS_getresuid, (void *)8, &e, &s), EFAULT);
}

TEST(setuid_drops_everything)
{
	uid_t r, e, s;

	NEED_ROOT();
	CHECK_EQ(syscall(SYS_setuid, 1000), 0);
	getresuid(&r, &e, &s);
	CHECK(r == 1000 && e == 1000 && s == 1000);
	CHECK_EQ(caps().p, 0);
	CHECK_EQ(caps().e, 0);
	CHECK_ERR(syscall(SYS_setuid, 0), EPERM);
	CHECK_EQ(syscall(SYS_setuid, 1000), 0);
	CHECK_ERR(syscall(SYS_setuid, -1), EINVAL);
}

TEST(seteuid_keeps_permitted)
{
	uint64_t p;

	NEED_ROOT();
	p = caps().p;
	CHECK_EQ(syscall(SYS_setresuid, -1, 1000, -1), 0);
	CHECK_EQ(caps().e, 0);
	CHECK_EQ(caps().p, p);
	CHECK_EQ(geteuid(), 1000);
	CHECK_EQ(syscall(SYS_setresuid, -1, 0, -1), 0); /* the saved id allows it */
	CHECK_EQ(caps().e, p);
}

TEST(setreuid_saved)
{
	uid_t r, e, s;

	NEED_ROOT();
	CHECK_EQ(syscall(SYS_setreuid, 10, 20), 0);
	getresuid(&r, &e, &s);
	CHECK(r == 10 && e == 20 && s == 20);
	CHECK_EQ(syscall(SYS_setreuid, 20, 10), 0); /* swap */
	CHECK_ERR(syscall(SYS_setreuid, 30, -1), EPERM);
	CHECK_ERR(syscall(SYS_setresuid, 30, -1, -1), EPERM);
}

TEST(gids)
{
	gid_t r, e, s;

	NEED_ROOT();
	CHECK_EQ(syscall(SYS_setresgid, 1, 2, 3), 0);
	getresgid(&r, &e, &s);
	CHECK(r == 1 && e == 2 && s == 3);
	CHECK_EQ(syscall(SYS_setregid, 5, -1), 0);
	CHECK_EQ(getgid(), 5);
	CHECK_EQ(syscall(SYS_setgid, 9), 0);
	getresgid(&r, &e, &s);
	CHECK(r == 9 && e == 9 && s == 9);
	CHECK_EQ(syscall(SYS_setresuid, 7, 7, 7), 0);
	CHECK_ERR(syscall(SYS_setgid, 10), EPERM);
	CHECK_EQ(syscall(SYS_setgid, 9), 0);
}

TEST(fsids)
{
	NEED_ROOT();
	CHECK_EQ(setfsuid(44), 0);
	CHECK_EQ(setfsuid((uid_t)-1), 44);
	CHECK(!(caps().e & (1 << CAP_DAC_OVERRIDE)));
	CHECK_EQ(setfsuid(0), 44);
	CHECK(caps().e & (1 << CAP_DAC_OVERRIDE) || !(caps().p & (1 << CAP_DAC_OVERRIDE)));
	CHECK_EQ(setfsgid(45), getegid());
	CHECK_EQ(setfsgid((gid_t)-1), 45);
}

TEST(groups)
{
	gid_t g[3] = {30, 10, 20}, out[8];

	NEED_ROOT();
	CHECK_EQ(syscall(SYS_setgroups, 3, g), 0);
	CHECK_EQ(syscall(SYS_getgroups, 0, NULL), 3);
	CHECK_EQ(syscall(SYS_getgroups, 8, out), 3);
	CHECK_EQ(out[0] + out[1] + out[2], 60);
	CHECK_ERR(syscall(SYS_getgroups, 2, out), EINVAL);
	CHECK_ERR(syscall(SYS_getgroups, -1, out), EINVAL);
	CHECK_ERR(syscall(SYS_getgroups, 8, (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_setgroups, 65537, g), EINVAL);
	CHECK_ERR(syscall(SYS_setgroups, 3, (void *)8), EFAULT);
	CHECK_EQ(syscall(SYS_setgroups, 0, NULL), 0);
	CHECK_EQ(syscall(SYS_setresuid, 7, 7, 7), 0);
	CHECK_ERR(syscall(SYS_setgroups, 0, NULL), EPERM);
}

TEST(capget_versions_and_errors)
{
	struct __user_cap_header_struct h = {0x1234, 0};
	struct __user_cap_data_struct d[2];

	CHECK_ERR(syscall(SYS_capget, &h, d), EINVAL);
	CHECK_EQ(h.version, _LINUX_CAPABILITY_VERSION_3);
	h.version = 0x1234;
	CHECK_EQ(syscall(SYS_capget, &h, NULL), 0); /* asks for the version */
	h.version = _LINUX_CAPABILITY_VERSION_1;
	CHECK_EQ(syscall(SYS_capget, &h, d), 0);
	h.version = _LINUX_CAPABILITY_VERSION_3;
	h.pid = -1;
	CHECK_ERR(syscall(SYS_capget, &h, d), EINVAL);
	h.pid = 0x3fffffff;
	CHECK_ERR(syscall(SYS_capget, &h, d), ESRCH);
	CHECK_ERR(syscall(SYS_capget, (void *)8, d), EFAULT);
	h.pid = getppid();
	CHECK_ERR(syscall(SYS_capset, &h, d), EPERM);
}

TEST(capset_only_shrinks)
{
	struct caps c;

	NEED_ROOT();
	c = caps();
	c.e &= ~(1ULL << CAP_CHOWN);
	CHECK_EQ(set_caps(c), 0);
	CHECK_EQ(caps().e, c.e);
	c.p &= ~(1ULL << CAP_CHOWN);
	CHECK_EQ(set_caps(c), 0);
	c.p |= 1ULL << CAP_CHOWN;
	CHECK_ERR(set_caps(c), EPERM);
	c.p &= ~(1ULL << CAP_CHOWN);
	c.e |= 1ULL << CAP_CHOWN; /* not permitted */
	CHECK_ERR(set_caps(c), EPERM);
}

TEST(keepcaps)
{
	uint64_t p;

	NEED_ROOT();
	p = caps().p;
	CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
	CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
	CHECK_EQ(caps().p, p);
	CHECK_EQ(caps().e, 0);
	CHECK_ERR(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
}

TEST(bounding_and_ambient)
{
	struct caps c;

	NEED_ROOT();
	CHECK_ERR(prctl(PR_CAPBSET_READ, 99), EINVAL);
	CHECK_ERR(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), EPERM);
	c = caps();
	c.i |= 1ULL << CAP_CHOWN;
	CHECK_EQ(set_caps(c), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 1);
	c.i &= ~(1ULL << CAP_CHOWN);
	CHECK_EQ(set_caps(c), 0); /* and it falls out of ambient */
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
	if (!(c.e & (1 << CAP_SETPCAP)))
		return;
	CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_MKNOD), prctl(PR_CAPBSET_READ, CAP_MKNOD));
	CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_MKNOD), 0);
	CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_MKNOD), 0);
}

TEST(securebits)
{
	NEED_ROOT();
	if (!(caps().e & (1 << CAP_SETPCAP)))
		SKIP("needs CAP_SETPCAP");
	CHECK_EQ(prctl(PR_GET_SECUREBITS), 0);
	CHECK_ERR(prctl(PR_SET_SECUREBITS, 0x10000), EPERM);
	CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED), 0);
	CHECK_ERR(prctl(PR_SET_SECUREBITS, 0), EPERM);
	CHECK_EQ(syscall(SYS_setresuid, 5, 5, 5), 0);
	CHECK(caps().e != 0);
}

TAP_MAIN()
