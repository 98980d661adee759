/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of the checker and the interpreter of seccomp filters. With an even first byte the rest is the program as it is;
 * else each four bytes make an instruction that is likely to be taken, so that deep programs are reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/task/bpf.h"
#include "standalone.h"

#define MAX_PROGRAM 600

static void require_(bool ok)
{
	if (!ok)
		abort();
}

static const uint16_t codes[] = {
	BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN, BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM,
	BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX, BPF_RET | BPF_K, BPF_RET | BPF_A, BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA, BPF_ALU | BPF_NEG, BPF_JMP | BPF_JA, BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_AND | BPF_K,
	BPF_ALU | BPF_OR | BPF_X, BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_LSH | BPF_X,
	BPF_ALU | BPF_RSH | BPF_K, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JEQ | BPF_X, BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JSET | BPF_K, BPF_ALU | BPF_MOD | BPF_K,
};

/* A program of at most MAX_PROGRAM instructions out of data; its length. */
static unsigned make_program(const uint8_t *data, size_t n, struct sock_filter *p)
{
	unsigned len = 0;

	if (n < 1)
		return 0;
	if (!(data[0] & 1)) {
		len = (unsigned)((n - 1) / sizeof(*p) < MAX_PROGRAM ? (n - 1) / sizeof(*p) : MAX_PROGRAM);
		memcpy(p, data + 1, len * sizeof(*p));
		return len;
	}
	for (size_t i = 1; i + 4 <= n && len < MAX_PROGRAM - 1; i += 4) {
		const uint8_t *b = data + i;
		struct sock_filter f = {.code = codes[b[0] % (sizeof(codes) / sizeof(*codes))], .k = b[3]};

		if (BPF_CLASS(f.code) == BPF_JMP) {
			f.jt = b[1] % 8;
			f.jf = b[2] % 8;
			f.k = BPF_OP(f.code) == BPF_JA ? b[3] % 8 : b[3];
		} else if (BPF_CLASS(f.code) == BPF_RET) {
			f.k = b[3] & 1 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | b[3];
		} else if (BPF_MODE(f.code) == BPF_ABS && BPF_CLASS(f.code) == BPF_LD) {
			f.k = (b[3] & 15) * 4 + (b[2] == 255);
		} else if (BPF_CLASS(f.code) != BPF_ALU) {
			f.k = b[3] % 17;
		} else {
			f.k = b[3] % 33;
		}
		p[len++] = f;
	}
	p[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return len;
}

static void run(const struct sock_filter *p, unsigned n, unsigned seed)
{
	struct seccomp_data d;
	uint8_t *b = (void *)&d;

	for (unsigned nr = 0; nr < 8; nr++) {
		bool all = bpf_always_allows(p, (int)nr, 0xc000003e);

		for (unsigned k = 0; k < 4; k++) {
			for (size_t i = 0; i < sizeof(d); i++)
				b[i] = (uint8_t)(seed = seed * 1103515245 + 12345) & (k ? 255 : 0);
			d.nr = (int)nr;
			d.arch = 0xc000003e;
			require_(bpf_run(p, &d) == SECCOMP_RET_ALLOW || !all);
		}
	}
	require_(bpf_linux_len(p, n) >= n + 3 && bpf_linux_len(p, n) <= 5 * n + 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sock_filter p[MAX_PROGRAM];
	unsigned len = make_program(data, n, p);
	struct sock_filter *exact = malloc(len ? len * sizeof(*p) : 1); /* so that an instruction too far is seen */

	if (!exact)
		return 0;
	memcpy(exact, p, len * sizeof(*p));
	if (bpf_check(exact, len) == 0)
		run(exact, len, (unsigned)n);
	free(exact);
	return 0;
}
