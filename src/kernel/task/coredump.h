/* SPDX-License-Identifier: Apache-2.0 */
/* core(5): what a process leaves behind that dies of its own fault. */
#ifndef NACRE_KERNEL_TASK_COREDUMP_H
#define NACRE_KERNEL_TASK_COREDUMP_H

#include <sys/user.h>
#include "kernel/task/task.h"

/* The state of one thread as it was when the process died; made by the thread itself. */
struct core_thread {
	struct list_head node;
	struct user_regs_struct regs;
	int tid, ppid, pgrp, session;
	ksigset_t pending, blocked;
	size_t fp_size; /* 0: none */
	unsigned char fp[];
};
/* A dump in progress, on the stack of the thread that writes it. */
struct core_dump {
	struct task *dumper;
	int waiting GUARDED_BY(sighand->lock);		   /* threads that have not come yet */
	struct list_head threads GUARDED_BY(sighand->lock); /* core_thread */
};

/* The current task dies by sig: ends the other threads and writes the file "core" into the working directory, as limits
 * and rights allow. Then the group's exit code is set; the caller goes on with do_group_exit. No lock held. */
void core_dump(struct task *t, int sig, const siginfo_t *info);
/* The current task is about to exit: waits while another thread writes what it leaves behind. No lock held. */
void core_wait(struct task *t);

/* --- coredump_note.c --- */
struct core_note {
	uint32_t type;
	const char *name; /* "CORE" or "LINUX" */
	void *data;	  /* malloc'd */
	size_t size;
};
#define CORE_MAPS_MAX (4U << 20) /* bytes of NT_FILE */
struct core_map { /* one vma */
	uint64_t start, end, off, dumped; /* dumped: bytes from start that go into the file */
	int prot;
	bool private_file; /* worth it only where the process has changed something */
	char *name;	   /* malloc'd, NULL for anonymous */
};
/* All notes of the process, threads in order, the dumper first. -ENOMEM. Freed by core_notes_free. */
int core_notes(struct task *t, int sig, const siginfo_t *info, struct list_head *threads, const struct core_map *m,
	       unsigned nmaps, struct core_note **ret, unsigned *ret_n) __must_check;
void core_notes_free(struct core_note *n, unsigned count);

#endif
