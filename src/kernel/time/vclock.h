/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's clocks by the time-stamp counter, as its vDSO and the kernel both read them. */
#ifndef NACRE_KERNEL_TIME_VCLOCK_H
#define NACRE_KERNEL_TIME_VCLOCK_H

#include <time.h>
#include "kernel/types.h"

/* Makes the shared pages and the image, once, before the filter. Without them (no invariant counter, an old host) the
 * clocks are the host's calls and exec maps no vDSO. */
void vclock_init(unsigned ncpu);
/* The clock (CLOCK_*) as the vDSO gives it: true; false: ask the host. */
bool vclock_get(int clock, struct timespec *ret);
/* What exec maps: the page (own: of a time namespace with offsets, which always asks the kernel) and the image of size
 * bytes. False when there is none. Borrowed. */
bool vclock_files(bool own, struct hostfd **ret_page, struct hostfd **ret_image, uint64_t *ret_size);

#endif
