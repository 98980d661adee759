/* SPDX-License-Identifier: Apache-2.0 */
/* exit, exit_group. */
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

long sys_exit(struct task *t, const struct sysargs *a)
{
	do_exit(t, (arg_int(a, 0) & 0xff) << 8);
}

long sys_exit_group(struct task *t, const struct sysargs *a)
{
	do_group_exit(t, (arg_int(a, 0) & 0xff) << 8);
}
