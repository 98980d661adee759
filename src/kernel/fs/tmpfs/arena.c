/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/fs/tmpfs/arena.h"

#include <string.h>
#include <sys/mman.h>
#include "base/list.h"
#include "base/lock.h"

#define CHUNK (1UL << 20)
#define NCLASS 10 /* 128 ... 65536 */
#define MAP_WORDS (CHUNK / ARENA_MIN / 64)
#define RETURN_MIN 16384U /* free pieces of at least this size go back to the host at once */

struct chunk { /* at the start of its memory, which is aligned to CHUNK */
	struct list_head node; /* in partial[], when it has a free piece */
	unsigned cls, total, used;
	uint64_t free_map[MAP_WORDS]; /* bit i: piece i is free */
};

static struct mutex arena_lock = MUTEX_INIT(RANK_ARENA, "arena");
static struct list_head partial[NCLASS]; /* arena_lock; initialised when first used */
static unsigned nchunks;		 /* arena_lock */

static unsigned class_of(size_t size)
{
	return (unsigned)__builtin_ctzl(size) - 7;
}

size_t arena_round(size_t n)
{
	size_t s = ARENA_MIN;

	while (s < n)
		s *= 2;
	return s;
}

size_t arena_total(void)
{
	MUTEX_GUARD(&arena_lock);
	return nchunks * CHUNK;
}

/* 1 MiB aligned to its size. */
static void *map_aligned(void)
{
	char *p = mmap(NULL, 2 * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	uintptr_t a;
	size_t head;

	if (p == MAP_FAILED)
		return NULL;
	a = ALIGN_UP((uintptr_t)p, CHUNK);
	head = a - (uintptr_t)p;
	if (head)
		munmap(p, head);
	munmap(p + head + CHUNK, CHUNK - head);
	return p + head;
}

static struct chunk *chunk_new(unsigned cls) REQUIRES(arena_lock)
{
	struct chunk *c = map_aligned();
	size_t size = (size_t)ARENA_MIN << cls;
	unsigned n = (unsigned)(CHUNK / size), first = (unsigned)((sizeof(*c) + size - 1) / size);

	if (!c)
		return NULL;
	c->cls = cls;
	c->total = n - first;
	for (unsigned i = first; i < n; i++)
		c->free_map[i / 64] |= 1ULL << (i % 64);
	list_add(&c->node, &partial[cls]);
	nchunks++;
	return c;
}

void *arena_alloc(size_t size)
{
	unsigned cls = class_of(size), w = 0, bit;
	struct chunk *c;

	MUTEX_GUARD(&arena_lock);
	if (!partial[cls].next)
		list_init(&partial[cls]);
	c = list_empty(&partial[cls]) ? chunk_new(cls) :
					list_first_entry(&partial[cls], struct chunk, node);
	if (!c)
		return NULL;
	while (!c->free_map[w])
		w++;
	bit = (unsigned)__builtin_ctzll(c->free_map[w]);
	c->free_map[w] &= ~(1ULL << bit);
	if (++c->used == c->total)
		list_del(&c->node);
	return (char *)c + (w * 64UL + bit) * size;
}

void arena_free(void *p, size_t size)
{
	struct chunk *c = (struct chunk *)((uintptr_t)p & ~(CHUNK - 1));
	size_t i;

	if (!p)
		return;
	i = (size_t)((char *)p - (char *)c) / size;
	MUTEX_GUARD(&arena_lock);
	if (c->used == c->total)
		list_add(&c->node, &partial[c->cls]);
	c->free_map[i / 64] |= 1ULL << (i % 64);
	if (--c->used) {
		if (size >= RETURN_MIN)
			madvise(p, size, MADV_DONTNEED);
		return;
	}
	/* Keep one empty chunk only when it is the class's last with room. */
	if (partial[c->cls].next == &c->node && partial[c->cls].prev == &c->node)
		return;
	list_del(&c->node);
	nchunks--;
	munmap(c, CHUNK);
}
