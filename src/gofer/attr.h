/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership and mode of files by descriptor. */
#ifndef NACRE_GOFER_ATTR_H
#define NACRE_GOFER_ATTR_H

#include "gofer/server.h"

/* chmod of an O_PATH descriptor. -ENOSYS before Linux 6.6. */
int chmod_path(struct gofer *g, int fd, mode_t mode) __must_check;

#endif
