/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/names.h"

#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

/* clang-format off */
#define CAP(n) [CAP_##n] = "CAP_" #n
static const char *const cap_names[] = {
	CAP(CHOWN), CAP(DAC_OVERRIDE), CAP(DAC_READ_SEARCH), CAP(FOWNER), CAP(FSETID), CAP(KILL),
	CAP(SETGID), CAP(SETUID), CAP(SETPCAP), CAP(LINUX_IMMUTABLE), CAP(NET_BIND_SERVICE),
	CAP(NET_BROADCAST), CAP(NET_ADMIN), CAP(NET_RAW), CAP(IPC_LOCK), CAP(IPC_OWNER), CAP(SYS_MODULE),
	CAP(SYS_RAWIO), CAP(SYS_CHROOT), CAP(SYS_PTRACE), CAP(SYS_PACCT), CAP(SYS_ADMIN), CAP(SYS_BOOT),
	CAP(SYS_NICE), CAP(SYS_RESOURCE), CAP(SYS_TIME), CAP(SYS_TTY_CONFIG), CAP(MKNOD), CAP(LEASE),
	CAP(AUDIT_WRITE), CAP(AUDIT_CONTROL), CAP(SETFCAP), CAP(MAC_OVERRIDE), CAP(MAC_ADMIN),
	CAP(SYSLOG), CAP(WAKE_ALARM), CAP(BLOCK_SUSPEND), CAP(AUDIT_READ), CAP(PERFMON), CAP(BPF),
	CAP(CHECKPOINT_RESTORE),
};
/* clang-format on */
static_assert(ARRAY_SIZE(cap_names) == CAP_LAST_CAP + 1, "a capability has no name");

#define RLIMIT(n) [RLIMIT_##n] = "RLIMIT_" #n
static const char *const rlimit_names[] = {
	RLIMIT(CPU),	  RLIMIT(FSIZE), RLIMIT(DATA),	 RLIMIT(STACK),
	RLIMIT(CORE),	  RLIMIT(RSS),	 RLIMIT(NPROC),	 RLIMIT(NOFILE),
	RLIMIT(MEMLOCK),  RLIMIT(AS),	 RLIMIT(LOCKS),	 RLIMIT(SIGPENDING),
	RLIMIT(MSGQUEUE), RLIMIT(NICE),	 RLIMIT(RTPRIO), RLIMIT(RTTIME),
};

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
static const struct {
	const char *name;
	unsigned long flag;
} namespaces[OCI_NS_MAX] = {
	[OCI_NS_PID] = {"pid", CLONE_NEWPID},	       [OCI_NS_NET] = {"network", CLONE_NEWNET},
	[OCI_NS_MNT] = {"mount", CLONE_NEWNS},	       [OCI_NS_IPC] = {"ipc", CLONE_NEWIPC},
	[OCI_NS_UTS] = {"uts", CLONE_NEWUTS},	       [OCI_NS_USER] = {"user", CLONE_NEWUSER},
	[OCI_NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP}, [OCI_NS_TIME] = {"time", CLONE_NEWTIME},
};

int cap_by_name(const char *name, bool loose)
{
	for (size_t i = 0; i < ARRAY_SIZE(cap_names); i++) {
		if (!strcmp(cap_names[i], name))
			return (int)i;
		if (loose &&
		    (!strcasecmp(cap_names[i], name) || !strcasecmp(cap_names[i] + 4, name)))
			return (int)i;
	}
	return -1;
}

const char *cap_name(unsigned cap)
{
	return cap < ARRAY_SIZE(cap_names) ? cap_names[cap] : NULL;
}

int rlimit_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++)
		if (!strcmp(rlimit_names[i], name))
			return (int)i;
	return -1;
}

int ns_by_name(const char *name)
{
	for (size_t i = 0; i < OCI_NS_MAX; i++)
		if (!strcmp(namespaces[i].name, name))
			return (int)i;
	return -1;
}

const char *ns_name(enum oci_ns ns)
{
	return namespaces[ns].name;
}

unsigned long ns_clone_flag(enum oci_ns ns)
{
	return namespaces[ns].flag;
}

const char *ns_name_of_flag(int flag)
{
	for (size_t i = 0; i < OCI_NS_MAX; i++)
		if (namespaces[i].flag == (unsigned long)flag)
			return namespaces[i].name;
	return "unknown";
}
