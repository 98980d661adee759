/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page that the kernel writes and the vDSO reads: how to make clocks from the processor's time-stamp counter.
 * Time is a row of generations: each says where the clocks stood at `tsc`, how fast they go, and for how many ticks
 * that holds. A generation begins at or after the place where the one before it stands, so no clock goes backwards.
 */
#ifndef NACRE_VDSO_VVAR_H
#define NACRE_VDSO_VVAR_H

#include <stdint.h>

#define VVAR_SIZE 4096UL

struct vvar {
	uint32_t seq;		  /* odd while the kernel writes */
	uint32_t ncpu;		  /* constant: CPUs that the guest is told of */
	uint64_t tsc, span;	  /* from this tick on, for so many; span 0: ask the kernel */
	uint64_t mono, raw;	  /* ns at tsc */
	uint64_t mult, raw_mult;  /* ns for each tick, << 32 */
	int64_t real, boot, tai;  /* ns to add to mono */
	uint64_t coarse, tick;	  /* a point where the coarse clocks step, on mono; ns between such points */
	uint64_t res;		  /* ns: resolution of the other clocks */
};

enum vclock { VCLOCK_NONE, VCLOCK_MONO, VCLOCK_RAW, VCLOCK_REAL, VCLOCK_BOOT, VCLOCK_TAI, VCLOCK_MONO_COARSE,
	      VCLOCK_REAL_COARSE };

/* By clock id of clock_gettime(2). */
static inline enum vclock vclock_of(int clock)
{
	switch (clock) {
	case 0:
		return VCLOCK_REAL;
	case 1:
		return VCLOCK_MONO;
	case 4:
		return VCLOCK_RAW;
	case 5:
		return VCLOCK_REAL_COARSE;
	case 6:
		return VCLOCK_MONO_COARSE;
	case 7:
		return VCLOCK_BOOT;
	case 11:
		return VCLOCK_TAI;
	}
	return VCLOCK_NONE;
}

/* Not before what comes before it in the program. */
static inline uint64_t vvar_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (uint64_t)hi << 32;
}

/* The clock by the generation *v, d ticks after its beginning. */
static inline uint64_t vvar_at(const volatile struct vvar *v, enum vclock c, uint64_t d)
{
	uint64_t mono = v->mono + (d * v->mult >> 32), coarse;

	switch (c) {
	case VCLOCK_RAW:
		return v->raw + (d * v->raw_mult >> 32);
	case VCLOCK_REAL:
		return mono + (uint64_t)v->real;
	case VCLOCK_BOOT:
		return mono + (uint64_t)v->boot;
	case VCLOCK_TAI:
		return mono + (uint64_t)v->tai;
	case VCLOCK_MONO_COARSE:
	case VCLOCK_REAL_COARSE:
		coarse = mono - (mono - v->coarse) % v->tick;
		return c == VCLOCK_MONO_COARSE ? coarse : coarse + (uint64_t)v->real;
	default:
		return mono;
	}
}

/* The clock now, in ns; 0: the kernel must be asked. The page may change meanwhile, and tsc may be a tick behind on another
 * CPU than the one that wrote it. */
static inline uint64_t vvar_read(const volatile struct vvar *p, enum vclock c)
{
	for (int tries = 0; tries < 64; tries++) {
		uint32_t seq = __atomic_load_n(&p->seq, __ATOMIC_ACQUIRE);
		uint64_t d, ns, now, span;

		if (seq & 1) {
			__builtin_ia32_pause();
			continue;
		}
		span = p->span;
		now = vvar_tsc();
		d = now - p->tsc;
		if ((int64_t)d < 0)
			d = 0;
		ns = d < span ? vvar_at(p, c, d) : 0;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&p->seq, __ATOMIC_RELAXED) == seq)
			return ns;
	}
	return 0;
}

#endif
