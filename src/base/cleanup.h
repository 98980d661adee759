/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound resources: _cleanup_free_, _cleanup_close_, TAKE_PTR, TAKE_FD. */
#ifndef NACRE_BASE_CLEANUP_H
#define NACRE_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines f##p(T *p) for use with _cleanup_(): calls f(*p) when *p is not NULL. */
#define DEFINE_CLEANUP(type, f)                                                                    \
	static inline void f##p(type *p)                                                           \
	{                                                                                          \
		if (*p)                                                                            \
			f(*p);                                                                     \
	}

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_ _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)

#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) *_pp = &(p);                                                         \
		__typeof__(p) _v = *_pp;                                                           \
		*_pp = NULL;                                                                       \
		_v;                                                                                \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *_pf = &(fd);                                                                  \
		int _v = *_pf;                                                                     \
		*_pf = -1;                                                                         \
		_v;                                                                                \
	})

/* Turns a libc call's -1 into -errno: r = RET_NERRNO(open(...)); */
#define RET_NERRNO(expr)                                                                           \
	({                                                                                         \
		__typeof__(expr) _r = (expr);                                                      \
		_r < 0 ? -errno : _r;                                                              \
	})

#endif
