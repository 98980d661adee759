/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc/net and /sys/class/net show: the pod's network namespace, as the host tells. */
#ifndef NACRE_KERNEL_NET_PROCNET_H
#define NACRE_KERNEL_NET_PROCNET_H

#include <net/if.h>
#include "kernel/vfs/synth.h"

/* The host's /proc/net/NAME, word for word. -ENOENT, -ENOMEM. */
int procnet_copy(const char *name, struct synth_buf *b) __must_check;
/* The same for a table of sockets (tcp, udp, ...): owners and inode numbers are the guest's. */
int procnet_sockets(const char *name, struct synth_buf *b) __must_check;
/* sockstat, sockstat6: without what is the whole host's. */
int procnet_sockstat(const char *name, struct synth_buf *b) __must_check;
int unix_show(struct synth_buf *b) __must_check; /* unix.c */

/* The n-th interface. false: there are fewer. */
bool netdev_name(long n, char name[IFNAMSIZ]);
int netdev_by_index(int index, char name[IFNAMSIZ]) __must_check; /* 0 or -ENODEV */
/* One SIOCGIF* request about an interface. 0 or -errno. */
int netdev_ask(const char *name, unsigned long cmd, struct ifreq *ret) __must_check;
/* The n-th number (0...15) of the interface's line in /proc/net/dev: bytes received first. */
int netdev_stat(const char *name, unsigned n, unsigned long long *ret) __must_check;

#endif
