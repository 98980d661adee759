/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names. In an exclusive super a cached name, or its absence, is good as long as the directory's host
 * ctime is what it was when the name was asked for: a generation number stands for that ctime, each
 * dentry keeps the one it was made under, and checking costs one fstat of a descriptor (the guard), at most once in a
 * tick of the host's clock: so long may a change that the host makes go unseen. Our own changes move the ctime
 * without a new generation. In a shared super every use asks the gofer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "kernel/fs/fuse/fuse_priv.h"
#include "base/hostio.h"

/* --- guards ----------------------------------------------------------------------------------------------- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static struct hostfd *guard_have(struct inode *dir)
{
	struct fuse_super *fs = FS(dir->sb);
	struct fuse_inode *fi = FI(dir);
	struct hostfd *h;

	mutex_lock(fuse_lock(fs->conn));
	h = fi->guard ? hostfd_get(fi->guard) : NULL;
	if (h && fs->guards.next != &fi->guard_node) {
		list_del(&fi->guard_node);
		list_add(&fi->guard_node, &fs->guards);
	}
	mutex_unlock(fuse_lock(fs->conn));
	return h;
}

/* Asks for a guard and keeps it; the one used longest ago may have to go. */
static struct hostfd *guard_open(struct inode *dir)
{
	struct fuse_super *fs = FS(dir->sb);
	struct fuse_inode *fi = FI(dir);
	struct hostfd *h, *drop = NULL;
	int fd;
	struct fuse_call call = {.opcode = FW_GUARD, .nodeid = fi->nodeid, .ret_fd = &fd};

	if (fuse_call(fs->conn, &call) < 0)
		return NULL;
	if (hostfd_new(fd, false, &h) < 0)
		return NULL;
	mutex_lock(fuse_lock(fs->conn));
	if (!fi->guard) {
		fi->guard = h;
		ref_get(&h->ref);
		list_add(&fi->guard_node, &fs->guards);
		if (++fs->nguards > FUSE_GUARD_MAX) {
			struct fuse_inode *old = list_entry(fs->guards.prev, struct fuse_inode, guard_node);

			list_del(&old->guard_node);
			fs->nguards--;
			drop = old->guard;
			old->guard = NULL;
		}
	}
	mutex_unlock(fuse_lock(fs->conn));
	hostfd_put(drop);
	return h;
}

static uint64_t coarse_tick(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

/* An exclusive tree is ours; what the host does to it all the same is looked for once in a tick of the clock (4 ms). */
static bool asked_now(struct inode *dir, uint64_t tick, uint64_t *gen)
{
	MUTEX_GUARD(fuse_lock(fuse_conn_of(dir)));

	*gen = FI(dir)->gen;
	return FI(dir)->guard && FI(dir)->guard_tick == tick;
}

uint64_t fuse_dir_gen(struct inode *dir)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	struct fuse_inode *fi = FI(dir);
	struct fuse_look *stale = NULL;
	struct stat st;
	uint64_t gen, tick;

	if (!FS(dir->sb)->exclusive)
		return 0;
	tick = coarse_tick();
	if (asked_now(dir, tick, &gen))
		return gen;
	h = guard_have(dir);
	if (!h)
		h = guard_open(dir);
	if (!h || hio_fstat(h->fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	mutex_lock(fuse_lock(fuse_conn_of(dir)));
	if (!same_time(&fi->guard_ctime, &st.st_ctim)) {
		fi->guard_ctime = st.st_ctim;
		fi->gen++;
		stale = TAKE_PTR(fi->look);
		fuse_mark_stale(dir);
	}
	gen = fi->gen;
	fi->guard_tick = tick;
	mutex_unlock(fuse_lock(fuse_conn_of(dir)));
	fuse_look_free(fuse_conn_of(dir), stale);
	return gen;
}

void fuse_dir_changed(struct inode *dir, uint64_t gen)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	struct fuse_inode *fi = FI(dir);
	struct stat st;

	fuse_mark_stale(dir);
	if (!gen)
		return;
	h = guard_have(dir);
	if (!h || hio_fstat(h->fd, &st) < 0)
		return;
	mutex_lock(fuse_lock(fuse_conn_of(dir)));
	if (fi->gen == gen)
		fi->guard_ctime = st.st_ctim;
	mutex_unlock(fuse_lock(fuse_conn_of(dir)));
}

/* --- dentries --------------------------------------------------------------------------------------------- */

static void set_gen(struct dentry *d, uint64_t gen)
{
	__atomic_store_n((uintptr_t *)&d->priv, (uintptr_t)gen, __ATOMIC_RELAXED);
	d->op = &fuse_dentry_ops;
}

static int ask_entry(struct inode *dir, const char *name, size_t len, struct fuse_entry_out *e)
{
	char zname[NAME_MAX + 1];
	struct fuse_call call = {.opcode = FUSE_LOOKUP, .nodeid = FI(dir)->nodeid,
				 .in = {{zname, len + 1}},
				 .out = e, .out_min = sizeof(*e), .out_cap = sizeof(*e)};
	int r;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(zname, name, len);
	zname[len] = 0;
	r = fuse_call(fuse_conn_of(dir), &call);
	if (r == 0 && !fw_entry_ok(e))
		return fuse_break(fuse_conn_of(dir), "an entry is malformed");
	return r;
}

/* 1 valid, 0 not. d is name in parent, which is referenced. */
static int revalidate_in(struct dentry *parent, const char *name, size_t len, struct dentry *d)
{
	struct inode *dir = parent->inode;
	struct fuse_entry_out e;
	uint64_t gen = fuse_dir_gen(dir);
	int r;

	if (gen && gen == (uint64_t)__atomic_load_n((uintptr_t *)&d->priv, __ATOMIC_RELAXED))
		return 1;
	if (!d->inode)
		return 0; /* looked up again by the caller */
	r = ask_entry(dir, name, len, &e);
	if (r == -ERESTARTSYS || r == -EIO)
		return r;
	if (r < 0)
		return 0;
	if (e.nodeid != FI(d->inode)->nodeid) {
		fuse_forget(fuse_conn_of(dir), e.nodeid, 1);
		return 0;
	}
	mutex_lock(fuse_lock(fuse_conn_of(dir)));
	FI(d->inode)->nlookup++;
	mutex_unlock(fuse_lock(fuse_conn_of(dir)));
	fuse_try_set_attr(d->inode, &e.attr);
	set_gen(d, gen);
	return 1;
}

static int revalidate(struct dentry *d)
{
	_cleanup_(dentry_putp) struct dentry *parent = NULL;
	char name[NAME_MAX + 1];
	size_t len = dentry_where(d, name, &parent);

	if (parent == d || !parent->inode)
		return 1;
	return revalidate_in(parent, name, len, d);
}

const struct dentry_ops fuse_dentry_ops = {.revalidate = revalidate};

static int lookup(struct inode *dir, struct dentry *d, struct inode **ret)
{
	uint64_t gen = fuse_dir_gen(dir);
	struct fuse_entry_out e;
	bool listed = gen && fuse_look_take(dir, gen, d->name, d->name_len, &e);
	int r;

	*ret = NULL;
	r = listed ? 0 : ask_entry(dir, d->name, d->name_len, &e);
	if (r == 0)
		r = fuse_iget(dir->sb, &e, !listed, ret);
	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		set_gen(d, gen);
	return r;
}

/* --- changes ---------------------------------------------------------------------------------------------- */

/* Owner and mode as the VFS's rules say, before the file exists. */
struct birth {
	uint32_t uid, gid;
	mode_t mode;
};

static void birth_of(struct inode *dir, mode_t mode, struct birth *b)
{
	struct inode tmp = {.sb = dir->sb};

	inode_init_owner(&tmp, dir, mode);
	*b = (struct birth){tmp.uid.v, tmp.gid.v, tmp.mode};
}

/* The one way to make a name: body comes first on the wire, then the name (and a target). The reply is
 * an entry, and with fd a descriptor after it. */
static int make(struct inode *dir, struct dentry *d, uint32_t opcode, const struct birth *b,
		struct fuse_part body, struct fuse_part tail, int *ret_fd)
{
	struct {
		struct fuse_entry_out e;
		struct fuse_open_out o;
	} out;
	struct fuse_call call = {
		.opcode = opcode,
		.nodeid = FI(dir)->nodeid,
		.uid = b->uid,
		.gid = b->gid,
		.in = {body, {d->name, d->name_len + 1}, tail},
		.out = &out,
		.out_min = ret_fd ? sizeof(out) : sizeof(out.e),
		.out_cap = ret_fd ? sizeof(out) : sizeof(out.e),
		.ret_fd = ret_fd,
	};
	uint64_t gen = fuse_dir_gen(dir);
	struct inode *i;
	int r;

	if (opcode == FUSE_TMPFILE)
		call.in[1] = (struct fuse_part){0};
	r = fuse_call(fuse_conn_of(dir), &call);
	if (opcode != FUSE_TMPFILE)
		fuse_dir_changed(dir, gen);
	if (r < 0)
		return r;
	if (!fw_entry_ok(&out.e) || (out.e.attr.mode & S_IFMT) != (b->mode & S_IFMT))
		r = fuse_break(fuse_conn_of(dir), "a new entry is malformed");
	else
		r = fuse_iget(dir->sb, &out.e, true, &i);
	if (r < 0) {
		if (ret_fd)
			close(TAKE_FD(*ret_fd));
		return r;
	}
	if (ret_fd) /* without it the file only has to be opened again */
		(void)!fuse_hostfd_give(i, TAKE_FD(*ret_fd));
	set_gen(d, gen);
	dentry_instantiate(d, i);
	return 0;
}

static int create(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct fuse_create_in in = {.flags = O_RDWR};
	struct birth b;
	int fd;

	birth_of(dir, S_IFREG | (mode & 07777), &b);
	in.mode = b.mode;
	return make(dir, d, FUSE_CREATE, &b, (struct fuse_part){&in, sizeof(in)},
		    (struct fuse_part){0}, &fd);
}

static int tmpfile_in(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct fuse_create_in in = {.flags = O_RDWR};
	struct birth b;
	int fd;

	birth_of(dir, S_IFREG | (mode & 07777), &b);
	in.mode = b.mode;
	return make(dir, d, FUSE_TMPFILE, &b, (struct fuse_part){&in, sizeof(in)},
		    (struct fuse_part){0}, &fd);
}

static int mkdir_in(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct fuse_mkdir_in in = {0};
	struct birth b;
	int r;

	birth_of(dir, S_IFDIR | (mode & 07777), &b);
	in.mode = b.mode & 07777;
	r = make(dir, d, FUSE_MKDIR, &b, (struct fuse_part){&in, sizeof(in)},
		 (struct fuse_part){0}, NULL);
	if (r == 0)
		dir->nlink++;
	return r;
}

static int mknod_in(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev)
{
	struct fuse_mknod_in in = {.rdev = fw_rdev(major(rdev), minor(rdev))};
	struct birth b;

	birth_of(dir, mode, &b);
	in.mode = b.mode;
	return make(dir, d, FUSE_MKNOD, &b, (struct fuse_part){&in, sizeof(in)},
		    (struct fuse_part){0}, NULL);
}

static int symlink_in(struct inode *dir, struct dentry *d, const char *target)
{
	struct birth b;

	birth_of(dir, S_IFLNK | 0777, &b);
	return make(dir, d, FUSE_SYMLINK, &b, (struct fuse_part){0},
		    (struct fuse_part){target, strlen(target) + 1}, NULL);
}

static int link_in(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *i = old->inode;
	struct fuse_link_in in = {.oldnodeid = FI(i)->nodeid};
	struct birth b = {.mode = i->mode};
	int r;

	r = make(dir, d, FUSE_LINK, &b, (struct fuse_part){&in, sizeof(in)},
		 (struct fuse_part){0}, NULL);
	fuse_mark_stale(i);
	return r;
}

static int remove_name(struct inode *dir, struct dentry *d, uint32_t opcode)
{
	struct fuse_call call = {.opcode = opcode, .nodeid = FI(dir)->nodeid,
				 .in = {{d->name, d->name_len + 1}}};
	struct inode *i = d->inode;
	uint64_t gen = fuse_dir_gen(dir);
	int r;

	r = fuse_call(fuse_conn_of(dir), &call);
	fuse_dir_changed(dir, gen);
	if (r < 0)
		return r;
	if (S_ISDIR(i->mode)) {
		i->nlink = 0;
		if (dir->nlink > 2)
			dir->nlink--;
	} else if (i->nlink) {
		i->nlink--;
	}
	fuse_mark_stale(i);
	return 0;
}

static int unlink_in(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d, FUSE_UNLINK);
}

static int rmdir_in(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d, FUSE_RMDIR);
}

static int rename_in(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
		     unsigned flags)
{
	struct fuse_rename2_in in = {.newdir = FI(ndir)->nodeid, .flags = flags};
	struct fuse_call call = {
		.opcode = FUSE_RENAME2,
		.nodeid = FI(odir)->nodeid,
		.in = {{&in, sizeof(in)}, {old->name, old->name_len + 1}, {new->name, new->name_len + 1}},
	};
	uint64_t ogen, ngen;
	int r;

	if (odir->sb != ndir->sb)
		return -EXDEV;
	ogen = fuse_dir_gen(odir);
	ngen = fuse_dir_gen(ndir);
	r = fuse_call(fuse_conn_of(odir), &call);
	fuse_dir_changed(odir, ogen);
	if (ndir != odir)
		fuse_dir_changed(ndir, ngen);
	if (r < 0)
		return r;
	fuse_mark_stale(old->inode);
	/* Its dentry moves: it is good under the new directory's generation. A directory's own ctime
	 * changed too, which costs its names one new look-up. */
	set_gen(old, ngen);
	if (new->inode) {
		if (flags & RENAME_EXCHANGE) {
			set_gen(new, ogen);
		} else if (new->inode->nlink) {
			new->inode->nlink = S_ISDIR(new->inode->mode) ? 0 : new->inode->nlink - 1;
		}
		fuse_mark_stale(new->inode);
	}
	return 0;
}

/* --- links ------------------------------------------------------------------------------------------------ */

static ssize_t readlink_of(struct inode *i, char *buf, size_t cap)
{
	char target[PATH_MAX];
	struct fuse_call call = {.opcode = FUSE_READLINK, .nodeid = FI(i)->nodeid,
				 .out = target, .out_min = 1, .out_cap = sizeof(target) - 1};
	struct fuse_inode *fi = FI(i);
	const char *t = __atomic_load_n(&fi->target, __ATOMIC_ACQUIRE);
	char *keep, *none = NULL;
	size_t len;
	int r;

	/* A link's text never changes while its inode lives. */
	if (!t) {
		r = fuse_call(fuse_conn_of(i), &call);
		if (r < 0)
			return r;
		if (memchr(target, 0, call.out_len))
			return fuse_break(fuse_conn_of(i), "a link is malformed");
		target[call.out_len] = 0;
		keep = strdup(target);
		if (keep && !__atomic_compare_exchange_n(&fi->target, &none, keep, false,
							 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			free(keep);
		t = target;
	}
	len = strlen(t);
	if (len >= cap)
		return -ENAMETOOLONG;
	memcpy(buf, t, len + 1);
	return (ssize_t)len;
}

#define COMMON_OPS                                                                                 \
	.getattr = fuse_getattr, .setattr = fuse_setattr, .getxattr = fuse_getxattr,               \
	.setxattr = fuse_setxattr, .removexattr = fuse_removexattr, .listxattr = fuse_listxattr

const struct inode_ops fuse_dir_iops = {
	COMMON_OPS,
	.lookup = lookup,
	.create = create,
	.mkdir = mkdir_in,
	.mknod = mknod_in,
	.symlink = symlink_in,
	.link = link_in,
	.unlink = unlink_in,
	.rmdir = rmdir_in,
	.rename = rename_in,
	.tmpfile = tmpfile_in,
};
const struct inode_ops fuse_file_iops = {COMMON_OPS};
const struct inode_ops fuse_special_iops = {COMMON_OPS};
const struct inode_ops fuse_link_iops = {COMMON_OPS, .readlink = readlink_of};
