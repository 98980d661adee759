/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: ELF (static, PIE, dynamic), "#!" scripts, the initial stack. */
#ifndef NACRE_KERNEL_LOADER_LOADER_H
#define NACRE_KERNEL_LOADER_LOADER_H

#include "kernel/types.h"

/* A program about to be executed. All strings are kernel copies, already limited (ARG_MAX rules). */
struct exec_image {
	struct file *file; /* the program (MAY_EXEC checked), which nobody can write while it is here: exec_set_file */
	char *filename;	   /* AT_EXECFN; for fexecve "/dev/fd/N" */
	char **argv, **envp; /* NULL-terminated, malloc'd strings; scripts change argv */
	unsigned argc, envc;
	/* Filled by exec_probe: */
	struct file *interp; /* PT_INTERP */
	bool secure;	     /* AT_SECURE: credentials changed */
	kuid_t uid, euid;
	kgid_t gid, egid;
	uint8_t random[16];
};

/* First half, changes nothing: reads headers, follows up to 5 "#!" levels (replacing file and argv),
 * opens the interpreter, checks everything checkable. -ENOEXEC, -EACCES, -ELIBBAD, -E2BIG... */
int exec_probe(struct task *t, struct exec_image *img) __must_check;
/* Second half: fills t's new, empty address space (t->pt and t->mm already switched to it): segments,
 * stack, auxiliary vector, brk; sets the registers. An error here kills the task. */
int exec_load(struct task *t, struct exec_image *img) __must_check;
/* f (a reference moves in, on failure too) is what will be executed, in place of what was. -ETXTBSY: open for writing. */
int exec_set_file(struct exec_image *img, struct file *f) __must_check;
void exec_image_done(struct exec_image *img);

#endif
