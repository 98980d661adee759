/* SPDX-License-Identifier: Apache-2.0 */
/* For each number, arguments that the host would act on. The canaries are the outside's: a file, a process, sockets. */
#include "esc.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static char path[4096], buf[65536];
static const char *argv0[2];
static struct iovec_ {
	void *p;
	size_t n;
} iov = {buf, 64};
static struct msghdr msg;
static struct sockaddr_un sun;
static uint64_t clone_args[11];

static void prepare(void)
{
	const char *file = getenv("ESC_FILE"), *name = getenv("ESC_SOCKET");

	strncpy(path, file ? file : "/etc/shadow", sizeof(path) - 1);
	argv0[0] = path;
	memset(buf, 0x41, sizeof(buf));
	sun.sun_family = AF_UNIX;
	if (name)
		strncpy(sun.sun_path + 1, name, sizeof(sun.sun_path) - 2);
	msg = (struct msghdr){.msg_name = &sun, .msg_namelen = sizeof(sun), .msg_iov = (void *)&iov, .msg_iovlen = 1};
	clone_args[0] = CLONE_NEWUSER;
	clone_args[4] = SIGCHLD;
}

#define P(x) ((uint64_t)(uintptr_t)(x))
#define SET(...)                                                                                   \
	do {                                                                                       \
		const uint64_t v_[6] = {__VA_ARGS__};                                              \
		memcpy(a, v_, sizeof(v_));                                                         \
	} while (0)

static int files(int nr, uint64_t a[6])
{
	switch (nr) {
	case SYS_open: SET(P(path), O_RDWR | O_CREAT | O_TRUNC, 0666); return 1;
	case SYS_creat: case SYS_chmod: case SYS_truncate: case SYS_mkdir: case SYS_access: SET(P(path), 0); return 1;
	case SYS_openat: case SYS_mknodat: SET((uint64_t)AT_FDCWD, P(path), O_RDWR | O_CREAT | O_TRUNC, 0666); return 1;
	case SYS_unlinkat: case SYS_mkdirat: case SYS_fchmodat: SET((uint64_t)AT_FDCWD, P(path), 0); return 1;
	case SYS_unlink: case SYS_rmdir: case SYS_chdir: case SYS_chroot: SET(P(path)); return 1;
	case SYS_read: case SYS_write: case SYS_pread64: case SYS_pwrite64: SET(0, P(buf), 64, 0); return 1;
	case SYS_ioctl: SET(0, 0x5412 /* TIOCSTI */, P(buf)); return 1;
	case SYS_mount: SET(P("none"), P("/"), P("tmpfs"), 0, 0); return 1;
	case SYS_umount2: SET(P("/"), 2 /* DETACH */); return 1;
	case SYS_memfd_create: SET(P("x"), 0); return 1;
	case SYS_pipe: case SYS_pipe2: SET(P(buf), 0); return 1;
	case SYS_dup: SET(0); return 1;
	case SYS_dup2: case SYS_dup3: SET(0, 77, 0); return 1;
	case SYS_close: SET(0); return 1;
	case SYS_fcntl: SET(0, F_DUPFD, 100); return 1;
	case SYS_eventfd: case SYS_eventfd2: case SYS_epoll_create1: case SYS_inotify_init1: case SYS_timerfd_create:
		SET(0, 0);
		return 1;
	default: return 0;
	}
}

static int processes(int nr, uint64_t a[6])
{
	uint64_t pid = getenv("ESC_PID") ? (uint64_t)atol(getenv("ESC_PID")) : 1;

	switch (nr) {
	case SYS_execve: SET(P("/bin/sh"), P(argv0), 0); return 1;
	case SYS_execveat: SET((uint64_t)AT_FDCWD, P("/bin/sh"), P(argv0), 0, 0); return 1;
	case SYS_kill: SET((uint64_t)-1, SIGKILL); return 1;
	case SYS_tkill: SET(1, SIGKILL); return 1;
	case SYS_tgkill: SET(pid, pid, SIGKILL); return 1;
	case SYS_ptrace: SET(0x4206 /* SEIZE */, 1, 0, 0); return 1;
	case SYS_process_vm_readv: case SYS_process_vm_writev: SET(1, P(&iov), 1, P(&iov), 1, 0); return 1;
	case SYS_clone: SET(SIGCHLD, 0, 0, 0, 0); return 1;
	case SYS_clone3: SET(P(clone_args), 88); return 1;
	case SYS_fork: case SYS_vfork: SET(0); return 1;
	case SYS_unshare: SET(CLONE_NEWUSER); return 1;
	case SYS_setns: SET(0, 0); return 1;
	case SYS_prctl: SET(4 /* SET_DUMPABLE */, 0); return 1;
	case SYS_arch_prctl: SET(0x1002 /* SET_FS */, P(buf)); return 1;
	case SYS_seccomp: SET(1, 0, P(buf)); return 1;
	case SYS_rt_sigaction: SET(SIGUSR1, 0, P(buf), 8); return 1;
	case SYS_sigaltstack: SET(0, P(buf)); return 1;
	case SYS_rt_sigprocmask: SET(SIG_BLOCK, 0, P(buf), 8); return 1;
	case SYS_prlimit64: SET(1, 7, 0, P(buf)); return 1;
	case SYS_setuid: case SYS_setgid: SET(0); return 1;
	case SYS_pidfd_open: SET(1, 0); return 1;
	case SYS_personality: SET(0x0040000 /* ADDR_NO_RANDOMIZE */); return 1;
	default: return 0;
	}
}

static int the_rest(int nr, uint64_t a[6])
{
	switch (nr) {
	case SYS_socket: SET(AF_UNIX, SOCK_STREAM, 0); return 1;
	case SYS_socketpair: SET(AF_UNIX, SOCK_STREAM, 0, P(buf)); return 1;
	case SYS_connect: case SYS_bind: SET(0, P(&sun), sizeof(sun)); return 1;
	case SYS_sendmsg: case SYS_recvmsg: SET(0, P(&msg), 0); return 1;
	case SYS_sendto: SET(0, P(buf), 64, 0, P(&sun), sizeof(sun)); return 1;
	case SYS_io_uring_setup: SET(8, P(buf + 4096)); return 1;
	case SYS_bpf: SET(0, P(buf), 64); return 1;
	case SYS_perf_event_open: SET(P(buf), 0, (uint64_t)-1, (uint64_t)-1, 0); return 1;
	case SYS_userfaultfd: SET(0); return 1;
	case SYS_keyctl: SET(0, (uint64_t)-3, 1); return 1;
	case SYS_add_key: SET(P("user"), P("x"), P(buf), 8, (uint64_t)-3); return 1;
	case SYS_reboot: SET(0xfee1dead, 672274793, 0, 0); return 1; /* Ctrl-Alt-Del off: the mildest */
	case SYS_futex: SET(P(buf), 1 /* WAKE */, 1, 0, 0, 0); return 1;
	case SYS_mmap: SET(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0); return 1;
	case SYS_mprotect: SET(P(buf) & ~4095ULL, 4096, 7); return 1;
	case SYS_munmap: SET(0x10000, 4096); return 1;
	case SYS_mremap: SET(P(buf) & ~4095ULL, 4096, 8192, 1); return 1;
	case SYS_madvise: SET(P(buf) & ~4095ULL, 4096, 100 /* HWPOISON */); return 1;
	case SYS_close_range: SET(0, ~0U, 0); return 1;
	case SYS_exit: case SYS_exit_group: SET(33); return 1;
	case SYS_shmget: SET(0, 4096, 01600); return 1;
	case SYS_nanosleep: SET(0, 0); return 1;
	default: return 0;
	}
}

void live_args(int nr, int abi32, uint64_t a[6])
{
	if (!path[0])
		prepare();
	SET(P(path), P(buf), 64, P(buf + 8192), 64, P(buf + 16384));
	/* The numbers of i386 are others: pointers everywhere are as good as any. */
	if (!abi32 && !files(nr, a) && !processes(nr, a))
		the_rest(nr, a);
}
