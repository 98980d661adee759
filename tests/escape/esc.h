/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The escape program: guest code that tries to make the host do something. It includes no header of the project and knows
 * nothing of its layout: what it attacks, it finds by reading memory. It runs inside a sandbox; tests/escape/run looks
 * from outside. Each attack runs in a child, so that one death hides no other.
 */
#ifndef ESC_H
#define ESC_H

#include <stddef.h>
#include <stdint.h>

/* lib.c: results, children, memory that may not be there */
struct report { /* shared between an attack's child and the parent */
	volatile long state, result, extra;
	volatile uint64_t word[64];
};
extern struct report *report;
extern int failures;
extern unsigned seed, part, parts; /* this run's share of the sites: every parts-th from part on */
void say(int ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void lib_init(void);
/* Runs fn(arg) in a child for at most ms; past that it is killed. Returns its wait status, or -1 when even SIGKILL does
 * not end it (which fails the run). *late: it had to be killed. */
int in_child(void (*fn)(void *), void *arg, int ms, int *late);
/* The same for k = 0 to total - 1 (fn gets a pointer to k), so many at a time. */
struct result {
	long state, result, extra;
	int status, late;
	int moves; /* extra went on changing when the child had ended: something of it lives */
};
struct result *in_children(void (*fn)(void *), unsigned total, unsigned workers, int ms);
/* Gives up all rights inside the sandbox, and the right to signal others. */
void be_nobody(unsigned k);
unsigned rnd(void);
int readable(uint64_t addr, void *byte);
int writable(uint64_t addr);

/* sites.c: what lies hidden in this address space */
enum insn { INSN_SYSCALL, INSN_SYSENTER, INSN_INT80, INSN_KINDS };
struct site {
	uint64_t addr;
	enum insn insn;
};
struct region {
	uint64_t start, end; /* readable pages that /proc/self/maps does not show */
	int write;
};
#define SITES_MAX 512
#define REGIONS_MAX 64
extern struct site sites[SITES_MAX];
extern struct region hidden[REGIONS_MAX];
extern unsigned nsites, nhidden;
/* Scans; deep: with smaller strides. */
void find_sites(int deep);
/* Again, but only around the writable memory: areas of new threads. */
void find_writable(void);
/* A checksum of the hidden memory that is not writable. */
uint64_t hidden_sum(void);
uint64_t hidden_text(uint64_t *end);
void attack_sites(int deep);

/* args.c: arguments with which a number would do harm, were it performed */
void live_args(int nr, int abi32, uint64_t a[6]);

/* jump.c */
struct jump {
	uint64_t rax, rdi, rsi, rdx, r10, r8, r9, target, rsp;
};
/* Jumps to j->target with a single-step trap pending after each instruction. */
void jump_traced(const struct jump *j);
/* The same without, on the stack j->rsp. */
void jump_plain(const struct jump *j);
enum outcome { OUT_KILLED, OUT_PERFORMED, OUT_OTHER, OUT_STUCK };
/* One system call at the instruction at site. PERFORMED: *result is what it returned. */
enum outcome call_at(uint64_t site, uint64_t nr, const uint64_t a[6], long *result);
/* A system-call instruction after which the hidden code returns to the caller's stack; 0 if there is none. */
uint64_t returning_site(void);
/* By that one, from the calling thread itself. */
long call_hidden(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/* one attack each */
void attack_numbers(int deep);
void attack_int80(int deep);
void attack_shapes(int deep);
void attack_frames(int deep);
void attack_slots(int deep);
void attack_births(int deep);
void attack_text(int deep);

#endif
