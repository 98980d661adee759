/* SPDX-License-Identifier: Apache-2.0 */
/* The gofer of a container: its mount namespace holds the exports at /0, /1, ... and a procfs, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "base/log.h"
#include "oci/hooks.h"
#include "sandbox/birth.h"

static bool is_bind(const struct oci_mount *m)
{
	return m->flags & MS_BIND;
}

unsigned export_count(const struct oci_spec *spec)
{
	unsigned n = 1;

	for (size_t i = 0; i < spec->nmounts; i++)
		n += is_bind(&spec->mounts[i]);
	return n;
}

static int child_fail(const char *what, const char *value)
{
	log_errno(-errno, "%s%s%s", what, value ? " " : "", value ? value : "");
	_exit(1);
}

/* Binds source at INDEX in the working directory. */
static void bind_export(const char *source, unsigned index, bool recursive, bool ro)
{
	char at[16];
	struct stat st;

	snprintf(at, sizeof(at), "%u", index);
	if (stat(source, &st) < 0)
		child_fail("mount source", source);
	if (S_ISDIR(st.st_mode) ? mkdir(at, 0755) < 0 : mknod(at, S_IFREG | 0644, 0) < 0)
		child_fail("export", at);
	if (mount(source, at, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0)
		child_fail("binding", source);
	if (ro && mount(NULL, at, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		child_fail("read-only bind of", source);
}

static void build_root(const struct birth *b, char *flags, size_t cap)
{
	const struct oci_spec *spec = b->spec;
	unsigned index = 1;
	size_t len;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		child_fail("making mounts private", NULL);
	if (mount("nacre", b->dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,mode=755") < 0 ||
	    chdir(b->dir) < 0)
		child_fail("the gofer's root", b->dir);
	bind_export(spec->rootfs, 0, true, spec->root_readonly);
	len = (size_t)snprintf(flags, cap, "0:xdev%s", spec->root_readonly ? "+ro" : "");
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		bool ro = m->flags & MS_RDONLY;

		if (!is_bind(m))
			continue;
		bind_export(m->source, index, m->flags & MS_REC, ro);
		if (len < cap)
			len += (size_t)snprintf(flags + len, cap - len, ",%u:xdev%s", index, ro ? "+ro" : "");
		index++;
	}
	if (len >= cap) {
		errno = E2BIG;
		child_fail("too many mounts", NULL);
	}
	if (mkdir("proc", 0555) < 0 || mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		child_fail("the gofer's procfs", NULL);
	if (hooks_run(spec, OCI_HOOK_CREATE_CONTAINER, b->state_json) < 0)
		_exit(1);
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		child_fail("pivot_root", NULL);
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		child_fail("sealing the gofer's root", NULL);
}

static _Noreturn void gofer_main(const struct birth *b, int sock, int prog, int net)
{
	char flags[12288], exports[16], sockfd[16], logfd[16];
	char *const envp[] = {NULL};
	char *argv[] = {(char *)(uintptr_t)"nacre-gofer", (char *)(uintptr_t)"--socket-fd", sockfd,
			(char *)(uintptr_t)"--log-fd", logfd, (char *)(uintptr_t)"--exports", exports,
			(char *)(uintptr_t)"--export-flags", flags, NULL};
	int log = b->opts->log_fd;

	setsid();
	log_phase("gofer-placed");
	if (setns(net, CLONE_NEWNET) < 0 || unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		child_fail("the gofer's namespaces", NULL);
	build_root(b, flags, sizeof(flags));
	log_phase("gofer-exec");
	prog = fcntl(prog, F_DUPFD_CLOEXEC, 64);
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 64);
	log = log >= 0 ? fcntl(log, F_DUPFD_CLOEXEC, 64) : -1;
	if (prog < 0 || dup3(sock, 3, 0) < 0 || (log >= 0 && dup3(log, 4, 0) < 0))
		child_fail("descriptors", NULL);
	syscall(SYS_close_range, log >= 0 ? 5U : 4U, (unsigned)prog - 1, 0);
	snprintf(sockfd, sizeof(sockfd), "3");
	snprintf(logfd, sizeof(logfd), "%d", log >= 0 ? 4 : 2);
	snprintf(exports, sizeof(exports), "%u", export_count(b->spec));
	syscall(SYS_execveat, prog, "", argv, envp, AT_EMPTY_PATH);
	child_fail("executing nacre-gofer", NULL);
	_exit(127);
}

static int open_ns(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? log_errno(-errno, "%s", path) : fd;
}

int birth_gofer(struct birth *b)
{
	_cleanup_close_ int prog = open_program("nacre-gofer"), net = open_ns(b->kernel, "net"),
			    pidns = open_ns(b->kernel, "pid"), own = open_ns(getpid(), "pid");
	struct cgroup_door door;
	int sv[2], r;
	pid_t pid;

	if (prog < 0 || net < 0 || pidns < 0 || own < 0)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return log_errno(-errno, "socketpair");
	b->gofer_sock = sv[0];
	r = cgroup_door_open(b->cgroup, false, &door);
	if (r == 0 && setns(pidns, CLONE_NEWPID) < 0)
		r = log_errno(-errno, "entering the sandbox's pid namespace");
	if (r == 0) {
		fflush(NULL);
		pid = cgroup_door_fork(&door, 0);
		if (pid == 0)
			gofer_main(b, sv[1], prog, net);
		if (pid < 0)
			r = log_errno(pid, "forking the gofer");
		else
			b->gofer = pid;
		cgroup_door_close(&door);
	}
	if (setns(own, CLONE_NEWPID) < 0)
		r = log_errno(-errno, "leaving the sandbox's pid namespace");
	close(sv[1]);
	return r;
}
