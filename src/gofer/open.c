/* SPDX-License-Identifier: Apache-2.0 */
/* Requests answered with a host descriptor of a regular file: OPEN, CREATE, TMPFILE. */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void put_open(struct request *q)
{
	struct fuse_open_out out = {0};

	fw_put(&q->out, &out, sizeof(out));
}

int op_open(struct request *q)
{
	struct fuse_open_in in;
	int fd, r;

	fw_get(&q->in, &in, sizeof(in));
	if (!fw_done(&q->in) || (in.flags != O_RDONLY && in.flags != O_RDWR))
		return -EINVAL;
	/* Devices, pipes and sockets of the host are never opened. */
	if (!S_ISREG(q->node->id.type))
		return -EACCES;
	if (in.flags == O_RDWR && (q->g->nodes.export[q->node->export].flags & EXPORT_RO))
		return -EROFS;
	r = node_open(&q->g->nodes, q->node, in.flags | O_NONBLOCK | O_NOCTTY, &fd);
	if (r < 0)
		return r;
	q->reply_fd = fd;
	put_open(q);
	return 0;
}

/* Owner and exact mode of a file made by us, while it is still ours alone. */
static int own(struct request *q, int fd, mode_t mode, struct gstat *st)
{
	int r = gofer_stat(fd, "", st);
	bool owned;

	if (r < 0)
		return r;
	owned = st->attr.uid == q->h.uid && st->attr.gid == q->h.gid;
	if (!owned)
		r = RET_NERRNO(fchown(fd, q->h.uid, q->h.gid));
	if (r == 0 && ((st->attr.mode & 07777) != mode || !owned))
		r = RET_NERRNO(fchmod(fd, mode));
	return r < 0 ? r : gofer_stat(fd, "", st);
}

static int create_in(struct request *q, const char *name, mode_t mode)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	_cleanup_close_ int fd = -1;
	struct gstat st;
	int r;

	r = node_path(&q->g->nodes, q->node, &dir);
	if (r < 0)
		return r;
	fd = node_openat(&q->g->nodes, q->node->export, dir->fd, name,
			 O_RDWR | O_CREAT | O_EXCL | O_NOCTTY, mode);
	if (fd < 0)
		return fd;
	r = own(q, fd, mode, &st);
	if (r == 0)
		r = reply_entry(q, q->node, name, &st);
	if (r < 0) {
		(void)!unlinkat(dir->fd, name, 0);
		return r;
	}
	put_open(q);
	q->reply_fd = TAKE_FD(fd);
	return 0;
}

int op_create(struct request *q)
{
	struct fuse_create_in in;
	const char *name;
	size_t len;

	fw_get(&q->in, &in, sizeof(in));
	name = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in))
		return -EINVAL;
	return create_in(q, name, in.mode & 07777);
}

int op_tmpfile(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	_cleanup_close_ int fd = -1;
	struct fuse_entry_out e = {0};
	struct fuse_create_in in;
	struct gstat st;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	in.mode &= 07777;
	r = node_path(&q->g->nodes, q->node, &dir);
	if (r < 0)
		return r;
	fd = node_openat(&q->g->nodes, q->node->export, dir->fd, ".", O_RDWR | O_TMPFILE, in.mode);
	if (fd < 0)
		return fd;
	r = own(q, fd, in.mode, &st);
	if (r == 0)
		r = node_enter_tmpfile(&q->g->nodes, q->node, fd, &st, &e.nodeid);
	if (r < 0)
		return r;
	e.attr = st.attr;
	fw_put(&q->out, &e, sizeof(e));
	put_open(q);
	q->reply_fd = TAKE_FD(fd);
	return 0;
}
