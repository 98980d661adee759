/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF: the checker and the interpreter. */
#include "kernel/task/bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define LOAD_LEN (BPF_LD | BPF_W | BPF_LEN)
#define LOADX_LEN (BPF_LDX | BPF_W | BPF_LEN)

/* Every opcode that a filter may have, and no other bit. */
static bool known(uint16_t code)
{
	switch (code) {
	case LOAD:
	case LOAD_LEN:
	case LOADX_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_ALU | BPF_NEG:
	case BPF_JMP | BPF_JA:
		return true;
	}
	switch (code & ~BPF_X) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JSET:
		return true;
	}
	return false;
}

/* One instruction by itself; left: how many follow it. */
static bool sound(const struct sock_filter *i, unsigned left)
{
	if (!known(i->code))
		return false;
	switch (i->code) {
	case LOAD:
		return i->k < sizeof(struct seccomp_data) && !(i->k & 3);
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return i->k < BPF_MEMWORDS;
	case BPF_ALU | BPF_DIV | BPF_K:
		return i->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return i->k < 32;
	case BPF_JMP | BPF_JA:
		return i->k < left;
	}
	return BPF_CLASS(i->code) != BPF_JMP || (i->jt < left && i->jf < left);
}

/* Is every word of scratch memory written before it is read, on every path? valid[i]: the words that are written on all
 * paths that jump to i. */
static int check_memory(const struct sock_filter *p, unsigned n)
{
	uint16_t *valid = malloc(n * sizeof(*valid)), now = 0;
	int r = 0;

	if (!valid)
		return -ENOMEM;
	memset(valid, 0xff, n * sizeof(*valid));
	for (unsigned i = 0; i < n && r == 0; i++) {
		now &= valid[i];
		switch (p[i].code) {
		case BPF_ST:
		case BPF_STX:
			now |= (uint16_t)(1U << p[i].k);
			break;
		case BPF_LD | BPF_MEM:
		case BPF_LDX | BPF_MEM:
			if (!(now & 1U << p[i].k))
				r = -EINVAL;
			break;
		case BPF_JMP | BPF_JA:
			valid[i + 1 + p[i].k] &= now;
			now = UINT16_MAX;
			break;
		default:
			if (BPF_CLASS(p[i].code) != BPF_JMP)
				break;
			valid[i + 1 + p[i].jt] &= now;
			valid[i + 1 + p[i].jf] &= now;
			now = UINT16_MAX;
		}
	}
	free(valid);
	return r;
}

int bpf_check(const struct sock_filter *p, unsigned n)
{
	if (n == 0 || n > BPF_MAXINSNS)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++)
		if (!sound(&p[i], n - i - 1))
			return -EINVAL;
	if (BPF_CLASS(p[n - 1].code) != BPF_RET)
		return -EINVAL;
	return check_memory(p, n);
}

/* Linux translates a program; most instructions become one. */
static unsigned linux_len(const struct sock_filter *i)
{
	unsigned n = 1;

	if (i->code == (BPF_RET | BPF_K))
		return 2;
	if (i->code == (BPF_ALU | BPF_DIV | BPF_X))
		return 5; /* four for a divisor of zero */
	if (BPF_CLASS(i->code) != BPF_JMP || BPF_OP(i->code) == BPF_JA)
		return 1;
	if (BPF_SRC(i->code) == BPF_K && (int32_t)i->k < 0)
		n++;
	if (i->jf != 0 && (i->jt != 0 || BPF_OP(i->code) == BPF_JSET))
		n++;
	return n;
}

unsigned bpf_linux_len(const struct sock_filter *p, unsigned n)
{
	unsigned sum = 3;

	for (unsigned i = 0; i < n; i++)
		sum += linux_len(&p[i]);
	return sum;
}

struct machine {
	uint32_t a, x, m[BPF_MEMWORDS];
};

static bool jumps(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	}
	return a & b;
}

/* False: a division by zero, which ends the program with 0. */
static bool compute(struct machine *m, uint16_t code, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		m->a += b;
		break;
	case BPF_SUB:
		m->a -= b;
		break;
	case BPF_MUL:
		m->a *= b;
		break;
	case BPF_DIV:
		if (b == 0)
			return false;
		m->a /= b;
		break;
	case BPF_AND:
		m->a &= b;
		break;
	case BPF_OR:
		m->a |= b;
		break;
	case BPF_XOR:
		m->a ^= b;
		break;
	case BPF_LSH:
		m->a <<= b & 31;
		break;
	case BPF_RSH:
		m->a >>= b & 31;
		break;
	case BPF_NEG:
		m->a = -m->a;
		break;
	}
	return true;
}

/* Loads, stores and moves between registers. */
static void move(struct machine *m, const struct sock_filter *i, const struct seccomp_data *d)
{
	switch (i->code) {
	case LOAD:
		memcpy(&m->a, (const char *)d + i->k, sizeof(m->a));
		break;
	case LOAD_LEN:
		m->a = sizeof(*d);
		break;
	case LOADX_LEN:
		m->x = sizeof(*d);
		break;
	case BPF_LD | BPF_IMM:
		m->a = i->k;
		break;
	case BPF_LDX | BPF_IMM:
		m->x = i->k;
		break;
	case BPF_LD | BPF_MEM:
		m->a = m->m[i->k];
		break;
	case BPF_LDX | BPF_MEM:
		m->x = m->m[i->k];
		break;
	case BPF_ST:
		m->m[i->k] = m->a;
		break;
	case BPF_STX:
		m->m[i->k] = m->x;
		break;
	case BPF_MISC | BPF_TAX:
		m->x = m->a;
		break;
	case BPF_MISC | BPF_TXA:
		m->a = m->x;
		break;
	}
}

/* The one loop. known_only: stop at a load of anything but the number and the architecture, *ret_known false. */
static inline uint32_t interpret(const struct sock_filter *p, const struct seccomp_data *d, bool known_only,
				 bool *ret_known)
{
	struct machine m = {.a = 0};

	*ret_known = true;
	for (const struct sock_filter *i = p;; i++) {
		uint32_t b = BPF_SRC(i->code) == BPF_X ? m.x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				i += i->k;
			else
				i += jumps(i->code, m.a, b) ? i->jt : i->jf;
			break;
		case BPF_ALU:
			if (!compute(&m, i->code, b))
				return 0;
			break;
		default:
			if (known_only && i->code == LOAD && i->k != offsetof(struct seccomp_data, nr) &&
			    i->k != offsetof(struct seccomp_data, arch)) {
				*ret_known = false;
				return 0;
			}
			move(&m, i, d);
		}
	}
}

uint32_t bpf_run(const struct sock_filter *p, const struct seccomp_data *d)
{
	bool unused;

	return interpret(p, d, false, &unused);
}

bool bpf_always_allows(const struct sock_filter *p, int nr, uint32_t arch)
{
	const struct seccomp_data d = {.nr = nr, .arch = arch};
	bool all;

	return interpret(p, &d, true, &all) == SECCOMP_RET_ALLOW && all;
}
