/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NACRE_KERNEL_LOADER_PRIV_H
#define NACRE_KERNEL_LOADER_PRIV_H

#include "kernel/loader/elf.h"
#include "kernel/loader/loader.h"

int loader_read_elf(struct file *f, struct elf_info *ret) __must_check;

struct aux_info { /* what the auxiliary vector tells the program */
	uint64_t phdr, phnum, base, entry;
	uint64_t vdso; /* 0: none */
};
/* Writes strings, pointers and the auxiliary vector below mm->stack_top; *ret_sp: the initial stack pointer. */
int stack_build(struct task *t, struct exec_image *img, const struct aux_info *aux, uint64_t *ret_sp)
	__must_check;

#endif
