/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the FUSE client. conn.c: the wire; inode.c: inodes, attributes, the super; dir.c: names;
 * readdir.c: listings; file.c: open files. */
#ifndef NACRE_KERNEL_FS_FUSE_PRIV_H
#define NACRE_KERNEL_FS_FUSE_PRIV_H

#include "kernel/fs/fuse/fuse.h"
#include "kernel/hostfd.h"
#include "kernel/vfs/vfs.h"
#include "proto/fuse_wire.h"

/* --- wire ------------------------------------------------------------------------------------------- */

struct fuse_part {
	const void *p;
	size_t n;
};
/* One request. The reply's body goes to out: at least out_min bytes, at most out_cap, out_len is set. */
struct fuse_call {
	uint32_t opcode;
	uint64_t nodeid;
	uint32_t uid, gid; /* owner of what is made */
	struct fuse_part in[3];
	void *out;
	size_t out_min, out_cap, out_len;
	int *ret_fd; /* non-NULL: the reply must carry a descriptor */
};

/* Sends and waits, killable. Returns 0, the gofer's errno, -EIO when it is gone or talks nonsense,
 * -ERESTARTSYS when the task was killed meanwhile. No lock but inode locks may be held. */
int fuse_call(struct fuse_conn *c, struct fuse_call *call) __must_check;
/* Sends without expecting a reply; losing it is harmless. */
void fuse_cast(struct fuse_conn *c, uint32_t opcode, uint64_t nodeid, const void *body, size_t n);
/* The client lets go of nlookup references of nodeid. Never blocks; sent with a later request. */
void fuse_forget(struct fuse_conn *c, uint64_t nodeid, uint64_t nlookup);
/* The gofer broke a rule: everything fails with EIO from now on. Returns -EIO. */
int fuse_break(struct fuse_conn *c, const char *why);
/* Guards the inode tables and descriptor lists of every super of c (RANK_HOSTFD, so no hostfd_* call
 * may be made while it is held). */
struct mutex *fuse_lock(struct fuse_conn *c);

/* --- inodes ----------------------------------------------------------------------------------------- */

#define FUSE_IDLE_MAX 256  /* descriptors of inodes that nobody has open, per super */
#define FUSE_GUARD_MAX 512 /* directory descriptors per super */

struct fuse_super {
	struct fuse_conn *conn;
	bool exclusive;
	struct fuse_inode **hash GUARDED_BY(fuse_lock);
	size_t hash_size, ninodes GUARDED_BY(fuse_lock);
	/* Directories with a guard, and inodes with an idle descriptor; oldest last. */
	struct list_head guards, idle GUARDED_BY(fuse_lock);
	unsigned nguards, nidle GUARDED_BY(fuse_lock);
	/* Of the names listed lately: how many there were, and how many were looked up afterwards. */
	unsigned names_listed, names_used GUARDED_BY(fuse_lock);
};

struct fuse_look; /* readdir.c: entries of a listing waiting to be looked up */

struct fuse_inode {
	struct inode *inode;
	uint64_t nodeid; /* constant */
	uint64_t nlookup GUARDED_BY(fuse_lock);
	struct fuse_inode *hash_next GUARDED_BY(fuse_lock);
	bool stale;	 /* atomic: attributes must be asked for again */
	bool mapped;	 /* atomic: a writable descriptor was given away for mapping */
	/* Regular files. */
	struct hostfd *ro, *rw GUARDED_BY(fuse_lock);
	unsigned nopen, nwrite GUARDED_BY(fuse_lock);
	struct list_head idle_node GUARDED_BY(fuse_lock);
	/* Directories: cached names are good for generation gen, which holds while the directory's
	 * ctime is guard_ctime. */
	struct hostfd *guard GUARDED_BY(fuse_lock);
	struct list_head guard_node GUARDED_BY(fuse_lock);
	uint64_t gen GUARDED_BY(fuse_lock);
	struct timespec guard_ctime GUARDED_BY(fuse_lock);
	uint64_t guard_tick GUARDED_BY(fuse_lock); /* when the guard was last asked, by the host's coarse clock; 0: never */
	struct fuse_look *look GUARDED_BY(fuse_lock);
	bool listed GUARDED_BY(fuse_lock); /* its names count as listed */
	char *target; /* atomic, set once: a symbolic link's text */
};

static inline struct fuse_inode *FI(const struct inode *i)
{
	return i->priv;
}
static inline struct fuse_super *FS(const struct super *sb)
{
	return sb->priv;
}
static inline struct fuse_conn *fuse_conn_of(const struct inode *i)
{
	return FS(i->sb)->conn;
}

/* The inode of a checked entry: the one known by its node id, or a new one. Counts the look-up; on
 * failure it is given back. fresh: the entry was asked for just now, so a known inode takes its
 * attributes over. */
int fuse_iget(struct super *sb, const struct fuse_entry_out *e, bool fresh, struct inode **ret)
	__must_check;
/* Takes attributes over. Inode lock held, or the inode is new. */
void fuse_set_attr(struct inode *i, const struct fuse_attr *a) REQUIRES(i->lock);
/* The same when the lock happens to be free; whoever holds it marks the inode stale or sets them. */
void fuse_try_set_attr(struct inode *i, const struct fuse_attr *a);
void fuse_mark_stale(struct inode *i);
/* Attributes from the descriptor if there is one, else from the gofer. */
int fuse_ask_attr(struct inode *i, struct fuse_attr *ret) __must_check;
int fuse_getattr(struct inode *i, struct kstat *ret);
int fuse_setattr(struct inode *i, const struct iattr *a);
ssize_t fuse_getxattr(struct inode *i, const char *name, void *buf, size_t cap);
int fuse_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags);
int fuse_removexattr(struct inode *i, const char *name);
ssize_t fuse_listxattr(struct inode *i, char *buf, size_t cap);

/* --- directories ------------------------------------------------------------------------------------ */

extern const struct inode_ops fuse_dir_iops, fuse_file_iops, fuse_link_iops, fuse_special_iops;
extern const struct file_ops fuse_dir_fops, fuse_file_fops;
extern const struct dentry_ops fuse_dentry_ops;

/* Generation for which the names of exclusive directory dir are good now: one fstat of its guard.
 * 0: not known (shared, or no descriptor to be had): names must be asked for. */
uint64_t fuse_dir_gen(struct inode *dir);
/* After a change of dir of our own: its new ctime is not somebody else's doing. gen: what
 * fuse_dir_gen() said before it. */
void fuse_dir_changed(struct inode *dir, uint64_t gen);
/* A listing's entry for name, if one waits for that generation: the entry and its look-up count are the
 * caller's. */
bool fuse_look_take(struct inode *dir, uint64_t gen, const char *name, size_t len,
		    struct fuse_entry_out *ret);
/* Frees what waits; its nodes are forgotten. No lock held; harmless with NULL. */
void fuse_look_free(struct fuse_conn *c, struct fuse_look *l);

/* --- descriptors ------------------------------------------------------------------------------------ */

/* The inode's descriptor, opened if there is none; a reference. */
int fuse_hostfd(struct inode *i, bool writable, struct hostfd **ret) __must_check;
/* One that is already there, or NULL. */
struct hostfd *fuse_hostfd_have(struct inode *i, bool writable);
/* A descriptor that came with CREATE (taken over in every case). */
int fuse_hostfd_give(struct inode *i, int fd) __must_check;
/* Takes fi off the list of idle descriptors. Lock held; the caller puts the descriptor. */
void fuse_idle_remove(struct fuse_super *fs, struct fuse_inode *fi);

#endif
