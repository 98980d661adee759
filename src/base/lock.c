/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef NACRE_LOCK_DEBUG
#define HELD_MAX 24
static __thread const struct mutex *held[HELD_MAX];
static __thread unsigned nheld;

static void check_order(const struct mutex *m, bool nested)
{
	for (unsigned i = 0; i < nheld; i++) {
		if (held[i]->rank < m->rank || (nested && held[i]->rank == m->rank && held[i] != m))
			continue;
		fprintf(stderr, "lock order: %s (rank %d) taken while %s (rank %d) is held\n",
			m->name, m->rank, held[i]->name, held[i]->rank);
		abort();
	}
}

static void note_held(const struct mutex *m)
{
	if (nheld == HELD_MAX)
		abort();
	held[nheld++] = m;
}

static void note_released(const struct mutex *m)
{
	for (unsigned i = nheld; i-- > 0;) {
		if (held[i] != m)
			continue;
		for (; i + 1 < nheld; i++)
			held[i] = held[i + 1];
		nheld--;
		return;
	}
	fprintf(stderr, "lock: %s released but not held\n", m->name);
	abort();
}
#else
static void check_order(const struct mutex *m __unused, bool nested __unused)
{
}
static void note_held(const struct mutex *m __unused)
{
}
static void note_released(const struct mutex *m __unused)
{
}
#endif

void mutex_init(struct mutex *m, enum lock_rank rank, const char *name)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&m->m, &a);
	pthread_mutexattr_destroy(&a);
	m->name = name;
	m->rank = (uint8_t)rank;
}

void mutex_destroy(struct mutex *m)
{
	pthread_mutex_destroy(&m->m);
}

void mutex_lock(struct mutex *m)
{
	check_order(m, false);
	pthread_mutex_lock(&m->m);
	note_held(m);
}

void mutex_lock_nested(struct mutex *m)
{
	check_order(m, true);
	pthread_mutex_lock(&m->m);
	note_held(m);
}

bool mutex_trylock(struct mutex *m)
{
	if (pthread_mutex_trylock(&m->m) != 0)
		return false;
	note_held(m);
	return true;
}

void mutex_unlock(struct mutex *m)
{
	note_released(m);
	pthread_mutex_unlock(&m->m);
}

void mutex_assert_held(const struct mutex *m)
{
#ifdef NACRE_LOCK_DEBUG
	for (unsigned i = 0; i < nheld; i++)
		if (held[i] == m)
			return;
	fprintf(stderr, "lock: %s should be held\n", m->name);
	abort();
#else
	(void)m;
#endif
}
