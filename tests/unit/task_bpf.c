/* SPDX-License-Identifier: Apache-2.0 */
/* The checker of seccomp filters against the host's: 3,000 programs made by chance, taken or refused by both. */
#include "../fuzz/bpf_fuzz.c"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "../tap.h"

#define ROUNDS 3000

/* What the host says of p: 0 or its errno. */
static int host(const struct sock_filter *p, unsigned n)
{
	struct sock_fprog prog = {(unsigned short)n, (struct sock_filter *)(uintptr_t)p};
	int st;
	pid_t c = fork();

	if (c == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		/* Once it is taken it may forbid anything: to end, too. */
		alarm(2);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1)
			_exit(errno);
		asm volatile("ud2");
	}
	if (waitpid(c, &st, 0) != c)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 0;
}

TEST(as_the_host)
{
	static struct sock_filter p[MAX_PROGRAM];
	static uint8_t data[600];
	unsigned taken = 0;

	srandom(4711);
	for (int i = 0; i < ROUNDS; i++) {
		size_t size = 1 + 4 * (1 + (size_t)random() % (i % 3 ? 8 : 100));
		unsigned n;
		int ours, theirs;

		for (size_t k = 0; k < size; k++)
			data[k] = (uint8_t)random();
		data[0] |= i % 10 != 0;
		n = make_program(data, size, p);
		ours = bpf_check(p, n);
		theirs = host(p, n);
		if (ours != -theirs) {
			TAP_FAIL("program %d of %u instructions: %d, the host %d", i, n, ours, theirs);
			return;
		}
		taken += ours == 0;
		if (ours == 0)
			run(p, n, (unsigned)i);
	}
	CHECK(taken > ROUNDS / 20 && taken < ROUNDS);
}

TEST(lengths)
{
	static struct sock_filter p[5000];

	for (unsigned i = 0; i < 5000; i++)
		p[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	CHECK_EQ(bpf_check(p, 0), -EINVAL);
	CHECK_EQ(bpf_check(p, 1), 0);
	CHECK_EQ(bpf_check(p, 4096), 0);
	CHECK_EQ(bpf_check(p, 4097), -EINVAL);
	CHECK_EQ(bpf_linux_len(p, 4096), 3 + 2 * 4096);
}

TEST(what_is_always_allowed)
{
	struct sock_filter p[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xc000003e, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 10, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 2), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	};

	CHECK_EQ(bpf_check(p, 9), 0);
	CHECK(bpf_always_allows(p, 4, 0xc000003e));
	CHECK(!bpf_always_allows(p, 5, 0xc000003e)); /* looks at an argument */
	CHECK(!bpf_always_allows(p, 10, 0xc000003e));
	CHECK(!bpf_always_allows(p, 4, 0x40000003));
	p[7].k = SECCOMP_RET_LOG;
	CHECK(!bpf_always_allows(p, 4, 0xc000003e));
}

TAP_MAIN()
