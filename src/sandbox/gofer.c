/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gofer of a container: its mount namespace holds the exports at /0, /1, ... and a procfs, nothing else. Whoever
 * enters the namespace from outside (engines do, to copy files and to list processes) finds the same in the
 * container's shape: a second set of mounts on top of the root, which the gofer's own root lies beneath.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "base/log.h"
#include "oci/hooks.h"
#include "proto/fuse_wire.h"
#include "sandbox/birth.h"
#include "sandbox/sanitizer.h"

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
	struct mount_attr nodev = {.attr_set = MOUNT_ATTR_NODEV}, rdonly = {.attr_set = MOUNT_ATTR_RDONLY};
	char at[16];
	struct stat st;

	snprintf(at, sizeof(at), "%u", index);
	if (stat(source, &st) < 0)
		child_fail("mount source", source);
	if (S_ISDIR(st.st_mode) ? mkdir(at, 0755) < 0 : mknod(at, S_IFREG | 0644, 0) < 0)
		child_fail("export", at);
	if (mount(source, at, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0)
		child_fail("binding", source);
	if (ro && syscall(SYS_mount_setattr, AT_FDCWD, at, 0, &rdonly, sizeof(rdonly)) < 0)
		child_fail("read-only bind of", source);
	/* It may make device nodes, for images hold them; nobody opens one through it. */
	if (syscall(SYS_mount_setattr, AT_FDCWD, at, AT_RECURSIVE, &nodev, sizeof(nodev)) < 0)
		child_fail("forbidding the devices of", source);
}

/* The network namespace of process 1, as soon as it has one. */
static void join_network(int sock)
{
	_cleanup_close_ int net = -1;
	char c;
	ssize_t n = fw_recv(sock, &c, 1, &net, 0);

	if (n == 0)
		_exit(1); /* process 1 has failed, and said so */
	if (n < 0 || net < 0 || setns(net, CLONE_NEWNET) < 0) {
		errno = n < 0 ? (int)-n : errno;
		child_fail("entering the sandbox's network namespace", NULL);
	}
}

/* The runtime's hooks of this container come before its own: tells the parent that the namespaces are there, gets the
 * state document, runs the hooks, says that it is done. */
static void run_hooks(const struct birth *b, int sock)
{
	_cleanup_free_ char *state = NULL;
	size_t n = 0, cap = 0;

	if (write(sock, "", 1) != 1)
		child_fail("hooks", NULL);
	for (;;) {
		ssize_t got;

		if (n == cap) {
			cap += 65536;
			state = realloc(state, cap);
			if (!state)
				child_fail("hooks", NULL);
		}
		got = read(sock, state + n, cap - n);
		if (got < 0 && errno != EINTR)
			child_fail("hooks", NULL);
		if (got == 0)
			break;
		n += (size_t)MAX(got, 0);
	}
	if (!n || state[n - 1]) /* the parent has given up */
		_exit(1);
	if (hooks_run(b->spec, OCI_HOOK_CREATE_CONTAINER, state, b->spec->rootfs) < 0 || write(sock, "", 1) != 1)
		_exit(1);
}

static int open_in(int root, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* The mount point dest in the root file system behind root, whose links are not trusted: made when missing. */
static int make_point(int root, const char *dest, bool dir)
{
	_cleanup_free_ char *path = strdup(dest);
	_cleanup_close_ int parent = open_in(root, "/", O_PATH | O_DIRECTORY);
	bool last = false;

	if (!path || parent < 0)
		return path ? -errno : -ENOMEM;
	for (char *name = path + strspn(path, "/"), *end; *name && !last; name = end) {
		_cleanup_close_ int fd = -1;
		char c;

		end = name + strcspn(name, "/");
		c = *end;
		*end = 0;
		last = !end[c ? 1 + strspn(end + 1, "/") : 0];
		fd = open_in(root, path, O_PATH);
		if (fd < 0 && errno == ENOENT) {
			if (last && !dir ? mknodat(parent, name, S_IFREG | 0644, 0) < 0
					 : mkdirat(parent, name, 0755) < 0)
				return -errno;
			fd = open_in(root, path, O_PATH);
		}
		if (fd < 0)
			return -errno;
		close(parent);
		parent = TAKE_FD(fd);
		*end = c;
		end += c ? 1 + strspn(end + 1, "/") : 0;
	}
	return 0;
}

/* Before the root becomes read-only: what is mounted in it needs a place, except below an earlier mount. */
static void make_points(const struct oci_spec *spec)
{
	_cleanup_close_ int root = open(spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		child_fail("root.path", spec->rootfs);
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		struct stat st = {.st_mode = S_IFDIR};
		bool covered = false;
		int r;

		for (size_t j = 0; j < i && !covered; j++) {
			size_t n = strlen(spec->mounts[j].destination);

			covered = !strncmp(m->destination, spec->mounts[j].destination, n) &&
				  m->destination[n] == '/';
		}
		if (covered)
			continue;
		if (is_bind(m) && stat(m->source, &st) < 0)
			child_fail("mount source", m->source);
		r = make_point(root, m->destination, S_ISDIR(st.st_mode));
		/* A root that the host has read-only may hold the place in another way: the kernel tells. */
		if (r < 0 && r != -EROFS) {
			errno = -r;
			child_fail("making the mount point", m->destination);
		}
	}
}

static int clone_tree(const char *path)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

/* Mounts a copy of the export on name in view, if there is such a place. */
static void show_export(int view, const char *export, const char *name)
{
	_cleanup_close_ int at = open_in(view, name, O_PATH), tree = -1;

	if (at < 0)
		return;
	tree = clone_tree(export);
	if (tree < 0)
		child_fail("showing the mount", name);
	/* A file on a directory: the guest kernel says so. */
	if (syscall(SYS_move_mount, tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 && errno != ENOTDIR)
		child_fail("showing the mount", name);
}

static void show_container(const struct oci_spec *spec)
{
	_cleanup_close_ int view = clone_tree("/0");
	unsigned index = 1;
	char export[16];

	if (view < 0 || syscall(SYS_move_mount, view, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		child_fail("showing the container's root", NULL);
	show_export(view, "/proc", "/proc");
	for (size_t i = 0; i < spec->nmounts; i++) {
		if (!is_bind(&spec->mounts[i]))
			continue;
		snprintf(export, sizeof(export), "/%u", index++);
		show_export(view, export, spec->mounts[i].destination);
	}
}

static void build_root(const struct birth *b, char *flags, size_t cap)
{
	const struct oci_spec *spec = b->spec;
	unsigned index = 1;
	size_t len;

	/* Mode 700: who walks up from an export by a descriptor of his own does not come past it. */
	if (mount("nacre", b->dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,mode=700") < 0 ||
	    chdir(b->dir) < 0)
		child_fail("the gofer's root", b->dir);
	if (sanitizer_libraries() < 0)
		child_fail("the libraries of a sanitizer", NULL);
	if (spec->root_readonly)
		make_points(spec);
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
	if (mkdir("proc", 0555) < 0 || mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) < 0)
		child_fail("the gofer's procfs", NULL);
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		child_fail("pivot_root", NULL);
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		child_fail("sealing the gofer's root", NULL);
	show_container(spec);
}

static _Noreturn void gofer_main(const struct birth *b, int sock, int prog, int null, int hooks)
{
	char flags[12288], exports[16], sockfd[16], logfd[16];
	char *const envp[] = {NULL};
	char *argv[] = {(char *)(uintptr_t)"nacre-gofer", (char *)(uintptr_t)"--socket-fd", sockfd,
			(char *)(uintptr_t)"--log-fd", logfd, (char *)(uintptr_t)"--exports", exports,
			(char *)(uintptr_t)"--export-flags", flags,
			b->opts->log_json ? (char *)(uintptr_t)"--log-json" : NULL, NULL};
	int log = b->opts->log_fd;

	setsid();
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		child_fail("the gofer's namespaces", NULL);
	log_phase("gofer-placed");
	if (hooks >= 0) {
		join_network(b->net_sock);
		run_hooks(b, hooks);
	}
	build_root(b, flags, sizeof(flags));
	if (hooks < 0)
		join_network(b->net_sock);
	log_phase("gofer-exec");
	prog = fcntl(prog, F_DUPFD_CLOEXEC, 64);
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 64);
	log = log >= 0 ? fcntl(log, F_DUPFD_CLOEXEC, 64) : -1;
	if (prog < 0 || dup3(sock, 3, 0) < 0 || (log >= 0 && dup3(log, 4, 0) < 0))
		child_fail("descriptors", NULL);
	if (seal_descriptors(null, log, log >= 0 ? 5 : 4, prog) < 0)
		child_fail("descriptors", NULL);
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

static bool needs_hooks(const struct oci_spec *spec)
{
	return spec->nhooks[OCI_HOOK_PRESTART] || spec->nhooks[OCI_HOOK_CREATE_RUNTIME] ||
	       spec->nhooks[OCI_HOOK_CREATE_CONTAINER];
}

/* One byte from the gofer; nothing: it has failed, and said why. */
static int await(int sock)
{
	ssize_t n;
	char c;

	do
		n = read(sock, &c, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -ECANCELED;
}

/* A child that is born in the sandbox's pid namespace (and user namespace, if it has its own). Without root there is no way
 * back out of these, so another child goes in, and what it forks is our child. As fork(2), or -errno after a message. */
static pid_t fork_beside(const struct birth *b, const struct cgroup_door *door, int pidns)
{
	_cleanup_close_ int own = -1, userns = -1;
	pid_t pid = -1, helper;
	int p[2], r = 0;

	fflush(NULL);
	if (!b->opts->rootless) {
		own = open_ns(getpid(), "pid");
		if (own < 0)
			return own;
		if (setns(pidns, CLONE_NEWPID) < 0)
			return log_errno(-errno, "entering the sandbox's pid namespace");
		pid = cgroup_door_fork(door, 0);
		if (pid != 0 && setns(own, CLONE_NEWPID) < 0)
			return log_errno(-errno, "leaving the sandbox's pid namespace");
		return pid < 0 ? log_errno(pid, "forking the gofer") : pid;
	}
	userns = b->maps.nuid ? open_ns(b->kernel, "user") : -1;
	if (b->maps.nuid && userns < 0)
		return userns;
	if (pipe2(p, O_CLOEXEC) < 0)
		return log_errno(-errno, "pipe");
	helper = fork();
	if (helper == 0) {
		if (userns >= 0 && setns(userns, CLONE_NEWUSER) < 0)
			child_fail("entering the sandbox's user namespace", NULL);
		if (setns(pidns, CLONE_NEWPID) < 0)
			child_fail("entering the sandbox's pid namespace", NULL);
		close(p[0]);
		pid = cgroup_door_fork(door, CLONE_PARENT);
		if (pid == 0) {
			close(p[1]);
			return 0;
		}
		if (pid < 0)
			log_errno(pid, "forking the gofer");
		_exit(write(p[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	r = helper < 0 ? log_errno(-errno, "forking the gofer") : 0;
	close(p[1]);
	if (r == 0 && read(p[0], &pid, sizeof(pid)) != sizeof(pid))
		r = -ECANCELED; /* it has said why */
	close(p[0]);
	while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : pid;
}

int birth_gofer(struct birth *b)
{
	_cleanup_close_ int prog = open_program("nacre-gofer"), pidns = open_ns(b->kernel, "pid"), null = open_null();
	struct cgroup_door door = {.v2 = -1};
	int sv[2], hooks[2] = {-1, -1}, r;
	pid_t pid;

	if (prog < 0 || pidns < 0 || null < 0)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return log_errno(-errno, "socketpair");
	b->gofer_sock = sv[0];
	r = cgroup_door_open(b->cgroup, false, &door);
	if (r == 0 && needs_hooks(b->spec) && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hooks) < 0)
		r = log_errno(-errno, "socketpair");
	b->hooks_sock = hooks[0];
	if (r == 0) {
		pid = fork_beside(b, &door, pidns);
		if (pid == 0) {
			close(TAKE_FD(b->hooks_sock));
			gofer_main(b, sv[1], prog, null, hooks[1]);
		}
		if (pid < 0)
			r = pid;
		else
			b->gofer = pid;
	}
	cgroup_door_close(&door);
	close(sv[1]);
	close(TAKE_FD(b->net_sock));
	if (hooks[1] >= 0)
		close(hooks[1]);
	return r == 0 && b->hooks_sock >= 0 ? await(b->hooks_sock) : r;
}

int birth_gofer_hooks(struct birth *b, const char *state_json)
{
	size_t left = strlen(state_json) + 1;

	if (b->hooks_sock < 0)
		return 0;
	while (left) {
		ssize_t n = send(b->hooks_sock, state_json, left, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return log_errno(-errno, "createContainer hooks");
		state_json += MAX(n, 0);
		left -= (size_t)MAX(n, 0);
	}
	shutdown(b->hooks_sock, SHUT_WR);
	return await(b->hooks_sock);
}
