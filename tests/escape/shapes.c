/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that the host may perform in some shape, in the shapes next to it. */
#include "esc.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define FORK 0x8411ULL	   /* parent, files, SIGCHLD */
#define THREAD 0x250f00ULL /* a thread of the same memory */
#define NOFD (~0ULL)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

enum want {
	KILL,  /* the filter kills */
	NO,    /* asked and refused: EPERM */
	FREE,  /* performed, on memory of one's own */
};
static const char *const names[] = {"killed", "refused", "performed"};

static unsigned bad, done;

static void one(uint64_t site, enum want want, const char *what, uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		uint64_t e, uint64_t f)
{
	const uint64_t v[6] = {a, b, c, d, e, f};
	enum outcome got;
	long result;
	int ok;

	got = call_at(site, nr, v, &result);
	ok = want == KILL ? got == OUT_KILLED : want == NO ? got == OUT_PERFORMED && result == -1 : got == OUT_PERFORMED;
	done++;
	if (!ok) {
		bad++;
		note("%s (number %lu: %#lx %#lx %#lx %#lx %#lx %#lx): outcome %d, result %ld, wanted: %s", what, nr, a, b, c, d,
		     e, f, (int)got, result, names[want]);
	}
}

static void maps(uint64_t s, uint64_t text, uint64_t slot)
{
	const uint64_t g = 0x30000000; /* free memory of one's own */

	one(s, FREE, "anonymous, fixed", SYS_mmap, g, 4096, 7, ANON | MAP_FIXED, NOFD, 0);
	one(s, KILL, "anywhere", SYS_mmap, 0, 4096, 3, ANON, NOFD, 0);
	one(s, KILL, "shared anonymous", SYS_mmap, g, 4096, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NOFD, 0);
	one(s, KILL, "huge pages", SYS_mmap, g, 2 << 20, 3, ANON | MAP_FIXED | MAP_HUGETLB, NOFD, 0);
	one(s, KILL, "locked", SYS_mmap, g, 4096, 3, ANON | MAP_FIXED | MAP_LOCKED, NOFD, 0);
	one(s, KILL, "grows down", SYS_mmap, g, 4096, 3, ANON | MAP_FIXED | MAP_GROWSDOWN, NOFD, 0);
	one(s, KILL, "over hidden text", SYS_mmap, text, 4096, 7, ANON | MAP_FIXED, NOFD, 0);
	one(s, KILL, "over hidden data", SYS_mmap, slot, 4096, 3, ANON | MAP_FIXED, NOFD, 0);
	one(s, KILL, "across hidden text", SYS_mmap, text - 4096, 8192, 7, ANON | MAP_FIXED, NOFD, 0);
	one(s, KILL, "wraps", SYS_mmap, g, 0 - 4096ULL, 7, ANON | MAP_FIXED, NOFD, 0);
	for (unsigned fd = 0; fd < 8; fd++) {
		one(s, NO, "a descriptor without an order", SYS_mmap, g, 4096, 3, MAP_SHARED | MAP_FIXED, fd, 0);
		one(s, NO, "slots without an order", SYS_mmap, slot, 0x20000, 3, MAP_SHARED | MAP_FIXED, fd, 0);
		one(s, NO, "with a guessed token", SYS_mmap, slot, 0x20000, 3, MAP_SHARED | MAP_FIXED,
		    (uint64_t)rnd() << 32 | fd, fd * 0x20000ULL);
	}
	one(s, NO, "the text from a descriptor", SYS_mmap, text, 4096, 7, MAP_SHARED | MAP_FIXED, 0, 0);
	one(s, KILL, "protect hidden text", SYS_mprotect, text, 4096, 7, 0, 0, 0);
	one(s, KILL, "protect hidden data", SYS_mprotect, slot, 4096, 7, 0, 0, 0);
	one(s, KILL, "protect everything", SYS_mprotect, 4096, 0x7ffffffee000, 7, 0, 0, 0);
	one(s, KILL, "unmap hidden text", SYS_munmap, text, 4096, 0, 0, 0, 0);
	one(s, KILL, "unmap hidden data", SYS_munmap, slot, 4096, 0, 0, 0, 0);
	one(s, KILL, "unmap everything", SYS_munmap, 0, 0x7ffffffff000, 0, 0, 0, 0);
	one(s, KILL, "move hidden text", SYS_mremap, text, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, g, 0);
	one(s, KILL, "move onto hidden text", SYS_mremap, g, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, text, 0);
	one(s, KILL, "grow hidden data", SYS_mremap, slot, 4096, 8192, 0, 0, 0);
	one(s, KILL, "grow at will", SYS_mremap, g, 4096, 8192, MREMAP_MAYMOVE, 0, 0);
	one(s, KILL, "drop hidden data", SYS_madvise, slot, 4096, MADV_DONTNEED, 0, 0, 0);
	one(s, KILL, "punch a file", SYS_madvise, g, 4096, MADV_REMOVE, 0, 0, 0);
	one(s, KILL, "merge pages", SYS_madvise, g, 4096, MADV_MERGEABLE, 0, 0, 0);
	one(s, KILL, "poison", SYS_madvise, g, 4096, 100, 0, 0, 0);
	one(s, KILL, "soft offline", SYS_madvise, g, 4096, 101, 0, 0, 0);
	one(s, KILL, "pass hidden data on to children", SYS_madvise, slot, 0x20000, MADV_DOFORK, 0, 0, 0);
}

static void clones(uint64_t s)
{
	static const uint64_t extra[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
					 CLONE_NEWCGROUP, CLONE_PTRACE, CLONE_UNTRACED, CLONE_VFORK, CLONE_PIDFD,
					 CLONE_SETTLS, CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, CLONE_IO, 1ULL << 32};

	one(s, NO, "a fork without an order", SYS_clone, FORK, 0, 0, 0, 0, 0);
	one(s, NO, "a thread without an order", SYS_clone, THREAD, 0x30001000, 0, 0x30000000, 0, 0);
	for (unsigned i = 0; i < sizeof(extra) / sizeof(extra[0]); i++) {
		one(s, KILL, "a fork with one flag more", SYS_clone, FORK | extra[i], 0, 0, 0, 0, 0);
		one(s, KILL, "a thread with one flag more", SYS_clone, THREAD | extra[i], 0x30001000, 0, 0x30000000, 0, 0);
	}
	for (unsigned sig = 0; sig < 64; sig++)
		if (sig != SIGCHLD)
			one(s, KILL, "another exit signal", SYS_clone, (FORK & ~0xffULL) | sig, 0, 0, 0, 0, 0);
	one(s, KILL, "an ordinary fork", SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
	one(s, KILL, "a part of the descriptors", SYS_close_range, 3, ~0U, 0, 0, 0, 0);
	one(s, KILL, "unsharing descriptors", SYS_close_range, 0, ~0U, 2, 0, 0, 0);
	one(s, NO, "all descriptors", SYS_close_range, 0, ~0U, 0, 0, 0, 0);
}

void attack_shapes(int deep)
{
	uint64_t end = 0, text = hidden_text(&end), slot = 0, s = 0;

	(void)deep;
	for (unsigned i = 0; i < nhidden; i++)
		if (hidden[i].write)
			slot = hidden[i].start;
	for (unsigned i = 0; !s && i < nsites; i++)
		if (sites[i].insn == INSN_SYSCALL)
			s = sites[i].addr;
	if (!s || !slot || !text) {
		say(0, "nothing to attack");
		return;
	}
	maps(s, text, slot);
	/* the second half of an area, where the shared part is */
	maps(s, text + 4096, slot + 0x10000);
	say(bad == 0, "%u shapes of memory calls", done);
	bad = done = 0;
	clones(s);
	say(bad == 0, "%u shapes of clone and close_range", done);
	bad = done = 0;
	for (uint64_t op = 0; op < 512; op++) {
		uint64_t plain = op & ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
		static uint32_t word = 7;

		if (plain == FUTEX_WAIT || plain == FUTEX_WAKE || plain == FUTEX_WAIT_BITSET || plain == FUTEX_WAKE_BITSET)
			one(s, FREE, "futex", SYS_futex, (uint64_t)&word, op, 1, 0, 0, ~0U);
		else
			one(s, KILL, "futex", SYS_futex, (uint64_t)&word, op, 1, 0, 0, ~0U);
	}
	say(bad == 0, "%u operations on futexes", done);
}
