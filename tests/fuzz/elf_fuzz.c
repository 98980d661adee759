/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of the ELF parser. With clang:
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc \
 *     -o elf_fuzz tests/fuzz/elf_fuzz.c src/kernel/loader/elf.c && ./elf_fuzz /bin
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/loader/elf.h"
#include "platform/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* What the loader relies on when the parser says 0. */
static void check(const struct elf_info *e)
{
	uint64_t last = 0;

	require(e->nseg > 0 && e->nseg <= ELF_MAX_SEGMENTS);
	require(e->low <= e->high && e->low % GUEST_PAGE_SIZE == 0 && e->high % GUEST_PAGE_SIZE == 0);
	require(e->align >= GUEST_PAGE_SIZE && !(e->align & (e->align - 1)));
	require(e->interp_len <= sizeof(e->interp));
	for (unsigned i = 0; i < e->nseg; i++) {
		const struct elf_segment *s = &e->seg[i];

		require(s->vaddr >= last && s->memsz && s->filesz <= s->memsz);
		require(s->memsz <= PT_GUEST_END && s->vaddr <= PT_GUEST_END - s->memsz);
		require(s->vaddr % GUEST_PAGE_SIZE == s->off % GUEST_PAGE_SIZE);
		last = s->vaddr + s->memsz;
	}
	require(last <= e->high);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct elf_info e;
	uint64_t off;
	size_t len;
	void *exact = malloc(n ? n : 1); /* so that a byte too far is seen */

	if (!exact)
		return 0;
	memcpy(exact, data, n);
	if (elf_parse(exact, n, NULL, n + 65536, &e) == 0)
		check(&e);
	/* The program headers somewhere else: what follows the header, over and over. */
	if (n > 64 && elf_headers(exact, n, &off, &len) == 0) {
		uint8_t *table = malloc(len);

		for (size_t i = 0; table && i < len; i++)
			table[i] = data[64 + i % (n - 64)];
		if (table && elf_parse(exact, 64, table, n + 65536, &e) == 0)
			check(&e);
		free(table);
	}
	free(exact);
	return 0;
}
