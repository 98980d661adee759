/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/hostfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

int hostfd_new(int fd, bool writable, struct hostfd **ret)
{
	static uint64_t next_id = 1;
	struct hostfd *h = malloc(sizeof(*h));

	if (!h) {
		close(fd);
		return -ENOMEM;
	}
	ref_init(&h->ref);
	h->fd = fd;
	h->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
	h->writable = writable;
	*ret = h;
	return 0;
}

struct hostfd *hostfd_get(struct hostfd *h)
{
	ref_get(&h->ref);
	return h;
}

void hostfd_put(struct hostfd *h)
{
	if (!h || !ref_put(&h->ref))
		return;
	close(h->fd);
	free(h);
}

/* Linux 6.3 seals against execution when asked; an older host gets a file without execute bits. */
int hostfd_memfd(const char *name, uint64_t size, struct hostfd **ret)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) {
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd >= 0 && fchmod(fd, 0600) < 0) {
			close(fd);
			return -errno;
		}
	}
	if (fd < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	if (ftruncate(fd, (off_t)size) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return hostfd_new(fd, true, ret);
}
