/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directory streams: OPENDIR, READDIRPLUS, RELEASEDIR. A handle is a table index and a generation; the
 * table is small and the handle used longest ago gives way: its stream then starts again at the offset
 * that the next READDIRPLUS names.
 */
#include "gofer/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define READ_SIZE 8192 /* of host entries per call */

struct dir_handle {
	struct ref ref; /* one of the table, one of each user */
	uint64_t fh;
	uint64_t node; /* id */
	uint64_t used;
	int fd;
	struct mutex lock; /* RANK_TTY: below the node table's; held over the stream's host calls */
	uint64_t pos GUARDED_BY(lock);
};

static void handle_put(struct dir_handle *h)
{
	if (!h || !ref_put(&h->ref))
		return;
	close(h->fd);
	mutex_destroy(&h->lock);
	free(h);
}
DEFINE_CLEANUP(struct dir_handle *, handle_put)

void dir_handles_close(struct gofer *g)
{
	for (size_t i = 0; i < DIR_HANDLE_MAX; i++)
		handle_put(g->dirs[i]);
}

static int handle_new(struct request *q, struct dir_handle **ret)
{
	struct gofer *g = q->g;
	struct dir_handle *h, *old;
	size_t best = 0;
	int fd, r;

	r = node_open(&g->nodes, q->node, O_RDONLY | O_DIRECTORY, &fd);
	if (r < 0)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h) {
		close(fd);
		return -ENOMEM;
	}
	ref_init(&h->ref);
	ref_get(&h->ref); /* the caller's */
	mutex_init(&h->lock, RANK_TTY, "gofer directory stream");
	h->fd = fd;
	h->node = node_id(q->node);
	mutex_lock(&g->lock);
	for (size_t i = 0; i < DIR_HANDLE_MAX; i++) {
		if (!g->dirs[i]) {
			best = i;
			break;
		}
		if (g->dirs[i]->used < g->dirs[best]->used)
			best = i;
	}
	h->used = ++g->dir_clock;
	h->fh = (uint64_t)++g->dir_gen << 16 | best;
	old = g->dirs[best];
	g->dirs[best] = h;
	mutex_unlock(&g->lock);
	handle_put(old);
	*ret = h;
	return 0;
}

/* The live handle fh of this node, with a reference; NULL when it gave way. */
static struct dir_handle *handle_find(struct request *q, uint64_t fh, bool take_out)
{
	struct gofer *g = q->g;
	size_t i = fh & 0xffff;
	struct dir_handle *h;

	if (i >= DIR_HANDLE_MAX)
		return NULL;
	MUTEX_GUARD(&g->lock);
	h = g->dirs[i];
	if (!h || h->fh != fh || h->node != node_id(q->node))
		return NULL;
	if (take_out) {
		g->dirs[i] = NULL;
		return h;
	}
	ref_get(&h->ref);
	h->used = ++g->dir_clock;
	return h;
}

int op_opendir(struct request *q)
{
	_cleanup_(handle_putp) struct dir_handle *h = NULL;
	struct fuse_open_out out = {0};
	int r;

	r = handle_new(q, &h);
	if (r < 0)
		return r;
	out.fh = h->fh;
	fw_put(&q->out, &out, sizeof(out));
	return 0;
}

int op_releasedir(struct request *q)
{
	struct fuse_release_in in;

	fw_get(&q->in, &in, sizeof(in));
	handle_put(handle_find(q, in.fh, true));
	return 0;
}

/* struct linux_dirent64 */
struct entry64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* One entry of the host into the reply; false when it does not fit. */
static bool put_entry(struct request *q, int dirfd, const struct entry64 *d, bool plain,
		      size_t limit)
{
	struct fuse_entry_out e = {0};
	size_t len = strlen(d->name);
	struct gstat st;

	if (q->out.len + sizeof(e) + FUSE_REC_ALIGN(sizeof(struct fuse_dirent) + len) > limit)
		return false;
	/* A name that vanished meanwhile, or lies on another mount, is shown without a node. */
	if (!plain && fw_name_ok(d->name, len) && gofer_stat(dirfd, d->name, &st) == 0 &&
	    node_enter(&q->g->nodes, q->node, d->name, &st, &e.nodeid) == 0)
		e.attr = st.attr;
	return fw_put_direntplus(&q->out, &e, d->name, len, e.nodeid ? e.attr.ino : d->ino,
				 (uint64_t)d->off, d->type);
}

static int read_stream(struct request *q, struct dir_handle *h, uint64_t off, bool plain,
		       size_t limit)
{
	_Alignas(8) uint8_t buf[READ_SIZE];
	bool full = false;

	MUTEX_GUARD(&h->lock);
	if (off != h->pos && lseek(h->fd, (off_t)off, SEEK_SET) < 0)
		return -errno;
	h->pos = off;
	while (!full) {
		size_t at = 0;
		ssize_t n = RET_NERRNO(syscall(SYS_getdents64, h->fd, buf, sizeof(buf)));

		if (n < 0)
			return (int)n;
		if (n == 0)
			return 0;
		while (at < (size_t)n) {
			const struct entry64 *d = (const void *)(buf + at);

			if (!put_entry(q, h->fd, d, plain, limit)) {
				full = true;
				break;
			}
			h->pos = (uint64_t)d->off;
			at += d->reclen;
		}
		if (full && lseek(h->fd, (off_t)h->pos, SEEK_SET) < 0)
			return -errno;
	}
	return q->out.len == sizeof(struct fuse_out_header) ? -EINVAL : 0;
}

int op_readdirplus(struct request *q)
{
	_cleanup_(handle_putp) struct dir_handle *h = NULL;
	struct fuse_read_in in;
	size_t limit;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	if (in.offset > INT64_MAX)
		return -EINVAL;
	limit = MIN((size_t)in.size, (size_t)FW_VALUE_MAX) + sizeof(struct fuse_out_header);
	h = handle_find(q, in.fh, false);
	if (!h) {
		r = handle_new(q, &h);
		if (r < 0)
			return r;
		/* Nobody will name this handle again: the client knows the old one. */
		handle_put(handle_find(q, h->fh, true));
	}
	return read_stream(q, h, in.offset, in.flags & FW_READDIR_PLAIN, limit);
}
