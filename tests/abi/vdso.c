/* SPDX-License-Identifier: Apache-2.0 */
/* The vDSO: it is there, its symbols can be found, its clocks and those of the calls are one, and never go backwards. */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "../tap.h"

static uint64_t ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static uint64_t by_vdso(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t); /* the C library's way to the vDSO */
	return ns(&t);
}

static uint64_t by_call(int clock)
{
	struct timespec t;

	syscall(SYS_clock_gettime, clock, &t);
	return ns(&t);
}

/* A function of the vDSO by name, through its dynamic section. */
static void *find(const char *want)
{
	uintptr_t base = getauxval(AT_SYSINFO_EHDR), bias = 0;
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)base;
	const Elf64_Phdr *ph;
	const Elf64_Dyn *dyn = NULL;
	const Elf64_Sym *sym = NULL;
	const char *str = NULL;
	const uint32_t *hash = NULL;

	if (!base)
		return NULL;
	ph = (const Elf64_Phdr *)(base + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD)
			bias = base + ph[i].p_offset - ph[i].p_vaddr;
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const Elf64_Dyn *)(base + ph[i].p_offset);
	}
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			sym = (const Elf64_Sym *)(dyn->d_un.d_ptr + bias);
		if (dyn->d_tag == DT_STRTAB)
			str = (const char *)(dyn->d_un.d_ptr + bias);
		if (dyn->d_tag == DT_HASH)
			hash = (const uint32_t *)(dyn->d_un.d_ptr + bias);
	}
	if (!sym || !str)
		return NULL;
	for (uint32_t i = 0; i < (hash ? hash[1] : 32); i++)
		if (sym[i].st_shndx != SHN_UNDEF && !strcmp(str + sym[i].st_name, want))
			return (void *)(sym[i].st_value + bias);
	return NULL;
}

static void need_vdso(void)
{
	if (!getauxval(AT_SYSINFO_EHDR))
		SKIP("no vDSO");
}

TEST(symbols)
{
	static const char *const names[] = {"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_getcpu",
					    "__vdso_clock_getres"};

	need_vdso();
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK(find(names[i]));
}

TEST(maps)
{
	uintptr_t at = getauxval(AT_SYSINFO_EHDR), lo, hi;
	char line[512], name[128], prot[8];
	FILE *f = fopen("/proc/self/maps", "r");
	int vdso = 0, vvar = 0;

	need_vdso();
	while (f && fgets(line, sizeof(line), f)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %127s", &lo, &hi, prot, name) < 3)
			continue;
		if (!strcmp(name, "[vdso]")) {
			vdso = 1;
			CHECK_EQ(lo, at);
			CHECK_STR(prot, "r-xp");
		}
		if (!strncmp(name, "[vvar", 5)) {
			vvar = 1;
			CHECK_EQ(prot[1], '-');
			/* What all programs read, none can write. */
			CHECK_ERR(mprotect((void *)lo, 4096, PROT_READ | PROT_WRITE), EACCES);
		}
	}
	CHECK(vdso && vvar);
}

/* Readings by both ways in turn, a million of them in two threads. */
static const int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE,
			     CLOCK_REALTIME_COARSE};
static uint64_t shared_last; /* of CLOCK_MONOTONIC, over both threads */
static int backwards, behind;

static void *interleave(void *arg)
{
	int n = *(int *)arg;
	uint64_t last[6] = {0};

	for (int i = 0; i < n; i++) {
		int k = i % 6;
		uint64_t seen = __atomic_load_n(&shared_last, __ATOMIC_SEQ_CST), t;

		t = (i / 6) % 8 ? by_vdso(clocks[k]) : by_call(clocks[k]);
		if (t < last[k])
			__atomic_add_fetch(&backwards, 1, __ATOMIC_RELAXED);
		last[k] = t;
		if (k == 0) {
			if (t < seen)
				__atomic_add_fetch(&behind, 1, __ATOMIC_RELAXED);
			while (seen < t && !__atomic_compare_exchange_n(&shared_last, &seen, t, 0, __ATOMIC_SEQ_CST,
									__ATOMIC_SEQ_CST))
				;
		}
	}
	return NULL;
}

TEST(never_backwards)
{
	int n = 500000;
	pthread_t th;

	pthread_create(&th, NULL, interleave, &n);
	interleave(&n);
	pthread_join(th, NULL);
	CHECK_EQ(backwards, 0);
	CHECK_EQ(behind, 0);
}

TEST(same_time)
{
	uint64_t a, b, c;

	for (int i = 0; i < 2000; i++) {
		for (int k = 0; k < 6; k++) {
			a = by_call(clocks[k]);
			b = by_vdso(clocks[k]);
			c = by_call(clocks[k]);
			if (a > b || b > c) {
				TAP_FAIL("clock %d: %llu %llu %llu", clocks[k], (unsigned long long)a,
					 (unsigned long long)b, (unsigned long long)c);
				return;
			}
		}
		if (i % 100 == 0)
			usleep(1000);
	}
}

TEST(coarse_lags)
{
	struct timespec res;
	uint64_t a, b;

	clock_getres(CLOCK_MONOTONIC_COARSE, &res);
	CHECK(res.tv_nsec >= 1000000 && res.tv_nsec <= 10000000);
	for (int i = 0; i < 1000; i++) {
		a = by_vdso(CLOCK_MONOTONIC_COARSE);
		b = by_vdso(CLOCK_MONOTONIC);
		CHECK(a <= b);
		usleep(100);
	}
	a = by_vdso(CLOCK_MONOTONIC_COARSE);
	usleep(30000);
	CHECK(by_vdso(CLOCK_MONOTONIC_COARSE) >= a + 20000000);
}

TEST(resolution)
{
	struct timespec a, b;

	for (int k = 0; k < 6; k++) {
		CHECK_EQ(clock_getres(clocks[k], &a), 0);
		CHECK_EQ(syscall(SYS_clock_getres, clocks[k], &b), 0);
		CHECK_EQ(ns(&a), ns(&b));
		CHECK_EQ(clock_getres(clocks[k], NULL), 0);
	}
	CHECK_ERR(clock_getres(77, &a), EINVAL);
	CHECK_ERR(clock_gettime(77, &a), EINVAL);
}

TEST(rate)
{
	struct timespec s = {0, 200000000};
	uint64_t a = by_vdso(CLOCK_MONOTONIC), r = by_vdso(CLOCK_MONOTONIC_RAW), w = by_vdso(CLOCK_REALTIME), d;

	nanosleep(&s, NULL);
	d = by_vdso(CLOCK_MONOTONIC) - a;
	CHECK(d >= 200000000 && d < 2000000000);
	a = by_vdso(CLOCK_MONOTONIC_RAW) - r;
	w = by_vdso(CLOCK_REALTIME) - w;
	/* Between the readings another program may run for a while. */
	CHECK(a > d - 30000000 && a < d + 30000000);
	CHECK(w > d - 30000000 && w < d + 30000000);
}

TEST(time_and_gettimeofday)
{
	struct timeval tv;
	uint64_t a = by_call(CLOCK_REALTIME) / 1000, b;
	time_t t;

	gettimeofday(&tv, NULL);
	b = (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
	CHECK(b >= a && b <= by_call(CLOCK_REALTIME) / 1000);
	t = time(NULL);
	CHECK(t == (time_t)(by_call(CLOCK_REALTIME) / 1000000000) || t + 1 == (time_t)(by_call(CLOCK_REALTIME) / 1000000000));
}

TEST(sleeps_are_long_enough)
{
	struct timespec t;

	for (int i = 0; i < 200; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		t.tv_nsec += 500000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_sec++;
			t.tv_nsec -= 1000000000;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		CHECK(by_vdso(CLOCK_MONOTONIC) >= ns(&t));
	}
}

TEST(cpu)
{
	long (*get)(unsigned *, unsigned *, void *) = (long (*)(unsigned *, unsigned *, void *))find("__vdso_getcpu");
	unsigned cpu = 999, node = 999, n = (unsigned)sysconf(_SC_NPROCESSORS_CONF);

	need_vdso();
	CHECK_EQ(get(&cpu, &node, NULL), 0);
	CHECK(cpu < n);
	CHECK(node < 64);
	CHECK_EQ(get(NULL, NULL, NULL), 0);
}

TEST(fork_and_exec_keep_it)
{
	int st;
	pid_t p;
	uint64_t a = by_vdso(CLOCK_MONOTONIC);

	p = fork();
	if (p == 0)
		_exit(by_vdso(CLOCK_MONOTONIC) < a);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

TAP_MAIN()
