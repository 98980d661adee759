/* SPDX-License-Identifier: Apache-2.0 */
#include "base/breach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/compiler.h"

#define ROUTE_FD 1002 /* the kernel's netlink socket */
#define PROC_FD 1000 /* the kernel's procfs descriptor (confine/kernel_filter.h) */
#define RAW(...) raw(syscall(__VA_ARGS__))

static long raw(long r)
{
	return r < 0 ? -errno : r;
}

static long openat2_(const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags};

	return RAW(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* Any process's root by way of procfs: the first that opens. */
static long any_root(int fd, const char *prefix, const char *rest)
{
	long r = -ENOENT, worst = -ENOENT;

	for (int pid = 1; pid < 40; pid++) {
		char path[256] = "", digits[4] = {(char)('0' + pid / 10), (char)('0' + pid % 10)};

		strcat(strcat(strcat(strcat(path, prefix), digits + (pid < 10)), "/root/"), rest);
		r = fd >= 0 ? RAW(SYS_openat, fd, path, O_RDONLY) : openat2_(path, O_RDONLY);
		if (r >= 0)
			return r;
		if (r != -ENOENT)
			worst = r;
	}
	return worst;
}

static long device(mode_t type, unsigned long dev, const char *path)
{
	long r;

	(void)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	r = RAW(SYS_mknodat, AT_FDCWD, path, type | 0600, dev);
	if (r < 0)
		return r;
	r = openat2_(path, O_RDONLY);
	(void)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	return r;
}

static long memfd_exec(void)
{
	char *const none[] = {NULL};
	long fd = RAW(SYS_memfd_create, "x", 0U);

	return fd < 0 ? fd : RAW(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
}

static long vm_read(pid_t pid, bool write)
{
	static char here[16];
	/* A program begins at an address that its neighbour does not know: the refusal comes before that matters. */
	struct iovec l = {here, sizeof(here)}, r = {here, sizeof(here)};

	return RAW(write ? SYS_process_vm_writev : SYS_process_vm_readv, pid, &l, 1UL, &r, 1UL, 0UL);
}

static long clone3_ns(void)
{
	uint64_t a[11] = {CLONE_NEWUSER};

	a[4] = SIGCHLD;
	return RAW(SYS_clone3, a, sizeof(a));
}

static long prlimit_(pid_t pid)
{
	uint64_t l[2] = {0, 0};

	return RAW(SYS_prlimit64, pid, 4, l, NULL);
}

static long affinity(pid_t pid)
{
	uint64_t one = 1;

	return RAW(SYS_sched_setaffinity, pid, sizeof(one), &one);
}

static long page_exec(bool map)
{
	void *p = mmap(NULL, 4096, PROT_READ | (map ? PROT_EXEC : 0), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -errno : map ? 0 : RAW(SYS_mprotect, p, 4096UL, PROT_READ | PROT_EXEC);
}

/* Puts lo out of service, or says what the host answers. */
static long route_change(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = {{sizeof(q), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0}, {.ifi_index = 1, .ifi_change = 1}};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[256];
	} a;
	struct iovec out = {&q, sizeof(q)}, in = {&a, sizeof(a)};
	struct msghdr mo = {.msg_iov = &out, .msg_iovlen = 1}, mi = {.msg_iov = &in, .msg_iovlen = 1};
	long r = RAW(SYS_sendmsg, ROUTE_FD, &mo, 0);

	if (r >= 0)
		r = RAW(SYS_recvmsg, ROUTE_FD, &mi, 0);
	return r < 0 ? r : a.h.nlmsg_type == NLMSG_ERROR ? a.e.error : -EPROTO;
}

static char text[256];
#define CALL(name, expr)                                                                           \
	if (!strcmp(what, name))                                                                   \
		return expr;

static long files(const char *what)
{
	CALL("openat-absolute", RAW(SYS_openat, AT_FDCWD, "/etc/shadow", O_RDONLY))
	CALL("openat-procroot", RAW(SYS_openat, AT_FDCWD, "/proc/self/root/etc/shadow", O_RDONLY))
	CALL("openat-cgroup", RAW(SYS_openat, AT_FDCWD, "/sys/fs/cgroup/cgroup.procs", O_WRONLY))
	CALL("openat2-absolute", openat2_("/etc/shadow", O_RDONLY))
	CALL("openat2-dotdot", openat2_("../../../../../../etc/shadow", O_RDONLY))
	CALL("openat2-export-dotdot", openat2_("/0/../../../../etc/shadow", O_RDONLY))
	CALL("openat2-procroot", openat2_("/proc/self/root/etc/shadow", O_RDONLY))
	CALL("openat2-any-root", any_root(-1, "/proc/", "etc/shadow"))
	CALL("openat2-cgroup", openat2_("/sys/fs/cgroup/cgroup.procs", O_WRONLY))
	CALL("openat2-core-pattern", openat2_("/proc/sys/kernel/core_pattern", O_WRONLY))
	CALL("openat2-sysrq", openat2_("/proc/sysrq-trigger", O_WRONLY))
	CALL("openat2-kcore", openat2_("/proc/kcore", O_RDONLY))
	CALL("openat2-neighbour-mem", openat2_("/proc/1/mem", O_RDWR))
	CALL("procfd-absolute", RAW(SYS_openat, PROC_FD, "/etc/shadow", O_RDONLY))
	CALL("procfd-dotdot", RAW(SYS_openat, PROC_FD, "../../../../etc/shadow", O_RDONLY))
	CALL("procfd-root", RAW(SYS_openat, PROC_FD, "self/root/etc/shadow", O_RDONLY))
	CALL("procfd-any-root", any_root(PROC_FD, "", "0/etc/shadow"))
	CALL("procfd-sysctl", RAW(SYS_openat, PROC_FD, "sys/kernel/core_pattern", O_RDONLY))
	CALL("procfd-write", RAW(SYS_openat, PROC_FD, "self/oom_score_adj", O_WRONLY))
	CALL("device-memory", device(S_IFCHR, 1UL << 8 | 1, "/0/.breach-device"))
	CALL("device-null", device(S_IFCHR, 1UL << 8 | 3, "/0/.breach-device"))
	CALL("handle", RAW(SYS_open_by_handle_at, AT_FDCWD, text, O_RDONLY))
	CALL("mount", RAW(SYS_mount, "none", "/", "tmpfs", 0UL, NULL))
	CALL("umount", RAW(SYS_umount2, "/proc", 2))
	CALL("pivot-root", RAW(SYS_pivot_root, ".", "."))
	CALL("chroot", RAW(SYS_chroot, "/proc"))
	CALL("open-tree", RAW(428, AT_FDCWD, "/", 1U))
	CALL("fsopen", RAW(430, "proc", 0U))
	return -ENOSTR;
}

static long processes(const char *what, pid_t pid)
{
	char *const none[] = {NULL};

	CALL("ptrace", RAW(SYS_ptrace, 0x4206L, pid, NULL, NULL))
	CALL("kill-term", RAW(SYS_kill, pid, SIGTERM))
	CALL("kill-kill", RAW(SYS_kill, pid, SIGKILL))
	CALL("kick", RAW(SYS_tgkill, pid, pid, SIGURG))
	CALL("process-vm-readv", vm_read(pid, false))
	CALL("process-vm-writev", vm_read(pid, true))
	CALL("pidfd-getfd", RAW(SYS_pidfd_getfd, 0, 0, 0U))
	CALL("prlimit", prlimit_(pid))
	CALL("affinity", affinity(pid))
	CALL("execve", RAW(SYS_execve, "/bin/sh", none, none))
	CALL("execve-proc", RAW(SYS_execve, "/proc/self/exe", none, none))
	CALL("memfd-exec", memfd_exec())
	CALL("fork", RAW(SYS_fork))
	CALL("clone-ns", RAW(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0UL, NULL, NULL, 0UL))
	CALL("clone3-ns", clone3_ns())
	CALL("unshare", RAW(SYS_unshare, CLONE_NEWUSER))
	CALL("setns", RAW(SYS_setns, 0, 0))
	CALL("setuid", RAW(SYS_setuid, 0))
	CALL("capset", RAW(SYS_capset, NULL, NULL))
	CALL("seccomp", RAW(SYS_seccomp, 1U, 0U, NULL))
	CALL("mmap-exec", page_exec(true))
	CALL("mprotect-exec", page_exec(false))
	CALL("personality", RAW(SYS_personality, 0x40000UL))
	return -ENOSTR;
}

static long the_rest(const char *what)
{
	CALL("socket-unix", RAW(SYS_socket, AF_UNIX, SOCK_STREAM, 0))
	CALL("socket-inet", RAW(SYS_socket, AF_INET, SOCK_STREAM, 0))
	CALL("socket-netlink", RAW(SYS_socket, AF_NETLINK, SOCK_RAW, 0))
	CALL("socket-packet", RAW(SYS_socket, AF_PACKET, SOCK_RAW, 0))
	CALL("connect", RAW(SYS_connect, 0, text, 16U))
	CALL("socket-raw", RAW(SYS_socket, AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 1))
	CALL("socket-mptcp", RAW(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 262))
	CALL("sockopt-mark", RAW(SYS_setsockopt, ROUTE_FD, SOL_SOCKET, SO_MARK, text, 4))
	CALL("sockopt-filter", RAW(SYS_setsockopt, ROUTE_FD, SOL_SOCKET, SO_ATTACH_FILTER, text, 16))
	CALL("sockopt-netfilter", RAW(SYS_getsockopt, ROUTE_FD, 0, 64, text, text))
	CALL("sockopt-ulp", RAW(SYS_setsockopt, ROUTE_FD, 6, 31, "tls", 3))
	CALL("interface-down", RAW(SYS_ioctl, ROUTE_FD, 0x8914UL, text))
	CALL("route-change", route_change())
	CALL("bpf", RAW(SYS_bpf, 0, text, 64U))
	CALL("perf-event-open", RAW(SYS_perf_event_open, text, 0, -1, -1, 0UL))
	CALL("io-uring-setup", RAW(SYS_io_uring_setup, 8U, text))
	CALL("keyctl", RAW(SYS_keyctl, 0, -3L, 1UL, 0UL, 0UL))
	CALL("add-key", RAW(SYS_add_key, "user", "x", "y", 1UL, -3))
	CALL("init-module", RAW(SYS_init_module, text, 16UL, ""))
	CALL("kexec", RAW(SYS_kexec_load, 0UL, 0UL, NULL, 0UL))
	CALL("userfaultfd", RAW(SYS_userfaultfd, 0))
	CALL("tiocsti", RAW(SYS_ioctl, 0, 0x5412UL, text))
	CALL("tiocsti-high", RAW(SYS_ioctl, 0, 0x100005412UL, text))
	CALL("tiocsctty", RAW(SYS_ioctl, 0, 0x540eUL, 0))
	CALL("reboot", RAW(SYS_reboot, 0xfee1deadUL, 672274793UL, 0UL, NULL))
	CALL("sethostname", RAW(SYS_sethostname, "x", 1UL))
	CALL("settime", RAW(SYS_clock_settime, 0, text))
	CALL("prctl-dumpable", RAW(SYS_prctl, 4, 1UL, 0UL, 0UL, 0UL))
	return -ENOSTR;
}

long breach_call(const char *name)
{
	char what[64];
	size_t n = strcspn(name, ":");
	pid_t pid = name[n] ? (pid_t)atoi(name + n + 1) : 1;
	long r;

	if (n >= sizeof(what))
		return -ENOSTR;
	memcpy(what, name, n);
	what[n] = 0;
	r = files(what);
	if (r == -ENOSTR)
		r = processes(what, pid);
	return r == -ENOSTR ? the_rest(what) : r;
}
