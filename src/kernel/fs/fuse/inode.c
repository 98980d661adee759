/* SPDX-License-Identifier: Apache-2.0 */
/* Inodes of the FUSE client: the table by node id, attributes, extended attributes, the super. */
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include "kernel/fs/fuse/fuse_priv.h"
#include "base/hostio.h"

/* --- table ------------------------------------------------------------------------------------------------ */

static struct fuse_inode **bucket(const struct fuse_super *fs, uint64_t nodeid)
{
	return &fs->hash[(nodeid * 0x9e3779b97f4a7c15ULL >> 32) & (fs->hash_size - 1)];
}

/* Lock held. */
static void table_grow(struct fuse_super *fs)
{
	struct fuse_inode **old = fs->hash, **fresh = calloc(fs->hash_size * 2, sizeof(struct fuse_inode *));
	size_t old_size = fs->hash_size;

	if (!fresh)
		return; /* longer chains, nothing worse */
	fs->hash = fresh;
	fs->hash_size *= 2;
	for (size_t i = 0; i < old_size; i++) {
		struct fuse_inode *fi = old[i], *next;

		for (; fi; fi = next) {
			struct fuse_inode **b = bucket(fs, fi->nodeid);

			next = fi->hash_next;
			fi->hash_next = *b;
			*b = fi;
		}
	}
	free(old);
}

/* The live inode of nodeid with a reference, its look-up counted. Lock held. */
static struct inode *table_find(struct fuse_super *fs, uint64_t nodeid)
{
	for (struct fuse_inode *fi = *bucket(fs, nodeid); fi; fi = fi->hash_next) {
		if (fi->nodeid == nodeid && ref_get_unless_zero(&fi->inode->ref)) {
			fi->nlookup++;
			return fi->inode;
		}
	}
	return NULL;
}

static void set_ops(struct inode *i)
{
	switch (i->mode & S_IFMT) {
	case S_IFDIR:
		i->op = &fuse_dir_iops;
		i->fop = &fuse_dir_fops;
		break;
	case S_IFREG:
		i->op = &fuse_file_iops;
		i->fop = &fuse_file_fops;
		break;
	case S_IFLNK:
		i->op = &fuse_link_iops;
		break;
	default:
		/* Pipes, sockets and devices are the guest kernel's own: only their names are here. */
		i->op = &fuse_special_iops;
		break;
	}
}

static int inode_make(struct super *sb, const struct fuse_entry_out *e, struct inode **ret)
{
	struct fuse_inode *fi = calloc(1, sizeof(*fi));
	struct inode *i;

	if (!fi)
		return -ENOMEM;
	i = inode_new(sb, e->attr.mode);
	if (!i) {
		free(fi);
		return -ENOMEM;
	}
	fi->inode = i;
	fi->nodeid = e->nodeid;
	fi->nlookup = 1;
	fi->gen = 1;
	list_init(&fi->idle_node);
	list_init(&fi->guard_node);
	i->priv = fi;
	i->ino = e->attr.ino;
	i->rdev = makedev(fw_rdev_major(e->attr.rdev), fw_rdev_minor(e->attr.rdev));
	fuse_set_attr(i, &e->attr);
	set_ops(i);
	*ret = i;
	return 0;
}

int fuse_iget(struct super *sb, const struct fuse_entry_out *e, bool fresh, struct inode **ret)
{
	struct fuse_super *fs = FS(sb);
	struct inode *i, *made = NULL;
	int r;

	mutex_lock(fuse_lock(fs->conn));
	i = table_find(fs, e->nodeid);
	mutex_unlock(fuse_lock(fs->conn));
	if (!i) {
		r = inode_make(sb, e, &made);
		if (r < 0) {
			fuse_forget(fs->conn, e->nodeid, 1);
			return r;
		}
		mutex_lock(fuse_lock(fs->conn));
		i = table_find(fs, e->nodeid); /* made by another thread meanwhile? */
		if (!i) {
			struct fuse_inode **b = bucket(fs, e->nodeid);

			FI(made)->hash_next = *b;
			*b = FI(made);
			if (++fs->ninodes > fs->hash_size)
				table_grow(fs);
		}
		mutex_unlock(fuse_lock(fs->conn));
		if (!i) {
			*ret = made;
			return 0;
		}
		FI(made)->nlookup = 0;
		inode_put(made);
	}
	if ((__atomic_load_n(&i->mode, __ATOMIC_RELAXED) & S_IFMT) != (e->attr.mode & S_IFMT) || i->ino != e->attr.ino) {
		inode_put(i);
		return fuse_break(fs->conn, "a node changed its type");
	}
	if (fresh)
		fuse_try_set_attr(i, &e->attr);
	*ret = i;
	return 0;
}

static void evict(struct inode *i)
{
	struct fuse_inode *fi = FI(i);
	struct fuse_super *fs = FS(i->sb);

	if (!fi)
		return;
	mutex_lock(fuse_lock(fs->conn));
	for (struct fuse_inode **p = bucket(fs, fi->nodeid); *p; p = &(*p)->hash_next) {
		if (*p != fi)
			continue;
		*p = fi->hash_next;
		fs->ninodes--;
		break;
	}
	fuse_idle_remove(fs, fi);
	if (!list_empty(&fi->guard_node)) {
		list_del(&fi->guard_node);
		fs->nguards--;
	}
	mutex_unlock(fuse_lock(fs->conn));
	hostfd_put(fi->ro);
	hostfd_put(fi->rw);
	hostfd_put(fi->guard);
	fuse_look_free(fs->conn, fi->look);
	if (fi->nlookup)
		fuse_forget(fs->conn, fi->nodeid, fi->nlookup);
	free(fi->target);
	free(fi);
	i->priv = NULL;
}

/* --- attributes ------------------------------------------------------------------------------------------- */

void fuse_set_attr(struct inode *i, const struct fuse_attr *a)
{
	i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	i->uid = KUID(a->uid);
	i->gid = KGID(a->gid);
	i->nlink = a->nlink;
	i->size = a->size;
	i->atime = (struct timespec){(time_t)a->atime, (long)a->atimensec};
	i->mtime = (struct timespec){(time_t)a->mtime, (long)a->mtimensec};
	i->ctime = (struct timespec){(time_t)a->ctime, (long)a->ctimensec};
	__atomic_store_n(&FI(i)->stale, false, __ATOMIC_RELEASE);
}

void fuse_try_set_attr(struct inode *i, const struct fuse_attr *a)
{
	if (!mutex_trylock(&i->lock))
		return;
	fuse_set_attr(i, a);
	mutex_unlock(&i->lock);
}

void fuse_mark_stale(struct inode *i)
{
	__atomic_store_n(&FI(i)->stale, true, __ATOMIC_RELEASE);
}

int fuse_ask_attr(struct inode *i, struct fuse_attr *ret)
{
	_cleanup_(hostfd_putp) struct hostfd *h = NULL;
	struct fuse_attr_out out;
	struct fuse_call call = {.opcode = FUSE_GETATTR, .nodeid = FI(i)->nodeid,
				 .out = &out, .out_min = sizeof(out), .out_cap = sizeof(out)};
	struct stat st;
	int r;

	if (S_ISREG(i->mode))
		h = fuse_hostfd_have(i, false);
	if (h) {
		if (hio_fstat(h->fd, &st) < 0)
			return -errno;
		fw_attr_from_stat(&out.attr, &st);
	} else {
		r = fuse_call(fuse_conn_of(i), &call);
		if (r < 0)
			return r;
	}
	if (!fw_attr_ok(&out.attr) || (out.attr.mode & S_IFMT) != (i->mode & S_IFMT))
		return fuse_break(fuse_conn_of(i), "attributes are malformed");
	*ret = out.attr;
	return 0;
}

static void fill_stat(struct inode *i, const struct fuse_attr *a, struct kstat *ret)
{
	ret->size = a->size;
	ret->blocks = a->blocks;
	ret->nlink = a->nlink;
	ret->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	ret->uid = KUID(a->uid);
	ret->gid = KGID(a->gid);
	ret->atime = (struct timespec){(time_t)a->atime, (long)a->atimensec};
	ret->mtime = (struct timespec){(time_t)a->mtime, (long)a->mtimensec};
	ret->ctime = (struct timespec){(time_t)a->ctime, (long)a->ctimensec};
	if (a->blksize)
		ret->blksize = a->blksize;
}

int fuse_getattr(struct inode *i, struct kstat *ret)
{
	struct fuse_inode *fi = FI(i);
	struct fuse_attr a;
	int r;

	generic_getattr(i, ret);
	ret->blksize = 4096;
	ret->blocks = (ret->size + 511) / 512;
	if (FS(i->sb)->exclusive && !__atomic_load_n(&fi->stale, __ATOMIC_ACQUIRE) &&
	    !__atomic_load_n(&fi->mapped, __ATOMIC_ACQUIRE) && !S_ISDIR(i->mode))
		return 0;
	/* Directories too: their times and sizes change with each name, of ours or the host's. */
	if (S_ISDIR(i->mode) && FS(i->sb)->exclusive && !__atomic_load_n(&fi->stale, __ATOMIC_ACQUIRE) &&
	    fuse_dir_gen(i) != 0 && !__atomic_load_n(&fi->stale, __ATOMIC_ACQUIRE))
		return 0;
	r = fuse_ask_attr(i, &a);
	if (r < 0)
		return r;
	fuse_try_set_attr(i, &a);
	fill_stat(i, &a, ret);
	return 0;
}

static void fill_setattr(struct fuse_setattr_in *in, const struct iattr *a)
{
	static const struct {
		uint32_t attr, fattr;
	} map[] = {
		{ATTR_MODE, FATTR_MODE},   {ATTR_UID, FATTR_UID},
		{ATTR_GID, FATTR_GID},	   {ATTR_SIZE, FATTR_SIZE},
		{ATTR_ATIME, FATTR_ATIME}, {ATTR_ATIME_NOW, FATTR_ATIME | FATTR_ATIME_NOW},
		{ATTR_MTIME, FATTR_MTIME}, {ATTR_MTIME_NOW, FATTR_MTIME | FATTR_MTIME_NOW},
	};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (a->valid & map[i].attr)
			in->valid |= map[i].fattr;
	in->mode = a->mode & 07777;
	in->uid = a->uid.v;
	in->gid = a->gid.v;
	in->size = a->size;
	in->atime = (uint64_t)a->atime.tv_sec;
	in->atimensec = (uint32_t)a->atime.tv_nsec;
	in->mtime = (uint64_t)a->mtime.tv_sec;
	in->mtimensec = (uint32_t)a->mtime.tv_nsec;
}

int fuse_setattr(struct inode *i, const struct iattr *a)
{
	struct fuse_setattr_in in = {0};
	struct fuse_attr_out out;
	struct fuse_call call = {.opcode = FUSE_SETATTR, .nodeid = FI(i)->nodeid,
				 .in = {{&in, sizeof(in)}},
				 .out = &out, .out_min = sizeof(out), .out_cap = sizeof(out)};
	int r;

	fill_setattr(&in, a);
	/* chown and truncation clear set-id bits; the host's gofer has CAP_FSETID, so do it here. */
	if ((a->valid & ATTR_KILL_PRIV) && !(a->valid & ATTR_MODE) && S_ISREG(i->mode)) {
		mode_t m = i->mode & 07777 & ~(mode_t)S_ISUID;

		if (m & S_IXGRP)
			m &= ~(mode_t)S_ISGID;
		if (m != (i->mode & 07777)) {
			in.valid |= FATTR_MODE;
			in.mode = m;
		}
	}
	if ((in.valid & FATTR_SIZE) && S_ISREG(i->mode)) {
		/* By descriptor: works for files without a name too. */
		_cleanup_(hostfd_putp) struct hostfd *h = fuse_hostfd_have(i, true);

		if (h) {
			if (ftruncate(h->fd, (off_t)a->size) < 0)
				return -errno;
			in.valid &= ~(uint32_t)FATTR_SIZE;
			i->size = a->size;
			fuse_mark_stale(i);
		}
	}
	if (!in.valid)
		return 0;
	r = fuse_call(fuse_conn_of(i), &call);
	if (r < 0) {
		fuse_mark_stale(i);
		return r;
	}
	if (!fw_attr_ok(&out.attr))
		return fuse_break(fuse_conn_of(i), "attributes are malformed");
	fuse_set_attr(i, &out.attr);
	return 0;
}

/* --- extended attributes ---------------------------------------------------------------------------------- */

/* The reply to both readers: n bytes copied to buf, or only their number when cap is 0. */
static ssize_t read_value(struct inode *i, uint32_t opcode, const char *name, void *buf, size_t cap)
{
	struct fuse_getxattr_in in = {.size = (uint32_t)MIN(cap, (size_t)FW_VALUE_MAX)};
	struct fuse_getxattr_out size;
	struct fuse_call call = {
		.opcode = opcode,
		.nodeid = FI(i)->nodeid,
		.in = {{&in, sizeof(in)}, {name, name ? strlen(name) + 1 : 0}},
		.out = in.size ? buf : &size,
		.out_min = in.size ? 0 : sizeof(size),
		.out_cap = in.size ? in.size : sizeof(size),
	};
	int r;

	r = fuse_call(fuse_conn_of(i), &call);
	if (r < 0)
		return r;
	if (in.size)
		return (ssize_t)call.out_len;
	return size.size <= FW_VALUE_MAX ? (ssize_t)size.size : -E2BIG;
}

ssize_t fuse_getxattr(struct inode *i, const char *name, void *buf, size_t cap)
{
	/* Known without asking: ls and cp ask for labels and access lists of every file. */
	if (!fw_xattr_ok(name))
		return -EOPNOTSUPP;
	return read_value(i, FUSE_GETXATTR, name, buf, cap);
}

ssize_t fuse_listxattr(struct inode *i, char *buf, size_t cap)
{
	ssize_t n = read_value(i, FUSE_LISTXATTR, NULL, buf, cap);

	/* A list of NUL-terminated names, or it is none. */
	if (n > 0 && cap && buf[n - 1] != 0)
		return fuse_break(fuse_conn_of(i), "a list of attributes is malformed");
	return n;
}

int fuse_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags)
{
	struct fuse_setxattr_in in = {.size = (uint32_t)n, .flags = (uint32_t)flags};
	struct fuse_call call = {.opcode = FUSE_SETXATTR, .nodeid = FI(i)->nodeid,
				 .in = {{&in, sizeof(in)}, {name, strlen(name) + 1}, {v, n}}};

	if (!fw_xattr_ok(name))
		return -EOPNOTSUPP;
	if (n > FW_VALUE_MAX)
		return -E2BIG;
	fuse_mark_stale(i);
	return fuse_call(fuse_conn_of(i), &call);
}

int fuse_removexattr(struct inode *i, const char *name)
{
	struct fuse_call call = {.opcode = FUSE_REMOVEXATTR, .nodeid = FI(i)->nodeid,
				 .in = {{name, strlen(name) + 1}}};

	if (!fw_xattr_ok(name))
		return -EOPNOTSUPP;
	fuse_mark_stale(i);
	return fuse_call(fuse_conn_of(i), &call);
}

/* --- super ------------------------------------------------------------------------------------------------ */

static int fuse_statfs(struct super *sb, struct statfs *ret)
{
	struct fuse_statfs_out out;
	struct fuse_call call = {.opcode = FUSE_STATFS,
				 .nodeid = FI(sb->root->inode)->nodeid,
				 .out = &out, .out_min = sizeof(out), .out_cap = sizeof(out)};
	int r;

	r = fuse_call(FS(sb)->conn, &call);
	if (r < 0)
		return r;
	*ret = (struct statfs){
		.f_type = (__typeof__(ret->f_type))sb->magic,
		.f_bsize = out.st.bsize,
		.f_blocks = out.st.blocks,
		.f_bfree = out.st.bfree,
		.f_bavail = out.st.bavail,
		.f_files = out.st.files,
		.f_ffree = out.st.ffree,
		.f_namelen = NAME_MAX,
		.f_frsize = out.st.frsize,
	};
	return 0;
}

static void fuse_kill(struct super *sb)
{
	struct fuse_super *fs = FS(sb);

	if (!fs)
		return;
	sb->priv = NULL;
	fuse_conn_put(fs->conn);
	free(fs->hash);
	free(fs);
}

static const struct super_ops fuse_super_ops = {
	.handles = true,
	.evict = evict,
	.statfs = fuse_statfs,
	.kill = fuse_kill,
};

/* Only the kernel makes these: the guest's mount(2) cannot name a gofer's export. */
static int get_super_refused(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	return -EPERM;
}

static const struct fs_type fuse_type = {
	.name = "fuse",
	.flags = FS_NODEV | FS_INTERNAL,
	.get_super = get_super_refused,
};

static struct fuse_super *super_priv_new(struct fuse_conn *conn, bool exclusive)
{
	struct fuse_super *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	fs->hash_size = 64;
	fs->hash = calloc(fs->hash_size, sizeof(struct fuse_inode *));
	if (!fs->hash) {
		free(fs);
		return NULL;
	}
	fs->conn = fuse_conn_get(conn);
	fs->exclusive = exclusive;
	list_init(&fs->guards);
	list_init(&fs->idle);
	return fs;
}

/* The root inode of the export: its node was made by the gofer at start. */
static int root_inode(struct super *sb, unsigned export_index, struct inode **ret)
{
	struct fuse_attr_out out;
	struct fuse_entry_out e = {.nodeid = (uint64_t)export_index + 1};
	struct fuse_call call = {.opcode = FUSE_GETATTR, .nodeid = e.nodeid,
				 .out = &out, .out_min = sizeof(out), .out_cap = sizeof(out)};
	int r;

	r = fuse_call(FS(sb)->conn, &call);
	if (r < 0)
		return r;
	e.attr = out.attr;
	if (!fw_entry_ok(&e) || (!S_ISDIR(e.attr.mode) && !S_ISREG(e.attr.mode)))
		return fuse_break(FS(sb)->conn, "an export is neither a directory nor a file");
	return fuse_iget(sb, &e, true, ret);
}

int fuse_super_new(struct fuse_conn *conn, unsigned export_index, bool exclusive, unsigned flags,
		   const char *source, struct super **ret)
{
	struct super *sb;
	struct inode *root;
	int r;

	if (export_index >= FW_EXPORT_MAX)
		return -EINVAL;
	sb = super_new(&fuse_type, &fuse_super_ops, FUSE_SUPER_MAGIC);
	if (!sb)
		return -ENOMEM;
	sb->flags = flags;
	sb->time_gran = 1;
	sb->priv = super_priv_new(conn, exclusive);
	free(sb->source);
	sb->source = strdup(source ? source : "none");
	r = sb->priv && sb->source ? root_inode(sb, export_index, &root) : -ENOMEM;
	if (r == 0) {
		sb->root = dentry_make_root(sb, root);
		if (!sb->root) /* the inode's reference went with the failed dentry */
			r = -ENOMEM;
	}
	if (r < 0) {
		super_put(sb);
		return r;
	}
	sb->root->op = &fuse_dentry_ops;
	*ret = sb;
	return 0;
}
