/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set_caps(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0}, now[2];

	if (syscall(SYS_capset, &h, none) < 0 || syscall(SYS_capget, &h, now) < 0)
		return -errno;
	return memcmp(none, now, sizeof(now)) ? -EPERM : 0;
}

/* Without CAP_SETPCAP the bounding set stays, and means nothing under no_new_privs. */
static void drop_bounding(void)
{
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
}

int rights_become(uid_t uid)
{
	const struct rlimit no_core = {0, 0};

	drop_bounding();
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	/* Root of a user namespace with no other id stays it, without capabilities after the next exec. */
	if (geteuid() == 0 && uid != 0 && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int rights_drop(void)
{
	const struct rlimit no_core = {0, 0};
	int r;

	drop_bounding();
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	r = set_caps();
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ? -EPERM : 0;
}
