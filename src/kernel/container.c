/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/container.h"

#include <errno.h>

void container_get(struct container *ct)
{
	ref_get(&ct->ref);
}

void container_put(struct container *ct)
{
	if (ref_put(&ct->ref) && ct->release)
		ct->release(ct);
}

int container_charge(struct container *ct, uint64_t n)
{
	uint64_t now = __atomic_add_fetch(&ct->mem_bytes, n, __ATOMIC_RELAXED);
	uint64_t max = __atomic_load_n(&ct->mem_max, __ATOMIC_RELAXED);

	if (max && now > max) {
		__atomic_sub_fetch(&ct->mem_bytes, n, __ATOMIC_RELAXED);
		return -ENOMEM;
	}
	return 0;
}

void container_uncharge(struct container *ct, uint64_t n)
{
	__atomic_sub_fetch(&ct->mem_bytes, n, __ATOMIC_RELAXED);
}

static void *charged(struct container *ct, void *(*get)(size_t n), size_t n)
{
	void *p;

	if (container_charge(ct, n) < 0)
		return NULL;
	p = get(n);
	if (!p)
		container_uncharge(ct, n);
	return p;
}

static void *zeros(size_t n)
{
	return calloc(1, n);
}

void *container_calloc(struct container *ct, size_t n)
{
	return charged(ct, zeros, n);
}

void *container_alloc(struct container *ct, size_t n)
{
	return charged(ct, malloc, n);
}

void container_free(struct container *ct, void *p, size_t n)
{
	container_uncharge(ct, n);
	free(p);
}
