/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what the address space holds beside the program, and every system-call instruction in it. */
#include "esc.h"

#include <stdio.h>
#include <string.h>

struct site sites[SITES_MAX];
struct region hidden[REGIONS_MAX];
unsigned nsites, nhidden;

#define PAGE 4096ULL
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define USER_END 0x7ffffffff000ULL

static struct {
	uint64_t start, end;
} known[256];
static unsigned nknown;

static void read_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	nknown = 0;
	while (f && nknown < 256 && fgets(line, sizeof(line), f)) {
		unsigned long a, b;

		if (sscanf(line, "%lx-%lx", &a, &b) == 2) {
			known[nknown].start = a;
			known[nknown++].end = b;
		}
	}
	if (f)
		fclose(f);
}

static int is_known(uint64_t a)
{
	for (unsigned i = 0; i < nknown; i++)
		if (a >= known[i].start && a < known[i].end)
			return 1;
	return 0;
}

static int is_found(uint64_t a)
{
	for (unsigned i = 0; i < nhidden; i++)
		if (a >= hidden[i].start && a < hidden[i].end)
			return 1;
	return 0;
}

static int there(uint64_t a)
{
	unsigned char c;

	return a >= PAGE && a < USER_END && !is_known(a) && readable(a, &c);
}

/* The readable pages around a, cut where their kind changes. */
static void grow(uint64_t a)
{
	uint64_t lo = a & ~(PAGE - 1), hi = lo + PAGE;

	while (there(lo - PAGE))
		lo -= PAGE;
	while (there(hi))
		hi += PAGE;
	for (uint64_t p = lo; p < hi && nhidden < REGIONS_MAX;) {
		struct region *r = &hidden[nhidden++];

		r->start = p;
		r->write = writable(p);
		do
			p += PAGE;
		while (p < hi && writable(p) == r->write);
		r->end = p;
	}
}

static void scan(uint64_t from, uint64_t to, uint64_t stride)
{
	for (uint64_t a = from; a < to; a += stride)
		if (!is_found(a) && there(a))
			grow(a);
}

static void find_insns(const struct region *r)
{
	static const unsigned char code[INSN_KINDS][2] = {{0x0f, 0x05}, {0x0f, 0x34}, {0xcd, 0x80}};

	for (uint64_t a = r->start; a + 1 < r->end; a++) {
		const volatile unsigned char *p = (const volatile unsigned char *)a;

		for (int k = 0; k < INSN_KINDS; k++)
			if (p[0] == code[k][0] && p[1] == code[k][1] && nsites < SITES_MAX)
				sites[nsites++] = (struct site){a, (enum insn)k};
	}
}

void find_sites(int deep)
{
	uint64_t coarse = deep ? 64 * MIB : GIB;
	unsigned n;

	read_maps();
	nhidden = nsites = 0;
	/* All that a user's pointer can name, then closer where something was, then next to it. */
	scan(0, USER_END, coarse);
	n = nhidden;
	for (unsigned i = 0; i < n; i++)
		scan(hidden[i].start & ~(GIB - 1), (hidden[i].start & ~(GIB - 1)) + GIB, deep ? MIB / 4 : 4 * MIB);
	n = nhidden;
	for (unsigned i = 0; i < n; i++)
		scan(hidden[i].end, hidden[i].end + 8 * MIB, PAGE * 16);
	scan(USER_END - 4 * GIB, USER_END, deep ? MIB : 16 * MIB);
	for (unsigned i = 0; i < nhidden; i++)
		if (!hidden[i].write)
			find_insns(&hidden[i]);
}

void find_writable(void)
{
	unsigned n = nhidden;

	read_maps();
	for (unsigned i = 0; i < n; i++)
		if (hidden[i].write)
			scan(hidden[i].end, hidden[i].end + 4 * MIB, 16 * PAGE);
}

uint64_t hidden_sum(void)
{
	uint64_t h = 14695981039346656037ULL;

	for (unsigned i = 0; i < nhidden; i++)
		for (uint64_t a = hidden[i].start; !hidden[i].write && a < hidden[i].end; a++)
			h = (h ^ *(const volatile unsigned char *)a) * 1099511628211ULL;
	return h;
}

/* The hidden region that holds most system-call instructions. */
uint64_t hidden_text(uint64_t *end)
{
	uint64_t best = 0;
	unsigned most = 0;

	for (unsigned i = 0; i < nhidden; i++) {
		unsigned k = 0;

		for (unsigned s = 0; s < nsites; s++)
			k += sites[s].addr >= hidden[i].start && sites[s].addr < hidden[i].end;
		if (k > most) {
			most = k;
			best = hidden[i].start;
			*end = hidden[i].end;
		}
	}
	return best;
}

void attack_sites(int deep)
{
	unsigned count[INSN_KINDS] = {0};
	int slots = 0;

	(void)deep;
	for (unsigned i = 0; i < nhidden; i++) {
		note("hidden %#lx-%#lx %s", hidden[i].start, hidden[i].end, hidden[i].write ? "rw" : "r");
		slots |= hidden[i].write;
	}
	for (unsigned i = 0; i < nsites; i++)
		count[sites[i].insn]++;
	say(count[INSN_SYSCALL] > 0, "the scan finds hidden system-call instructions: %u syscall, %u sysenter, %u int 80",
	    count[INSN_SYSCALL], count[INSN_SYSENTER], count[INSN_INT80]);
	say(slots, "the scan finds hidden writable memory");
	for (unsigned i = 0; i < nhidden; i++)
		for (uint64_t a = hidden[i].start; a < hidden[i].end && hidden[i].write; a += PAGE) {
			const volatile unsigned char *p = (const volatile unsigned char *)a;

			/* an ELF header, code: what is writable must not be the stub's own program */
			if (!memcmp((const void *)p, "\177ELF", 4))
				say(0, "a program's header at %#lx is writable", a);
		}
}
