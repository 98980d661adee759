/* SPDX-License-Identifier: Apache-2.0 */
/* Who is who among the processes of a trial, seen from outside through /proc alone. */
#ifndef NACRE_TESTS_KILLER_H
#define NACRE_TESTS_KILLER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_PROCS 512

enum role { ROLE_NACRE, ROLE_KERNEL, ROLE_FACTORY, ROLE_ZYGOTE, ROLE_STUB, ROLE_GOFER, ROLE_STATUS, ROLE_HOOK, ROLE_OTHER };

struct proc {
	pid_t pid, ppid;
	enum role role;
	char state;
	char comm[32];
};

const char *role_name(enum role r);
/* -1: no such role */
int role_by_name(const char *name);
/* All living descendants of root, by pid; returns how many. */
size_t proc_scan(pid_t root, struct proc *out, size_t cap);
/* One process of that role among the descendants of root, chosen by seed; 0 if none is there within patience ms. */
pid_t proc_pick(pid_t root, enum role role, unsigned seed, int patience);
/* The process whose descendants a trial is: KILLER_ROOT, else the caller's parent. */
pid_t trial_root(void);

/* killer at: argv[0] is the trigger. */
int cmd_at(int argc, char **argv);

#endif
