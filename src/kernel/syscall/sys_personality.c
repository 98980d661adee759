/* SPDX-License-Identifier: Apache-2.0 */
/* personality: the value is kept and inherited; STICKY_TIMEOUTS is the one bit with an effect. */
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"

long sys_personality(struct task *t, const struct sysargs *a)
{
	unsigned old = t->personality;

	if (arg_u32(a, 0) != 0xffffffffU)
		t->personality = arg_u32(a, 0);
	return (long)old;
}
