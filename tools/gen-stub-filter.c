/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the stub's seccomp program as a C array. This program is the host surface of untrusted code: guest
 * code can jump to any system-call instruction of the stub, so the test on the instruction pointer only
 * routes, and each shape below must be safe in the guest's own hands (docs/SECURITY-MODEL.md).
 */
#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "platform/trap/layout.h"

/* A tiny assembler: jumps name labels, resolved at the end. Label 0 is the next instruction. */
static struct ins {
	struct sock_filter f;
	const char *jt, *jf, *label;
} prog[400];
static unsigned n;
static const char *pending_label;

static void emit(unsigned code, unsigned k, const char *jt, const char *jf)
{
	prog[n].f.code = (unsigned short)code;
	prog[n].f.k = k;
	prog[n].jt = jt;
	prog[n].jf = jf;
	prog[n].label = pending_label;
	pending_label = NULL;
	n++;
}
static void label(const char *l)
{
	pending_label = l;
}
static void load(unsigned off)
{
	emit(BPF_LD | BPF_W | BPF_ABS, off, NULL, NULL);
}
static void load_lo(unsigned arg)
{
	load((unsigned)offsetof(struct seccomp_data, args) + arg * 8);
}
static void load_hi(unsigned arg)
{
	load((unsigned)offsetof(struct seccomp_data, args) + arg * 8 + 4);
}
static void jeq(unsigned k, const char *t, const char *f)
{
	emit(BPF_JMP | BPF_JEQ | BPF_K, k, t, f);
}
static void jgt(unsigned k, const char *t, const char *f)
{
	emit(BPF_JMP | BPF_JGT | BPF_K, k, t, f);
}
static void jset(unsigned k, const char *t, const char *f)
{
	emit(BPF_JMP | BPF_JSET | BPF_K, k, t, f);
}
static void and_k(unsigned k)
{
	emit(BPF_ALU | BPF_AND | BPF_K, k, NULL, NULL);
}
static void ret(unsigned action)
{
	emit(BPF_RET | BPF_K, action, NULL, NULL);
}

#define GUEST_HI 0x7dffU
_Static_assert(((uint64_t)GUEST_HI + 2) << 32 == STUB_BASE, "end of the guest and the empty gap");

/* [args[a], args[a] + args[l]) ends below the stub: the upper halves add up to at most GUEST_HI, so the sum of
 * the whole words is below (GUEST_HI + 2) << 32 = STUB_BASE, whatever the lower halves carry. */
static void guest_range(unsigned a, unsigned l)
{
	load_hi(l);
	jgt(GUEST_HI, "kill", NULL);
	emit(BPF_MISC | BPF_TAX, 0, NULL, NULL);
	load_hi(a);
	jgt(GUEST_HI, "kill", NULL);
	emit(BPF_ALU | BPF_ADD | BPF_X, 0, NULL, NULL);
	jgt(GUEST_HI, "kill", NULL);
}
/* The upper half of args[a] is zero. */
static void small(unsigned a)
{
	load_hi(a);
	jeq(0, NULL, "kill");
}
/* args[a] lies in the areas of threads and has this offset within one. */
static void in_area(unsigned a, unsigned offset)
{
	load_hi(a);
	jeq((unsigned)(AREA_BASE >> 32), NULL, "kill");
	load_lo(a);
	jgt((unsigned)(AREA_COUNT * AREA_SIZE - 1), "kill", NULL);
	and_k((unsigned)(AREA_SIZE - 1));
	jeq(offset, NULL, "kill");
}
static void exact(unsigned a, uint64_t v)
{
	load_hi(a);
	jeq((unsigned)(v >> 32), NULL, "kill");
	load_lo(a);
	jeq((unsigned)v, NULL, "kill");
}

static void call_futex(void)
{
	label("futex");
	load_lo(1);
	and_k(~(unsigned)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME));
	jeq(FUTEX_WAIT, "allow", NULL);
	jeq(FUTEX_WAKE, "allow", NULL);
	jeq(FUTEX_WAIT_BITSET, "allow", NULL);
	jeq(FUTEX_WAKE_BITSET, "allow", "kill");
}

static void call_mmap(void)
{
	label("mmap");
	load_lo(4);
	jeq(0xffffffffU, NULL, "notify"); /* with a descriptor: by order only */
	small(2);
	load_lo(2);
	jset(~7U, "kill", NULL);
	small(3);
	load_hi(0);
	jgt(GUEST_HI, "mmap_area", NULL);
	load_lo(3);
	jset(MAP_FIXED | MAP_FIXED_NOREPLACE, NULL, "kill");
	and_k(~(unsigned)(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_NORESERVE));
	jeq(MAP_PRIVATE | MAP_ANONYMOUS, NULL, "kill");
	guest_range(0, 1);
	ret(SECCOMP_RET_ALLOW);
	/* An alternate stack: it never replaces a mapping. */
	label("mmap_area");
	load_lo(3);
	jeq(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NULL, "kill");
	in_area(0, 0);
	exact(1, ALTSTACK_SIZE);
	load_lo(2);
	jeq(3, "allow", "kill");
}

static void call_mm(void)
{
	label("munmap");
	guest_range(0, 1);
	ret(SECCOMP_RET_ALLOW);

	label("mprotect");
	small(2);
	load_lo(2);
	jset(~7U, "kill", NULL);
	guest_range(0, 1);
	ret(SECCOMP_RET_ALLOW);

	label("mremap"); /* in place, or to a fixed address */
	guest_range(0, 1);
	guest_range(0, 2);
	small(3);
	load_lo(3);
	jeq(0, "allow", NULL);
	jeq(MREMAP_MAYMOVE | MREMAP_FIXED, "mremap_fixed", NULL);
	jeq(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, "mremap_fixed", "kill");
	label("mremap_fixed");
	guest_range(4, 2);
	ret(SECCOMP_RET_ALLOW);

	label("madvise");
	small(2);
	load_hi(0);
	jgt(GUEST_HI, "madvise_slot", NULL);
	guest_range(0, 1);
	load_lo(2);
	jgt(25, "kill", NULL); /* HWPOISON 100, SOFT_OFFLINE 101 */
	jeq(MADV_REMOVE, "kill", NULL);
	jeq(MADV_MERGEABLE, "kill", NULL);
	jeq(MADV_UNMERGEABLE, "kill", "allow");
	label("madvise_slot");
	in_area(0, (unsigned)SLOT_OFFSET);
	exact(1, SLOT_SIZE);
	load_lo(2);
	jeq(MADV_DONTFORK, "allow", "kill");
}

static void call_clone(void)
{
	label("clone");
	small(0);
	load_lo(0);
	jeq((unsigned)CLONE_FORK_FLAGS, "notify", NULL);
	jeq((unsigned)CLONE_THREAD_FLAGS, "notify", "kill");

	label("prctl"); /* what the zygote does once, under the filter already; again it changes nothing */
	exact(0, PR_SET_DUMPABLE);
	exact(1, 1);
	ret(SECCOMP_RET_ALLOW);

	label("close_range");
	exact(0, 0);
	exact(1, 0xffffffffU);
	exact(2, 0);
	label("notify");
	ret(SECCOMP_RET_USER_NOTIF);
}

static void whole(void)
{
	unsigned ip = (unsigned)offsetof(struct seccomp_data, instruction_pointer);

	load((unsigned)offsetof(struct seccomp_data, arch));
	jeq(AUDIT_ARCH_X86_64, NULL, "kill");
	load((unsigned)offsetof(struct seccomp_data, nr));
	jset(0x40000000U, "x32", NULL); /* -1 has the bit too: an ordinary unknown number */
	load(ip + 4);
	jeq((unsigned)(STUB_BASE >> 32), NULL, "trap");
	load(ip);
	jgt((unsigned)STUB_SIZE, "trap", NULL);
	load((unsigned)offsetof(struct seccomp_data, nr));
	jeq(__NR_futex, "futex", NULL);
	jeq(__NR_rt_sigreturn, "allow", NULL);
	jeq(__NR_sched_yield, "allow", NULL);
	jeq(__NR_exit, "allow", NULL);
	jeq(__NR_exit_group, "allow", NULL);
	jeq(__NR_mmap, "mmap", NULL);
	jeq(__NR_munmap, "munmap", NULL);
	jeq(__NR_mprotect, "mprotect", NULL);
	jeq(__NR_mremap, "mremap", NULL);
	jeq(__NR_madvise, "madvise", NULL);
	jeq(__NR_clone, "clone", NULL);
	jeq(__NR_prctl, "prctl", NULL);
	jeq(__NR_close_range, "close_range", "kill");
	call_futex();
	call_mmap();
	call_mm();
	call_clone();
	label("x32");
	jset(0x80000000U, "trap", "kill");
	label("trap");
	ret(SECCOMP_RET_TRAP);
	label("kill");
	ret(SECCOMP_RET_KILL_PROCESS);
	label("allow");
	ret(SECCOMP_RET_ALLOW);
}

static unsigned resolve(unsigned at, const char *l)
{
	if (!l)
		return 0;
	for (unsigned i = at + 1; i < n; i++)
		if (prog[i].label && !strcmp(prog[i].label, l))
			return i - at - 1;
	fprintf(stderr, "gen-stub-filter: no label %s after %u\n", l, at);
	exit(1);
}

int main(void)
{
	whole();
	printf("/* Generated by tools/gen-stub-filter.c. */\n");
	for (unsigned i = 0; i < n; i++) {
		unsigned jt = resolve(i, prog[i].jt), jf = resolve(i, prog[i].jf);

		if (jt > 255 || jf > 255) {
			fprintf(stderr, "gen-stub-filter: jump too far at %u\n", i);
			return 1;
		}
		printf("{0x%02x, %u, %u, 0x%08x},\n", prog[i].f.code, jt, jf, prog[i].f.k);
	}
	return 0;
}
