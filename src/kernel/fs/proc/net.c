/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/net: every process of a sandbox is in the one network namespace. */
#include "kernel/fs/proc/proc.h"
#include "kernel/net/procnet.h"

static int show_copy(struct synth_inode *i, struct synth_buf *b)
{
	return procnet_copy(i->node->name, b);
}

static int show_sockets(struct synth_inode *i, struct synth_buf *b)
{
	return procnet_sockets(i->node->name, b);
}

static int show_sockstat(struct synth_inode *i, struct synth_buf *b)
{
	return procnet_sockstat(i->node->name, b);
}

static int show_unix(struct synth_inode *i, struct synth_buf *b)
{
	return unix_show(b);
}

/* Sockets of these families cannot be made: the tables have a heading only. */
SYNTH_TEXT(show_packet, "sk       RefCnt Type Proto  Iface R Rmem   User   Inode")

#define F(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn, .valid = proc_pid_valid}
#define COPY(n) F(n, show_copy)
const struct synth_node proc_net_files[] = {COPY("dev"),
					    COPY("route"),
					    COPY("ipv6_route"),
					    COPY("if_inet6"),
					    COPY("arp"),
					    COPY("snmp"),
					    COPY("snmp6"),
					    COPY("netstat"),
					    COPY("fib_trie"),
					    COPY("fib_triestat"),
					    COPY("igmp"),
					    COPY("igmp6"),
					    COPY("dev_mcast"),
					    F("tcp", show_sockets),
					    F("tcp6", show_sockets),
					    F("udp", show_sockets),
					    F("udp6", show_sockets),
					    F("udplite", show_sockets),
					    F("udplite6", show_sockets),
					    F("raw", show_sockets),
					    F("raw6", show_sockets),
					    F("icmp", show_sockets),
					    F("icmp6", show_sockets),
					    F("sockstat", show_sockstat),
					    F("sockstat6", show_sockstat),
					    F("unix", show_unix),
					    F("packet", show_packet),
					    {.name = NULL}};
