/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time program: prints nacre-kernel's filter as C. The list is the whole of what the application kernel may ask of
 * the host kernel; each line says who asks. */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <linux/sockios.h>
#include "base/inet_options.h"
#include "confine/filter_gen.h"
#include "confine/kernel_filter.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

static const struct rule allow[] = {
	/* channels */
	ANY(sendmsg), /* fuse_wire.c, frame.c: gofers, factory, control socket; hostfile.c: a guest's stdio that is a socket */
	ANY(recvmsg), /* the same */
	{SCMP_SYS(accept4), 3, {EQ(1, 0), EQ(2, 0), EQ32(3, SOCK_CLOEXEC)}}, /* control/server.c */
	/* files that somebody else has opened */
	ANY(read),	 /* eventfds of sleepers, timerfds; hostfile.c, tty_host.c; mm.c: statm */
	ANY(write),	 /* the same, and the log */
	ANY(preadv2),	 /* uio.h: fuse/file.c, tmpfs/file.c, memfd.c; hostfile.c with NOWAIT */
	ANY(pwritev2),	 /* the same */
	ANY(lseek),	 /* fuse/file.c, hostfile.c; SEEK_DATA and SEEK_HOLE of tmpfs and memfd */
	ANY(fstat),	 /* fuse: what did the gofer hand over, how large is it now; hostfile.c */
	ANY(ftruncate),	 /* hostfd.c, tmpfs, memfd, fuse/inode.c; slots.c before the filter */
	ANY(fallocate),	 /* the same; slots.c: pages of a dead address space go back */
	ANY(fsync),	 /* fuse/file.c, hostfile.c */
	ANY(fdatasync),	 /* the same */
	ANY(close),	 /* all of these */
	FCNTL(F_GETFL),	 /* hostfile.c, tty_host.c, control/process.c: how was this stdio opened */
	FCNTL(F_SETFL),	 /* tty_host.c: our own end of a terminal does not block */
	FCNTL(F_DUPFD_CLOEXEC), /* hostfile.c: a mapping outlives the file */
	IOCTL(FIONREAD), /* hostfile.c */
	IOCTL(TCGETS),	 /* isatty and hostfile.c */
	IOCTL(TIOCGWINSZ), /* hostfile.c */
	/* mm.c: resident pages of a stub. Names below one procfs, to be read only */
	{SCMP_SYS(openat), 2,
	 {EQ32(0, KERNEL_PROC_FD), MASKED(2, O_ACCMODE | O_CREAT | O_TRUNC | O_PATH, O_RDONLY)}},
	/* memory objects: hostfd.c, sealed against execution, or without execute bits where the host has no such seal */
	{SCMP_SYS(memfd_create), 1, {EQ32(1, MFD_CLOEXEC | MFD_NOEXEC_SEAL)}},
	{SCMP_SYS(memfd_create), 1, {EQ32(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)}},
	{SCMP_SYS(fchmod), 1, {EQ32(1, 0600)}},
	/* waiting */
	{SCMP_SYS(eventfd2), 1, {EQ32(1, EFD_CLOEXEC | EFD_NONBLOCK)}}, /* wait.c, epoll.c */
	{SCMP_SYS(epoll_create1), 1, {EQ32(0, EPOLL_CLOEXEC)}},		/* epoll.c: host descriptors in a guest's epoll */
	ANY(epoll_ctl),							/* epoll.c */
	ANY(epoll_wait),						/* epoll.c */
	ANY(ppoll), /* wait.c: sleeps on host descriptors; hostfile.c, timerfd.c, notify.c: is it ready */
	{SCMP_SYS(timerfd_create), 1, {EQ32(1, TFD_CLOEXEC | TFD_NONBLOCK)}}, /* timerfd.c */
	ANY(timerfd_settime),						      /* timerfd.c */
	ANY(timerfd_gettime),						      /* timerfd.c */
	FUTEX(FUTEX_WAIT), /* the C library's locks */
	FUTEX(FUTEX_WAKE), /* the same; handoff.c, wait.c */
	FUTEX(FUTEX_WAIT_BITSET), /* handoff.c, wait.c: until an absolute time; pthread_join, conditions */
	FUTEX(FUTEX_WAKE_BITSET), /* handoff.c */
	ANY(clock_nanosleep), /* container.c, reaper.c: pauses while children end */
	ANY(clock_gettime),   /* hosts whose clock the vDSO cannot read */
	ANY(clock_getres),    /* clock.c: clocks that the vDSO does not know (alarm clocks) */
	ANY(restart_syscall), /* an interrupted sleep of those above goes on: freezer, debugger */
	/* stubs */
	IOCTL(SECCOMP_IOCTL_NOTIF_RECV),     /* notify.c, and the next four */
	IOCTL(SECCOMP_IOCTL_NOTIF_SEND),
	IOCTL(SECCOMP_IOCTL_NOTIF_ID_VALID),
	IOCTL(SECCOMP_IOCTL_NOTIF_ADDFD),
	IOCTL(SECCOMP_IOW(4, uint64_t)), /* NOTIF_SET_FLAGS */
	ANY(process_vm_readv),		 /* copy.c */
	ANY(process_vm_writev),		 /* copy.c */
	{SCMP_SYS(pidfd_open), 1, {EQ32(1, 0)}}, /* container.c: the zygote, for the runtime */
	/* container.c, thread.c: the end of one address space, never of a group of processes */
	{SCMP_SYS(kill), 2, {MASKED(0, 0x80000000U, 0), EQ32(1, SIGKILL)}},
	{SCMP_SYS(tgkill), 1, {EQ32(2, KERNEL_KICK_SIGNAL)}}, /* thread.c: interrupts a guest thread */
	{SCMP_SYS(tgkill), 1, {EQ32(2, 0)}}, /* thread.c: is that thread still one of that process? */
	ANY(waitid),			     /* reaper.c */
	ANY(sched_setaffinity),		     /* pace.c, thread.c: both ends of a hand-off on one CPU, or not */
	ANY(sched_yield),		     /* sys_sched.c: the guest yields */
	/* threads and memory: the C library's, but for the arena of tmpfs (DONTNEED) and slots */
	{SCMP_SYS(clone), 1, {EQ(0, THREAD_FLAGS)}},
	{SCMP_SYS(mmap), 2, {MASKED(2, PROT_EXEC, 0), MASKED(3, MAP_ANONYMOUS, MAP_ANONYMOUS)}},
	{SCMP_SYS(mmap), 3,
	 {EQ32(2, PROT_READ | PROT_WRITE), EQ32(3, MAP_SHARED), EQ32(4, KERNEL_SLOTS_FD)}}, /* slots.c */
	ANY(munmap),
	{SCMP_SYS(mprotect), 1, {MASKED(2, PROT_EXEC, 0)}},
	MADVISE(MADV_DONTNEED),
	ANY(brk),
	ANY(rt_sigprocmask), /* around the birth and death of a thread */
	{SCMP_SYS(rseq), 2, {EQ32(2, 0), EQ32(3, 0x53053053)}}, /* a thread's registration: sched_getcpu */
	ANY(exit),
	/* the rest */
	ANY(getrandom), /* /dev/urandom, getrandom(2), AT_RANDOM, layout; thread.c: tokens */
	ANY(sysinfo),	/* sysinfo(2), /proc/meminfo, sizes of tmpfs */
	ANY(exit_group),
};

/* With a network: internet sockets in the pod's network namespace (net/inet.c, and what else is named). Each option is bound
 * by level and name; data, names and control messages pass by sendmsg and recvmsg. */
#define SOCKET(family, type, proto)                                                                \
	{SCMP_SYS(socket), 3,                                                                      \
	 {EQ32(0, family), EQ32(1, (type) | SOCK_NONBLOCK | SOCK_CLOEXEC), EQ32(2, proto)}}
static const struct rule network[] = {
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
	{SCMP_SYS(bind), 1, {MASKED(2, 0xffffff00U, 0)}},
	{SCMP_SYS(connect), 1, {MASKED(2, 0xffffff00U, 0)}},
	ANY(listen),
	{SCMP_SYS(accept4), 1, {EQ32(3, SOCK_NONBLOCK | SOCK_CLOEXEC)}},
	ANY(getsockname),
	ANY(getpeername),
	ANY(shutdown),
	IOCTL(SIOCOUTQ), /* inet_ioctl.c, and all that follow */
	IOCTL(SIOCOUTQNSD),
	IOCTL(SIOCATMARK),
	IOCTL(SIOCGIFCONF),
	IOCTL(SIOCGIFNAME),
	IOCTL(SIOCGIFFLAGS),
	IOCTL(SIOCGIFADDR),
	IOCTL(SIOCGIFDSTADDR),
	IOCTL(SIOCGIFBRDADDR),
	IOCTL(SIOCGIFNETMASK),
	IOCTL(SIOCGIFMETRIC),
	IOCTL(SIOCGIFMTU),
	IOCTL(SIOCGIFHWADDR),
	IOCTL(SIOCGIFINDEX),
	IOCTL(SIOCGIFTXQLEN),
	IOCTL(SIOCGIFMAP),
};

/* net/inet_options.c: (level, name), and what may be done with it. */
static const struct {
	int level, name;
	unsigned ways;
} options[] = {
#define OPT(level, name, ways, size) {level, name, INET_OPT_##ways},
#include "base/inet_options.def"
#undef OPT
};

/* Refused without fuss: the C library asks and has another way. */
static const struct refusal refuse[] = {
	{SCMP_SYS(clone3), ENOSYS},
	{SCMP_SYS(prctl), EINVAL},	   /* names of threads and memory areas */
	{SCMP_SYS(set_robust_list), ENOSYS}, /* threads: there are no robust locks here */
	{SCMP_SYS(getcpu), ENOSYS},	   /* sched_getcpu where that has none: callers take -1 */
	{SCMP_SYS(mremap), ENOMEM},	   /* realloc: it copies instead */
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* allow, network and two rules for each option. */
static size_t with_network(struct rule *all)
{
	size_t n = 0;

	for (size_t i = 0; i < N(allow); i++)
		all[n++] = allow[i];
	for (size_t i = 0; i < N(network); i++)
		all[n++] = network[i];
	for (size_t i = 0; i < N(options); i++) {
		struct rule r = {0, 2, {EQ32(1, options[i].level), EQ32(2, options[i].name)}};

		r.nr = SCMP_SYS(getsockopt);
		if (options[i].ways & INET_OPT_G)
			all[n++] = r;
		r.nr = SCMP_SYS(setsockopt);
		if (options[i].ways & INET_OPT_S)
			all[n++] = r;
	}
	return n;
}

int main(void)
{
	static struct rule all[N(allow) + N(network) + 2 * N(options)];

	gen_filter("kernel", "kernel_filter.h", allow, N(allow), refuse, N(refuse));
	gen_filter("kernel_network", "kernel_filter.h", all, with_network(all), refuse, N(refuse));
	return 0;
}
