/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/kernel_filter.h"

#include "confine/filter.h"

int kernel_filter_install(int log_fd, bool network)
{
	/* The platform has threads already: all get it, or none. */
	if (network)
		return filter_install(kernel_network_filter_prog, kernel_network_filter_len, "kernel", log_fd, true);
	return filter_install(kernel_filter_prog, kernel_filter_len, "kernel", log_fd, true);
}
