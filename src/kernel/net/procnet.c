/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/net/procnet.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include "kernel/kernel.h"
#include "kernel/net/inet.h"

#define MAX_TABLE (8U << 20) /* bytes of one file; what is behind is left out */

/* nacre-kernel is process 1 of the procfs it has, and sits in the pod's network namespace. *ret is malloc'd and ends in NUL. */
static int read_host(const char *name, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *b = NULL;
	size_t len = 0, cap = 0;
	char path[64];
	ssize_t n;

	if (kernel.proc_fd < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "1/net/%s", name);
	fd = openat(kernel.proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	do {
		if (cap - len < 4097) {
			char *p = realloc(b, cap = MAX(cap * 2, (size_t)16384));

			if (!p)
				return -ENOMEM;
			b = p;
		}
		n = read(fd, b + len, cap - len - 1);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	} while (n > 0 && len < MAX_TABLE);
	b[len] = 0;
	*ret = TAKE_PTR(b);
	*ret_len = len;
	return 0;
}

int procnet_copy(const char *name, struct synth_buf *b)
{
	_cleanup_free_ char *t = NULL;
	size_t n;
	int r = read_host(name, &t, &n);

	if (r == 0)
		synth_write(b, t, n);
	return r;
}

/* The word with number k of a line, or NULL. */
static char *word(char *p, unsigned k)
{
	for (;; k--) {
		while (*p == ' ')
			p++;
		if (!*p || !k)
			return *p ? p : NULL;
		while (*p && *p != ' ')
			p++;
	}
}

/* "sl local remote st queues timer retransmits UID timeout INODE rest". */
static void socket_line(char *line, struct synth_buf *b)
{
	char *uid = word(line, 7), *timeout = uid ? word(uid, 1) : NULL, *ino = timeout ? word(timeout, 1) : NULL, *rest;
	char *p = ino ? word(ino, 2) : NULL;
	size_t head = uid ? (size_t)(uid - line) : 0;
	unsigned owner;
	uint64_t mine;

	if (!ino || !isdigit((unsigned char)*ino))
		return;
	inet_owner(strtoull(ino, &rest, 10), &owner, &mine);
	while (p && isxdigit((unsigned char)*p))
		*p++ = '0'; /* where it is in the host's memory */
	while (head && line[head - 1] == ' ')
		head--;
	synth_write(b, line, head);
	synth_printf(b, " %5u %8lu %llu%s\n", owner, strtoul(timeout, NULL, 10), (unsigned long long)mine, rest);
}

int procnet_sockets(const char *name, struct synth_buf *b)
{
	_cleanup_free_ char *t = NULL;
	char *save = NULL, *line;
	size_t n;
	int r = read_host(name, &t, &n);

	if (r < 0)
		return r;
	line = strtok_r(t, "\n", &save);
	if (line)
		synth_printf(b, "%s\n", line);
	while ((line = strtok_r(NULL, "\n", &save)))
		socket_line(line, b);
	return 0;
}

/* Pages and allocations are counted for the whole host: only what is the namespace's own is kept. */
int procnet_sockstat(const char *name, struct synth_buf *b)
{
	_cleanup_free_ char *t = NULL;
	char *save = NULL, *line;
	size_t n;
	int r = read_host(name, &t, &n);

	if (r < 0)
		return r;
	for (line = strtok_r(t, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned inuse, orphan, tw;

		if (sscanf(line, "TCP: inuse %u orphan %u tw %u", &inuse, &orphan, &tw) == 3)
			synth_printf(b, "TCP: inuse %u orphan %u tw %u alloc %u mem 0\n", inuse, orphan, tw, inuse);
		else if (sscanf(line, "UDP: inuse %u", &inuse) == 1)
			synth_printf(b, "UDP: inuse %u mem 0\n", inuse);
		else
			synth_printf(b, "%s\n", line);
	}
	return 0;
}

/* --- interfaces --- */

/* The line of an interface behind its name and colon; NULL name: the n-th. The name goes to ret_name. */
static char *dev_line(char *t, const char *name, long n, char ret_name[IFNAMSIZ])
{
	char *save = NULL, *line = strtok_r(t, "\n", &save);
	long i = 0;

	for (strtok_r(NULL, "\n", &save); line && (line = strtok_r(NULL, "\n", &save)); i++) {
		char *colon = strrchr(line, ':');

		while (*line == ' ')
			line++;
		if (!colon || colon - line >= IFNAMSIZ || colon <= line)
			continue;
		*colon = 0;
		if (name ? strcmp(line, name) != 0 : i != n)
			continue;
		snprintf(ret_name, IFNAMSIZ, "%s", line);
		return colon + 1;
	}
	return NULL;
}

bool netdev_name(long n, char name[IFNAMSIZ])
{
	_cleanup_free_ char *t = NULL;
	size_t len;

	return n >= 0 && read_host("dev", &t, &len) == 0 && dev_line(t, NULL, n, name);
}

int netdev_by_index(int index, char name[IFNAMSIZ])
{
	struct ifreq q = {.ifr_ifindex = index};

	if (kernel.route_fd < 0 || ioctl(kernel.route_fd, SIOCGIFNAME, &q) < 0)
		return -ENODEV;
	snprintf(name, IFNAMSIZ, "%.15s", q.ifr_name);
	return 0;
}

int netdev_ask(const char *name, unsigned long cmd, struct ifreq *ret)
{
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->ifr_name, IFNAMSIZ, "%s", name);
	if (kernel.route_fd < 0)
		return -ENODEV;
	return RET_NERRNO(ioctl(kernel.route_fd, cmd, ret));
}

int netdev_stat(const char *name, unsigned n, unsigned long long *ret)
{
	_cleanup_free_ char *t = NULL;
	char found[IFNAMSIZ], *p;
	size_t len;
	int r = read_host("dev", &t, &len);

	if (r < 0)
		return r;
	p = dev_line(t, name, 0, found);
	p = p ? word(p, n) : NULL;
	if (!p)
		return -ENODEV;
	*ret = strtoull(p, NULL, 10);
	return 0;
}
