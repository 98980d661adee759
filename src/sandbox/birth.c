/* SPDX-License-Identifier: Apache-2.0 */
/* Process 1 and the factory. Everything here runs in children forked from a single-threaded nacre. */
#include "sandbox/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "base/log.h"
#include "confine/rights.h"
#include "base/title.h"
#include "proto/fuse_wire.h"
#include "sandbox/sanitizer.h"

#define FIRST_FREE_FD 3

int open_program(const char *name)
{
	char self[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd;

	if (n < 0)
		return -errno;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	snprintf(path, sizeof(path), "%s/%s", self, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		snprintf(path, sizeof(path), "%s/../libexec/nacre/%s", self, name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? log_errno(-errno, "opening %s", path) : fd;
}

int open_null(void)
{
	_cleanup_close_ int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 64);

	return high < 0 ? log_errno(-errno, "/dev/null") : high;
}

int seal_descriptors(int null, int log, unsigned kept, int prog)
{
	/* The container's streams are not ours: who reads them waits until the last holder is gone. */
	if (dup3(null, 0, 0) < 0 || dup3(null, 1, 0) < 0 || (log >= 0 && dup3(log, 2, 0) < 0))
		return -errno;
	syscall(SYS_close_range, kept, (unsigned)prog - 1, 0);
	syscall(SYS_close_range, (unsigned)prog + 1, ~0U, 0);
	return 0;
}

static int child_fail(const char *what)
{
	log_errno(-errno, "%s", what);
	_exit(1);
}

static void loopback_up(void)
{
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		child_fail("bringing up lo");
}

/* Does this sandbox have internet sockets? */
static bool has_network(const struct birth *b)
{
	return !b->opts->network || strcmp(b->opts->network, "off") != 0;
}

/* The namespace of the spec that is joined; NULL: a new one. */
static const char *network_path(const struct birth *b)
{
	return b->opts->network && strcmp(b->opts->network, "host") != 0 ? NULL : b->spec->ns[OCI_NS_NET].path;
}

static const char *spec_sysctl(const struct birth *b, const char *key)
{
	for (size_t i = 0; i < b->spec->nsysctl; i++)
		if (!strcmp(b->spec->sysctl[i].key, key))
			return b->spec->sysctl[i].value;
	return NULL;
}

/* name: below /proc/sys. A host that mounts it read-only, or is too old for the name: a warning. */
static void set_sysctl(const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[256];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		log_warning("%s: %s: it stays as it is", path, strerror(errno));
}

/* May ICMP sockets of group gid be made? In a namespace that several sandboxes share, each widens the range. */
static void allow_ping(gid_t gid)
{
	_cleanup_close_ int fd = open("/proc/sys/net/ipv4/ping_group_range", O_RDONLY | O_CLOEXEC);
	unsigned long lo = 1, hi = 0;
	char text[64] = "", *end = text;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0) {
		lo = strtoul(text, &end, 10);
		hi = strtoul(end, NULL, 10);
	}
	if (lo > hi)
		lo = hi = gid;
	if (lo <= gid && gid <= hi && end != text && strtoul(text, NULL, 10) == lo && strtoul(end, NULL, 10) == hi)
		return;
	snprintf(text, sizeof(text), "%lu %lu", MIN(lo, (unsigned long)gid), MAX(hi, (unsigned long)gid));
	set_sysctl("net/ipv4/ping_group_range", text);
}

/* The pod's own namespace: the guest kernel checks the guest's rights, the host lets the sandbox's user do what it asks.
 * Settings of the spec are the host's to keep, but for these two. */
static void network_sysctls(const struct birth *b)
{
	for (size_t i = 0; i < b->spec->nsysctl; i++) {
		const char *k = b->spec->sysctl[i].key;
		char name[200];

		if (strncmp(k, "net.", 4) != 0 || strlen(k) >= sizeof(name) || !strcmp(k, "net.ipv4.ping_group_range") ||
		    !strcmp(k, "net.ipv4.ip_unprivileged_port_start"))
			continue;
		snprintf(name, sizeof(name), "%s", k);
		for (char *p = name; *p; p++)
			*p = *p == '.' ? '/' : *p;
		set_sysctl(name, b->spec->sysctl[i].value);
	}
	set_sysctl("net/ipv4/ip_unprivileged_port_start", "0");
	allow_ping((gid_t)b->kuid);
}

/* In the network namespace of the spec, or in a new one where lo is up. */
static void enter_network(const struct birth *b, int net)
{
	struct stat before, after;

	if (stat("/proc/self/ns/net", &before) < 0)
		child_fail("/proc/self/ns/net");
	if (net >= 0 ? setns(net, CLONE_NEWNET) < 0 : unshare(CLONE_NEWNET) < 0)
		child_fail("entering the network namespace");
	if (net < 0)
		loopback_up();
	/* A path to nacre's own namespace: the settings of the host's network are not ours. */
	if (has_network(b) && stat("/proc/self/ns/net", &after) == 0 && after.st_ino != before.st_ino)
		network_sysctls(b);
}

/* An empty, read-only root; the old one is gone. at: any directory that exists. */
static void empty_root(const char *at)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("nacre", at, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, SANITIZER_ROOT_SIZE) < 0 ||
	    chdir(at) < 0 || sanitizer_libraries() < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		child_fail("making an empty root");
}

/* A detached procfs of this pid namespace that shows processes only. */
static int open_proc(void)
{
	int fs = (int)syscall(SYS_fsopen, "proc", 1U /* CLOEXEC */), fd;

	if (fs < 0)
		child_fail("fsopen proc");
	if (syscall(SYS_fsconfig, fs, 1U /* SET_STRING */, "subset", "pid", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, 6U /* CREATE */, NULL, NULL, 0) < 0)
		child_fail("fsconfig proc subset=pid");
	fd = (int)syscall(SYS_fsmount, fs, 1U, 0U);
	if (fd < 0)
		child_fail("fsmount proc");
	close(fs);
	return fd;
}

/* In a user namespace of its own: nothing to be done before the parent has said who is who in it. */
static void await_maps(const struct birth *b, int go)
{
	char c;

	if (b->maps.nuid && read(go, &c, 1) != 1)
		_exit(1);
}

/* The sandbox's user, no capability in any set, nothing to gain by exec. */
static void drop_rights(uid_t kuid)
{
	int r = rights_become(kuid);

	if (r < 0) {
		errno = -r;
		child_fail("becoming the sandbox's user");
	}
}

/* Moves fd to a number that exec keeps open. */
static int keep(int fd, int at)
{
	if (dup3(fd, at, 0) < 0)
		child_fail("dup3");
	return at;
}

static _Noreturn void factory(int sock, int stub, uid_t kuid)
{
	char title[STUB_TITLE], *const argv[] = {title, NULL}, *const envp[] = {NULL};

	/* Room for the command lines of guest processes, which the host's ps finds there. */
	memset(title, ' ', sizeof(title) - 1);
	memcpy(title, "nacre-stub", strlen("nacre-stub"));
	title[sizeof(title) - 1] = 0;
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		child_fail("the factory's namespaces");
	setsid();
	stub = fcntl(stub, F_DUPFD_CLOEXEC, 64);
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 64);
	keep(sock, 3);
	drop_rights(kuid);
	/* stdin, stdout and stderr are not the stub's business. */
	syscall(SYS_close_range, 0U, 2U, 0);
	syscall(SYS_close_range, 4U, (unsigned)stub - 1, 0);
	syscall(SYS_close_range, (unsigned)stub + 1, ~0U, 0);
	syscall(SYS_execveat, stub, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

struct fds {
	int control, factory, proc, log, kernel, stub, null;
};

static _Noreturn void exec_kernel(const struct birth *b, struct fds *f)
{
	char control[16], fac[16], proc[16], log[16], strace[512], network[40];
	char *argv[18], *const envp[] = {NULL};
	unsigned n = 0, base = FIRST_FREE_FD;

	f->kernel = fcntl(f->kernel, F_DUPFD_CLOEXEC, 65);
	f->control = fcntl(f->control, F_DUPFD_CLOEXEC, 64);
	f->factory = fcntl(f->factory, F_DUPFD_CLOEXEC, 64);
	f->proc = fcntl(f->proc, F_DUPFD_CLOEXEC, 64);
	f->log = f->log >= 0 ? fcntl(f->log, F_DUPFD_CLOEXEC, 64) : -1;
	snprintf(control, sizeof(control), "%d", keep(f->control, (int)base++));
	snprintf(fac, sizeof(fac), "%d", keep(f->factory, (int)base++));
	snprintf(proc, sizeof(proc), "%d", keep(f->proc, (int)base++));
	snprintf(log, sizeof(log), "%d", f->log >= 0 ? keep(f->log, (int)base++) : 2);
	argv[n++] = (char *)(uintptr_t)"nacre-kernel";
	argv[n++] = (char *)(uintptr_t)"--control-fd";
	argv[n++] = control;
	argv[n++] = (char *)(uintptr_t)"--factory-fd";
	argv[n++] = fac;
	argv[n++] = (char *)(uintptr_t)"--proc-fd";
	argv[n++] = proc;
	argv[n++] = (char *)(uintptr_t)"--log-fd";
	argv[n++] = log;
	if (b->opts->log_json)
		argv[n++] = (char *)(uintptr_t)"--log-json";
	if (b->opts->debug)
		argv[n++] = (char *)(uintptr_t)"--debug";
	if (b->opts->strace) {
		snprintf(strace, sizeof(strace), "--strace=%s", b->opts->strace);
		argv[n++] = strace;
	}
	if (has_network(b)) {
		const char *start = spec_sysctl(b, "net.ipv4.ip_unprivileged_port_start");

		snprintf(network, sizeof(network), "--network=%lu", start ? strtoul(start, NULL, 10) : 1024UL);
		argv[n++] = network;
	}
	argv[n] = NULL;
	drop_rights(b->kuid);
	if (seal_descriptors(f->null, f->log, base, f->kernel) < 0)
		child_fail("descriptors");
	syscall(SYS_execveat, f->kernel, "", argv, envp, AT_EMPTY_PATH);
	child_fail("executing nacre-kernel");
	_exit(127);
}

/* The gofer wants to be in the same network namespace. */
static void send_network(int sock)
{
	_cleanup_close_ int net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r = net < 0 ? -errno : fw_send(sock, "", 1, net, 0);

	if (r < 0) {
		errno = -r;
		child_fail("handing over the network namespace");
	}
}

/*
 * The child of process 1 is born in the container's cgroup, and so are its own, the zygotes: moving a
 * zygote later would cost as much as all the rest.
 */
static _Noreturn void process_one(const struct birth *b, struct fds *f, int net, const struct cgroup_door *door,
				  int net_sock, int go)
{
	int sv[2];
	pid_t pid;
	char c;

	setsid();
	await_maps(b, go);
	log_phase("1-placed");
	enter_network(b, net);
	send_network(net_sock);
	log_phase("1-network");
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		child_fail("the kernel's namespaces");
	/* First the procfs: in a user namespace one may be made only where another is in sight. */
	f->proc = open_proc();
	empty_root(b->dir);
	log_phase("1-root");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		child_fail("socketpair");
	pid = cgroup_door_fork(door, 0);
	if (pid < 0) {
		errno = -pid;
		child_fail("forking the factory");
	}
	if (pid == 0)
		factory(sv[1], f->stub, b->kuid);
	f->factory = sv[0];
	/* Of a nacre that was killed before, nobody could find what it has begun. */
	if (read(go, &c, 1) != 1)
		_exit(1);
	log_phase("1-exec");
	exec_kernel(b, f);
}

int birth_kernel(struct birth *b)
{
	_cleanup_close_ int kernel = open_program("nacre-kernel"), stub = open_program("nacre-stub"), net = -1;
	_cleanup_close_ int null = open_null();
	struct cgroup_door own = {.v2 = -1}, containers = {.v2 = -1};
	struct fds f = {.control = b->listen_fd, .log = b->opts->log_fd, .kernel = kernel, .stub = stub, .null = null};
	const char *path = network_path(b);
	int sv[2], go[2], r;
	pid_t pid;

	if (kernel < 0 || stub < 0 || null < 0)
		return kernel < 0 ? kernel : MIN(stub, null);
	if (path) {
		net = open(path, O_RDONLY | O_CLOEXEC);
		if (net < 0)
			return log_errno(-errno, "linux.namespaces network path %s", path);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return log_errno(-errno, "socketpair");
	b->net_sock = sv[0];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) < 0) {
		close(sv[1]);
		return log_errno(-errno, "socketpair");
	}
	b->go = go[0];
	r = cgroup_door_open(b->cgroup, true, &own);
	if (r == 0)
		r = cgroup_door_open(b->cgroup, false, &containers);
	containers.unit = NULL; /* process 1 is beside it */
	if (r == 0) {
		fflush(NULL);
		pid = cgroup_door_fork(&own, CLONE_NEWPID | (b->maps.nuid ? CLONE_NEWUSER : 0));
		if (pid == 0) {
			close(go[0]);
			process_one(b, &f, net, &containers, sv[1], go[1]);
		}
		if (pid < 0 && b->maps.nuid)
			userns_explain(pid), r = pid;
		else if (pid < 0)
			r = log_errno(pid, "making the sandbox's pid namespace");
		else
			b->kernel = pid;
	}
	if (r == 0 && b->maps.nuid) {
		r = userns_write(&b->maps, pid);
		if (r == 0 && send(b->go, "", 1, MSG_NOSIGNAL) != 1)
			r = log_errno(-errno, "the sandbox's first process ended at once");
	}
	cgroup_door_close(&own);
	cgroup_door_close(&containers);
	close(sv[1]);
	close(go[1]);
	/* Ours would keep the socket alive when process 1 is dead, and the first call would wait for ever. */
	close(TAKE_FD(b->listen_fd));
	return r;
}

int birth_go(struct birth *b)
{
	int r = send(b->go, "", 1, MSG_NOSIGNAL) == 1 ? 0 : log_errno(-errno, "the sandbox's first process ended at once");

	close(TAKE_FD(b->go));
	return r;
}
