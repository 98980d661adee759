/* SPDX-License-Identifier: Apache-2.0 */
/* /sys/class/net: a directory for each interface; num of its inodes is the interface's number. */
#include <linux/sockios.h>
#include <string.h>
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/net/procnet.h"

static int ask(struct synth_inode *i, unsigned long cmd, struct ifreq *q)
{
	char name[IFNAMSIZ];
	int r = netdev_by_index((int)i->num, name);

	return r < 0 ? r : netdev_ask(name, cmd, q);
}

static int show_ifindex(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "%ld\n", i->num);
	return 0;
}

static int show_mtu(struct synth_inode *i, struct synth_buf *b)
{
	struct ifreq q;
	int r = ask(i, SIOCGIFMTU, &q);

	if (r == 0)
		synth_printf(b, "%d\n", q.ifr_mtu);
	return r;
}

static int show_flags(struct synth_inode *i, struct synth_buf *b)
{
	struct ifreq q;
	int r = ask(i, SIOCGIFFLAGS, &q);

	/* As sysfs does: without those that the ioctl works out from the state. */
	if (r == 0)
		synth_printf(b, "0x%x\n", (unsigned)(unsigned short)q.ifr_flags & ~(unsigned)IFF_RUNNING);
	return r;
}

static int show_queue(struct synth_inode *i, struct synth_buf *b)
{
	struct ifreq q;
	int r = ask(i, SIOCGIFTXQLEN, &q);

	if (r == 0)
		synth_printf(b, "%d\n", q.ifr_qlen);
	return r;
}

static int show_type(struct synth_inode *i, struct synth_buf *b)
{
	struct ifreq q;
	int r = ask(i, SIOCGIFHWADDR, &q);

	if (r == 0)
		synth_printf(b, "%u\n", (unsigned)q.ifr_hwaddr.sa_family);
	return r;
}

static int show_address(struct synth_inode *i, struct synth_buf *b)
{
	struct ifreq q;
	int r = ask(i, SIOCGIFHWADDR, &q);
	const unsigned char *a = (const unsigned char *)q.ifr_hwaddr.sa_data;

	if (r == 0)
		synth_printf(b, "%02x:%02x:%02x:%02x:%02x:%02x\n", a[0], a[1], a[2], a[3], a[4], a[5]);
	return r;
}

SYNTH_TEXT(show_addr_len, "6")

/* Of the loopback Linux says that it does not know; of others whether there is a carrier. */
static int show_operstate(struct synth_inode *i, struct synth_buf *b)
{
	struct ifreq q;
	int r = ask(i, SIOCGIFFLAGS, &q);

	if (r == 0)
		synth_printf(b, "%s\n", !(q.ifr_flags & IFF_UP)		? "down" :
				     q.ifr_flags & IFF_LOOPBACK		? "unknown" :
				     q.ifr_flags & IFF_RUNNING		? "up" :
									  "lowerlayerdown");
	return r;
}

static int show_carrier(struct synth_inode *i, struct synth_buf *b)
{
	struct ifreq q;
	int r = ask(i, SIOCGIFFLAGS, &q);

	if (r == 0 && !(q.ifr_flags & IFF_UP))
		r = -EINVAL;
	if (r == 0)
		synth_printf(b, "%d\n", !!(q.ifr_flags & IFF_RUNNING));
	return r;
}

/* In the order of /proc/net/dev. */
static const char *const statistics[] = {"rx_bytes",   "rx_packets",	"rx_errors",   "rx_dropped",
					 "rx_fifo_errors", "rx_frame_errors", "rx_compressed", "multicast",
					 "tx_bytes",   "tx_packets",	"tx_errors",   "tx_dropped",
					 "tx_fifo_errors", "collisions",	"tx_carrier_errors", "tx_compressed"};

static int show_statistic(struct synth_inode *i, struct synth_buf *b)
{
	char name[IFNAMSIZ];
	unsigned long long v;
	int r = netdev_by_index((int)i->num, name);

	for (unsigned n = 0; r == 0 && n < ARRAY_SIZE(statistics); n++) {
		if (strcmp(statistics[n], i->node->name) != 0)
			continue;
		r = netdev_stat(name, n, &v);
		if (r == 0)
			synth_printf(b, "%llu\n", v);
	}
	return r;
}

#define F(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn}
#define S(n) F(n, show_statistic)
#define END {.name = NULL}
static const struct synth_node statistic_files[] = {
	S("rx_bytes"),	     S("rx_packets"),	 S("rx_errors"),     S("rx_dropped"), S("rx_fifo_errors"),    S("rx_frame_errors"),
	S("rx_compressed"),  S("multicast"),	 S("tx_bytes"),	     S("tx_packets"), S("tx_errors"),	      S("tx_dropped"),
	S("tx_fifo_errors"), S("collisions"),	 S("tx_carrier_errors"), S("tx_compressed"), END};
static const struct synth_node device_files[] = {F("ifindex", show_ifindex),
						 F("iflink", show_ifindex),
						 F("mtu", show_mtu),
						 F("flags", show_flags),
						 F("tx_queue_len", show_queue),
						 F("type", show_type),
						 F("address", show_address),
						 F("addr_len", show_addr_len),
						 F("operstate", show_operstate),
						 F("carrier", show_carrier),
						 {.name = "statistics", .mode = S_IFDIR | 0755, .children = statistic_files},
						 END};

static int device_valid(struct synth_inode *i)
{
	char name[IFNAMSIZ];

	return netdev_by_index((int)i->num, name) < 0 ? -ENOENT : 0;
}

static const struct synth_node device = {
	.name = "DEVICE", .mode = S_IFDIR | 0755, .children = device_files, .valid = device_valid};

int class_net_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	struct ifreq q;

	if (strlen(name) >= IFNAMSIZ || netdev_ask(name, SIOCGIFINDEX, &q) < 0)
		return -ENOENT;
	child->node = &device;
	child->num = q.ifr_ifindex;
	return 0;
}

bool class_net_list(struct synth_inode *dir, long *n, char name[32])
{
	char dev[IFNAMSIZ];

	if (!netdev_name(*n, dev))
		return false;
	snprintf(name, 32, "%s", dev);
	return true;
}
