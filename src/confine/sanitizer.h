/* SPDX-License-Identifier: Apache-2.0 */
/* Builds with a sanitizer (tests only): what its runtime asks of the host besides the product's list. */
#pragma once

#ifdef NACRE_SANITIZE
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>

/* For the generators of the filters. Returns 0, or what libseccomp says. */
static inline int sanitizer_rules(scmp_filter_ctx c)
{
	static const int allow[] = {
		SCMP_SYS(sigaltstack), SCMP_SYS(sched_getaffinity), SCMP_SYS(gettid), SCMP_SYS(prlimit64),
		SCMP_SYS(getpid), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
		SCMP_SYS(rt_sigaction), SCMP_SYS(madvise), SCMP_SYS(sched_yield), SCMP_SYS(mmap),
	};
	static const int refuse[] = {SCMP_SYS(readlink), SCMP_SYS(open), SCMP_SYS(stat), SCMP_SYS(access)};
	int r = 0;

	for (size_t i = 0; i < sizeof(allow) / sizeof(allow[0]) && (r == 0 || r == -EEXIST); i++)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, allow[i], 0);
	for (size_t i = 0; i < sizeof(refuse) / sizeof(refuse[0]) && (r == 0 || r == -EEXIST); i++)
		r = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOENT), refuse[i], 0);
	return r == -EEXIST ? 0 : r;
}

/* For the programs, before they are confined: reports go to fd. */
void __sanitizer_set_report_fd(void *fd);
const char *__asan_default_options(void);
/* The programs have no environment; one object of each defines this. */
#define SANITIZER_OPTIONS                                                                          \
	__attribute__((visibility("default"))) const char *__asan_default_options(void)            \
	{                                                                                          \
		return "detect_leaks=0:symbolize=0:exitcode=99";                                   \
	}
#define sanitizer_report_to(fd) __sanitizer_set_report_fd((void *)(intptr_t)(fd))
#else
#define SANITIZER_OPTIONS
#define sanitizer_report_to(fd) ((void)0)
#endif
