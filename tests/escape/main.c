/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: escape [--deep] [--seed N] [--part I/N] ATTACK... */
#include "esc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	void (*fn)(int deep);
} attacks[] = {
	{"sites", attack_sites},   {"numbers", attack_numbers}, {"int80", attack_int80}, {"shapes", attack_shapes},
	{"frames", attack_frames}, {"slots", attack_slots},	{"births", attack_births}, {"text", attack_text},
};

int main(int argc, char **argv)
{
	int deep = 0, ran = 0;

	seed = 1;
	lib_init();
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--deep")) {
			deep = 1;
			continue;
		}
		if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
			seed = (unsigned)strtoul(argv[++i], NULL, 10);
			continue;
		}
		if (!strcmp(argv[i], "--part") && i + 1 < argc && sscanf(argv[++i], "%u/%u", &part, &parts) == 2 && parts)
			continue;
		for (unsigned k = 0; k < sizeof(attacks) / sizeof(attacks[0]); k++)
			if (!strcmp(argv[i], attacks[k].name)) {
				if (!ran++)
					find_sites(deep);
				attacks[k].fn(deep);
			}
	}
	if (!ran) {
		fprintf(stderr, "usage: escape [--deep] [--seed N] [--part I/N] ATTACK...\n");
		return 2;
	}
	return failures != 0;
}
