/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/status_filter.h"

#include "confine/filter.h"

int status_filter_install(void)
{
	return filter_install(status_filter_prog, status_filter_len, "status", -1, false);
}
