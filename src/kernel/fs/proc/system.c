/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc that count: CPU time, load, processors, and those that are empty without hardware. */
#include <string.h>
#include <time.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/kernel.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"

#define TICK_NS 10000000ULL /* USER_HZ */

static uint64_t boot_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec - kernel.boot_ns;
}

struct counts {
	unsigned tasks, running;
	int last;
	uint64_t user, sys; /* ns, of all that ever ran */
};

static void count_threads(struct task *lead, struct counts *c)
{
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	list_for_each_entry(x, &lead->tg->threads, thread_node) {
		uint64_t u = 0, s = 0;

		c->tasks++;
		c->running += task_state(x) == TASK_RUNNING;
		if (x->accounted)
			continue; /* in the sum of the dead already */
		task_cputime(x, &u, &s);
		c->user += u;
		c->sys += s;
	}
}

static struct counts count_tasks(struct synth_inode *i)
{
	struct counts c = {.user = __atomic_load_n(&kernel.dead_user, __ATOMIC_RELAXED),
			   .sys = __atomic_load_n(&kernel.dead_sys, __ATOMIC_RELAXED)};
	struct task *t;
	int nr = 1;

	for (; (t = task_next_get(synth_of(i)->priv, &nr)) != NULL; nr++) {
		count_threads(t, &c);
		c.last = nr;
		task_put(t);
	}
	return c;
}

int proc_show_uptime(struct synth_inode *i, struct synth_buf *b)
{
	struct counts c = count_tasks(i);
	uint64_t up = boot_clock(), busy = c.user + c.sys, all = up * kernel.ncpu;
	uint64_t cs = up / TICK_NS, idle = (all > busy ? all - busy : 0) / TICK_NS;

	synth_printf(b, "%lu.%02lu %lu.%02lu\n", cs / 100, cs % 100, idle / 100, idle % 100);
	return 0;
}

/* The host decides where guest threads run: what they used is shown evenly over the CPUs. */
int proc_show_stat(struct synth_inode *i, struct synth_buf *b)
{
	struct counts c = count_tasks(i);
	uint64_t up = boot_clock() / TICK_NS, u = c.user / TICK_NS, s = c.sys / TICK_NS;
	uint64_t n = kernel.ncpu, all = up * n, idle = all > u + s ? all - u - s : 0;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	synth_printf(b, "cpu  %lu 0 %lu %lu 0 0 0 0 0 0\n", u, s, idle);
	for (unsigned k = 0; k < n; k++)
		synth_printf(b, "cpu%u %lu 0 %lu %lu 0 0 0 0 0 0\n", k, u / n, s / n, idle / n);
	synth_printf(b,
		     "intr 0\nctxt 0\nbtime %lu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\n"
		     "softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		     (uint64_t)ts.tv_sec - up / 100, c.last, MAX(c.running, 1U));
	return 0;
}

/* Load averages are brought up to date when somebody asks: an idle sandbox counts nothing. What ran between two
 * looks is taken from the CPU time that was used. */
static struct {
	uint64_t at, used;
	double avg[3];
} load;
static struct mutex load_lock = MUTEX_INIT(RANK_FILE_LOCK, "load averages");

/* e to the power of -x, x ≥ 0, near enough for a load average. */
static double decay(double x)
{
	double y = x / 1024;

	y = 1 - y + y * y / 2;
	for (int k = 0; k < 10; k++)
		y *= y;
	return x > 700 ? 0 : y;
}

static void update_load(const struct counts *c) REQUIRES(load_lock)
{
	static const double span[3] = {60, 300, 900};
	uint64_t now = boot_clock(), used = c->user + c->sys;
	double dt = (double)(now - load.at) / 1e9, mean;

	if (dt < 1)
		return;
	mean = used > load.used ? (double)(used - load.used) / 1e9 / dt : 0;
	for (int k = 0; k < 3; k++) {
		double keep = decay(dt / span[k]);

		load.avg[k] = load.avg[k] * keep + mean * (1 - keep);
	}
	load.at = now;
	load.used = used;
}

int proc_show_loadavg(struct synth_inode *i, struct synth_buf *b)
{
	struct counts c = count_tasks(i);

	MUTEX_GUARD(&load_lock);
	update_load(&c);
	synth_printf(b, "%.2f %.2f %.2f %u/%u %d\n", load.avg[0], load.avg[1], load.avg[2], MAX(c.running, 1U),
		     c.tasks, c.last);
	return 0;
}

/* --- processors --- */

struct cpuid {
	uint32_t a, b, c, d;
};

static struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid r;

	__asm__("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
	return r;
}

/* The names of the bits of one register, from bit 0 on; "" for one that has none. */
static void put_flags(struct synth_buf *b, uint32_t bits, const char *const names[32])
{
	for (unsigned k = 0; k < 32; k++)
		if ((bits >> k & 1) && names[k] && *names[k])
			synth_printf(b, " %s", names[k]);
}

static const char *const leaf1_d[32] = {
	"fpu", "vme", "de",    "pse",	"tsc", "msr",  "pae", "mce",  "cx8", "apic", "",
	"sep", "mtrr", "pge",  "mca",	"cmov", "pat", "pse36", "pn", "clflush", "", "dts",
	"acpi", "mmx", "fxsr", "sse",	"sse2", "ss",  "ht",  "tm",   "ia64", "pbe"};
static const char *const leaf1_c[32] = {
	"pni",	   "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx",	 "smx",	   "est",   "tm2", "ssse3", "cid",
	"sdbg",	   "fma",	"cx16",	  "xtpr",    "pdcm",   "",	 "pcid",   "dca",   "sse4_1", "sse4_2",
	"x2apic",  "movbe",	"popcnt", "tsc_deadline_timer", "aes", "xsave", "", "avx", "f16c", "rdrand", "hypervisor"};
static const char *const leaf7_b[32] = {
	"fsgsbase", "tsc_adjust", "sgx",  "bmi1", "hle", "avx2", "", "smep", "bmi2", "erms", "invpcid",
	"rtm", "cqm", "", "mpx", "rdt_a", "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", "",
	"clflushopt", "clwb", "intel_pt", "avx512pf", "avx512er", "avx512cd", "sha_ni", "avx512bw", "avx512vl"};
static const char *const leaf7_c[32] = {
	"", "avx512vbmi", "umip", "pku", "ospke", "waitpkg", "avx512_vbmi2", "", "gfni", "vaes", "vpclmulqdq",
	"avx512_vnni", "avx512_bitalg", "", "avx512_vpopcntdq", "", "la57", "", "", "", "", "", "rdpid"};
static const char *const ext1_d[32] = {[11] = "syscall", [20] = "nx", [22] = "mmxext", [25] = "fxsr_opt",
				       [26] = "pdpe1gb", [27] = "rdtscp", [29] = "lm", [30] = "3dnowext", [31] = "3dnow"};
static const char *const ext1_c[32] = {[0] = "lahf_lm", [1] = "cmp_legacy", [2] = "svm", [4] = "cr8_legacy", [5] = "abm",
				       [6] = "sse4a", [7] = "misalignsse", [8] = "3dnowprefetch", [9] = "osvw",
				       [16] = "fma4", [21] = "tbm", [22] = "topoext"};

static void put_model(struct synth_buf *b, unsigned cpu)
{
	struct cpuid one = cpuid(1, 0), zero = cpuid(0, 0);
	uint32_t name[13] = {0}, vendor[4] = {zero.b, zero.d, zero.c, 0}, family = one.a >> 8 & 15, model = one.a >> 4 & 15;
	const char *text = (const char *)name;

	for (uint32_t k = 0; k < 3; k++) {
		struct cpuid r = cpuid(0x80000002U + k, 0);

		memcpy(name + k * 4, &r, sizeof(r));
	}
	while (*text == ' ')
		text++;
	if (family == 6 || family == 15)
		model |= one.a >> 12 & 0xf0;
	if (family == 15)
		family += one.a >> 20 & 255;
	synth_printf(b,
		     "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n"
		     "stepping\t: %u\n",
		     cpu, (const char *)vendor, family, model, text, one.a & 15);
}

/* Ticks of the time-stamp counter in a second, in kHz, measured against the clock since the start. */
static uint64_t tsc_khz(void)
{
	static uint64_t first_tsc, first_ns, khz; /* load_lock */
	struct timespec ts;
	uint64_t tsc, ns;

	MUTEX_GUARD(&load_lock);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	tsc = __builtin_ia32_rdtsc();
	ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	if (!first_ns) {
		struct timespec nap = {0, 2000000};

		first_ns = ns;
		first_tsc = tsc;
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &ts);
		tsc = __builtin_ia32_rdtsc();
		ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	}
	if (ns > first_ns + 1000000)
		khz = (uint64_t)((__uint128_t)(tsc - first_tsc) * 1000000 / (ns - first_ns));
	return khz;
}

/* The CPU itself is no secret (cpuid works inside): the host's lines for the CPUs that the guest has. */
int proc_show_cpuinfo(struct synth_inode *i, struct synth_buf *b)
{
	struct cpuid one = cpuid(1, 0), seven = {0}, ext = cpuid(0x80000000U, 0), e1 = {0}, e8 = {0};
	uint64_t khz = tsc_khz();
	uint32_t max = cpuid(0, 0).a;

	if (max >= 7)
		seven = cpuid(7, 0);
	if (ext.a >= 0x80000001U)
		e1 = cpuid(0x80000001U, 0);
	if (ext.a >= 0x80000008U)
		e8 = cpuid(0x80000008U, 0);
	for (unsigned k = 0; k < kernel.ncpu; k++) {
		put_model(b, k);
		synth_printf(b,
			     "cpu MHz\t\t: %lu.%03lu\ncache size\t: %u KB\nphysical id\t: 0\nsiblings\t: %u\n"
			     "core id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\nfpu\t\t: yes\n"
			     "fpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:",
			     khz / 1000, khz % 1000, ext.a >= 0x80000006U ? cpuid(0x80000006U, 0).c >> 16 : 0U,
			     kernel.ncpu, k, kernel.ncpu, k, k, max);
		put_flags(b, one.d, leaf1_d);
		put_flags(b, e1.d, ext1_d);
		synth_printf(b, " constant_tsc rep_good nopl");
		put_flags(b, one.c, leaf1_c);
		put_flags(b, e1.c, ext1_c);
		put_flags(b, seven.b, leaf7_b);
		put_flags(b, seven.c, leaf7_c);
		synth_printf(b,
			     "\nbugs\t\t:\nbogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: %u\n"
			     "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
			     khz / 500, khz / 5 % 100, (one.b >> 8 & 255) * 8, (one.b >> 8 & 255) * 8,
			     e8.a & 255 ? e8.a & 255 : 46U, e8.a >> 8 & 255 ? e8.a >> 8 & 255 : 48U);
	}
	return 0;
}

/* --- what there is none of --- */

int proc_show_nothing(struct synth_inode *i, struct synth_buf *b)
{
	return 0;
}

static void put_cpus(struct synth_buf *b, const char *first)
{
	synth_printf(b, "%s", first);
	for (unsigned k = 0; k < kernel.ncpu; k++)
		synth_printf(b, " %9s%-1u", "CPU", k);
	synth_printf(b, "\n");
}

int proc_show_interrupts(struct synth_inode *i, struct synth_buf *b)
{
	put_cpus(b, "    ");
	return 0;
}

int proc_show_softirqs(struct synth_inode *i, struct synth_buf *b)
{
	static const char *const names[] = {"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL",
					    "TASKLET", "SCHED", "HRTIMER", "RCU"};

	put_cpus(b, "                ");
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		synth_printf(b, "%12s:", names[k]);
		for (unsigned c = 0; c < kernel.ncpu; c++)
			synth_printf(b, " %10u", 0U);
		synth_printf(b, "\n");
	}
	return 0;
}

int proc_show_misc(struct synth_inode *i, struct synth_buf *b)
{
	return 0;
}

int proc_show_execdomains(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "0-0\tLinux           \t[kernel]\n");
	return 0;
}
