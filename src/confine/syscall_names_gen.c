/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time program: prints the names of system calls as C, for the log line of what a filter stops. */
#include "confine/filter_gen.h"

int main(void)
{
	printf("/* Generated. */\n#include \"confine/filter.h\"\nconst char *const syscall_names[] = {\n");
	for (int i = 0; i < NR_MAX; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		if (name)
			printf("\t[%d] = \"%s\",\n", i, name);
		free(name);
	}
	printf("};\nconst unsigned syscall_nnames = sizeof(syscall_names) / sizeof(syscall_names[0]);\n");
	return 0;
}
