/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF parser: a pure function over bytes, so that a fuzzer can drive it. */
#ifndef NACRE_KERNEL_LOADER_ELF_H
#define NACRE_KERNEL_LOADER_ELF_H

#include "kernel/types.h"

#define ELF_MAX_SEGMENTS 64
struct elf_segment {
	uint64_t vaddr, memsz, filesz, off; /* as in the file */
	int prot;
};
struct elf_info {
	bool dynamic; /* ET_DYN: position independent */
	uint64_t entry, phoff, phdr_vaddr; /* phdr_vaddr 0: not in a segment */
	unsigned phnum;
	unsigned nseg;
	struct elf_segment seg[ELF_MAX_SEGMENTS]; /* PT_LOAD in order of address */
	uint64_t low, high; /* span of the segments, page aligned */
	uint64_t align;	    /* largest p_align, ≥ a page */
	char interp[256];   /* "" none */
	uint64_t interp_off, interp_len; /* where it stands when outside of the header bytes */
	bool exec_stack;
};

/* Where the program headers of a file that begins with the n bytes of head lie. *ret_len is at most 64 KiB. -ENOEXEC. */
int elf_headers(const void *head, size_t n, uint64_t *ret_off, size_t *ret_len) __must_check;
/* head: the first n bytes of the file; phdrs: its program headers as elf_headers says, or NULL when they lie within head.
 * Returns 0, -ENOEXEC when it is not an x86-64 ELF program, -EINVAL when it is one but makes no sense. Never reads
 * beyond what it was given. */
int elf_parse(const void *head, size_t n, const void *phdrs, uint64_t file_size, struct elf_info *ret) __must_check;

#endif
