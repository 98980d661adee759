/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that only look: LOOKUP, WALK, FORGET, GETATTR, READLINK, STATFS, GUARD. */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>

int reply_entry(struct request *q, struct node *dir, const char *name, const struct gstat *st)
{
	struct fuse_entry_out e = {.attr = st->attr};
	int r;

	r = node_enter(&q->g->nodes, dir, name, st, &e.nodeid);
	if (r < 0)
		return r;
	fw_put(&q->out, &e, sizeof(e));
	return 0;
}

int op_lookup(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	struct gstat st;
	const char *name;
	size_t len;
	int r;

	name = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in))
		return -EINVAL;
	r = node_path(&q->g->nodes, q->node, &dir);
	if (r == 0)
		r = gofer_stat(dir->fd, name, &st);
	return r < 0 ? r : reply_entry(q, q->node, name, &st);
}

/* One step of a walk: name in *at, which moves on to the child. */
static int walk_step(struct request *q, struct node **at, const char *name, struct gstat *st)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	struct fuse_entry_out e = {0};
	struct node *child;
	int r;

	r = node_path(&q->g->nodes, *at, &dir);
	if (r == 0)
		r = gofer_stat(dir->fd, name, st);
	if (r < 0)
		return r;
	e.attr = st->attr;
	r = node_enter(&q->g->nodes, *at, name, st, &e.nodeid);
	if (r < 0)
		return r;
	fw_put(&q->out, &e, sizeof(e));
	child = node_get(&q->g->nodes, e.nodeid);
	if (!child) /* another channel forgot it meanwhile */
		return -ESTALE;
	node_put(&q->g->nodes, *at);
	*at = child;
	return 0;
}

int op_walk(struct request *q)
{
	const char *names[FW_WALK_MAX];
	struct fw_walk_in in;
	struct fw_walk_out out = {0};
	struct node *at;
	size_t head, len;

	fw_get(&q->in, &in, sizeof(in));
	if (in.count == 0 || in.count > FW_WALK_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < in.count; i++)
		names[i] = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in))
		return -EINVAL;
	head = q->out.len;
	fw_put(&q->out, &out, sizeof(out));
	at = node_get(&q->g->nodes, q->h.nodeid);
	if (!at)
		return -ESTALE;
	while (out.count < in.count) {
		size_t before = q->out.len;
		struct gstat st;

		out.error = walk_step(q, &at, names[out.count], &st);
		if (out.error < 0) {
			out.count += q->out.len != before;
			break;
		}
		out.count++;
		if (S_ISLNK(st.attr.mode))
			break;
		if (!S_ISDIR(st.attr.mode) && out.count < in.count) {
			out.error = -ENOTDIR;
			break;
		}
	}
	node_put(&q->g->nodes, at);
	if (out.count == 0)
		return out.error;
	memcpy(q->out.p + head, &out, sizeof(out));
	return 0;
}

int op_forget(struct request *q)
{
	struct fuse_forget_in in;

	fw_get(&q->in, &in, sizeof(in));
	if (fw_done(&q->in))
		node_forget(&q->g->nodes, q->h.nodeid, in.nlookup);
	return 0;
}

int op_batch_forget(struct request *q)
{
	struct fuse_batch_forget_in in;

	fw_get(&q->in, &in, sizeof(in));
	if (in.count > FW_FORGET_MAX || q->in.left != in.count * sizeof(struct fuse_forget_one))
		return -EINVAL;
	for (uint32_t i = 0; i < in.count; i++) {
		struct fuse_forget_one one;

		fw_get(&q->in, &one, sizeof(one));
		node_forget(&q->g->nodes, one.nodeid, one.nlookup);
	}
	return 0;
}

int op_getattr(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *path = NULL;
	struct fuse_attr_out out = {0};
	struct gstat st;
	int r;

	r = node_path(&q->g->nodes, q->node, &path);
	if (r == 0)
		r = gofer_stat(path->fd, "", &st);
	if (r < 0)
		return r;
	out.attr = st.attr;
	fw_put(&q->out, &out, sizeof(out));
	return 0;
}

int op_readlink(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *path = NULL;
	char buf[4096];
	ssize_t n;
	int r;

	if (!S_ISLNK(q->node->id.type))
		return -EINVAL;
	r = node_path(&q->g->nodes, q->node, &path);
	if (r < 0)
		return r;
	n = RET_NERRNO(readlinkat(path->fd, "", buf, sizeof(buf)));
	if (n < 0)
		return (int)n;
	fw_put(&q->out, buf, (size_t)n);
	return 0;
}

int op_statfs(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *path = NULL;
	struct fuse_statfs_out out = {0};
	struct statfs st;
	int r;

	r = node_path(&q->g->nodes, q->node, &path);
	if (r == 0)
		r = RET_NERRNO(fstatfs(path->fd, &st));
	if (r < 0)
		return r;
	out.st = (struct fuse_kstatfs){
		.blocks = st.f_blocks,
		.bfree = st.f_bfree,
		.bavail = st.f_bavail,
		.files = st.f_files,
		.ffree = st.f_ffree,
		.bsize = (uint32_t)st.f_bsize,
		.namelen = (uint32_t)st.f_namelen,
		.frsize = (uint32_t)st.f_frsize,
	};
	fw_put(&q->out, &out, sizeof(out));
	return 0;
}

int op_guard(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *path = NULL;
	int r;

	r = node_path(&q->g->nodes, q->node, &path);
	if (r < 0)
		return r;
	/* A descriptor of its own: the cache may close ours at any time, this one is only for fstat. */
	r = node_openat(&q->g->nodes, q->node->export, path->fd, ".", O_PATH | O_DIRECTORY, 0);
	if (r < 0)
		return r;
	q->reply_fd = r;
	return 0;
}
