/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: one sealed memfd for the sandbox, cut into slots; which of them are free; places of threads. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "platform/trap/trap.h"

#define SLOT_COUNT 8192U
static uint64_t used[SLOT_COUNT / 64] GUARDED_BY(platform_lock);

int slots_init(void)
{
	_cleanup_close_ int fd = memfd_create("slots", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)(SLOT_COUNT * SLOT_SIZE)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	if (trap.slots_fd <= 0)
		trap.slots_fd = TAKE_FD(fd);
	else if (dup3(fd, trap.slots_fd, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int take_bit(uint64_t *map, unsigned n)
{
	for (unsigned i = 0; i < n / 64; i++)
		if (map[i] != UINT64_MAX) {
			unsigned b = (unsigned)__builtin_ctzll(~map[i]);

			map[i] |= 1ULL << b;
			return (int)(i * 64 + b);
		}
	return -1;
}

static void drop_bit(uint64_t *map, unsigned i)
{
	map[i / 64] &= ~(1ULL << (i % 64));
}

/* first: the only thread of a forked address space: it inherits area numbers from its parent, so the caller fixes
 * place->area. Returns 0, -EAGAIN when slots or areas are used up, -ENOMEM. */
int place_new(struct pt_as *as, bool first, struct place **ret)
{
	struct place *p, *s;
	int slot, area = 0;
	void *map;

	mutex_lock(&platform_lock);
	if (!first)
		list_for_each_entry_safe(p, s, &as->spare, node) {
			if (__atomic_load_n(&p->map->tid_word, __ATOMIC_ACQUIRE) != 0)
				continue;
			list_del(&p->node);
			mutex_unlock(&platform_lock);
			memset(p->map, 0, sizeof(*p->map));
			*ret = p;
			return 0;
		}
	slot = take_bit(used, SLOT_COUNT);
	if (slot >= 0 && !first)
		area = take_bit(as->areas, AREA_COUNT);
	if (slot >= 0 && area < 0)
		drop_bit(used, (unsigned)slot);
	mutex_unlock(&platform_lock);
	if (slot < 0 || area < 0)
		return -EAGAIN;
	p = calloc(1, sizeof(*p));
	map = mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, trap.slots_fd,
		   (off_t)((uint64_t)slot * SLOT_SIZE));
	if (!p || map == MAP_FAILED) {
		if (map != MAP_FAILED)
			munmap(map, SLOT_SIZE);
		free(p);
		mutex_lock(&platform_lock);
		drop_bit(used, (unsigned)slot);
		if (!first)
			drop_bit(as->areas, (unsigned)area);
		mutex_unlock(&platform_lock);
		return -ENOMEM;
	}
	p->slot = (unsigned)slot;
	p->area = (unsigned)area;
	p->map = map;
	list_init(&p->node);
	*ret = p;
	return 0;
}

void place_retire(struct pt_as *as, struct place *p)
{
	mutex_lock(&platform_lock);
	list_add_tail(&p->node, &as->spare);
	mutex_unlock(&platform_lock);
}

void places_free(struct pt_as *as)
{
	struct place *p, *s;

	mutex_assert_held(&platform_lock);
	list_for_each_entry_safe(p, s, &as->spare, node) {
		list_del(&p->node);
		/* Gives the pages back and leaves zeros for the next user. */
		fallocate(trap.slots_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)(p->slot * SLOT_SIZE), (off_t)SLOT_SIZE);
		munmap(p->map, SLOT_SIZE);
		drop_bit(used, p->slot);
		free(p);
	}
}
