/* SPDX-License-Identifier: Apache-2.0 */
/* Reference counts. An overflow or a use after the last put aborts: both are programming errors. */
#ifndef NACRE_BASE_REF_H
#define NACRE_BASE_REF_H

#include <stdlib.h>
#include "base/compiler.h"

struct ref {
	int n;
};

static inline void ref_init(struct ref *r)
{
	__atomic_store_n(&r->n, 1, __ATOMIC_RELAXED);
}

static inline void ref_get(struct ref *r)
{
	int old = __atomic_fetch_add(&r->n, 1, __ATOMIC_RELAXED);

	if (unlikely(old <= 0))
		abort();
}

/* For who holds a lock that keeps it from falling to what is asked about. */
static inline unsigned ref_read(const struct ref *r)
{
	return (unsigned)__atomic_load_n(&r->n, __ATOMIC_ACQUIRE);
}

/* True when this was the last reference: the caller then frees the object. */
static inline bool __must_check ref_put(struct ref *r)
{
	int old = __atomic_fetch_sub(&r->n, 1, __ATOMIC_ACQ_REL);

	if (unlikely(old <= 0))
		abort();
	return old == 1;
}

/* For look-ups in tables that hold no reference: false when the object is already dying. */
static inline bool __must_check ref_get_unless_zero(struct ref *r)
{
	int old = __atomic_load_n(&r->n, __ATOMIC_RELAXED);

	while (old > 0)
		if (__atomic_compare_exchange_n(&r->n, &old, old + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

#endif
