/* SPDX-License-Identifier: Apache-2.0 */
/* The breach drill's guest: has a confined process of the sandbox make a host call. Usage: breach kernel|gofer NAME. Prints
 * "did RESULT" or "errno N"; if that process dies of it, nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BREACH_NR 0x2e616372L
#define DONE 117 /* EUCLEAN: what the gofer says when the call succeeded */

int main(int argc, char **argv)
{
	char path[128];
	struct stat st;
	long r;

	if (argc != 3)
		return 2;
	while (!strcmp(argv[1], "wait"))
		pause();
	if (!strcmp(argv[1], "kernel")) {
		r = syscall(BREACH_NR, argv[2]);
	} else {
		snprintf(path, sizeof(path), "/.nacre-breach-%s", argv[2]);
		r = stat(path, &st);
		if (r < 0 && errno == DONE)
			r = 0;
	}
	if (r < 0)
		printf("errno %d\n", errno);
	else
		printf("did %ld\n", r);
	return 0;
}
