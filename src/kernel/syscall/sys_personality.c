/* SPDX-License-Identifier: Apache-2.0 */
/* personality: the value is kept and inherited; only PER_LINUX changes nothing else. */
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

long sys_personality(struct task *t, const struct sysargs *a)
{
	unsigned old = t->personality;

	if (arg_u32(a, 0) != 0xffffffffU)
		t->personality = arg_u32(a, 0);
	return (long)old;
}
