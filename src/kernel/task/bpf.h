/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classic BPF as seccomp takes it: a checker that accepts what Linux accepts, and an interpreter. A program is untrusted
 * bytes until bpf_check() has said 0; from then on it ends (jumps go forward only) and reads and writes nothing but its
 * own registers, its sixteen words of scratch memory and the data it is given.
 */
#ifndef NACRE_KERNEL_TASK_BPF_H
#define NACRE_KERNEL_TASK_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include "base/compiler.h"

/* Is p[0..n) a program that seccomp(2) takes? 0, -EINVAL, -ENOMEM. No locks. */
int bpf_check(const struct sock_filter *p, unsigned n) __must_check;
/* The number of instructions that Linux makes of a checked program: what counts against the limit of a task's filters. */
unsigned bpf_linux_len(const struct sock_filter *p, unsigned n);
/* Runs a checked program on d. No locks. */
uint32_t bpf_run(const struct sock_filter *p, const struct seccomp_data *d);
/* Does a checked program return SECCOMP_RET_ALLOW for every call of that number and architecture, without looking at
 * anything else? */
bool bpf_always_allows(const struct sock_filter *p, int nr, uint32_t arch);

#endif
