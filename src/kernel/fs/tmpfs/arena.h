/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for the contents of small files: power-of-two pieces of 1 MiB chunks of anonymous memory, which the
 * host zeroes and gets back when the last piece of a chunk is freed. No guest maps it. Thread-safe.
 */
#ifndef NACRE_KERNEL_FS_TMPFS_ARENA_H
#define NACRE_KERNEL_FS_TMPFS_ARENA_H

#include <stddef.h>
#include "base/compiler.h"

#define ARENA_MIN 128U
#define ARENA_MAX 65536U

/* The size of the piece that holds n bytes, n ≤ ARENA_MAX. */
size_t arena_round(size_t n);
/* A piece of exactly size bytes (a result of arena_round), not zeroed. NULL: the host has no memory. */
void *arena_alloc(size_t size) __must_check;
void arena_free(void *p, size_t size); /* p may be NULL */
/* Bytes that the arena holds from the host now. */
size_t arena_total(void);

#endif
