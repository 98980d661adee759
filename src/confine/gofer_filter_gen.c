/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time program: prints the gofer's filter as C. The list is the whole of what a gofer may ask of
 * the host kernel; each line says what for. */
#include <sys/socket.h>
#include "confine/filter_gen.h"
#include "confine/gofer_filter.h"

static const struct rule allow[] = {
	/* channels */
	ANY(recvmsg),
	ANY(sendmsg),
	ANY(close),
	{SCMP_SYS(socketpair), 3,
	 {EQ(0, AF_UNIX), EQ(1, SOCK_SEQPACKET | SOCK_CLOEXEC), EQ(2, 0)}},
	/* files: names below descriptors only; openat2 is the one way to open, and has no form that
	 * the filter could check: node.c's open_beneath() is its one caller */
	ANY(openat2),
	ANY(statx),
	ANY(fstatfs),
	ANY(getdents64),
	ANY(lseek),
	ANY(mkdirat),
	ANY(mknodat),
	ANY(symlinkat),
	ANY(linkat),
	ANY(unlinkat),
	ANY(renameat2),
	ANY(readlinkat),
	ANY(fchownat),
	ANY(fchown),
	ANY(fchmod),
	{NR_FCHMODAT2, 0, {{0}}},
	ANY(utimensat),
	ANY(ftruncate),
	ANY(fsync),
	ANY(fdatasync),
	ANY(fgetxattr),
	ANY(fsetxattr),
	ANY(flistxattr),
	ANY(fremovexattr),
	{SCMP_SYS(fcntl), 1, {EQ(1, 1030 /* F_DUPFD_CLOEXEC */)}},
	/* threads and memory */
	{SCMP_SYS(clone), 1, {EQ(0, THREAD_FLAGS)}},
	{SCMP_SYS(rseq), 2, {EQ32(2, 0), EQ32(3, 0x53053053)}}, /* a thread's registration */
	ANY(sched_setaffinity),
	FUTEX(FUTEX_WAIT),
	FUTEX(FUTEX_WAKE),
	FUTEX(FUTEX_WAIT_BITSET),
	FUTEX(FUTEX_WAKE_BITSET),
	{SCMP_SYS(mmap), 2,
	 {MASKED(2, PROT_EXEC, 0), MASKED(3, MAP_ANONYMOUS, MAP_ANONYMOUS)}},
	ANY(munmap),
	{SCMP_SYS(mprotect), 1, {MASKED(2, PROT_EXEC, 0)}},
	{SCMP_SYS(madvise), 1, {EQ(2, MADV_DONTNEED)}},
	ANY(brk),
	/* the end */
	ANY(write), /* log */
	ANY(rt_sigprocmask),
	ANY(rt_sigaction),
	{SCMP_SYS(pidfd_send_signal), 1, {EQ(0, GOFER_SELF_FD)}},
	ANY(exit),
	ANY(exit_group),
};

static const struct refusal refuse[] = {
	{SCMP_SYS(clone3), ENOSYS},
	{SCMP_SYS(getrandom), ENOSYS},
	{SCMP_SYS(prctl), EINVAL},
	{SCMP_SYS(set_robust_list), ENOSYS}, /* threads: there are no robust locks here */
	{SCMP_SYS(mremap), ENOMEM},	     /* realloc: it copies instead */
};

int main(void)
{
	gen_filter("gofer", "gofer_filter.h", allow, sizeof(allow) / sizeof(allow[0]), refuse,
		   sizeof(refuse) / sizeof(refuse[0]));
	return 0;
}
