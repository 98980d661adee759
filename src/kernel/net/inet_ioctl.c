/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of sockets: bytes queued, and what network interfaces there are. Changing interfaces is nobody's in here. */
#include <linux/capability.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include "kernel/kernel.h"
#include "kernel/net/inet.h"
#include "kernel/task/task.h"

#define MAX_IFCONF 65536 /* bytes of one SIOCGIFCONF */

/* One interface by name or number: the host fills in the rest. */
static long get_ifreq(struct task *t, int fd, unsigned cmd, uint64_t arg)
{
	struct ifreq q;
	int r = copy_in(t, &q, uaddr(arg), sizeof(q));

	if (r < 0)
		return r;
	q.ifr_name[IFNAMSIZ - 1] = 0;
	if (ioctl(fd, cmd, &q) < 0)
		return -errno;
	return copy_out(t, uaddr(arg), &q, sizeof(q));
}

/* The list of IPv4 addresses. Without a buffer: the length it takes. */
static long get_ifconf(struct task *t, int fd, uint64_t arg)
{
	struct ifconf c, host = {0};
	_cleanup_free_ void *buf = NULL;
	int r = copy_in(t, &c, uaddr(arg), sizeof(c));

	if (r < 0)
		return r;
	if (c.ifc_buf) {
		if (c.ifc_len < 0)
			return -EINVAL;
		host.ifc_len = MIN(c.ifc_len, MAX_IFCONF);
		buf = calloc(1, (size_t)host.ifc_len + 1);
		if (!buf)
			return -ENOMEM;
		host.ifc_buf = buf;
	}
	if (ioctl(fd, SIOCGIFCONF, &host) < 0)
		return -errno;
	if (buf && host.ifc_len > 0)
		r = copy_out(t, uaddr((uint64_t)(uintptr_t)c.ifc_buf), buf, (size_t)host.ifc_len);
	return r < 0 ? r : put_u32(t, uaddr(arg), (uint32_t)host.ifc_len);
}

long netdev_ioctl(struct task *t, int fd, unsigned cmd, uint64_t arg)
{
	fd = fd < 0 ? kernel.route_fd : fd;
	if (fd < 0)
		return -ENOTTY;
	switch (cmd) {
	case SIOCGIFCONF:
		return get_ifconf(t, fd, arg);
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFINDEX:
	case SIOCGIFTXQLEN:
	case SIOCGIFMAP:
		return get_ifreq(t, fd, cmd, arg);
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFBRDADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMETRIC:
	case SIOCSIFMTU:
	case SIOCSIFHWADDR:
	case SIOCSIFNAME:
	case SIOCSIFTXQLEN:
	case SIOCADDRT:
	case SIOCDELRT:
		return -EPERM;
	}
	return -ENOTTY;
}

long inet_ioctl(struct socket *s, struct task *t, unsigned cmd, uint64_t arg)
{
	struct isock *k = s->sk;
	int n = 0;

	switch (cmd) {
	case FIONREAD: /* SIOCINQ */
	case SIOCOUTQ:
	case SIOCOUTQNSD:
	case SIOCATMARK:
		if (ioctl(k->fd, cmd, &n) < 0)
			return -errno;
		return put_u32(t, uaddr(arg), (uint32_t)n);
	}
	return netdev_ioctl(t, k->fd, cmd, arg);
}
