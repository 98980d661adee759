/* SPDX-License-Identifier: Apache-2.0 */
/* Options of unix sockets. Those that mean nothing here are kept, as Linux does. */
#include <linux/capability.h>
#include <string.h>
#include "kernel/net/unix.h"
#include "kernel/task/task.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define BUF_MAX UNIX_BUF /* net.core.wmem_max and rmem_max */
#define SNDBUF_MIN 4608U
#define RCVBUF_MIN 2304U

/* Flags without an effect between two processes of one machine. */
static bool kept(int name)
{
	switch (name) {
	case SO_REUSEADDR:
	case SO_DONTROUTE:
	case SO_BROADCAST:
	case SO_KEEPALIVE:
	case SO_OOBINLINE:
		return true;
	}
	return false;
}

static int get_bytes(const void *from, size_t size, void *v, socklen_t *n)
{
	*n = MIN(*n, (socklen_t)size);
	memcpy(v, from, *n);
	return 0;
}

int unix_getopt(struct socket *s, int level, int name, void *v, socklen_t *n)
{
	struct usock *u = s->sk;
	int x;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	MUTEX_GUARD(&unix_lock);
	switch (name) {
	case SO_PEERCRED: {
		struct ucred none = {0, (uid_t)-1, (gid_t)-1};

		return get_bytes(u->connected && u->type != SOCK_DGRAM ? &u->peercred :
				 u->peercred.pid		       ? &u->peercred :
									 &none,
				 sizeof(none), v, n);
	}
	case SO_LINGER:
		return get_bytes(&u->linger, sizeof(u->linger), v, n);
	case SO_RCVTIMEO:
		return sock_get_timeo(__atomic_load_n(&u->rcvtimeo, __ATOMIC_RELAXED), v, n);
	case SO_SNDTIMEO:
		return sock_get_timeo(__atomic_load_n(&u->sndtimeo, __ATOMIC_RELAXED), v, n);
	case SO_PASSCRED:
		x = u->passcred;
		break;
	case SO_ACCEPTCONN:
		x = u->listening;
		break;
	case SO_TYPE:
		x = s->type;
		break;
	case SO_DOMAIN:
		x = AF_UNIX;
		break;
	case SO_PROTOCOL:
		x = 0;
		break;
	case SO_ERROR:
		x = u->reset ? ECONNRESET : 0;
		u->reset = false;
		break;
	case SO_SNDBUF:
		x = (int)u->sndbuf;
		break;
	case SO_RCVBUF:
		x = (int)u->rcvbuf;
		break;
	case SO_RCVLOWAT:
		x = (int)u->rcvlowat;
		break;
	case SO_SNDLOWAT:
		x = 1;
		break;
	case SO_PRIORITY:
		x = u->priority;
		break;
	default:
		if (!kept(name))
			return -ENOPROTOOPT;
		x = !!(u->flags & 1U << name);
	}
	sock_put_int(x, v, n);
	return 0;
}

static unsigned buffer_size(int x, unsigned least)
{
	return MAX(MIN((unsigned)MAX(x, 0), BUF_MAX) * 2, least);
}

static int set_times(struct usock *u, int name, const void *v, socklen_t n)
{
	uint64_t t;
	int r = sock_set_timeo(v, n, &t);

	if (r == 0)
		__atomic_store_n(name == SO_RCVTIMEO ? &u->rcvtimeo : &u->sndtimeo, t, __ATOMIC_RELAXED);
	return r;
}

int unix_setopt(struct socket *s, int level, int name, const void *v, socklen_t n)
{
	struct usock *u = s->sk;
	int x = 0;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (n < sizeof(x))
		return -EINVAL;
	memcpy(&x, v, sizeof(x));
	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO)
		return set_times(u, name, v, n);
	if (name == SO_LINGER && n < sizeof(u->linger))
		return -EINVAL;
	MUTEX_GUARD(&unix_lock);
	switch (name) {
	case SO_PASSCRED:
		u->passcred = x != 0;
		return 0;
	case SO_LINGER:
		memcpy(&u->linger, v, sizeof(u->linger));
		u->linger.l_onoff = !!u->linger.l_onoff;
		return 0;
	case SO_SNDBUF:
		__atomic_store_n(&u->sndbuf, buffer_size(x, SNDBUF_MIN), __ATOMIC_RELAXED);
		usock_wake(u);
		return 0;
	case SO_RCVBUF:
		__atomic_store_n(&u->rcvbuf, buffer_size(x, RCVBUF_MIN), __ATOMIC_RELAXED);
		return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		if (!capable(current->cred, CAP_NET_ADMIN))
			return -EPERM;
		if (name == SO_SNDBUFFORCE)
			__atomic_store_n(&u->sndbuf, buffer_size(x, SNDBUF_MIN), __ATOMIC_RELAXED);
		else
			__atomic_store_n(&u->rcvbuf, buffer_size(x, RCVBUF_MIN), __ATOMIC_RELAXED);
		return 0;
	case SO_RCVLOWAT:
		__atomic_store_n(&u->rcvlowat, x < 0 ? (unsigned)INT_MAX : x ? (unsigned)x : 1U, __ATOMIC_RELAXED);
		return 0;
	case SO_PRIORITY:
		if ((x < 0 || x > 6) && !capable(current->cred, CAP_NET_ADMIN))
			return -EPERM;
		u->priority = x;
		return 0;
	}
	if (!kept(name))
		return -ENOPROTOOPT;
	if (x)
		u->flags |= 1U << name;
	else
		u->flags &= ~(1U << name);
	return 0;
}
