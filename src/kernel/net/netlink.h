/* SPDX-License-Identifier: Apache-2.0 */
/* AF_NETLINK: questions about the network, answered by two netlink sockets of the host. */
#ifndef NACRE_KERNEL_NET_NETLINK_H
#define NACRE_KERNEL_NET_NETLINK_H

#include <linux/netlink.h>
#include "kernel/net/socket.h"

#define NL_MAX_REQUEST 4096U /* no request on our lists is longer */

int netlink_create(int type, int proto, struct socket **ret) __must_check;

/* netlink_filter.c: the request that the host gets for one of the guest's. m: header and n payload bytes, in kernel
 * memory. out has room for NL_MAX_REQUEST. Returns its length, or -errno as Linux's answer to the guest's. */
int netlink_route_request(const struct nlmsghdr *m, const void *payload, size_t n, void *out) __must_check;
int netlink_diag_request(const struct nlmsghdr *m, const void *payload, size_t n, void *out) __must_check;
/* A message of the host's sock_diag, before the guest sees it: owners and inodes become the guest's. */
void netlink_diag_answer(struct nlmsghdr *m);

#endif
