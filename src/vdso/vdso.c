/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's vDSO: clocks and the CPU's number without a system call. It runs as guest code, reads one page that
 * the kernel shares read-only, and falls back to the call whenever that page says so.
 */
#include <stddef.h>
#include "vdso/vvar.h"

extern const struct vvar vvar_page __attribute__((visibility("hidden")));

#define NR_GETTIMEOFDAY 96
#define NR_TIME 201
#define NR_CLOCK_GETTIME 228
#define NR_CLOCK_GETRES 229
#define NR_GETCPU 309
#define NSEC 1000000000UL

struct ts {
	int64_t sec, nsec;
};
struct tv {
	int64_t sec, usec;
};

#define EXPORT __attribute__((visibility("default")))
#define ALIAS(name, of) EXPORT extern __typeof__(of) name __attribute__((weak, alias(#of)))

static long call(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "0"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
}

EXPORT int __vdso_clock_gettime(int clock, struct ts *ts);
EXPORT int __vdso_clock_gettime(int clock, struct ts *ts)
{
	enum vclock c = vclock_of(clock);
	uint64_t ns = c ? vvar_read(&vvar_page, c) : 0;

	if (!ns)
		return (int)call(NR_CLOCK_GETTIME, clock, (long)ts, 0);
	ts->sec = (int64_t)(ns / NSEC);
	ts->nsec = (int64_t)(ns % NSEC);
	return 0;
}
ALIAS(clock_gettime, __vdso_clock_gettime);

EXPORT int __vdso_clock_getres(int clock, struct ts *ts);
EXPORT int __vdso_clock_getres(int clock, struct ts *ts)
{
	enum vclock c = vclock_of(clock);
	uint64_t res = c >= VCLOCK_MONO_COARSE ? vvar_page.tick : vvar_page.res;

	if (!c || !res)
		return (int)call(NR_CLOCK_GETRES, clock, (long)ts, 0);
	if (ts) {
		ts->sec = 0;
		ts->nsec = (int64_t)res;
	}
	return 0;
}
ALIAS(clock_getres, __vdso_clock_getres);

EXPORT int __vdso_gettimeofday(struct tv *tv, void *tz);
EXPORT int __vdso_gettimeofday(struct tv *tv, void *tz)
{
	uint64_t ns = tz ? 0 : vvar_read(&vvar_page, VCLOCK_REAL);

	if (!ns)
		return (int)call(NR_GETTIMEOFDAY, (long)tv, (long)tz, 0);
	if (tv) {
		tv->sec = (int64_t)(ns / NSEC);
		tv->usec = (int64_t)(ns % NSEC / 1000);
	}
	return 0;
}
ALIAS(gettimeofday, __vdso_gettimeofday);

EXPORT long __vdso_time(long *to);
EXPORT long __vdso_time(long *to)
{
	uint64_t ns = vvar_read(&vvar_page, VCLOCK_REAL_COARSE);
	long now = (long)(ns / NSEC);

	if (!ns)
		return call(NR_TIME, (long)to, 0, 0);
	if (to)
		*to = now;
	return now;
}
ALIAS(time, __vdso_time);

/* The host keeps the CPU's number in the limit of a segment, low 12 bits; the guest counts its own CPUs. */
EXPORT long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);
EXPORT long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	uint32_t limit = 0;

	(void)unused;
	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"((15 << 3) | 3));
	if (!vvar_page.ncpu)
		return call(NR_GETCPU, (long)cpu, (long)node, 0);
	if (cpu)
		*cpu = (limit & 0xfff) % vvar_page.ncpu;
	if (node)
		*node = 0;
	return 0;
}
ALIAS(getcpu, __vdso_getcpu);
