/* SPDX-License-Identifier: Apache-2.0 */
/* A main() for fuzzers where libFuzzer is missing: random inputs from a seed (argument 1) for
 * some seconds (argument 2, default 2). The seed is printed first, so a crash can be repeated. */
#ifndef NACRE_FUZZ_STANDALONE_H
#define NACRE_FUZZ_STANDALONE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef FUZZ_STANDALONE
int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 2);
	static uint8_t buf[4096];
	unsigned long n = 0;

	printf("seed %u\n", seed);
	fflush(stdout);
	srandom(seed);
	for (; time(NULL) < end; n++) {
		size_t size = (size_t)random() % sizeof(buf);

		for (size_t i = 0; i < size; i++)
			buf[i] = (uint8_t)(random() & 3 ? random() % 48 : random());
		LLVMFuzzerTestOneInput(buf, size);
	}
	printf("%lu inputs\n", n);
	return 0;
}
#endif

#endif
