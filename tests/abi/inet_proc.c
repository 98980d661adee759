/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc/net and /sys/class/net show. */
#include <sys/stat.h>
#include <sys/un.h>
#include "inet.h"

/* The whole of a file, in one buffer. */
static char *whole(const char *name)
{
	static char b[1 << 20];
	int f = open(name, O_RDONLY), n, len = 0;

	if (f < 0) {
		TAP_FAIL("%s: errno %d", name, errno);
		return strcpy(b, "");
	}
	while ((n = (int)read(f, b + len, sizeof(b) - 1 - (size_t)len)) > 0)
		len += n;
	b[len] = 0;
	close(f);
	return b;
}

/* The line of a table of sockets whose local port is port: its owner and inode. */
static int row(const char *name, unsigned port, unsigned *uid, unsigned long *ino)
{
	char *save = NULL, *t = whole(name);

	for (char *l = strtok_r(t, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		unsigned p;

		if (sscanf(l, " %*d: %*[0-9A-F]:%X %*s %*s %*s %*s %*s %u %*d %lu", &p, uid, ino) == 3 && p == port)
			return 1;
	}
	return 0;
}

TEST(tables_of_sockets)
{
	struct sockaddr_in a, b;
	int l = listener(&a), u = bound(SOCK_DGRAM, &b);
	unsigned long ino;
	struct stat st;
	unsigned uid;

	CHECK_EQ(fstat(l, &st), 0);
	CHECK_EQ(row("/proc/net/tcp", ntohs(a.sin_port), &uid, &ino), 1);
	CHECK_EQ(ino, st.st_ino);
	CHECK_EQ(uid, getuid());
	CHECK_EQ(fstat(u, &st), 0);
	CHECK_EQ(row("/proc/self/net/udp", ntohs(b.sin_port), &uid, &ino), 1);
	CHECK_EQ(ino, st.st_ino);
	CHECK(!strncmp(whole("/proc/net/tcp6"), "  sl  local_address", 19));
	close(l);
	CHECK_EQ(row("/proc/net/tcp", ntohs(a.sin_port), &uid, &ino), 0);
}

TEST(unix_sockets)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "proc-net-unix"};
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat st;
	char want[100];

	unlink(a.sun_path);
	CHECK_EQ(bind(l, (void *)&a, sizeof(a)), 0);
	CHECK_EQ(listen(l, 1), 0);
	CHECK_EQ(fstat(l, &st), 0);
	snprintf(want, sizeof(want), ": 00000002 00000000 00010000 0001 01 %5lu proc-net-unix\n", (unsigned long)st.st_ino);
	CHECK(strstr(whole("/proc/net/unix"), want) != NULL);
	unlink(a.sun_path);
}

TEST(interfaces)
{
	CHECK(strstr(whole("/proc/net/dev"), "    lo:") != NULL);
	CHECK(strstr(whole("/proc/net/if_inet6"), "00000000000000000000000000000001 01 80 10 80       lo") != NULL);
	CHECK(!strncmp(whole("/proc/net/route"), "Iface\t", 6));
	CHECK(strstr(whole("/proc/net/sockstat"), "TCP: inuse ") != NULL);
	CHECK(strstr(whole("/proc/net/snmp"), "Tcp: ") != NULL);
	CHECK(strstr(whole("/proc/net/netstat"), "TcpExt: ") != NULL);
}

/* The host's own sysfs shows the namespace that it was mounted from: its lo is like any other. */
TEST(sysfs)
{
	CHECK_STR(whole("/sys/class/net/lo/mtu"), "65536\n");
	CHECK_STR(whole("/sys/class/net/lo/ifindex"), "1\n");
	CHECK_STR(whole("/sys/class/net/lo/address"), "00:00:00:00:00:00\n");
	CHECK_STR(whole("/sys/class/net/lo/type"), "772\n");
	CHECK_STR(whole("/sys/class/net/lo/flags"), "0x9\n");
	CHECK_STR(whole("/sys/class/net/lo/operstate"), "unknown\n");
	CHECK_STR(whole("/sys/class/net/lo/carrier"), "1\n");
	CHECK(whole("/sys/class/net/lo/statistics/rx_bytes")[0] >= '0');
	CHECK_ERR(open("/sys/class/net/nowhere/mtu", O_RDONLY), ENOENT);
}
TAP_MAIN()
