/* SPDX-License-Identifier: Apache-2.0 */
/* nacre-kernel's filter and the rights it gives up, in a child of each test. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "../../src/platform/trap/layout.h"
#include "../tap.h"
#include "base/hostio.h"
#include "confine/filter.h"
#include "confine/kernel_filter.h"
#include "confine/rights.h"

_Static_assert(KERNEL_KICK_SIGNAL == KICK_SIGNAL, "the filter must let the kick pass");

static void *nothing(void *arg)
{
	return arg;
}

/* Runs fn under the filter; its exit status. The log of a violation goes to text. */
static int under_filter(long (*fn)(void), char text[256])
{
	int p[2], status;
	ssize_t n;
	pid_t pid;

	CHECK_EQ(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		int proc = open("/proc/self", O_PATH | O_DIRECTORY), slots = memfd_create("slots", MFD_CLOEXEC);
		pthread_t t;

		if (pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL) || proc < 0 || dup2(proc, KERNEL_PROC_FD) < 0 || ftruncate(slots, 4096) < 0 || dup2(slots, KERNEL_SLOTS_FD) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    kernel_filter_install(p[1], false) < 0)
			_exit(90);
		_exit(fn() >= 0 ? 0 : 91);
	}
	close(p[1]);
	n = read(p[0], text, 255);
	text[n > 0 ? n : 0] = 0;
	close(p[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

#define ALLOWED(expr)                                                                              \
	do {                                                                                       \
		char text_[256];                                                                   \
		CHECK_EQ(under_filter(expr, text_), 0);                                            \
		CHECK_STR(text_, "");                                                            \
	} while (0)
#define FORBIDDEN(expr, name)                                                                      \
	do {                                                                                       \
		char text_[256];                                                                   \
		CHECK_EQ(under_filter(expr, text_), FILTER_EXIT);                           \
		CHECK(strstr(text_, "forbidden system call " name "\"") != NULL);                  \
	} while (0)

static int fwords[2];

#define CALL(fname, expr)                                                                          \
	static long fname(void)                                                                    \
	{                                                                                          \
		return (long)(expr);                                                               \
	}
CALL(do_open_etc, syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY))
CALL(do_open_abs, open("/etc/shadow", O_RDONLY))
CALL(do_open_proc, syscall(SYS_openat, KERNEL_PROC_FD, "stat", O_RDONLY | O_CLOEXEC))
CALL(do_open_proc_write, syscall(SYS_openat, KERNEL_PROC_FD, "comm", O_RDWR))
CALL(do_open_proc_creat, syscall(SYS_openat, KERNEL_PROC_FD, "x", O_RDONLY | O_CREAT, 0600))
CALL(do_openat2, syscall(SYS_openat2, KERNEL_PROC_FD, "stat", NULL, 0))
CALL(do_socket, socket(AF_INET, SOCK_STREAM, 0))
CALL(do_ptrace, ptrace(PTRACE_TRACEME, 0, 0, 0))
CALL(do_mount, mount("none", "/", "tmpfs", 0, NULL))
CALL(do_execve, execl("/bin/true", "true", NULL))
CALL(do_fork, syscall(SYS_fork))
CALL(do_clone_newuser, syscall(SYS_clone, 0x10000000 | SIGCHLD, 0, 0, 0, 0))
CALL(do_unshare, syscall(SYS_unshare, 0x10000000))
CALL(do_kill_term, syscall(SYS_kill, 1, SIGTERM))
CALL(do_kill_0, syscall(SYS_kill, 1, 0))
CALL(do_tgkill, syscall(SYS_tgkill, 1, 1, SIGTERM))
CALL(do_mmap_exec, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
CALL(do_mmap, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : -1)
CALL(do_tiocsti, syscall(SYS_ioctl, 0, TIOCSTI, "x"))
CALL(do_setuid, syscall(SYS_setuid, 0))
CALL(do_bpf, syscall(SYS_bpf, 0, 0, 0))
CALL(do_io_uring, syscall(SYS_io_uring_setup, 1, 0))
CALL(do_eventfd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
CALL(do_epoll, epoll_create1(EPOLL_CLOEXEC))
CALL(do_memfd, memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING))
CALL(do_fchmod_exec, fchmod(1, 0755))
CALL(do_memfd_exec, memfd_create("x", MFD_CLOEXEC))
CALL(do_kill_all, syscall(SYS_kill, -1, SIGKILL))
CALL(do_mmap_file, syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, KERNEL_PROC_FD, 0))
CALL(do_mmap_slots, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, KERNEL_SLOTS_FD, 0) == MAP_FAILED ? -1 : 0)
CALL(do_requeue, syscall(SYS_futex, &fwords[0], FUTEX_CMP_REQUEUE, 1, 1, &fwords[1], 0))
CALL(do_lock_pi, syscall(SYS_futex, &fwords[0], FUTEX_LOCK_PI, 0, NULL, NULL, 0))
CALL(do_wake, syscall(SYS_futex, &fwords[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
CALL(do_sendto, syscall(SYS_sendto, 1, "", 0, 0, NULL, 0))
CALL(do_sigreturn, syscall(SYS_rt_sigreturn))
CALL(do_pread, hio_pread(KERNEL_SLOTS_FD, fwords, sizeof(fwords), 0))

static long do_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0 ? 0 : -1;
}

static long do_fstat(void)
{
	struct stat st;

	return hio_fstat(1, &st);
}

static long do_stat_name(void)
{
	struct stat st;

	return stat("/etc", &st);
}

TEST(filter_allows)
{
	ALLOWED(do_open_proc);
	ALLOWED(do_mmap);
	ALLOWED(do_eventfd);
	ALLOWED(do_epoll);
	ALLOWED(do_memfd);
	ALLOWED(do_thread);
	ALLOWED(do_fstat);
	ALLOWED(do_mmap_slots);
	ALLOWED(do_pread);
	ALLOWED(do_wake);
}

TEST(filter_names)
{
	FORBIDDEN(do_open_etc, "openat");
	FORBIDDEN(do_open_abs, "openat");
	FORBIDDEN(do_open_proc_write, "openat");
	FORBIDDEN(do_open_proc_creat, "openat");
	FORBIDDEN(do_openat2, "openat2");
	FORBIDDEN(do_stat_name, "newfstatat");
}

TEST(filter_processes)
{
	FORBIDDEN(do_ptrace, "ptrace");
	FORBIDDEN(do_execve, "execve");
	FORBIDDEN(do_fork, "fork");
	FORBIDDEN(do_clone_newuser, "clone");
	FORBIDDEN(do_unshare, "unshare");
	FORBIDDEN(do_kill_term, "kill");
	FORBIDDEN(do_kill_0, "kill");
	FORBIDDEN(do_kill_all, "kill");
	FORBIDDEN(do_sigreturn, "rt_sigreturn");
	FORBIDDEN(do_tgkill, "tgkill");
	FORBIDDEN(do_setuid, "setuid");
}

TEST(filter_the_rest)
{
	FORBIDDEN(do_socket, "socket");
	FORBIDDEN(do_mount, "mount");
	FORBIDDEN(do_mmap_exec, "mmap");
	FORBIDDEN(do_tiocsti, "ioctl");
	FORBIDDEN(do_bpf, "bpf");
	FORBIDDEN(do_io_uring, "io_uring_setup");
	FORBIDDEN(do_fchmod_exec, "fchmod");
	FORBIDDEN(do_memfd_exec, "memfd_create");
	FORBIDDEN(do_mmap_file, "mmap");
	FORBIDDEN(do_requeue, "futex");
	FORBIDDEN(do_lock_pi, "futex");
	FORBIDDEN(do_sendto, "sendto");
}

/* The filter holds in threads that were there before it. */
static volatile int go;

static void *late(void *arg)
{
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		sched_yield();
	socket(AF_INET, SOCK_STREAM, 0);
	return arg;
}

TEST(filter_all_threads)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		pthread_t t;

		if (pthread_create(&t, NULL, late, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    kernel_filter_install(-1, false) < 0)
			_exit(90);
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		pthread_join(t, NULL);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == FILTER_EXIT);
}

TEST(rights)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];
	struct rlimit l;

	CHECK_EQ(rights_drop(), 0);
	CHECK_EQ(syscall(SYS_capget, &h, d), 0);
	CHECK_EQ(d[0].effective | d[0].permitted | d[0].inheritable, 0U);
	CHECK_EQ(d[1].effective | d[1].permitted | d[1].inheritable, 0U);
	CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	CHECK_EQ(getrlimit(RLIMIT_CORE, &l), 0);
	CHECK_EQ((long)l.rlim_max, 0);
	CHECK_EQ(rights_drop(), 0); /* again, with nothing left to drop */
}

TAP_MAIN()
