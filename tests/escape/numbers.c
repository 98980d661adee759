/* SPDX-License-Identifier: Apache-2.0 */
/* Every number at the hidden system-call instructions: what does the host perform? */
#include "esc.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST 600
#define X32 0x40000000ULL

/* What the host may perform (docs/SECURITY-MODEL.md), with the arguments of live_args(); all else kills. result: the one
 * that it may have, because nothing was ordered; or because the call exists for the host's own probes: Linux lets uretprobe
 * and uprobe past every seccomp filter, and has them refuse (with SIGILL, or ENXIO or EPROTO) who was not probed. */
static const struct {
	int nr;
	long result, or;
} may[] = {
	{SYS_futex, 0, 0},     {SYS_rt_sigreturn, 1, 1}, {SYS_sched_yield, 0, 0}, {SYS_munmap, 0, 0},
	{SYS_mprotect, 0, 0},  {436 /* close_range */, -1, -1}, {335, -1, -1}, {336, -6, -71},
};

static int is_allowed(uint64_t nr, long result, int vague)
{
	for (unsigned i = 0; i < sizeof(may) / sizeof(may[0]); i++)
		if ((uint64_t)may[i].nr == nr)
			return vague || may[i].result == 1 || result == may[i].result || result == may[i].or;
	return 0;
}

/* The trap comes after the instruction that follows: where that one changes rax, results are not known. */
static int is_vague(uint64_t site)
{
	const uint64_t a[6] = {4096 + 1, 4096};
	long result;

	return call_at(site, SYS_munmap, a, &result) == OUT_PERFORMED && result != -22;
}

struct tally {
	unsigned killed, performed, other, bad;
};

static void try_one(uint64_t site, uint64_t nr, int vague, struct tally *t, char *list, size_t cap)
{
	uint64_t a[6];
	long result;
	size_t n = strlen(list);

	live_args((int)(nr & 0xfff), 0, a);
	switch (call_at(site, nr, a, &result)) {
	case OUT_KILLED:
		t->killed++;
		break;
	case OUT_PERFORMED:
		t->performed++;
		snprintf(list + n, cap - n, " %#lx=%ld", nr, result);
		if (!is_allowed(nr, result, vague)) {
			t->bad++;
			note("HOST CALL: number %#lx at %#lx returned %ld", nr, site, result);
		}
		break;
	case OUT_STUCK:
		t->bad++;
		note("number %#lx at %#lx did not come back", nr, site);
		break;
	default:
		t->other++;
		if (nr != SYS_rt_sigreturn) { /* through a frame that is none: a fault */
			t->bad++;
			note("number %#lx at %#lx: neither killed nor performed (%ld)", nr, site, report->state);
		}
	}
}

static void range(uint64_t site, uint64_t bits, const char *abi)
{
	char list[1024] = "";
	struct tally t = {0};
	int vague = is_vague(site);

	for (uint64_t nr = 0; nr <= LAST; nr++)
		try_one(site, nr | bits, vague, &t, list, sizeof(list));
	/* The way of looking works: otherwise all this says nothing. */
	if (!bits && (t.performed < 3 || !strstr(list, " 0x18=")))
		say(0, "%#lx: sched_yield was not seen to be performed", site);
	say(t.bad == 0, "%#lx, %s, 0 to %d: %u killed, %u performed (%s )", site, abi, LAST, t.killed, t.performed, list);
}

/* Numbers whose upper halves or signs are odd. */
static void odd(const struct site *s)
{
	static const uint64_t nrs[] = {~0ULL, 0xffffffffULL, 0x80000000ULL, 0x80000027ULL, 0xbfffffffULL, 0xc0000027ULL,
				       0x7fffffffULL, 0x3fffffffULL, 1024, 4096, 65536 + 39};
	char list[1024] = "";
	struct tally t = {0};
	uint64_t a[6] = {0};
	long result;

	/* -1 and the like trap as any unknown call of the guest's: then nacre answers ENOSYS. */
	for (unsigned i = 0; i < sizeof(nrs) / sizeof(nrs[0]); i++)
		if (call_at(s->addr, nrs[i], a, &result) == OUT_PERFORMED && result != -38) {
			t.bad++;
			note("HOST CALL: number %#lx at %#lx returned %ld", nrs[i], s->addr, result);
		}
	/* The host looks at the lower half only. */
	for (unsigned i = 0; i < 3; i++) {
		static const int harm[] = {SYS_openat, SYS_socket, SYS_clone3};

		try_one(s->addr, 0xdead00000000ULL | (unsigned)harm[i], 0, &t, list, sizeof(list));
	}
	say(t.bad == 0 && t.killed == 3, "%#lx: odd numbers", s->addr);
}

void attack_numbers(int deep)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nsites; i++) {
		if (sites[i].insn != INSN_SYSCALL || n++ % parts != part)
			continue;
		range(sites[i].addr, 0, "x86-64");
		if (deep || n == 1 + part || n % 10 == 0)
			range(sites[i].addr, X32, "x32");
		if (deep || n == 1 + part)
			odd(&sites[i]);
	}
}

/* --- other ways in: int 0x80, sysenter, compatibility mode, the vsyscall page ----------------------------------- */

static long int80(uint32_t nr, const uint64_t a[6])
{
	long r;

	__asm__ volatile("push %%rbp\n mov %7, %%ebp\n int $0x80\n pop %%rbp"
			 : "=a"(r)
			 : "a"((uint64_t)nr), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4]), "r"((uint32_t)a[5])
			 : "memory", "r8", "r9", "r10", "r11", "r12");
	return r;
}

static void child_int80(void *arg)
{
	uint64_t a[6];

	live_args(*(int *)arg, 1, a);
	report->state = 1;
	report->result = int80((uint32_t)*(int *)arg, a);
	report->state = 2;
	_exit(0);
}

/* Where sysenter looks for its sixth argument; below 4 GiB, as all of this program. */
static uint32_t low[16];

static void child_sysenter(void *arg)
{
	report->state = 1;
	__asm__ volatile("push %%rbp\n mov %5, %%rbp\n sysenter\n pop %%rbp"
			 : "=a"(report->result)
			 : "a"((long)*(int *)arg), "b"(1L), "c"(1L), "d"(1L), "r"(low + 8)
			 : "memory", "rsi", "rdi", "r8", "r9", "r10", "r11");
	report->state = 2;
	_exit(0);
}

/* Far return into 32-bit code, which enters the host by every door that it has. */
__asm__(".text\n"
	"compat_int80: .byte 0xcd, 0x80\n"
	"	ud2\n"
	"compat_syscall: .byte 0x0f, 0x05\n"
	"	ud2\n"
	"compat_sysenter: .byte 0x0f, 0x34\n"
	"	ud2\n");
extern const char compat_int80[], compat_syscall[], compat_sysenter[];

static void child_compat(void *arg)
{
	report->state = 1;
	__asm__ volatile("push $0x23\n push %0\n mov %1, %%rbp\n mov $20, %%eax\n lretq"
			 :
			 : "r"(*(const char *const *)arg), "r"(low + 8)
			 : "rax");
	_exit(0);
}

static void child_vsyscall(void *arg)
{
	long (*fn)(void *, void *) = *(long (**)(void *, void *))arg;
	static uint64_t out[8];

	report->state = 1;
	report->result = fn(out, 0);
	report->state = 2;
	_exit(0);
}

void attack_int80(int deep)
{
	const char *const compat[] = {compat_int80, compat_syscall, compat_sysenter};
	unsigned bad = 0, killed = 0;

	(void)deep;
	for (int nr = 0; nr <= LAST; nr++) {
		int status = in_child(child_int80, &nr, 3000, NULL);

		killed += report->state == 1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		if (report->state == 2 || !WIFSIGNALED(status)) {
			bad++;
			note("HOST CALL: int 0x80 number %d returned %ld", nr, report->result);
		}
	}
	say(bad == 0 && killed == LAST + 1, "int 0x80 of one's own, 0 to %d: %u killed", LAST, killed);
	for (unsigned i = 0; i < nsites; i++)
		for (int nr = 0; sites[i].insn != INSN_SYSCALL && nr <= LAST; nr++) {
			uint64_t a[6];
			long result;

			live_args(nr, 1, a);
			if (call_at(sites[i].addr, (uint64_t)nr, a, &result) == OUT_PERFORMED)
				say(0, "HOST CALL: hidden int 0x80 or sysenter, number %d returned %ld", nr, result);
		}
	bad = 0;
	for (int nr = 0; nr < 64; nr++) {
		int status = in_child(child_sysenter, &nr, 3000, NULL);

		bad += report->state == 2 || !WIFSIGNALED(status);
	}
	say(bad == 0, "sysenter kills or faults");
	bad = 0;
	for (unsigned i = 0; i < 3; i++) {
		int status = in_child(child_compat, (void *)&compat[i], 3000, NULL);

		bad += !WIFSIGNALED(status);
		note("32-bit code, door %u: signal %d", i, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	}
	say(bad == 0, "system calls of 32-bit code kill or fault");
	bad = 0;
	for (uint64_t at = 0xffffffffff600000; at <= 0xffffffffff600800; at += 1024) {
		int status = in_child(child_vsyscall, &at, 3000, NULL);

		note("vsyscall %#lx: state %ld, result %ld, status %#x", at, report->state, report->result, (unsigned)status);
		/* answered by nacre, or a fault: nothing that is stuck */
		bad += status == -1;
	}
	say(bad == 0, "the vsyscall page");
}
