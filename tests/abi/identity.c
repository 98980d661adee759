/* SPDX-License-Identifier: Apache-2.0 */
/* User, group and process ids, capabilities. */
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include "../tap.h"

static int caps(unsigned *eff, unsigned *perm)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];
	int r = (int)syscall(SYS_capget, &h, d);

	*eff = d[0].effective;
	*perm = d[0].permitted;
	return r;
}

static void need_root(void)
{
	if (geteuid() != 0)
		SKIP("not root");
}

TEST(drop_to_user)
{
	unsigned e, p;

	need_root();
	CHECK_EQ(setresuid(1000, 1000, 1000), 0);
	CHECK_EQ(getuid(), 1000);
	CHECK_EQ(caps(&e, &p), 0);
	CHECK_EQ(e, 0);
	CHECK_EQ(p, 0);
	CHECK_ERR(setuid(0), EPERM);
	CHECK_ERR(setresuid(-1, 0, -1), EPERM);
	CHECK_ERR(setreuid(0, -1), EPERM);
	CHECK_ERR(setgroups(0, NULL), EPERM);
}

TEST(saved_id_comes_back)
{
	unsigned e, p, e0, p0;
	uid_t r, u, s;

	need_root();
	CHECK_EQ(caps(&e0, &p0), 0);
	CHECK_EQ(seteuid(1000), 0);
	CHECK_EQ(caps(&e, &p), 0);
	CHECK_EQ(e, 0);
	CHECK_EQ(p, p0);
	CHECK_EQ(seteuid(0), 0);
	CHECK_EQ(caps(&e, &p), 0);
	CHECK_EQ(e, p0);
	CHECK_EQ(getresuid(&r, &u, &s), 0);
	CHECK_EQ(r + u + s, 0);
}

TEST(groups)
{
	gid_t in[3] = {30, 10, 20}, out[3] = {0};

	need_root();
	CHECK_EQ(setgroups(3, in), 0);
	CHECK_EQ(getgroups(0, NULL), 3);
	CHECK_ERR(getgroups(2, out), EINVAL);
	CHECK_EQ(getgroups(3, out), 3);
	CHECK_EQ(out[0] + out[1] + out[2], 60);
	CHECK_ERR(syscall(SYS_setgroups, 70000, in), EINVAL);
	CHECK_EQ(setresgid(5, 6, 7), 0);
	CHECK_EQ(getegid(), 6);
}

TEST(fsuid)
{
	need_root();
	CHECK_EQ(setfsuid(7), 0);
	CHECK_EQ(setfsuid(-1), 7);
}

TEST(capset_only_shrinks)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {0};

	CHECK_EQ(syscall(SYS_capset, &h, d), 0);
	d[0].permitted = d[0].effective = 1;
	CHECK_ERR(syscall(SYS_capset, &h, d), EPERM);
	h.version = 1;
	CHECK_ERR(syscall(SYS_capget, &h, d), EINVAL);
	CHECK_EQ(h.version, _LINUX_CAPABILITY_VERSION_3);
	h.pid = 4000000;
	CHECK_ERR(syscall(SYS_capget, &h, d), ESRCH);
}

TEST(bad_ids)
{
	need_root();
	CHECK_ERR(setuid(-1), EINVAL);
	CHECK_ERR(setgid(-1), EINVAL);
}

TAP_MAIN()
