/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for children. */
#ifndef NACRE_KERNEL_TASK_WAIT_H
#define NACRE_KERNEL_TASK_WAIT_H

#include <sys/resource.h>
#include <sys/wait.h>
#include "kernel/types.h"

struct wait_params {
	idtype_t type;	 /* P_ALL, P_PID (P_PIDFD too), P_PGID */
	struct pid *pid; /* for P_PID and P_PGID; borrowed; NULL matches nothing */
	int options;	 /* WEXITED, WUNTRACED (= WSTOPPED), WCONTINUED, WNOHANG, WNOWAIT, __WALL, __WCLONE */
	/* Results; found 0: WNOHANG and nothing there. */
	int found;	 /* pid as the caller sees it */
	int status;	 /* as wait4(2) gives it */
	int code;	 /* CLD_* */
	uint32_t uid;
	struct rusage ru;
};
/* 0, -ECHILD, -ERESTARTSYS. */
int do_wait(struct task *t, struct wait_params *p) __must_check;

#endif
