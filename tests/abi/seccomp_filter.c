/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp(2) filters: what is accepted, what each action does, who inherits. */
#include "seccomp.h"

#include <sched.h>
#include <ucontext.h>

TEST(bad_arguments)
{
	struct sock_filter ok[] = {RET(SECCOMP_RET_ALLOW)};
	struct sock_fprog p = {1, ok};

	NNP();
	CHECK_ERR(seccomp(99, 0, NULL), EINVAL);
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_STRICT, 0, &p), EINVAL);
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT);
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, 1U << 20, &p), EINVAL);
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, &p),
		  EINVAL);
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &p), EINVAL);
	p.len = 0;
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
	p.len = 4097;
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
	p.len = 1;
	p.filter = (void *)8;
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EFAULT);
	CHECK_ERR(prctl(PR_SET_SECCOMP, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_SECCOMP, 3, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0), EFAULT);
	CHECK_EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
	CHECK_EQ(status_field(getpid(), "Seccomp"), 0);
	CHECK_EQ(status_field(getpid(), "Seccomp_filters"), 0);
	CHECK_EQ(status_field(getpid(), "NoNewPrivs"), 1);
}

TEST(needs_no_new_privs)
{
	struct sock_filter ok[] = {RET(SECCOMP_RET_ALLOW)};
	struct sock_fprog p = {1, ok};

	if (getuid() != 0)
		SKIP("needs root");
	CHECK_EQ(set_filter(ok, 1, 0), 0); /* CAP_SYS_ADMIN will do */
	REQUIRE(setresuid(1000, 1000, 1000) == 0);
	CHECK_ERR(set_filter(ok, 1, 0), EACCES);
	CHECK_ERR(set_filter((void *)8, 1, 0), EACCES);
	p.len = 0;
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
	NNP();
	CHECK_EQ(set_filter(ok, 1, 0), 0);
	CHECK_EQ(status_field(getpid(), "Seccomp_filters"), 2);
	CHECK_EQ(status_field(getpid(), "Seccomp"), 2);
	CHECK_EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 2);
	CHECK_ERR(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL), EINVAL);
}

TEST(actions_available)
{
	unsigned known[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
			    SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW};
	unsigned bad = 0x12340000;
	struct seccomp_notif_sizes s;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		CHECK_EQ(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &known[i]), 0);
	CHECK_ERR(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &bad), EOPNOTSUPP);
	CHECK_ERR(seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &bad), EINVAL);
	CHECK_ERR(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, NULL), EFAULT);
	CHECK_EQ(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &s), 0);
	CHECK_EQ(s.seccomp_notif, sizeof(struct seccomp_notif));
	CHECK_EQ(s.seccomp_notif_resp, sizeof(struct seccomp_notif_resp));
	CHECK_EQ(s.seccomp_data, sizeof(struct seccomp_data));
	CHECK_ERR(seccomp(SECCOMP_GET_NOTIF_SIZES, 1, &s), EINVAL);
	CHECK_ERR(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, NULL), EFAULT);
}

/* --- the checker --- */

static long try(const struct sock_filter *f, size_t n)
{
	int st;
	pid_t p;

	if (BPF_CLASS(f[0].code) == BPF_RET || f[0].code == (BPF_ALU | BPF_DIV | BPF_X)) { /* what it returns may be fatal */
		p = fork();
		if (p == 0) {
			long r = set_filter((struct sock_filter *)(uintptr_t)f, n, 0);

			_exit(r == 0 ? 0 : errno);
		}
		waitpid(p, &st, 0);
		return WIFSIGNALED(st) ? 0 : WEXITSTATUS(st);
	}
	return set_filter((struct sock_filter *)(uintptr_t)f, n, 0) == 0 ? 0 : errno;
}
#define TRY(...) try((struct sock_filter[]){__VA_ARGS__}, sizeof((struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter))
#define OK RET(SECCOMP_RET_ALLOW)

TEST(every_opcode)
{
	unsigned taken = 0;
	static const unsigned short ok[] = {
		BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN, BPF_LD | BPF_IMM,
		BPF_LDX | BPF_IMM, BPF_ST, BPF_STX, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA, BPF_ALU | BPF_NEG,
		BPF_RET | BPF_K, BPF_RET | BPF_A, BPF_JMP | BPF_JA,
		BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_ADD | BPF_X, BPF_ALU | BPF_SUB | BPF_K, BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_MUL | BPF_X, BPF_ALU | BPF_DIV | BPF_X,
		BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_K, BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_XOR | BPF_X,
		BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_LSH | BPF_X, BPF_ALU | BPF_RSH | BPF_K, BPF_ALU | BPF_RSH | BPF_X,
		BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JEQ | BPF_X, BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JGE | BPF_X,
		BPF_JMP | BPF_JGT | BPF_K, BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JSET | BPF_X,
	};

	NNP();
	for (unsigned code = 0; code < 0x400; code++) {
		struct sock_filter f[] = {{(unsigned short)code, 0, 0, 0}, OK};
		bool want = false;
		long r = try(f, 2);

		for (size_t i = 0; i < sizeof(ok) / sizeof(*ok); i++)
			want |= ok[i] == code;
		if (r != (want ? 0 : EINVAL))
			TAP_FAIL("opcode %#x: %ld", code, r);
		taken += r == 0;
	}
	CHECK_EQ(taken, sizeof(ok) / sizeof(*ok));
}

TEST(operands)
{
	NNP();
	CHECK_EQ(TRY(LOAD(args[5])), EINVAL); /* no return at the end */
	CHECK_EQ(TRY(LOAD(args[5]), OK), 0);
	CHECK_EQ(TRY(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), OK), 0);
	CHECK_EQ(TRY(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffff000U), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 1), OK), 0);
	CHECK_EQ(TRY(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 31), OK), 0);
	CHECK_EQ(TRY(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 32), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_ST, 15), OK), 0);
	CHECK_EQ(TRY(BPF_STMT(BPF_ST, 16), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_JMP | BPF_JA, 0), OK), 0);
	CHECK_EQ(TRY(BPF_STMT(BPF_JMP | BPF_JA, 1), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffffU), OK), EINVAL);
	CHECK_EQ(TRY(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), OK), EINVAL);
	CHECK_EQ(TRY(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), OK), EINVAL);
	CHECK_EQ(TRY(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), OK, OK), 0);
}

TEST(scratch_memory_is_written_first)
{
	NNP();
	CHECK_EQ(TRY(BPF_STMT(BPF_LD | BPF_MEM, 0), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_LDX | BPF_MEM, 3), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 0), OK), 0);
	CHECK_EQ(TRY(BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 1), OK), EINVAL);
	CHECK_EQ(TRY(BPF_STMT(BPF_STX, 2), BPF_STMT(BPF_LDX | BPF_MEM, 2), OK), 0);
	/* On one of two paths only. */
	CHECK_EQ(TRY(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 0), OK),
		 EINVAL);
	/* Behind a return nobody comes by, so nothing is wrong there. */
	CHECK_EQ(TRY(BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_LD | BPF_MEM, 9),
		     BPF_STMT(BPF_LD | BPF_MEM, 0), OK), 0);
}

/* How many filters fit, by what Linux counts. */
static void expect_fit(struct sock_filter *f, unsigned n, int want)
{
	int st, k;
	pid_t p = fork();

	if (p == 0) {
		NNP();
		for (k = 0; k < 200; k++)
			if (set_filter(f, n, 0) != 0)
				break;
		_exit(errno == ENOMEM ? k : 255);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(WEXITSTATUS(st), want);
}

TEST(all_filters_together)
{
	static struct sock_filter f[4096];
	unsigned n = 4096;

	for (unsigned i = 0; i < n; i++)
		f[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, i);
	f[n - 1] = (struct sock_filter)OK;
	expect_fit(f, n, 7);
	/* Some instructions become more than one in Linux's own code. */
	for (unsigned i = 0; i < n - 1; i++)
		f[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0);
	f[0] = (struct sock_filter)OK;
	expect_fit(f, n, 1);
	for (unsigned i = 0; i < n - 2; i++)
		f[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 1);
	f[n - 2] = (struct sock_filter)OK;
	expect_fit(f, n, 3);
	for (unsigned i = 0; i < n - 2; i++)
		f[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x80000001U, 0, 1);
	expect_fit(f, n, 3);
	for (unsigned i = 0; i < n - 2; i++)
		f[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, 0, 1);
	expect_fit(f, n, 7);
	for (unsigned i = 0; i < n - 2; i++)
		f[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
	expect_fit(f, n, 3);
	n = 300;
	for (unsigned i = 0; i < n - 1; i++)
		f[i] = (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0);
	f[n - 1] = (struct sock_filter)OK;
	expect_fit(f, n, 106);
}

/* --- actions --- */

TEST(error_numbers)
{
	NNP();
	REQUIRE(filter_one(SYS_getpid, SECCOMP_RET_ERRNO | EXDEV, 0) == 0);
	CHECK_ERR(syscall(SYS_getpid), EXDEV);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | 0, 0) == 0);
	CHECK_EQ(syscall(SYS_getppid), 0);
	REQUIRE(filter_one(SYS_getuid, SECCOMP_RET_ERRNO | 0xffff, 0) == 0);
	CHECK_ERR(syscall(SYS_getuid), 4095);
	/* The kernel's own numbers for restarting a call mean nothing here. */
	REQUIRE(filter_one(SYS_gettid, SECCOMP_RET_ERRNO | 512, 0) == 0);
	CHECK_ERR(syscall(SYS_gettid), 512);
	REQUIRE(filter_one(SYS_getgid, SECCOMP_RET_ERRNO | 516, 0) == 0);
	CHECK_ERR(syscall(SYS_getgid), 516);
	CHECK(getegid() == 0 || getegid() > 0);
}

TEST(identity_calls_are_filtered_after_use)
{
	/* Asked before: an answer that was kept anywhere must not come back. */
	CHECK_EQ(syscall(SYS_getpid), getpid());
	CHECK(syscall(SYS_getuid) >= 0);
	NNP();
	REQUIRE(filter_one(SYS_getuid, SECCOMP_RET_ERRNO | EPERM, 0) == 0);
	CHECK_ERR(syscall(SYS_getuid), EPERM);
	CHECK_EQ(syscall(SYS_getpid), getpid());
	REQUIRE(filter_one(SYS_getpid, SECCOMP_RET_ERRNO | EPERM, 0) == 0);
	CHECK_ERR(syscall(SYS_getpid), EPERM);
	CHECK(syscall(SYS_gettid) > 0);
}

TEST(unknown_number)
{
	NNP();
	REQUIRE(filter_one(5000, SECCOMP_RET_ERRNO | EDOM, 0) == 0);
	CHECK_ERR(syscall(5000), EDOM);
	CHECK_ERR(syscall(5001), ENOSYS);
	CHECK_ERR(syscall(-7L), ENOSYS);
}

TEST(upper_half_of_the_number)
{
	long r;

	NNP();
	REQUIRE(filter_one(SYS_getpid, SECCOMP_RET_ERRNO | EDOM, 0) == 0);
	asm volatile("syscall" : "=a"(r) : "a"(0x500000000L + SYS_getpid) : "rcx", "r11", "memory");
	CHECK_EQ(r, -EDOM);
	asm volatile("syscall" : "=a"(r) : "a"(0x500000000L + SYS_getuid) : "rcx", "r11", "memory");
	CHECK_EQ(r, getuid());
}

TEST(arguments_and_arch)
{
	struct sock_filter f[] = {
		LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4999, 0, 15),
		LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 12),
		LOAD(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x11223344, 0, 10),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x55667788, 0, 8),
		LOAD(args[5]), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 5, 0, 6),
		LOAD(args[3]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 8, 0, 4),
		LOAD(args[1]), BPF_STMT(BPF_MISC | BPF_TAX, 0), LOAD(args[2]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 0), RET(SECCOMP_RET_ERRNO | 77), RET(SECCOMP_RET_ALLOW),
	};

	NNP();
	REQUIRE(set_filter(f, sizeof(f) / sizeof(*f), 0) == 0);
	CHECK_ERR(syscall(4999, 0x5566778811223344L, 9, 9, 8, 0, 6), 77);
	CHECK_ERR(syscall(4999, 0x5566778911223344L, 9, 9, 8, 0, 6), 77);
	CHECK_ERR(syscall(4998, 0x5566778811223344L, 9, 9, 8, 0, 6), ENOSYS);
}

/* 4900 + i asks for the i-th value that a program computes: the filter returns it as the error number. */
static long compute(struct sock_filter *body, size_t n)
{
	struct sock_filter f[64] = {LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4900, 1, 0), RET(SECCOMP_RET_ALLOW)};
	int st, fd[2];
	long v = -1;
	pid_t p;

	memcpy(f + 3, body, n * sizeof(*f));
	f[3 + n] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
	f[4 + n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	REQUIRE(pipe(fd) == 0);
	p = fork();
	if (p == 0) {
		NNP();
		if (set_filter(f, n + 5, 0) == 0)
			v = syscall(4900, 100, 200, 7) == -1 ? errno : 0;
		_exit(write(fd[1], &v, sizeof(v)) != sizeof(v));
	}
	close(fd[1]);
	if (read(fd[0], &v, sizeof(v)) != sizeof(v))
		v = -2;
	close(fd[0]);
	waitpid(p, &st, 0);
	return v == -2 && WIFSIGNALED(st) ? -WTERMSIG(st) : v;
}
#define COMPUTE(...) compute((struct sock_filter[]){__VA_ARGS__}, sizeof((struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter))

TEST(arithmetic)
{
	CHECK_EQ(COMPUTE(LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 11)), 111);
	CHECK_EQ(COMPUTE(LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 11)), 89);
	CHECK_EQ(COMPUTE(LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 11)), 1100);
	CHECK_EQ(COMPUTE(LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 11)), 9);
	CHECK_EQ(COMPUTE(LOAD(args[2]), BPF_STMT(BPF_MISC | BPF_TAX, 0), LOAD(args[1]), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0)), 28);
	CHECK_EQ(COMPUTE(LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x6)), 4);
	CHECK_EQ(COMPUTE(LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x6)), 98);
	CHECK_EQ(COMPUTE(LOAD(args[2]), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4)), 112);
	CHECK_EQ(COMPUTE(LOAD(args[1]), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3)), 25);
	CHECK_EQ(COMPUTE(LOAD(args[2]), BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 17)), 10);
	/* A shift by a register counts its lower five bits. */
	CHECK_EQ(COMPUTE(BPF_STMT(BPF_LDX | BPF_IMM, 33), LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0)), 200);
	CHECK_EQ(COMPUTE(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0)), sizeof(struct seccomp_data));
	CHECK_EQ(COMPUTE(BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0)), sizeof(struct seccomp_data));
	CHECK_EQ(COMPUTE(LOAD(args[2]), BPF_STMT(BPF_ST, 4), LOAD(args[0]), BPF_STMT(BPF_LDX | BPF_MEM, 4),
			 BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0)), 93);
	/* The registers begin as zero. */
	CHECK_EQ(COMPUTE(BPF_STMT(BPF_MISC | BPF_TXA, 0)), 0);
	/* A division by a register of zero ends the filter with zero: the thread is killed. */
	CHECK_EQ(COMPUTE(LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0)), -SIGSYS);
}

TEST(instruction_pointer)
{
	struct sock_filter f[] = {
		LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4950, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff), BPF_STMT(BPF_RET | BPF_A, 0), RET(SECCOMP_RET_ALLOW)};
	volatile int ip_low = 0;
	long r, at;

	f[4] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
	f[5] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	f[1].jf = 4;
	struct sock_filter g[7];
	memcpy(g, f, sizeof(f));
	g[6] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	NNP();
	REQUIRE(set_filter(g, 7, 0) == 0);
	asm volatile("lea 1f(%%rip), %1; syscall; 1:" : "=a"(r), "=&r"(at) : "a"(4950L) : "rcx", "r11", "memory");
	(void)ip_low;
	CHECK_EQ(-r, at & 0xfff);
}

static siginfo_t got;
static volatile long rax_at_trap;
static void on_sys(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	got = *si;
	rax_at_trap = (long)((ucontext_t *)uc)->uc_mcontext.gregs[REG_RAX];
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RAX] = 4242;
}

TEST(trap)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	long at, r;

	NNP();
	REQUIRE(sigaction(SIGSYS, &sa, NULL) == 0);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_TRAP | 0x1234, 0) == 0);
	asm volatile("lea 1f(%%rip), %1; syscall; 1:" : "=a"(r), "=&r"(at) : "a"((long)SYS_getppid) : "rcx", "r11", "memory");
	CHECK_EQ(r, 4242);
	CHECK_EQ(rax_at_trap, SYS_getppid);
	CHECK_EQ(got.si_signo, SIGSYS);
	CHECK_EQ(got.si_code, 1 /* SYS_SECCOMP */);
	CHECK_EQ(got.si_errno, 0x1234);
	CHECK_EQ(got.si_syscall, SYS_getppid);
	CHECK_EQ(got.si_arch, AUDIT_ARCH_X86_64);
	CHECK_EQ((long)got.si_call_addr, at);
}

static void trap_blocked(void)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	sigset_t s;

	NNP();
	sigaction(SIGSYS, &sa, NULL);
	sigemptyset(&s);
	sigaddset(&s, SIGSYS);
	sigprocmask(SIG_BLOCK, &s, NULL);
	if (filter_one(SYS_getppid, SECCOMP_RET_TRAP, 0) == 0)
		syscall(SYS_getppid);
	_exit(9);
}
static void trap_ignored(void)
{
	NNP();
	signal(SIGSYS, SIG_IGN);
	if (filter_one(SYS_getppid, SECCOMP_RET_TRAP, 0) == 0)
		syscall(SYS_getppid);
	_exit(9);
}
TEST(trap_cannot_be_held_back)
{
	CHECK_EQ(child_status(trap_blocked), SIGSYS);
	CHECK_EQ(child_status(trap_ignored), SIGSYS);
}

static void killed_by(unsigned action)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};

	NNP();
	sigaction(SIGSYS, &sa, NULL); /* no help */
	if (filter_one(SYS_getppid, action, 0) == 0)
		syscall(SYS_getppid);
	_exit(9);
}
static void kill_process(void)
{
	killed_by(SECCOMP_RET_KILL_PROCESS);
}
static void kill_thread(void)
{
	killed_by(SECCOMP_RET_KILL_THREAD);
}
static void kill_unknown(void)
{
	killed_by(0x00010000U);
}
static void *offend(void *arg)
{
	(void)arg;
	syscall(SYS_getppid);
	return NULL;
}
static void one_thread(unsigned action)
{
	pthread_t th;
	char name[64];

	NNP();
	if (filter_one(SYS_getppid, action, 0) != 0)
		_exit(8);
	pthread_create(&th, NULL, offend, NULL);
	for (int i = 0; i < 200; i++) {
		usleep(10000);
		snprintf(name, sizeof(name), "/proc/self/task");
		if (status_field(getpid(), "Threads") == 1)
			_exit(5);
	}
	_exit(9);
}
static void kill_one_thread(void)
{
	one_thread(SECCOMP_RET_KILL_THREAD);
}
static void kill_all_threads(void)
{
	one_thread(SECCOMP_RET_KILL_PROCESS);
}
TEST(kill)
{
	CHECK_EQ(child_status(kill_process), SIGSYS);
	CHECK_EQ(child_status(kill_thread), SIGSYS); /* the last thread is the process */
	CHECK_EQ(child_status(kill_unknown), SIGSYS);
	CHECK_EQ(child_status(kill_one_thread), 5 << 8);
	CHECK_EQ(child_status(kill_all_threads), SIGSYS);
}

TEST(trace_without_tracer)
{
	NNP();
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_TRACE | 3, 0) == 0);
	CHECK_ERR(syscall(SYS_getppid), ENOSYS);
}

TEST(log_allows)
{
	NNP();
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_LOG, SECCOMP_FILTER_FLAG_LOG) == 0);
	CHECK_EQ(syscall(SYS_getppid), getppid());
}

TEST(notification_without_listener)
{
	NNP();
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_USER_NOTIF, 0) == 0);
	CHECK_ERR(syscall(SYS_getppid), ENOSYS);
}

/* Of all filters the strictest decides, the newest among equals. */
TEST(precedence)
{
	NNP();
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | 1, 0) == 0);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | 2, 0) == 0);
	CHECK_ERR(syscall(SYS_getppid), 2);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ALLOW, 0) == 0);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_LOG, 0) == 0);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_TRACE, 0) == 0);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_USER_NOTIF, 0) == 0);
	CHECK_ERR(syscall(SYS_getppid), 2);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_TRAP, 0) == 0);
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	REQUIRE(sigaction(SIGSYS, &sa, NULL) == 0);
	CHECK_EQ(syscall(SYS_getppid), 4242);
	pid_t p = fork();
	if (p == 0) {
		if (filter_one(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0) == 0 &&
		    filter_one(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0) == 0)
			syscall(SYS_getppid);
		_exit(3);
	}
	int st;
	REQUIRE(waitpid(p, &st, 0) == p);
	CHECK_EQ(WTERMSIG(st), SIGSYS);
}

TEST(children_inherit)
{
	int st;
	pid_t p;

	NNP();
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0) == 0);
	p = fork();
	if (p == 0) {
		int ok = syscall(SYS_getppid) == -1 && errno == EXDEV && status_field(getpid(), "Seccomp_filters") == 1 &&
			 prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
		/* One of its own does not touch the parent. */
		ok = ok && filter_one(SYS_getuid, SECCOMP_RET_ERRNO | EXDEV, 0) == 0 && syscall(SYS_getuid) == -1;
		_exit(ok ? 0 : 1);
	}
	REQUIRE(waitpid(p, &st, 0) == p);
	CHECK_EQ(st, 0);
	CHECK(syscall(SYS_getuid) != -1);
}

/* Run again as another program by exec: the filter is still there. */
static int after_exec(void)
{
	if (syscall(SYS_getppid) != -1 || errno != EXDEV)
		return 11;
	if (syscall(SYS_getppid) != -1 || errno != EXDEV) /* not only the first time */
		return 12;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 13;
	return syscall(SYS_getpid) == getpid() ? 0 : 14;
}

TEST(exec_inherits)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		NNP();
		if (filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0) == 0) {
			setenv("SECCOMP_AFTER_EXEC", "1", 1);
			execl("/proc/self/exe", "seccomp_filter", "after", NULL);
		}
		_exit(99);
	}
	REQUIRE(waitpid(p, &st, 0) == p);
	CHECK_EQ(st, 0);
}

__attribute__((constructor)) static void look(void)
{
	if (getenv("SECCOMP_AFTER_EXEC"))
		_exit(after_exec());
}

TAP_MAIN()
