/* SPDX-License-Identifier: Apache-2.0 */
/* What the build-time programs that print the filters of kernel, gofer and status process share. */
#ifndef NACRE_CONFINE_FILTER_GEN_H
#define NACRE_CONFINE_FILTER_GEN_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "confine/sanitizer.h"

#define NR_FCHMODAT2 452
#define NR_MAX 470

/* What pthread_create of the C library asks for. */
#define THREAD_FLAGS                                                                               \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |        \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

struct rule {
	int nr;
	unsigned n;
	struct scmp_arg_cmp arg[6];
};
/* Refused without fuss: the C library asks and has another way. */
struct refusal {
	int nr, err;
};
#define ANY(name) {SCMP_SYS(name), 0, {{0}}}
#define EQ(i, v) {i, SCMP_CMP_EQ, (uint64_t)(v), 0}
#define MASKED(i, mask, v) {i, SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (uint64_t)(v)}
/* Of an int argument the host looks at the low half only. */
#define EQ32(i, v) MASKED(i, 0xffffffffULL, (uint32_t)(v))
#define IOCTL(cmd) {SCMP_SYS(ioctl), 1, {EQ32(1, cmd)}}
#define FCNTL(cmd) {SCMP_SYS(fcntl), 1, {EQ32(1, cmd)}}
#define MADVISE(a) {SCMP_SYS(madvise), 1, {EQ32(2, a)}}
/* Plain waits and wakes; no requeue, no priority inheritance. */
#define FUTEX(op)                                                                                  \
	{SCMP_SYS(futex), 1,                                                                       \
	 {MASKED(1, 0xffffffffU & ~(unsigned)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), op)}}

static inline void gen_check(const char *name, const char *what, int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s filter: %s: %s\n", name, what, strerror(-r));
	exit(1);
}

static inline void gen_print(const char *name, scmp_filter_ctx c)
{
	FILE *f = tmpfile();
	struct sock_filter s;
	unsigned n = 0;

	gen_check(name, "tmpfile", f ? 0 : -errno);
	gen_check(name, "export", seccomp_export_bpf(c, fileno(f)));
	rewind(f);
	printf("const struct sock_filter %s_filter_prog[] = {\n", name);
	for (; fread(&s, sizeof(s), 1, f) == 1; n++)
		printf("\t{0x%04x, %u, %u, 0x%08x},\n", s.code, s.jt, s.jf, s.k);
	printf("};\nconst unsigned short %s_filter_len = %u;\n", name, n);
	fclose(f);
}

/* Prints NAME_filter_prog and NAME_filter_len as C. header: what declares them. */
static inline void gen_filter(const char *name, const char *header, const struct rule *allow, size_t nallow,
			      const struct refusal *refuse, size_t nrefuse)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_TRAP);

	gen_check(name, "init", c ? 0 : -ENOMEM);
	/* Another architecture, or the x32 bit: killed. */
	gen_check(name, "attribute", seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
	gen_check(name, "attribute", seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2));
	for (size_t i = 0; i < nallow; i++)
		gen_check(name, "allow",
			  seccomp_rule_add_exact_array(c, SCMP_ACT_ALLOW, allow[i].nr, allow[i].n, allow[i].arg));
	for (size_t i = 0; i < nrefuse; i++)
		gen_check(name, "refuse",
			  seccomp_rule_add_exact(c, SCMP_ACT_ERRNO((uint16_t)refuse[i].err), refuse[i].nr, 0));
#ifdef NACRE_SANITIZE
	gen_check(name, "sanitizer", sanitizer_rules(c));
#endif
	printf("/* Generated. */\n#include \"confine/%s\"\n", header);
	gen_print(name, c);
	seccomp_release(c);
}

#endif
