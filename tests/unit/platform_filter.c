/* SPDX-License-Identifier: Apache-2.0 */
/* The stub's seccomp program, run in a small interpreter: what each shape of a host call gets. */
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include "../tap.h"
#include "platform/trap/layout.h"

static const struct sock_filter filter[] = {
#include "stub-filter.inc"
};
#define COUNT (sizeof(filter) / sizeof(filter[0]))
#define IN_STUB (STUB_BASE + 0x1234)
#define G 0x400000ULL		    /* a guest address */
#define TOP 0x7e0000000000ULL	    /* the first that is not */
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define NOFD (~0ULL)
#define ALLOW SECCOMP_RET_ALLOW
#define KILL SECCOMP_RET_KILL_PROCESS
#define TRAP SECCOMP_RET_TRAP
#define NOTIF SECCOMP_RET_USER_NOTIF

static uint32_t word_at(const struct seccomp_data *d, uint32_t off)
{
	uint32_t v;

	REQUIRE(off % 4 == 0 && off + 4 <= sizeof(*d));
	memcpy(&v, (const char *)d + off, 4);
	return v;
}

static uint32_t interpret(const struct seccomp_data *d)
{
	uint32_t a = 0, x = 0;

	for (size_t pc = 0; pc < COUNT; pc++) {
		const struct sock_filter *f = &filter[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = word_at(d, f->k);
			break;
		case BPF_MISC | BPF_TAX:
			x = a;
			break;
		case BPF_ALU | BPF_ADD | BPF_X:
			a += x;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += (a & f->k) ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			REQUIRE(!"an instruction that the interpreter does not know");
		}
	}
	REQUIRE(!"ran off the end");
	return 0;
}

static uint32_t at(uint64_t ip, uint32_t arch, int nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		   uint64_t e, uint64_t f)
{
	struct seccomp_data s = {.nr = nr, .arch = arch, .instruction_pointer = ip,
				 .args = {a, b, c, d, e, f}};

	return interpret(&s);
}
#define CALL(nr, a, b, c, d, e, f) at(IN_STUB, AUDIT_ARCH_X86_64, __NR_##nr, a, b, c, d, e, f)
#define IS(want, nr, a, b, c, d, e, f) CHECK_EQ(CALL(nr, a, b, c, d, e, f), want)

TEST(routing)
{
	const uint64_t outside[] = {0, G, TOP - 1, STUB_BASE - 1, STUB_BASE + STUB_SIZE + 2,
				    0x7e0000001234ULL, 0x7e0200001234ULL, 0x00000001234ULL, ~0ULL};

	for (int nr = 0; nr < 600; nr++)
		for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
			CHECK_EQ(at(outside[i], AUDIT_ARCH_X86_64, nr, 0, 0, 0, 0, 0, 0), TRAP);
	for (int nr = 0; nr < 600; nr++) {
		CHECK_EQ(at(IN_STUB, AUDIT_ARCH_I386, nr, 0, 0, 0, 0, 0, 0), KILL);
		CHECK_EQ(at(G, AUDIT_ARCH_I386, nr, 0, 0, 0, 0, 0, 0), KILL);
		CHECK_EQ(at(IN_STUB, AUDIT_ARCH_X86_64, nr | 0x40000000, 0, 0, 0, 0, 0, 0), KILL);
		CHECK_EQ(at(G, AUDIT_ARCH_X86_64, nr | 0x40000000, 0, 0, 0, 0, 0, 0), KILL);
	}
	CHECK_EQ(at(G, AUDIT_ARCH_X86_64, -1, 0, 0, 0, 0, 0, 0), TRAP);
}

/* Every number with arguments of many kinds: what may pass is a list of thirteen. */
TEST(nothing_else)
{
	const uint64_t args[] = {0, 1, G, TOP - 4096, AREA_BASE, ~0ULL};

	for (int nr = 0; nr < 600; nr++) {
		int known = nr == __NR_futex || nr == __NR_rt_sigreturn || nr == __NR_sched_yield ||
			    nr == __NR_exit || nr == __NR_exit_group || nr == __NR_mmap ||
			    nr == __NR_munmap || nr == __NR_mprotect || nr == __NR_mremap ||
			    nr == __NR_madvise || nr == __NR_clone || nr == __NR_close_range ||
			    nr == __NR_prctl;

		for (unsigned i = 0; !known && i < 6 * 6; i++)
			CHECK_EQ(at(IN_STUB, AUDIT_ARCH_X86_64, nr, args[i % 6], args[i / 6], 1, 2, 3, 4),
				 KILL);
	}
}

TEST(futex)
{
	for (unsigned op = 0; op < 64; op++)
		IS(op == FUTEX_WAIT || op == FUTEX_WAKE || op == FUTEX_WAIT_BITSET ||
		   op == FUTEX_WAKE_BITSET ? ALLOW : KILL, futex, G, op, 0, 0, 0, 0);
	IS(ALLOW, futex, G, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, 0, 0, 0, 0);
	IS(KILL, futex, G, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 0, 0, 0, 0);
	IS(KILL, futex, G, 0x80000000U, 0, 0, 0, 0);
}

/* Ranges: for every call that takes one. */
TEST(ranges)
{
	static const struct {
		uint64_t addr, len;
		int ok;
	} r[] = {
		{G, 4096, 1}, {0, 0, 1}, {0x1000, TOP - 0x1000, 1}, {TOP - 4096, 4096, 1},
		{TOP, 4096, 0}, {STUB_BASE, 4096, 0}, {STUB_BASE - 4096, 8192, 0},
		{0, STUB_BASE + 4096, 0}, {0x1000, ~0ULL, 0}, {0x1000, 0ULL - 0x1000, 0},
		{AREA_BASE, 4096, 0}, {AREA_BASE + SLOT_OFFSET, SLOT_SIZE, 0}, {~0xfffULL, 8192, 0},
		{0x7dff00000000ULL, 0x200000000ULL, 0}, {0x3f0000000000ULL, 0x3f0100000000ULL, 0},
		{0xffff800000000000ULL, 4096, 0}, {0x7ffff7ff0000ULL, 4096, 0}, {1ULL << 63, 1ULL << 63, 0},
	};

	for (unsigned i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		uint32_t want = r[i].ok ? ALLOW : KILL;

		IS(want, munmap, r[i].addr, r[i].len, 0, 0, 0, 0);
		IS(want, mprotect, r[i].addr, r[i].len, 1, 0, 0, 0);
		IS(want, madvise, r[i].addr, r[i].len, MADV_DONTNEED, 0, 0, 0);
		IS(want, mmap, r[i].addr, r[i].len, 3, ANON, NOFD, 0);
		IS(want, mremap, r[i].addr, r[i].len, 4096, 0, 0, 0);
		IS(want, mremap, r[i].addr, 4096, r[i].len, 0, 0, 0);
		IS(want, mremap, G, 4096, r[i].len, MREMAP_MAYMOVE | MREMAP_FIXED, r[i].addr, 0);
	}
	/* What passes never reaches the stub, whatever the lower halves are. */
	for (uint64_t a = 0; a < 0x8000; a += 0x3f)
		for (uint64_t l = 0; l < 0x8000; l += 0x3f)
			if (CALL(munmap, a << 32 | 0xffffffff, l << 32 | 0xffffffff, 0, 0, 0, 0) == ALLOW)
				CHECK((a << 32) + (l << 32) + 0x1fffffffeULL < STUB_BASE);
}

TEST(shapes)
{
	IS(ALLOW, mmap, G, 4096, 7, ANON | MAP_NORESERVE, NOFD, 0);
	IS(ALLOW, mmap, G, 4096, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NOFD, 0);
	IS(KILL, mmap, G, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, NOFD, 0); /* host's choice of address */
	IS(KILL, mmap, G, 4096, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NOFD, 0);
	IS(KILL, mmap, G, 4096, 3, ANON | MAP_GROWSDOWN, NOFD, 0);
	IS(KILL, mmap, G, 4096, 3, ANON | MAP_LOCKED, NOFD, 0);
	IS(KILL, mmap, G, 4096, 3, ANON | MAP_HUGETLB, NOFD, 0);
	IS(KILL, mmap, G, 4096, 3, ANON | 1ULL << 32, NOFD, 0);
	IS(KILL, mmap, G, 4096, 0x1000007, ANON, NOFD, 0);
	IS(NOTIF, mmap, G, 4096, 3, MAP_SHARED | MAP_FIXED, 0, 0);
	IS(NOTIF, mmap, AREA_BASE + SLOT_OFFSET, SLOT_SIZE, 3, MAP_SHARED | MAP_FIXED, 7ULL << 32, 0);
	/* an alternate stack, exactly */
	IS(ALLOW, mmap, AREA_BASE + AREA_SIZE, ALTSTACK_SIZE, 3, 0x100022, NOFD, 0);
	IS(KILL, mmap, AREA_BASE + AREA_SIZE, ALTSTACK_SIZE, 3, ANON, NOFD, 0);
	IS(KILL, mmap, AREA_BASE + AREA_SIZE, ALTSTACK_SIZE, 7, 0x100022, NOFD, 0);
	IS(KILL, mmap, AREA_BASE + 4096, ALTSTACK_SIZE, 3, 0x100022, NOFD, 0);
	IS(KILL, mmap, AREA_BASE + SLOT_OFFSET, ALTSTACK_SIZE, 3, 0x100022, NOFD, 0);
	IS(KILL, mmap, AREA_BASE, AREA_SIZE, 3, 0x100022, NOFD, 0);
	IS(KILL, mmap, AREA_END, ALTSTACK_SIZE, 3, 0x100022, NOFD, 0);
	IS(KILL, mmap, STUB_BASE, ALTSTACK_SIZE, 3, 0x100022, NOFD, 0);
	IS(KILL, mprotect, G, 4096, PROT_READ | PROT_GROWSDOWN, 0, 0, 0);
	for (unsigned adv = 26; adv < 256; adv++)
		IS(KILL, madvise, G, 4096, adv, 0, 0, 0);
	IS(KILL, madvise, G, 4096, MADV_REMOVE, 0, 0, 0);
	IS(KILL, madvise, G, 4096, MADV_MERGEABLE, 0, 0, 0);
	IS(ALLOW, madvise, AREA_BASE + SLOT_OFFSET, SLOT_SIZE, MADV_DONTFORK, 0, 0, 0);
	IS(KILL, madvise, AREA_BASE + SLOT_OFFSET, SLOT_SIZE, MADV_DOFORK, 0, 0, 0);
	IS(KILL, madvise, AREA_BASE, SLOT_SIZE, MADV_DONTFORK, 0, 0, 0);
	IS(KILL, mremap, G, 4096, 4096, MREMAP_MAYMOVE, 0, 0);
	IS(KILL, mremap, G, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, STUB_BASE, 0);
	IS(NOTIF, clone, CLONE_FORK_FLAGS, 0, 0, 0, 0, 0);
	IS(NOTIF, clone, CLONE_THREAD_FLAGS, G, 0, 0, 0, 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		IS(KILL, clone, CLONE_FORK_FLAGS ^ 1ULL << bit, 0, 0, 0, 0, 0);
		IS(KILL, clone, CLONE_THREAD_FLAGS ^ 1ULL << bit, 0, 0, 0, 0, 0);
	}
	IS(NOTIF, close_range, 0, 0xffffffff, 0, 0, 0, 0);
	IS(KILL, close_range, 1, 0xffffffff, 0, 0, 0, 0);
	IS(KILL, close_range, 0, 0xffffffff, 4, 0, 0, 0);
	IS(ALLOW, prctl, PR_SET_DUMPABLE, 1, 0, 0, 0, 0);
	IS(KILL, prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
	IS(KILL, prctl, PR_SET_DUMPABLE, 0x100000001, 0, 0, 0, 0);
	IS(KILL, prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	IS(KILL, prctl, PR_SET_PDEATHSIG, 1, 0, 0, 0, 0);
}

TAP_MAIN()
