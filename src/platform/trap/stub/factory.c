/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The factory: waits for requests on descriptor 3 and clones one zygote for each. A zygote is the clean process
 * that all address spaces of a container are forked from: nothing mapped but stub and one thread area, handlers and
 * filter installed, no descriptor open.
 */
#include <asm/errno.h>
#include <asm/unistd.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include "platform/trap/layout.h"
#include "sys.h"

static const struct sock_filter filter[] = {
#include "stub-filter.inc"
};

struct ksigaction {
	void (*handler)(int, void *, struct ucontext *);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define SLOT0 ((struct slot *)(AREA_BASE + SLOT_OFFSET))

static void fail(int code)
{
	sys3(__NR_exit_group, code, 0, 0);
	__builtin_unreachable();
}

static void install_handlers(void)
{
	static const uint8_t signals[] = {31, 11, 7, 8, 4, 5, KICK_SIGNAL};
	struct stub_stack ss = {.sp = AREA_BASE, .size = ALTSTACK_SIZE};
	struct ksigaction sa = {
		.handler = stub_handler,
		.flags = 4 | 0x04000000 | 0x08000000 | 0x40000000, /* SIGINFO RESTORER ONSTACK NODEFER */
		.restorer = stub_restorer,
		/* A fault of the stub itself while it copies must be delivered: SEGV and BUS stay open. */
		.mask = ~(1ULL << 10 | 1ULL << 6),
	};

	if (sys3(__NR_sigaltstack, &ss, 0, 0) < 0)
		fail(11);
	for (unsigned i = 0; i < sizeof(signals); i++)
		if (sys6(__NR_rt_sigaction, signals[i], (long)&sa, 0, 8, 0, 0) < 0)
			fail(12);
}

/* title: the first argument, STUB_TITLE bytes, where the host looks for a command line. */
static void name_process(char *title)
{
	static const char name[] = "nacre-stub";

	for (unsigned i = 0; i < STUB_TITLE; i++)
		title[i] = i < sizeof(name) ? name[i] : 0;
}

/* Everything behind the areas goes but the pages of the command line, which begin empty: what the host
 * wrote around it is not the guest's to read. */
static void drop_stack(char *title)
{
	uint64_t from = (uint64_t)title & ~4095ULL, to = ((uint64_t)title + STUB_TITLE + 4095) & ~4095ULL;

	sys3(__NR_munmap, AREA_END, from - AREA_END, 0);
	sys3(__NR_munmap, to, HOST_STACK_END - to, 0);
	if (sys6(__NR_mmap, (long)from, (long)(to - from), 3, 0x32 /* PRIVATE ANONYMOUS FIXED */, -1, 0) < 0)
		fail(17);
	name_process(title);
}

/* On the area's stack, with the old stack gone. */
static void zygote_main(void *arg)
{
	struct sock_fprog prog = {.len = sizeof(filter) / sizeof(filter[0]),
				  .filter = (struct sock_filter *)(uintptr_t)filter};
	struct slot *s = SLOT0;
	long fd;

	sys3(__NR_munmap, 0x1000, STUB_BASE - 0x1000, 0);
	sys3(__NR_munmap, STUB_BASE + STUB_SIZE, AREA_BASE - STUB_BASE - STUB_SIZE, 0);
	drop_stack(arg);
	install_handlers();
	sys3(__NR_madvise, s, SLOT_SIZE, 10);
	if (sys6(__NR_prctl, 38 /* NO_NEW_PRIVS */, 1, 0, 0, 0, 0) < 0)
		fail(13);
	fd = sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		  SECCOMP_FILTER_FLAG_NEW_LISTENER | (1UL << 5) /* WAIT_KILLABLE_RECV */, &prog);
	if (fd == -EINVAL)
		fd = sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	/* Under the filter, and not before, the kernel may read and write this memory. */
	if (sys6(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0, 0) < 0)
		fail(17);
	__atomic_store_n(&s->listener, (int32_t)fd, __ATOMIC_SEQ_CST);
	sys6(__NR_futex, (long)&s->listener, FUTEX_WAKE, 1, 0, 0, 0);
	if (fd < 0)
		fail(14);
	while (!__atomic_load_n(&s->go, __ATOMIC_SEQ_CST))
		sys6(__NR_futex, (long)&s->go, FUTEX_WAIT, 0, 0, 0, 0);
	if (sys3(__NR_close_range, 0, 0xffffffffU, 0) < 0)
		fail(15);
	stub_enter_frame();
	fail(16);
}

static long make_zygote(int memfd, uint32_t index, char *title, long *ret_pid)
{
	struct {
		int64_t sec, nsec;
	} limit = {5, 0};
	struct slot *s = SLOT0;
	long pid, r;

	r = sys6(__NR_mmap, AREA_BASE, ALTSTACK_SIZE, 3, 0x100022, -1, 0);
	if (r < 0)
		return r;
	r = sys6(__NR_mmap, (long)s, SLOT_SIZE, 3, 0x100001, memfd, (long)(index * SLOT_SIZE));
	if (r < 0)
		return r;
	s->listener = -1;
	s->go = 0;
	pid = sys6(__NR_clone, CLONE_FORK_FLAGS, 0, 0, 0, 0, 0);
	if (pid == 0)
		stub_on_stack(AREA_BASE + ALTSTACK_SIZE, zygote_main, title);
	if (pid < 0)
		return pid;
	*ret_pid = pid;
	while (__atomic_load_n(&s->listener, __ATOMIC_SEQ_CST) == -1) {
		r = sys6(__NR_futex, (long)&s->listener, FUTEX_WAIT, -1, (long)&limit, 0, 0);
		if (r == -ETIMEDOUT)
			return -ETIMEDOUT;
	}
	return s->listener;
}

struct message {
	uint64_t name, namelen;
	void *iov;
	uint64_t iovlen;
	void *control;
	uint64_t controllen;
	int32_t flags, pad;
};
struct rights {
	uint64_t len;
	int32_t level, type;
	int32_t fd, pad;
};

static void reply(int error, int pid, const char *title, int fd)
{
	struct factory_reply rep = {error, pid, (uint64_t)title};
	uint64_t iov[2] = {(uint64_t)&rep, sizeof(rep)};
	struct rights c = {20, 1, 1, fd, 0};
	struct message m = {.iov = iov, .iovlen = 1};

	if (fd >= 0) {
		m.control = &c;
		m.controllen = sizeof(c);
	}
	if (sys3(__NR_sendmsg, FACTORY_FD, &m, 0x4000 /* NOSIGNAL */) < 0)
		fail(21);
}

static void serve_one(char *title)
{
	struct factory_request req = {0, 0};
	uint64_t iov[2] = {(uint64_t)&req, sizeof(req)};
	struct rights c = {0, 0, 0, -1, 0};
	struct message m = {.iov = iov, .iovlen = 1, .control = &c, .controllen = sizeof(c)};
	long r = sys3(__NR_recvmsg, FACTORY_FD, &m, 0x40000000 /* CMSG_CLOEXEC */), pid = 0;

	if (r == -EINTR)
		return;
	if (r <= 0)
		fail(0);
	if (r != sizeof(req) || req.magic != FACTORY_MAGIC || c.fd < 0) {
		reply(-EINVAL, 0, title, -1);
		return;
	}
	r = make_zygote(c.fd, req.slot, title, &pid);
	reply(r < 0 ? (int)r : 0, (int)pid, title, r < 0 ? -1 : (int)r);
	/* From here on the zygote has the table to itself; then it may go on and close everything. */
	if (sys3(__NR_unshare, 0x400 /* CLONE_FILES */, 0, 0) < 0)
		fail(22);
	if (r >= 0)
		sys3(__NR_close, r, 0, 0);
	sys3(__NR_close, c.fd, 0, 0);
	__atomic_store_n(&SLOT0->go, 1, __ATOMIC_SEQ_CST);
	sys6(__NR_futex, (long)&SLOT0->go, FUTEX_WAKE, 1, 0, 0, 0);
	sys3(__NR_munmap, SLOT0, SLOT_SIZE, 0);
	sys3(__NR_munmap, AREA_BASE, ALTSTACK_SIZE, 0);
}

void factory_main(const uint64_t *stack)
{
	char *title = (char *)stack[1];
	unsigned n = 0;

	/* It has no filter: the kernel, which is of the same user and may be broken into, must not get at its memory. */
	sys6(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
	while (title[n])
		n++;
	if (stack[0] != 1 || n != STUB_TITLE - 1)
		fail(18);
	name_process(title);
	for (;;)
		serve_one(title);
}
