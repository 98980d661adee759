/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time program: prints nacre-kernel's filter as C. The list is the whole of what the application kernel may ask of
 * the host kernel; each group says what for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include "confine/kernel_filter.h"
#include "confine/sanitizer.h"

/* What pthread_create of the C library asks for. */
#define THREAD_FLAGS                                                                               \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |        \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

struct rule {
	int nr;
	unsigned n;
	struct scmp_arg_cmp arg[4];
};
#define ANY(name) {SCMP_SYS(name), 0, {{0}}}
#define EQ(i, v) {i, SCMP_CMP_EQ, (uint64_t)(v), 0}
/* Of an int argument the host looks at the low half only. */
#define EQ32(i, v) {i, SCMP_CMP_MASKED_EQ, 0xffffffffULL, (uint32_t)(v)}
#define MASKED(i, mask, v) {i, SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (uint64_t)(v)}
#define IOCTL(cmd) {SCMP_SYS(ioctl), 1, {EQ32(1, cmd)}}
#define FCNTL(cmd) {SCMP_SYS(fcntl), 1, {EQ32(1, cmd)}}
#define MADVISE(a) {SCMP_SYS(madvise), 1, {EQ32(2, a)}}

static const struct rule allow[] = {
	/* channels: gofers, factory, control socket; a guest's stdio that is a socket */
	ANY(sendmsg),
	ANY(recvmsg),
	ANY(sendto),
	ANY(recvfrom),
	{SCMP_SYS(accept4), 1, {EQ32(3, SOCK_CLOEXEC)}},
	/* files that somebody else has opened */
	ANY(read),
	ANY(write),
	ANY(pread64),
	ANY(pwrite64),
	ANY(preadv2),
	ANY(pwritev2),
	ANY(lseek),
	{SCMP_SYS(newfstatat), 1, {EQ32(3, AT_EMPTY_PATH)}},
	ANY(fstat),
	ANY(ftruncate),
	ANY(fallocate),
	ANY(fsync),
	ANY(fdatasync),
	ANY(close),
	FCNTL(F_GETFL),
	FCNTL(F_SETFL),
	FCNTL(F_DUPFD_CLOEXEC),
	FCNTL(F_ADD_SEALS),
	IOCTL(FIONREAD),
	IOCTL(TCGETS),
	IOCTL(TIOCGWINSZ),
	/* figures of the stubs: names below one procfs, to be read only */
	{SCMP_SYS(openat), 2,
	 {EQ32(0, KERNEL_PROC_FD), MASKED(2, O_ACCMODE | O_CREAT | O_TRUNC | O_PATH, O_RDONLY)}},
	/* memory objects */
	ANY(memfd_create),
	{SCMP_SYS(fchmod), 1, {EQ32(1, 0600)}},
	/* waiting */
	ANY(eventfd2),
	ANY(epoll_create1),
	ANY(epoll_ctl),
	ANY(epoll_wait),
	ANY(poll),
	ANY(ppoll),
	ANY(timerfd_create),
	ANY(timerfd_settime),
	ANY(timerfd_gettime),
	ANY(futex),
	ANY(clock_nanosleep),
	ANY(clock_gettime),
	ANY(clock_getres),
	ANY(restart_syscall),
	/* stubs: notifications, copies, kicks, the end */
	IOCTL(SECCOMP_IOCTL_NOTIF_RECV),
	IOCTL(SECCOMP_IOCTL_NOTIF_SEND),
	IOCTL(SECCOMP_IOCTL_NOTIF_ID_VALID),
	IOCTL(SECCOMP_IOCTL_NOTIF_ADDFD),
	IOCTL(SECCOMP_IOW(4, uint64_t)), /* NOTIF_SET_FLAGS */
	ANY(process_vm_readv),
	ANY(process_vm_writev),
	ANY(pidfd_open),
	{SCMP_SYS(kill), 1, {EQ32(1, SIGKILL)}},
	{SCMP_SYS(tgkill), 1, {EQ32(2, KERNEL_KICK_SIGNAL)}},
	{SCMP_SYS(tgkill), 1, {EQ32(2, 0)}}, /* is that thread still one of that process? */
	ANY(waitid),
	ANY(wait4),
	ANY(sched_setaffinity),
	/* threads and memory */
	{SCMP_SYS(clone), 1, {EQ(0, THREAD_FLAGS)}},
	ANY(set_robust_list),
	ANY(rseq),
	ANY(sched_yield),
	{SCMP_SYS(mmap), 1, {MASKED(2, PROT_EXEC, 0)}},
	ANY(munmap),
	{SCMP_SYS(mprotect), 1, {MASKED(2, PROT_EXEC, 0)}},
	ANY(mremap),
	MADVISE(MADV_DONTNEED),
	MADVISE(MADV_DONTFORK),
	ANY(brk),
	/* the rest */
	ANY(getrandom),
	ANY(sysinfo),
	ANY(getpid),
	ANY(getcpu),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(exit),
	ANY(exit_group),
};

/* Refused without fuss: the C library asks and has another way. */
static const struct {
	int nr, err;
} refuse[] = {
	{SCMP_SYS(clone3), ENOSYS},
	{SCMP_SYS(prctl), EINVAL}, /* names of threads and memory areas */
};

static void die(const char *what, int r)
{
	fprintf(stderr, "kernel filter: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void add_rules(scmp_filter_ctx c)
{
	int r;

	for (size_t i = 0; i < sizeof(allow) / sizeof(allow[0]); i++) {
		r = seccomp_rule_add_exact_array(c, SCMP_ACT_ALLOW, allow[i].nr, allow[i].n, allow[i].arg);
		if (r < 0)
			die("allow", r);
	}
	for (size_t i = 0; i < sizeof(refuse) / sizeof(refuse[0]); i++) {
		r = seccomp_rule_add_exact(c, SCMP_ACT_ERRNO((uint16_t)refuse[i].err), refuse[i].nr, 0);
		if (r < 0)
			die("refuse", r);
	}
#ifdef NACRE_SANITIZE
	r = sanitizer_rules(c);
	if (r < 0)
		die("sanitizer", r);
#endif
}

static void print_prog(scmp_filter_ctx c)
{
	FILE *f = tmpfile();
	struct sock_filter s;
	unsigned n = 0;
	int r;

	if (!f)
		die("tmpfile", -errno);
	r = seccomp_export_bpf(c, fileno(f));
	if (r < 0)
		die("export", r);
	rewind(f);
	printf("const struct sock_filter kernel_filter_prog[] = {\n");
	for (; fread(&s, sizeof(s), 1, f) == 1; n++)
		printf("\t{0x%04x, %u, %u, 0x%08x},\n", s.code, s.jt, s.jf, s.k);
	printf("};\nconst unsigned short kernel_filter_len = %u;\n", n);
	fclose(f);
}

int main(void)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_TRAP);
	int r;

	if (!c)
		die("init", -ENOMEM);
	/* Another architecture, or the x32 bit: killed. */
	r = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		die("attribute", r);
	add_rules(c);
	printf("/* Generated by kernel_filter_gen.c. */\n#include \"confine/kernel_filter.h\"\n");
	print_prog(c);
	seccomp_release(c);
	return 0;
}
