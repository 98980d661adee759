/* SPDX-License-Identifier: Apache-2.0 */
/* nacre doctor: what of this host nacre needs or would use. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/cgroup_priv.h"
#include "oci/names.h"
#include "sandbox/userns.h"

static int missing;

enum need { REQUIRED, FASTER };

static void report(bool ok, enum need need, const char *what, const char *without)
{
	printf("%-8s %s%s%s\n",
	       ok		  ? "ok"
	       : need == REQUIRED ? "MISSING"
				  : "no",
	       what, ok ? "" : ": ", ok ? "" : without);
	missing += !ok && need == REQUIRED;
}

static bool kernel_at_least(unsigned major, unsigned minor)
{
	unsigned a = 0, b = 0;
	struct utsname u;

	return uname(&u) == 0 && sscanf(u.release, "%u.%u", &a, &b) == 2 &&
	       (a > major || (a == major && b >= minor));
}

/* Does a system call exist? Called with arguments that it refuses. */
static bool has_call(long nr)
{
	return syscall(nr, -1L, 0L, -1L, 0L, 0L, 0L) >= 0 || errno != ENOSYS;
}

static bool has_user_notification(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0u, &sizes) == 0;
}

/* Tries unshare in a child, so that nothing of it stays. */
static bool can_unshare(int flags)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(flags) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool can_process_vm(void)
{
	static const char here[8] = "nacre";
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	if (pid > 0) {
		struct iovec_like {
			void *base;
			size_t len;
		} l, r;
		char buf[8];

		l.base = buf;
		l.len = sizeof(buf);
		r.base = (void *)here;
		r.len = sizeof(here);
		status = syscall(SYS_process_vm_readv, pid, &l, 1ul, &r, 1ul, 0ul) ==
			 (long)sizeof(buf);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return status == 1;
}

static bool can_seal_exec(void)
{
	int fd = memfd_create("doctor", 8u /* MFD_NOEXEC_SEAL */);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void check_programs(void)
{
	static const char *const names[] = {"nacre-kernel", "nacre-gofer", "nacre-stub"};
	char self[PATH_MAX], path[PATH_MAX * 2];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		static const char *const places[] = {"", "/../libexec/nacre"};
		bool found = false;

		for (size_t p = 0; !found && p < ARRAY_SIZE(places); p++) {
			snprintf(path, sizeof(path), "%s%s/%s", self, places[p], names[i]);
			found = access(path, X_OK) == 0;
		}
		snprintf(path, sizeof(path), "program %s", names[i]);
		report(found, REQUIRED, path, "neither beside nacre nor in ../libexec/nacre");
	}
}

static void check_cgroups(void)
{
	static const char *const wanted[] = {"memory", "cpu", "pids", "freezer"};
	struct cg_layout l = {NULL, 0};
	char text[512] = "cgroup hierarchies:";
	bool v2 = false;

	if (cg_layout_read("/proc/self", &l) < 0)
		return;
	for (size_t i = 0; i < l.n; i++) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
			 l.m[i].v2 ? "v2" : l.m[i].controllers);
		v2 |= l.m[i].v2;
	}
	report(l.n > 0, FASTER, l.n ? text : "cgroups",
	       "no limits, no pause: use --cgroup-manager disabled");
	for (size_t w = 0; l.n && w < ARRAY_SIZE(wanted); w++) {
		_cleanup_free_ char *have = NULL;
		bool found = false;

		for (size_t i = 0; i < l.n; i++) {
			have = l.m[i].v2 && !have ? cg_read(l.m[i].point, "cgroup.controllers")
						  : have;
			found |= cg_list_has(l.m[i].v2 && have ? have : l.m[i].controllers,
					     wanted[w]);
		}
		if (!strcmp(wanted[w], "freezer"))
			found |= v2;
		snprintf(text, sizeof(text), "cgroup controller %s", wanted[w]);
		report(found, FASTER, text, "limits of that kind are refused");
	}
	cg_layout_done(&l);
	report(access("/run/systemd/system", F_OK) == 0, FASTER, "systemd",
	       "--systemd-cgroup is refused");
	report(cgroup_has_systemd(), FASTER, "program nacre-systemd", "--systemd-cgroup is refused: built without libsystemd");
}

/* A procfs of a new pid namespace may be mounted in a user namespace only where nothing hides a part of /proc. */
static bool can_mount_proc(void)
{
	int status = 1;
	pid_t pid = fork(), inner;

	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0)
			_exit(1);
		inner = fork();
		if (inner == 0)
			_exit(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0);
		_exit(inner < 0 || waitpid(inner, &status, 0) != inner || status != 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Of a caller without root. */
static void check_rootless(void)
{
	char text[64];

	snprintf(text, sizeof(text), "user namespaces for user %u", geteuid());
	report(can_unshare(CLONE_NEWUSER), REQUIRED, text,
	       "run as root, or set kernel.unprivileged_userns_clone or user.max_user_namespaces");
	report(can_unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET), REQUIRED,
	       "pid, mount, ipc, uts and network namespaces in them",
	       "a sandbox lives in its own: see kernel.apparmor_restrict_unprivileged_userns");
	report(can_mount_proc(), REQUIRED, "a procfs in them", "something hides a part of /proc here, as in most containers");
	report(userns_has_range(), FASTER, "ids in /etc/subuid and /etc/subgid, newuidmap and newgidmap",
	       "a container has one user and one group");
	report(getenv("XDG_RUNTIME_DIR") != NULL, FASTER, "XDG_RUNTIME_DIR", "--root is needed");
	report(cgroup_has_user_manager(), FASTER, "systemd's manager of this user",
	       "no limits and no pause, unless cgroups were delegated in another way");
}

static void check_caps(void)
{
	static const unsigned wanted[] = {21 /* SYS_ADMIN */,	7 /* SETUID */,
					  6 /* SETGID */,	0 /* CHOWN */,
					  1 /* DAC_OVERRIDE */, 24 /* SYS_RESOURCE */};
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	unsigned long long eff = 0;
	char line[256], text[64];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &eff) == 1)
			break;
	for (size_t i = 0; geteuid() == 0 && i < ARRAY_SIZE(wanted); i++) {
		snprintf(text, sizeof(text), "capability %s", cap_name(wanted[i]));
		report(eff >> wanted[i] & 1, wanted[i] == 24 ? FASTER : REQUIRED, text,
		       wanted[i] == 24 ? "a negative oomScoreAdj and higher hard limits are refused"
				       : "needed to set a sandbox up");
	}
	if (geteuid() != 0)
		check_rootless();
}

static void check_yama(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (f && fscanf(f, "%d", &scope) == 1)
		report(scope < 2, FASTER, scope == 1 ? "Yama ptrace_scope 1: the kernel may read its own children" : "Yama ptrace_scope",
		       "2 or 3: all copies go through the stubs, one trip more each");
}

int cmd_doctor(const struct command *cmd, const struct runtime_opts *rt, int argc, char **argv)
{
	const struct opt opts[] = {{NULL}};
	int r = command_args(cmd, opts, true, 0, 0, &argc, &argv);

	if (r >= 0)
		return r;
	report(kernel_at_least(5, 14), REQUIRED, "Linux 5.14 or later", "this kernel is older");
	report(has_user_notification(), REQUIRED, "seccomp user notification",
	       "the trap platform needs it");
	report(has_call(SYS_pidfd_open), REQUIRED, "pidfd_open",
	       "needed to kill the right process");
	report(has_call(437 /* openat2 */), REQUIRED, "openat2",
	       "the gofer resolves paths with it");
	report(has_call(SYS_close_range), REQUIRED, "close_range",
	       "needed to give away no descriptor");
	if (geteuid() == 0)
		report(can_unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
				   CLONE_NEWNET),
		       REQUIRED, "pid, mount, ipc, uts and network namespaces",
		       "a sandbox lives in its own");
	check_caps();
	check_programs();
	report(kernel_at_least(5, 19), FASTER, "WAIT_KILLABLE_RECV (5.19)",
	       "checked calls may be repeated");
	report(kernel_at_least(6, 6), FASTER, "SYNC_WAKE_UP (6.6)", "checked calls are slower");
	report(can_seal_exec(), FASTER, "MFD_NOEXEC_SEAL (6.3)", "file modes take its place");
	report(has_call(462 /* mseal */), FASTER, "mseal (6.10)",
	       "stub text is protected by its filter alone");
	report(can_process_vm(), FASTER, "process_vm_readv between own processes",
	       "copies take one trip more");
	report(getauxval(AT_HWCAP2) & 2, FASTER, "FSGSBASE", "thread pointers are set by a call");
	check_cgroups();
	check_yama();
	if (missing)
		log_error("%d required feature(s) missing", missing);
	return missing ? EXIT_FAIL : 0;
}
