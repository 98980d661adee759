/* SPDX-License-Identifier: Apache-2.0 */
/* What the seccomp programs share: filters in one line, and what newer headers have. */
#ifndef NACRE_TESTS_ABI_SECCOMP_H
#define NACRE_TESTS_ABI_SECCOMP_H

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "../tap.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(x) BPF_STMT(BPF_RET | BPF_K, (x))
/* The call nr ends in action, all others are allowed. */
#define ONE(nr_, action)                                                                           \
	{LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr_), 0, 1), RET(action), RET(SECCOMP_RET_ALLOW)}

static inline long seccomp(unsigned op, unsigned flags, void *arg)
{
	return syscall(SYS_seccomp, op, flags, arg);
}

static inline long set_filter(struct sock_filter *f, size_t n, unsigned flags)
{
	struct sock_fprog p = {(unsigned short)n, f};

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &p);
}

/* Filters nr for good; what seccomp(2) says. */
static inline long filter_one(int nr, unsigned action, unsigned flags)
{
	struct sock_filter f[] = ONE((unsigned)nr, action);

	return set_filter(f, 4, flags);
}

#define NNP() REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)

/* A line "Key:\tN" of /proc/PID/status. */
static inline long status_field(int pid, const char *key)
{
	char name[40], line[200];
	long v = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	f = fopen(name, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			v = strtol(line + strlen(key) + 1, NULL, 10);
	fclose(f);
	return v;
}

/* How a child that runs fn ends: its wait status. */
static inline int child_status(void (*fn)(void))
{
	int st = -1;
	pid_t p = fork();

	if (p == 0) {
		fn();
		_exit(0);
	}
	waitpid(p, &st, 0);
	return st & ~0x80; /* the core flag is the host's business */
}

#endif
