/* SPDX-License-Identifier: Apache-2.0 */
/* Options of internet sockets. The list is base/inet_options.def; a few are the kernel's own, because the host would hold
 * up its thread for them. */
#include "base/inet_options.h"

#include <linux/capability.h>
#include <string.h>
#include "kernel/net/inet.h"
#include "kernel/task/task.h"

static const struct {
	int level, name;
	unsigned ways;
	socklen_t size;
} options[] = {
#define OPT(level, name, ways, size) {level, name, INET_OPT_##ways, size},
#include "base/inet_options.def"
#undef OPT
};

#ifndef SO_RCVTIMEO_NEW
#define SO_RCVTIMEO_NEW 66
#define SO_SNDTIMEO_NEW 67
#endif

/* The most bytes a value may have; 0: the option is not on the list for this way. */
static socklen_t find(const struct isock *k, int level, int name, unsigned way)
{
	/* IPv6 sockets have the IPv4 options too; those of other protocols are unknown to a socket. */
	if ((level == IPPROTO_TCP || level == IPPROTO_UDP) && level != k->proto)
		return 0;
	if (level == IPPROTO_IPV6 && k->family != AF_INET6)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].level == level && options[i].name == name)
			return options[i].ways & way ? options[i].size : 0;
	return 0;
}

static int get_linger(const struct isock *k, void *v, socklen_t *n)
{
	int t = __atomic_load_n(&k->linger, __ATOMIC_RELAXED);
	struct linger l = {t >= 0, MAX(t, 0)};

	*n = MIN(*n, (socklen_t)sizeof(l));
	memcpy(v, &l, *n);
	return 0;
}

int inet_getopt(struct socket *s, int level, int name, void *v, socklen_t *n)
{
	struct isock *k = s->sk;

	if (level == SOL_SOCKET) {
		switch (name) {
		case SO_RCVTIMEO:
		case SO_RCVTIMEO_NEW:
			return sock_get_timeo(__atomic_load_n(&k->rcvtimeo, __ATOMIC_RELAXED), v, n);
		case SO_SNDTIMEO:
		case SO_SNDTIMEO_NEW:
			return sock_get_timeo(__atomic_load_n(&k->sndtimeo, __ATOMIC_RELAXED), v, n);
		case SO_LINGER:
			return get_linger(k, v, n);
		case SO_PEERCRED: {
			struct ucred none = {0, (uid_t)-1, (gid_t)-1};

			*n = MIN(*n, (socklen_t)sizeof(none));
			memcpy(v, &none, *n);
			return 0;
		}
		case SO_ERROR: {
			int e = -inet_take_error(k);

			if (!e)
				break;
			sock_put_int(e, v, n);
			return 0;
		}
		case SO_PASSCRED:
			sock_put_int(0, v, n);
			return 0;
		}
	}
	if (!find(k, level, name, INET_OPT_G))
		return k->family == AF_INET && level != SOL_SOCKET && level != IPPROTO_IP && level != k->proto ?
			       -EOPNOTSUPP :
			       -ENOPROTOOPT;
	return RET_NERRNO(getsockopt(k->fd, level, name, v, n));
}

/* Waiting in close is done here. Without a wait, or with the reset that zero asks for, it is the host's. */
static int set_linger(struct isock *k, const void *v, socklen_t n)
{
	struct linger l, host = {0, 0};

	if (n < sizeof(l))
		return -EINVAL;
	memcpy(&l, v, sizeof(l));
	if (l.l_onoff && l.l_linger == 0)
		host.l_onoff = 1;
	if (setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &host, sizeof(host)) < 0)
		return -errno;
	__atomic_store_n(&k->linger, l.l_onoff ? (l.l_linger < 0 ? INT_MAX : l.l_linger) : -1, __ATOMIC_RELAXED);
	return 0;
}

static int set_own(struct isock *k, int name, const void *v, socklen_t n, bool *mine)
{
	uint64_t t;
	int r;

	*mine = true;
	switch (name) {
	case SO_LINGER:
		return set_linger(k, v, n);
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		r = sock_set_timeo(v, n, &t);
		if (r == 0)
			__atomic_store_n(name == SO_RCVTIMEO || name == SO_RCVTIMEO_NEW ? &k->rcvtimeo : &k->sndtimeo,
					 t, __ATOMIC_RELAXED);
		return r;
	case SO_MARK:
	case SO_RCVBUFFORCE:
	case SO_SNDBUFFORCE:
	case SO_BUSY_POLL:
		return -EPERM; /* they take CAP_NET_ADMIN over the host's namespace, which nobody in here has */
	}
	*mine = false;
	return 0;
}

int inet_setopt(struct socket *s, int level, int name, const void *v, socklen_t n)
{
	struct isock *k = s->sk;
	bool mine = false;
	socklen_t max;
	int r;

	if (level == SOL_SOCKET) {
		r = set_own(k, name, v, n, &mine);
		if (mine)
			return r;
	}
	if (level == IPPROTO_IP && name == IP_TRANSPARENT)
		return -EPERM;
	max = find(k, level, name, INET_OPT_S);
	if (!max)
		return -ENOPROTOOPT;
	n = MIN(n, max);
	if (setsockopt(k->fd, level, name, v, n) < 0)
		return -errno;
	if (level == SOL_SOCKET && name == SO_RCVLOWAT) {
		int low;

		memcpy(&low, v, sizeof(low));
		__atomic_store_n(&k->rcvlowat, low < 0 ? INT_MAX : low ? low : 1, __ATOMIC_RELAXED);
	}
	return 0;
}
