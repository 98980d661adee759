/* SPDX-License-Identifier: Apache-2.0 */
/* Syscall user dispatch: PR_SET_SYSCALL_USER_DISPATCH. */
#include "seccomp.h"

#include <ucontext.h>

#define DISPATCH 59
static volatile char selector;
static volatile int hits;
static siginfo_t got;

#if __has_attribute(noclone)
#define ONE_COPY noinline, noclone
#else
#define ONE_COPY noinline
#endif

/* The one place from which calls are always allowed. */
__attribute__((ONE_COPY, section("allowed"))) static long allowed_call(long nr, long a, long b, long c)
{
	long r;

	asm volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
}
extern char __start_allowed[], __stop_allowed[];

static long call(long nr)
{
	long r;

	asm volatile("syscall" : "=a"(r) : "a"(nr) : "rcx", "r11", "memory");
	return r;
}

static long set(long mode, unsigned long offset, unsigned long len, const volatile char *sel)
{
	return prctl(DISPATCH, mode, offset, len, sel);
}
static long on(void)
{
	return set(1, (unsigned long)__start_allowed, (unsigned long)(__stop_allowed - __start_allowed), &selector);
}

/* Lets calls pass from here on: also its own return. */
static void on_sys(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	selector = 0;
	got = *si;
	hits++;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RAX] += 1000000;
}

static void handler(void)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};

	REQUIRE(sigaction(SIGSYS, &sa, NULL) == 0);
}

TEST(arguments)
{
	CHECK_EQ(set(0, 0, 0, NULL), 0);
	CHECK_ERR(set(0, 1, 0, NULL), EINVAL);
	CHECK_ERR(set(0, 0, 1, NULL), EINVAL);
	CHECK_ERR(set(0, 0, 0, &selector), EINVAL);
	CHECK_ERR(set(7, 0, 0, NULL), EINVAL);
	CHECK_ERR(set(1, 1, 0, &selector), EINVAL);
	CHECK_ERR(set(1, 8, -1UL, &selector), EINVAL);
	CHECK_ERR(set(1, 8, 8, (char *)-1L), EFAULT);
	CHECK_EQ(set(1, 0, 0, &selector), 0); /* the selector says: allow */
	CHECK_EQ(set(0, 0, 0, NULL), 0);
}

TEST(by_the_selector)
{
	long r;

	handler();
	CHECK_EQ(call(SYS_getpid), getpid());
	REQUIRE(on() == 0);
	r = call(SYS_getpid);
	CHECK_EQ(r, getpid());
	CHECK_EQ(hits, 0);
	selector = 1;
	r = call(SYS_getpid); /* also one that may be answered early */
	CHECK_EQ(r, SYS_getpid + 1000000);
	CHECK_EQ(hits, 1);
	CHECK_EQ(got.si_code, 2 /* SYS_USER_DISPATCH */);
	CHECK_EQ(got.si_syscall, SYS_getpid);
	CHECK_EQ(got.si_arch, AUDIT_ARCH_X86_64);
	CHECK_EQ(got.si_errno, 0);
	r = call(SYS_getpid);
	CHECK_EQ(r, getpid());
	selector = 1;
	r = call(54321); /* numbers of other systems */
	CHECK_EQ(r, 54321 + 1000000);
	CHECK_EQ(set(0, 0, 0, NULL), 0);
	selector = 1;
	CHECK_EQ(call(SYS_getpid), getpid());
}

TEST(the_range_is_allowed)
{
	long r;

	handler();
	REQUIRE(on() == 0);
	selector = 1;
	r = allowed_call(SYS_getppid, 0, 0, 0);
	selector = 0;
	CHECK_EQ(r, getppid());
	CHECK_EQ(hits, 0);
}

static void bad_selector_value(void)
{
	selector = 9;
	if (on() == 0)
		call(SYS_getpid);
	_exit(1);
}
static void no_selector_memory(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	handler();
	if (set(1, 0, 0, p) == 0)
		munmap(p, 4096);
	call(SYS_getpid);
	_exit(1);
}
TEST(bad_selectors_kill)
{
	CHECK_EQ(child_status(bad_selector_value), SIGSYS);
	CHECK_EQ(child_status(no_selector_memory), SIGSEGV);
}

TEST(children_are_free)
{
	int st;
	pid_t p;

	handler();
	REQUIRE(on() == 0);
	p = fork();
	if (p == 0) {
		selector = 1;
		long r = call(SYS_getppid);
		_exit(r > 0 && r < 1000000 && hits == 0 ? 0 : 1);
	}
	REQUIRE(waitpid(p, &st, 0) == p);
	CHECK_EQ(st, 0);
}

TAP_MAIN()
