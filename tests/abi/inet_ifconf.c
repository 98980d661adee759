/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about network interfaces. */
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include "inet.h"

static int ask(int s, unsigned long cmd, struct ifreq *q)
{
	strcpy(q->ifr_name, "lo");
	return ioctl(s, cmd, q);
}

TEST(loopback)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq q = {0};

	CHECK_EQ(ask(s, SIOCGIFINDEX, &q), 0);
	CHECK_EQ(q.ifr_ifindex, 1);
	memset(&q, 0, sizeof(q));
	q.ifr_ifindex = 1;
	CHECK_EQ(ioctl(s, SIOCGIFNAME, &q), 0);
	CHECK_STR(q.ifr_name, "lo");
	CHECK_EQ(ask(s, SIOCGIFFLAGS, &q), 0);
	CHECK_EQ(q.ifr_flags & (IFF_UP | IFF_LOOPBACK), IFF_UP | IFF_LOOPBACK);
	CHECK_EQ(ask(s, SIOCGIFADDR, &q), 0);
	CHECK_EQ(((struct sockaddr_in *)&q.ifr_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	CHECK_EQ(ask(s, SIOCGIFNETMASK, &q), 0);
	CHECK_EQ(((struct sockaddr_in *)&q.ifr_addr)->sin_addr.s_addr, htonl(0xff000000));
	CHECK_EQ(ask(s, SIOCGIFMTU, &q), 0);
	CHECK_EQ(q.ifr_mtu, 65536);
	CHECK_EQ(ask(s, SIOCGIFHWADDR, &q), 0);
	CHECK_EQ(q.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
	strcpy(q.ifr_name, "nowhere");
	CHECK_ERR(ioctl(s, SIOCGIFINDEX, &q), ENODEV);
	CHECK_ERR(ioctl(s, SIOCGIFINDEX, 1), EFAULT);
}

TEST(through_unix)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct ifreq q = {0};

	CHECK_EQ(ask(s, SIOCGIFINDEX, &q), 0);
	CHECK_EQ(q.ifr_ifindex, 1);
	CHECK_ERR(ask(s, SIOCGIFADDR, &q), ENOTTY);
}

TEST(list)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq q[8];
	struct ifconf c = {.ifc_len = 0};

	CHECK_EQ(ioctl(s, SIOCGIFCONF, &c), 0);
	CHECK_EQ(c.ifc_len, sizeof(q[0]));
	memset(q, 0, sizeof(q));
	c = (struct ifconf){.ifc_len = sizeof(q), .ifc_req = q};
	CHECK_EQ(ioctl(s, SIOCGIFCONF, &c), 0);
	CHECK_EQ(c.ifc_len, sizeof(q[0]));
	CHECK_STR(q[0].ifr_name, "lo");
	c.ifc_len = 10;
	CHECK_EQ(ioctl(s, SIOCGIFCONF, &c), 0);
	CHECK_EQ(c.ifc_len, 0);
}

TEST(names_of_libc)
{
	char name[IF_NAMESIZE];

	CHECK_EQ(if_nametoindex("lo"), 1);
	CHECK(if_indextoname(1, name) && !strcmp(name, "lo"));
}

TEST(not_for_everybody)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq q = {0};

	if (setuid(12345) != 0)
		SKIP("no right to become another user");
	CHECK_ERR(ask(s, SIOCSIFFLAGS, &q), EPERM);
	CHECK_ERR(ask(s, SIOCSIFMTU, &q), EPERM);
}
TAP_MAIN()
