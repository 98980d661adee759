/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/gofer_filter.h"

#include "confine/filter.h"

int gofer_filter_install(int log_fd)
{
	return filter_install(gofer_filter_prog, gofer_filter_len, "gofer", log_fd, false);
}
