/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that change names: SYMLINK, MKNOD, MKDIR, UNLINK, RMDIR, RENAME2, LINK. */
#include "gofer/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

/*
 * What was just made as name in dir gets its owner and exact mode, and is entered. It is opened first and
 * must have the type that was made, so that a name swapped on the host in between cannot redirect the
 * chown to something else. On failure the name is removed again.
 */
static int finish_new(struct request *q, int dirfd, const char *name, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	struct gstat st;
	bool owned;
	int r;

	fd = node_openat(&q->g->nodes, q->node->export, dirfd, name, O_PATH, 0);
	r = fd < 0 ? fd : gofer_stat(fd, "", &st);
	if (r < 0)
		return r;
	if ((st.attr.mode & S_IFMT) != (mode & S_IFMT) || st.attr.uid != q->g->euid)
		return -ESTALE;
	owned = st.attr.uid == q->h.uid && st.attr.gid == q->h.gid;
	if (!owned)
		r = RET_NERRNO(fchownat(fd, "", q->h.uid, q->h.gid, AT_EMPTY_PATH));
	if (r == 0 && !S_ISLNK(mode) &&
	    ((st.attr.mode & 07777) != (mode & 07777) || (!owned && (mode & 07000)))) {
		r = chmod_path(q->g, fd, mode & 07777);
		if (r == -ENOSYS && S_ISDIR(mode)) {
			_cleanup_close_ int real = node_openat(&q->g->nodes, q->node->export, fd,
							       ".", O_RDONLY | O_DIRECTORY, 0);

			r = real < 0 ? real : RET_NERRNO(fchmod(real, mode & 07777));
		} else if (r == -ENOSYS) {
			r = 0; /* a device or pipe: permission bits were given at birth */
		}
	}
	if (r == 0)
		r = gofer_stat(fd, "", &st);
	if (r == 0)
		r = reply_entry(q, q->node, name, &st);
	if (r < 0)
		(void)!unlinkat(dirfd, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
	return r;
}

int op_symlink(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	const char *name, *target;
	size_t len, tlen;
	int r;

	name = fw_get_name(&q->in, &len);
	target = fw_get_str(&q->in, PATH_MAX - 1, &tlen);
	if (!fw_done(&q->in) || tlen == 0)
		return -EINVAL;
	r = node_path(&q->g->nodes, q->node, &dir);
	if (r == 0)
		r = RET_NERRNO(symlinkat(target, dir->fd, name));
	return r < 0 ? r : finish_new(q, dir->fd, name, S_IFLNK | 0777);
}

int op_mknod(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	struct fuse_mknod_in in;
	const char *name;
	size_t len;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	name = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in) || (in.mode & ~(uint32_t)(S_IFMT | 07777)))
		return -EINVAL;
	if (!S_ISREG(in.mode) && !S_ISCHR(in.mode) && !S_ISBLK(in.mode) && !S_ISFIFO(in.mode) &&
	    !S_ISSOCK(in.mode))
		return -EINVAL;
	r = node_path(&q->g->nodes, q->node, &dir);
	if (r == 0)
		r = RET_NERRNO(mknodat(dir->fd, name, in.mode,
				       makedev(fw_rdev_major(in.rdev), fw_rdev_minor(in.rdev))));
	return r < 0 ? r : finish_new(q, dir->fd, name, in.mode);
}

int op_mkdir(struct request *q)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	struct fuse_mkdir_in in;
	const char *name;
	size_t len;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	name = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in))
		return -EINVAL;
	in.mode &= 07777;
	r = node_path(&q->g->nodes, q->node, &dir);
	if (r == 0)
		r = RET_NERRNO(mkdirat(dir->fd, name, in.mode));
	return r < 0 ? r : finish_new(q, dir->fd, name, S_IFDIR | in.mode);
}

static int remove_name(struct request *q, int flags)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	struct node *pinned = NULL;
	const char *name;
	struct gstat st;
	size_t len;
	int r;

	name = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in))
		return -EINVAL;
	r = node_path(&q->g->nodes, q->node, &dir);
	if (r == 0)
		r = gofer_stat(dir->fd, name, &st);
	if (r == 0)
		r = node_pin(&q->g->nodes, q->node, name, &st, &pinned);
	if (r < 0)
		return r;
	r = RET_NERRNO(unlinkat(dir->fd, name, flags));
	node_unpin(&q->g->nodes, pinned, r == 0);
	return r;
}

int op_unlink(struct request *q)
{
	return remove_name(q, 0);
}

int op_rmdir(struct request *q)
{
	return remove_name(q, AT_REMOVEDIR);
}

/* The second directory of a request: in the same export, referenced. */
static int second_node(struct request *q, uint64_t id, struct node **ret)
{
	struct node *n = node_get(&q->g->nodes, id);

	if (!n)
		return -ESTALE;
	if (n->export != q->node->export) {
		node_put(&q->g->nodes, n);
		return -EXDEV;
	}
	*ret = n;
	return 0;
}

/* Nodes whose names change with the rename, found before it. */
struct moving {
	struct node *old, *victim;
};

static void moved(struct request *q, struct node *ndir, const char *oname, const char *nname,
		  uint32_t flags, struct moving *m, int r)
{
	struct node_table *t = &q->g->nodes;

	if (flags & RENAME_EXCHANGE) {
		if (r == 0 && m->victim)
			node_moved(t, m->victim, q->node, oname);
		node_put(t, m->victim);
	} else {
		node_unpin(t, m->victim, r == 0);
	}
	if (r == 0 && m->old)
		node_moved(t, m->old, ndir, nname);
	node_put(t, m->old);
}

static int do_rename(struct request *q, struct node *ndir, const char *oname, const char *nname,
		     uint32_t flags)
{
	_cleanup_(gfd_putp) struct gfd *od = NULL, *nd = NULL;
	struct moving m = {0};
	struct gstat os, ns;
	int r;

	r = node_path(&q->g->nodes, q->node, &od);
	if (r == 0)
		r = node_path(&q->g->nodes, ndir, &nd);
	if (r == 0)
		r = gofer_stat(od->fd, oname, &os);
	if (r < 0)
		return r;
	m.old = node_find(&q->g->nodes, q->node->export, &os.id);
	if (gofer_stat(nd->fd, nname, &ns) == 0 && ns.attr.ino != os.attr.ino) {
		if (flags & RENAME_EXCHANGE)
			m.victim = node_find(&q->g->nodes, ndir->export, &ns.id);
		else
			r = node_pin(&q->g->nodes, ndir, nname, &ns, &m.victim);
	}
	if (r == 0) /* not by the C library, which makes it renameat when flags is 0 */
		r = (int)RET_NERRNO(syscall(SYS_renameat2, od->fd, oname, nd->fd, nname, flags));
	moved(q, ndir, oname, nname, flags, &m, r);
	return r;
}

int op_rename2(struct request *q)
{
	struct fuse_rename2_in in;
	const char *oname, *nname;
	struct node *ndir;
	size_t len;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	oname = fw_get_name(&q->in, &len);
	nname = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in) ||
	    (in.flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)))
		return -EINVAL;
	r = second_node(q, in.newdir, &ndir);
	if (r < 0)
		return r;
	r = S_ISDIR(ndir->id.type) ? do_rename(q, ndir, oname, nname, in.flags) : -ENOTDIR;
	node_put(&q->g->nodes, ndir);
	return r;
}

static int do_link(struct request *q, struct node *old, const char *name)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL, *path = NULL;
	struct gstat st;
	int r;

	r = node_path(&q->g->nodes, q->node, &dir);
	if (r == 0)
		r = node_path(&q->g->nodes, old, &path);
	if (r < 0)
		return r;
	r = RET_NERRNO(linkat(path->fd, "", dir->fd, name, AT_EMPTY_PATH));
	if (r == -ENOENT) /* older hosts want CAP_DAC_READ_SEARCH for that: go by its name */
		r = node_link_by_name(&q->g->nodes, old, dir->fd, name);
	if (r == 0)
		r = gofer_stat(dir->fd, name, &st);
	return r < 0 ? r : reply_entry(q, q->node, name, &st);
}

int op_link(struct request *q)
{
	struct fuse_link_in in;
	const char *name;
	struct node *old;
	size_t len;
	int r;

	fw_get(&q->in, &in, sizeof(in));
	name = fw_get_name(&q->in, &len);
	if (!fw_done(&q->in))
		return -EINVAL;
	r = second_node(q, in.oldnodeid, &old);
	if (r < 0)
		return r;
	r = S_ISDIR(old->id.type) ? -EPERM : do_link(q, old, name);
	node_put(&q->g->nodes, old);
	return r;
}
